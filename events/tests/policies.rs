//! `docs/policies.md`, held equal to the code: its examples are run against the rules.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use events::account::Wait;
use events::request::Address;
use events::{Account, AccountId, By, CommandId, LicenseId, Malformed, Moment};
use events::{Ledger, ProductId, Request, Via};
use serde_json::{Value, json};

fn page() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    fs::read_to_string(root.join("docs/policies.md")).unwrap()
}

/// Heading and text of each part of a text, split at headings of one level.
fn parts<'a>(text: &'a str, level: &str) -> Vec<(&'a str, &'a str)> {
    let at = format!("\n{level} ");
    text.split(&*at).skip(1).map(|it| it.split_once('\n').unwrap()).collect()
}

/// A row of the table at the top.
struct Policy {
    name: String,
    values: Vec<String>,
    default: String,
    of_licenses: bool,
}

fn policies(page: &str) -> Vec<Policy> {
    let rows = page.lines().filter(|it| it.starts_with("| `"));
    let policy = |row: &str| {
        let cells: Vec<_> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [name, _, values, default, of] = cells[..] else { panic!("{row}") };
        assert!(matches!(of, "account" | "account, license"), "{row}");
        Policy {
            name: name.replace('`', ""),
            values: values.split(", ").map(|it| it.replace('`', "")).collect(),
            default: default.replace('`', ""),
            of_licenses: of == "account, license",
        }
    };
    rows.map(policy).collect()
}

fn read(kind: &str, document: &str) -> Result<Request, Malformed> {
    let address = Address { account: "acme", kind, key: None, via: Via::Http };
    Request::read(&address, By::local(), document.as_bytes(), || CommandId::new("made").unwrap())
}

fn decision(license: Option<&str>, policy: &str, value: &str) -> Result<Request, Malformed> {
    let mut document = json!({});
    document[policy] = value.into();
    if let Some(license) = license {
        document["license"] = license.into();
    }
    read("SetPolicy", &document.to_string())
}

#[test]
fn policies_and_their_values_are_those_of_the_code() {
    let page = page();
    let policies = policies(&page);
    // A member that is unknown is told with all that are known; the license says for which one.
    let known = read("SetPolicy", r#"{"@":1}"#).unwrap_err().hint.unwrap();
    let known = known.split_once("known here: license, ").unwrap().1;
    let names: Vec<_> = policies.iter().map(|it| &*it.name).collect();
    assert!(known.starts_with(&format!("{}, ", names.join(", "))), "{known}");
    for policy in &policies {
        let name = &*policy.name;
        let told = decision(None, name, "?").unwrap_err().detail;
        let known = told.split_once(" is none of ").unwrap().1;
        assert_eq!(known, policy.values.join(", "), "{name}");
        assert!(policy.values.contains(&policy.default), "{name}");
        let of_license = decision(Some("suite"), name, &policy.default);
        assert_eq!(of_license.is_ok(), policy.of_licenses, "{name}");
    }
}

#[test]
fn every_policy_has_a_section_and_every_value_an_example() {
    let page = page();
    let policies = policies(&page);
    let sections = parts(&page, "##");
    let headings: Vec<_> = sections.iter().map(|it| it.0).skip(1).collect();
    assert_eq!(headings, policies.iter().map(|it| &*it.name).collect::<Vec<_>>());
    for (policy, (_, section)) in policies.iter().zip(&sections[1..]) {
        let values = parts(section, "###");
        let mut headings: Vec<_> = values.iter().map(|it| it.0).collect();
        let mut listed: Vec<_> = policy.values.iter().map(|it| &**it).collect();
        headings.sort_unstable();
        listed.sort_unstable();
        assert_eq!(headings, listed, "{}", policy.name);
        for (value, text) in values {
            let decided = stories(text).iter().any(|it| it.iter().any(|it| it.sets(policy)));
            assert_eq!(decided, value != policy.default, "{} {value}", policy.name);
        }
    }
}

#[test]
fn what_every_example_says_comes_about() {
    let page = page();
    let stories = stories(&page);
    assert_eq!(stories.len(), page.matches("```text").count());
    stories.iter().for_each(|it| run(it));
}

#[test]
fn what_nobody_has_decided_is_as_if_the_default_were_decided() {
    let page = page();
    for (policy, (name, section)) in policies(&page).iter().zip(&parts(&page, "##")[1..]) {
        assert_eq!(policy.name, *name);
        let of_default = parts(section, "###").into_iter().find(|it| it.0 == policy.default);
        for mut story in stories(of_default.unwrap().1) {
            let mut document = json!({});
            document[name] = (*policy.default).into();
            let (kind, caused) = ("SetPolicy".to_owned(), "PolicySet".to_owned());
            story.insert(0, Step { kind, document, outcome: caused, then: vec![] });
            run(&story);
        }
    }
}

/// One command of an example, and what the page says of it.
struct Step {
    kind: String,
    document: Value,
    outcome: String,
    then: Vec<String>,
}

impl Step {
    fn sets(&self, policy: &Policy) -> bool {
        self.kind == "SetPolicy" && self.document.get(&policy.name).is_some()
    }
}

/// The examples of a text, each a list of steps.
fn stories(text: &str) -> Vec<Vec<Step>> {
    let blocks = text.split("```text\n").skip(1).map(|it| it.split_once("```").unwrap().0);
    blocks.map(story).collect()
}

fn story(block: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = vec![];
    for line in block.lines() {
        let Some(said) = line.strip_prefix("  ") else {
            let (kind, document) = line.split_once(' ').unwrap_or_else(|| panic!("{line}"));
            let document =
                serde_json::from_str(document).unwrap_or_else(|it| panic!("{line}: {it}"));
            let kind = kind.to_owned();
            steps.push(Step { kind, document, outcome: String::new(), then: vec![] });
            continue;
        };
        let step = steps.last_mut().unwrap_or_else(|| panic!("no command is before {line}"));
        match step.outcome.is_empty() {
            true => said.clone_into(&mut step.outcome),
            false => step.then.push(said.to_owned()),
        }
    }
    steps
}

#[track_caller]
fn run(steps: &[Step]) {
    let mut ledger = Ledger::default();
    let start = Moment::parse("2026-05-03T09:00:00Z").unwrap().millis();
    for (place, step) in (0_i64..).zip(steps) {
        let now = Moment::from_millis(start + place * 60_000);
        let asked = format!("{} {}", step.kind, step.document);
        let request = read(&step.kind, &step.document.to_string());
        let request = request.unwrap_or_else(|it| panic!("{asked}: {it}"));
        ledger.begin();
        let outcome = match ledger.judge(&request, now, u128::from(place.unsigned_abs())) {
            Ok(events) => events.iter().map(|it| it.kind()).collect::<Vec<_>>().join(", "),
            Err(refusal) => format!("refused: {}", refusal.code()),
        };
        ledger.check().unwrap();
        ledger.settle();
        assert_eq!(outcome, step.outcome, "{asked}");
        let account = ledger.account(&AccountId::new("acme").unwrap()).unwrap();
        for said in &step.then {
            let (what, _) = said.split_once(": ").unwrap_or_else(|| panic!("{said}"));
            assert_eq!(how_it_stands(account, what), *said, "{asked}");
        }
    }
}

/// Who holds seats of a license, or waits for it, in one line.
fn how_it_stands(account: &Account, what: &str) -> String {
    let who: Vec<String> = match what.split_once(" of ").or(what.split_once(" for ")) {
        Some(("seats", name)) => {
            let license = LicenseId::new(name).unwrap();
            let of = account.assignments().filter(|it| account.license_of(it).id == license);
            let of = of.map(|it| {
                let grounds = account.grounds_of(it).into_iter().map(|it| it.to_string());
                let grounds = grounds.collect::<Vec<_>>().join(", ");
                format!("{} ({grounds})", account.holder_of(it))
            });
            // Assignments come in no order; places come in theirs.
            of.collect::<BTreeSet<_>>().into_iter().collect()
        }
        Some(("waiting", name)) => {
            let (license, product) = (LicenseId::new(name).unwrap(), ProductId::new(name).unwrap());
            let of = |it: &&Wait| {
                it.license.as_ref() == Some(&license) || it.product.as_ref() == Some(&product)
            };
            let waits = account.waits().filter(of);
            waits.map(|it| format!("{} ({})", account.waiting(it), it.ground)).collect()
        }
        _ => panic!("{what}"),
    };
    match who.is_empty() {
        true => format!("{what}: none"),
        false => format!("{what}: {}", who.join(", ")),
    }
}
