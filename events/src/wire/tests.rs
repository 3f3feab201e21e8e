//! Every line ever written stays readable.

mod samples;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde_json::Value;

use self::samples::{full, header, least, samples, whole_commit};
use super::*;

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}

/// The bytes of a golden file. `UPDATE=1` writes one that is missing; none is ever written over:
/// what stands in a log cannot be changed either.
#[track_caller]
fn kept(name: &str, newest: &[u8]) -> Vec<u8> {
    let path = golden().join(name);
    if !path.exists() && std::env::var_os("UPDATE").is_some() {
        fs::write(&path, newest).unwrap();
    }
    fs::read(&path).unwrap_or_else(|it| panic!("{name}: {it}; UPDATE=1 writes what is missing"))
}

fn line(record: &Record) -> Vec<u8> {
    let mut line = vec![];
    record.write(&mut line);
    line
}

/// The one event of a line.
fn read_line(line: &[u8]) -> Result<Record, DecodeError> {
    let payload = encode(&Header { count: 1, ..header() }, line);
    decode(7, &payload).map(|mut commit| commit.records.remove(0))
}

/// Type, version and case of a golden line: `SeatAssigned.v1.min.json`.
fn named(file: &str) -> Option<(&str, u32, &str)> {
    let (kind, rest) = file.strip_suffix(".json")?.split_once(".v")?;
    let (version, case) = rest.split_once('.').unwrap_or((rest, ""));
    Some((kind, version.parse().ok()?, case))
}

/// All golden lines by the names of their files.
static LINES: LazyLock<BTreeMap<String, Vec<u8>>> = LazyLock::new(|| {
    for event in samples() {
        let (kind, version) = (event.kind(), event.version());
        kept(&format!("{kind}.v{version}.min.json"), &line(&least(&event)));
        kept(&format!("{kind}.v{version}.json"), &line(&full(event)));
    }
    // What a later release says beside, in the same version.
    for event in samples() {
        if ["LicenseAllocated", "WindowChanged", "SeatAssigned", "GroupRuleSet"]
            .contains(&event.kind())
        {
            kept(&format!("{}.v1.later.json", event.kind()), &line(&full(event.clone())));
        }
        if event.kind() == "LicenseAllocated" {
            kept("LicenseAllocated.v1.hosted.json", &line(&full(event)));
        }
    }
    let names = fs::read_dir(golden()).unwrap().map(|it| it.unwrap().file_name());
    let names = names.map(|it| it.into_string().unwrap()).filter(|it| *it != COMMIT);
    names.map(|it| (it.clone(), fs::read(golden().join(it)).unwrap())).collect()
});

const COMMIT: &str = "commit.v1.ndjson";

#[test]
fn every_version_of_every_type_has_its_golden_lines() {
    let kinds: Vec<_> = samples().iter().map(Event::kind).collect();
    assert_eq!(kinds, Event::TYPES, "one sample for each type, in order");
    for event in samples() {
        for version in 1..=event.version() {
            for case in ["", ".min"] {
                let name = format!("{}.v{version}{case}.json", event.kind());
                assert!(LINES.contains_key(&name), "{name} is missing");
            }
        }
    }
}

#[test]
fn every_golden_line_is_read_and_the_newest_ones_are_written_the_same() {
    for (name, bytes) in &*LINES {
        let record = read_line(bytes).unwrap_or_else(|it| panic!("{name}: {it}"));
        let (kind, version, _) = named(name).unwrap_or_else(|| panic!("{name} is a stray file"));
        assert_eq!(record.event.kind(), kind, "{name}");
        assert!((1..=record.event.version()).contains(&version), "{name}");
        if version == record.event.version() {
            let written = String::from_utf8(line(&record)).unwrap();
            assert_eq!(written, String::from_utf8(bytes.clone()).unwrap(), "{name}");
        }
    }
}

/// Where values stand in a document, metadata not looked into.
fn fields(value: &Value, at: &str, found: &mut BTreeSet<String>) {
    found.insert(at.to_owned());
    if let Value::Object(members) = value
        && !at.ends_with("/metadata")
    {
        members.iter().for_each(|(key, it)| fields(it, &format!("{at}/{key}"), found));
    }
}

#[test]
fn every_field_stands_in_a_golden_line() {
    let fields_of = |line: &[u8]| {
        let mut found = BTreeSet::new();
        fields(&serde_json::from_slice(line).unwrap(), "", &mut found);
        found
    };
    for event in samples() {
        let start = format!("{}.v{}.", event.kind(), event.version());
        let lines = LINES.iter().filter(|(name, _)| name.starts_with(&start));
        let golden: BTreeSet<_> = lines.flat_map(|(_, line)| fields_of(line)).collect();
        let written = fields_of(&line(&full(event)));
        let missing: Vec<_> = written.difference(&golden).collect();
        assert!(missing.is_empty(), "no golden line {start}*.json has {missing:?}");
    }
}

#[test]
fn a_whole_commit_is_read_and_written_the_same() {
    let bytes = kept(COMMIT, &whole_commit());
    let commit = decode(7, &bytes).unwrap();
    assert_eq!((commit.sequence, commit.header.count), (7, commit.records.len()));
    let lines: Vec<u8> = commit.records.iter().flat_map(line).collect();
    assert_eq!(encode(&commit.header, &lines), bytes);
    // What `sha256sum` says of the file.
    assert_eq!(
        commit.hash.to_string(),
        "0fb29b2d27eef3021880f63e43068bda570ff1fce948a959d6e74954ee3cc265"
    );
}

#[test]
fn a_commit_cut_short_at_any_byte_is_no_commit() {
    let bytes = whole_commit();
    for end in 0..bytes.len() {
        let cut = decode(7, &bytes[..end]);
        assert!(cut.is_err(), "{end} of {}: {cut:?}", bytes.len());
    }
}

#[test]
fn a_changed_byte_changes_the_hash_and_never_stops_the_reader() {
    let bytes = whole_commit();
    let hash = CommitHash::of(&bytes);
    for at in 0..bytes.len() {
        let flips = (0..8).map(|bit| bytes[at] ^ (1 << bit));
        for byte in flips.chain(*b"\n\"{}[],:0- \\\0\xff").filter(|it| *it != bytes[at]) {
            let mut changed = bytes.clone();
            changed[at] = byte;
            assert_ne!(CommitHash::of(&changed), hash);
            if let Ok(commit) = decode(7, &changed) {
                assert_ne!(commit.hash, hash);
            }
        }
    }
}

#[test]
fn what_is_no_commit_is_said_so() {
    let shape = |payload: &[u8], why: &str| match decode(7, payload) {
        Err(DecodeError::Shape(reason)) => assert!(reason.contains(why), "{reason}"),
        other => panic!("{other:?}"),
    };
    let line = line(&full(samples().remove(0)));
    let payload = encode(&Header { count: 1, ..header() }, &line);
    assert!(decode(7, &payload).is_ok());
    shape(b"", "it is empty");
    shape(b"\xff\n", "not UTF-8");
    shape(b"\n", "EOF");
    shape(b"{}\n", "missing field `format`");
    shape(b"{\"format\":1}\n", "missing field `commit`");
    shape(&payload[..payload.len() - 1], "last line does not end");
    let two = encode(&Header { count: 2, ..header() }, &line);
    shape(&two, "it has 1 events, its header counts 2");
    shape(&[&*payload, &*line].concat(), "it has 2 events, its header counts 1");
}

#[test]
fn a_blank_line_is_no_event() {
    let line = line(&full(samples().remove(0)));
    for blank in ["\n", " \n", "\r\n"] {
        let payload =
            encode(&Header { count: 2, ..header() }, &[&*line, blank.as_bytes()].concat());
        assert!(matches!(decode(7, &payload), Err(DecodeError::Event { line: 1, .. })));
        let payload =
            encode(&Header { count: 2, ..header() }, &[blank.as_bytes(), &*line].concat());
        assert!(matches!(decode(7, &payload), Err(DecodeError::Event { line: 0, .. })));
    }
}

#[test]
fn what_a_newer_release_wrote_is_named() {
    let text = String::from_utf8(line(&full(samples().remove(0)))).unwrap();
    let unknown = |text: &str, kind: &str, version| {
        let known = DecodeError::UnknownEvent { line: 0, kind: kind.to_owned(), version };
        assert_eq!(read_line(text.as_bytes()), Err(known));
    };
    unknown(&text.replace("\"v\":1", "\"v\":2"), "LicenseAllocated", 2);
    unknown(&text.replace("\"v\":1", "\"v\":0"), "LicenseAllocated", 0);
    unknown(&text.replace("LicenseAllocated", "SeatBorrowed"), "SeatBorrowed", 1);
    let newer = encode(&Header { format: 2, ..header() }, text.as_bytes());
    assert_eq!(decode(7, &newer), Err(DecodeError::Format(2)));
    // Before anything else of it is looked at.
    assert_eq!(decode(7, b"{\"format\":9,\"prev\":7}\nanything\n"), Err(DecodeError::Format(9)));
}

#[test]
fn unknown_fields_are_passed_over() {
    let record = full(samples().remove(0));
    let text = String::from_utf8(line(&record)).unwrap();
    let more = text
        .replacen('{', r#"{"more":{"x":[1,null]},"#, 1)
        .replace(r#""data":{"#, r#""data":{"more":1.5,"#)
        .replace(r#""command":{"#, r#""command":{"more":true,"#);
    assert_ne!(more, text);
    assert_eq!(read_line(more.as_bytes()), Ok(record));
    let header_line = String::from_utf8(encode(&Header { count: 0, ..header() }, b"")).unwrap();
    let more = header_line.replacen('{', r#"{"more":"x","#, 1);
    assert_eq!(decode(7, more.as_bytes()).unwrap().header, Header { count: 0, ..header() });
}

#[test]
fn an_event_that_is_not_what_its_type_says_is_named_by_its_line() {
    let text = String::from_utf8(line(&full(samples().remove(0)))).unwrap();
    for (from, to) in [
        (r#""quantity":"#, r#""quantity":-"#),
        (r#""license":"creative""#, r#""license":"""#),
        (r#""account":"acme""#, r#""account":"a.b""#),
        (r#""via":"http""#, r#""via":"pigeon""#),
        (r#""by":"key:5d1f0c2ab7e94836""#, r#""by":"""#),
        (r#""by":"key:5d1f0c2ab7e94836","#, ""),
        (r#""v":1"#, r#""v":"1""#),
        (r#""metadata":{"#, r#""metadata":{"n":1,"n":2,"#),
    ] {
        assert!(text.contains(from), "{from}");
        let error = read_line(text.replace(from, to).as_bytes());
        assert!(matches!(error, Err(DecodeError::Event { line: 0, .. })), "{to}: {error:?}");
    }
}

#[test]
fn a_header_line_is_never_longer_than_said() {
    let largest = Header {
        format: u32::MAX,
        commit: Uuid::max(),
        partition: u32::MAX,
        n: u64::MAX,
        prev: CommitHash([255; 32]),
        count: usize::MAX,
        at: Moment::from_millis(i64::MAX),
        void: None,
    };
    let bytes = encode(&largest, b"").len();
    assert!(bytes < HEADER_BYTES, "{bytes}");
}

#[test]
fn a_hash_is_read_back_as_it_was_written() {
    let hash = CommitHash::of(b"abc");
    let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!((hash.to_string().as_str(), CommitHash::parse(text)), (text, Some(hash)));
    let upper = text.to_uppercase();
    for bad in ["", "ba", &text[1..], &format!("{text}0"), &upper, &text.replace('b', "é")] {
        assert_eq!(CommitHash::parse(bad), None, "{bad}");
    }
}

#[test]
fn what_one_command_caused_is_read_out_of_a_commit_of_many() {
    let of = |account: &str, command: &str| {
        let mut record = full(samples().remove(0));
        record.account = AccountId::new(account).unwrap();
        record.command.id = CommandId::new(command).unwrap();
        record
    };
    let own = [of("acme", "c1"), of("acme", "c1")];
    let others = [of("globex", "c1"), of("acme", "c2"), of("acme", "c11")];
    let newer = String::from_utf8(line(&others[0])).unwrap().replace("\"v\":1", "\"v\":9");
    let mut lines = [&own[0], &others[0], &others[1], &own[1], &others[2]].map(line).concat();
    lines.extend_from_slice(newer.as_bytes());
    let payload = encode(&Header { count: 6, ..header() }, &lines);
    assert!(decode(7, &payload).is_err(), "not every line can be read by this release");
    let read = |payload: &[u8], account, command| {
        decode_of(payload, &AccountId::new(account).unwrap(), &CommandId::new(command).unwrap())
    };
    assert_eq!(read(&payload, "acme", "c1"), Ok(own.to_vec()));
    assert_eq!(read(&payload, "acme", "c2"), Ok(vec![others[1].clone()]));
    assert_eq!(read(&payload, "acme", "c"), Ok(vec![]));
    // It is held to be whole as much as if all of it were read.
    for end in 0..payload.len() {
        assert!(read(&payload[..end], "acme", "c1").is_err(), "{end} of {}", payload.len());
    }
    let fewer = encode(&Header { count: 5, ..header() }, &lines);
    assert!(matches!(read(&fewer, "acme", "c1"), Err(DecodeError::Shape(_))));
    let torn = String::from_utf8(payload).unwrap().replacen("\"account\"", "\"acc\"", 1);
    assert!(matches!(read(torn.as_bytes(), "acme", "c1"), Err(DecodeError::Event { line: 0, .. })));
}
