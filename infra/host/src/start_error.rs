//! Why nothing was started.

use std::io;
use std::path::{Path, PathBuf};

use infra_local::certificate_authority::CertificateError;

use crate::connect::ConnectError;
use crate::mount::Lacks;
use crate::serve::ListenError;
use crate::tls::TlsError;
use crate::tokens::TokenConfigError;

/// Why nothing was started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address could not be bound.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// A port could not be connected.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A function lacks what it works with.
    #[error(transparent)]
    Lacks(#[from] Lacks),
    /// The token service cannot work.
    #[error(transparent)]
    Tokens(#[from] TokenConfigError),
    /// The certificate cannot be served.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The local authority failed.
    #[error(transparent)]
    Authority(#[from] CertificateError),
    /// The ready file, or one in the data folder, could not be read or written.
    #[error("{path}: {source}", path = .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl StartError {
    /// What a failure at `path` becomes.
    pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }

    /// Whether another value of a flag or variable would help: then the exit code is 64.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Connect(e) => e.is_usage(),
            Self::Lacks(_) | Self::Tokens(_) | Self::Tls(_) => true,
            Self::Listen(_) | Self::Authority(_) | Self::File { .. } => false,
        }
    }
}
