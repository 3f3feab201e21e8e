//! Outcomes told again, and demand that was denied.

use serde_json::{Value, json};

use super::model::{ACCOUNT, World};
use super::{all_pages, items};

#[tokio::test(flavor = "multi_thread")]
async fn the_outcome_of_every_command_can_be_asked_for() {
    let world = World::with_a_past().await;
    world.ledger.refusals("acme", world.refused.len()).await;
    for fact in &world.facts {
        let path = format!("/commands/{}", fact.command);
        let told = world.get(&path).await;
        assert_eq!(
            (&told["outcome"], &told["command"]),
            (&json!("accepted"), &json!(fact.command))
        );
        assert_eq!((&told["sequence"], &told["replayed"]), (&json!(fact.sequence), &json!(true)));
        let event = &told["events"][usize::try_from(fact.index).unwrap()];
        assert_eq!(event["type"], json!(fact.kind));
    }
    for (id, code, license) in &world.refused {
        let told = world.get(&format!("/commands/{id}")).await;
        assert_eq!((&told["outcome"], &told["code"]), (&json!("refused"), &json!(code)), "{id}");
        assert_eq!((&told["license"], &told["command"]), (&json!(license), &json!(id)));
        assert!(told["detail"].is_string(), "{told}");
    }
    for nobody in ["c9999", "%20", "a.b", "x%00"] {
        let answer = world.ledger.get(&format!("{ACCOUNT}/commands/{nobody}")).await;
        let code = answer.json()["code"].clone();
        assert_eq!((answer.status, code), (404, json!("command_not_found")), "{nobody}");
    }
    let elsewhere = world.ledger.get("/v1/accounts/globex/commands/c0").await;
    assert_eq!(elsewhere.status, 404, "an id belongs to its account");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_gets_where_they_should_post_is_told_so() {
    let world = World::empty().await;
    let told = async |id: &str| {
        let answer = world.ledger.get(&format!("{ACCOUNT}/commands/{id}")).await;
        let told = answer.json();
        assert_eq!((answer.status, &told["code"]), (404, &json!("command_not_found")), "{id}");
        told["hint"].as_str().unwrap().to_owned()
    };
    for kind in ["AssignSeat", "AllocateLicense"] {
        let hint = told(kind).await;
        assert!(hint.contains("send it with POST"), "{hint}");
    }
    assert!(!told("c9999").await.contains("POST"));
    // It may be an id all the same.
    let license = json!({"id": "AssignSeat", "license": "l", "product": "P", "quantity": 1});
    let sequence = world.ledger.accepted("acme", "AllocateLicense", &license).await;
    let path = format!("{ACCOUNT}/commands/AssignSeat");
    assert_eq!(world.ledger.get_at_least(&path, sequence).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_told_again_is_the_document_that_was_told_first() {
    let world = World::empty().await;
    let document = json!({"id": "c1", "license": "l", "product": "P", "quantity": 3,
        "metadata": {"b": 1, "a": 2}});
    let first = world.ledger.send("acme", "AllocateLicense", &document).await;
    let again = world.ledger.get_at_least(&format!("{ACCOUNT}/commands/c1"), 1).await;
    let repeated = world.ledger.send("acme", "AllocateLicense", &document).await;
    let mut wanted = first.json();
    wanted["replayed"] = json!(true);
    assert_eq!((again.json(), repeated.json()), (wanted.clone(), wanted));
    assert_eq!(again.body, repeated.body, "byte for byte");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_told_again_is_the_problem_that_was_told_first() {
    let world = World::empty().await;
    let allocate = json!({"license": "l", "product": "P", "quantity": 1});
    world.ledger.accepted("acme", "AllocateLicense", &allocate).await;
    let holders = json!([{"user": "ada"}, {"user": "bo"}]);
    let refusals = [
        ("AssignSeat", json!({"license": "l", "holders": holders}), "no_free_seat"),
        ("AssignSeat", json!({"product": "Q", "holders": holders}), "product_not_found"),
        ("SuspendLicense", json!({"license": "nope"}), "license_not_found"),
        (
            "AllocateLicense",
            json!({"license": "l", "product": "P", "quantity": 2, "actor": "hr", "reason": "r"}),
            "license_exists",
        ),
    ];
    for (number, (command, document, code)) in refusals.iter().enumerate() {
        let (id, mut document) = (format!("c{number}"), document.clone());
        document["id"] = json!(id);
        let first = world.ledger.send("acme", command, &document).await;
        assert!([404, 409].contains(&first.status), "{command}: {}", first.json());
        world.ledger.refusals("acme", number + 1).await;
        let again = world.ledger.get(&format!("{ACCOUNT}/commands/{id}")).await;
        assert_eq!(again.status, 200, "the question was answered: {code}");
        assert_eq!(again.headers["content-type"], "application/json");
        let (first, again) = (first.json(), again.json());
        assert_eq!(again["code"], json!(code));
        for (name, value) in first.as_object().unwrap() {
            // That of the request that was refused: it is not kept.
            let wanted = if name == "request_id" { &Value::Null } else { value };
            assert_eq!(&again[name], wanted, "{name} of {code}");
        }
        assert!(again["at"].is_string() && again["via"] == "http", "{again}");
        assert_eq!(again["license"], document["license"], "{again}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_listed_newest_first_and_filtered() {
    let world = World::with_a_past().await;
    let kept = world.ledger.refusals("acme", world.refused.len()).await;
    let mut wanted: Vec<_> = world.refused.iter().map(|it| (it.0.as_str(), it.1)).collect();
    wanted.reverse();
    let told = |items: &[Value]| -> Vec<(String, String)> {
        let text = |it: &Value| it.as_str().unwrap().to_owned();
        items.iter().map(|it| (text(&it["command"]), text(&it["code"]))).collect()
    };
    let owned = |it: &[(&str, &str)]| -> Vec<(String, String)> {
        it.iter().map(|it| (it.0.to_owned(), it.1.to_owned())).collect()
    };
    assert_eq!(told(&kept), owned(&wanted));
    for limit in [1, 3] {
        let paged = all_pages(&world.ledger, &format!("{ACCOUNT}/refusals"), limit).await;
        assert_eq!(paged, kept, "pages of {limit}");
    }
    let get =
        async |query: &str| world.ledger.get(&format!("{ACCOUNT}/refusals?{query}")).await.json();
    for (query, is) in [
        ("code=no_free_seat", (|it| it["code"] == "no_free_seat") as fn(&Value) -> bool),
        ("license=creative", |it| it["license"] == "creative"),
        ("actor=ada", |it| it["actor"] == "ada"),
        ("actor=ada&code=no_free_seat&license=zoom", |it| {
            it["actor"] == "ada" && it["code"] == "no_free_seat" && it["license"] == "zoom"
        }),
        ("code=key_exists", |_| false),
        ("from=2999-01-01", |_| false),
        ("to=2020-01-01", |_| false),
    ] {
        let wanted: Vec<Value> = kept.iter().filter(|it| is(it)).cloned().collect();
        assert_eq!(items(&get(query).await), wanted, "{query}");
    }
    let middle = kept[kept.len() / 2]["at"].as_str().unwrap();
    let later = items(&get(&format!("from={middle}")).await).to_vec();
    let earlier = items(&get(&format!("to={middle}")).await).to_vec();
    assert_eq!([later, earlier].concat(), kept, "from is inclusive, to is not");
}
