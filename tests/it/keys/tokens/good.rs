//! What a token may do: as much as a key of its role, where it reaches, and as long as it lasts.

use http_body_util::BodyExt;
use hyper::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::signing::{Signer, token};
use super::{ISSUER, Scene, arguments, claims, header, ledger, now};
use crate::keys::creation;
use crate::ledger::{PATIENCE, eventually};

const ACCOUNT: &str = "/v1/accounts/acme";

#[tokio::test(flavor = "multi_thread")]
async fn a_token_may_what_a_key_of_its_role_may() {
    let scene = Scene::with(&[]).await;
    scene.furnish().await;
    let keyed = &scene.keyed;
    let seat = json!({"license": "creative", "holders": [{"user": "ada"}]});
    let policy = json!({"overage": "10%"});
    for (role, may) in [
        ("reader", [200, 403, 403, 403]),
        ("auditor", [200, 200, 403, 403]),
        ("operator", [200, 200, 200, 403]),
        ("admin", [200, 200, 200, 200]),
    ] {
        let token = scene.token(json!({"seatledger_role": role})).await;
        let told = [
            keyed.get(&format!("{ACCOUNT}/licenses"), &token).await,
            keyed.get(&format!("{ACCOUNT}/history"), &token).await,
            keyed.send("acme", "AssignSeat", &seat, &token).await,
            keyed.send("acme", "SetPolicy", &policy, &token).await,
        ];
        assert_eq!(told.map(|it| it.status), may, "{role}");
        // A key of one account operates no ledger, and a token neither.
        assert_eq!(keyed.get("/v1/status", &token).await.status, 403, "{role}");
        let every = json!({"seatledger_role": role, "seatledger_account": "*"});
        let every = keyed.get("/v1/status", &scene.token(every).await).await;
        assert_eq!(every.status, if role == "admin" { 200 } else { 403 }, "{role}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_reaches_its_account_and_no_other_one() {
    let scene = Scene::with(&[]).await;
    scene.furnish().await;
    let keyed = &scene.keyed;
    let admin = json!({"seatledger_role": "admin"});
    let one = scene.token(admin.clone()).await;
    for path in ["", "/licenses", "/history", "/keys", "/holders"] {
        let told = async |account: &str| {
            let answer = keyed.get(&format!("/v1/accounts/{account}{path}"), &one).await;
            let body = String::from_utf8(answer.body.to_vec()).unwrap();
            let body = body.replace(account, "x");
            (answer.status, body.split("request_id").next().map(str::to_owned))
        };
        let (rival, nobody) = (told("globex").await, told("nobody").await);
        assert_eq!((rival.0, &rival), (404, &nobody), "{path}");
    }
    let seat = json!({"license": "creative", "holders": [{"user": "ada"}]});
    let answer = keyed.send("globex", "AssignSeat", &seat, &one).await;
    assert_eq!((answer.status, answer.json()["code"].clone()), (404, json!("account_not_found")));
    let listed = keyed.get("/v1/accounts", &one).await.json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    let mut every = admin;
    every["seatledger_account"] = json!("*");
    let every = scene.token(every).await;
    assert_eq!(keyed.send("globex", "AssignSeat", &seat, &every).await.status, 200);
    let listed = keyed.get("/v1/accounts", &every).await.json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_makes_a_key_with_a_token_that_has_more_than_it() {
    let scene = Scene::with(&[]).await;
    scene.furnish().await;
    let key = |more: Value| {
        let mut key = creation("00000000000000aa", [1; 32], "admin");
        key.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        key
    };
    let made = async |claims: Value, key: Value| {
        let mut admin = json!({"seatledger_role": "admin"});
        admin.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
        let token = scene.token(admin).await;
        scene.keyed.send("acme", "CreateKey", &key, &token).await.status
    };
    let narrow = json!({"seatledger_facades": ["native", "ibl"]});
    assert_eq!(made(json!({}), key(json!({"every_account": true}))).await, 403);
    assert_eq!(made(narrow.clone(), key(json!({}))).await, 403);
    assert_eq!(made(narrow.clone(), key(json!({"facades": ["uipath"]}))).await, 403);
    assert_eq!(made(json!({"seatledger_role": "operator"}), key(json!({}))).await, 403);
    assert_eq!(made(narrow, key(json!({"facades": ["ibl"]}))).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_is_the_subject_of_the_token() {
    let scene = Scene::with(&[]).await;
    scene.furnish().await;
    let long = "x".repeat(257);
    for (subject, user) in [("ada@example.com", "one"), ("two\nlines", "two"), (&long, "three")] {
        let token = scene.token(json!({"sub": subject})).await;
        let seat = json!({"license": "creative", "holders": [{"user": user}]});
        assert_eq!(scene.keyed.send("acme", "AssignSeat", &seat, &token).await.status, 200);
    }
    let history = scene.token(json!({"seatledger_role": "auditor"})).await;
    let items = async || {
        let path = format!("{ACCOUNT}/history?type=SeatAssigned");
        let history = scene.keyed.get(&path, &history).await.json();
        history["items"].as_array().unwrap().clone()
    };
    eventually("all are told", async || items().await.len() == 3).await;
    let bys: Vec<_> =
        items().await.iter().map(|it| it["by"].as_str().unwrap().to_owned()).collect();
    assert_eq!(bys[0], format!("token:{ISSUER}#ada@example.com"));
    for (by, subject) in bys[1..].iter().zip(["two\nlines", &long]) {
        let hash: String = Sha256::digest(subject).iter().map(|it| format!("{it:02x}")).collect();
        assert_eq!(*by, format!("token:{ISSUER}#sha256:{hash}"));
    }
    let mut actors: Vec<String> =
        items().await.iter().map(|it| it["actor"].as_str().unwrap().to_owned()).collect();
    actors.sort();
    assert_eq!(actors[0], "ada@example.com");
    assert!(actors[1..].iter().all(|it| it.starts_with("token-") && it.len() == 22), "{actors:?}");
    assert_ne!(actors[1], actors[2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_api_takes_a_token_that_is_for_it() {
    let scene = Scene::with(&[]).await;
    scene.furnish().await;
    let keyed = &scene.keyed;
    for (facade, header, path) in [
        ("native", "Bearer ", "/v1/accounts/acme"),
        ("uipath", "Bearer ", "/lease_/api/account/acme/user-license/groups/with-quota"),
        ("ibl", "Api-Token ", "/api/catalog/licenses/user/"),
        ("aladia", "", "/spaces/s/members/search"),
    ] {
        let ask = async |claims: Value| {
            let shown = format!("{header}{}", scene.token(claims).await);
            let place = if facade == "aladia" { "apikey" } else { "authorization" };
            keyed.request(Method::GET, path, "", &[(place, &shown)]).await
        };
        assert_eq!(ask(json!({"seatledger_facades": [facade]})).await.status, 200, "{facade}");
        assert_eq!(ask(json!({"seatledger_facades": []})).await.status, 403, "{facade}");
        let others: Vec<&str> =
            ["native", "uipath", "ibl", "aladia"].into_iter().filter(|it| *it != facade).collect();
        assert_eq!(ask(json!({"seatledger_facades": others})).await.status, 403, "{facade}");
        // Of every account and of none in particular: calls that name one work.
        let every = ask(json!({"seatledger_account": "*"})).await;
        let needs_a_home = ["ibl", "aladia"].contains(&facade);
        assert_eq!(every.status, if needs_a_home { 403 } else { 200 }, "{facade}");
        if needs_a_home {
            let said = String::from_utf8(every.body.to_vec()).unwrap();
            assert!(said.contains("the call names no account"), "{said}");
        }
    }
    let every = scene.token(json!({"seatledger_account": "*"})).await;
    let named = keyed.get("/api/catalog/licenses/user/?platform_key=acme", &every).await;
    assert_eq!(named.status, 200, "{}", named.json());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_and_a_key_that_differ_are_a_contradiction_and_keys_go_on() {
    let scene = Scene::with(&[]).await;
    scene.furnish().await;
    let key = scene.keyed.key("acme", "reader", json!({})).await;
    assert_eq!(scene.keyed.get(ACCOUNT, &key).await.status, 200);
    let token = scene.token(json!({})).await;
    let shown = format!("Bearer {token}");
    let two = [("apikey", key.as_str()), ("authorization", shown.as_str())];
    let answer = scene.keyed.request(Method::GET, ACCOUNT, "", &two).await;
    assert_eq!((answer.status, answer.json()["code"].clone()), (400, json!("key_contradiction")));
    let twice = [("apikey", token.as_str()), ("authorization", shown.as_str())];
    assert_eq!(scene.keyed.request(Method::GET, ACCOUNT, "", &twice).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_over_when_the_clock_of_the_ledger_says_so_and_its_tail_ends() {
    let scene = Scene::with(&[]).await;
    scene.furnish().await;
    let keyed = &scene.keyed;
    let token = scene.token(json!({"seatledger_role": "auditor"})).await;
    let shown = [("authorization", token.as_str())];
    let path = "/v1/accounts/acme/events?after=0";
    let mut tail = keyed.ledger.stream(path, &shown).await;
    let first = tokio::time::timeout(PATIENCE, tail.frame()).await.unwrap();
    assert!(first.unwrap().is_ok(), "it begins");
    let moved = keyed.post("/v1/clock", r#"{"forward":"1h"}"#, &keyed.admin()).await;
    assert_eq!(moved.status, 200);
    assert_eq!(keyed.get(ACCOUNT, &token).await.status, 401);
    let ended = async { while let Some(Ok(_)) = tail.frame().await {} };
    tokio::time::timeout(PATIENCE, ended).await.expect("it ends");
    // One that is made now is good again: the time is the ledger's, and not that of the machine.
    let new = scene.token(json!({"seatledger_role": "auditor"})).await;
    assert_eq!(keyed.get(ACCOUNT, &new).await.status, 200);
    // A tail ends, too, when the issuer has its key no more.
    let mut tail = keyed.ledger.stream(path, &[("authorization", new.as_str())]).await;
    assert!(tokio::time::timeout(PATIENCE, tail.frame()).await.unwrap().unwrap().is_ok());
    let other = Signer::ed25519();
    std::fs::write(&scene.jwks, json!({"keys": [other.jwk("f")]}).to_string()).unwrap();
    let said = claims(now(keyed).await, json!({}));
    assert_eq!(
        keyed.get(ACCOUNT, &super::token(&header(&other, "f"), &said, &other)).await.status,
        200
    );
    assert_eq!(keyed.get(ACCOUNT, &new).await.status, 401);
    let ended = async { while let Some(Ok(_)) = tail.frame().await {} };
    tokio::time::timeout(PATIENCE, ended).await.expect("it ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_with_tokens_calls_as_often_as_they_may() {
    let folder = tempfile::tempdir().unwrap();
    let (jwks, by) = (folder.path().join("jwks.json"), Signer::ed25519());
    std::fs::write(&jwks, json!({"keys": [by.jwk("e")]}).to_string()).unwrap();
    let mut more = arguments(jwks.to_str().unwrap());
    more.extend(["--rate", "20"].map(str::to_owned));
    let (keyed, _dir) = ledger(&more, &[]).await;
    keyed.accepted("acme", "RegisterHolder", json!({"holder": {"user": "ada"}})).await;
    let now = now(&keyed).await;
    // Many tokens of one subject are one caller.
    let tokens: Vec<String> = (0..200)
        .map(|it| token(&header(&by, "e"), &claims(now, json!({"jti": it})), &by))
        .collect();
    let begin = std::time::Instant::now();
    let calls = tokens.iter().map(|it| keyed.get(ACCOUNT, it));
    let answers = futures_util::future::join_all(calls).await;
    let taken = answers.iter().filter(|it| it.status == 200).count();
    let most = 20.0 + 20.0 * begin.elapsed().as_secs_f64() + 1.0;
    assert!(taken >= 20 && (taken as f64) <= most, "{taken} of 200, at most {most}");
    assert!(answers.iter().all(|it| [200, 429].contains(&it.status)));
    let other = token(&header(&by, "e"), &claims(now, json!({"sub": "bo"})), &by);
    assert_eq!(keyed.get(ACCOUNT, &other).await.status, 200, "another subject is another caller");
}
