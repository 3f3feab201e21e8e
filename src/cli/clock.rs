//! `seatledger clock`: what the time is, and moving it forward in dev mode.

use clap::Args;
use serde_json::{Value, json};

use super::remote::{Remote, get, unreachable_ledger, value};
use super::{Exit, Global, output};

#[derive(Debug, Args)]
pub(super) struct Clock {
    /// Move it forward by this, such as 90s, 12h or 30d (dev mode only)
    #[arg(long, value_name = "SPAN", conflicts_with = "to")]
    forward: Option<String>,
    /// Move it forward to this moment (dev mode only)
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

impl Clock {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let client = self.remote.client(global)?;
        let shown = match (&self.forward, &self.to) {
            (None, None) => get(&client, "/v1/clock").await?,
            (forward, to) => {
                let mut asked = json!({"forward": forward, "to": to});
                if let Value::Object(members) = &mut asked {
                    members.retain(|_, it| !it.is_null());
                }
                let body = asked.to_string().into_bytes();
                let answer = client.post("/v1/clock", body).await.map_err(unreachable_ledger)?;
                value(&answer)?
            }
        };
        if global.json {
            output::json(&shown);
            return Ok(Exit::Done);
        }
        let said = |member: &str| output::cell(&shown[member]);
        let ahead = match shown["ahead_seconds"].as_u64() {
            Some(0) | None => String::new(),
            Some(seconds) => format!("  {seconds} s ahead"),
        };
        output::line(&format!("{}{ahead}  log sequence {}", said("now"), said("sequence")));
        if !shown["next_due"].is_null() {
            output::line(&format!("  next due {}", said("next_due")));
        }
        Ok(Exit::Done)
    }
}
