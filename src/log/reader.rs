//! Reading the log forward, from any position, for as long as one likes.

use std::collections::VecDeque;
use std::time::Duration;

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::push::{Ordered, OrderedConfig};
use async_nats::jetstream::consumer::{AckPolicy, Consumer, DeliverPolicy, ReplayPolicy, pull};
use events::Refused;
use events::wire::Commit;
use futures_util::StreamExt;

use super::{Damage, Error, Found, Log, Position, RETRY_PAUSE};

/// Commits that are asked for at a time.
const FETCH_COMMITS: usize = 512;

/// Bytes that are asked for at a time; several of the largest commits.
const FETCH_BYTES: usize = 8 * 1024 * 1024;

/// What a fetch may lack of [`FETCH_BYTES`] when the next commit did not fit: the largest payload of
/// a server.
const FETCH_SLACK: usize = 1024 * 1024;

/// How long the server holds a question for the next commit before it says that there is none.
const WAIT: Duration = Duration::from_secs(1);

/// What an answer may take beyond that. Then the question was lost, in a restart of the server for
/// one, and is asked anew.
const LATE: Duration = Duration::from_millis(500);

/// When nothing has arrived this many times, the reader asks the server whether it should have: a
/// record at the head that cannot be read is handed to nobody and reported by nobody.
const LOOK_AFTER: u32 = 5;

/// How many commits its owner may have passed over until a reader takes a new place: up to here it
/// is cheaper to be handed them and let them go.
const PASSED_MAX: u64 = 64;

/// How long the server keeps a reader's place when it does not ask.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);

/// Reads commits in order and checks each against the one before.
///
/// Commits are fetched, many at a time, when the reader wants them, and not pushed one by one: a
/// reader that rests costs the server and the ledger nothing. A server that does not answer is waited
/// for, with a warning; damage ends the reader.
#[derive(Debug)]
pub struct Reader {
    log: Log,
    position: Position,
    /// The reader's place at the server; none while a fetch is under way, so that one that is broken
    /// off begins anew where the reader stands.
    place: Option<Consumer<pull::Config>>,
    fetched: VecDeque<Message>,
    /// Whether there may be more than was fetched.
    more: bool,
    idle: u32,
    /// From where on the journal takes note of what is read.
    keep_from: u64,
}

impl Log {
    /// A reader that begins after `position`.
    pub fn read(&self, position: Position) -> Reader {
        let (log, fetched) = (self.clone(), VecDeque::new());
        Reader { log, position, place: None, fetched, more: true, idle: 0, keep_from: u64::MAX }
    }
}

impl Reader {
    /// Where the reader stands.
    pub fn position(&self) -> Position {
        self.position
    }

    /// Has the journal, if there is one, take note of what is read from a sequence on.
    pub fn keep_from(&mut self, sequence: u64) {
        self.keep_from = sequence;
    }

    /// Goes on after a commit that its owner has not read here: it wrote it.
    pub fn move_to(&mut self, position: Position) {
        if position.end() > self.position.end() + PASSED_MAX {
            (self.place, self.more) = (None, true);
            self.fetched.clear();
        }
        self.position = position;
    }

    /// The next commit, whenever it comes. Foreign messages before it are passed over: it declares
    /// them void. May be dropped and called again without loss.
    pub async fn next(&mut self) -> Result<Commit, Damage> {
        loop {
            if let Found::Commit(commit) = self.found().await? {
                return Ok(*commit);
            }
        }
    }

    /// The next commit that is on the log already; `None` at its end, and where the server does not
    /// answer. May be dropped as well.
    pub async fn next_now(&mut self) -> Option<Result<Commit, Damage>> {
        loop {
            match self.found_now().await? {
                Ok(Found::Commit(commit)) => return Some(Ok(*commit)),
                Ok(Found::Foreign(_)) => {}
                Err(damage) => return Some(Err(damage)),
            }
        }
    }

    /// The next message, whenever it comes. May be dropped as well.
    pub async fn found(&mut self) -> Result<Found, Damage> {
        loop {
            if let Some(found) = self.found_now().await {
                return found;
            }
            self.wait().await?;
        }
    }

    /// The next message that is on the log already. May be dropped as well.
    pub async fn found_now(&mut self) -> Option<Result<Found, Damage>> {
        loop {
            while let Some(message) = self.fetched.pop_front() {
                match message.info().map(|it| it.stream_sequence) {
                    Ok(sequence) if sequence <= self.position.end() => {}
                    Ok(sequence) if sequence > self.position.end() + 1 => {
                        if let Some(found) = self.skipped(sequence).await {
                            return Some(found);
                        }
                    }
                    Ok(sequence) => {
                        let headers = message.headers.as_ref();
                        let (subject, payload) = (&message.subject, message.payload.clone());
                        let message = self.log.message(sequence, subject, headers, payload);
                        return Some(self.advance(&message));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a message of the log has no sequence");
                        self.place = None;
                    }
                }
            }
            if !self.more {
                return None;
            }
            self.fetch().await;
        }
    }

    fn advance(&mut self, message: &super::Message) -> Result<Found, Damage> {
        let found = self.position.advance(message)?;
        if let (Found::Commit(_), Some(journal)) = (&found, self.log.journal())
            && message.sequence >= self.keep_from
        {
            journal.note(message.sequence, message.payload.clone());
        }
        Ok(found)
    }

    /// A message was left out: lost on its way, or not there any more? Goes on with it if it is
    /// there, and with a place of its own after it.
    async fn skipped(&mut self, found: u64) -> Option<Result<Found, Damage>> {
        (self.place, self.more) = (None, true);
        self.fetched.clear();
        let expected = self.position.end() + 1;
        match self.log.message_at(expected).await {
            Ok(Some(message)) => Some(self.advance(&message)),
            // Whoever says so has not heard of what was found.
            Ok(None) => None,
            Err(Error::Damaged(Damage::Hole { .. })) => Some(Err(Damage::Gap { expected, found })),
            Err(error) => {
                tracing::warn!(%error, "the log does not say what it holds");
                None
            }
        }
    }

    /// Fetches what is on the log.
    async fn fetch(&mut self) {
        let Some(place) = self.place.take() else {
            self.more = self.begin().await;
            return;
        };
        let asked = place.fetch().max_messages(FETCH_COMMITS).max_bytes(FETCH_BYTES).messages();
        let answered = self.take(asked, LATE).await;
        let bytes: usize = self.fetched.iter().map(|it| it.payload.len()).sum();
        self.more = self.fetched.len() == FETCH_COMMITS || bytes + FETCH_SLACK > FETCH_BYTES;
        match answered {
            Ok(()) => self.place = Some(place),
            // What came before the error is good; what comes after it is asked for anew.
            Err(reason) => self.interrupted(&reason).await,
        }
    }

    /// Waits for the next commit; others may follow it.
    async fn wait(&mut self) -> Result<(), Damage> {
        let Some(place) = self.place.take() else {
            self.begin().await;
            return Ok(());
        };
        let asked = place.batch().max_messages(1).expires(WAIT).messages();
        match self.take(asked, WAIT + LATE).await {
            Ok(()) => self.place = Some(place),
            Err(reason) => self.interrupted(&reason).await,
        }
        if !self.fetched.is_empty() {
            (self.more, self.idle) = (true, 0);
            return Ok(());
        }
        self.idle += 1;
        match self.idle < LOOK_AFTER {
            true => Ok(()),
            false => self.look().await,
        }
    }

    /// Takes in what a question is answered with, up to the end of the answer.
    async fn take<E: std::fmt::Display>(
        &mut self,
        asked: impl Future<Output = Result<pull::Batch, E>>,
        patience: Duration,
    ) -> Result<(), String> {
        let mut messages = asked.await.map_err(|it| it.to_string())?;
        loop {
            match tokio::time::timeout(patience, messages.next()).await {
                Ok(Some(Ok(message))) => self.fetched.push_back(message),
                // It does not fit into what was asked for, and comes next time.
                Ok(Some(Err(error))) if is_full(&*error) && !self.fetched.is_empty() => {
                    return Ok(());
                }
                Ok(Some(Err(error))) => return Err(error.to_string()),
                Ok(None) => return Ok(()),
                Err(_) => return Err("the server does not answer".to_owned()),
            }
        }
    }

    async fn interrupted(&mut self, reason: &str) {
        self.more = !self.fetched.is_empty();
        if !self.more {
            tracing::debug!(%reason, "reading the log is interrupted");
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    }

    /// Takes a place at the server, after the commit that was read last. `false` when it cannot.
    async fn begin(&mut self) -> bool {
        match place(&self.log, self.position.end() + 1).await {
            Ok(place) => {
                self.place = Some(place);
                true
            }
            Err(reason) => {
                self.log.cannot("the log cannot be read", &reason);
                tokio::time::sleep(RETRY_PAUSE).await;
                false
            }
        }
    }

    /// Nothing has arrived for a while: is there nothing, or is there something missing?
    async fn look(&mut self) -> Result<(), Damage> {
        self.idle = 0;
        match self.log.head().await {
            Ok(head) if head.last > self.position.end() => {}
            Ok(head) if head.last == self.position.end() => return Ok(()),
            // It ends before what was read: the log is asked for that until it is settled.
            Ok(_) => {
                let Position { sequence, hash, .. } = self.position;
                return match self.log.position(sequence, hash).await {
                    Err(Error::Damaged(damage)) => Err(damage),
                    Ok(_) | Err(_) => Ok(()),
                };
            }
            Err(error) => {
                tracing::warn!(%error, "the log does not say where it ends");
                return Ok(());
            }
        }
        (self.place, self.more) = (None, true);
        match self.log.message_at(self.position.end() + 1).await {
            Err(Error::Damaged(damage)) => Err(damage),
            Ok(_) => Ok(()),
            Err(error) => {
                tracing::warn!(%error, "the log does not say what it holds");
                Ok(())
            }
        }
    }
}

/// Whether a fetch ended because of [`FETCH_BYTES`]: all that the client library says of it is text.
fn is_full(error: &(dyn std::error::Error + Send + Sync)) -> bool {
    error.to_string().contains("Exceeds MaxBytes")
}

async fn place(log: &Log, sequence: u64) -> Result<Consumer<pull::Config>, String> {
    let config = pull::Config {
        deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: sequence },
        replay_policy: ReplayPolicy::Instant,
        ack_policy: AckPolicy::None,
        inactive_threshold: FORGOTTEN_AFTER,
        memory_storage: true,
        num_replicas: 1,
        ..pull::Config::default()
    };
    log.stream.create_consumer(config).await.map_err(|it| it.to_string())
}

struct Messages(Ordered);

impl std::fmt::Debug for Messages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Messages")
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
                        self.log.cannot("refusals cannot be read", &reason);
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
