//! `seatledger rebuild`: read models anew, while the old ones serve.

use clap::Args;
use http_body_util::BodyExt as _;
use hyper::Method;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use super::remote::{Remote, encoded, get, problem, unreachable_ledger};
use super::{Exit, Global, failed, output};
use crate::client::Client;

#[derive(Debug, Args)]
pub(super) struct Rebuild {
    /// Which read model; all that follow the log when absent
    name: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

impl Rebuild {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let client = self.remote.client(global)?;
        let names: Vec<String> = match self.name {
            Some(name) => vec![name],
            None => {
                let status = get(&client, "/v1/status").await?;
                let models = status["read_models"].as_array().cloned().unwrap_or_default();
                let name = |it: &Value| it["name"].as_str().map(str::to_owned);
                models.iter().filter(|it| it["rebuilds"] == true).filter_map(name).collect()
            }
        };
        let mut sound = true;
        for name in names {
            let rebuilt = one(&client, &name).await?;
            sound &= rebuilt["same"] == true;
            if global.json {
                output::line(&rebuilt.to_string());
                continue;
            }
            let said = |member: &str| output::cell(&rebuilt[member]);
            let seconds = rebuilt["seconds"].as_f64().unwrap_or_default();
            let events = rebuilt["events"].as_f64().unwrap_or_default();
            let compared = match rebuilt["same"] == true {
                true => output::word("the same as before", true),
                false => output::word("NOT the same as before: the old file was wrong", false),
            };
            output::line(&format!(
                "{name}: {} events in {seconds:.2} s ({:.0}/s), sequence {}, {compared}",
                said("events"),
                events / seconds.max(f64::EPSILON),
                said("sequence"),
            ));
        }
        Ok(if sound { Exit::Done } else { Exit::Unsound })
    }
}

/// Has one model rebuilt, with a progress bar on standard error.
pub(super) async fn one(client: &Client, name: &str) -> anyhow::Result<Value> {
    let path = format!("/v1/read-models/{}/rebuild", encoded(name));
    let response = client
        .send(Method::POST, &path, bytes::Bytes::new(), &[])
        .await
        .map_err(unreachable_ledger)?;
    let status = response.status().as_u16();
    let mut body = response.into_body();
    if status != 200 {
        let whole = body.collect().await?.to_bytes();
        return Err(problem(status, &serde_json::from_slice(&whole).unwrap_or_default()));
    }
    let bar = ProgressBar::new(0);
    let style = "{prefix:12} [{bar:32}] {percent:>3} % {pos}/{len} {per_sec} eta {eta}";
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style.progress_chars("█░ "));
    }
    bar.set_prefix(name.to_owned());
    let mut text = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|it| failed(Exit::Unreachable, it.to_string()))?;
        if let Ok(data) = frame.into_data() {
            text.extend_from_slice(&data);
        }
        while let Some(end) = text.iter().position(|it| *it == b'\n') {
            let line: Vec<u8> = text.drain(..=end).collect();
            let said: Value = serde_json::from_slice(&line)?;
            if said.get("code").is_some() {
                bar.abandon();
                return Err(problem(503, &said));
            }
            if said.get("same").is_some() {
                bar.finish_and_clear();
                return Ok(said);
            }
            bar.set_length(said["last"].as_u64().unwrap_or_default());
            bar.set_position(said["sequence"].as_u64().unwrap_or_default());
        }
    }
    Err(failed(Exit::Unreachable, format!("the rebuild of {name} was broken off")))
}
