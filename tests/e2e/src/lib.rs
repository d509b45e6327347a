//! # End to end
//!
//! Real shim, real bridge, real emulators, and a line that breaks. Here is what the tests share: a [`Scene`] to play in,
//! [`Sensors`] that hand readings to the shim, [`PubSub`] to read Google's emulator, and a [`Ledger`] that judges what
//! arrived.
//!
//! Started by `cargo xtask test`, which builds the programs and starts the emulator.

mod federation;
mod installation;
mod lambda;
mod ledger;
mod paho;
mod paho_session;
mod play;
mod pubsub;
mod readme;
mod scene;
mod sensors;
pub mod sentences;
pub mod terraform;
mod tls_proxy;
mod token;

pub use federation::Federation;
pub use installation::Installation;
pub use lambda::{AwsAccount, LambdaFunction};
pub use ledger::{Arrival, Ledger};
pub use paho::{Paho, PahoOptions};
pub use paho_session::PahoSession;
pub use play::{Play, judge};
pub use pubsub::PubSub;
pub use readme::{Terminal, wait_for};
pub use scene::{Scene, run_named, setting, wait_until};
pub use sensors::Sensors;
pub use tls_proxy::TlsProxy;
pub use token::device_token;

/// Publishes that the shim may have under way: also the most duplicates after one cut, and after one `kill -9` of the shim.
pub const WINDOW: u64 = 100;
