//! May this holder use this? Yes or no, and why.

use serde_json::{Value, json};

use super::items;
use super::model::{ACCOUNT, LICENSES, World};
use crate::Ledger;

/// A license for each reason that can stand in the way, all held by ada.
async fn reasons() -> (Ledger, u64) {
    let ledger = Ledger::start().await;
    let windows = [
        ("good", json!({})),
        ("inactive", json!({})),
        ("suspended", json!({})),
        ("to-come", json!({"starts_at": "2999-01-01T00:00:00Z"})),
        ("over", json!({})),
        ("retired", json!({})),
    ];
    for (license, more) in windows {
        let mut document = json!({"license": license, "product": license, "quantity": 5});
        document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ledger.accepted("acme", "AllocateLicense", &document).await;
        let assign =
            json!({"license": license, "holders": [{"user": "ada", "email": "ada@x.org"}]});
        ledger.accepted("acme", "AssignSeat", &assign).await;
    }
    let steps = [
        (
            "ChangeAssignment",
            json!({"license": "inactive", "holder": {"user": "ada"}, "active": false}),
        ),
        ("SuspendLicense", json!({"license": "suspended"})),
        ("ChangeLicense", json!({"license": "over", "ends_at": "2020-01-01T00:00:00Z"})),
        ("RevokeAssignment", json!({"license": "retired", "holders": [{"user": "ada"}]})),
        ("RetireLicense", json!({"license": "retired"})),
    ];
    let mut last = 0;
    for (command, document) in steps {
        last = ledger.accepted("acme", command, &document).await;
    }
    (ledger, last)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_reason_has_its_code() {
    let (ledger, last) = reasons().await;
    let check = async |account: &str, query: &str| {
        let path = format!("/v1/accounts/{account}/checks?{query}");
        let answer = ledger.get_at_least(&path, last).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.json());
        answer.json()
    };
    for (what, code) in [
        ("good", "allowed"),
        ("inactive", "assignment_inactive"),
        ("suspended", "license_suspended"),
        ("to-come", "license_not_started"),
        ("over", "license_ended"),
        ("retired", "not_assigned"),
    ] {
        for who in ["user=ada", "email=ADA@x.org", "user=ada&email=ada@x.org"] {
            for of in ["license", "product"] {
                let verdict = check("acme", &format!("{who}&{of}={what}")).await;
                assert_eq!(verdict["code"], json!(code), "{who} {of}={what}: {verdict}");
                assert_eq!(verdict["allowed"], json!(code == "allowed"), "{verdict}");
                assert_eq!(verdict["detail"].is_string(), code != "allowed", "{verdict}");
                let grounds = verdict["grounds"].as_array().unwrap();
                assert_eq!(grounds.len(), usize::from(what != "retired"), "{verdict}");
                assert_eq!(verdict["ended"].is_object(), what == "retired", "{verdict}");
                assert!(grounds.iter().all(|it| it["license"] == what && it["ground"] == "direct"));
            }
        }
    }
    assert_eq!(check("acme", "user=ada&license=nope").await["code"], json!("no_such_license"));
    assert_eq!(check("acme", "user=ada&product=nope").await["code"], json!("no_such_product"));
    assert_eq!(check("globex", "user=ada").await["code"], json!("no_such_account"));
    assert_eq!(check("acme", "user=eve&license=good").await["code"], json!("not_assigned"));
    assert_eq!(check("acme", "user=eve").await["code"], json!("not_assigned"));
    assert_eq!(check("acme", "user=ada").await["code"], json!("allowed"), "any license will do");
    let torn = check("acme", "user=ada&license=good&product=over").await;
    assert_eq!(torn["allowed"], json!(false), "no license is both: {torn}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_is_right_at_every_sequence() {
    let world = World::with_a_past().await;
    for at in (4..=world.last).step_by(5) {
        let seats = world.seats(at);
        for number in 0..8 {
            let user = format!("u{number}");
            for (license, ..) in LICENSES {
                let mine = |it: &&super::model::Seat| {
                    it.user == user && it.license == license && it.until.is_none()
                };
                let wanted = match seats.iter().find(mine) {
                    Some(it) if it.active => "allowed",
                    Some(_) => "assignment_inactive",
                    None => "not_assigned",
                };
                let path = format!("/checks?user={user}&license={license}&at={at}");
                let verdict = world.get(&path).await;
                assert_eq!(verdict["code"], json!(wanted), "{path}: {verdict}");
                assert_eq!(verdict["sequence"], json!(at));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_checks_in_one_call_are_those_asked_one_by_one() {
    let world = World::with_a_past().await;
    for at in [None, Some(world.last / 2), Some(0)] {
        let when = at.map(|it| format!("at={it}")).unwrap_or_default();
        let (mut asked, mut wanted) = (vec![], vec![]);
        for number in 0..8 {
            for (name, value) in
                [("license", "office"), ("product", "CREATIVE"), ("license", "nope")]
            {
                asked.push(json!({"user": format!("u{number}"), name: value}));
                wanted.push(
                    world.get(&format!("/checks?user=u{number}&{name}={value}&{when}")).await,
                );
            }
        }
        asked.push(json!({"email": "nobody@x.org"}));
        wanted.push(world.get(&format!("/checks?email=nobody@x.org&{when}")).await);
        let path = format!("{ACCOUNT}/checks?min_sequence={}&{when}", world.last);
        let body = json!({"checks": asked}).to_string();
        let answer = world.ledger.post_bytes(&path, body.as_bytes(), &[]).await;
        assert_eq!(items(&answer.json()), wanted, "{when}");
        assert_eq!(answer.json()["sequence"], json!(at.unwrap_or(world.last)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_checks_have_a_limit_and_a_shape() {
    let ledger = Ledger::start().await;
    let path = format!("{ACCOUNT}/checks");
    let of = |count: usize| json!({"checks": vec![json!({"user": "ada"}); count]}).to_string();
    let most = ledger.post_bytes(&path, of(1_000).as_bytes(), &[]).await;
    assert_eq!((most.status, items(&most.json()).len()), (200, 1_000));
    for body in [
        of(0),
        of(1_001),
        "{}".to_owned(),
        String::new(),
        r#"{"checks":[{"usr":"ada"}]}"#.to_owned(),
        r#"{"checks":[{"user":"ada","user":"eve"}]}"#.to_owned(),
        r#"{"checks":[{}]}"#.to_owned(),
        r#"{"checks":[{"email":"nonsense"}]}"#.to_owned(),
        r#"{"checks":[{"user":"ada"}],"more":1}"#.to_owned(),
        r#"{"checks":{"user":"ada"}}"#.to_owned(),
    ] {
        let answer = ledger.post_bytes(&path, body.as_bytes(), &[]).await;
        let shown = &body[..body.len().min(60)];
        assert_eq!(answer.status, 400, "{shown}: {}", answer.json());
        assert!(
            answer.json()["code"].is_string() && answer.json()["detail"].is_string(),
            "{shown}"
        );
    }
    for query in ["", "product=P", "user=", "email=", "email=nonsense", "user=ada&email=nonsense"] {
        let answer = ledger.get(&format!("{path}?{query}")).await;
        let code = answer.json()["code"].clone();
        assert_eq!((answer.status, code), (400, json!("invalid_parameter")), "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_license_that_ends_first_is_taken_and_each_that_carries_is_named() {
    let ledger = Ledger::start().await;
    for (license, ends, quantity) in
        [("late", "2999-01-01T00:00:00Z", 5), ("soon", "2900-01-01T00:00:00Z", 1), ("ever", "", 5)]
    {
        let mut document = json!({"license": license, "product": "P", "quantity": quantity});
        if !ends.is_empty() {
            document["ends_at"] = json!(ends);
        }
        ledger.accepted("acme", "AllocateLicense", &document).await;
    }
    let holders = json!([{"user": "a"}, {"user": "b"}]);
    ledger.accepted("acme", "AssignSeat", &json!({"product": "P", "holders": holders})).await;
    let last = ledger
        .accepted("acme", "AssignSeat", &json!({"license": "ever", "holders": [{"user": "a"}]}))
        .await;
    let grounds = async |user: &str| {
        let path = format!("{ACCOUNT}/checks?user={user}&product=P");
        let verdict = ledger.get_at_least(&path, last).await.json();
        let mut grounds: Vec<Value> =
            verdict["grounds"].as_array().unwrap().iter().map(|it| it["license"].clone()).collect();
        grounds.sort_by_key(ToString::to_string);
        grounds
    };
    assert_eq!(grounds("a").await, ["ever", "soon"]);
    assert_eq!(grounds("b").await, ["late"]);
}
