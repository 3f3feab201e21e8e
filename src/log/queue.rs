//! Posted commands: a durable work queue that survives the ledger's downtime.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::consumer::{AckPolicy, Consumer, pull};
use async_nats::jetstream::context::ConsumerInfoErrorKind;
use async_nats::jetstream::{AckKind, Message};
use events::{CommandId, Moment};
use futures_util::StreamExt;

use super::{Error, Log, RETRY_PAUSE};

/// The consumer of posted commands, shared by all processes of a ledger.
const CONSUMER: &str = "ledger";

/// How long a posted command may be worked on before another process gets it.
const ACK_WAIT: Duration = Duration::from_secs(30);

/// Posted commands worked on at the same time. Order between them is not promised: a producer that
/// needs order waits for the outcome.
const IN_FLIGHT_MAX: i64 = 1_024;

/// The pause before a posted command comes again is doubled so often at most: up to 16 s.
const DOUBLED_MAX: u32 = 6;

/// How long one request for posted commands waits for them. It cannot be taken back without losing
/// what is on its way, so a door closes when it has ended.
const PULL: Duration = Duration::from_millis(500);

/// The work queue of posted commands.
pub struct Posts {
    log: Log,
    consumer: Option<Consumer<pull::Config>>,
}

/// What one request for posted commands brings. Read it to its end: what it has brought and nobody
/// has read comes again only after [`ACK_WAIT`].
pub struct Pulled(Option<pull::Batch>);

/// One posted command. Dropped without [`Posted::done`], it comes again later.
pub struct Posted(Message);

impl Log {
    /// The work queue, shared by all processes of the ledger.
    pub fn posts(&self) -> Posts {
        Posts { log: self.clone(), consumer: None }
    }
}

impl Posts {
    /// Asks for posted commands, `max` at most. They come as they are there, for half a second.
    pub async fn pull(&mut self, max: usize) -> Pulled {
        let consumer = match self.consumer.take() {
            Some(consumer) => Ok(consumer),
            None => self.begin().await,
        };
        let pulled = match &consumer {
            Ok(consumer) => {
                let pulled = consumer.batch().max_messages(max).expires(PULL).messages().await;
                pulled.map_err(|it| Error::Unavailable(it.to_string()))
            }
            Err(error) => Err(Error::Unavailable(error.to_string())),
        };
        match pulled {
            Ok(pulled) => {
                self.consumer = consumer.ok();
                Pulled(Some(pulled))
            }
            Err(error) => {
                self.log.cannot("posted commands cannot be read", &error);
                tokio::time::sleep(RETRY_PAUSE).await;
                Pulled(None)
            }
        }
    }

    /// After a request that has failed: the consumer may be gone, and is made again.
    pub async fn rest(&mut self) {
        self.consumer = None;
        tokio::time::sleep(RETRY_PAUSE).await;
    }

    async fn begin(&self) -> Result<Consumer<pull::Config>, Error> {
        let name = self.log.settings.posts_stream();
        let unavailable = |it: String| Error::Unavailable(it);
        let stream = self.log.jetstream.get_stream_no_info(&name).await;
        let stream = stream.map_err(|it| unavailable(it.to_string()))?;
        if self.log.existed
            && let Err(error) = stream.consumer_info(CONSUMER).await
            && error.kind() == ConsumerInfoErrorKind::NotFound
        {
            tracing::error!(
                stream = name,
                "the consumer of posted commands was gone and is made anew: those that wait come again"
            );
        }
        let config = pull::Config {
            durable_name: Some(CONSUMER.to_owned()),
            ack_policy: AckPolicy::Explicit,
            ack_wait: ACK_WAIT,
            max_ack_pending: IN_FLIGHT_MAX,
            ..pull::Config::default()
        };
        let consumer = stream.get_or_create_consumer(CONSUMER, config).await;
        consumer.map_err(|it| unavailable(it.to_string()))
    }
}

impl Pulled {
    /// The next of them; an error where the request has failed, and nothing once it is over.
    pub async fn next(&mut self) -> Option<Result<Posted, Error>> {
        let next = self.0.as_mut()?.next().await?;
        Some(next.map(Posted).map_err(|it| Error::Unavailable(it.to_string())))
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

    /// When the queue has taken it, where the server says it.
    pub fn at(&self) -> Option<Moment> {
        let millis = self.0.info().ok()?.published.timestamp_millis();
        Some(Moment::from_millis(millis))
    }

    /// Its sequence in the queue, where the server says it.
    pub fn sequence(&self) -> Option<u64> {
        self.0.info().ok().map(|it| it.stream_sequence)
    }

    /// Its headers.
    pub fn headers(&self) -> Option<&HeaderMap> {
        self.0.headers.as_ref()
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

    /// It was not judged, and is not judged here: another process may have it at once.
    pub async fn back(self) {
        if let Err(error) = self.0.ack_with(AckKind::Nak(None)).await {
            tracing::debug!(%error, "a posted command will come again when its time is over");
        }
    }
}
