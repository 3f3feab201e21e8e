//! Finding and asking a running ledger.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Exit, Global, failed};
use crate::client::{self, Answer, Client};
use crate::nats;

/// The file in its directory by which a running ledger is found.
const READY_FILE: &str = "ready.json";

/// What a ledger says of itself once it serves: a line for scripts, and a file for the others.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Ready {
    pub(super) ready: bool,
    /// Where HTTP is.
    pub(super) http: String,
    /// Where NATS is.
    pub(super) nats: String,
    /// Always null: the users of the nats-server have passwords.
    pub(super) nats_token: Option<String>,
    /// Whose rights there whoever reads this has, where the ledger made them.
    pub(super) nats_user: Option<String>,
    pub(super) nats_password: Option<String>,
    /// A key that is admin of every account, of a ledger in dev mode.
    pub(super) key: Option<String>,
    pub(super) pid: u32,
    /// The nats-server's, where the ledger runs one.
    pub(super) nats_pid: Option<u32>,
}

impl Ready {
    /// Writes the file, readable for its owner only: it holds a password and a key.
    pub(super) fn write(&self, dir: &Path) -> std::io::Result<PathBuf> {
        let path = dir.join(READY_FILE);
        let text = serde_json::to_vec(self)?;
        crate::private_file::replace(&path, &text)?;
        Ok(path)
    }

    /// How to reach the NATS server that the file names.
    pub(super) fn nats(self) -> nats::Options {
        nats::Options {
            url: Some(self.nats),
            nats_user: self.nats_user,
            nats_password: self.nats_password,
            ..nats::Options::default()
        }
    }

    /// Reads the file of a directory.
    pub(super) fn read(dir: &Path) -> Option<Ready> {
        let text = std::fs::read(dir.join(READY_FILE)).ok()?;
        serde_json::from_slice(&text).ok()
    }
}

/// Which ledger is asked.
#[derive(Debug, Clone, Args)]
pub(super) struct Remote {
    /// The ledger's HTTP address, such as http://127.0.0.1:8640; found through --dir when absent
    #[arg(long, env = "SEATLEDGER_HTTP", value_name = "URL", value_parser = address)]
    pub(super) http: Option<String>,
    /// The file that holds the key to show; the environment variable SEATLEDGER_KEY holds one too.
    /// That of a ledger in dev mode is found through --dir
    #[arg(long, env = "SEATLEDGER_KEY_FILE", value_name = "FILE")]
    pub(super) key_file: Option<PathBuf>,
}

/// A key in the environment. In an argument every other process of the machine would see it.
const KEY: &str = "SEATLEDGER_KEY";

/// The address of a ledger: a URL, or a host and a port.
fn address(text: &str) -> Result<String, String> {
    let is_bare = !text.contains("://");
    let url = if is_bare { format!("http://{text}") } else { text.to_owned() };
    let parsed: Option<hyper::Uri> = url.parse().ok();
    match parsed.is_some_and(|it| is_address(&it, is_bare)) {
        true => Ok(url),
        false => Err("it must look like http://127.0.0.1:8640, or 127.0.0.1:8640 for short; the \
                      ledger itself speaks no TLS"
            .to_owned()),
    }
}

/// Whether requests can be sent there. A bare host has a port, or it would be any word.
fn is_address(url: &hyper::Uri, is_bare: bool) -> bool {
    let (Some(scheme), Some(authority)) = (url.scheme_str(), url.authority()) else { return false };
    // The host of an authority is its beginning, unless there is a user before it.
    let port = authority.as_str().strip_prefix(authority.host());
    let is_place = match port {
        Some("") => !is_bare,
        Some(_) => authority.port_u16().is_some(),
        None => false,
    };
    scheme == "http" && !authority.host().is_empty() && is_place && url.query().is_none()
}

impl Remote {
    /// A client of the ledger that is meant.
    pub(super) fn client(&self, global: &Global) -> anyhow::Result<Client> {
        let ready = Ready::read(&global.dir);
        let key = self.key(ready.as_ref())?;
        let found = self.http.clone().or_else(|| ready.map(|it| it.http));
        let Some(base) = found else {
            return Err(failed(
                Exit::Unreachable,
                format!(
                    "no ledger is known in {}: start one with `seatledger dev`, or give --http \
                     or --dir",
                    global.dir.display()
                ),
            ));
        };
        Ok(Client::new(&base).with_key(key.as_deref()))
    }

    /// The key to show, if one is known. That of `dev` is for its own address alone.
    fn key(&self, ready: Option<&Ready>) -> anyhow::Result<Option<String>> {
        if let Some(path) = &self.key_file {
            let text = std::fs::read_to_string(path);
            let text =
                text.map_err(|it| failed(Exit::Usage, format!("{}: {it}", path.display())))?;
            return Ok(Some(text.trim().to_owned()));
        }
        if let Ok(key) = std::env::var(KEY) {
            return Ok(Some(key.trim().to_owned()));
        }
        let own = ready.filter(|it| self.http.as_ref().is_none_or(|http| *http == it.http));
        Ok(own.and_then(|it| it.key.clone()))
    }
}

/// GET of a JSON document; a problem becomes an error.
pub(super) async fn get(client: &Client, path: &str) -> anyhow::Result<Value> {
    let answer = client.get(path).await.map_err(unreachable_ledger)?;
    value(&answer)
}

/// The document of an answer; a problem becomes an error.
pub(super) fn value(answer: &Answer) -> anyhow::Result<Value> {
    let document: Value = serde_json::from_slice(&answer.body)
        .map_err(|it| failed(Exit::Unsound, format!("the answer is not JSON: {it}")))?;
    match answer.status {
        200..300 => Ok(document),
        _ => Err(problem(answer.status, &document)),
    }
}

/// What went wrong, as a person reads it.
pub(super) fn problem(status: u16, document: &Value) -> anyhow::Error {
    let said = |member: &str| super::output::cell(&document[member]);
    let pointer = match said("pointer") {
        pointer if pointer.is_empty() => pointer,
        pointer => format!("{pointer}: "),
    };
    let hint = match said("hint") {
        hint if hint.is_empty() => hint,
        hint => format!("\n  hint: {hint}"),
    };
    failed(
        exit_of(status, document),
        format!("{}: {pointer}{}{hint}", said("code"), said("detail")),
    )
}

/// With which code the process ends after a problem. The outcome says more than the status: 404 is
/// a license that is not there and a command type that there is not.
pub(super) fn exit_of(status: u16, document: &Value) -> Exit {
    match status {
        400 | 413 => Exit::Usage,
        503 => Exit::Unreachable,
        _ if document["outcome"] == "malformed" => Exit::Usage,
        // Read models are known by name from the first start on: another name is a mistake.
        _ if document["code"] == "read_model_not_found" => Exit::Usage,
        _ => Exit::Refused,
    }
}

/// Nobody could be asked.
pub(super) fn unreachable_ledger(error: client::Error) -> anyhow::Error {
    failed(Exit::Unreachable, format!("{error}; is the ledger running?"))
}

/// Text as one segment of a path or one value of a query.
pub(super) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// A query string of the pairs that have a value.
pub(super) fn query<'a>(pairs: impl IntoIterator<Item = (&'a str, Option<String>)>) -> String {
    let given = pairs.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let parts: Vec<String> =
        given.map(|(name, value)| format!("{name}={}", encoded(&value))).collect();
    match parts.is_empty() {
        true => String::new(),
        false => format!("?{}", parts.join("&")),
    }
}
