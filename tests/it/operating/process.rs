//! The process: what it prints, how it ends, what it leaves behind.

use std::io::Read as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::{refused, run};
use crate::Ledger;
use crate::ledger::{PATIENCE, PROGRAM, eventually, signal};

/// Whether a process is there.
fn lives(pid: u32) -> bool {
    let sent = Command::new("kill").arg("-0").arg(pid.to_string()).stderr(Stdio::null()).status();
    sent.unwrap().success()
}

/// `dev`, with what it prints kept.
fn dev(dir: &Path, more: &[&str]) -> Child {
    Command::new(PROGRAM)
        .args(["dev", "--http", "127.0.0.1:0", "--dir"])
        .arg(dir)
        .args(more)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Asks a process to stop, and gives back how it ended and all that it printed.
async fn ended(child: Child, name: &str) -> (Option<i32>, String, String) {
    signal(child.id(), name);
    ended_by_itself(child).await
}

/// The same of one that nobody asks.
async fn ended_by_itself(mut child: Child) -> (Option<i32>, String, String) {
    let ending = tokio::task::spawn_blocking(move || {
        let (mut out, mut err) = (String::new(), String::new());
        child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        (child.wait().unwrap().code(), out, err)
    });
    tokio::time::timeout(PATIENCE, ending).await.expect("it ends").unwrap()
}

/// What a running ledger says in its directory.
async fn ready(dir: &Path) -> Value {
    let read =
        || serde_json::from_slice::<Value>(&std::fs::read(dir.join("ready.json")).ok()?).ok();
    eventually("the ledger is ready", async || read().is_some()).await;
    read().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_are_told_one_line_and_nothing_else() {
    for name in ["TERM", "INT"] {
        let dir = tempfile::tempdir().unwrap();
        let child = dev(dir.path(), &["--no-demo", "--ready-json"]);
        let pid = child.id();
        let said = ready(dir.path()).await;
        let (code, out, _) = ended(child, name).await;
        assert_eq!(code, Some(0), "after SIG{name}");
        let (line, rest) = out.split_once('\n').expect("a whole line");
        assert_eq!(rest, "", "something else was printed");
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line, said, "the file says the same");
        let members: Vec<_> = line.as_object().unwrap().keys().cloned().collect();
        assert_eq!(
            members,
            [
                "http",
                "key",
                "nats",
                "nats_password",
                "nats_pid",
                "nats_token",
                "nats_user",
                "pid",
                "ready"
            ]
        );
        assert_eq!((&line["ready"], &line["pid"]), (&json!(true), &json!(pid)));
        assert!(line["key"].as_str().unwrap().starts_with("slk_"));
        assert!(line["http"].as_str().unwrap().starts_with("http://127.0.0.1:"));
        assert!(line["nats"].as_str().unwrap().starts_with("nats://127.0.0.1:"));
        assert_eq!((&line["nats_user"], &line["nats_token"]), (&json!("producer"), &json!(null)));
        assert!(line["nats_password"].as_str().unwrap().len() >= 32, "it can be guessed");
        let nats = u32::try_from(line["nats_pid"].as_u64().unwrap()).unwrap();
        assert!(!lives(nats), "a nats-server is left behind after SIG{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_shown_what_to_try_and_the_demo_is_there_once() {
    let dir = tempfile::tempdir().unwrap();
    for start in ["first", "second"] {
        let _ = std::fs::remove_file(dir.path().join("ready.json"));
        let child = dev(dir.path(), &[]);
        let said = ready(dir.path()).await;
        let http = said["http"].as_str().unwrap();
        let status = run(dir.path(), &["history", "acme", "--json", "--limit", "1000"]).await;
        let history: Value = serde_json::from_slice(&status.stdout).unwrap();
        assert!(history["items"].as_array().unwrap().len() > 5, "{start}: {history}");
        let refusals = run(dir.path(), &["check", "globex", "--user", "u3", "--json"]).await;
        assert_eq!(refusals.status.code(), Some(1), "{start}: a check that is denied");
        let status = run(dir.path(), &["status", "--json"]).await;
        let status: Value = serde_json::from_slice(&status.stdout).unwrap();
        let path = ["usage", "globex", "course-rust", "--window", "whole", "--json"];
        let usage = run(dir.path(), &path).await;
        let usage: Value = serde_json::from_slice(&usage.stdout).unwrap();
        let (code, out, err) = ended(child, "INT").await;
        assert_eq!((code, status["condition"].as_str()), (Some(0), Some("ready")), "{err}");
        for word in [
            http,
            "Ctrl-C",
            "/openapi.json",
            "not for production",
            "loopback",
            "seatledger history acme",
        ] {
            assert!(out.contains(word), "{start}: nothing of {word}: {out}");
        }
        assert!(!out.contains('\u{1b}'), "colours without a terminal");
        let password = said["nats_password"].as_str().unwrap();
        assert!(!out.contains(password) && !err.contains(password), "the password is shown");
        // Only an empty ledger gets the demo, the refusal in it too.
        assert_eq!(status["sequence"], json!(11), "{start}");
        assert_eq!(usage["items"][0]["refusals"], json!(1), "{start}: {usage}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_told_that_it_has_stopped_and_nothing_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let child = dev(dir.path(), &["--no-demo"]);
    ready(dir.path()).await;
    let (code, out, err) = ended(child, "INT").await;
    assert_eq!((code, err.as_str()), (Some(0), "stopped\n"));
    assert!(!out.contains("stopped"), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_fails_leaves_no_new_directory_behind() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("new");
    for (http, program, wanted) in
        [("0.0.0.0:0", None, 2), (&*taken, None, 2), ("127.0.0.1:0", Some("/nowhere/at/all"), 3)]
    {
        let mut command = Command::new(PROGRAM);
        command.args(["dev", "--http", http, "--dir"]).arg(&dir);
        if let Some(program) = program {
            command.env("SEATLEDGER_NATS_SERVER", program);
        }
        let output = command.stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(wanted), "{http} {program:?}: {said}");
        assert!(!said.contains("stopped"), "it never ran: {said}");
        assert!(!dir.exists(), "{http} {program:?} leaves a directory: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nats_server_that_ends_again_and_again_is_given_up_with_the_ledger() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = dev(dir.path(), &["--no-demo", "--ready-json"]);
    ready(dir.path()).await;
    let nats = || std::fs::read_to_string(dir.path().join("nats/pid")).ok()?.trim().parse().ok();
    let mut killed = vec![];
    eventually("the ledger ends", async || {
        if let Some(pid) = nats().filter(|it| !killed.contains(it) && lives(*it)) {
            signal(pid, "KILL");
            killed.push(pid);
        }
        child.try_wait().unwrap().is_some()
    })
    .await;
    let (code, _, err) = ended_by_itself(child).await;
    assert_eq!((code, killed.len()), (Some(3), 6), "five restarts within a minute: {err}");
    assert!(err.contains("given up") && err.contains("nats.log"), "{err}");
    let ledger = Ledger::start_in(dir.path()).await;
    assert!(ledger.stop().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_dies_at_once_leaves_no_nats_server_behind() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::start_in(dir.path()).await;
    let nats = ledger.nats_pid();
    ledger.kill().await;
    eventually("the nats-server ends too", async || !lives(nats)).await;
    let ledger = Ledger::start_in(dir.path()).await;
    assert!(ledger.stop().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_has_one_ledger() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::start_in(dir.path()).await;
    let own = ["dev", "--http", "127.0.0.1:0", "--no-demo", "--ready-json"];
    let (code, said) = refused(dir.path(), &own).await;
    assert_eq!(code, 2, "{said}");
    assert!(said.contains(&dir.path().display().to_string()), "{said}");
    assert!(said.contains(&ledger.pid().to_string()), "{said}");
    let beside = ledger.serve_arguments();
    let beside: Vec<&str> =
        beside.iter().map(String::as_str).chain(["--http", "127.0.0.1:0"]).collect();
    let (code, said) = refused(dir.path(), &beside).await;
    assert_eq!(code, 2, "{said}");
    assert!(said.contains(&dir.path().display().to_string()), "{said}");
    // The first one does not mind.
    let license = json!({"license": "l", "product": "P", "quantity": 1});
    assert_eq!(ledger.accepted("acme", "AllocateLicense", &license).await, 1);
    let said: Value =
        serde_json::from_slice(&std::fs::read(dir.path().join("ready.json")).unwrap()).unwrap();
    assert_eq!(said, *ledger.ready(), "the file still says where it is");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_resumes_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::start_in(dir.path()).await;
    let license = json!({"license": "l", "product": "P", "quantity": 5});
    ledger.accepted("acme", "AllocateLicense", &license).await;
    let (nats, password) = (ledger.nats_url(), ledger.nats_password("producer"));
    let before = ledger.get_at_least("/v1/accounts/acme/licenses/l", 1).await.json();
    assert!(ledger.stop().await.success());
    let ledger = Ledger::start_in(dir.path()).await;
    assert_eq!(
        (ledger.nats_url(), ledger.nats_password("producer")),
        (nats, password),
        "saved settings still work"
    );
    assert_eq!(ledger.get("/v1/accounts/acme/licenses/l").await.json(), before);
    let assign = json!({"license": "l", "holders": [{"user": "ada"}]});
    assert_eq!(ledger.accepted("acme", "AssignSeat", &assign).await, 2);
    assert_eq!(ledger.get("/v1/status").await.json()["sequence"], json!(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_the_machine_itself_is_let_in_without_a_key() {
    let dir = tempfile::tempdir().unwrap();
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let serve = ["serve", "--keys", "optional", "--http", address, "--ready-json"];
        for own in [&["dev", "--http", address, "--ready-json"][..], &serve] {
            let (code, said) = refused(dir.path(), own).await;
            assert_eq!(code, 2, "{address}: {said}");
            let named = said.contains("loopback") && said.contains("--keys required");
            assert!(named, "{address}: {said}");
        }
    }
    for nonsense in ["localhost", "8640", "127.0.0.1", "127.0.0.1:99999"] {
        let (code, said) = refused(dir.path(), &["dev", "--http", nonsense]).await;
        assert_eq!(code, 2, "{nonsense}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let dir = tempfile::tempdir().unwrap();
    let (code, said) = refused(dir.path(), &["dev", "--http", &address, "--no-demo"]).await;
    assert_eq!(code, 2, "{said}");
    assert!(said.contains(&address) && said.contains("--http"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_cannot_be_used_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a-file");
    std::fs::write(&file, "").unwrap();
    for place in [file.clone(), file.join("below")] {
        let (code, said) = refused(&place, &["dev", "--http", "127.0.0.1:0"]).await;
        assert_eq!(code, 2, "{said}");
        assert!(said.contains(&file.display().to_string()), "{said}");
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn secrets_and_names_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let ledger = Ledger::start().await;
    let license = json!({"license": "l", "product": "P", "quantity": 5});
    ledger.accepted("acme", "AllocateLicense", &license).await;
    for name in ["ready.json", "nats/password.ledger", "nats/nats.conf", "nats", "read"] {
        let mode = std::fs::metadata(ledger.dir().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name} is open to others: {mode:o}");
    }
    // A password on a command line could be seen by everybody on the machine.
    let pid = ledger.nats_pid().to_string();
    let listed = Command::new("ps").args(["-o", "args=", "-p", &pid]).output().unwrap();
    let listed = String::from_utf8_lossy(&listed.stdout);
    assert!(!listed.contains(&ledger.nats_password("ledger")));
    let stranger = async_nats::connect(ledger.nats_url()).await;
    assert!(stranger.is_err(), "the nats-server lets strangers in");
}
