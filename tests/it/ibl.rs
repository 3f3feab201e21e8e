//! The dialect of ibl.ai, as its clients see it: catalog licenses.

mod assigning;
mod at_once;
mod calls;
mod checking;
mod documented;
mod grouping;
mod keys;
mod licensing;
mod lists;
mod naming;
mod receipts;
mod repeating;

use hyper::Method;
use serde_json::{Value, json};

use crate::Ledger;
use crate::facades::key;
use crate::ledger::Answer;

/// Where all of it is.
pub const BASE: &str = "/api/catalog/licenses";

/// A client of the dialect: a key, and the ledger that it is for.
pub struct Client<'a> {
    pub ledger: &'a Ledger,
    pub key: String,
}

/// Makes a key of an account.
pub async fn make_key(ledger: &Ledger, account: &str, more: &Value) -> String {
    let key = key(ledger, account, more["role"].as_str().unwrap(), more.clone()).await;
    ledger.caught_up().await;
    key
}

impl<'a> Client<'a> {
    /// One with a key of an operator of an account.
    pub async fn of(ledger: &'a Ledger, account: &str) -> Client<'a> {
        let key = make_key(ledger, account, &json!({"role": "operator"})).await;
        Client { ledger, key }
    }

    pub async fn call(
        &self,
        method: Method,
        path: &str,
        body: &str,
        more: &[(&str, &str)],
    ) -> Answer {
        let key = format!("Api-Key {}", self.key);
        let mut headers = vec![("authorization", key.as_str())];
        if !body.is_empty() && !more.iter().any(|it| it.0 == "content-type") {
            headers.push(("content-type", "application/json"));
        }
        headers.extend(more);
        self.ledger.request(method, &format!("{BASE}/{path}"), body, &headers).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, "", &[]).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::POST, path, &body.to_string(), &[]).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path, "", &[]).await
    }

    /// POST that must be done, and gives back what it answers.
    #[track_caller]
    pub fn done<'b>(&'b self, path: &'b str, body: Value) -> impl Future<Output = Value> + 'b {
        let caller = std::panic::Location::caller();
        async move {
            let answer = self.post(path, &body).await;
            let said = String::from_utf8_lossy(&answer.body).into_owned();
            assert_eq!(answer.status, 200, "{caller}: {path} {body}: {said}");
            answer.json()
        }
    }

    /// GET of a list, and what is on it.
    pub async fn list(&self, path: &str) -> Vec<Value> {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
        answer.json()["results"].as_array().unwrap().clone()
    }

    /// A user license with so many seats, and its number.
    pub async fn user_license(&self, count: u64) -> u64 {
        let body = json!({"platform_key": "acme", "name": "Seats", "count": count});
        number(&self.done("user/create/", body).await, "id")
    }

    /// Registers a user, and gives back the number that the dialect knows them by.
    pub async fn user(&self, user: &str) -> u64 {
        let email = format!("{user}@example.com");
        let document = json!({"holder": {"user": user, "email": email}, "display_name": user});
        let sequence = self.ledger.accepted("acme", "RegisterHolder", &document).await;
        let path = format!("/v1/accounts/acme/holders/{user}");
        number(&self.ledger.get_at_least(&path, sequence).await.json(), "number")
    }
}

/// A number of a document.
#[track_caller]
pub fn number(document: &Value, name: &str) -> u64 {
    document[name].as_u64().unwrap_or_else(|| panic!("no {name}: {document}"))
}

/// What a refused call says: status, code, and the members that it is about.
#[track_caller]
pub fn refused(answer: &Answer) -> (u16, String, Vec<String>) {
    let body = answer.json();
    let members = body.as_object().unwrap();
    assert!(body["detail"].is_string(), "{body}");
    let about = members.keys().filter(|it| *it != "detail" && *it != "code");
    let about: Vec<String> = about.cloned().collect();
    for it in &about {
        let said = body[it].as_array().unwrap_or_else(|| panic!("{it}: {body}"));
        assert!(!said.is_empty() && said.iter().all(Value::is_string), "{it}: {body}");
    }
    (answer.status, body["code"].as_str().unwrap().to_owned(), about)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_license_lives_from_its_creation_to_the_end_of_its_last_assignment() {
    let ledger = Ledger::start().await;
    let client = Client::of(&ledger, "acme").await;
    let license = client.user_license(1).await;
    let listed = client.list("user/?platform_key=acme").await;
    assert_eq!((listed.len(), number(&listed[0], "id")), (1, license));
    let body = json!({"license_id": license, "email": "Ada@Example.com"});
    let assignment = client.done(&format!("user/assignment/?license_id={license}"), body).await;
    assert_eq!(assignment["email"], "ada@example.com");
    assert_eq!(assignment["username"], "ada@example.com");
    assert_eq!((&assignment["active"], &assignment["fulfilled"]), (&json!(true), &json!(false)));
    let check = async || {
        let path = format!("{BASE}/user/assignment/check/?email=ada@example.com");
        let answer = ledger.get(&path).await;
        assert!(answer.body.is_empty(), "{:?}", answer.body);
        answer.status
    };
    assert_eq!(check().await, 200);
    let body = json!({"license_id": license, "email": "b@x.org"});
    let (status, code, _) = refused(&client.post("user/assignment/", &body).await);
    assert_eq!((status, code.as_str()), (400, "no_seats_available"));
    let id = number(&assignment, "id");
    let path = format!("user/assignment/?license_id={license}&assignment_id={id}");
    let gone = client.delete(&path).await;
    assert_eq!((gone.status, gone.body.len()), (200, 0));
    assert_eq!(check().await, 404);
    assert_eq!(client.delete(&path).await.status, 404);
    assert_eq!(number(&client.list("user/").await[0], "usage_count"), 0);
    // The log, and the ledger's own API, say the same.
    let history = ledger.get("/v1/accounts/acme/history?limit=100").await.json();
    let events = history["items"].as_array().unwrap();
    let types: Vec<&str> = events.iter().filter_map(|it| it["type"].as_str()).collect();
    for it in ["LicenseAllocated", "SeatAssigned", "AssignmentRevoked"] {
        assert!(types.contains(&it), "{it}: {types:?}");
    }
    let written = events.iter().filter(|it| it["via"] == "ibl").count();
    assert_eq!(written, 3, "{history}");
}
