//! Every question of the API, now and as of the past.

mod assignments;
mod checks;
mod commands;
mod history;
mod licenses;
mod mistakes;
pub mod model;
mod older_logs;
mod tail;
mod time;
mod usage;

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
