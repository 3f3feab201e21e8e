//! `seatledger keys`: making keys, showing them, revoking them.

use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use uuid::Uuid;

use super::asking::{When, say_sequence};
use super::remote::{Ready, encoded, exit_of, problem};
use super::{Exit, Global, failed, output};
use crate::auth::Key;
use crate::nats;
use crate::writer::OUTCOME_TIMEOUT;

/// How long an answer over NATS may take: a little longer than the ledger takes itself.
const ANSWER_TIMEOUT: Duration = OUTCOME_TIMEOUT.saturating_add(Duration::from_secs(2));

#[derive(Debug, Args)]
pub(super) struct Keys {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Make a key and show it, once
    Create(Create),
    /// Show the keys of an account
    List(List),
    /// Revoke a key: within a second it is not taken any more
    Revoke(Revoke),
}

/// Where commands about keys go: over NATS, because there the first key can be made too.
#[derive(Debug, Args)]
struct Doors {
    #[command(flatten)]
    nats: nats::Options,
    /// What all subjects of the ledger begin with
    #[arg(long, default_value = "seatledger")]
    prefix: String,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  seatledger keys create --account acme --role operator --name provisioning
  seatledger keys create --account ops --role admin --every-account --nats nats://127.0.0.1:4222
  seatledger keys create --account acme --role reader --facades uipath,ibl --expires 2027-01-01")]
struct Create {
    /// Its home: the account that it reaches, and that is meant where a call names none
    #[arg(long)]
    account: String,
    /// What it may do: admin, operator, auditor or reader
    #[arg(long)]
    role: String,
    /// Which APIs take it, out of native, uipath, ibl and aladia; all when absent
    #[arg(long, value_delimiter = ',')]
    facades: Vec<String>,
    /// When it expires: a time, or the beginning of a day (UTC)
    #[arg(long, value_name = "WHEN")]
    expires: Option<String>,
    /// It reaches every account
    #[arg(long)]
    every_account: bool,
    /// What people call it
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    doors: Doors,
}

#[derive(Debug, Args)]
struct List {
    /// Of which account
    #[arg(long)]
    account: String,
    #[command(flatten)]
    when: When,
}

#[derive(Debug, Args)]
struct Revoke {
    /// Which key: its 16 hex digits, or all of it
    key: String,
    /// Its home
    #[arg(long)]
    account: String,
    /// Why
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    doors: Doors,
}

impl Keys {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        match self.what {
            What::Create(it) => it.run(global).await,
            What::List(it) => it.run(global).await,
            What::Revoke(it) => it.run(global).await,
        }
    }
}

impl Create {
    async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let key = Key::make()?;
        let mut document = json!({"key": key.id(), "hash": key.hash(), "role": self.role});
        if !self.facades.is_empty() {
            document["facades"] = json!(self.facades);
        }
        if let Some(expires) = &self.expires {
            document["expires_at"] = json!(moment(expires));
        }
        if self.every_account {
            document["every_account"] = json!(true);
        }
        if let Some(name) = &self.name {
            document["name"] = json!(name);
        }
        let answer = self.doors.send(global, &self.account, "CreateKey", document).await?;
        let Some(answer) = accepted(global, answer)? else { return Ok(Exit::Refused) };
        let sequence = &answer["sequence"];
        match global.json {
            true => output::json(&json!({
                "key": key.reveal(), "id": key.id(), "account": self.account, "role": self.role,
                "sequence": sequence,
            })),
            false => {
                output::line(&key.reveal());
                output::error(&format!(
                    "key {} of {} is made, at sequence {sequence}; it is shown this once, and kept \
                     nowhere",
                    key.id(),
                    output::printable(&self.account)
                ));
            }
        }
        Ok(Exit::Done)
    }
}

impl List {
    async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let path = format!("/v1/accounts/{}/keys", encoded(&self.account));
        let answer = self.when.asking(global)?.list(&path, &[], usize::MAX).await?;
        if global.json {
            output::json(&answer);
            return Ok(Exit::Done);
        }
        let items = answer["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        let row = |it: &Value| {
            let said = |member: &str| output::cell(&it[member]);
            let reach = if it["every_account"] == true { "every account" } else { "" };
            let state = match (it["until"].is_string(), it["expires_at"].is_string()) {
                (true, _) => format!("revoked {}", said("until")),
                (false, true) => format!("until {}", said("expires_at")),
                (false, false) => String::new(),
            };
            let (key, name, role) = (said("key"), said("name"), said("role"));
            let (apis, used) = (said("facades"), said("last_used"));
            vec![key, name, role, reach.to_owned(), apis, state, used, said("since")]
        };
        let head = ["key", "name", "role", "reaches", "facades", "state", "last used", "since"];
        output::table(&head, items.iter().map(row).collect());
        say_sequence(&answer);
        Ok(Exit::Done)
    }
}

impl Revoke {
    async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        // Whoever has lost a key may paste all of it.
        let whole = Key::parse(self.key.trim()).ok().map(|it| it.id().to_string());
        let key = whole.unwrap_or(self.key);
        let mut document = json!({"key": key});
        if let Some(reason) = &self.reason {
            document["reason"] = json!(reason);
        }
        let answer = self.doors.send(global, &self.account, "RevokeKey", document).await?;
        let Some(answer) = accepted(global, answer)? else { return Ok(Exit::Refused) };
        match global.json {
            true => output::json(&answer),
            false => {
                let again = answer["events"].as_array().is_some_and(Vec::is_empty);
                let said = if again { "was revoked before" } else { "is revoked" };
                output::line(&format!("key {} {said}", output::printable(&key)));
            }
        }
        Ok(Exit::Done)
    }
}

impl Doors {
    /// Asks over NATS; the answer is the document that every door gives.
    async fn send(
        &self,
        global: &Global,
        account: &str,
        kind: &str,
        mut document: Value,
    ) -> anyhow::Result<Value> {
        if events::AccountId::new(account).is_err() {
            let said = output::printable(account);
            let why = format!("{said} cannot be an account: it must match [A-Za-z0-9_-]{{1,64}}");
            return Err(failed(Exit::Usage, why));
        }
        document["id"] = json!(Uuid::now_v7());
        let mut options = self.nats.clone();
        if options.url.is_none() {
            // Whatever listens at a usual address may be another ledger's.
            let ready = Ready::read(&global.dir).ok_or_else(|| {
                let dir = global.dir.display();
                let why = format!(
                    "no ledger is known in {dir}: its ready.json is not there, or cannot be read; \
                     give --nats, or the --dir of a ledger that runs"
                );
                failed(Exit::Unreachable, why)
            })?;
            let known = ready.nats();
            options.url = known.url;
            if !options.has_credentials() {
                options.nats_user = known.nats_user;
                options.nats_password = known.nats_password;
            }
        }
        let unreachable = |it: String| failed(Exit::Unreachable, it);
        let connection = options.connect("seatledger keys").await;
        let client = connection.map_err(|it| unreachable(it.to_string()))?.client;
        let subject = format!("{}.admin.{account}.{kind}", self.prefix);
        let asked = client.request(subject, document.to_string().into());
        let answer = match tokio::time::timeout(ANSWER_TIMEOUT, asked).await {
            Ok(answer) => answer.map_err(|it| unreachable(format!("no ledger answers: {it}")))?,
            Err(_) => return Err(unreachable("the ledger did not answer in time".to_owned())),
        };
        serde_json::from_slice(&answer.payload)
            .map_err(|it| failed(Exit::Unsound, format!("the answer is not JSON: {it}")))
    }
}

/// The answer, if the command was accepted; a refusal is shown as `send` shows one.
fn accepted(global: &Global, answer: Value) -> anyhow::Result<Option<Value>> {
    if answer["outcome"] == "accepted" {
        return Ok(Some(answer));
    }
    let status = answer["status"].as_u64().and_then(|it| u16::try_from(it).ok()).unwrap_or(500);
    match global.json && exit_of(status, &answer) == Exit::Refused {
        true => {
            output::json(&answer);
            Ok(None)
        }
        false => Err(problem(status, &answer)),
    }
}

/// A time as it was given, or the beginning of a day.
fn moment(text: &str) -> String {
    match text.contains('T') {
        true => text.to_owned(),
        false => format!("{text}T00:00:00Z"),
    }
}
