//! Keeps every acknowledged reading until the cloud has it.
//!
//! ```text
//! accept ──► spool ──► drain ──► link ──► the cloud
//!    ▲                             │
//!    └───────── downlink ◄─────────┘
//! ```

pub mod accept;
pub mod access_token;
pub mod backoff;
pub mod cli;
pub mod clock;
pub mod config;
pub mod doctor;
pub mod downlink;
pub mod download;
pub mod drain;
pub mod identity;
pub mod keygen;
pub mod link;
pub mod metadata;
pub mod run;
pub mod send;
pub mod spool;
pub mod status;
pub mod upload;

mod files;
