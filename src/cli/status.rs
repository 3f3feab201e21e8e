//! `seatledger status`: how a running ledger is.

use clap::Args;
use serde_json::Value;

use super::remote::{Remote, get};
use super::{Exit, Global, output};

#[derive(Debug, Args)]
pub(super) struct Status {
    #[command(flatten)]
    remote: Remote,
}

impl Status {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let client = self.remote.client(global)?;
        let status = get(&client, "/v1/status").await?;
        let sound = status["sound"] == true;
        if global.json {
            output::json(&status);
            return Ok(if sound { Exit::Done } else { Exit::Unsound });
        }
        let said = |member: &str| output::cell(&status[member]);
        let size = match status["bytes"].is_null() {
            true => "NATS does not say how large the log is".to_owned(),
            false => format!("{} of {} bytes", said("bytes"), said("max_bytes")),
        };
        output::line(&format!(
            "seatledger {}  {}  log sequence {}  {size}",
            said("version"),
            output::word(said("condition"), sound),
            said("sequence"),
        ));
        for found in status["findings"].as_array().map(Vec::as_slice).unwrap_or_default() {
            let said = |member: &str| output::cell(&found[member]);
            output::line(&format!("  {} {}: {}", said("level"), said("code"), said("detail")));
            output::line(&format!("    fix: {}", said("fix")));
        }
        let models = status["read_models"].as_array().map(Vec::as_slice).unwrap_or_default();
        let row = |it: &Value| {
            ["name", "sequence", "behind"].iter().map(|name| output::cell(&it[*name])).collect()
        };
        output::table(&["read model", "sequence", "behind"], models.iter().map(row).collect());
        Ok(if sound { Exit::Done } else { Exit::Unsound })
    }
}
