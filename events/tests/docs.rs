//! The pages in `docs/` that say what the words are, held equal to the code.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

#[path = "docs/walk.rs"]
mod walk;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use events::limits::{COMMAND_BYTES_MAX, DEPTH_MAX, EMAIL_BYTES_MAX, GRACE_DAYS_MAX, ITEMS_MAX};
use events::limits::{METADATA_BYTES_MAX, OVERAGE_PERCENT_MAX, PRODUCTS_MAX, QUANTITY_MAX};
use events::limits::{SERVED_MAX, TEXT_BYTES_MAX};
use events::malformed::MalformedCode;
use events::request::Address;
use events::wire::Header;
use events::{By, CommandId, CommandType, Event, Malformed, Refusal, Request, Via};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn page(name: &str) -> String {
    fs::read_to_string(root().join("docs").join(name)).unwrap()
}

/// Heading and text of each section of a page, in order.
fn sections(page: &str) -> Vec<(&str, &str)> {
    page.split("\n## ").skip(1).map(|it| it.split_once('\n').unwrap()).collect()
}

#[track_caller]
fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let found = sections(page).into_iter().find(|it| it.0 == heading);
    found.unwrap_or_else(|| panic!("there is no section {heading}")).1
}

/// The rows of the first table, cell by cell, without the heading.
fn rows(text: &str) -> Vec<Vec<String>> {
    let table = text.lines().skip_while(|it| !it.starts_with('|'));
    let rows = table.take_while(|it| it.starts_with('|')).skip(2);
    let cell = |it: &str| it.trim().trim_matches('`').to_owned();
    rows.map(|it| it.trim_matches('|').split(" | ").map(cell).collect()).collect()
}

fn first_cells(text: &str) -> Vec<String> {
    rows(text).into_iter().map(|mut it| it.remove(0)).collect()
}

/// The blocks of JSON.
fn documents(text: &str) -> Vec<&str> {
    let blocks = text.split("```json\n").skip(1);
    blocks.map(|it| it.split_once("```").unwrap().0).collect()
}

/// What stands in backticks.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

fn read(kind: &str, document: &str) -> Result<Request, Malformed> {
    let address = Address { account: "acme", kind, key: None, via: Via::Http };
    Request::read(&address, By::local(), document.as_bytes(), || CommandId::new("made").unwrap())
}

#[test]
fn refusals_are_listed_in_their_order() {
    let page = page("refusals.md");
    let listed = rows(section(&page, "Refusals"));
    assert!(listed.iter().all(|it| it.len() == 5 && !it[3].is_empty()), "{listed:?}");
    let listed: Vec<_> = listed.iter().map(|it| [&*it[0], &*it[1], &*it[2], &*it[4]]).collect();
    let status: Vec<_> = Refusal::TABLE.iter().map(|it| it.1.to_string()).collect();
    let table = Refusal::TABLE.iter().zip(&status);
    let table: Vec<_> = table.map(|(it, status)| [it.0, status, it.2, it.3]).collect();
    assert_eq!(listed, table);
}

#[test]
fn malformed_codes_are_listed() {
    let page = page("refusals.md");
    let listed = rows(section(&page, "Malformed documents"));
    assert!(listed.iter().all(|it| it.len() == 4 && !it[3].is_empty()), "{listed:?}");
    let listed: Vec<_> = listed.iter().map(|it| [&*it[0], &*it[1], &*it[2]]).collect();
    let status: Vec<_> = MalformedCode::ALL.iter().map(|it| it.status().to_string()).collect();
    let codes = MalformedCode::ALL.iter().zip(&status);
    let codes: Vec<_> = codes.map(|(it, status)| [it.as_str(), status, it.title()]).collect();
    assert_eq!(listed, codes);
}

#[test]
fn limits_are_said_as_they_are() {
    let page = page("refusals.md");
    let of = |code: MalformedCode| {
        let listed = rows(section(&page, "Malformed documents"));
        listed.into_iter().find(|it| it[0] == code.as_str()).unwrap().remove(3)
    };
    for (code, limit) in [
        (MalformedCode::PayloadTooLarge, COMMAND_BYTES_MAX.to_string()),
        (MalformedCode::MalformedJson, DEPTH_MAX.to_string()),
        (MalformedCode::InvalidText, TEXT_BYTES_MAX.to_string()),
        (MalformedCode::InvalidEmail, EMAIL_BYTES_MAX.to_string()),
        (MalformedCode::InvalidQuantity, QUANTITY_MAX.to_string()),
        (MalformedCode::InvalidQuantity, GRACE_DAYS_MAX.to_string()),
        (MalformedCode::InvalidMetadata, METADATA_BYTES_MAX.to_string()),
        (MalformedCode::TooManyItems, ITEMS_MAX.to_string()),
        (MalformedCode::TooManyItems, PRODUCTS_MAX.to_string()),
        (MalformedCode::InvalidValue, format!("{OVERAGE_PERCENT_MAX}%")),
    ] {
        assert!(of(code).contains(&limit), "{}: {limit}", code.as_str());
    }
    let page = self::page("commands.md");
    let large = section(&page, "SetGroupRule").split_once("A group is large").unwrap().1;
    let large = large.split_once("\n\n").unwrap().0.replace(',', "");
    assert!(large.contains(&format!("more than {SERVED_MAX}.")), "{large}");
}

#[test]
fn events_are_listed_with_their_golden_lines() {
    let page = page("events.md");
    let headings: Vec<_> = sections(&page).iter().map(|it| it.0).skip(2).collect();
    assert_eq!(headings, Event::TYPES);
    for &kind in Event::TYPES {
        let text = section(&page, kind);
        let golden = golden(kind);
        let least = |name: &str| name.ends_with(".min.json");
        let shown: Vec<_> = golden.iter().filter(|it| !least(&it.0)).map(|it| &*it.1).collect();
        assert_eq!(documents(text), shown, "{kind}");
        let mut fields: BTreeSet<_> = golden.iter().flat_map(|it| data_fields(&it.1)).collect();
        // A place is of a license or of a product, and one line shows one of the two.
        if kind.starts_with("Waitlist") {
            fields.extend(["license", "product"].map(str::to_owned));
        }
        assert_eq!(first_cells(text).into_iter().collect::<BTreeSet<_>>(), fields, "{kind}");
    }
}

/// Name and line of each golden file of a type: the one with its fields as they were first, then
/// those with what was added.
fn golden(kind: &str) -> Vec<(String, String)> {
    let start = format!("{kind}.v1.");
    let files = fs::read_dir(root().join("events/golden")).unwrap();
    let names = files.map(|it| it.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|it| it.starts_with(&start)).collect();
    names.sort_by_key(|it| (it.len(), it.clone()));
    let line = |it: &String| fs::read_to_string(root().join("events/golden").join(it)).unwrap();
    names.into_iter().map(|it| (it.clone(), line(&it))).collect()
}

fn data_fields(line: &str) -> BTreeSet<String> {
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    line["data"].as_object().unwrap().keys().cloned().collect()
}

#[test]
fn what_every_line_has_is_listed() {
    let page = page("events.md");
    let header = section(&page, "The header line");
    let line: Header = serde_json::from_str(documents(header)[0]).unwrap();
    let written = format!("{}\n", serde_json::to_string(&line).unwrap());
    assert_eq!(documents(header), [&*written]);
    let members = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        line.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>()
    };
    assert_eq!(first_cells(header).into_iter().collect::<BTreeSet<_>>(), members(&written));
    let listed = first_cells(section(&page, "What every event line has"));
    let golden = documents(section(&page, "SeatAssigned"))[0];
    assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), members(golden));
}

/// The members that a command document may have: its own, and those around it.
fn members(kind: CommandType) -> Vec<String> {
    let error = read(kind.as_str(), r#"{"@":1}"#).unwrap_err();
    let hint = error.hint.unwrap();
    hint.split_once("known here: ").unwrap().1.split(", ").map(str::to_owned).collect()
}

#[test]
fn commands_are_listed_with_their_fields() {
    let page = page("commands.md");
    let headings: Vec<_> = sections(&page).iter().map(|it| it.0).skip(1).collect();
    assert_eq!(headings, CommandType::ALL.iter().map(|it| it.as_str()).collect::<Vec<_>>());
    let around = first_cells(section(&page, "What every document may have"));
    for kind in CommandType::ALL {
        let own = first_cells(section(&page, kind.as_str()));
        assert_eq!([own, around.clone()].concat(), members(*kind), "{kind}");
    }
}

#[test]
fn every_example_is_a_command() {
    let page = page("commands.md");
    for kind in CommandType::ALL {
        let examples = documents(section(&page, kind.as_str()));
        assert!(!examples.is_empty(), "{kind}");
        for example in examples {
            let asked = read(kind.as_str(), example).unwrap_or_else(|it| panic!("{kind}: {it}"));
            assert_eq!(asked.command.kind(), *kind);
        }
    }
}

/// What stands in backticks in one item of the list of a section.
#[track_caller]
fn listed<'a>(text: &'a str, start: &str) -> Vec<&'a str> {
    let (_, rest) = text.split_once(start).unwrap_or_else(|| panic!("there is no {start}"));
    let item = rest.split("\n\n").next().unwrap_or_default();
    quoted(item.split("\n- ").next().unwrap_or_default())
}

/// The types of events among what stands in backticks: fields and values have no capitals.
fn types(quoted: Vec<&str>) -> BTreeSet<&str> {
    quoted.into_iter().filter(|it| it.starts_with(char::is_uppercase)).collect()
}

#[test]
fn commands_cause_and_are_refused_as_listed() {
    let page = page("commands.md");
    let mut causes = types(quoted(what_follows(&page)));
    causes.extend(types(quoted(by_itself(&page))));
    let mut refusals = BTreeSet::new();
    for kind in CommandType::ALL {
        let text = section(&page, kind.as_str());
        causes.extend(types(listed(text, "- Causes:")));
        let row = |code: &&str| Refusal::TABLE.iter().position(|it| it.0 == *code);
        let refused = listed(text, "- Refused:");
        let rows: Vec<_> = refused.iter().map(row).collect();
        assert!(rows.iter().all(Option::is_some) && rows.is_sorted(), "{kind}: {rows:?}");
        refusals.extend(refused);
    }
    assert_eq!(causes, Event::TYPES.iter().copied().collect());
    refusals.extend(quoted(paragraph(&page, "Any command can be refused ")));
    assert_eq!(refusals, Refusal::TABLE.iter().map(|it| it.0).collect());
}

/// The paragraph about what follows from any command.
fn what_follows(page: &str) -> &str {
    paragraph(page, "What follows from a command ")
}

/// The paragraph about what the ledger does at its time.
fn by_itself(page: &str) -> &str {
    paragraph(page, "What comes to pass by itself ")
}

fn paragraph<'a>(page: &'a str, start: &str) -> &'a str {
    let (_, rest) = page.split_once(start).unwrap_or_else(|| panic!("there is no {start}"));
    rest.split("\n\n").next().unwrap_or_default()
}

/// What walks of this length meet too seldom to be counted on.
const RARE: &[(CommandType, &[&str])] = &[(CommandType::AddMembers, &["WaitlistLeft"])];

#[test]
fn whatever_a_command_causes_or_is_refused_with_is_listed() {
    let page = page("commands.md");
    let follows = types(quoted(what_follows(&page)));
    let found = walk::walk();
    let (mut missing, mut unseen) = (vec![], vec![]);
    // What a batch causes or is refused with is listed where its commands are.
    for kind in CommandType::ALL.iter().filter(|it| **it != CommandType::ApplyBatch) {
        let text = section(&page, kind.as_str());
        let causes = types(listed(text, "- Causes:"));
        let refused: BTreeSet<_> = listed(text, "- Refused:").into_iter().collect();
        let found = &found[kind];
        let unlisted = found.caused.difference(&causes).filter(|it| !follows.contains(*it));
        missing.extend(unlisted.chain(found.refused.difference(&refused)).map(|it| (kind, *it)));
        // The writer gives the first and the last refusal, and the ledger itself serves the rest.
        let by_others =
            ["command_id_reused", "commit_too_large", "GroupRuleApplied", "ScheduleFired"];
        let rare = RARE.iter().find(|it| it.0 == *kind).map_or(&[][..], |it| it.1);
        let never = causes.difference(&found.caused).chain(refused.difference(&found.refused));
        let never = never.filter(|it| !by_others.contains(it) && !rare.contains(it));
        unseen.extend(never.map(|it| (kind, *it)));
    }
    assert_eq!((missing, unseen), (vec![], vec![]), "not listed; listed and never seen");
}
