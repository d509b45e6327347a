//! Ctrl-C and SIGTERM as an answer instead of an end: whoever waits asks, returns, and its processes end with their values.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use anyhow::{Result, bail};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

static ASKED_TO_STOP: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// From now on a signal to stop is only noted.
pub(crate) fn listen() -> Result<()> {
    let flag = ASKED_TO_STOP.get_or_init(Arc::default);
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(flag))?;
    }
    Ok(())
}

/// Whether a signal came.
pub(crate) fn came() -> bool {
    ASKED_TO_STOP.get().is_some_and(|f| f.load(Ordering::Relaxed))
}

/// `Ok` while no signal came.
pub(crate) fn check() -> Result<()> {
    if came() {
        bail!("stopped by a signal; everything that was started has been ended");
    }
    Ok(())
}
