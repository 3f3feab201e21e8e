//! One account through every dialect, `/v1` and NATS: what one of them writes all of them say, and the
//! log.

mod afterwards;
mod last_seat;
mod log;
mod people;
mod quantity;
mod seats;
mod tracing;
mod views;

use std::collections::BTreeMap;

use hyper::Method;
use serde_json::{Value, json};

use crate::Ledger;
use crate::doors::{Door, Doors};
use crate::facades::key;
use crate::keys::id_of;
use crate::ledger::Answer;

/// The course that all dialects know: `c1` for two of them, a license code for the other one.
pub const PRODUCT: &str = "course:c1";

/// The license of it that the account has.
pub const LICENSE: &str = "stats";

/// Who is known to the account from the beginning.
pub const PEOPLE: [&str; 4] = ["ada", "bo", "cy", "di"];

/// A way to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writer {
    Uipath,
    Ibl,
    Aladia,
    Http,
    Nats,
}

impl Writer {
    pub const ALL: [Writer; 5] =
        [Writer::Uipath, Writer::Ibl, Writer::Aladia, Writer::Http, Writer::Nats];

    pub const DIALECTS: [Writer; 3] = [Writer::Uipath, Writer::Ibl, Writer::Aladia];

    /// What the history calls it.
    pub fn via(self) -> &'static str {
        match self {
            Writer::Uipath => "uipath",
            Writer::Ibl => "ibl",
            Writer::Aladia => "aladia",
            Writer::Http => "http",
            Writer::Nats => "nats",
        }
    }

    /// The name of the key that it shows.
    pub fn actor(self) -> String {
        format!("client of {}", self.via())
    }
}

/// What a writer was told.
#[derive(Debug, Clone)]
pub struct Said {
    pub status: u16,
    pub sequence: Option<u64>,
    pub command: Option<String>,
    pub body: Value,
}

impl Said {
    fn of(answer: &Answer) -> Said {
        let header = |it: &str| answer.headers.get(it).map(|it| it.to_str().unwrap().to_owned());
        Said {
            status: answer.status,
            sequence: header("seatledger-sequence").map(|it| it.parse().unwrap()),
            command: header("seatledger-command"),
            body: if answer.body.is_empty() { Value::Null } else { answer.json() },
        }
    }
}

/// A ledger with one account that everybody uses, and a key of each of them.
pub struct World {
    pub ledger: Ledger,
    keys: Vec<(Writer, String)>,
    /// What the license is called by those who know it by number.
    pub license: u64,
    /// And everybody who is known from the beginning.
    numbers: BTreeMap<String, u64>,
}

impl World {
    /// With so many seats of the course, and everybody known.
    pub async fn with(quantity: i64) -> World {
        World::on(Ledger::start().await, quantity).await
    }

    pub async fn on(ledger: Ledger, quantity: i64) -> World {
        let mut keys = vec![];
        for it in [Writer::Uipath, Writer::Ibl, Writer::Aladia, Writer::Http] {
            let facade = if it == Writer::Http { "native" } else { it.via() };
            let more = json!({"facades": [facade], "name": it.actor()});
            keys.push((it, key(&ledger, "acme", "operator", more).await));
        }
        let license = json!({"license": LICENSE, "product": PRODUCT, "quantity": quantity});
        let mut last = ledger.accepted("acme", "AllocateLicense", &license).await;
        for user in PEOPLE {
            let email = format!("{user}@example.com");
            let holder = json!({"holder": {"user": user, "email": email}, "display_name": user});
            last = ledger.accepted("acme", "RegisterHolder", &holder).await;
        }
        let path = format!("/v1/accounts/acme/licenses/{LICENSE}");
        let license = ledger.get_at_least(&path, last).await.json()["number"].as_u64().unwrap();
        let mut numbers = BTreeMap::new();
        for user in PEOPLE {
            let path = format!("/v1/accounts/acme/holders/{user}");
            let known = ledger.get_at_least(&path, last).await.json();
            numbers.insert(user.to_owned(), known["number"].as_u64().unwrap());
        }
        World { ledger, keys, license, numbers }
    }

    /// Who is let in when it writes.
    pub fn by(&self, writer: Writer) -> String {
        let key = self.keys.iter().find(|it| it.0 == writer);
        key.map_or("nats:command".to_owned(), |it| format!("key:{}", id_of(&it.1)))
    }

    /// A call as the client of a dialect, or of `/v1`, makes it.
    pub async fn call(
        &self,
        writer: Writer,
        (method, path): (&str, &str),
        body: &Value,
        id: Option<&str>,
    ) -> Answer {
        let key = &self.keys.iter().find(|it| it.0 == writer).unwrap().1;
        let shown = match writer {
            Writer::Uipath | Writer::Http | Writer::Nats => format!("Bearer {key}"),
            Writer::Ibl => format!("Api-Key {key}"),
            Writer::Aladia => key.clone(),
        };
        let header = if writer == Writer::Aladia { "apikey" } else { "authorization" };
        let mut headers = vec![(header, shown.as_str())];
        headers.extend(id.map(|it| ("idempotency-key", it)));
        let body = if body.is_null() { String::new() } else { body.to_string() };
        if !body.is_empty() {
            headers.push(("content-type", "application/json"));
        }
        let method = Method::try_from(method).unwrap();
        self.ledger.request(method, path, &body, &headers).await
    }

    /// What it reads, as of when it is read.
    pub async fn read(&self, writer: Writer, path: &str) -> Value {
        let answer = self.call(writer, ("GET", path), &Value::Null, None).await;
        let said = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status, 200, "{writer:?} {path}: {said}");
        answer.sequence();
        answer.json()
    }

    async fn command(
        &self,
        writer: Writer,
        command: &str,
        document: &Value,
        id: Option<&str>,
    ) -> Said {
        if writer == Writer::Nats {
            let doors = Doors::of(&self.ledger).await;
            let body = document.to_string();
            let told = doors.send(Door::Ask, ("acme", command), id, body.as_bytes()).await;
            let command = told.document["command"].as_str().map(str::to_owned);
            let (status, sequence, body) = (told.status, told.sequence, told.document);
            return Said { status, sequence, command, body };
        }
        let path = format!("/v1/accounts/acme/commands/{command}");
        Said::of(&self.call(writer, ("POST", &path), document, id).await)
    }

    /// Gives somebody a seat of the course, in the way of each.
    pub async fn give(&self, writer: Writer, user: &str, id: Option<&str>) -> Said {
        let (call, body) = match writer {
            Writer::Uipath => {
                let set = json!({"userIds": [user], "userBundleCodes": [PRODUCT]});
                (("PUT", "/lease_/api/account/acme/user-license".to_owned()), set)
            }
            Writer::Ibl => {
                let path = "/api/catalog/licenses/course/assignment/".to_owned();
                let number = self.numbers[user];
                (("POST", path), json!({"license_id": self.license, "user_id": number}))
            }
            Writer::Aladia => {
                let path = "/v2/spaces/acme/members/assign-license".to_owned();
                (("PATCH", path), json!({"courseId": "c1", "profileIds": [user]}))
            }
            Writer::Http | Writer::Nats => {
                let document = json!({"license": LICENSE, "holders": [{"user": user}]});
                return self.command(writer, "AssignSeat", &document, id).await;
            }
        };
        Said::of(&self.call(writer, (call.0, &call.1), &body, id).await)
    }

    /// Takes somebody's seat of the course, in the way of each.
    pub async fn take(&self, writer: Writer, user: &str, id: Option<&str>) -> Said {
        let (call, body) = match writer {
            Writer::Uipath => {
                let set = json!({"userIds": [user], "userBundleCodes": []});
                (("PUT", "/lease_/api/account/acme/user-license".to_owned()), set)
            }
            Writer::Ibl => {
                let base = "/api/catalog/licenses/course/assignment/";
                let whose = format!("license_id={}&user_id={}", self.license, self.numbers[user]);
                let found = self.read(Writer::Ibl, &format!("{base}?{whose}")).await;
                let number = found["results"][0]["id"].as_u64().unwrap_or_default();
                let path = format!("{base}?license_id={}&assignment_id={number}", self.license);
                (("DELETE", path), Value::Null)
            }
            Writer::Aladia => {
                let path = "/v2/spaces/acme/members/remove-license".to_owned();
                (("PATCH", path), json!({"courseId": "c1", "profileIds": [user]}))
            }
            Writer::Http | Writer::Nats => {
                let document = json!({"license": LICENSE, "holders": [{"user": user}]});
                return self.command(writer, "RevokeAssignment", &document, id).await;
            }
        };
        Said::of(&self.call(writer, (call.0, &call.1), &body, id).await)
    }

    /// Gives, and demands that it was done.
    pub async fn gives(&self, writer: Writer, user: &str) -> Said {
        let said = self.give(writer, user, None).await;
        assert_eq!(said.status, 200, "{writer:?} gives {user}: {}", said.body);
        said
    }

    /// Takes, and demands that it was done.
    pub async fn takes(&self, writer: Writer, user: &str) -> Said {
        let said = self.take(writer, user, None).await;
        assert_eq!(said.status, 200, "{writer:?} takes from {user}: {}", said.body);
        said
    }

    /// A command that must be accepted, from whoever runs the ledger.
    pub async fn accepted(&self, command: &str, document: &Value) {
        self.ledger.accepted("acme", command, document).await;
    }
}

/// Demands that a shortage was told in the words of who was told.
#[track_caller]
pub fn is_shortage(writer: Writer, said: &Said) {
    let body = &said.body;
    match writer {
        Writer::Uipath => {
            let sentence = "The license allocation is not allowed because it exceeds the account \
                            license quantities.";
            assert_eq!((said.status, &body["message"]), (409, &json!(sentence)), "{body}");
            assert_eq!(body["errorCode"], "no_free_seat");
        }
        Writer::Ibl => {
            assert_eq!((said.status, &body["code"]), (400, &json!("no_seats_available")), "{body}");
            assert!(body["detail"].is_string() && body["license_id"][0].is_string(), "{body}");
        }
        Writer::Aladia => {
            assert_eq!((said.status, &body["statusCode"]), (403, &json!(403)), "{body}");
            assert_eq!(body["errorCode"], "LICENSE_NOT_ENOUGH", "{body}");
        }
        Writer::Http | Writer::Nats => {
            assert_eq!((said.status, &body["code"]), (409, &json!("no_free_seat")), "{body}");
        }
    }
}
