//! What a ledger tells its readers, compared with what the log says.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::replay::{License, Replay, text_of};
use crate::ledger::Ledger;

/// Items of a page.
const PAGE: usize = 1_000;

/// Demands that every read model says what the log says.
pub async fn agrees(ledger: &Ledger, replay: &Replay) {
    let last = replay.last();
    let mut accounts: Vec<&String> = replay.licenses.keys().map(|it| &it.0).collect();
    accounts.dedup();
    for account in accounts {
        history(ledger, replay, account).await;
        let of_account = replay.licenses.iter().filter(|it| it.0.0 == *account);
        for ((_, name), license) in of_account {
            one_license(ledger, last, account, name, license).await;
        }
    }
}

async fn one_license(ledger: &Ledger, last: u64, account: &str, name: &str, license: &License) {
    let path = format!("/v1/accounts/{account}/licenses/{name}");
    let said = ledger.get_at_least(&path, last).await.json();
    let wanted = (json!(license.quantity), json!(license.used()));
    assert_eq!((said["quantity"].clone(), said["used"].clone()), wanted, "{path}: {said}");
    let items = pages(ledger, &format!("{path}/assignments?min_sequence={last}")).await;
    let live: BTreeMap<String, (String, bool)> = items
        .iter()
        .map(|it| {
            let active = it["active"].as_bool().unwrap();
            (text_of(&it["holder"]["user"]), (text_of(&it["assignment"]), active))
        })
        .collect();
    assert_eq!(live, license.live, "{path}/assignments");
    // A check of one who has a seat, and of one who has none.
    for (user, active) in license.live.iter().map(|it| (it.0.as_str(), it.1.1)).take(3) {
        check(ledger, last, account, name, user, active).await;
    }
    check(ledger, last, account, name, "nobody", false).await;
}

async fn check(ledger: &Ledger, last: u64, account: &str, license: &str, user: &str, may: bool) {
    let path = format!("/v1/accounts/{account}/checks?user={user}&license={license}");
    let said = ledger.get_at_least(&path, last).await.json();
    assert_eq!(said["allowed"], may, "{path}: {said}");
}

async fn history(ledger: &Ledger, replay: &Replay, account: &str) {
    let last = replay.last();
    let path = format!("/v1/accounts/{account}/history?min_sequence={last}");
    let said = pages(ledger, &path).await;
    let said: Vec<_> = said
        .iter()
        .map(|it| (it["sequence"].as_u64().unwrap(), it["id"].clone(), it["command"].clone()))
        .collect();
    let of_account = replay.events.iter().filter(|it| it.1["account"] == account);
    let logged: Vec<_> =
        of_account.map(|it| (it.0, it.1["id"].clone(), it.1["command"]["id"].clone())).collect();
    assert_eq!(said.len(), logged.len(), "the history of {account} has other events than the log");
    let differs = said.iter().zip(&logged).find(|it| it.0 != it.1);
    assert_eq!(differs, None, "the history of {account} differs from the log");
}

/// All items of a list.
async fn pages(ledger: &Ledger, path: &str) -> Vec<Value> {
    let (mut items, mut cursor) = (vec![], String::new());
    loop {
        let page = ledger.get(&format!("{path}&limit={PAGE}{cursor}")).await;
        assert_eq!(page.status, 200, "{path}: {}", page.json());
        let page = page.json();
        items.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return items,
        }
    }
}

/// Everything that the read models say of an account, byte for byte, for comparing before with
/// after.
pub async fn everything(ledger: &Ledger, account: &str, last: u64) -> Vec<String> {
    let of_account = format!("/v1/accounts/{account}");
    // Nobody is asked about an account before it began.
    let oldest = ledger.get_at_least(&format!("{of_account}/history?limit=1"), last).await.json();
    let began = oldest["items"][0]["sequence"].as_u64().expect("it has a history");
    let mut paths = vec![
        format!("{of_account}/licenses?limit=1000"),
        format!("{of_account}/assignments?ended=true&limit=1000"),
        format!("{of_account}/history?limit=1000&order=newest"),
        format!("{of_account}/checks?user=u0"),
        format!("{of_account}/holders?limit=1000"),
        of_account.clone(),
    ];
    for at in [began.max(last / 2), began] {
        paths.push(format!("{of_account}/licenses?limit=1000&at={at}"));
        paths.push(format!("{of_account}/assignments?limit=1000&at={at}"));
        paths.push(format!("{of_account}/holders?limit=1000&at={at}"));
    }
    let mut said = vec![];
    for path in paths {
        let answer = ledger.get_at_least(&path, last).await;
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status, 200, "{path}: {body}");
        said.push(format!("{path}: {body}"));
    }
    said
}

/// Waits until every read model has taken in a sequence.
pub async fn settled(ledger: &Ledger, last: u64) {
    let begin = std::time::Instant::now();
    loop {
        let status = ledger.get("/v1/status").await.json();
        let models = status["read_models"].as_array().unwrap();
        let mut models = models.iter().filter(|it| it["rebuilds"] == true);
        if models.all(|it| it["sequence"].as_u64().unwrap() >= last) {
            return;
        }
        assert!(begin.elapsed() < crate::ledger::PATIENCE, "not all at {last}: {status}");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

/// Builds every read model anew and demands that each was right.
pub fn rebuilt_the_same(ledger: &Ledger) {
    let rebuilt = ledger.run(&["rebuild", "--json"]);
    let said = String::from_utf8_lossy(&rebuilt.stdout).into_owned();
    assert!(rebuilt.status.success(), "{rebuilt:?}");
    let models: Vec<Value> = said.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    assert_eq!(models.len(), 8, "{said}");
    assert!(models.iter().all(|it| it["same"] == true), "{said}");
}
