//! The connections of a ledger, and what the server refuses over them.

use tokio::sync::mpsc;

use super::{Error, Settings};
use crate::nats::{self, Connection, Denied};
use crate::write_thread::WriteThread;

/// The connections of a ledger.
pub(super) struct Connections {
    /// What is written goes out here.
    pub(super) commands: async_nats::Client,
    pub(super) reconnects: mpsc::Receiver<()>,
    /// Commands come in and answers go out here.
    pub(super) answers: async_nats::Client,
    /// What is read comes over one of its own, so that it does not delay what is written.
    pub(super) client: async_nats::Client,
    pub(super) denied: AnyDenied,
}

/// What the server refuses the ledger or its doors.
#[derive(Debug, Clone)]
pub(super) struct AnyDenied {
    ledger: Denied,
    reading: Denied,
    doors: Denied,
}

impl AnyDenied {
    pub(super) async fn first(&self) -> nats::Error {
        let (who, what) = tokio::select! {
            what = self.ledger.first() => ("the ledger's user", what),
            what = self.reading.first() => ("the ledger's user", what),
            what = self.doors.first() => ("the user of the doors", what),
        };
        nats::Error::Denied { who, what }
    }
}

impl Connections {
    pub(super) async fn make(
        writing: &WriteThread,
        server: &nats::Options,
        settings: &Settings,
    ) -> Result<Connections, Error> {
        let mine = server.clone();
        let connecting = writing.run(async move { mine.connect("seatledger").await });
        let Connection { client: commands, reconnects, denied: ledger } =
            connecting.await.map_err(Error::Thread)??;
        if settings.doors.is_none() {
            tracing::warn!(
                "answers to commands go out with the ledger's own rights: give the doors a user of \
                 their own that may publish to _INBOX.> and outcomes only (--nats-doors-user and \
                 its kin; docs/operating.md, Users and permissions)"
            );
        }
        let doors = settings.doors.clone().unwrap_or_else(|| server.clone());
        let connecting = writing.run(async move { doors.connect("seatledger doors").await });
        let Connection { client: answers, denied: doors, .. } =
            connecting.await.map_err(Error::Thread)??;
        let Connection { client, denied: reading, .. } = server.connect("seatledger read").await?;
        let denied = AnyDenied { ledger, reading, doors };
        Ok(Connections { commands, reconnects, answers, client, denied })
    }
}
