//! Many assignments in few commands, to measure what comes after: rebuilds, checks, starts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use clap::Args;
use serde_json::{Value, json};

use super::nats;
use crate::cli::{Exit, Global, failed, output};

/// Holders in one command.
pub(super) const HOLDERS: u64 = 1_000;

/// Commands under way at once.
const CALLERS: u64 = 4;

#[derive(Debug, Args)]
pub(in crate::cli) struct Fill {
    #[command(flatten)]
    nats: crate::nats::Options,
    /// Assignments
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
    /// Accounts, each with one license for every thousand assignments of its share
    #[arg(long, default_value_t = 100)]
    accounts: u64,
}

impl Fill {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let client = nats(global, &self.nats).await?;
        let (begin, next) = (Instant::now(), Arc::new(AtomicU64::new(0)));
        let commands = self.events.div_ceil(HOLDERS);
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| {
                let (client, next) = (client.clone(), next.clone());
                let accounts = self.accounts.max(1);
                tokio::spawn(async move {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= commands {
                            return Ok::<(), anyhow::Error>(());
                        }
                        fill(&client, number, accounts).await?;
                    }
                })
            })
            .collect();
        for caller in callers {
            caller.await??;
        }
        let seconds = begin.elapsed().as_secs_f64();
        let events = commands * HOLDERS;
        let rate = events as f64 / seconds;
        match global.json {
            true => {
                output::json(&json!({"events": events, "seconds": seconds, "per_second": rate}))
            }
            false => {
                output::line(&format!("{events} assignments in {seconds:.1} s ({rate:.0}/s)"));
            }
        }
        Ok(Exit::Done)
    }
}

async fn fill(client: &async_nats::Client, number: u64, accounts: u64) -> anyhow::Result<()> {
    let (account, license) = (format!("fill-{}", number % accounts), number / accounts);
    let allocate = json!({
        "id": format!("fill-a-{number}"),
        "license": format!("f{license}"),
        "product": format!("p{license}"),
        "quantity": HOLDERS,
    });
    send(client, &account, "AllocateLicense", &allocate).await?;
    let holders: Vec<Value> =
        (0..HOLDERS).map(|it| json!({ "user": format!("user-{license}-{it}") })).collect();
    let assign = json!({
        "id": format!("fill-s-{number}"),
        "license": format!("f{license}"),
        "holders": holders,
    });
    send(client, &account, "AssignSeat", &assign).await
}

/// Sends a command that has to be accepted.
pub(super) async fn send(
    client: &async_nats::Client,
    account: &str,
    command: &str,
    document: &Value,
) -> anyhow::Result<()> {
    let subject = format!("seatledger.command.{account}.{command}");
    let reply = client.request(subject, document.to_string().into()).await;
    let reply = reply.map_err(|it| failed(Exit::Unreachable, it.to_string()))?;
    match reply.payload.starts_with(b"{\"outcome\":\"accepted\"") {
        true => Ok(()),
        false => {
            let said = String::from_utf8_lossy(&reply.payload).into_owned();
            Err(failed(Exit::Refused, said))
        }
    }
}
