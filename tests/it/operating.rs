//! Health, readiness, metrics, wrong settings, old servers.

mod clock;
mod creating;
mod health;
mod judged;
pub mod nats_server;
mod permissions;
mod process;
mod proxied;
mod secrets;
mod servers;
mod sites;
mod streams;
mod three_nodes;
mod waiting;

use std::path::Path;
use std::process::{Output, Stdio};

use crate::ledger::{PATIENCE, PROGRAM};

/// Runs the binary until it ends by itself.
async fn run(dir: &Path, arguments: &[&str]) -> Output {
    let child = tokio::process::Command::new(PROGRAM)
        .args(arguments)
        .arg("--dir")
        .arg(dir)
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    tokio::time::timeout(PATIENCE, child.wait_with_output()).await.expect("it ends").unwrap()
}

/// The code with which a run ended that must not serve, and what it said.
async fn refused(dir: &Path, arguments: &[&str]) -> (i32, String) {
    let output = run(dir, arguments).await;
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "a failure says nothing there");
    let said = String::from_utf8(output.stderr).unwrap();
    (output.status.code().expect("it ends by itself"), said)
}
