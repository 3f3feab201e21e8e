//! Connecting to a NATS server, and what is demanded of it.

mod advice;
mod credentials;
pub mod elsewhere;
mod outage;
mod round_trip;

use std::path::PathBuf;
use std::time::Duration;

use async_nats::{Client, ConnectOptions};
use tokio::sync::mpsc;

pub use credentials::{Doors, in_arguments};
pub use outage::Denied;
pub use round_trip::RoundTrip;

/// The oldest server that the ledger works with.
pub const VERSION_MIN: (u64, u64, u64) = (2, 12, 0);

/// Bytes of a message that the server must take: those of the largest commit, and of its headers.
const PAYLOAD_MIN: usize = events::limits::COMMIT_BYTES_MAX + 4 * 1024;

/// How long an attempt to connect may take: where one node of several does not answer, the next one
/// is tried after it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How often a first connection is tried where the server says that it took too long: it gives two
/// seconds, and a machine may stand still for that long.
const CONNECT_ATTEMPTS: u32 = 5;

/// How often the server is asked whether it is still there. Two questions without an answer and the
/// next one end the connection: a server that died silently, or whose cable is cut either way, is
/// noticed within three to four seconds.
const PING_PERIOD: Duration = Duration::from_secs(1);

/// How long the ledger waits between attempts to get a lost connection back, at most.
const RECONNECT_PAUSE_MAX: Duration = Duration::from_millis(500);

/// Messages of one subscription that may wait in this process. More are dropped by the client
/// library; the bounds of the doors are far below.
const SUBSCRIPTION_CAPACITY: usize = 65_536;

/// How to reach a server and who to be there.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Options {
    /// The server, or several of one cluster separated by commas
    #[arg(long = "nats", env = "NATS_URL", value_name = "URL")]
    pub url: Option<String>,
    /// Authenticate by token; better in the environment or in a file
    #[arg(long, env = "NATS_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub nats_token: Option<String>,
    /// The file of the token; - is standard input
    #[arg(long, env = "NATS_TOKEN_FILE", value_name = "FILE", conflicts_with = "nats_token")]
    pub nats_token_file: Option<PathBuf>,
    /// Authenticate by user and password
    #[arg(long, env = "NATS_USER", value_name = "USER")]
    pub nats_user: Option<String>,
    /// The password of the user; better in the environment or in a file
    #[arg(
        long,
        env = "NATS_PASSWORD",
        value_name = "PASSWORD",
        hide_env_values = true,
        requires = "nats_user"
    )]
    pub nats_password: Option<String>,
    /// The file of the password; - is standard input
    #[arg(
        long,
        env = "NATS_PASSWORD_FILE",
        value_name = "FILE",
        requires = "nats_user",
        conflicts_with = "nats_password"
    )]
    pub nats_password_file: Option<PathBuf>,
    /// Authenticate by a credentials file (JWT and nkey)
    #[arg(long, env = "NATS_CREDS", value_name = "FILE")]
    pub nats_creds: Option<PathBuf>,
    /// Authenticate by an nkey: a file that holds the seed
    #[arg(long, env = "NATS_NKEY", value_name = "FILE")]
    pub nats_nkey: Option<PathBuf>,
    /// Trust the certificates of this file (PEM)
    #[arg(long, env = "NATS_CA", value_name = "FILE")]
    pub nats_ca: Option<PathBuf>,
    /// Show this certificate (PEM)
    #[arg(long, env = "NATS_CERT", value_name = "FILE", requires = "nats_key")]
    pub nats_cert: Option<PathBuf>,
    /// The key of the certificate (PEM)
    #[arg(long, env = "NATS_KEY", value_name = "FILE", requires = "nats_cert")]
    pub nats_key: Option<PathBuf>,
    /// Refuse a connection without TLS
    #[arg(long)]
    pub nats_tls: bool,
}

/// Why a server cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file named by the options cannot be read.
    #[error("{path} cannot be read: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A user without a password.
    #[error(
        "there is a NATS user and no password: give it with {0} or {0}_FILE in the environment, or \
         with --{1}-file"
    )]
    NoPassword(&'static str, &'static str),
    /// The server does not let us do what the ledger has to.
    #[error(
        "the NATS server does not let {who} do what it has to: {what}; docs/operating.md says what \
         each user must be allowed (Users and permissions)"
    )]
    Denied {
        /// Whose connection.
        who: &'static str,
        /// What the server says.
        what: String,
    },
    /// The URL is none.
    #[error("{url} is not the address of a NATS server: {reason}")]
    Url {
        /// What was given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Nobody answers, or the server does not let us in.
    #[error("cannot connect to NATS at {url}: {reason}")]
    Connect {
        /// Where.
        url: String,
        /// What went wrong.
        reason: String,
        /// Whether it may be otherwise in a moment: nobody is there, rather than somebody who does not
        /// let us in.
        passes: bool,
    },
    /// The server is too old.
    #[error(
        "the NATS server at {url} is {found}, seatledger needs {}.{}.{} or newer: upgrade it, or \
         point --nats elsewhere", VERSION_MIN.0, VERSION_MIN.1, VERSION_MIN.2
    )]
    TooOld {
        /// Where.
        url: String,
        /// Its version.
        found: String,
    },
    /// The server takes smaller messages than a commit may be.
    #[error(
        "the NATS server at {url} takes messages of {found} bytes, a commit may have {PAYLOAD_MIN}: \
         set max_payload in its configuration"
    )]
    SmallPayload {
        /// Where.
        url: String,
        /// What it takes.
        found: usize,
    },
}

impl Error {
    /// Whether it may be otherwise in a moment, without anybody changing the options.
    pub fn passes(&self) -> bool {
        match self {
            Error::Connect { passes, .. } => *passes,
            Error::File { .. }
            | Error::NoPassword(..)
            | Error::Denied { .. }
            | Error::Url { .. }
            | Error::TooOld { .. }
            | Error::SmallPayload { .. } => false,
        }
    }

    /// Whether the options make no sense, rather than that a server is not usable.
    pub fn is_usage(&self) -> bool {
        match self {
            Error::File { .. } | Error::Url { .. } | Error::NoPassword(..) => true,
            Error::Denied { .. }
            | Error::Connect { .. }
            | Error::TooOld { .. }
            | Error::SmallPayload { .. } => false,
        }
    }
}

/// A connection and what happens to it.
#[derive(Debug)]
pub struct Connection {
    /// The client.
    pub client: Client,
    /// One message for each time the connection is there again.
    pub reconnects: mpsc::Receiver<()>,
    /// What the server did not let it do first.
    pub denied: Denied,
}

impl Options {
    /// Whether they say who to be.
    pub fn has_credentials(&self) -> bool {
        let by_file = [&self.nats_creds, &self.nats_nkey, &self.nats_token_file];
        by_file.iter().any(|it| it.is_some())
            || self.nats_token.is_some()
            || self.nats_user.is_some()
    }

    /// Connects, and refuses a server that is too old.
    pub async fn connect(&self, name: &str) -> Result<Connection, Error> {
        let url = self.url.clone().unwrap_or_else(|| "nats://127.0.0.1:4222".to_owned());
        let (told, reconnects) = mpsc::channel(16);
        let options = self.with_secrets()?;
        let denied = Denied::default();
        let addresses: Vec<async_nats::ServerAddr> =
            url.split(',').map(|it| it.trim().parse()).collect::<Result<_, _>>().map_err(
                |it: std::io::Error| Error::Url {
                    url: without_password(&url),
                    reason: it.to_string(),
                },
            )?;
        let mut attempt = 1;
        let client = loop {
            let options = options.named(name, told.clone(), denied.clone()).await?;
            match options.connect(addresses.clone()).await {
                Err(error) if advice::was_slow(&error) && attempt < CONNECT_ATTEMPTS => {
                    attempt += 1;
                    tracing::warn!(%error, "connecting again");
                }
                answer => break answer,
            }
        };
        let url = without_password(&url);
        let client = client.map_err(|it| Error::Connect {
            reason: format!("{}{}; {}", chain(&it), self.about_tls(), advice::of(&it)),
            url: url.clone(),
            passes: advice::passes(&it),
        })?;
        let (found, payload) = (client.server_info().version, client.server_info().max_payload);
        if payload < PAYLOAD_MIN {
            return Err(Error::SmallPayload { url, found: payload });
        }
        match version(&found) {
            Some(it) if it >= VERSION_MIN => Ok(Connection { client, reconnects, denied }),
            Some(_) | None => Err(Error::TooOld { url, found }),
        }
    }

    async fn named(
        &self,
        name: &str,
        told: mpsc::Sender<()>,
        denied: Denied,
    ) -> Result<ConnectOptions, Error> {
        let options = self.authenticated().await?;
        let noted = outage::Noted::new(name, told, denied);
        Ok(options
            .name(name)
            .connection_timeout(CONNECT_TIMEOUT)
            .ping_interval(PING_PERIOD)
            .subscription_capacity(SUBSCRIPTION_CAPACITY)
            .reconnect_delay_callback(|attempt| {
                let millis = u64::try_from(attempt).unwrap_or(u64::MAX).saturating_mul(50);
                Duration::from_millis(millis).min(RECONNECT_PAUSE_MAX)
            })
            .reconnect_to_server_callback(elsewhere::in_turn())
            .event_callback(move |event| {
                noted.note(&event);
                std::future::ready(())
            }))
    }

    /// A server without TLS answers a handshake with bytes that only look corrupt.
    fn about_tls(&self) -> &'static str {
        if self.nats_tls { " (--nats-tls demands TLS: does the server offer it?)" } else { "" }
    }

    async fn authenticated(&self) -> Result<ConnectOptions, Error> {
        let mut options = ConnectOptions::new();
        if let Some(path) = &self.nats_creds {
            let file = |source| Error::File { path: path.clone(), source };
            options = options.credentials_file(path).await.map_err(file)?;
        }
        if let Some(path) = &self.nats_nkey {
            let file = |source| Error::File { path: path.clone(), source };
            let seed = tokio::fs::read_to_string(path).await.map_err(file)?;
            options = options.nkey(seed.trim().to_owned());
        }
        if let Some(token) = &self.nats_token {
            options = options.token(token.clone());
        }
        if let (Some(user), Some(password)) = (&self.nats_user, &self.nats_password) {
            options = options.user_and_password(user.clone(), password.clone());
        }
        if let Some(path) = &self.nats_ca {
            options = options.add_root_certificates(path.clone());
        }
        if let (Some(cert), Some(key)) = (&self.nats_cert, &self.nats_key) {
            options = options.add_client_certificate(cert.clone(), key.clone());
        }
        Ok(options.require_tls(self.nats_tls))
    }
}

/// An address, or several, as they may be shown: without user and password.
pub fn without_password(url: &str) -> String {
    let shown = |it: &str| match (it.split_once("://"), it.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
        (None, Some((_, host))) => host.to_owned(),
        (_, None) => it.to_owned(),
    };
    url.split(',').map(shown).collect::<Vec<_>>().join(",")
}

/// An error and its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(it) = source {
        let said = it.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        source = it.source();
    }
    text
}

/// `2.15.1`, also with a suffix such as `-beta.2`.
fn version(text: &str) -> Option<(u64, u64, u64)> {
    let mut parts = text.split('-').next()?.splitn(3, '.').map(str::parse);
    match (parts.next()?, parts.next()?, parts.next()?) {
        (Ok(major), Ok(minor), Ok(patch)) => Some((major, minor, patch)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[test]
    fn a_password_is_not_shown() {
        let url = "nats://ada:s3@cret@one:4222,two:4222, tls://token@three";
        assert_eq!(without_password(url), "nats://one:4222,two:4222, tls://three");
    }

    #[test]
    fn versions_are_compared_by_their_numbers() {
        assert_eq!(version("2.15.1"), Some((2, 15, 1)));
        assert_eq!(version("2.12.0-beta.3"), Some((2, 12, 0)));
        assert!(version("2.9.10").unwrap() < VERSION_MIN);
        assert_eq!(version("dev"), None);
    }

    /// A server that says so often that it has waited for too long, and then takes who connects.
    async fn impatient(times: u32) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let info = r#"{"server_id":"s","version":"2.15.1","proto":1,"max_payload":8388608}"#;
        tokio::spawn(async move {
            for connection in 0.. {
                let mut stream = listener.accept().await.unwrap().0;
                stream.write_all(format!("INFO {info}\r\n").as_bytes()).await.unwrap();
                let mut said = vec![0; 4096];
                assert!(stream.read(&mut said).await.unwrap() > 0);
                let late = "-ERR 'Authentication Timeout'\r\n";
                let answer = if connection < times { late } else { "PONG\r\n" };
                stream.write_all(answer.as_bytes()).await.unwrap();
                tokio::spawn(async move { while stream.read(&mut said).await.unwrap_or(0) > 0 {} });
            }
        });
        format!("nats://{address}")
    }

    #[tokio::test]
    async fn a_server_that_found_us_slow_is_asked_again_but_not_for_ever() {
        for (times, taken) in [(0, true), (CONNECT_ATTEMPTS - 1, true), (u32::MAX, false)] {
            let options = Options { url: Some(impatient(times).await), ..Options::default() };
            let connected = options.connect("test").await;
            assert_eq!(connected.is_ok(), taken, "{times}: {connected:?}");
        }
    }
}
