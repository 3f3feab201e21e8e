//! `seatledger send`: commands from arguments, a file or standard input.

mod lines;

use std::io::Read as _;

use clap::Args;
use serde_json::Value;

use super::remote::{Remote, encoded, exit_of, problem, unreachable_ledger};
use super::{Exit, Global, failed, output};
use crate::client::Client;
use lines::Lines;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  seatledger send acme AssignSeat '{\"license\":\"creative\",\"holders\":[{\"user\":\"ada\"}]}'
  seatledger send acme AssignSeat --file command.json
  seatledger send --lines commands.jsonl      each line with its own account, type and id
  seatledger send --lines hires.jsonl --key hires-2026-11")]
pub(super) struct Send {
    /// For which account
    #[arg(required_unless_present = "lines")]
    account: Option<String>,
    /// Which command, such as AssignSeat
    #[arg(required_unless_present = "lines")]
    command: Option<String>,
    /// The document; standard input when absent or -
    document: Option<String>,
    /// Read the document from a file
    #[arg(long, value_name = "FILE", conflicts_with = "document")]
    file: Option<std::path::PathBuf>,
    /// Send many: a file of JSON lines, each with account and type; - is standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["account", "command", "document", "file"])]
    lines: Option<std::path::PathBuf>,
    /// What the command is called: one that was accepted is not done again. With --lines those
    /// without an id are called so, with the number of their line
    #[arg(long)]
    key: Option<String>,
    /// Judge only: show the events it would cause, write nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    remote: Remote,
}

impl Send {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let client = self.remote.client(global)?;
        if let Some(lines) = &self.lines {
            let (dry_run, key) = (self.dry_run, self.key.as_deref());
            return Lines { global, client: &client, dry_run, key }.send(lines).await;
        }
        let (Some(account), Some(command)) = (&self.account, &self.command) else {
            return Err(failed(Exit::Usage, "an account and a command are needed"));
        };
        let document = self.document()?;
        let (status, answer) = self.send(&client, account, command, document).await?;
        match status {
            200..300 => {
                print(global, &answer);
                Ok(Exit::Done)
            }
            _ if global.json => {
                output::json(&answer);
                Ok(exit_of(status, &answer))
            }
            _ => Err(problem(status, &answer)),
        }
    }

    fn document(&self) -> anyhow::Result<Vec<u8>> {
        let mut document = vec![];
        match (&self.document, &self.file) {
            (Some(text), _) if text != "-" => document = text.clone().into_bytes(),
            (_, Some(path)) => {
                document = std::fs::read(path)
                    .map_err(|it| failed(Exit::Usage, format!("{}: {it}", path.display())))?;
            }
            (_, None) => {
                std::io::stdin().read_to_end(&mut document)?;
            }
        }
        Ok(document)
    }

    async fn send(
        &self,
        client: &Client,
        account: &str,
        command: &str,
        document: Vec<u8>,
    ) -> anyhow::Result<(u16, Value)> {
        let dry_run = if self.dry_run { "?dry_run=true" } else { "" };
        let path =
            format!("/v1/accounts/{}/commands/{}{dry_run}", encoded(account), encoded(command));
        let sent = match &self.key {
            Some(key) => client.post_as(&path, document, key).await,
            None => client.post(&path, document).await,
        };
        let answer = sent.map_err(unreachable_ledger)?;
        let document = serde_json::from_slice(&answer.body)
            .map_err(|it| failed(Exit::Unsound, format!("the answer is not JSON: {it}")))?;
        Ok((answer.status, document))
    }
}

fn print(global: &Global, answer: &Value) {
    if global.json {
        return output::json(answer);
    }
    let said = |member: &str| output::cell(&answer[member]);
    match answer["outcome"].as_str() {
        Some("accepted") => {
            let again = if answer["replayed"] == true { ", as before" } else { "" };
            let dry = if answer["dry_run"] == true { " (dry run: nothing is written)" } else { "" };
            let events = answer["events"].as_array().map(Vec::as_slice).unwrap_or_default();
            output::line(&format!(
                "{}{again}  sequence {}  command {}{dry}",
                output::word("accepted", true),
                said("sequence"),
                said("command")
            ));
            if events.is_empty() {
                output::line("  it was so already");
            }
            for event in events {
                output::line(&format!(
                    "  {}  {}",
                    output::cell(&event["type"]),
                    output::printable(&event["data"].to_string())
                ));
            }
        }
        _ => {
            let place = answer["line"].as_u64().map(|it| format!("line {it}: "));
            output::line(&format!(
                "{}  {}  {}{}",
                output::word(said("outcome"), false),
                said("code"),
                place.unwrap_or_default(),
                said("detail")
            ));
        }
    }
}
