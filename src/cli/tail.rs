//! `seatledger tail`: events as they happen.

use clap::Args;
use http_body_util::BodyExt as _;
use hyper::Method;
use serde_json::Value;

use super::remote::{Remote, encoded, problem, unreachable_ledger};
use super::{Exit, Global, failed, output};

#[derive(Debug, Args)]
pub(super) struct Tail {
    /// Of which account; of all when absent
    account: Option<String>,
    /// Begin after this sequence; at the end of the log when absent
    #[arg(long, value_name = "SEQUENCE")]
    after: Option<u64>,
    /// End after this many events
    #[arg(long)]
    count: Option<u64>,
    #[command(flatten)]
    remote: Remote,
}

impl Tail {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let client = self.remote.client(global)?;
        let path = match &self.account {
            Some(account) => format!("/v1/accounts/{}/events", encoded(account)),
            None => "/v1/events".to_owned(),
        };
        let last = self.after.map(|it| it.to_string());
        let headers: Vec<(&str, &str)> =
            last.iter().map(|it| ("last-event-id", it.as_str())).collect();
        let response = client
            .send(Method::GET, &path, bytes::Bytes::new(), &headers)
            .await
            .map_err(unreachable_ledger)?;
        let status = response.status().as_u16();
        let mut body = response.into_body();
        if status != 200 {
            let whole = body.collect().await?.to_bytes();
            return Err(problem(status, &serde_json::from_slice(&whole).unwrap_or_default()));
        }
        let (mut text, mut seen) = (Vec::new(), 0);
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|it| failed(Exit::Unreachable, it.to_string()))?;
            if let Ok(data) = frame.into_data() {
                text.extend_from_slice(&data);
            }
            while let Some(end) = text.windows(2).position(|it| it == b"\n\n") {
                let event: Vec<u8> = text.drain(..end + 2).collect();
                seen += u64::from(print(global, &event));
                if self.count.is_some_and(|it| seen >= it) {
                    return Ok(Exit::Done);
                }
            }
        }
        Err(failed(Exit::Unreachable, "the ledger has ended the stream"))
    }
}

/// Prints one server-sent event; says whether it was one of the ledger's.
fn print(global: &Global, event: &[u8]) -> bool {
    let text = String::from_utf8_lossy(event);
    let Some(data) = text.lines().find_map(|it| it.strip_prefix("data:")) else { return false };
    let Ok(item) = serde_json::from_str::<Value>(data.trim()) else { return false };
    if global.json {
        output::line(&item.to_string());
        return true;
    }
    let said = |name: &str| output::cell(&item[name]);
    output::line(&format!(
        "{}/{}  {}  {}  {}  {}",
        said("sequence"),
        said("index"),
        said("at"),
        said("account"),
        said("type"),
        output::printable(&item["data"].to_string())
    ));
    true
}
