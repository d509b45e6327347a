//! Records on this machine.
//!
//! | adapter | promise |
//! | --- | --- |
//! | `sled` | an answered write survives `kill -9` and a power cut |
//! | `memory` | nothing survives the process: tests and trials |

pub mod memory;
pub mod sled;

use std::path::Path;
use std::sync::Arc;

use domain::PortError;
use domain::ports::Stores;

use self::memory::MemoryRecords;
use self::sled::SledRecords;

/// All record stores in `dir`, created if absent.
pub fn sled_stores(dir: &Path) -> Result<Stores, PortError> {
    let store = durable::Store::open(dir, durable::Options::for_records()).map_err(|e| PortError::lasting("records", e))?;
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
    }
}
