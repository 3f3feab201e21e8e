//! What is secret stays where it is.

use std::path::{Path, PathBuf};
use std::process::Command;

use hyper::Method;
use serde_json::json;

use super::{Keyed, id_of};

/// Every file below a folder.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = vec![];
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found
}

fn holds(text: &[u8], secret: &str) -> bool {
    let raw: Vec<u8> = (0..secret.len() / 2)
        .map(|at| u8::from_str_radix(&secret[2 * at..2 * at + 2], 16).unwrap())
        .collect();
    let is = |wanted: &[u8]| text.windows(wanted.len()).any(|it| it == wanted);
    is(secret.as_bytes()) || is(&raw)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_in_no_file_log_answer_number_or_list_of_processes() {
    let own = tempfile::tempdir().unwrap();
    let mut keyed = Keyed::start_in(own.path(), &["--log", "trace"]).await;
    let made = keyed.ledger.run(&["keys", "create", "--account", "acme", "--role", "admin"]);
    let made = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    let by_hand = keyed.key("acme", "admin", json!({})).await;
    let revoked = keyed.key("acme", "reader", json!({})).await;
    keyed.accepted("acme", "RevokeKey", json!({"key": id_of(&revoked)})).await;
    let admin = keyed.admin();
    let keys = [&made, &by_hand, &revoked, &admin];
    let secrets: Vec<&str> = keys.iter().map(|it| it.split('_').nth(2).unwrap()).collect();
    assert!(secrets.iter().all(|it| it.len() == 64), "{keys:?}");
    let mut answers = vec![];
    for key in keys {
        let mistyped = format!("{}x", &key[..key.len() - 1]);
        for shown in [key.clone(), mistyped] {
            for path in [
                "/v1/accounts/acme/keys",
                "/v1/accounts/acme/history",
                "/v1/status",
                "/nowhere",
                "/v1/accounts/acme?at=-1",
            ] {
                answers.push(keyed.get(path, &shown).await);
                let apikey = [("apikey", shown.as_str())];
                answers.push(keyed.request(Method::GET, path, "", &apikey).await);
            }
            let document = json!({"holder": {"user": "ada"}});
            answers.push(keyed.send("acme", "RegisterHolder", &document, &shown).await);
        }
    }
    answers.push(keyed.request(Method::GET, "/metrics", "", &[]).await);
    let pid = keyed.ledger.pid().to_string();
    let listed = Command::new("ps").args(["-o", "args=", "-p", &pid]).output().unwrap();
    let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    assert!(keyed.ledger.stop_in_place().await.success());
    for secret in secrets {
        for answer in &answers {
            assert!(!holds(&answer.body, secret), "an answer");
            let headers = format!("{:?}", answer.headers);
            assert!(!holds(headers.as_bytes(), secret), "a header");
        }
        assert!(!holds(&listed.stdout, secret), "the list of processes");
        assert!(!holds(&environment, secret), "the environment");
        for file in files(own.path()) {
            // The key of whoever runs it is theirs to read, and nobody else's.
            let name = file.file_name().unwrap().to_str().unwrap().to_owned();
            let is_own = admin.contains(secret) && ["key", "ready.json"].contains(&name.as_str());
            let text = std::fs::read(&file).unwrap();
            assert_eq!(holds(&text, secret), is_own, "{}", file.display());
        }
    }
    let log = keyed.ledger.log();
    assert!(log.contains("TRACE"), "everything was logged");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_whoever_runs_it_is_for_them_to_read_and_stays_the_same() {
    use std::os::unix::fs::PermissionsExt as _;
    let own = tempfile::tempdir().unwrap();
    let keyed = Keyed::start_in(own.path(), &[]).await;
    let admin = keyed.admin();
    for file in ["key", "ready.json"] {
        let mode = std::fs::metadata(own.path().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    assert!(keyed.ledger.stop().await.success());
    let keyed = Keyed::start_in(own.path(), &[]).await;
    assert_eq!(keyed.admin(), admin);
    assert_eq!(keyed.get("/v1/status", &admin).await.status, 200);
    assert_eq!(keyed.get("/v1/status", &admin).await.json()["sequence"], 0, "the log is empty");
}
