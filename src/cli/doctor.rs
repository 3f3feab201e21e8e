//! `seatledger doctor`: what is wrong, and what to do about it.

use clap::Args;
use serde_json::{Value, json};

use super::remote::{Remote, get};
use super::{Exit, Global, output};

#[derive(Debug, Args)]
pub(super) struct Doctor {
    #[command(flatten)]
    remote: Remote,
}

/// One thing that was looked at.
struct Looked {
    level: String,
    code: Option<String>,
    what: String,
    fix: String,
}

impl Doctor {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let client = self.remote.client(global)?;
        let status = get(&client, "/v1/status").await?;
        let findings = look(&status);
        let sound = status["sound"] == true;
        if global.json {
            let items: Vec<Value> = findings
                .iter()
                .map(|it| json!({"level": it.level, "code": it.code, "what": it.what, "fix": it.fix}))
                .collect();
            output::json(&json!({ "sound": sound, "findings": items }));
        } else {
            for it in &findings {
                let level = output::word(format_args!("{:4}", it.level), it.level == "ok");
                output::line(&format!("{level}  {}", it.what));
                if !it.fix.is_empty() {
                    output::line(&format!("      fix: {}", it.fix));
                }
            }
        }
        Ok(if sound { Exit::Done } else { Exit::Unsound })
    }
}

/// What the ledger says itself that is not as it should be, then what is.
fn look(status: &Value) -> Vec<Looked> {
    let said = |member: &str| output::cell(&status[member]);
    let number = |value: &Value| value.as_u64().unwrap_or_default();
    let list = |member: &str| status[member].as_array().map(Vec::as_slice).unwrap_or_default();
    let found: Vec<&str> = list("findings").iter().filter_map(|it| it["code"].as_str()).collect();
    let mut looked: Vec<Looked> = list("findings")
        .iter()
        .map(|it| Looked {
            level: output::cell(&it["level"]),
            code: it["code"].as_str().map(str::to_owned),
            what: output::cell(&it["detail"]),
            fix: output::cell(&it["fix"]),
        })
        .collect();
    let mut ok = |what: String| {
        looked.push(Looked { level: "ok".to_owned(), code: None, what, fix: String::new() });
    };
    if status["condition"] == "ready" {
        ok("commands are taken".to_owned());
    }
    if status["durability"] == "always" {
        ok(format!("nats-server {} fsyncs before it answers", said("nats")));
    }
    let (bytes, max) = (number(&status["bytes"]), number(&status["max_bytes"]));
    if max > 0 && !found.contains(&"log_nearly_full") {
        ok(format!("the log has {bytes} of {max} bytes ({} %)", bytes.saturating_mul(100) / max));
    }
    for model in list("read_models") {
        let name = output::cell(&model["name"]);
        let named = |it: &Value| {
            it["code"].as_str().is_some_and(|it| it.starts_with("read_model_"))
                && output::cell(&it["detail"]).contains(&format!("read model {name} "))
        };
        if !list("findings").iter().any(named) {
            ok(format!("read model {name} is {} commits behind the log", number(&model["behind"])));
        }
    }
    looked
}
