//! `seatledger doctor`: what is wrong, and what to do about it.

use clap::Args;
use serde_json::{Value, json};

use super::remote::{Remote, get};
use super::{Exit, Global, output};

/// A read model that is this many commits behind is worth a warning.
const BEHIND_WARN: u64 = 1_000;

/// A log that is this full is worth a warning.
const FULL_PERCENT_WARN: u64 = 80;

#[derive(Debug, Args)]
pub(super) struct Doctor {
    #[command(flatten)]
    remote: Remote,
}

/// One thing that was looked at.
struct Finding {
    level: &'static str,
    what: String,
    fix: String,
}

impl Doctor {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let client = self.remote.client(global)?;
        let status = get(&client, "/v1/status").await?;
        let findings = look(&status);
        let worst = findings.iter().any(|it| it.level == "fail");
        if global.json {
            let items: Vec<Value> = findings
                .iter()
                .map(|it| json!({"level": it.level, "what": it.what, "fix": it.fix}))
                .collect();
            output::json(&json!({ "sound": !worst, "findings": items }));
        } else {
            for it in &findings {
                let level = output::word(format_args!("{:4}", it.level), it.level == "ok");
                output::line(&format!("{level}  {}", it.what));
                if !it.fix.is_empty() {
                    output::line(&format!("      fix: {}", it.fix));
                }
            }
        }
        Ok(if worst { Exit::Unsound } else { Exit::Done })
    }
}

fn look(status: &Value) -> Vec<Finding> {
    let said = |member: &str| output::cell(&status[member]);
    let number = |value: &Value| value.as_u64().unwrap_or_default();
    let ok = |what: String| Finding { level: "ok", what, fix: String::new() };
    let warn = |what: String, fix: &str| Finding { level: "warn", what, fix: fix.to_owned() };
    let mut findings = vec![];
    findings.push(match status["condition"].as_str() {
        Some("ready") => ok("commands are taken".to_owned()),
        Some("starting") => warn("the log is still being read".to_owned(), "wait"),
        _ => Finding { level: "fail", what: said("detail"), fix: said("fix") },
    });
    findings.push(match status["durability"].as_str() {
        Some("always") => ok(format!("nats-server {} fsyncs before it answers", said("nats"))),
        Some("later") => Finding {
            level: "fail",
            what: "nats-server answers before it fsyncs: a power cut loses accepted commands"
                .to_owned(),
            fix: "set `sync_interval: always` in its jetstream block".to_owned(),
        },
        _ => warn(
            format!("whether nats-server {} fsyncs is not known", said("nats")),
            "give serve --nats-monitor",
        ),
    });
    let (bytes, max) = (number(&status["bytes"]), number(&status["max_bytes"]));
    let percent = bytes.saturating_mul(100) / max.max(1);
    findings.push(match percent < FULL_PERCENT_WARN {
        true => ok(format!("the log has {bytes} of {max} bytes ({percent} %)")),
        false => warn(
            format!("the log is {percent} % full; at 100 % commands are refused"),
            "raise max_bytes of its stream, below the disk's size",
        ),
    });
    for model in status["read_models"].as_array().map(Vec::as_slice).unwrap_or_default() {
        let (name, behind) = (output::cell(&model["name"]), number(&model["behind"]));
        findings.push(match behind < BEHIND_WARN {
            true => ok(format!("read model {name} is {behind} commits behind the log")),
            false => warn(
                format!("read model {name} is {behind} commits behind the log"),
                "see the log of the ledger; `seatledger rebuild` builds it anew",
            ),
        });
    }
    findings
}
