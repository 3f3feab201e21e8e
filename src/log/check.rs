//! Is the log what it was? Its settings, and its history against what is known outside of it.

use async_nats::jetstream::stream::Info;

use super::{ATTEMPTS, Damage, Error, Head, Known, Log, find, settings};
use crate::journal::Journal;

impl Log {
    /// Checks that settings and history are what they were: after a reconnect and every minute. A
    /// start does so too.
    pub async fn check(&self, known: Option<&Known>) -> Result<Head, Error> {
        self.check_within(known, ATTEMPTS).await
    }

    pub(super) async fn check_within(
        &self,
        known: Option<&Known>,
        attempts: u32,
    ) -> Result<Head, Error> {
        self.settled(|| self.check_once(known, attempts)).await
    }

    async fn check_once(&self, known: Option<&Known>, attempts: u32) -> Result<Head, Error> {
        let info = match find(&self.jetstream, &self.settings.stream(), attempts).await? {
            Some(info) => info,
            None => {
                let known = known.map_or(0, |it| it.sequence);
                return Err(Damage::Missing { stream: self.settings.stream(), known }.into());
            }
        };
        let wrong = settings::wrong_settings(&self.settings, &info.config);
        if !wrong.is_empty() {
            return Err(Error::Settings { stream: info.config.name, wrong });
        }
        let (first, last) = (info.state.first_sequence, info.state.last_sequence);
        if last > 0 && first != 1 {
            return Err(Damage::Beheaded { first }.into());
        }
        if let Some(known) = known {
            self.check_known(known, &info).await?;
        }
        Ok(Head { last, bytes: info.state.bytes, max_bytes: info.config.max_bytes })
    }

    /// Whether the log holds what the journal has, which may be newer than the anchor.
    pub(super) async fn check_journal(&self) -> Result<(), Error> {
        let Some(known) = self.journal().and_then(Journal::last) else { return Ok(()) };
        let look = || async {
            match self.head().await?.last {
                last if last < known => Err(Error::Damaged(Damage::WentBack { known, last })),
                _ => Ok(()),
            }
        };
        self.settled(look).await
    }

    async fn check_known(&self, known: &Known, info: &Info) -> Result<(), Error> {
        let created = info.created.to_rfc3339();
        let last = info.state.last_sequence;
        if known.created != created {
            // A stream restored from a backup has the same history and another time of creation.
            // What stands at the anchor's sequence says which it is.
            let same = self.position_once(known.sequence, known.hash).await;
            return match same {
                Ok(_) => {
                    tracing::warn!(known = %known.created, %created, "the stream was made again and holds the same history");
                    Ok(())
                }
                Err(Error::Damaged(_)) => {
                    let stream = info.config.name.clone();
                    let known = known.created.clone();
                    Err(Damage::Replaced { stream, created, known }.into())
                }
                Err(error) => Err(error),
            };
        }
        if known.sequence > last {
            return Err(Damage::WentBack { known: known.sequence, last }.into());
        }
        self.position_once(known.sequence, known.hash).await.map(|_| ())
    }
}
