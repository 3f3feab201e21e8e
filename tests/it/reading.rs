//! Every question of the API, now and as of the past.

mod assignments;
mod checks;
mod commands;
mod containers;
mod groups;
mod history;
mod holders;
mod licenses;
mod mistakes;
pub mod model;
mod older_logs;
mod policies;
mod schedules;
mod tail;
mod time;
mod usage;
mod waitlists;

use std::path::Path;

use serde_json::Value;

use crate::Ledger;

/// The items of an answer.
#[track_caller]
fn items(answer: &Value) -> &[Value] {
    answer["items"].as_array().unwrap_or_else(|| panic!("no items: {answer}"))
}

/// All items of a list, page by page, each page as long as asked for but the last.
async fn all_pages(ledger: &Ledger, path: &str, limit: usize) -> Vec<Value> {
    let joint = if path.contains('?') { '&' } else { '?' };
    let (mut all, mut cursor) = (vec![], String::new());
    loop {
        let answer = ledger.get(&format!("{path}{joint}limit={limit}{cursor}")).await;
        let page = answer.json();
        assert_eq!(answer.status, 200, "{path}: {page}");
        all.extend(items(&page).iter().cloned());
        let Some(next) = page["next"].as_str() else {
            assert!(items(&page).len() <= limit, "{path}: the last page is too long");
            return all;
        };
        assert_eq!(items(&page).len(), limit, "{path}: a page with a next one is full");
        cursor = format!("&cursor={next}");
    }
}

/// Stops a ledger, deletes the file of a read model, starts it again, and demands the same answers.
async fn same_after_deleting(ledger: Ledger, dir: &Path, model: &str, paths: &[String], last: u64) {
    let said = answers(&ledger, paths, last).await;
    assert!(ledger.stop().await.success());
    let begins = format!("{model}.v");
    let mut deleted = 0;
    for file in std::fs::read_dir(dir.join("read")).unwrap() {
        let file = file.unwrap();
        if file.file_name().to_str().unwrap().starts_with(&begins) {
            std::fs::remove_file(file.path()).unwrap();
            deleted += 1;
        }
    }
    assert!(deleted > 0, "{model} has no file");
    let ledger = Ledger::start_in(dir).await;
    assert_eq!(answers(&ledger, paths, last).await, said, "{model} was deleted");
}

async fn answers(ledger: &Ledger, paths: &[String], last: u64) -> Vec<Value> {
    let mut said = vec![];
    for path in paths {
        let answer = ledger.get_at_least(&format!("{}/{path}", model::ACCOUNT), last).await;
        assert_eq!(answer.status, 200, "{path}");
        let body = answer.json();
        let some = body["items"].as_array().is_none_or(|it| !it.is_empty());
        assert!(some, "{path}: {body}");
        said.push(body);
    }
    said
}
