//! What to do about a server that cannot be connected to.

use std::error::Error;
use std::io::{self, ErrorKind};

use async_nats::{ConnectError, ConnectErrorKind, ServerError};

const NOT_THERE: &str = "is a NATS server running there?";

const CREDENTIALS: &str = "check the credentials: --nats-token, --nats-user and --nats-password, \
     --nats-creds or --nats-nkey";

const CERTIFICATES: &str = "check the certificates: --nats-ca says whose to trust, --nats-cert and \
     --nats-key which to show; is it a NATS server at all?";

const SLOW: &str = "the server, or this machine, has too much to do: try again";

/// What a nats-server says to who did not say in time who they are.
const TOO_SLOW: &str = "authentication timeout";

/// What to do, by what went wrong.
pub(super) fn of(error: &ConnectError) -> &'static str {
    match error.kind() {
        ConnectErrorKind::ServerParse => "an address looks like nats://127.0.0.1:4222",
        ConnectErrorKind::Dns => "is the name right?",
        ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => CREDENTIALS,
        ConnectErrorKind::Tls => CERTIFICATES,
        ConnectErrorKind::TimedOut | ConnectErrorKind::MaxReconnects => NOT_THERE,
        ConnectErrorKind::Io if was_slow(error) => SLOW,
        ConnectErrorKind::Io if answers(error) => CERTIFICATES,
        ConnectErrorKind::Io => NOT_THERE,
    }
}

/// Whether it may be otherwise in a moment: nobody is there yet, or not under that name.
pub(super) fn passes(error: &ConnectError) -> bool {
    match error.kind() {
        ConnectErrorKind::Dns | ConnectErrorKind::TimedOut | ConnectErrorKind::MaxReconnects => {
            true
        }
        ConnectErrorKind::Io => was_slow(error) || !answers(error),
        ConnectErrorKind::ServerParse
        | ConnectErrorKind::Authentication
        | ConnectErrorKind::AuthorizationViolation
        | ConnectErrorKind::Tls => false,
    }
}

/// Whether it took too long, or the server says that whoever connected did not say in time who they
/// are.
pub(super) fn was_slow(error: &ConnectError) -> bool {
    if error.kind() == ConnectErrorKind::TimedOut {
        return true;
    }
    let told = error.source().and_then(|it| it.downcast_ref::<ServerError>());
    matches!(told, Some(ServerError::Other(it)) if it.eq_ignore_ascii_case(TOO_SLOW))
}

/// Whether somebody is there, but does not speak as they should. A failed handshake is told as an
/// I/O error like any other.
fn answers(error: &ConnectError) -> bool {
    let mut source = error.source();
    while let Some(it) = source {
        if let Some(it) = it.downcast_ref::<io::Error>() {
            return matches!(
                it.kind(),
                ErrorKind::InvalidData
                    | ErrorKind::UnexpectedEof
                    | ErrorKind::ConnectionReset
                    | ErrorKind::ConnectionAborted
                    | ErrorKind::BrokenPipe
            );
        }
        source = it.source();
    }
    false
}
