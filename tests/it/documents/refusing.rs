//! The examples of `docs/refusals.md`, each sent to a ledger.

use std::collections::BTreeSet;

use events::Refusal;
use serde_json::Value;

use crate::Ledger;
use crate::ledger::{Answer, encoded, eventually};

/// Too long to be printed, and a bug that nobody knows of.
const NOT_PRINTED: [&str; 2] = ["commit_too_large", "poison"];

/// Which code an example is of, and its lines.
fn examples(page: &str) -> Vec<(&str, Vec<&str>)> {
    let (_, examples) = page.split_once("\n## Examples\n").unwrap();
    let example = |part| {
        let (code, text) = str::split_once(part, "\n").unwrap();
        let block = text.split_once("```text\n").unwrap().1.split_once("\n```").unwrap().0;
        (code, block.lines().collect())
    };
    examples.split("\n### ").skip(1).map(example).collect()
}

/// An account in which examples happen, and the assignment that was made there last.
struct Place<'a> {
    ledger: &'a Ledger,
    account: String,
    assignment: String,
}

impl Place<'_> {
    async fn send(&mut self, line: &str) -> Answer {
        let (head, document) = line.split_at(line.find('{').unwrap());
        let (account, kind) = head.trim().split_once(": ").unwrap_or((&self.account, head.trim()));
        let document =
            document.replace("{account}", &self.account).replace("{assignment}", &self.assignment);
        let document: Value = serde_json::from_str(&document).unwrap();
        let answer = self.ledger.send(account, kind, &document).await;
        let made = answer.json()["events"][0]["data"]["assignment"].clone();
        if let Some(made) = made.as_str() {
            made.clone_into(&mut self.assignment);
        }
        if account != self.account && document["receiver"] == *self.account {
            // What is given arrives by itself.
            let name = format!("{}@{account}", document["license"].as_str().unwrap());
            let path = format!("/v1/accounts/{}/licenses/{}", self.account, encoded(&name));
            eventually("what is given is there", async || {
                self.ledger.get(&path).await.status == 200
            })
            .await;
        }
        answer
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_of_a_refusal_is_refused_like_that() {
    let page = format!("{}/docs/refusals.md", env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(page).unwrap();
    let ledger = Ledger::start().await;
    let mut shown = BTreeSet::new();
    for (code, lines) in examples(&page) {
        shown.insert(code.to_owned());
        let account = format!("of-{}", code.replace('_', "-"));
        let mut place = Place { ledger: &ledger, account, assignment: String::new() };
        let (said, commands) = lines.split_last().unwrap();
        assert_eq!(*said, format!("  refused: {code}"));
        let (refused, accepted) = commands.split_last().unwrap();
        for line in accepted {
            let answer = place.send(line).await;
            assert_eq!(answer.status, 200, "{code}: {line}: {}", answer.json());
        }
        let answer = place.send(refused).await.json();
        assert_eq!(answer["code"], code, "{refused}: {answer}");
    }
    let all = Refusal::TABLE.iter().map(|it| it.0.to_owned());
    let all: BTreeSet<_> = all.filter(|it| !NOT_PRINTED.contains(&it.as_str())).collect();
    assert_eq!(shown, all, "an example for each, and for nothing else");
}
