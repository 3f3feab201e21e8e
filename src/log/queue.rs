//! Posted commands: a durable work queue that survives the ledger's downtime.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, pull};
use async_nats::jetstream::{AckKind, Message};
use events::CommandId;
use futures_util::StreamExt;

use super::{Error, Log, RETRY_PAUSE};

/// How long a posted command may be worked on before another process gets it.
const ACK_WAIT: Duration = Duration::from_secs(30);

/// Posted commands worked on at the same time. Order between them is not promised: a producer that
/// needs order waits for the outcome.
const IN_FLIGHT_MAX: i64 = 1_024;

/// The pause before a posted command comes again is doubled so often at most: up to 16 s.
const DOUBLED_MAX: u32 = 6;

/// The work queue of posted commands.
pub struct Posts {
    log: Log,
    messages: Option<pull::Stream>,
}

/// One posted command. Dropped without [`Posted::done`], it comes again later.
pub struct Posted(Message);

impl Log {
    /// The work queue, shared by all processes of the ledger.
    pub fn posts(&self) -> Posts {
        Posts { log: self.clone(), messages: None }
    }
}

impl Posts {
    /// The next posted command, whenever it comes.
    pub async fn next(&mut self) -> Posted {
        loop {
            let Some(messages) = &mut self.messages else {
                match self.begin().await {
                    Ok(messages) => self.messages = Some(messages),
                    Err(error) => {
                        tracing::warn!(%error, "posted commands cannot be read, trying again");
                        tokio::time::sleep(RETRY_PAUSE).await;
                    }
                }
                continue;
            };
            match messages.next().await {
                Some(Ok(message)) => return Posted(message),
                Some(Err(error)) => {
                    tracing::debug!(%error, "reading posted commands is interrupted");
                    self.messages = None;
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
                None => self.messages = None,
            }
        }
    }

    async fn begin(&self) -> Result<pull::Stream, Error> {
        let name = self.log.settings.posts_stream();
        let unavailable = |it: String| Error::Unavailable(it);
        let stream = self.log.jetstream.get_stream_no_info(&name).await;
        let stream = stream.map_err(|it| unavailable(it.to_string()))?;
        let config = pull::Config {
            durable_name: Some("ledger".to_owned()),
            ack_policy: AckPolicy::Explicit,
            ack_wait: ACK_WAIT,
            max_ack_pending: IN_FLIGHT_MAX,
            ..pull::Config::default()
        };
        let consumer = stream.get_or_create_consumer("ledger", config).await;
        let consumer = consumer.map_err(|it| unavailable(it.to_string()))?;
        consumer.messages().await.map_err(|it| unavailable(it.to_string()))
    }
}

impl Posted {
    /// The subject it was posted to.
    pub fn subject(&self) -> &str {
        &self.0.subject
    }

    /// The document.
    pub fn document(&self) -> &[u8] {
        &self.0.payload
    }

    /// An id for a command that has none: the same at each delivery.
    pub fn made_id(&self) -> Option<CommandId> {
        let info = self.0.info().ok()?;
        let at = info.published.timestamp_millis();
        CommandId::new(format!("post-{at}-{}", info.stream_sequence)).ok()
    }

    /// Its sequence in the queue, where the server says it.
    pub fn sequence(&self) -> Option<u64> {
        self.0.info().ok().map(|it| it.stream_sequence)
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        Some(self.0.headers.as_ref()?.get(name)?.as_str())
    }

    /// Its outcome is known and durable: it does not come again.
    pub async fn done(self) {
        if let Err(error) = self.0.ack().await {
            tracing::debug!(%error, "a posted command will come again");
        }
    }

    /// Its outcome is not known: it comes again soon, and later each time.
    pub async fn again(self) {
        let delivered = self.0.info().map_or(1, |it| it.delivered);
        let doubled = u32::try_from(delivered - 1).unwrap_or_default().min(DOUBLED_MAX);
        let pause = RETRY_PAUSE * 2_u32.pow(doubled);
        if let Err(error) = self.0.ack_with(AckKind::Nak(Some(pause))).await {
            tracing::debug!(%error, "a posted command will come again when its time is over");
        }
    }
}
