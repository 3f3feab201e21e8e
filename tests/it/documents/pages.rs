//! Pages for people, and the examples in `docs/`.

use std::collections::BTreeSet;

use hyper::Method;
use serde_json::json;

use crate::Ledger;

fn doc(name: &str) -> String {
    std::fs::read_to_string(format!("{}/docs/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// The codes and titles in the tables of a page, with the rest of their rows.
fn rows(page: &str) -> Vec<Vec<String>> {
    let lines = page.lines().filter(|it| it.starts_with("| `"));
    let cells =
        |it: &str| it.trim_matches('|').split(" | ").map(|it| it.trim().to_owned()).collect();
    lines.map(cells).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_code_has_a_page() {
    let ledger = Ledger::start().await;
    let rows = rows(&doc("refusals.md"));
    assert!(rows.len() > 30, "the tables are not found: {rows:?}");
    for row in rows {
        let code = row[0].trim_matches('`');
        let page = ledger.get(&format!("/problems/{code}")).await;
        assert_eq!(page.status, 200, "{code}");
        assert!(page.headers["content-type"].to_str().unwrap().starts_with("text/html"), "{code}");
        let text = String::from_utf8(page.body.to_vec()).unwrap();
        assert!(text.contains(code) && text.contains(&row[2]), "{code}: {text}");
    }
    assert_eq!(ledger.get("/problems/nonsense").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_problem_says_its_type_is_can_be_looked_up() {
    let ledger = Ledger::start().await;
    let license = json!({"license": "creative", "product": "P", "quantity": 1});
    ledger.accepted("acme", "AllocateLicense", &license).await;
    ledger.caught_up().await;
    let mut types = BTreeSet::new();
    for (method, path) in [
        (Method::GET, "/nowhere"),
        (Method::DELETE, "/v1/accounts"),
        (Method::GET, "/v1/accounts/nope"),
        (Method::GET, "/v1/accounts/a.b"),
        (Method::GET, "/v1/accounts/acme/licenses/nope"),
        (Method::GET, "/v1/accounts/acme/licenses?bogus=1"),
        (Method::GET, "/v1/accounts/acme/commands/nope"),
        (Method::GET, "/v1/accounts/acme/assignments/nope"),
        (Method::GET, "/v1/accounts/acme/licenses?min_sequence=9"),
        (Method::POST, "/v1/accounts/acme/checks"),
        (Method::POST, "/v1/accounts/acme/commands/AssignSeat"),
        (Method::POST, "/v1/accounts/acme/commands/Nope"),
        (Method::POST, "/v1/read-models/nope/rebuild"),
    ] {
        let answer = ledger.request(method, path, "", &[]).await;
        types.insert(answer.json()["type"].as_str().unwrap().to_owned());
    }
    // Those of what cannot be had here for the asking: they are promised in docs/api.md.
    let promised = doc("api.md");
    for code in [
        "starting",
        "overloaded",
        "outcome_unknown",
        "log_full",
        "log_damaged",
        "log_went_back",
        "body_too_large",
        "internal_error",
    ] {
        assert!(promised.contains(&format!("`{code}`")), "{code} is not in docs/api.md");
        types.insert(format!("/problems/{code}"));
    }
    assert!(types.len() > 15, "{types:?}");
    for page in types {
        assert_eq!(ledger.get(&page).await.status, 200, "{page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_the_api_lists_every_path() {
    let ledger = Ledger::start().await;
    let page = ledger.get("/docs").await;
    assert!(page.headers["content-type"].to_str().unwrap().starts_with("text/html"));
    let text = String::from_utf8(page.body.to_vec()).unwrap();
    let whole = super::openapi(&ledger).await;
    for (method, path) in super::operations(&whole).into_keys() {
        assert!(text.contains(&format!("{method} {path}")), "{method} {path} is not on it");
    }
    assert!(!text.contains("<script"), "it runs something");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_the_api_is_found_from_the_root_and_leads_on() {
    let ledger = Ledger::start().await;
    for method in [Method::GET, Method::HEAD] {
        let root = ledger.request(method, "/", "", &[]).await;
        let to = root.headers["location"].to_str().unwrap();
        // Not for good: another program may have the port tomorrow, and browsers remember.
        assert_eq!((root.status, to), (307, "/docs"));
    }
    assert_eq!(ledger.request(Method::POST, "/", "", &[]).await.status, 405);
    let page = String::from_utf8(ledger.get("/docs").await.body.to_vec()).unwrap();
    let whole = super::openapi(&ledger).await;
    // Each group has a heading, and its operations below it.
    let groups: Vec<&str> = page.split("<h2").skip(1).collect();
    for ((method, path), operation) in super::operations(&whole) {
        let tag = operation["tags"][0].as_str().unwrap();
        let group = groups.iter().find(|it| it.starts_with(&format!(" id={tag}>"))).unwrap();
        assert!(group.contains(&format!("{method} {path}<")), "{method} {path} is not in {tag}");
    }
    for tag in whole["tags"].as_array().unwrap() {
        assert!(page.contains(tag["description"].as_str().unwrap()), "{tag}");
    }
    for kind in events::CommandType::ALL {
        assert!(page.contains(&format!("<code>{kind}</code>")), "{kind} is not on it");
    }
    // What it leads to is there.
    let links: Vec<&str> =
        page.split("href=").skip(1).map(|it| it.split('>').next().unwrap()).collect();
    for wanted in ["/openapi.json", "/metrics", "/v1/status", "/v1/accounts"] {
        assert!(links.contains(&wanted), "{wanted}: {links:?}");
    }
    for link in links.into_iter().filter(|it| *it != "/v1/events") {
        assert_eq!(ledger.get(link).await.status, 200, "{link}");
    }
}

/// The paths in a page that are asked with curl alone, as its reader would ask them.
fn asked(page: &str) -> Vec<String> {
    let mut asked = vec![];
    for line in page.lines() {
        let written = ["-X POST", "curl -N", "-d '"].iter().any(|it| line.contains(it));
        for rest in line.split("$B/").skip(1).filter(|_| !written) {
            let end = rest.find(['"', '\'', '`', ' ', '|']).unwrap_or(rest.len());
            asked.push(format!("/v1/{}", &rest[..end]));
        }
    }
    asked
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_of_the_api_page_work_on_the_demo() {
    let dir = tempfile::tempdir().unwrap();
    let arguments = ["dev", "--http", "127.0.0.1:0", "--ready-json"];
    let ledger = Ledger::spawn(dir.path(), &arguments).await.unwrap();
    // Those whom the page sends before it asks about them.
    for user in ["eve", "zoe"] {
        let assign = json!({"license": "creative", "holders": [{"user": user}]});
        ledger.accepted("acme", "AssignSeat", &assign).await;
    }
    let wait = json!({"license": "creative", "holders": [{"user": "tom"}], "wait": true});
    let later = json!({"at": "2099-01-01T00:00:00Z", "command": "SuspendLicense",
        "document": {"license": "creative"}});
    let part = json!({"container": "north",
        "quantities": [{"license": "office-2026", "quantity": 10}]});
    for (command, document) in [
        ("SetAllocations", json!({"allocations": [part]})),
        ("CreateKey", seatledger::describe::example(events::CommandType::CreateKey)),
        ("ScheduleCommand", later),
        ("AddMembers", json!({"group": "designers", "holders": [{"user": "ada"}]})),
        ("SetPolicy", json!({"leaving": "orphan"})),
        ("AssignSeat", wait),
    ] {
        ledger.accepted("acme", command, &document).await;
    }
    let given = json!({"license": "RPADEVNU", "receiver": "song_two", "quantity": 3});
    ledger.accepted("song_one", "AllocateToAccount", &given).await;
    ledger.caught_up().await;
    let page = doc("api.md");
    let asked = asked(&page);
    assert!(asked.len() > 15, "the examples are not found: {asked:?}");
    for path in asked {
        let answer = ledger.get(&path).await;
        let told = answer.json();
        assert_eq!(answer.status, 200, "{path}: {told}");
        let items = told["items"].as_array();
        assert!(items.is_none_or(|it| !it.is_empty()), "{path} shows nothing");
    }
}
