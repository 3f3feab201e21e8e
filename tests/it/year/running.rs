//! A ledger and its model, day by day: whatever one is told the other is told too.

use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::client::Request;
use chrono::{DateTime, SecondsFormat};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::comparing::Remembered;
use super::model::{Model, Time};
use crate::Ledger;

pub const ACCOUNT: &str = "/v1/accounts/acme";
pub const DAY: Time = 24 * 60 * 60 * 1_000;
pub const HOUR: Time = 60 * 60 * 1_000;
/// When people begin to work. What is due on a day is due before.
const MORNING: Time = 6 * HOUR;
/// Commands that are under way at the same time, where their order does not matter.
const IN_FLIGHT: usize = 64;
/// How long one command may take.
const WAIT: Duration = Duration::from_secs(30);
/// Commands that might be sent again.
const REPEATABLE: usize = 64;
/// A commit has no room for more lines than about so many: the ledger goes on by itself.
const LINES_AT_ONCE: usize = 900;

/// What happens in every year of a company that is not small.
const HAPPENS: [&str; 24] = [
    "AssignmentEndSet",
    "AssignmentFulfilled",
    "AssignmentRevoked",
    "DirectSetCleared",
    "DirectSetDeclared",
    "GraceEnded",
    "GroundAdded",
    "GroundRemoved",
    "GroupRuleApplied",
    "GroupRuleSet",
    "HolderLinked",
    "HolderRetired",
    "LicenseEnded",
    "LicenseReinstated",
    "LicenseRetired",
    "LicenseStarted",
    "LicenseSuspended",
    "MemberRemoved",
    "OverallocationBegan",
    "QuantityChanged",
    "ScheduleFired",
    "WaitlistJoined",
    "WaitlistLeft",
    "WindowChanged",
];
const REFUSED: [&str; 10] = [
    "group_not_found",
    "held_by_group",
    "holder_not_found",
    "holder_retired",
    "license_in_use",
    "license_suspended",
    "no_free_seat",
    "no_license_in_force",
    "quantity_below_use",
    "window_empty",
];

/// A command, and its document without an id.
pub type Asked = (&'static str, Value);

/// An answer over NATS.
pub struct Told {
    pub code: Option<String>,
    pub body: Value,
}

/// A command that was accepted, and may be sent again.
struct Sent {
    command: &'static str,
    document: Value,
    body: Value,
}

pub struct Year {
    pub ledger: Ledger,
    nats: async_nats::Client,
    pub model: Model,
    /// Midnight of the first day.
    first: Time,
    pub day: i64,
    /// The last that somebody was told.
    pub sequence: u64,
    sent: Vec<Sent>,
    ids: u64,
    /// Lines since the last look at everything, by type.
    pub lines: BTreeMap<String, usize>,
    pub since: Time,
    pub all_lines: BTreeMap<String, usize>,
    refused: BTreeMap<String, usize>,
    accepted: usize,
    already_so: usize,
    pub remembered: Vec<Remembered>,
}

/// A moment as it is written.
pub fn written(at: Time) -> String {
    DateTime::from_timestamp_millis(at).unwrap().to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A line of the log as the model says it: who did what to what.
fn line(event: &Value) -> String {
    let mut words = vec![event["type"].as_str().unwrap().to_owned()];
    let data = &event["data"];
    for field in [
        "license", "product", "group", "holder", "ground", "grounds", "end", "from", "to", "held",
        "limit", "quantity", "refused",
    ] {
        match &data[field] {
            Value::Null => {}
            Value::String(it) => words.push(it.clone()),
            Value::Number(it) => words.push(it.to_string()),
            Value::Array(list) => {
                words.extend(list.iter().map(|it| it.as_str().unwrap().to_owned()))
            }
            holder => {
                let name = holder["user"].as_str().or_else(|| holder["email"].as_str());
                words.push(name.unwrap().to_owned());
            }
        }
    }
    words.join(" ")
}

fn sorted_lines(events: &[Value]) -> Vec<String> {
    let mut lines: Vec<_> = events.iter().map(line).collect();
    lines.sort();
    lines
}

/// What only one of two lists has.
fn difference(told: &[String], expected: &[String]) -> String {
    let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
    told.iter().for_each(|it| *counts.entry(it).or_default() += 1);
    expected.iter().for_each(|it| *counts.entry(it).or_default() -= 1);
    let only = |sign: i64| {
        let lines = counts.iter().filter(|it| it.1 * sign > 0).map(|it| format!("\n    {}", it.0));
        lines.take(40).collect::<String>()
    };
    format!("\n  only the ledger says:{}\n  only the model says:{}", only(1), only(-1))
}

impl Year {
    pub async fn begin(ledger: Ledger) -> Year {
        let nats = ledger.nats().await;
        let now = ledger.get("/v1/clock").await.json()["now"].as_str().unwrap().to_owned();
        let now = DateTime::parse_from_rfc3339(&now).unwrap().timestamp_millis();
        let mut year = Year {
            ledger,
            nats,
            model: Model::default(),
            first: (now / DAY + 1) * DAY,
            day: -1,
            sequence: 0,
            sent: vec![],
            ids: 0,
            lines: BTreeMap::new(),
            since: now,
            all_lines: BTreeMap::new(),
            refused: BTreeMap::new(),
            accepted: 0,
            already_so: 0,
            remembered: vec![],
        };
        year.tomorrow().await;
        year
    }

    /// Midnight of a day of the year.
    pub fn midnight(&self, day: i64) -> Time {
        self.first + day * DAY
    }

    /// A time of a day of the year, before people begin to work.
    pub fn early(&self, day: i64, hour: i64) -> String {
        written(self.midnight(day) + hour * HOUR)
    }

    /// Goes on to the next morning, and looks at what came to pass by itself.
    pub async fn tomorrow(&mut self) {
        self.day += 1;
        let morning = self.midnight(self.day) + MORNING;
        let expected = self.model.pass(morning);
        self.move_clock(&json!({"to": written(morning)})).await;
        let told = match expected.is_empty() && self.day == 0 {
            true => vec![],
            false => self.history_since(morning).await,
        };
        self.same_lines("by itself", &told, expected);
    }

    async fn move_clock(&mut self, to: &Value) {
        let answer = self.ledger.post_bytes("/v1/clock", to.to_string().as_bytes(), &[]).await;
        assert_eq!(answer.status, 200, "{}", answer.json());
        self.sequence = answer.json()["sequence"].as_u64().unwrap();
    }

    /// Every event from a moment on.
    pub async fn history_since(&self, from: Time) -> Vec<Value> {
        self.all_pages(&format!("/history?from={}", written(from))).await
    }

    /// All items of a list, read when everything was taken in.
    pub async fn all_pages(&self, path: &str) -> Vec<Value> {
        let joint = if path.contains('?') { '&' } else { '?' };
        let path = format!("{ACCOUNT}{path}{joint}limit=1000&min_sequence={}", self.sequence);
        let (mut all, mut cursor) = (vec![], String::new());
        loop {
            let answer = self.ledger.get(&format!("{path}{cursor}")).await;
            let page = answer.json();
            assert_eq!(answer.status, 200, "{path}: {page}");
            all.extend(page["items"].as_array().unwrap().iter().cloned());
            let Some(next) = page["next"].as_str() else { return all };
            cursor = format!("&cursor={next}");
        }
    }

    #[track_caller]
    fn same_lines(&mut self, what: &str, told: &[Value], mut expected: Vec<String>) {
        let told = sorted_lines(told);
        expected.sort();
        assert!(
            told == expected,
            "day {}, {what} (sequence {}): {}",
            self.day,
            self.sequence,
            difference(&told, &expected)
        );
        for it in told {
            let kind = it.split(' ').next().unwrap().to_owned();
            *self.lines.entry(kind.clone()).or_default() += 1;
            *self.all_lines.entry(kind).or_default() += 1;
        }
    }

    fn next_id(&mut self) -> String {
        self.ids += 1;
        format!("c{}", self.ids)
    }

    /// Sends one command, and demands what the model says. Whether it was accepted.
    pub async fn one(&mut self, (command, mut document): Asked) -> bool {
        let expected = self.model.judge(command, &document);
        document["id"] = json!(self.next_id());
        let many = expected.as_ref().is_ok_and(|it| {
            it.len() > LINES_AT_ONCE || it.iter().any(|it| it.starts_with("GroupRuleApplied"))
        });
        let from = match many {
            true => self.ledger.get("/v1/clock").await.json()["now"].clone(),
            false => Value::Null,
        };
        let told = ask(&self.nats, command, &document).await;
        if let Some(from) = from.as_str() {
            // The rest of it is the ledger's own work, which is done when the clock has moved.
            assert_eq!(told.code, None, "{command} {document}: {}", told.body);
            self.move_clock(&json!({"forward": "1s"})).await;
            let from = DateTime::parse_from_rfc3339(from).unwrap().timestamp_millis();
            let events = self.history_since(from).await;
            self.accepted += 1;
            self.same_lines(&format!("{command} {document}"), &events, expected.unwrap());
            return true;
        }
        self.compare(command, document, &told, expected)
    }

    /// Sends commands side by side whose order does not matter.
    pub async fn many(&mut self, commands: Vec<Asked>) {
        for part in commands.chunks(IN_FLIGHT) {
            let mut part = part.to_vec();
            for it in &mut part {
                it.1["id"] = json!(self.next_id());
            }
            let told = join_all(part.iter().map(|it| ask(&self.nats, it.0, &it.1))).await;
            for ((command, document), told) in part.into_iter().zip(told) {
                let expected = self.model.judge(command, &document);
                self.compare(command, document, &told, expected);
            }
        }
    }

    /// Sends commands side by side that want the same seats. The model hears of those first that
    /// have won.
    pub async fn race(&mut self, mut commands: Vec<Asked>) {
        for it in &mut commands {
            it.1["id"] = json!(self.next_id());
        }
        let told = join_all(commands.iter().map(|it| ask(&self.nats, it.0, &it.1))).await;
        let (won, lost): (Vec<_>, Vec<_>) =
            commands.into_iter().zip(told).partition(|it| it.1.code.is_none());
        for ((command, document), told) in won.into_iter().chain(lost) {
            let expected = self.model.judge(command, &document);
            self.compare(command, document, &told, expected);
        }
    }

    #[track_caller]
    fn compare(
        &mut self,
        command: &'static str,
        document: Value,
        told: &Told,
        expected: Result<Vec<String>, &'static str>,
    ) -> bool {
        let what = format!("{command} {document}");
        let Ok(expected) = expected else {
            let code = expected.unwrap_err();
            assert_eq!(told.code.as_deref(), Some(code), "day {}, {what}: {}", self.day, told.body);
            *self.refused.entry(code.to_owned()).or_default() += 1;
            return false;
        };
        assert_eq!(told.code, None, "day {}, {what}: {}", self.day, told.body);
        let events = told.body["events"].as_array().unwrap();
        self.sequence = self.sequence.max(told.body["sequence"].as_u64().unwrap());
        self.same_lines(&what, events, expected);
        self.accepted += 1;
        if events.is_empty() {
            self.already_so += 1;
        } else {
            let body = told.body.clone();
            self.sent.push(Sent { command, document, body });
            if self.sent.len() > REPEATABLE {
                self.sent.remove(0);
            }
        }
        true
    }

    /// Sends an old command again, or its id with other content: nothing happens.
    pub async fn repeat(&mut self, which: usize, changed: bool) {
        if self.sent.is_empty() {
            return;
        }
        let sent = &self.sent[which % self.sent.len()];
        let mut document = sent.document.clone();
        // Why something is asked is a part of what is asked, and who asks is not.
        document["actor"] = json!("somebody else");
        if changed {
            document["reason"] = json!("another reason");
        }
        let told = ask(&self.nats, sent.command, &document).await;
        let code = changed.then_some("command_id_reused");
        assert_eq!(told.code.as_deref(), code, "{document}: {}", told.body);
        if !changed {
            let mut first = sent.body.clone();
            first["replayed"] = json!(true);
            assert_eq!(told.body, first, "{document}");
        }
    }

    /// A year in which something never happened would prove nothing about it.
    pub fn is_rich(&self) {
        for kind in HAPPENS {
            assert!(self.all_lines.contains_key(kind), "{kind} never happened");
        }
        for code in REFUSED {
            assert!(self.refused.contains_key(code), "nothing was refused with {code}");
        }
    }

    /// What has happened, in one line.
    pub fn tally(&self) -> String {
        format!(
            "{} accepted ({} already so), {} commits, refused: {:?}, lines: {:?}",
            self.accepted, self.already_so, self.sequence, self.refused, self.all_lines
        )
    }
}

/// A command over NATS.
async fn ask(nats: &async_nats::Client, command: &str, document: &Value) -> Told {
    let door = if command == "SetPolicy" { "admin" } else { "command" };
    let subject = format!("seatledger.{door}.acme.{command}");
    let request = Request::new().payload(document.to_string().into()).timeout(Some(WAIT));
    let reply = nats.send_request(subject, request).await.unwrap();
    let body: Value = serde_json::from_slice(&reply.payload).unwrap();
    let headers = reply.headers.as_ref();
    let code = headers.and_then(|it| it.get("Nats-Service-Error")).map(|it| it.to_string());
    let status = headers.and_then(|it| it.get("Nats-Service-Error-Code"));
    if let Some(status) = status {
        assert!(["404", "409"].contains(&status.as_str()), "{command} {document}: {body}");
    }
    Told { code, body }
}
