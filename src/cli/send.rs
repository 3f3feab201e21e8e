//! `seatledger send`: commands from arguments, a file or standard input.

use std::io::{BufRead as _, Read as _};

use clap::Args;
use serde_json::{Value, json};

use super::remote::{Remote, encoded, exit_of, problem, unreachable_ledger};
use super::{Exit, Global, failed, output};
use crate::client::Client;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  seatledger send acme AssignSeat '{\"license\":\"creative\",\"holders\":[{\"user\":\"ada\"}]}'
  seatledger send acme AssignSeat --file command.json
  seatledger send --lines commands.jsonl      each line with its own account, type and id")]
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
            return self.many(global, &client, lines).await;
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

    /// Sends the lines in order, each once the one before is answered.
    async fn many(
        &self,
        global: &Global,
        client: &Client,
        path: &std::path::Path,
    ) -> anyhow::Result<Exit> {
        let input: Box<dyn std::io::BufRead> = match path.as_os_str() == "-" {
            true => Box::new(std::io::stdin().lock()),
            false => {
                let file = std::fs::File::open(path);
                let file =
                    file.map_err(|it| failed(Exit::Usage, format!("{}: {it}", path.display())))?;
                Box::new(std::io::BufReader::new(file))
            }
        };
        let mut tally = Tally::default();
        for (number, line) in input.split(b'\n').enumerate() {
            let line = line?;
            if line.trim_ascii().is_empty() {
                continue;
            }
            let (status, answer) = match address(number + 1, &line) {
                Ok((account, kind)) => match self.send(client, &account, &kind, line).await {
                    Ok(answered) => answered,
                    Err(error) => {
                        tally.say();
                        return Err(
                            error.context(format!("line {} and those after it", number + 1))
                        );
                    }
                },
                // Nothing was sent, so the ledger cannot say it.
                Err(malformed) => (400, malformed),
            };
            match status {
                200..300 => tally.accepted += 1,
                _ => tally.wrong += 1,
            }
            match global.json {
                true => output::line(&answer.to_string()),
                false => print(global, &answer),
            }
        }
        tally.say();
        Ok(tally.exit())
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
        let answer = client.post(&path, document).await.map_err(unreachable_ledger)?;
        let document = serde_json::from_slice(&answer.body)
            .map_err(|it| failed(Exit::Unsound, format!("the answer is not JSON: {it}")))?;
        Ok((answer.status, document))
    }
}

/// How many of many went well.
#[derive(Default)]
struct Tally {
    accepted: u64,
    wrong: u64,
}

impl Tally {
    fn say(&self) {
        output::error(&format!("{} accepted, {} not", self.accepted, self.wrong));
    }

    fn exit(&self) -> Exit {
        match (self.accepted, self.wrong) {
            (_, 0) => Exit::Done,
            (0, _) => Exit::Refused,
            (_, _) => Exit::Partial,
        }
    }
}

/// The account and the type that a line names, or what is wrong with it in the ledger's own words.
fn address(number: usize, line: &[u8]) -> Result<(String, String), Value> {
    let malformed = |code: &str, detail: String| {
        let detail = format!("line {number}: {detail}");
        json!({"outcome": "malformed", "code": code, "detail": detail, "line": number})
    };
    let named: Value = serde_json::from_slice(line)
        .map_err(|it| malformed("malformed_json", format!("it is not a JSON document: {it}")))?;
    let text = |name: &str| match named.get(name).and_then(Value::as_str) {
        Some(text) => Ok(text.to_owned()),
        None => Err(malformed("missing_field", format!("it needs {name}, as a text"))),
    };
    Ok((text("account")?, text("type")?))
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
        _ => output::line(&format!(
            "{}  {}  {}",
            output::word(said("outcome"), false),
            said("code"),
            said("detail")
        )),
    }
}
