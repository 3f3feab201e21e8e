//! Lists of licenses: what is on them, in which order, page by page.

use serde_json::{Value, json};

use super::{Client, number, refused};
use crate::Ledger;

async fn some_licenses(client: &Client<'_>) {
    for body in [
        json!({"name": "Alpha", "count": 3, "source": "crm", "external_id": "e1",
            "metadata": {"region": "eu", "tier": 2, "trial": false}}),
        json!({"name": "Beta", "count": 1, "source": "api", "active": false,
            "metadata": {"region": "us", "tier": 2}}),
        json!({"name": "Gamma ray", "count": 2, "expired": "2099-01-01T00:00:00Z"}),
    ] {
        client.done("user/create/", body).await;
    }
    client.done("course/create/", json!({"course_id": "c1", "name": "Alpha"})).await;
    client.done("program/create/", json!({"program_key": "p1", "name": "Alpha"})).await;
    client.done("platform/create/", json!({"name": "Alpha"})).await;
}

fn names(all: &[Value]) -> Vec<&str> {
    all.iter().map(|it| it["name"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_has_what_is_asked_for() {
    let ledger = Ledger::start().await;
    let client = Client::of(&ledger, "acme").await;
    some_licenses(&client).await;
    for (path, wanted) in [
        ("user/", vec!["Gamma ray", "Beta", "Alpha"]),
        ("user/?sort=id", vec!["Alpha", "Beta", "Gamma ray"]),
        ("user/?sort=-name", vec!["Gamma ray", "Beta", "Alpha"]),
        ("user/?sort=count", vec!["Beta", "Gamma ray", "Alpha"]),
        ("user/?sort=-created", vec!["Gamma ray", "Beta", "Alpha"]),
        ("user/?active=true&sort=id", vec!["Alpha", "Gamma ray"]),
        ("user/?active=False", vec!["Beta"]),
        ("user/?name=Alpha", vec!["Alpha"]),
        ("user/?name=alpha", vec![]),
        ("user/?query=A%20R", vec!["Gamma ray"]),
        ("user/?source=crm", vec!["Alpha"]),
        ("user/?external_id=e1", vec!["Alpha"]),
        ("user/?metadata__region=eu", vec!["Alpha"]),
        ("user/?region=us", vec!["Beta"]),
        ("user/?tier=2&sort=id", vec!["Alpha", "Beta"]),
        ("user/?trial=false", vec!["Alpha"]),
        ("user/?tier=3", vec![]),
        ("user/?region=eu&region=us", vec![]),
        ("course/?course_id=c1", vec!["Alpha"]),
        ("course/?course_id=c2", vec![]),
        ("program/?program_id=p1", vec!["Alpha"]),
        ("platform/", vec!["Alpha"]),
        ("user/?platform_key=acme&org=acme&name=Beta", vec!["Beta"]),
        ("user/?key=acme&name=Beta", vec!["Beta"]),
        ("user/?platform_org=acme&name=Beta", vec!["Beta"]),
    ] {
        assert_eq!(names(&client.list(path).await), wanted, "{path}");
    }
    for (path, about) in [
        ("user/?sort=colour", "sort"),
        ("user/?page=0", "page"),
        ("user/?page=x", "page"),
        ("user/?page_size=0", "page_size"),
        ("user/?page_size=5000", "page_size"),
        ("user/?active=perhaps", "active"),
        ("user/?verbose=2", "verbose"),
        ("user/?at=never", "at"),
        ("user/?key=acme&org=other", "platform_key"),
    ] {
        let (status, _, members) = refused(&client.get(path).await);
        assert_eq!((status, members), (400, vec![about.to_owned()]), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_gone_through_page_by_page() {
    let ledger = Ledger::start().await;
    let client = Client::of(&ledger, "acme").await;
    for count in 0..5 {
        client.user_license(count).await;
    }
    let all = client.list("user/?sort=id").await;
    let (mut seen, mut path) = (vec![], Some("user/?sort=id&page_size=2&name=Seats".to_owned()));
    while let Some(next) = path.take() {
        let page = client.get(&next).await.json();
        assert_eq!(number(&page, "count"), 5);
        assert_eq!(
            (&page["next"], &page["previous"]),
            (&page["next_page"], &page["previous_page"])
        );
        assert_eq!(page["previous"].is_null(), seen.is_empty());
        seen.extend(page["results"].as_array().unwrap().clone());
        let base = format!("{}{}/", ledger.http_url(), super::BASE);
        path = page["next"].as_str().map(|it| it.strip_prefix(&base).unwrap().to_owned());
    }
    assert_eq!(seen, all);
    let beyond = client.get("user/?page=9&page_size=2").await.json();
    assert_eq!((&beyond["results"], &beyond["next"]), (&json!([]), &Value::Null));
    // What is before it is the last page that there is.
    let before = async |path: &str| {
        let page = client.get(path).await.json();
        page["previous"].as_str().unwrap().rsplit_once("page=").unwrap().1.to_owned()
    };
    assert_eq!(before("user/?page=9&page_size=2").await, "3");
    assert_eq!(before("user/?page=3&page_size=2").await, "2");
    assert_eq!(before("course/?page=9").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verbose_list_counts_what_is_fulfilled() {
    let ledger = Ledger::start().await;
    let client = Client::of(&ledger, "acme").await;
    let body = json!({"program_key": "p", "name": "P", "count": 5});
    let id = number(&client.done("program/create/", body).await, "id");
    for (email, fulfilled, active) in
        [("a@x.org", true, true), ("b@x.org", false, true), ("c@x.org", true, false)]
    {
        let body = json!({"license_id": id, "email": email, "fulfilled": fulfilled,
            "active": active});
        client.done("program/assignment/", body).await;
    }
    let listed = client.list("program/?verbose=true").await;
    assert_eq!(listed[0]["assignments"], json!({"total": 2, "active": 1, "pending": 1}));
    assert_eq!(listed[0]["usage_count"], 2);
    assert_eq!(client.list("program/").await[0].get("assignments"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_other_clients_allocate_is_seen_here_now_and_as_it_was() {
    let ledger = Ledger::start().await;
    let client = Client::of(&ledger, "acme").await;
    let license = json!({"license": "dev", "product": "RPADEVNU", "quantity": 4});
    let first = ledger.accepted("acme", "AllocateLicense", &license).await;
    let course = json!({"license": "c", "product": "course:c1", "quantity": 4});
    ledger.accepted("acme", "AllocateLicense", &course).await;
    let changed = json!({"license": "dev", "quantity": 6});
    let last = ledger.accepted("acme", "ChangeLicense", &changed).await;
    let listed = client.list(&format!("user/?min_sequence={last}")).await;
    assert_eq!((listed.len(), &listed[0]["name"]), (1, &json!("dev")));
    assert_eq!(listed[0]["count"], 6);
    assert_eq!(client.list("course/").await[0]["course_id"], "c1");
    let before = client.get(&format!("user/?at={first}")).await;
    assert_eq!(before.json()["results"][0]["count"], 4);
    assert_eq!(before.sequence(), first);
    let assign = json!({"license": "dev", "holders": [{"user": "ada"}]});
    let assigned = ledger.accepted("acme", "AssignSeat", &assign).await;
    let id = &listed[0]["id"];
    let path = format!("user/assignment/?license_id={id}&min_sequence={assigned}");
    let people = client.list(&path).await;
    assert_eq!((people.len(), &people[0]["username"]), (1, &json!("ada")));
    let path = format!("user/assignment/?license_id={id}&at={last}");
    assert!(client.list(&path).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_a_license_is_listed_beside_it_or_left_out() {
    let ledger = Ledger::start().await;
    let client = Client::of(&ledger, "acme").await;
    let course = json!({"license": "una", "product": "course:c1", "quantity": 10});
    ledger.accepted("acme", "AllocateLicense", &course).await;
    let own = json!({"license": "north", "product": "course:c1", "quantity": 3,
        "container": "north"});
    ledger.accepted("acme", "AllocateLicense", &own).await;
    let quantities = json!([{"license": "una", "quantity": 4}]);
    let shares = json!({"allocations": [{"container": "t1", "quantities": quantities}]});
    let shared = ledger.accepted("acme", "SetAllocations", &shares).await;
    let seat = json!({"product": "course:c1", "container": "t1", "holders": [{"user": "ada"}]});
    let assigned = ledger.accepted("acme", "AssignSeat", &seat).await;
    let listed = client.list(&format!("course/?sort=id&min_sequence={shared}")).await;
    assert_eq!((listed.len(), &listed[2]["count"]), (3, &json!(4)));
    let whole = client.list("course/?sort=id&parts=false").await;
    assert_eq!(whole, listed[..2]);
    assert_eq!(names(&whole), ["una", "north"]);
    let page = client.get("course/?page_size=1&parts=false").await.json();
    assert_eq!(number(&page, "count"), 2);
    // By its number it is told who holds seats of a part.
    let part = number(&listed[2], "id");
    let path = format!("course/assignment/?license_id={part}&min_sequence={assigned}");
    let people = client.list(&path).await;
    assert_eq!((people.len(), number(&people[0], "license_id")), (1, part));
    assert_eq!(people[0]["username"], "ada");
}
