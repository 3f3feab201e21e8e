//! Questions to a running ledger: as of which moment, and no earlier than what it has acknowledged.

use clap::Args;
use serde_json::Value;

use super::remote::{Remote, query, unreachable_ledger, value};
use super::{Global, output};
use crate::client::{Answer, Client};

/// Items that the ledger hands out at a time.
const PAGE: usize = 1_000;

/// Which ledger is asked, and as of when.
#[derive(Debug, Clone, Args)]
pub(super) struct When {
    /// As of a sequence, a time, or the end of a day (UTC)
    #[arg(long, value_name = "WHEN")]
    at: Option<String>,
    /// As of this sequence or a later one, which is waited for; of what the ledger has acknowledged
    /// when absent
    #[arg(long, value_name = "SEQUENCE")]
    min_sequence: Option<u64>,
    #[command(flatten)]
    remote: Remote,
}

/// Somebody who asks.
pub(super) struct Asking {
    client: Client,
    at: Option<String>,
    min_sequence: Option<u64>,
}

type Pair<'a> = (&'a str, Option<String>);

impl When {
    pub(super) fn asking(&self, global: &Global) -> anyhow::Result<Asking> {
        let (at, min_sequence) = (self.at.clone(), self.min_sequence);
        Ok(Asking { client: self.remote.client(global)?, at, min_sequence })
    }
}

impl Asking {
    /// The same, as of the moment that an answer was of.
    pub(super) fn at_that_of(self, answer: &Value) -> Asking {
        Asking { at: Some(output::cell(&answer["sequence"])), ..self }
    }

    /// One document; a problem becomes an error. An answer that is older than what the ledger had
    /// acknowledged when it was asked is asked for again, until the read model is there.
    pub(super) async fn get(&self, path: &str, pairs: &[Pair<'_>]) -> anyhow::Result<Value> {
        let answer = self.ask(path, pairs, self.min_sequence).await?;
        match (self.min_sequence, answer.sequence, answer.acknowledged) {
            (None, Some(sequence), Some(acknowledged)) if sequence < acknowledged => {
                value(&self.ask(path, pairs, Some(acknowledged)).await?)
            }
            (Some(_) | None, _, _) => value(&answer),
        }
    }

    async fn ask(
        &self,
        path: &str,
        pairs: &[Pair<'_>],
        min_sequence: Option<u64>,
    ) -> anyhow::Result<Answer> {
        let when =
            [("at", self.at.clone()), ("min_sequence", min_sequence.map(|it| it.to_string()))];
        let query = query(pairs.iter().cloned().chain(when));
        self.client.get(&format!("{path}{query}")).await.map_err(unreachable_ledger)
    }

    /// A whole list, page after page, `max` items at most: the first answer with all items in it.
    pub(super) async fn list(
        &self,
        path: &str,
        pairs: &[Pair<'_>],
        max: usize,
    ) -> anyhow::Result<Value> {
        let mut whole = Value::Null;
        let mut items = vec![];
        loop {
            let limit = ("limit", Some((max - items.len()).min(PAGE).to_string()));
            let cursor = ("cursor", whole["next"].as_str().map(str::to_owned));
            let asked: Vec<Pair<'_>> = pairs.iter().cloned().chain([limit, cursor]).collect();
            whole = self.get(path, &asked).await?;
            if let Some(page) = whole["items"].as_array_mut() {
                items.append(page);
            }
            if whole["next"].is_null() || items.len() >= max {
                whole["items"] = items.into();
                return Ok(whole);
            }
        }
    }
}

/// Says as of which sequence an answer is, on standard error: what reads the rows does not read this.
pub(super) fn say_sequence(answer: &Value) {
    output::error(&format!("as of sequence {}", output::cell(&answer["sequence"])));
}
