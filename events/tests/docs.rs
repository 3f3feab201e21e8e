//! The pages in `docs/` that say what the words are, held equal to the code.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use events::limits::{COMMAND_BYTES_MAX, DEPTH_MAX, EMAIL_BYTES_MAX, ITEMS_MAX};
use events::limits::{METADATA_BYTES_MAX, QUANTITY_MAX, TEXT_BYTES_MAX};
use events::malformed::MalformedCode;
use events::request::Address;
use events::wire::Header;
use events::{CommandId, CommandType, Event, Malformed, Refusal, Request, Via};

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
    Request::read(&address, document.as_bytes(), || CommandId::new("made").unwrap())
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
        (MalformedCode::InvalidMetadata, METADATA_BYTES_MAX.to_string()),
        (MalformedCode::TooManyItems, ITEMS_MAX.to_string()),
    ] {
        assert!(of(code).contains(&limit), "{}: {limit}", code.as_str());
    }
}

#[test]
fn events_are_listed_with_their_golden_lines() {
    let page = page("events.md");
    let headings: Vec<_> = sections(&page).iter().map(|it| it.0).skip(2).collect();
    assert_eq!(headings, Event::TYPES);
    for kind in Event::TYPES {
        let text = section(&page, kind);
        let golden = root().join(format!("events/golden/{kind}.v1.json"));
        let golden = fs::read_to_string(golden).unwrap();
        assert_eq!(documents(text), [&*golden], "{kind}");
        let line: serde_json::Value = serde_json::from_str(&golden).unwrap();
        let fields: BTreeSet<_> = line["data"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(first_cells(text).into_iter().collect::<BTreeSet<_>>(), fields, "{kind}");
    }
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

#[test]
fn commands_cause_and_are_refused_as_listed() {
    let page = page("commands.md");
    let (mut causes, mut refusals) = (BTreeSet::new(), BTreeSet::new());
    for kind in CommandType::ALL {
        let text = section(&page, kind.as_str());
        let listed = |start: &str| {
            let (_, rest) = text.split_once(start).unwrap_or_else(|| panic!("{kind}: {start}"));
            let item = rest.split("\n\n").next().unwrap_or_default();
            quoted(item.split("\n- ").next().unwrap_or_default())
        };
        causes
            .extend(listed("- Causes:").into_iter().filter(|it| *it != "active" && *it != "false"));
        let row = |code: &&str| Refusal::TABLE.iter().position(|it| it.0 == *code);
        let rows: Vec<_> = listed("- Refused:").iter().map(row).collect();
        assert!(rows.iter().all(Option::is_some) && rows.is_sorted(), "{kind}: {rows:?}");
        refusals.extend(listed("- Refused:"));
    }
    assert_eq!(causes, Event::TYPES.iter().copied().collect());
    assert_eq!(refusals, Refusal::TABLE.iter().map(|it| it.0).collect());
}
