//! Reading the log forward, from any position, for as long as one likes.

use std::time::Duration;

use async_nats::jetstream::consumer::push::{Ordered, OrderedConfig};
use async_nats::jetstream::consumer::{DeliverPolicy, ReplayPolicy};
use events::Refused;
use events::wire::Commit;
use futures_util::StreamExt;

use super::{Damage, Error, Log, Position, RETRY_PAUSE};

/// When nothing arrives for this long, the reader asks the server whether it should have: a record
/// at the head that cannot be read is handed to nobody and reported by nobody.
const IDLE: Duration = Duration::from_secs(5);

/// Reads commits in order and checks each against the one before.
///
/// A server that does not answer is waited for, with a warning; damage ends the reader.
#[derive(Debug)]
pub struct Reader {
    log: Log,
    position: Position,
    messages: Option<Messages>,
}

struct Messages(Ordered);

impl std::fmt::Debug for Messages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Messages")
    }
}

impl Log {
    /// A reader that begins after `position`.
    pub fn read(&self, position: Position) -> Reader {
        Reader { log: self.clone(), position, messages: None }
    }
}

impl Reader {
    /// Where the reader stands.
    pub fn position(&self) -> Position {
        self.position
    }

    /// The next commit, whenever it comes. May be dropped and called again without loss.
    pub async fn next(&mut self) -> Result<Commit, Damage> {
        loop {
            let Some(Messages(messages)) = &mut self.messages else {
                self.begin().await;
                continue;
            };
            match tokio::time::timeout(IDLE, messages.next()).await {
                Ok(Some(Ok(message))) => match message.info() {
                    Ok(info) if info.stream_sequence <= self.position.sequence => {}
                    Ok(info) => {
                        let sequence = info.stream_sequence;
                        return self.position.advance(sequence, &message.payload);
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a message of the log has no sequence");
                        self.messages = None;
                    }
                },
                Ok(Some(Err(error))) => {
                    tracing::warn!(%error, "reading the log is interrupted");
                    self.messages = None;
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
                Ok(None) => self.messages = None,
                Err(_) => self.look().await?,
            }
        }
    }

    async fn begin(&mut self) {
        match follow(&self.log, &self.log.settings.stream(), self.position.sequence + 1).await {
            Ok(messages) => self.messages = Some(Messages(messages)),
            Err(reason) => {
                tracing::warn!(%reason, "the log cannot be read, trying again");
                tokio::time::sleep(RETRY_PAUSE).await;
            }
        }
    }

    /// Nothing has arrived for a while: is there nothing, or is there something missing?
    async fn look(&mut self) -> Result<(), Damage> {
        let missing = self.position.sequence + 1;
        let last = match self.log.head().await {
            Ok(head) if head.last >= missing => head.last,
            Ok(_) => return Ok(()),
            Err(error) => {
                tracing::warn!(%error, "the log does not say where it ends");
                return Ok(());
            }
        };
        self.messages = None;
        match self.log.get(missing).await {
            Ok(None) => Err(Damage::Hole { missing, last }),
            Ok(Some(_)) | Err(Error::Unavailable(_)) => Ok(()),
            Err(error) => {
                tracing::warn!(%error, "the log does not say what it holds");
                Ok(())
            }
        }
    }
}

async fn follow(log: &Log, stream: &str, sequence: u64) -> Result<Ordered, String> {
    let stream = log.jetstream.get_stream_no_info(stream).await.map_err(|it| it.to_string())?;
    let consumer = stream
        .create_consumer(OrderedConfig {
            deliver_subject: log.client.new_inbox(),
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: sequence },
            replay_policy: ReplayPolicy::Instant,
            ..OrderedConfig::default()
        })
        .await
        .map_err(|it| it.to_string())?;
    consumer.messages().await.map_err(|it| it.to_string())
}

/// Reads refusals in order. The stream forgets old ones, so gaps at the beginning are no damage.
#[derive(Debug)]
pub struct RefusalsReader {
    log: Log,
    sequence: u64,
    messages: Option<Messages>,
}

impl Log {
    /// A reader of refusals that begins after a sequence of their stream.
    pub fn read_refusals(&self, after: u64) -> RefusalsReader {
        RefusalsReader { log: self.clone(), sequence: after, messages: None }
    }
}

impl RefusalsReader {
    /// The next group of refusals and its sequence, whenever it comes. A line that cannot be read
    /// is left out with a warning: it is not part of the truth.
    pub async fn next(&mut self) -> (u64, Vec<Refused>) {
        loop {
            let Some(Messages(messages)) = &mut self.messages else {
                let stream = self.log.settings.refusals_stream();
                match follow(&self.log, &stream, self.sequence + 1).await {
                    Ok(messages) => self.messages = Some(Messages(messages)),
                    Err(reason) => {
                        tracing::warn!(%reason, "refusals cannot be read, trying again");
                        tokio::time::sleep(RETRY_PAUSE).await;
                    }
                }
                continue;
            };
            match messages.next().await {
                Some(Ok(message)) => {
                    let Ok(info) = message.info() else { continue };
                    if info.stream_sequence > self.sequence {
                        self.sequence = info.stream_sequence;
                        return (self.sequence, refusals(&message.payload));
                    }
                }
                Some(Err(error)) => {
                    tracing::warn!(%error, "reading refusals is interrupted");
                    self.messages = None;
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
                None => self.messages = None,
            }
        }
    }
}

fn refusals(payload: &[u8]) -> Vec<Refused> {
    let lines = payload.split(|it| *it == b'\n').filter(|it| !it.is_empty());
    let read = |line| match serde_json::from_slice(line) {
        Ok(refused) => Some(refused),
        Err(error) => {
            tracing::warn!(%error, "a refusal cannot be read and is left out");
            None
        }
    };
    lines.filter_map(read).collect()
}
