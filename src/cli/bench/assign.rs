//! AssignSeat over NATS, durable before every answer.

use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::stream::{Config, DiscardPolicy, StorageType};
use bytes::Bytes;
use clap::Args;
use serde_json::{Value, json};
use uuid::Uuid;

use super::closed_loop::{HEAD, Measured, round, run};
use super::fill::{HOLDERS, send};
use super::nats;
use crate::cli::{Exit, Global, failed, output};

/// The stream of plain publishes: made for the run and removed after it.
const STREAM: &str = "SEATLEDGER_BENCH";
const SUBJECT: &str = "seatledger-bench.publish";

/// Bytes it keeps, the newest.
const STREAM_BYTES: i64 = 256 * 1024 * 1024;

/// Seconds of plain publishes, before and after.
const PUBLISH_SECONDS: u64 = 2;

/// Seats of each license: never full during a run.
const QUANTITY: i64 = 1_000_000_000;

/// How long one answer may take.
const TIMEOUT: Duration = Duration::from_secs(15);

#[derive(Debug, Args)]
pub(in crate::cli) struct Assign {
    #[command(flatten)]
    nats: crate::nats::Options,
    /// Callers that send side by side
    #[arg(long, default_value_t = 64)]
    callers: usize,
    /// Accounts
    #[arg(long, default_value_t = 100)]
    accounts: usize,
    /// Licenses of each account
    #[arg(long, default_value_t = 10)]
    licenses: usize,
    /// Seats that are held before it begins, spread over the licenses; those of an earlier run count
    #[arg(long, default_value_t = 0)]
    held: u64,
    /// Seconds
    #[arg(long, default_value_t = 10)]
    seconds: u64,
}

impl Assign {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        if self.callers == 0 || self.accounts == 0 || self.licenses == 0 || self.seconds == 0 {
            return Err(failed(Exit::Usage, "every number must be at least 1"));
        }
        let client = nats(global, &self.nats).await?;
        self.allocate(&client).await?;
        self.hold(&client).await?;
        let context = jetstream::new(client.clone());
        let stream = Config {
            name: STREAM.to_owned(),
            subjects: vec![SUBJECT.to_owned()],
            storage: StorageType::File,
            max_bytes: STREAM_BYTES,
            discard: DiscardPolicy::Old,
            ..Config::default()
        };
        context
            .create_stream(stream)
            .await
            .map_err(|it| failed(Exit::Unreachable, it.to_string()))?;
        let commit = self.commit(&client, &context).await?;
        let mut published = publish(&context, &commit).await;
        let assigned = self.assign(&client).await;
        published.add(&publish(&context, &commit).await);
        // What stays behind is empty of meaning and is replaced by the next run.
        let _ = context.delete_stream(STREAM).await;
        self.print(global, &published, &assigned);
        Ok(if assigned.wrong == 0 { Exit::Done } else { Exit::Unsound })
    }

    async fn allocate(&self, client: &async_nats::Client) -> anyhow::Result<()> {
        for account in 0..self.accounts {
            for license in 0..self.licenses {
                let document = json!({
                    "id": format!("bench-{license}"),
                    "license": format!("l{license}"),
                    "product": format!("p{license}"),
                    "quantity": QUANTITY,
                });
                send(client, &format!("bench-{account}"), "AllocateLicense", &document).await?;
            }
        }
        Ok(())
    }

    /// Has so many seats held, the same ones in every run.
    async fn hold(&self, client: &async_nats::Client) -> anyhow::Result<()> {
        for first in (0..self.held).step_by(HOLDERS as usize) {
            let number = usize::try_from(first / HOLDERS)?;
            let (account, license) =
                (number % self.accounts, number / self.accounts % self.licenses);
            let holders = first..self.held.min(first + HOLDERS);
            let holders: Vec<Value> =
                holders.map(|it| json!({ "user": format!("held-{it}") })).collect();
            let document = json!({
                "id": format!("held-{first}-{}", holders.len()),
                "license": format!("l{license}"),
                "holders": holders,
            });
            send(client, &format!("bench-{account}"), "AssignSeat", &document).await?;
        }
        Ok(())
    }

    /// The bytes that one assignment puts on the log: what is published without a ledger, too.
    async fn commit(
        &self,
        client: &async_nats::Client,
        context: &jetstream::Context,
    ) -> anyhow::Result<Bytes> {
        let (account, document) = document(0, self.accounts, self.licenses);
        let subject = format!("seatledger.command.bench-{account}.AssignSeat");
        let reply = client.request(subject, document.into()).await?;
        let answer: Value = serde_json::from_slice(&reply.payload)?;
        let Some(sequence) = answer["sequence"].as_u64() else {
            return Err(failed(Exit::Refused, answer.to_string()));
        };
        let log = context.get_stream_no_info("SEATLEDGER").await?;
        Ok(log.get_raw_message(sequence).await?.payload)
    }

    async fn assign(&self, client: &async_nats::Client) -> Measured {
        let (accounts, licenses) = (self.accounts, self.licenses);
        run(self.callers, self.seconds, |caller| {
            let client = client.clone();
            let mut number = caller;
            move || {
                // Callers walk over accounts and licenses from different places.
                number = number.wrapping_add(7919);
                let (account, document) = document(number, accounts, licenses);
                let client = client.clone();
                async move {
                    let subject = format!("seatledger.command.bench-{account}.AssignSeat");
                    let request =
                        async_nats::Request::new().payload(document.into()).timeout(Some(TIMEOUT));
                    match client.send_request(subject, request).await {
                        Ok(reply) => reply.payload.starts_with(b"{\"outcome\":\"accepted\""),
                        Err(_) => false,
                    }
                }
            }
        })
        .await
    }

    fn print(&self, global: &Global, publish: &Measured, assigned: &Measured) {
        let rate = assigned.rate() / publish.rate().max(f64::EPSILON);
        let latency = assigned.quantile_ms(0.5) / publish.quantile_ms(0.5).max(f64::EPSILON);
        if global.json {
            return output::json(&json!({
                "callers": self.callers,
                "accounts": self.accounts,
                "licenses": self.licenses,
                "held": self.held,
                "publish": publish.json(),
                "assign": assigned.json(),
                "rate_ratio": round(rate),
                "median_ratio": round(latency),
            }));
        }
        let rows = vec![
            publish.row("publish, one at a time"),
            assigned.row(&format!("AssignSeat, {} callers", self.callers)),
        ];
        output::table(&HEAD, rows);
        output::line(&format!("rate {rate:.2} x the publishes', median {latency:.2} x"));
    }
}

/// One publisher that waits for each acknowledgement.
async fn publish(context: &jetstream::Context, payload: &Bytes) -> Measured {
    run(1, PUBLISH_SECONDS, |_| {
        let (context, payload) = (context.clone(), payload.clone());
        move || {
            let (context, payload) = (context.clone(), payload.clone());
            async move {
                match context.publish(SUBJECT, payload).await {
                    Ok(acknowledged) => acknowledged.await.is_ok(),
                    Err(_) => false,
                }
            }
        }
    })
    .await
}

/// An account and a document that nobody sent before.
fn document(number: usize, accounts: usize, licenses: usize) -> (usize, String) {
    let id = Uuid::now_v7();
    let license = number / accounts.max(1) % licenses.max(1);
    let document =
        format!(r#"{{"id":"{id}","license":"l{license}","holders":[{{"user":"u{id}"}}]}}"#);
    (number % accounts.max(1), document)
}
