//! Questions to JetStream that are asked again, and what the answers mean.

use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::context::{AccountError, AccountErrorKind, GetStreamErrorKind};
use async_nats::jetstream::stream::{Config, Info};
use async_nats::jetstream::{self, Context, ErrorCode};

use super::Error;

/// How long one question to the server may take before it is asked again. Short: a cluster without
/// a leader does not answer, and whoever waits long waits too long.
const ASK_TIMEOUT: Duration = Duration::from_millis(500);

/// The server has found something in what it keeps of the stream that it does not know: a newer release
/// wrote it, or a bit has flipped. It stays so until the server is started again without that.
const STREAM_OFFLINE_REASON: ErrorCode = ErrorCode(10194);

/// How often a start asks again before it gives up: a server that has just started may still be
/// recovering its streams.
pub(super) const START_ATTEMPTS: u32 = 40;

/// How often a running ledger does: whoever asks waits for it, and asks again.
pub(super) const ATTEMPTS: u32 = 4;

/// Pause between two attempts.
pub(super) const RETRY_PAUSE: Duration = Duration::from_millis(250);

pub(super) fn context(client: Client) -> Context {
    jetstream::ContextBuilder::new().timeout(ASK_TIMEOUT).build(client)
}

/// A stream, if it is there. The server is asked `max` times at most.
pub(super) async fn find(jetstream: &Context, name: &str, max: u32) -> Result<Option<Info>, Error> {
    let gone = |error: &jetstream::context::GetStreamError| match error.kind() {
        GetStreamErrorKind::JetStream(it) => it.error_code() == ErrorCode::STREAM_NOT_FOUND,
        GetStreamErrorKind::EmptyName
        | GetStreamErrorKind::Request
        | GetStreamErrorKind::InvalidStreamName => false,
    };
    let offline = |error: &jetstream::context::GetStreamError| match error.kind() {
        GetStreamErrorKind::JetStream(it) => it.error_code() == STREAM_OFFLINE_REASON,
        GetStreamErrorKind::EmptyName
        | GetStreamErrorKind::Request
        | GetStreamErrorKind::InvalidStreamName => false,
    };
    let again = |it: &_| !gone(it) && !offline(it);
    match attempts_while(max, || jetstream.get_stream(name), again).await {
        Ok(stream) => Ok(Some(stream.cached_info().clone())),
        Err(error) if gone(&error) => Ok(None),
        Err(error) if offline(&error) => {
            Err(Error::Offline { stream: name.to_owned(), reason: error.to_string() })
        }
        Err(error) => Err(Error::Unavailable(error.to_string())),
    }
}

/// Why nothing is known of JetStream: it is not there for us, or nobody leads it yet.
pub(super) fn without_account(error: &AccountError) -> Error {
    let definite = match error.kind() {
        AccountErrorKind::JetStreamUnavailable => true,
        AccountErrorKind::JetStream(it) => {
            let never =
                [ErrorCode::JETSTREAM_NOT_ENABLED, ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT];
            never.contains(&it.error_code())
        }
        AccountErrorKind::TimedOut | AccountErrorKind::Other => false,
    };
    match definite {
        true => Error::NoJetStream(error.to_string()),
        false => Error::Unavailable(format!("JetStream: {error}")),
    }
}

/// What to do about a stream that is offline. Where the server stops one because of a consumer, the
/// messages are whole: only the consumer has to go, and that the server does only while it is down.
pub(super) fn fix_of_offline(stream: &str) -> String {
    match stream.ends_with("_POSTS") || stream.ends_with("_REFUSALS") {
        true => format!(
            "where it names a consumer, stop nats-server, delete streams/{stream}/obs in its store, and \
             start it again: the ledger makes the consumer anew, and no posted command is lost"
        ),
        false => {
            "look into the log of nats-server; restore the stream from a backup if need be, and \
                  keep anchor.json (docs/operating.md, Log damage)"
                .to_owned()
        }
    }
}

pub(super) async fn create(jetstream: &Context, config: Config) -> Result<(), Error> {
    let stream = config.name.clone();
    let made = attempts(|| jetstream.create_stream(config.clone())).await;
    made.map(|_| ()).map_err(|it| Error::Create { stream, reason: it.to_string() })
}

/// Asks until the answer is not an error, [`START_ATTEMPTS`] times at most.
pub(super) async fn attempts<T, E, F: Future<Output = Result<T, E>>>(
    ask: impl Fn() -> F,
) -> Result<T, E> {
    attempts_while(START_ATTEMPTS, ask, |_| true).await
}

/// Asks until the answer is not an error, or one that is an answer, `max` times at most.
pub(super) async fn attempts_while<T, E, F: Future<Output = Result<T, E>>>(
    max: u32,
    ask: impl Fn() -> F,
    again: impl Fn(&E) -> bool,
) -> Result<T, E> {
    let mut attempt = 1;
    loop {
        match ask().await {
            Err(error) if again(&error) && attempt < max => {
                attempt += 1;
                tokio::time::sleep(RETRY_PAUSE).await;
            }
            answer => return answer,
        }
    }
}
