//! `seatledger void`: declares messages void that stand on the log and are none of the ledger's.

use clap::Args;
use serde_json::{Value, json};

use super::remote::{Remote, unreachable_ledger, value};
use super::{Exit, Global, output};

#[derive(Debug, Args)]
pub(super) struct Void {
    /// The sequence of the first message, as `status` says it
    #[arg(long)]
    first: u64,
    /// That of the last
    #[arg(long)]
    last: u64,
    /// What they say, as `status` has it: whoever declares something void has looked at it
    #[arg(long)]
    digest: String,
    /// Why
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

impl Void {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let client = self.remote.client(global)?;
        let mut asked = json!({"first": self.first, "last": self.last, "digest": self.digest});
        if let Some(reason) = self.reason {
            asked["reason"] = Value::String(reason);
        }
        let body = asked.to_string().into_bytes();
        let answer = client.post("/v1/log/void", body).await.map_err(unreachable_ledger)?;
        let voided = value(&answer)?;
        match global.json {
            true => output::json(&voided),
            false => output::line(&format!(
                "sequences {} to {} are void, says sequence {}",
                self.first,
                self.last,
                output::cell(&voided["sequence"])
            )),
        }
        Ok(Exit::Done)
    }
}
