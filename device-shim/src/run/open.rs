//! The shim's folder and the spool.

use std::io;

use super::{OpenSpool, RunError};
use crate::config::{Config, FullPolicy, SpoolKind};
use crate::spool::memory::MemorySpool;
use crate::spool::sled::{self, SledOptions, SledSpool};
use crate::spool::{Spool, SpoolError, Writer, WriterOptions};

/// Makes the shim's own folder, and takes away the ready file of an earlier start.
pub(super) fn folders(config: &Config) -> Result<(), RunError> {
    std::fs::create_dir_all(&config.data_dir).map_err(in_data_dir(config))?;
    let Some(path) = &config.ready_file else { return Ok(()) };
    match std::fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(RunError::File { what: "the ready file (`ready_file`)", path: path.clone(), source })
        }
        _ => Ok(()),
    }
}

/// Says which folder an error is about.
pub(super) fn in_data_dir(config: &Config) -> impl FnOnce(io::Error) -> RunError {
    let path = config.data_dir.clone();
    move |source| RunError::File { what: "the folder (`data_dir`)", path, source }
}

/// Opens the spool and starts its thread.
pub(super) async fn spool(config: &Config) -> Result<OpenSpool, RunError> {
    let dir = config.spool.dir.clone();
    let failed = |source| RunError::Spool { dir, source };
    let wanted = config.spool.clone();
    let opened = tokio::task::spawn_blocking(move || open(&wanted)).await;
    let spool = match opened.map_err(|error| SpoolError::Storage(error.to_string())) {
        Ok(Ok(spool)) => spool,
        Ok(Err(error)) | Err(error) => return Err(failed(error)),
    };
    // Half a window of acknowledgements is saved while the other half is under way.
    let ack_every = (config.link.window as u64).div_ceil(2);
    let options = WriterOptions { ack_every, ..WriterOptions::default() };
    let started = Writer::start(spool, options).map_err(SpoolError::from);
    let (writer, thread) = match started {
        Ok(started) => started,
        Err(error) => return Err(failed(error)),
    };
    let boot = writer.stats().await.map_err(failed)?.boot;
    Ok((writer, thread, boot))
}

fn open(config: &crate::config::SpoolConfig) -> Result<Box<dyn Spool>, SpoolError> {
    if config.kind == SpoolKind::Memory {
        return Ok(Box::new(match config.policy {
            FullPolicy::Reject => MemorySpool::with_quota(config.max_bytes),
            FullPolicy::DropOldest => MemorySpool::new(),
        }));
    }
    let options = SledOptions {
        generation_bytes: config.generation_bytes,
        quota_bytes: config.max_bytes,
        when_full: match config.policy {
            FullPolicy::DropOldest => sled::FullPolicy::DropOldestGeneration,
            FullPolicy::Reject => sled::FullPolicy::RejectNew,
        },
        ..SledOptions::default()
    };
    Ok(Box::new(SledSpool::open(&config.dir, options)?))
}
