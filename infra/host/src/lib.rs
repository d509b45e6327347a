//! What runs, with what, where.
//!
//! | question | file |
//! | --- | --- |
//! | with what | `connect`: one URL per port becomes an adapter |
//! | | `tokens`: the token service, by Google or by the stand-in for it |
//! | what runs | `mount`: the chosen functions' routes become one HTTP service |
//! | where | `serve`: addresses of this machine; `grpc`: the registry's API there over gRPC too |
//! | | `function`: one process of an installation, told by `config` |
//! | | `lambda`: the same on AWS Lambda |
//! | | `up`: everything in one process on a laptop or a small server |
//! | | `signals`: what it is told; `supervision`: what systemd hears of it |

mod admin;
pub mod config;
pub mod connect;
#[cfg(feature = "full")]
pub mod function;
#[cfg(feature = "full")]
mod grpc;
pub mod lambda;
pub mod left_out;
#[cfg(feature = "full")]
pub mod local_stack;
pub mod logs;
#[cfg(feature = "full")]
pub mod metrics;
pub mod mount;
#[cfg(feature = "full")]
mod ready_file;
#[cfg(feature = "full")]
pub mod secret;
#[cfg(feature = "full")]
pub mod serve;
#[cfg(feature = "full")]
pub mod signals;
#[cfg(feature = "full")]
mod start_check;
#[cfg(feature = "full")]
mod start_error;
#[cfg(feature = "full")]
mod supervision;
#[cfg(feature = "full")]
pub mod tls;
pub mod tokens;
#[cfg(feature = "full")]
pub mod up;

pub use connect::{ConnectError, Ports};
#[cfg(feature = "full")]
pub use start_error::StartError;
#[cfg(feature = "full")]
pub use up::{Config, Running};

pub use domain::token::ServiceAccount;
pub use infra_gcp::Ordering as PubSubOrdering;
pub use protocol::{ProjectId, TopicName, pkcs8_of_sec1};
pub use token_exchange::{Impersonation, IssuerUrl};

/// The adapters of one machine, for the command line.
#[cfg(feature = "full")]
pub mod local {
    pub use infra_local::security_token_service::ServiceAccounts;
    pub use infra_local::topic_log::{Entry, TopicReader};
}

/// Folder of devices' files in the data folder.
pub const OBJECTS_FOLDER: &str = "objects";

/// Folder of the topic log in the data folder.
pub const TOPICS_FOLDER: &str = "topics";
