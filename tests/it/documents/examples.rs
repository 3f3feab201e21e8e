//! The examples, where something that they need is not there.

use std::process::Command;

#[test]
fn where_no_ledger_runs_the_shell_example_says_so_in_one_line() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/shell/curl.sh");
    // Nobody listens there.
    let url = "http://127.0.0.1:1";
    let output = Command::new("bash").args([script, url]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    let wanted = format!("no ledger answers at {url}: start one with `cargo run -- dev`\n");
    assert_eq!((said, output.stdout.is_empty()), (wanted, true));
}
