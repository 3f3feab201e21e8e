//! What all subcommands have in common.

use std::process::Command;

use super::{code, documents, err, out, small};
use crate::ledger::PROGRAM;

const SUBCOMMANDS: [&str; 22] = [
    "dev",
    "serve",
    "send",
    "check",
    "usage",
    "history",
    "groups",
    "group",
    "holders",
    "holder",
    "policies",
    "waitlist",
    "containers",
    "schedules",
    "keys",
    "tail",
    "rebuild",
    "clock",
    "void",
    "status",
    "doctor",
    "bench",
];

fn run(arguments: &[&str]) -> std::process::Output {
    Command::new(PROGRAM).args(arguments).env_clear().output().unwrap()
}

#[test]
fn help_lists_every_subcommand_and_each_has_its_own() {
    let help = run(&["--help"]);
    let listed: Vec<String> = out(&help)
        .lines()
        .skip_while(|it| *it != "Commands:")
        .skip(1)
        .take_while(|it| !it.is_empty())
        .map(|it| it.split_whitespace().next().unwrap().to_owned())
        .collect();
    assert_eq!(listed[..listed.len() - 1], SUBCOMMANDS);
    for name in SUBCOMMANDS {
        let help = run(&[name, "--help"]);
        assert_eq!((code(&help), err(&help).as_str()), (0, ""), "{name}");
        assert!(out(&help).contains(&format!("seatledger {name}")), "{}", out(&help));
        assert!(out(&help).contains("--json") && out(&help).contains("--dir"), "{name}");
    }
    let version = run(&["--version"]);
    assert_eq!(out(&version), format!("seatledger {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn what_is_no_command_line_ends_with_2() {
    for wrong in [
        &[][..],
        &["bogus"],
        &["status", "--bogus"],
        &["check"],
        &["history"],
        &["tail", "--count", "x"],
        &["bench"],
        &["status", "more"],
    ] {
        let output = run(wrong);
        assert_eq!((code(&output), out(&output).as_str()), (2, ""), "{wrong:?}");
        assert!(
            err(&output).contains("--help") || err(&output).contains("Usage:"),
            "{wrong:?}: {}",
            err(&output)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_question_is_answered_in_json_on_request_and_never_in_colours() {
    let ledger = small().await;
    let every: [&[&str]; 14] = [
        &["status"],
        &["doctor"],
        &["check", "acme", "--user", "ada"],
        &["usage", "acme"],
        &["usage", "acme", "creative", "--window", "day"],
        &["history", "acme"],
        &["groups", "acme"],
        &["holders", "acme"],
        &["holder", "acme", "ada"],
        &["policies", "acme"],
        &["containers", "acme"],
        &["tail", "acme", "--after", "0", "--count", "3"],
        &["rebuild", "checks"],
        &["send", "acme", "ReinstateLicense", r#"{"license":"office"}"#],
    ];
    for arguments in every {
        let machine = ledger.run(&[arguments, &["--json"]].concat());
        assert_eq!(code(&machine), 0, "{arguments:?}: {}", err(&machine));
        assert!(!documents(&machine).is_empty(), "{arguments:?}");
        let person = ledger.run(arguments);
        assert_eq!(code(&person), 0, "{arguments:?}: {}", err(&person));
        for text in [out(&machine), err(&machine), out(&person), err(&person)] {
            assert!(
                !text.contains('\u{1b}'),
                "{arguments:?} steers a terminal that there is not: {text:?}"
            );
            let borders = ['│', '┌', '╭', '─', '═', '█'];
            assert!(!text.contains(borders), "{arguments:?} draws a table for nobody: {text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_benchmark_tells_the_rate_and_what_a_plain_publish_takes() {
    let ledger = small().await;
    let sizes = ["--callers", "2", "--accounts", "1", "--licenses", "1", "--seconds", "1"];
    let assign = ledger.run(&[&["bench", "assign", "--json"], &sizes[..]].concat());
    assert_eq!(code(&assign), 0, "{}", err(&assign));
    let told = documents(&assign);
    assert!(!told.is_empty() && told.iter().all(serde_json::Value::is_object), "{told:?}");
    let check = ledger.run(&["bench", "check", "--json", "--connections", "2", "--seconds", "1"]);
    assert_eq!(code(&check), 0, "{}", err(&check));
    assert!(!documents(&check).is_empty());
}
