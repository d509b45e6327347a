//! Vocabulary, rules and ports of the cloud side. Names no cloud, no socket, no clock, no environment variable.
//!
//! | file | holds |
//! | --- | --- |
//! | `registry` | a registry, its routes and its rules |
//! | `device` | a device, its credentials and their rules |
//! | `certificate` | what stands in a CA certificate |
//! | `config`, `state` | the ten versions kept of each, and how they move |
//! | `command` | commands that wait for a device: their states, their queue, who may send what |
//! | `broadcast` | one command to many devices, step by step |
//! | `status` | last-seen times and `lastErrorStatus`, written seldom |
//! | `identity` | a JWT and a record become a [`identity::VerifiedDevice`], or a refusal that says why |
//! | `token` | what a device's access token is asked and answered with |
//! | `gateway` | which devices a gateway may speak for, and what it must show |
//! | `iam` | who may do what with a registry: roles, members, policies |
//! | `issued_token` | what is remembered of an access token, so that our own routes take it |
//! | `objects` | files of devices: names, and the rules of who may touch them |
//! | `ports` | what the cloud side needs from outside, one screen |

pub mod broadcast;
pub mod certificate;
pub mod command;
pub mod config;
pub mod credential;
pub mod device;
pub mod error;
pub mod gateway;
pub mod iam;
pub mod identity;
pub mod issued_token;
pub mod message;
pub mod objects;
pub mod p256;
pub mod ports;
pub mod registry;
pub mod state;
pub mod status;
pub mod time;
pub mod token;

mod base64_bytes;

pub use certificate::CertificateDetails;
pub use credential::{DeviceCredential, PublicKey, PublicKeyFormat};
pub use device::{Device, DeviceKey};
pub use error::{DomainError, PortError};
pub use identity::{Refusal, VerifiedDevice};
pub use issued_token::IssuedToken;
pub use message::{Attributes, Message};
pub use registry::{Registry, Route};
pub use time::Timestamp;
