//! Whoever asks how the ledger is, is told the same: probes, people, numbers, and senders.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Ledger;
use crate::faults::nats::Nats;
use crate::ledger::{PATIENCE, eventually, signal};

/// Demands that all who can be asked say that this has failed, and gives back its detail.
async fn all_say(ledger: &Ledger, code: &str) -> String {
    let begin = Instant::now();
    loop {
        let ready = ledger.get("/readyz").await;
        if ready.status == 503 && ready.json()["code"] == code {
            break;
        }
        assert!(begin.elapsed() < PATIENCE, "{code} is not said: {}", ready.json());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let ready = ledger.get("/readyz").await.json();
    assert_eq!(ready["ready"], json!(false), "{ready}");
    for member in ["detail", "fix"] {
        assert!(ready[member].as_str().is_some_and(|it| it.len() > 10), "{member}: {ready}");
    }
    let status = ledger.run(&["status", "--json"]);
    let said: Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!((status.status.code(), &said["code"]), (Some(4), &json!(code)), "{said}");
    assert_eq!((&said["sound"], &said["fix"]), (&json!(false), &ready["fix"]), "{said}");
    let person = ledger.run(&["status"]);
    let text = String::from_utf8(person.stdout).unwrap();
    assert!(person.status.code() == Some(4) && text.contains(code), "{text}");
    let doctor = ledger.run(&["doctor", "--json"]);
    let said: Value = serde_json::from_slice(&doctor.stdout).unwrap();
    assert_eq!((doctor.status.code(), &said["sound"]), (Some(4), &json!(false)), "{said}");
    let first = &said["findings"][0];
    assert_eq!((&first["level"], &first["code"]), (&json!("fail"), &json!(code)), "{said}");
    let numbers = String::from_utf8(ledger.get("/metrics").await.body.to_vec()).unwrap();
    let finding = format!("seatledger_finding{{code=\"{code}\"}} 1");
    assert!(numbers.contains("seatledger_ready 0") && numbers.contains(&finding), "{numbers}");
    let writing = f64::from(u8::from(ready["writing"] == "ready"));
    assert!(numbers.contains(&format!("seatledger_writing {writing}")), "{numbers}");
    if writing == 0.0 {
        let license = json!({"license": "late", "product": "P", "quantity": 1});
        let answer = ledger.send("acme", "AllocateLicense", &license).await;
        assert_eq!((answer.status, &answer.json()["code"]), (503, &json!(code)));
    }
    ready["detail"].as_str().unwrap().to_owned()
}

/// Demands that it is ready by itself, and takes commands.
async fn goes_on(ledger: &Ledger, name: &str) {
    eventually("it is ready again", async || ledger.get("/readyz").await.status == 200).await;
    let license = json!({"license": name, "product": "P", "quantity": 1});
    ledger.accepted("acme", "AllocateLicense", &license).await;
    for command in ["status", "doctor"] {
        let output = ledger.run(&[command]);
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{command}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_nats_all_say_so_and_it_goes_on_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let mut nats = Nats::start(dir.path()).await;
    let ledger = nats.ledger(&dir.path().join("ledger"), 1 << 30).await;
    goes_on(&ledger, "before").await;
    nats.stop().await;
    let detail = all_say(&ledger, "nats_disconnected").await;
    assert!(detail.contains("no connection to NATS"), "{detail}");
    assert_eq!(ledger.get("/v1/accounts/acme/licenses").await.status, 200, "reads go on");
    nats.again().await;
    goes_on(&ledger, "after").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_silent_is_named_once_commands_wait() {
    let dir = tempfile::tempdir().unwrap();
    let nats = Nats::start(dir.path()).await;
    let ledger = nats.ledger(&dir.path().join("ledger"), 1 << 30).await;
    goes_on(&ledger, "before").await;
    // The connection stays: only who waits for an answer can notice.
    nats.pause();
    let license = json!({"id": "w", "license": "waits", "product": "P", "quantity": 1});
    let waits = ledger.send("acme", "AllocateLicense", &license);
    let judged = async {
        let begin = Instant::now();
        loop {
            let ready = ledger.get("/readyz").await.json();
            if ready["ready"] == false {
                break ready;
            }
            assert!(begin.elapsed() < PATIENCE, "it stays ready");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let (answer, ready) = tokio::join!(waits, judged);
    // Which of the two is seen first depends on how soon the connection is found dead.
    let known = ["log_unavailable", "nats_disconnected"];
    assert!(known.contains(&ready["code"].as_str().unwrap()), "{ready}");
    assert_eq!(answer.status, 503, "{}", answer.json());
    nats.resume();
    goes_on(&ledger, "after").await;
    let answer = ledger.send("acme", "AllocateLicense", &license).await;
    assert_eq!((answer.status, &answer.json()["outcome"]), (200, &json!("accepted")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_model_that_stands_still_is_named() {
    let ledger = Ledger::start().await;
    goes_on(&ledger, "before").await;
    ledger.caught_up().await;
    let read = std::fs::read_dir(ledger.dir().join("read")).unwrap();
    let history = read
        .map(|it| it.unwrap().path())
        .find(|it| {
            let name = it.file_name().unwrap().to_str().unwrap();
            name.starts_with("history.") && name.ends_with(".db")
        })
        .unwrap();
    let other = rusqlite::Connection::open(history).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let license = json!({"license": "unseen", "product": "P", "quantity": 1});
    ledger.accepted("acme", "AllocateLicense", &license).await;
    all_say(&ledger, "read_model_still").await;
    eventually("it is named", async || {
        let status = ledger.get("/v1/status").await.json();
        let findings = status["findings"].as_array().unwrap().clone();
        let named = |it: &Value| it["detail"].as_str().unwrap().contains("model history stands");
        findings.iter().any(named)
    })
    .await;
    other.execute_batch("ROLLBACK").unwrap();
    goes_on(&ledger, "after").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_message_is_named_by_all() {
    let ledger = Ledger::start().await;
    goes_on(&ledger, "before").await;
    let nats = ledger.nats().await;
    let subject = "seatledger.commit.0";
    let streams = async_nats::jetstream::new(nats);
    streams.publish(subject, "no commit".into()).await.unwrap().await.unwrap();
    eventually("it is noticed", async || ledger.get("/readyz").await.status == 503).await;
    let code = ledger.get("/readyz").await.json()["code"].as_str().unwrap().to_owned();
    assert_eq!(code, "foreign_message");
    all_say(&ledger, &code).await;
}

/// A small file system of its own, gone at the end. `None` where nobody may mount one.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount(megabytes: u32) -> Option<SmallDisk> {
        let dir = tempfile::tempdir().unwrap();
        let size = format!("size={megabytes}m");
        let arguments = ["-t", "tmpfs", "-o", &size, "tmpfs"];
        let mounted = Command::new("mount").args(arguments).arg(dir.path()).output();
        mounted.is_ok_and(|it| it.status.success()).then(|| SmallDisk(dir))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Leaves no byte of it.
    fn fill(&self) -> std::path::PathBuf {
        use std::io::Write as _;
        let ballast = self.path().join("ballast");
        let mut file = std::fs::File::create(&ballast).unwrap();
        while file.write(&[0; 4096]).is_ok_and(|it| it > 0) {}
        ballast
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_named_and_once_there_is_room_it_goes_on_by_itself() {
    let Some(disk) = SmallDisk::mount(48) else {
        eprintln!("not run: only root may mount a small file system, and this is not root");
        return;
    };
    let dir = disk.path().join("ledger");
    std::fs::create_dir_all(&dir).unwrap();
    let ledger = Ledger::start_in(&dir).await;
    goes_on(&ledger, "before").await;
    let mut ballast = disk.fill();
    // Commands come in until the log cannot take one more.
    let begin = Instant::now();
    let mut refused = 0;
    let mut accepted = vec![];
    let mut last = json!(null);
    for number in 0.. {
        let id = format!("f{number}");
        let license = json!({"id": id, "license": id, "product": "P", "quantity": 1,
            "metadata": {"much": "x".repeat(4000)}});
        let answer = ledger.send("acme", "AllocateLicense", &license).await;
        match answer.status {
            200 => accepted.push(id),
            _ => {
                refused += 1;
                last = answer.json();
            }
        }
        if refused >= 3 && ledger.get("/readyz").await.status == 503 {
            break;
        }
        // What compacting gives back is taken at once.
        if number % 20 == 0 {
            std::fs::remove_file(&ballast).unwrap();
            ballast = disk.fill();
        }
        assert!(begin.elapsed() < 3 * PATIENCE, "it stays ready, {refused} refused: {last}");
    }
    // What compacting has given back is taken, and then somebody has to look.
    std::fs::remove_file(&ballast).unwrap();
    let ballast = disk.fill();
    eventually("the full disk is named", async || {
        let findings = ledger.get("/v1/status").await.json()["findings"].clone();
        findings.as_array().unwrap().iter().any(|it| it["code"] == "disk_full")
    })
    .await;
    let ready = ledger.get("/readyz").await.json();
    assert_eq!(ready["ready"], json!(false));
    for command in ["status", "doctor"] {
        assert_eq!(ledger.run(&[command]).status.code(), Some(4), "{command}");
    }
    std::fs::remove_file(&ballast).unwrap();
    let begin = Instant::now();
    while ledger.get("/readyz").await.status != 200 {
        assert!(begin.elapsed() < 4 * PATIENCE, "{}", ledger.get("/readyz").await.json());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    goes_on(&ledger, "after").await;
    ledger.caught_up().await;
    for id in accepted {
        let answer = ledger.get(&format!("/v1/accounts/acme/commands/{id}")).await;
        assert_eq!(answer.status, 200, "{id} was accepted and is lost");
    }
    signal(ledger.pid(), "TERM");
}
