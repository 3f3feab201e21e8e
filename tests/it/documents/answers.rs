//! Answers have the members that the document gives them, all of them and no others.

use serde_json::{Value, json};

use super::{openapi, schema};
use crate::Ledger;
use crate::ledger::Answer;
use crate::reading::model::World;

/// Holds an answer against what the document says of its operation and status.
#[track_caller]
fn described(whole: &Value, method: &str, path: &str, answer: &Answer) {
    let place = format!("{method} {path} {}", answer.status);
    let operation = &whole["paths"][path][method];
    assert!(operation.is_object(), "{place}: no such operation");
    let response = &operation["responses"][answer.status.to_string()];
    assert!(response.is_object(), "{place}: the status is not described");
    let kind = answer.headers["content-type"].to_str().unwrap().split(';').next().unwrap();
    let content = &response["content"][kind];
    assert!(content.is_object(), "{place}: {kind} is not described");
    let body = answer.json();
    let checked = schema::check(whole, &content["schema"], &body);
    checked.unwrap_or_else(|it| panic!("{place}: {it} in {body}"));
    // Anything fits a schema that says nothing.
    let says = schema::resolved(whole, &content["schema"]).unwrap();
    let members = ["properties", "allOf", "oneOf", "anyOf"];
    assert!(members.iter().any(|it| !says[*it].is_null()), "{place}: nothing is said of it");
}

const ACCOUNT: &str = "/v1/accounts/{account}";

/// A ledger with something of everything, and an assignment of it.
async fn rich() -> (World, String) {
    let mut world = World::with_a_past().await;
    let license = json!({"license": "full", "product": "P", "quantity": 5,
        "container": "c", "name": "n",
        "starts_at": "2020-01-01T00:00:00Z", "ends_at": "2999-01-01T00:00:00Z", "external_id": "x",
        "source": "s", "metadata": {"a": 1}});
    world.ledger.accepted("acme", "AllocateLicense", &license).await;
    let holders = json!([{"user": "ada", "email": "ada@x.org"}, {"email": "b@x.org"}]);
    let assign = json!({"license": "full", "holders": holders, "redirect_to": "r",
        "metadata": {"a": 1}, "reason": "why", "change": {"source": "s", "type": "t"}});
    world.ledger.accepted("acme", "AssignSeat", &assign).await;
    let revoke = json!({"license": "full", "holders": [{"user": "ada"}]});
    world.last = world.ledger.accepted("acme", "RevokeAssignment", &revoke).await;
    people(&mut world).await;
    world.ledger.refusals("acme", world.refused.len()).await;
    let ended = world.get("/licenses/full/assignments?ended=true").await;
    let id = ended["items"][0]["assignment"].as_str().unwrap().to_owned();
    (world, id)
}

/// Somebody known by everything there is, in a group that gives something, and somebody who waits.
async fn people(world: &mut World) {
    let ada = json!({"user": "ada"});
    let grants = json!([{"license": "full", "mode": "first_come", "quota": 1}]);
    let part = json!({"container": "north", "quantities": [{"license": "full", "quantity": 1}]});
    let later = |at: &str| json!({"at": at, "command": "ReinstateLicense", "document": {"license": "nope"}});
    for (command, document) in [
        ("SetPolicy", json!({"overage": "25%", "lowering": "tolerate", "may_hold": "anyone"})),
        ("SetPolicy", json!({"license": "full", "overage": "none", "leaving": "orphan"})),
        ("RegisterHolder", json!({"holder": ada, "user_name": "a", "display_name": "A"})),
        ("AddMembers", json!({"group": "g", "name": "G", "holders": [ada, {"user": "eve"}]})),
        ("SetGroupRule", json!({"group": "g", "grants": grants})),
        ("DeclareDirectSet", json!({"holders": [{"user": "flo"}], "products": []})),
        ("LinkHolder", json!({"email": "b@x.org", "user": "b"})),
        ("SetAllocations", json!({"allocations": [part]})),
        ("ScheduleCommand", later("2999-01-01T00:00:00Z")),
        ("ScheduleCommand", later("2020-01-01T00:00:00Z")),
        ("AllocateToAccount", json!({"license": "creative", "receiver": "labs", "quantity": 1})),
    ] {
        world.last = world.ledger.accepted("acme", command, &document).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_as_described() {
    let (world, assignment) = rich().await;
    let whole = openapi(&world.ledger).await;
    let first = &world.refused[0].0;
    for (below, path) in [
        ("", String::new()),
        ("/licenses", "/licenses?limit=2".into()),
        ("/licenses", "/licenses".into()),
        ("/licenses/{license}", "/licenses/full".into()),
        ("/licenses/{license}", "/licenses/creative".into()),
        ("/licenses/{license}/allocations", "/licenses/creative/allocations".into()),
        ("/licenses/{license}/usage", "/licenses/creative/usage".into()),
        ("/licenses/{license}/assignments", "/licenses/full/assignments?ended=true".into()),
        ("/holders/{holder}/assignments", "/holders/u1/assignments".into()),
        ("/assignments", "/assignments?limit=3&ended=true".into()),
        ("/assignments/{assignment}", format!("/assignments/{assignment}")),
        ("/checks", "/checks?user=u1".into()),
        ("/checks", "/checks?user=ada&license=full".into()),
        ("/checks", "/checks?email=b@x.org".into()),
        ("/checks", "/checks?user=nobody".into()),
        ("/groups", "/groups".into()),
        ("/groups/{group}", "/groups/g".into()),
        ("/groups/{group}/members", "/groups/g/members".into()),
        ("/holders", "/holders".into()),
        ("/holders/{holder}", "/holders/ada".into()),
        ("/policies", "/policies".into()),
        ("/policies/history", "/policies/history".into()),
        ("/waitlists", "/waitlists?ended=true".into()),
        ("/containers", "/containers".into()),
        ("/containers/{container}", "/containers/north".into()),
        ("/schedules", "/schedules?state=all".into()),
        ("/licenses/{license}/waitlist", "/licenses/full/waitlist".into()),
        ("/history", "/history?limit=1000".into()),
        ("/refusals", "/refusals".into()),
        ("/commands/{command}", "/commands/c0".into()),
        ("/commands/{command}", format!("/commands/{first}")),
    ] {
        let answer =
            world.ledger.get_at_least(&format!("/v1/accounts/acme{path}"), world.last).await;
        let answer = match below {
            "/refusals" => world.ledger.get(&format!("/v1/accounts/acme{path}")).await,
            _ => answer,
        };
        assert_eq!(answer.status, 200, "{path}");
        described(&whole, "get", &format!("{ACCOUNT}{below}"), &answer);
    }
    for path in ["/v1/accounts", "/v1/status", "/readyz"] {
        described(&whole, "get", path, &world.ledger.get(path).await);
    }
    let body = json!({"checks": [{"user": "u1"}, {"user": "ada", "license": "full"}]}).to_string();
    let answer = world.ledger.post_bytes("/v1/accounts/acme/checks", body.as_bytes(), &[]).await;
    described(&whole, "post", &format!("{ACCOUNT}/checks"), &answer);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_outcome_of_a_command_is_as_described() {
    let ledger = Ledger::start().await;
    let whole = openapi(&ledger).await;
    let allocate = json!({"id": "c1", "license": "l", "product": "P", "quantity": 1});
    let try_out = json!({"license": "m", "product": "P", "quantity": 1, "dry_run": true});
    let full = json!({"license": "l", "holders": [{"user": "a"}, {"user": "b"}]});
    let mut seen = vec![];
    for (command, document) in [
        ("AllocateLicense", &allocate),
        ("AllocateLicense", &allocate),
        ("AllocateLicense", &try_out),
        ("AssignSeat", &full),
        ("AssignSeat", &json!({"license": "nope", "holders": [{"user": "a"}]})),
        ("AssignSeat", &json!({"licens": "l"})),
        ("Nope", &json!({})),
        (
            "AllocateLicense",
            &json!({"license": "x".repeat(300_000), "product": "P", "quantity": 1}),
        ),
    ] {
        let answer = ledger.send("acme", command, document).await;
        described(&whole, "post", &format!("{ACCOUNT}/commands/{{command}}"), &answer);
        seen.push(answer.status);
    }
    assert_eq!(seen, [200, 200, 200, 409, 404, 400, 404, 413]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_problem_is_as_described() {
    let ledger = Ledger::start().await;
    let license = json!({"id": "c1", "license": "creative", "product": "P", "quantity": 1});
    ledger.accepted("acme", "AllocateLicense", &license).await;
    ledger.caught_up().await;
    let whole = openapi(&ledger).await;
    let operations = super::operations(&whole);
    for (_, path) in operations.keys().filter(|it| it.0 == "GET" && it.1.contains("{account}")) {
        let below =
            path.replace("{license}", "nope").replace("{holder}", "h").replace("{command}", "nope");
        let below = below.replace("{group}", "nope");
        let below = below.replace("{assignment}", "01990000-0000-7000-8000-0000000000ff");
        let known = below.replace("{account}", "acme");
        for question in [
            format!("{}?bogus=1", known),
            below.replace("{account}", "a.b"),
            below.replace("{account}", "globex"),
            format!("{known}?min_sequence=x"),
            known.clone(),
        ] {
            if path.ends_with("/events") && question == known {
                continue;
            }
            let answer = ledger.get(&question).await;
            if answer.status != 200 {
                described(&whole, "get", path, &answer);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_problem_that_takes_some_doing_is_as_described() {
    let ledger = Ledger::start().await;
    let license = json!({"id": "c1", "license": "creative", "product": "P", "quantity": 1});
    ledger.accepted("acme", "AllocateLicense", &license).await;
    ledger.caught_up().await;
    let whole = openapi(&ledger).await;
    let checks = format!("{ACCOUNT}/checks");
    for (body, status) in [(vec![b' '; 1024 * 1024 + 1], 413), (b"{}".to_vec(), 400)] {
        let answer = ledger.post_bytes("/v1/accounts/acme/checks", &body, &[]).await;
        assert_eq!(answer.status, status);
        described(&whole, "post", &checks, &answer);
    }
    let outcome = format!("{ACCOUNT}/commands/{{command}}");
    let early = ledger.get("/v1/accounts/acme/commands/c1?min_sequence=99").await;
    assert_eq!(early.status, 503);
    described(&whole, "get", &outcome, &early);
    let bogus = [("last-event-id", "x")];
    for (asked, path, status) in [
        ("/v1/events?bogus=1", "/v1/events".to_owned(), 400),
        ("/v1/accounts/acme/events?bogus=1", format!("{ACCOUNT}/events"), 400),
        ("/v1/accounts/globex/events", format!("{ACCOUNT}/events"), 404),
        ("/v1/events", "/v1/events".to_owned(), 400),
    ] {
        let answer = ledger.request(hyper::Method::GET, asked, "", &bogus).await;
        assert_eq!(answer.status, status, "{asked}");
        described(&whole, "get", &path, &answer);
    }
    let rebuild = "/v1/read-models/{name}/rebuild";
    for (name, status) in [("nope", 404), ("%FF", 400)] {
        let path = rebuild.replace("{name}", name);
        let answer = ledger.request(hyper::Method::POST, &path, "", &[]).await;
        assert_eq!(answer.status, status, "{path}");
        described(&whole, "post", rebuild, &answer);
    }
}
