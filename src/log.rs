//! The log: one JetStream stream of commits.
//!
//! This module and its parts are the only ones that know JetStream streams. They do not trust the
//! server's disk: a reader demands that sequences are contiguous and the chain unbroken
//! ([`Position`]), and a writer publishes only behind a fence ([`Log::publish`]).

mod asking;
mod chain;
mod check;
mod mend;
mod publish;
mod queue;
mod reader;
mod settings;
mod settled;

use async_nats::jetstream::Context;
use async_nats::jetstream::stream::{Info, RawMessageErrorKind, Stream};
use async_nats::{Client, HeaderMap};
use bytes::Bytes;
use events::wire::{self, CommitHash};

use crate::journal::Journal;
use asking::{
    ATTEMPTS, RETRY_PAUSE, START_ATTEMPTS, attempts, attempts_while, context, create, find,
    fix_of_offline, without_account,
};
use mend::Mender;

pub use chain::{Damage, Foreign, Found, Message, Position};
pub use mend::Republished;
pub use publish::Published;
pub use queue::{Posted, Posts, Pulled};
pub use reader::{Reader, RefusalsReader};
pub use settings::Settings;
pub use settled::Looks;

/// The header that every commit of the ledger carries, with the format of what it holds. What stands
/// on the stream without it was written by somebody else: whoever may publish there, or JetStream
/// itself, which answers wherever it is told to.
const OURS: &str = "Seatledger";

/// Foreign messages at the end of the log that are passed over to find the last commit.
const FOREIGN_MAX: u64 = 1_000;

/// The log of one ledger. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Log {
    client: Client,
    jetstream: Context,
    stream: Stream<()>,
    settings: Settings,
    created: String,
    mender: Option<Mender>,
    /// Whether something was known of it before this start.
    existed: bool,
}

/// What is known of the log outside of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// When the stream was created.
    pub created: String,
    /// The last commit known.
    pub sequence: u64,
    /// Its hash.
    pub hash: CommitHash,
}

/// What a ledger has kept of the log outside of it, when it opens it.
#[derive(Debug, Default)]
pub struct Kept<'a> {
    /// What the anchor says.
    pub anchor: Option<&'a Known>,
    /// The highest sequence that a read model has.
    pub seen: u64,
    /// The newest commits, where they are kept.
    pub journal: Option<Journal>,
}

/// The stream as the server describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The last sequence; 0 when there is none.
    pub last: u64,
    /// Bytes stored.
    pub bytes: u64,
    /// Bytes at which it refuses more.
    pub max_bytes: i64,
}

/// The stream of refusals as the server describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusals {
    /// Of when it was created: another one where it was made anew.
    pub stream: CommitHash,
    /// Its first sequence; earlier ones are forgotten.
    pub first: u64,
}

/// Why the log cannot be opened or asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is damaged, or not the one it was.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// A setting of the stream would let history be lost.
    #[error("the stream {stream} cannot hold a ledger: {}", wrong.join("; "))]
    Settings {
        /// Its name.
        stream: String,
        /// Each wrong setting by name.
        wrong: Vec<String>,
    },
    /// The server has no JetStream, or not for this account.
    #[error("JetStream is not available to this account: {0}")]
    NoJetStream(String),
    /// The server has the stream and does not serve it, as long as it is not started again without
    /// what is wrong.
    #[error("the server does not serve the stream {stream}: {reason}; {}", fix_of_offline(stream))]
    Offline {
        /// Its name.
        stream: String,
        /// What it says.
        reason: String,
    },
    /// It is not there, and is not to be made.
    #[error(
        "there is no stream {0}: --create makes the streams of a new ledger; if the ledger is not new, \
         look whether --nats and --prefix are right"
    )]
    Missing(String),
    /// The server does not make the stream.
    #[error(
        "the server does not create the stream {stream}: {reason}; --max-bytes says how large the \
         log may become, the other streams may have an eighth of it"
    )]
    Create {
        /// Its name.
        stream: String,
        /// What it says.
        reason: String,
    },
    /// The server does not answer, or has no leader.
    #[error("the log does not answer: {0}")]
    Unavailable(String),
}

impl Log {
    /// Opens the log, and creates its streams if nothing is known of them, none is there, and the
    /// settings say so.
    ///
    /// A stream that should exist and does not is damage, never a first start. A damaged log is
    /// opened all the same, so that reads can go on; it must not be written. Repeating this is
    /// harmless.
    pub async fn open(
        client: Client,
        settings: Settings,
        Kept { anchor: known, seen, journal }: Kept<'_>,
    ) -> Result<(Log, Option<Damage>), Error> {
        let jetstream = context(client.clone());
        let account = attempts(|| jetstream.query_account()).await;
        account.map_err(|it| without_account(&it))?;
        let name = settings.stream();
        let mut found = find(&jetstream, &name, START_ATTEMPTS).await?;
        let existed = known.is_some() || seen > 0;
        if found.is_none() && !existed {
            settings.may_create(&name)?;
            create(&jetstream, settings.log()).await?;
            found = find(&jetstream, &name, START_ATTEMPTS).await?;
        }
        let stream = attempts(|| jetstream.get_stream_no_info(&name)).await;
        let stream = stream.map_err(|it| Error::Unavailable(it.to_string()))?;
        let created = found.map(|it| it.created.to_rfc3339()).unwrap_or_default();
        let mender = journal.map(Mender::new);
        let log = Log { client, jetstream, stream, settings, created, existed, mender };
        let checked = match log.check_within(known, START_ATTEMPTS).await {
            Ok(_) => log.check_journal().await,
            Err(error) => Err(error),
        };
        let damage = match checked {
            Ok(()) => None,
            Err(Error::Damaged(Damage::Missing { stream, known })) => {
                Some(Damage::Missing { stream, known: known.max(seen) })
            }
            Err(Error::Damaged(damage)) => Some(damage),
            Err(error) => return Err(error),
        };
        log.open_others().await?;
        Ok((log, damage))
    }

    /// Makes the streams of posts and refusals where they are missing. They are no part of the
    /// truth; still it is said when one has gone.
    async fn open_others(&self) -> Result<(), Error> {
        for config in [self.settings.refusals(), self.settings.posts()] {
            let stream = config.name.clone();
            if find(&self.jetstream, &stream, START_ATTEMPTS).await?.is_none() {
                if !self.existed {
                    self.settings.may_create(&stream)?;
                }
                create(&self.jetstream, config).await?;
                if self.existed {
                    tracing::error!(%stream, "a stream was gone and is made anew: what was in it and not done is lost");
                }
            }
        }
        let posts = self.settings.posts_stream();
        if let Some(posts) = find(&self.jetstream, &posts, START_ATTEMPTS).await? {
            let wrong = settings::wrong_posts_settings(&self.settings, &posts.config);
            if !wrong.is_empty() {
                return Err(Error::Settings { stream: posts.config.name, wrong });
            }
        }
        Ok(())
    }

    /// The same log over another connection.
    pub async fn over(&self, client: Client) -> Result<Log, Error> {
        let jetstream = context(client.clone());
        let stream = jetstream.get_stream_no_info(self.settings.stream()).await;
        let stream = stream.map_err(|it| Error::Unavailable(it.to_string()))?;
        Ok(Log { client, jetstream, stream, ..self.clone() })
    }

    /// When its stream was created, as the server says it.
    pub fn created(&self) -> &str {
        &self.created
    }

    /// The release of the server it is on.
    pub fn server_version(&self) -> String {
        self.client.server_info().version
    }

    /// Names and sizes of its streams.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The position after the commit at a sequence, which must be the one of this hash.
    pub async fn position(&self, sequence: u64, hash: CommitHash) -> Result<Position, Error> {
        self.settled(|| self.position_once(sequence, hash)).await
    }

    async fn position_once(&self, sequence: u64, hash: CommitHash) -> Result<Position, Error> {
        if sequence == 0 {
            return Ok(Position::START);
        }
        match self.message_once(sequence).await {
            Ok(Some(found)) if CommitHash::of(&found.payload) == hash => {
                let commit = wire::decode(sequence, &found.payload);
                let commit = commit.map_err(|error| Damage::Unreadable { sequence, error })?;
                Ok(Position::of(&commit))
            }
            Ok(Some(_)) => Err(Damage::Changed { sequence }.into()),
            Ok(None) => {
                let last = self.head().await?.last;
                Err(Damage::WentBack { known: sequence, last: last.min(sequence - 1) }.into())
            }
            Err(Error::Damaged(Damage::Hole { last, .. })) => {
                let missing = self.first_missing(sequence).await?;
                Err(Damage::Hole { missing, last }.into())
            }
            Err(error) => Err(error),
        }
    }

    /// The message at a sequence; `None` where the log ends before it. One that is missing though the
    /// log goes on is damage.
    pub async fn message_at(&self, sequence: u64) -> Result<Option<Message>, Error> {
        self.settled(|| self.message_once(sequence)).await
    }

    /// The same, as the leader of this moment says it. Where the log ends is asked *before* what is
    /// not there is asked for again: the other way round a commit that lands in between is a hole.
    async fn message_once(&self, sequence: u64) -> Result<Option<Message>, Error> {
        if let Some(message) = self.get(sequence).await? {
            return Ok(Some(message));
        }
        let last = self.head().await?.last;
        if last < sequence {
            return Ok(None);
        }
        match self.get(sequence).await? {
            Some(message) => Ok(Some(message)),
            None => Err(Damage::Hole { missing: sequence, last }.into()),
        }
    }

    /// Where the hole begins that `sequence` is in: all up to the end of a cut tail is missing, so
    /// halving finds it. A hole further to the front is found by whoever reads from there.
    async fn first_missing(&self, sequence: u64) -> Result<u64, Error> {
        let (mut low, mut high) = (1, sequence);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.get(middle).await? {
                Some(_) => low = middle + 1,
                None => high = middle,
            }
        }
        Ok(low)
    }

    /// Where the log ends now, as its leader says.
    pub async fn head(&self) -> Result<Head, Error> {
        let info = self.info().await?;
        Ok(Head {
            last: info.state.last_sequence,
            bytes: info.state.bytes,
            max_bytes: info.config.max_bytes,
        })
    }

    /// The last commit, as far as foreign messages are not more than can be passed over one by one.
    pub async fn last_commit(&self) -> Result<u64, Error> {
        let last = self.head().await?.last;
        for sequence in (last.saturating_sub(FOREIGN_MAX) + 1..=last).rev() {
            if self.get(sequence).await?.is_none_or(|it| it.is_ours) {
                return Ok(sequence);
            }
        }
        Ok(last.saturating_sub(FOREIGN_MAX))
    }

    /// The same, asked once: for those who would rather hear nothing than wait.
    pub async fn head_now(&self) -> Result<Head, Error> {
        let info = self.stream.get_info().await;
        let info = info.map_err(|it| Error::Unavailable(it.to_string()))?;
        Ok(Head {
            last: info.state.last_sequence,
            bytes: info.state.bytes,
            max_bytes: info.config.max_bytes,
        })
    }

    /// The servers that hold it, by name, as far as its leader says.
    pub async fn nodes(&self) -> Vec<String> {
        let cluster = self.stream.get_info().await.ok().and_then(|it| it.cluster);
        let named = cluster.map(|it| (it.leader, it.replicas.into_iter().map(|it| it.name)));
        named.map(|(leader, others)| leader.into_iter().chain(others).collect()).unwrap_or_default()
    }

    /// What is known of the stream of refusals: which one it is, and the first it has not forgotten.
    pub async fn refusals(&self) -> Result<Refusals, Error> {
        let stream = self.settings.refusals_stream();
        let info = find(&self.jetstream, &stream, ATTEMPTS).await?;
        let info = info.ok_or_else(|| Error::Unavailable(format!("{stream} is gone")))?;
        let stream = CommitHash::of(info.created.to_rfc3339().as_bytes());
        Ok(Refusals { stream, first: info.state.first_sequence })
    }

    /// How often its connection was made.
    pub fn connects(&self) -> u64 {
        self.client.statistics().connects.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Whether there is a connection to the server.
    pub fn is_connected(&self) -> bool {
        self.client.connection_state() == async_nats::connection::State::Connected
    }

    /// The message at a sequence, from whoever leads; `None` where there is none or it cannot be
    /// read. Proves nothing by itself ([`Log::message_at`]).
    async fn get(&self, sequence: u64) -> Result<Option<Message>, Error> {
        let read = attempts_while(
            ATTEMPTS,
            || self.stream.get_raw_message(sequence),
            |it| it.kind() != RawMessageErrorKind::NoMessageFound,
        );
        match read.await {
            Ok(it) => Ok(Some(self.message(sequence, &it.subject, Some(&it.headers), it.payload))),
            Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(Error::Unavailable(error.to_string())),
        }
    }

    fn message(
        &self,
        sequence: u64,
        subject: &str,
        headers: Option<&HeaderMap>,
        payload: Bytes,
    ) -> Message {
        let is_on_subject = subject == self.settings.commit_subject();
        let is_ours = headers.is_some_and(|it| it.get(OURS).is_some());
        Message { sequence, is_ours, is_on_subject, payload }
    }

    /// Says that something is tried again. That the connection is gone is said elsewhere, once.
    fn cannot(&self, what: &str, reason: &dyn std::fmt::Display) {
        match self.is_connected() {
            true => tracing::warn!(%reason, "{what}, trying again"),
            false => tracing::debug!(%reason, "{what}, trying again"),
        }
    }

    async fn info(&self) -> Result<Info, Error> {
        let info = attempts_while(ATTEMPTS, || self.stream.get_info(), |_| true).await;
        info.map_err(|it| Error::Unavailable(it.to_string()))
    }
}

#[cfg(test)]
pub(crate) mod tests;
