//! Why a ledger does not start.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::{anchor, journal, log, nats};

impl Error {
    /// Whether it may be otherwise in a moment: a server that is not there yet, or has no leader yet.
    pub fn passes(&self) -> bool {
        match self {
            Error::Nats(error) => error.passes(),
            Error::Log(log::Error::Unavailable(_)) => true,
            Error::Log(
                log::Error::Damaged(_)
                | log::Error::Settings { .. }
                | log::Error::NoJetStream(_)
                | log::Error::Offline { .. }
                | log::Error::Missing(_)
                | log::Error::Create { .. },
            )
            | Error::Dir { .. }
            | Error::Locked(_)
            | Error::NotLoopback(_)
            | Error::Listen { .. }
            | Error::NotDurable(_)
            | Error::Anchor(_)
            | Error::Journal(_)
            | Error::ReadModel(_)
            | Error::Thread(_)
            | Error::Service(_) => false,
        }
    }
}

/// Why a ledger does not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The directory cannot be used.
    #[error("the directory {dir} cannot be used: {source}")]
    Dir {
        /// Which one.
        dir: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Another process uses the directory.
    #[error("another seatledger runs in {0}: use another --dir, or stop it")]
    Locked(PathBuf),
    /// HTTP would be open to others, without keys.
    #[error(
        "{0} is not a loopback address: without keys everybody could do everything; use \
         --keys required, or 127.0.0.1 or [::1]"
    )]
    NotLoopback(SocketAddr),
    /// The port is taken.
    #[error("HTTP cannot listen at {http}: {source}; use another --http")]
    Listen {
        /// Where.
        http: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// The server loses what it acknowledged when the power goes.
    #[error(
        "the NATS server acknowledges before it writes to disk (sync_always is not set in \
         {0}/varz), so a power cut would lose accepted commands: set `sync_interval: always` in its \
         jetstream block, or give --accept-loss-on-power-cut"
    )]
    NotDurable(String),
    /// The anchor cannot be used.
    #[error(transparent)]
    Anchor(#[from] anchor::Error),
    /// The journal cannot be used.
    #[error("{0}; --no-journal starts without it")]
    Journal(#[from] journal::Error),
    /// The log cannot be used.
    #[error(transparent)]
    Log(#[from] log::Error),
    /// A read model cannot be used.
    #[error("{0}; its file can be deleted, the next start builds it again")]
    ReadModel(#[from] projections::Error),
    /// NATS cannot be reached or used.
    #[error(transparent)]
    Nats(#[from] nats::Error),
    /// The thread of the write path does not run.
    #[error("a thread cannot be started: {0}")]
    Thread(#[source] std::io::Error),
    /// NATS does not take the service.
    #[error("the NATS service cannot be started: {0}")]
    Service(String),
}
