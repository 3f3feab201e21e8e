use std::process::Command;

use rustix::process::{Resource, Rlimit, setrlimit};

use super::wire::{Client, get};
use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_idle_connections_do_not_stop_honest_requests() {
    let server =
        Running::start(Limits { head: PATIENCE, connections_per_peer: 1_024, ..Limits::default() })
            .await;
    let mut idle = Vec::new();
    for _ in 0..1_000 {
        idle.push(Client::connect(server.address).await);
    }
    let mut honest = Client::connect(server.address).await;
    for _ in 0..100 {
        let asked = Instant::now();
        assert_eq!(honest.get("/").await.status, 200);
        assert_eq!(get(server.address, "/").await.status, 200);
        // Who waits for an idle one waits as long as that may be silent.
        assert!(asked.elapsed() < PATIENCE / 10, "{:?}", asked.elapsed());
    }
    for client in &mut idle {
        assert_eq!(client.get("/").await.status, 200, "there were a thousand at once");
    }
}

/// Set in the process that has few descriptors.
const CHILD: &str = "SEATLEDGER_TEST_FEW_DESCRIPTORS";

/// In a process of its own, because it takes away what the other tests need.
#[test]
fn without_descriptors_the_server_waits_and_goes_on() {
    if std::env::var_os(CHILD).is_some() {
        tokio::runtime::Runtime::new().unwrap().block_on(use_up_descriptors());
        return;
    }
    let (_, module) = module_path!().split_once("::").unwrap();
    let name = format!("{module}::without_descriptors_the_server_waits_and_goes_on");
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &name, "--nocapture"])
        .env(CHILD, "yes")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && said.contains("1 passed"), "{child:?}");
}

async fn use_up_descriptors() {
    let server = Running::start(Limits::default()).await;
    setrlimit(Resource::Nofile, Rlimit { current: Some(64), maximum: Some(64) }).unwrap();
    let mut hoard = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        hoard.push(file);
    }
    // One for a client, none for the server's end of it.
    hoard.pop();
    let mut client = Client::connect(server.address).await;
    client.send("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    let mut scratch = [0];
    let waited = timeout(ms(300), client.stream.peek(&mut scratch)).await;
    assert!(waited.is_err(), "there was a descriptor left: {waited:?}");
    hoard.clear();
    assert_eq!(client.answer().await.text(), "hello");
}
