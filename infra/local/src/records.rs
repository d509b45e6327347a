//! Records on this machine.
//!
//! | adapter | promise |
//! | --- | --- |
//! | `sled` | an answered write survives `kill -9` and a power cut |
//! | `memory` | nothing survives the process: tests and trials |

pub mod memory;
#[cfg(feature = "full")]
pub mod sled;

use std::sync::Arc;

use domain::ports::{Expect, Stores};

use self::memory::MemoryRecords;
#[cfg(feature = "full")]
use self::sled::SledRecords;

/// All record stores in `dir`, created if absent.
#[cfg(feature = "full")]
pub fn sled_stores(dir: &std::path::Path) -> Result<Stores, domain::PortError> {
    let store = durable::Store::open(dir, durable::Options::for_records()).map_err(|e| domain::PortError::lasting("records", e))?;
    let versions = Arc::new(self::sled::Versions::open(&store)?);
    let open = |name| self::sled::Trees::open(&store, name, &versions);
    Ok(Stores {
        registries: Arc::new(SledRecords::new(open("registries")?)),
        devices: Arc::new(SledRecords::new(open("devices")?)),
        device_numbers: Arc::new(SledRecords::new(open("device-numbers")?)),
        configs: Arc::new(SledRecords::new(open("configs")?)),
        states: Arc::new(SledRecords::new(open("states")?)),
        statuses: Arc::new(SledRecords::new(open("statuses")?)),
        commands: Arc::new(SledRecords::new(open("commands")?)),
        broadcasts: Arc::new(SledRecords::new(open("broadcasts")?)),
        bindings: Arc::new(SledRecords::new(open("bindings")?)),
        issued_tokens: Arc::new(SledRecords::new(open("issued-tokens")?)),
        policies: Arc::new(SledRecords::new(open("policies")?)),
    })
}

/// All record stores in memory.
pub fn memory_stores() -> Stores {
    Stores {
        registries: Arc::new(MemoryRecords::default()),
        devices: Arc::new(MemoryRecords::default()),
        device_numbers: Arc::new(MemoryRecords::default()),
        configs: Arc::new(MemoryRecords::default()),
        states: Arc::new(MemoryRecords::default()),
        statuses: Arc::new(MemoryRecords::default()),
        commands: Arc::new(MemoryRecords::default()),
        broadcasts: Arc::new(MemoryRecords::default()),
        bindings: Arc::new(MemoryRecords::default()),
        issued_tokens: Arc::new(MemoryRecords::default()),
        policies: Arc::new(MemoryRecords::default()),
    }
}

/// Whether a record at `version` (absent: `None`) is as a write expects it.
fn is_as(version: Option<u64>, expect: Expect) -> bool {
    match expect {
        Expect::Anything => true,
        Expect::Absent => version.is_none(),
        Expect::Version(v) => version == Some(v),
    }
}
