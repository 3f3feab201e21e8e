//! Every command through every door by everybody, against a table of its own.

use async_nats::HeaderMap;
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use super::{Keyed, creation, id_of, written};
use crate::doors::outcome;
use crate::ledger::{PATIENCE, eventually};

/// The ways in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Command,
    Post,
    Admin,
    Http,
}

const WAYS: [Way; 4] = [Way::Command, Way::Post, Way::Admin, Way::Http];

/// What somebody may at most: each role what the one before it may.
const ROLES: [&str; 4] = ["reader", "auditor", "operator", "admin"];

/// Where somebody may at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Where {
    Acme,
    Globex,
    Everywhere,
}

/// A key that is shown: its role, how far it reaches, and itself.
type Shown = (usize, Where, String);

/// What a command takes: a role, and whether it reaches further than its account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Takes {
    role: usize,
    further: bool,
}

const OPERATOR: usize = 2;
const ADMIN: usize = 3;

/// What a way in is worth without a key; nothing over HTTP.
fn worth(way: Way) -> Option<(usize, Where)> {
    match way {
        Way::Command | Way::Post => Some((OPERATOR, Where::Acme)),
        Way::Admin => Some((ADMIN, Where::Everywhere)),
        Way::Http => None,
    }
}

/// What is answered to a command of acme that is not let in; `None` where it is judged.
fn refused(way: Way, shown: Option<&Shown>, takes: Takes) -> Option<(u16, &'static str)> {
    let shown = shown.map(|it| (it.0, it.1));
    let (role, places) = match (worth(way), shown) {
        (None, None) => return Some((401, "key_missing")),
        (Some(one), None) | (None, Some(one)) => (one.0, vec![one.1]),
        (Some(one), Some(other)) => (one.0.min(other.0), vec![one.1, other.1]),
    };
    let reaches = |further: bool| {
        let all = |it: &Where| match it {
            Where::Acme => !further,
            Where::Globex => false,
            Where::Everywhere => true,
        };
        places.iter().all(all)
    };
    match () {
        () if role < OPERATOR => Some((403, "role_not_sufficient")),
        () if !reaches(false) => Some((404, "account_not_found")),
        // What another account would be given is answered as if there were none.
        () if takes.further && takes.role == OPERATOR && !reaches(true) => {
            Some((404, "account_not_found"))
        }
        () if role < takes.role || (takes.further && !reaches(true)) => {
            Some((403, "role_not_sufficient"))
        }
        () => None,
    }
}

/// Every type by its example, and what is worth more inside another one.
async fn commands(keyed: &Keyed) -> Vec<(String, Value, Takes)> {
    let schema = keyed.request(hyper::Method::GET, "/openapi.json", "", &[]).await.json();
    let send = &schema["paths"]["/v1/accounts/{account}/commands/{command}"]["post"];
    let kinds = &send["requestBody"]["content"]["application/json"]["schema"]["anyOf"];
    let mut all = vec![];
    for it in kinds.as_array().unwrap() {
        let kind = it["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
        let takes = match kind {
            "CreateKey" | "RevokeKey" | "SetPolicy" => Takes { role: ADMIN, further: false },
            "AllocateToAccount" => Takes { role: OPERATOR, further: true },
            _ => Takes { role: OPERATOR, further: false },
        };
        all.push((kind.to_owned(), seatledger::describe::example(kind.parse().unwrap()), takes));
    }
    assert!(all.len() > 25, "{all:?}");
    let mut every = creation("00000000000000aa", [5; 32], "admin");
    every["every_account"] = json!(true);
    let policy = json!({"overage": "unlimited"});
    let give = json!({"license": "l", "receiver": "globex", "quantity": 1});
    let (own, admin) =
        (Takes { role: ADMIN, further: false }, Takes { role: ADMIN, further: true });
    let further = Takes { role: OPERATOR, further: true };
    all.push(("CreateKey".to_owned(), every.clone(), admin));
    for (kind, inside, takes) in [
        ("SetPolicy", &policy, own),
        ("AllocateToAccount", &give, further),
        ("CreateKey", &every, admin),
    ] {
        let one = json!({"command": kind, "document": inside});
        all.push(("ApplyBatch".to_owned(), json!({"commands": [one]}), takes));
        // A key is made at once or not at all.
        if kind != "CreateKey" {
            let mut later = one.clone();
            later["at"] = json!("2099-01-01T00:00:00Z");
            all.push(("ScheduleCommand".to_owned(), later, takes));
            let batch = json!({"at": "2099-01-01T00:00:00Z", "command": "ApplyBatch",
                "document": {"commands": [one]}});
            all.push(("ScheduleCommand".to_owned(), batch, takes));
        }
    }
    all
}

/// Who sends, and over what.
struct Scene {
    keyed: Keyed,
    nats: async_nats::Client,
}

impl Scene {
    async fn start() -> Scene {
        let keyed = Keyed::start().await;
        let nats = keyed.ledger.nats().await;
        Scene { keyed, nats }
    }

    /// Sends a command of acme; says status and code.
    async fn send(&self, way: Way, kind: &str, document: &Value, keys: &[&str]) -> (u16, String) {
        let mut headers = HeaderMap::new();
        keys.iter().for_each(|it| headers.append("Seatledger-Key", *it));
        let body = document.to_string();
        let word = match way {
            Way::Command => "command",
            Way::Post => "post",
            Way::Admin => "admin",
            Way::Http => {
                let shown: Vec<_> = keys.iter().map(|it| ("apikey", *it)).collect();
                let path = format!("/v1/accounts/acme/commands/{kind}");
                let answer = self.keyed.request(hyper::Method::POST, &path, &body, &shown).await;
                let code = answer.json()["code"].as_str().unwrap_or_default().to_owned();
                return (answer.status, code);
            }
        };
        let subject = format!("seatledger.{word}.acme.{kind}");
        if way == Way::Post {
            let id = document["id"].as_str().unwrap();
            let said = format!("seatledger.outcome.acme.{id}");
            let mut outcomes = self.nats.subscribe(said).await.unwrap();
            self.nats.flush().await.unwrap();
            self.nats.publish_with_headers(subject, headers, body.into()).await.unwrap();
            let told = outcome(&mut outcomes).await;
            return (told.status, told.code().to_owned());
        }
        let inbox = self.nats.new_inbox();
        let mut replies = self.nats.subscribe(inbox.clone()).await.unwrap();
        let asked = self.nats.publish_with_reply_and_headers(subject, inbox, headers, body.into());
        asked.await.unwrap();
        let reply = tokio::time::timeout(PATIENCE, replies.next()).await.unwrap().unwrap();
        let told: Value = serde_json::from_slice(&reply.payload).unwrap();
        let status = told["status"].as_u64().map_or(200, |it| it as u16);
        (status, told["code"].as_str().unwrap_or_default().to_owned())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_through_every_door_by_everybody() {
    let scene = Scene::start().await;
    let mut principals: Vec<Option<Shown>> = vec![None];
    for (role, name) in ROLES.iter().enumerate() {
        for (place, account) in
            [(Where::Acme, "acme"), (Where::Globex, "globex"), (Where::Everywhere, "ops")]
        {
            let more = json!({"every_account": place == Where::Everywhere});
            principals.push(Some((role, place, scene.keyed.key(account, name, more).await)));
        }
    }
    let mut number = 0;
    for (kind, mut document, takes) in commands(&scene.keyed).await {
        document["dry_run"] = json!(true);
        for way in WAYS {
            for shown in &principals {
                number += 1;
                document["id"] = json!(format!("tried-{number}"));
                let key: Vec<&str> = shown.iter().map(|it| it.2.as_str()).collect();
                let (status, code) = scene.send(way, &kind, &document, &key).await;
                let who = shown.as_ref().map(|it| (ROLES[it.0], it.1));
                let what = format!("{way:?}, {who:?}: {kind} {document}");
                match refused(way, shown.as_ref(), takes) {
                    Some(wanted) => assert_eq!((status, code.as_str()), wanted, "{what}"),
                    None => {
                        let not = ["role_not_sufficient", "account_not_found"];
                        let is_judged = ![400, 401, 403, 429, 503].contains(&status);
                        assert!(is_judged && !not.contains(&&*code), "{status} {code}: {what}");
                    }
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_over_nats_is_refused_as_over_http() {
    let scene = Scene::start().await;
    let keyed = &scene.keyed;
    let revoked = keyed.key("acme", "admin", json!({})).await;
    keyed.accepted("acme", "RevokeKey", json!({"key": id_of(&revoked)})).await;
    let uipath = keyed.key("acme", "admin", json!({"facades": ["uipath"]})).await;
    let good = keyed.key("acme", "operator", json!({"name": "provisioning"})).await;
    let wrong = written(id_of(&good), [7; 32]);
    let mut number = 0;
    for way in WAYS {
        for (keys, status, code) in [
            (vec![revoked.as_str()], 401, "key_not_accepted"),
            (vec![&wrong], 401, "key_not_accepted"),
            (vec!["slk_nonsense"], 401, "key_not_accepted"),
            (vec![""], 401, "key_not_accepted"),
            (vec![&good, &wrong], 400, "key_contradiction"),
            (vec![&uipath], 403, "facade_not_allowed"),
            (vec![&good, &good], 200, ""),
        ] {
            number += 1;
            let id = format!("shown-{number}");
            let document = json!({"id": id, "holder": {"user": id}});
            let (told, said) = scene.send(way, "RegisterHolder", &document, &keys).await;
            assert_eq!((told, said.as_str()), (status, code), "{way:?} {keys:?}");
        }
    }
    // Whoever shows a key is that key, whatever the subject would be worth alone.
    let path = "/v1/accounts/acme/history?type=HolderRegistered";
    let last = keyed.accepted("acme", "RegisterHolder", json!({"holder": {"user": "last"}})).await;
    let told = keyed.get(&format!("{path}&min_sequence={last}"), &keyed.admin()).await.json();
    let items = told["items"].as_array().unwrap();
    assert_eq!(items.len(), WAYS.len() + 1, "{told}");
    for (item, via) in items.iter().zip(["nats", "nats", "nats", "http"]) {
        let by = format!("key:{}", id_of(&good));
        assert_eq!(
            [&item["by"], &item["actor"], &item["via"]],
            [&by, "provisioning", via],
            "{item}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_publish_commands_makes_no_key_and_who_may_publish_as_admin_does() {
    let scene = Scene::start().await;
    let license = json!({"license": "l", "product": "P", "quantity": 1});
    scene.keyed.accepted("globex", "AllocateLicense", license).await;
    let key = written("00000000000000ab", [9; 32]);
    let mut document = creation("00000000000000ab", [9; 32], "admin");
    document["every_account"] = json!(true);
    for (way, status) in [(Way::Command, 401), (Way::Post, 401), (Way::Admin, 200)] {
        document["id"] = json!(format!("{way:?}"));
        scene.send(way, "CreateKey", &document, &[]).await;
        assert_eq!(scene.keyed.get("/v1/accounts/globex", &key).await.status, status, "{way:?}");
    }
    let keys = scene.keyed.get("/v1/accounts/acme/history?type=KeyCreated", &key).await.json();
    assert_eq!(keys["items"][0]["by"], json!("nats:admin"), "{keys}");
}

/// A key narrows a subject, and is what stands on what came over it, be it no command at all.
#[tokio::test(flavor = "multi_thread")]
async fn a_post_that_is_no_command_is_kept_as_that_of_its_key() {
    let scene = Scene::start().await;
    let key = scene.keyed.key("acme", "operator", json!({})).await;
    let broken = json!({"id": "broken", "licence": "l"});
    let told = scene.send(Way::Post, "AssignSeat", &broken, &[&key]).await;
    assert_eq!(told, (400, "unknown_field".to_owned()));
    let (auditor, mut kept) = (scene.keyed.key("acme", "auditor", json!({})).await, json!([]));
    eventually("it is kept", async || {
        kept = scene.keyed.get("/v1/accounts/acme/refusals", &auditor).await.json()["items"].take();
        kept[0].is_object()
    })
    .await;
    let id = key.split('_').nth(1).unwrap();
    assert_eq!(kept[0]["by"], json!(format!("key:{id}")), "{kept}");
}
