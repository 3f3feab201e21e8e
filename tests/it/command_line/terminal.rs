//! What a person sees: tables and colours, which a program never gets.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::{out, small};
use crate::Ledger;
use crate::ledger::PROGRAM;

/// Both ends of a terminal with so many columns; 0 is one that does not say.
fn terminal(columns: u16) -> (File, OwnedFd) {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let name = ptsname(&ours, vec![]).unwrap();
    let theirs = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
    let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&theirs, size).unwrap();
    (File::from(ours), theirs)
}

/// What a run shows on a terminal.
fn shown(ledger: &Ledger, columns: u16, environment: (&str, &str), arguments: &[&str]) -> String {
    let (mut ours, theirs) = terminal(columns);
    let mut child = Command::new(PROGRAM)
        .args(arguments)
        .arg("--dir")
        .arg(ledger.dir())
        .env("TERM", "xterm-256color")
        .env_remove("NO_COLOR")
        .env(environment.0, environment.1)
        .stdin(Stdio::null())
        .stdout(theirs.try_clone().unwrap())
        .stderr(theirs)
        .spawn()
        .unwrap();
    let mut seen = vec![];
    // A terminal whose other end is closed fails to be read: that is its end.
    let _ = ours.read_to_end(&mut seen);
    child.wait().unwrap();
    String::from_utf8(seen).unwrap().replace('\r', "")
}

const HISTORY: [&str; 2] = ["history", "acme"];
const CHECK: [&str; 6] = ["check", "acme", "--product", "CREATIVE", "--user", "ada"];

#[tokio::test(flavor = "multi_thread")]
async fn a_person_gets_tables_as_wide_as_the_terminal() {
    let ledger = small().await;
    ledger.caught_up().await;
    let width = |text: &str| text.lines().map(|it| it.chars().count()).max().unwrap();
    for columns in [120, 160] {
        let table = shown(&ledger, columns, ("NO_COLOR", "1"), &HISTORY);
        assert!(table.starts_with('┌') && table.contains("SEQUENCE"), "{table}");
        assert!(table.contains("SeatAssigned") && table.contains("bo@example.com"), "{table}");
        assert!(width(&table) <= usize::from(columns), "{table}");
    }
    let unknown = shown(&ledger, 0, ("NO_COLOR", "1"), &HISTORY);
    assert!(unknown.contains("SeatAssigned") && unknown.contains("bo@example.com"), "{unknown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_gets_colours_and_a_program_none() {
    let ledger = small().await;
    ledger.caught_up().await;
    for (arguments, coloured) in [
        (&CHECK[..], "\u{1b}[1m\u{1b}[32mallowed\u{1b}[0m"),
        (&["status"], "\u{1b}[1m\u{1b}[32mready\u{1b}[0m"),
        (&["usage", "acme", "nothing"], "\u{1b}[1m\u{1b}[31merror:\u{1b}[0m"),
    ] {
        let person = shown(&ledger, 100, ("LANG", "C.UTF-8"), arguments);
        assert!(person.contains(coloured), "{arguments:?}: {person:?}");
        let plain = shown(&ledger, 100, ("NO_COLOR", "1"), arguments);
        assert!(!plain.contains('\u{1b}'), "{arguments:?}: {plain:?}");
        let program = ledger.run(arguments);
        let said = out(&program) + std::str::from_utf8(&program.stderr).unwrap();
        assert!(!said.contains('\u{1b}') && !said.is_empty(), "{arguments:?}: {said:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_sees_how_far_a_rebuild_is() {
    let ledger = small().await;
    let seen = shown(&ledger, 100, ("LANG", "C.UTF-8"), &["rebuild", "licenses"]);
    assert!(seen.contains("licenses") && seen.contains("the same as before"), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_sees_how_many_of_many_commands_are_done() {
    let ledger = small().await;
    let file = ledger.dir().join("many.jsonl");
    let lines = super::hires(0..3_000).collect::<String>();
    std::fs::write(&file, lines).unwrap();
    let arguments = ["send", "--lines", file.to_str().unwrap(), "--key", "hires"];
    let seen = shown(&ledger, 100, ("LANG", "C.UTF-8"), &arguments);
    let on_the_way = seen.split('[').any(|it| it.contains("accepted, 0 not eta"));
    assert!(on_the_way, "{}", &seen[seen.len() - 2_000..]);
    assert!(seen.contains("3000 accepted, 0 not"), "{}", &seen[seen.len() - 2_000..]);
}
