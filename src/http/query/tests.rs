use std::time::Instant;

use axum::http::StatusCode;
use events::CommandId;
use projections::readers::LONG_SLOTS;
use projections::{Error, Readers, Store, commands};
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};

use super::*;

/// What anything takes that is done at once, on a slow machine.
const AT_ONCE: Duration = Duration::from_secs(2);

/// Asks without an end.
fn for_ever(db: &Connection) -> Result<i64, Error> {
    loop {
        short(db)?;
    }
}

fn short(db: &Connection) -> Result<i64, Error> {
    let (account, id) = (account("acme").unwrap(), CommandId::new("one").unwrap());
    Ok(commands::find(db, &account, &id)?.map_or(1, |_| 0))
}

fn view(dir: &tempfile::TempDir) -> Arc<View> {
    let store = Store::open(dir.path(), &commands::MODEL).unwrap();
    let readers = Readers::new(store.path(), &commands::MODEL, 1);
    Arc::new(View::new(
        "commands",
        readers,
        (watch::channel(0).1, watch::channel(None).1),
        Arc::new(Notify::new()),
    ))
}

fn code(problem: Problem) -> (StatusCode, String) {
    let response = problem.into_response();
    assert!(response.headers().contains_key("retry-after"), "{response:?}");
    let problem = response.extensions().get::<Problem>().unwrap();
    let document: serde_json::Value = serde_json::from_slice(&problem.to_json()).unwrap();
    (response.status(), document["code"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_past_its_time_is_told_so_and_gives_its_place_back() {
    let dir = tempfile::tempdir().unwrap();
    let view = view(&dir);
    let limits = (PLACE_LIMIT, Duration::from_millis(300));
    for _ in 0..2 {
        let begin = Instant::now();
        let asked = (0..LONG_SLOTS).map(|_| ask_within(limits, &view, for_ever));
        for answer in futures_util::future::join_all(asked).await {
            let told = code(answer.unwrap_err());
            assert_eq!(told, (StatusCode::SERVICE_UNAVAILABLE, "query_timeout".to_owned()));
        }
        assert!(begin.elapsed() < Duration::from_millis(300) + AT_ONCE, "{:?}", begin.elapsed());
    }
    assert_eq!(ask_slowly(&view, short).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_asked_at_once_waits_for_nothing_that_takes_long() {
    let dir = tempfile::tempdir().unwrap();
    let view = view(&dir);
    let ask = || {
        let view = view.clone();
        tokio::spawn(async move { ask_slowly(&view, for_ever).await.map_err(code) })
    };
    let asked: Vec<_> = (0..20 * LONG_SLOTS).map(|_| ask()).collect();
    sleep(Duration::from_millis(200)).await;
    // Both threads of the runtime are free, and so is a connection.
    for _ in 0..50 {
        let begin = Instant::now();
        assert_eq!(ask_inline(&view).await, 1);
        assert!(begin.elapsed() < AT_ONCE, "{:?}", begin.elapsed());
    }
    let limits = (Duration::from_millis(100), LONG_LIMIT);
    let told = code(ask_within(limits, &view, short).await.unwrap_err());
    assert_eq!(told, (StatusCode::SERVICE_UNAVAILABLE, "queries_waiting".to_owned()));
    // Whoever goes away takes the question along, long before its time is over.
    asked.iter().for_each(|it| it.abort());
    let begin = Instant::now();
    let answer = timeout(AT_ONCE, ask_slowly(&view, short)).await;
    assert_eq!(answer.expect("the places are still taken").unwrap(), 1);
    assert!(begin.elapsed() < AT_ONCE);
}

async fn ask_inline(view: &Arc<View>) -> i64 {
    let view = view.clone();
    tokio::spawn(async move { ask(&view, short).unwrap() }).await.unwrap()
}
