//! The three nodes of docs/operating.md, pasted into an empty folder as they stand there, and the
//! upgrade without a gap, under load.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::nats_server::program;
use super::permissions::block;
use crate::faults::say;
use crate::ledger::{PATIENCE, PROGRAM, eventually};

/// What is pasted, by the first line of each block.
const BLOCKS: [&str; 5] = [
    "three nodes: passwords",
    "three nodes: the nodes",
    "three nodes: two ledgers, here from one shell; in service each under its own supervisor",
    "three nodes: the first key, and a question with it",
    "upgrade: the new release beside the old one, then without it",
];

/// Callers during the upgrade.
const CALLERS: usize = 8;

/// How long they go on before and after it.
const BESIDE: Duration = Duration::from_secs(1);

/// The ports that the page names.
const PORTS: [u16; 12] = [4221, 4222, 4223, 6221, 6222, 6223, 8221, 8222, 8223, 8641, 8642, 8643];

/// What is pasted, with free ports in place of those of the page. All that it starts ends with it.
struct Shell {
    dir: TempDir,
    ports: BTreeMap<u16, u16>,
    child: Child,
}

impl Shell {
    /// Runs blocks of the page one after the other in one shell. Before the last one it waits for the
    /// file `go`; after each it leaves a file with its number.
    async fn paste(blocks: &[&str]) -> Shell {
        let dir = tempfile::tempdir().unwrap();
        let listeners = PORTS.map(|it| (it, TcpListener::bind("127.0.0.1:0").unwrap()));
        let port = |it: &(u16, TcpListener)| (it.0, it.1.local_addr().unwrap().port());
        let ports: BTreeMap<u16, u16> = listeners.iter().map(port).collect();
        std::fs::write(dir.path().join("users.conf"), block("nats.conf: users of a ledger"))
            .unwrap();
        let bin = dir.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        std::os::unix::fs::symlink(PROGRAM, bin.join("seatledger")).unwrap();
        std::os::unix::fs::symlink(program().await, bin.join("nats-server")).unwrap();
        let mut text = "set -eu\n".to_owned();
        for (number, name) in blocks.iter().enumerate() {
            if number + 1 == blocks.len() {
                text.push_str("until [ -e go ]; do sleep 0.05; done\n");
            }
            write!(text, "{}\ntouch done-{number}\n", block(name)).unwrap();
        }
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
        let mut command = Command::new("bash");
        command.arg("-c").arg(with_ports(text, &ports)).current_dir(dir.path()).env("PATH", path);
        command.env_remove("RUST_LOG").stdin(Stdio::null()).process_group(0);
        command.stdout(std::fs::File::create(dir.path().join("out")).unwrap());
        command.stderr(std::fs::File::create(dir.path().join("err")).unwrap());
        let child = command.spawn().unwrap();
        Shell { dir, ports, child }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The port that stands for one of the page.
    fn port(&self, port: u16) -> u16 {
        self.ports[&port]
    }

    /// Waits until a block has been run.
    async fn has_run(&self, number: usize) {
        let done = self.path().join(format!("done-{number}"));
        let begin = Instant::now();
        while !done.exists() {
            assert!(begin.elapsed() < 2 * PATIENCE, "block {number}: {}", self.said());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What everything that runs there has said.
    fn said(&self) -> String {
        let names = ["err", "n1.log", "a.log", "b.log", "c.log"];
        let read = |it: &&str| std::fs::read_to_string(self.path().join(it)).unwrap_or_default();
        names.iter().map(|it| format!("--- {it}\n{}", read(it))).collect()
    }

    fn password(&self, user: &str) -> String {
        let text = std::fs::read_to_string(self.path().join("passwords")).unwrap();
        let start = format!("export {user}_PASSWORD=");
        let line = text.lines().find_map(|it| it.strip_prefix(&start));
        line.expect("a password").to_owned()
    }

    async fn acme(&self) -> async_nats::Client {
        let urls = [4221, 4222, 4223].map(|it| format!("nats://127.0.0.1:{}", self.port(it)));
        async_nats::ConnectOptions::with_user_and_password("acme".to_owned(), self.password("ACME"))
            .custom_inbox_prefix("_INBOX_acme")
            .request_timeout(Some(PATIENCE))
            .connect(&urls[..])
            .await
            .unwrap()
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // All that it has started is in its group.
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.child.wait();
    }
}

/// The same script, with free ports.
fn with_ports(mut text: String, ports: &BTreeMap<u16, u16>) -> String {
    let mut arrays = String::new();
    for (digits, name) in [(422, "CLIENTS"), (622, "ROUTES"), (822, "MONITORS")] {
        text = text.replace(&format!("{digits}$n"), &format!("${{{name}[$n]}}"));
        let of: Vec<_> = (1..=3).map(|it| ports[&(digits * 10 + it)].to_string()).collect();
        writeln!(arrays, "{name}=(0 {})", of.join(" ")).unwrap();
    }
    // In two steps: a free port may look like one of the page.
    for from in ports.keys() {
        text = text.replace(&from.to_string(), &format!("@{}@", u32::from(*from) + 100_000));
    }
    for (from, to) in ports {
        text = text.replace(&format!("@{}@", u32::from(*from) + 100_000), &to.to_string());
    }
    arrays + &text
}

async fn ask(client: &async_nats::Client, kind: &str, document: Value) -> Result<(), String> {
    let subject = format!("seatledger.command.acme.{kind}");
    let reply = client.request(subject, document.to_string().into()).await;
    let reply = reply.map_err(|it| format!("{document}: {it}"))?;
    let said: Value = serde_json::from_slice(&reply.payload).unwrap();
    match said["outcome"] == "accepted" {
        true => Ok(()),
        false => Err(said.to_string()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_nodes_as_they_are_documented_serve_and_are_upgraded_without_a_gap() {
    let shell = Shell::paste(&BLOCKS).await;
    shell.has_run(BLOCKS.len() - 2).await;
    let said = std::fs::read_to_string(shell.path().join("out")).unwrap();
    let status: Value = serde_json::from_str(&said).unwrap_or_else(|it| panic!("{it}: {said}"));
    assert_eq!(status["findings"], json!([]), "nothing is to be mended: {status}");
    let client = shell.acme().await;
    let license = json!({"id": "l", "license": "l", "product": "P", "quantity": 1_000_000});
    ask(&client, "AllocateLicense", license).await.unwrap();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let (client, stopped) = (client.clone(), stopped.clone());
            tokio::spawn(async move {
                let (mut count, mut failed) = (0, vec![]);
                while !*stopped.borrow() {
                    let id = format!("c{caller}-{count}");
                    let seat = json!({"id": id, "license": "l", "holders": [{"user": id}]});
                    failed.extend(ask(&client, "AssignSeat", seat).await.err());
                    count += 1;
                }
                (count, failed)
            })
        })
        .collect();
    tokio::time::sleep(BESIDE).await;
    std::fs::write(shell.path().join("go"), "").unwrap();
    shell.has_run(BLOCKS.len() - 1).await;
    tokio::time::sleep(BESIDE).await;
    stop.send(true).unwrap();
    let mut sent = 0;
    for caller in callers {
        let (count, failed) = caller.await.unwrap();
        assert_eq!(failed, Vec::<String>::new(), "after {count}\n{}", shell.said());
        sent += count;
    }
    say(&format!("{sent} commands during the upgrade, none failed"));
    assert!(sent > 20, "{sent}");
    eventually("the other one and the new one are ready", async || {
        [8642, 8643].iter().all(|it| {
            let url = format!("http://127.0.0.1:{}/readyz", shell.port(*it));
            Command::new("curl").args(["-sf", "-o", "/dev/null", &url]).status().unwrap().success()
        })
    })
    .await;
}
