//! The real nats-server: started, killed, restarted, stopped.

use std::time::{Duration, Instant};

use async_nats::Client;

use super::*;

/// Far above what any step takes here, so that only a hang reaches it.
const PATIENCE: Duration = Duration::from_secs(20);

fn found() -> Found {
    match find(false, false) {
        Ok(found) => found,
        Err(not_found) => panic!("{not_found}"),
    }
}

fn unguarded(dir: &Path) -> Settings {
    Settings { guard: Guard::Off, ..Settings::new(dir) }
}

async fn start(dir: &Path) -> Natsd {
    Natsd::start(&found(), unguarded(dir)).await.unwrap()
}

async fn client(natsd: &Natsd) -> Client {
    let options = async_nats::ConnectOptions::with_user_and_password(
        User::Ledger.name().to_owned(),
        natsd.password(User::Ledger).to_owned(),
    );
    options.connect(natsd.url()).await.unwrap()
}

/// Asks JetStream directly: how the log speaks to it is not the subject here.
async fn ask(client: &Client, subject: &str, body: &str) -> serde_json::Value {
    let reply = client.request(subject.to_owned(), body.to_owned().into()).await.unwrap();
    serde_json::from_slice(&reply.payload).unwrap()
}

async fn create_stream(client: &Client) {
    let stream = r#"{"name":"T","subjects":["t"],"storage":"file","num_replicas":1}"#;
    let reply = ask(client, "$JS.API.STREAM.CREATE.T", stream).await;
    assert!(reply["error"].is_null(), "{reply}");
}

async fn messages(client: &Client) -> u64 {
    let reply = ask(client, "$JS.API.STREAM.INFO.T", "").await;
    reply["state"]["messages"].as_u64().unwrap_or_else(|| panic!("{reply}"))
}

async fn wait_for(natsd: &Natsd, wanted: impl FnMut(&State) -> bool) -> State {
    let mut state = natsd.state();
    let reached = tokio::time::timeout(PATIENCE, state.wait_for(wanted)).await;
    reached.expect("the state was not reached").unwrap().clone()
}

fn send(pid: u32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(pid as i32).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

fn runs(pid: u32) -> bool {
    let pid = rustix::process::Pid::from_raw(pid as i32).unwrap();
    rustix::process::test_kill_process(pid).is_ok()
}

fn ports_files(dir: &Path) -> usize {
    let names = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_string_lossy().ends_with(".ports")).count()
}

#[tokio::test]
async fn a_start_serves_who_has_a_password_and_a_stop_leaves_nothing() {
    let scratch = tempfile::tempdir().unwrap();
    let dir = scratch.path().join("a \"quoted\" dir");
    let natsd = start(&dir).await;
    let (pid, url, password) =
        (natsd.pid().unwrap(), natsd.url(), natsd.password(User::Ledger).to_owned());
    assert!(runs(pid));
    assert_eq!((natsd.port_changed(), ports_files(&dir)), (None, 1));
    let client = client(&natsd).await;
    let info = ask(&client, "$JS.API.INFO", "").await;
    assert_eq!(info["memory"], 0, "{info}");
    let anybody = async_nats::connect(natsd.url()).await;
    assert!(anybody.is_err(), "it took a client without a password");
    drop(client);
    natsd.stop().await;
    assert!(!runs(pid));
    assert_eq!(ports_files(&dir), 0);

    let again = start(&dir).await;
    assert_eq!((again.url(), again.password(User::Ledger)), (url, password.as_str()));
    again.stop().await;
}

#[tokio::test]
async fn the_server_was_told_to_fsync_and_where_to_end() {
    let scratch = tempfile::tempdir().unwrap();
    let natsd = start(scratch.path()).await;
    let varz = http_get(&natsd.monitor_url(), "/varz");
    let config = &varz["jetstream"]["config"];
    assert_eq!(config["sync_always"], true, "{config}");
    assert_eq!(config["max_storage"].as_u64(), Some(natsd.max_file_bytes()));
    assert_eq!(varz["host"], "127.0.0.1");
    assert_eq!(varz["max_payload"], 1_048_576);
    natsd.stop().await;
}

/// A GET by hand: the one request of these tests is not worth a client.
fn http_get(base: &str, path: &str) -> serde_json::Value {
    use std::io::{Read, Write};
    let address = base.strip_prefix("http://").unwrap();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[tokio::test]
async fn a_killed_server_comes_back_on_its_port_with_its_data() {
    let scratch = tempfile::tempdir().unwrap();
    let natsd = start(scratch.path()).await;
    let (first, url) = (natsd.pid().unwrap(), natsd.url());
    let monitor_url = natsd.monitor_url();
    let before = client(&natsd).await;
    create_stream(&before).await;
    for _ in 0..10 {
        ask(&before, "t", "kept").await;
    }
    send(first, rustix::process::Signal::KILL);
    let running = |state: &State| matches!(state, State::Running { pid } if *pid != first);
    wait_for(&natsd, running).await;
    assert_ne!(natsd.pid(), Some(first));
    assert_eq!((natsd.url(), natsd.monitor_url()), (url, monitor_url));
    assert_eq!(messages(&client(&natsd).await).await, 10);
    assert_eq!(ports_files(scratch.path()), 1);
    natsd.stop().await;
}

#[tokio::test]
async fn a_server_that_keeps_ending_is_given_up_and_a_restart_revives_it() {
    let scratch = tempfile::tempdir().unwrap();
    let natsd = start(scratch.path()).await;
    let mut kills = 0;
    let reason = loop {
        let settled = |state: &State| match state {
            State::Running { pid } => runs(*pid),
            State::Restarting => false,
            State::GaveUp { .. } => true,
        };
        match wait_for(&natsd, settled).await {
            State::Running { pid } => send(pid, rustix::process::Signal::KILL),
            State::Restarting => unreachable!(),
            State::GaveUp { reason } => break reason,
        }
        kills += 1;
        wait_for(&natsd, |state| !matches!(state, State::Running { .. })).await;
    };
    assert_eq!(kills, 6, "five restarts and no more");
    assert!(reason.contains("signal: 9") && reason.contains("Server is ready"), "{reason}");
    assert_eq!(natsd.pid(), None);
    natsd.restart();
    wait_for(&natsd, |state| matches!(state, State::Running { .. })).await;
    let revived = natsd.pid().unwrap();
    client(&natsd).await;
    // Its past is forgotten: it is started again as often as a new one.
    send(revived, rustix::process::Signal::KILL);
    wait_for(&natsd, |state| matches!(state, State::Running { pid } if *pid != revived)).await;
    natsd.stop().await;
}

#[tokio::test]
async fn a_restart_on_order_is_no_crash_and_keeps_the_port() {
    let scratch = tempfile::tempdir().unwrap();
    let natsd = start(scratch.path()).await;
    for _ in 0..7 {
        let before = natsd.pid();
        natsd.restart();
        let other = |state: &State| matches!(state, State::Running { pid } if Some(*pid) != before);
        wait_for(&natsd, other).await;
    }
    assert_eq!(http_get(&natsd.monitor_url(), "/varz")["port"], natsd.started.port);
    client(&natsd).await;
    natsd.stop().await;
}

#[tokio::test]
async fn a_second_start_on_the_directory_is_refused_and_harms_nothing() {
    let scratch = tempfile::tempdir().unwrap();
    let natsd = start(scratch.path()).await;
    let error = Natsd::start(&found(), unguarded(scratch.path())).await.unwrap_err();
    let own = std::process::id();
    assert!(matches!(error, StartError::Locked { pid: Some(pid), .. } if pid == own), "{error}");
    client(&natsd).await;
    natsd.stop().await;
    start(scratch.path()).await.stop().await;
}

#[tokio::test]
async fn a_taken_port_is_replaced_said_and_asked_for_again_next_time() {
    let scratch = tempfile::tempdir().unwrap();
    let first = start(scratch.path()).await;
    let familiar = first.started.port;
    first.stop().await;
    let squatter = std::net::TcpListener::bind(("127.0.0.1", familiar)).unwrap();
    let second = start(scratch.path()).await;
    let got = second.started.port;
    assert_eq!(second.port_changed(), Some((familiar, got)));
    assert_ne!(got, familiar);
    second.stop().await;
    drop(squatter);
    let third = start(scratch.path()).await;
    assert_eq!((third.port_changed(), third.started.port), (None, familiar));
    third.stop().await;
}

#[tokio::test]
async fn a_port_that_was_taken_for_a_moment_only_is_asked_for_again() {
    let scratch = tempfile::tempdir().unwrap();
    let first = start(scratch.path()).await;
    let familiar = first.started.port;
    first.stop().await;
    // Ends once, like a server that cannot listen. By then the port is free again.
    let late = scratch.path().join("late");
    let (moment, server) = (scratch.path().join("moment"), found().path);
    let script = format!(
        "[ $1 = --warm-up ] && exit
mkdir '{}' && exit 1
exec '{}' \"$@\"",
        moment.display(),
        server.display()
    );
    program::tests::install(&late, &script);
    let late = Found { path: late, ..found() };
    let natsd = Natsd::start(&late, unguarded(scratch.path())).await.unwrap();
    assert!(moment.exists());
    assert_eq!((natsd.port_changed(), natsd.started.port), (None, familiar));
    natsd.stop().await;
}

#[tokio::test]
async fn a_port_that_is_asked_for_becomes_the_familiar_one() {
    let scratch = tempfile::tempdir().unwrap();
    start(scratch.path()).await.stop().await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let settings = Settings { port: Some(free), ..unguarded(scratch.path()) };
    let natsd = Natsd::start(&found(), settings).await.unwrap();
    assert_eq!(natsd.url(), format!("nats://127.0.0.1:{free}"));
    natsd.stop().await;
    let again = start(scratch.path()).await;
    assert_eq!(again.url(), format!("nats://127.0.0.1:{free}"));
    again.stop().await;
}

#[tokio::test]
async fn a_dropped_server_ends_by_itself_and_frees_its_directory() {
    let scratch = tempfile::tempdir().unwrap();
    let natsd = start(scratch.path()).await;
    let pid = natsd.pid().unwrap();
    let mut state = natsd.state();
    drop(natsd);
    let end = async { while state.changed().await.is_ok() {} };
    tokio::time::timeout(PATIENCE, end).await.expect("the supervisor still runs");
    assert!(!runs(pid));
    assert_eq!(ports_files(scratch.path()), 0);
}

#[tokio::test]
async fn a_server_that_was_left_behind_is_ended_before_the_next_start() {
    let scratch = tempfile::tempdir().unwrap();
    start(scratch.path()).await.stop().await;
    // What a ledger that was killed without a guard leaves behind.
    let mut orphan = {
        let directory = directory::Directory::own(scratch.path()).unwrap();
        let lock = store::lock(&directory).unwrap();
        server::Server::spawn(&found().path, &Guard::Off, &directory, lock).unwrap()
    };
    let natsd = start(scratch.path()).await;
    assert!(orphan.ended().is_some(), "two servers ran on one store");
    assert_eq!(natsd.port_changed(), None);
    natsd.stop().await;
}

#[tokio::test]
async fn the_lock_of_the_store_is_held_by_the_server_itself() {
    let scratch = tempfile::tempdir().unwrap();
    let natsd = start(scratch.path()).await;
    let lock = std::fs::File::open(scratch.path().join("js.lock")).unwrap();
    assert!(lock.try_lock().is_err());
    natsd.stop().await;
    lock.try_lock().unwrap();
}

#[tokio::test]
async fn a_server_that_cannot_start_says_why_and_frees_the_directory() {
    let scratch = tempfile::tempdir().unwrap();
    std::fs::write(scratch.path().join("js"), "a file where the store should be").unwrap();
    let error = Natsd::start(&found(), unguarded(scratch.path())).await.unwrap_err();
    let StartError::Ended { tail, .. } = &error else { panic!("{error}") };
    assert!(tail.contains("Can't start JetStream"), "{error}");
    std::fs::remove_file(scratch.path().join("js")).unwrap();
    start(scratch.path()).await.stop().await;
}

#[tokio::test]
async fn a_start_that_fails_after_the_server_runs_stops_it() {
    let scratch = tempfile::tempdir().unwrap();
    // The port cannot be kept.
    std::fs::create_dir(scratch.path().join("port")).unwrap();
    let error = Natsd::start(&found(), unguarded(scratch.path())).await.unwrap_err();
    assert!(matches!(error, StartError::Directory { .. }), "{error}");
    let log = std::fs::read_to_string(scratch.path().join("nats.log")).unwrap();
    assert!(log.contains("Server is ready") && log.contains("Server Exiting"), "{log}");
}

#[tokio::test]
async fn a_program_that_is_missing_is_named() {
    let scratch = tempfile::tempdir().unwrap();
    let missing = Found { path: "/nowhere/nats-server".into(), ..found() };
    let error = Natsd::start(&missing, unguarded(scratch.path())).await.unwrap_err();
    assert!(error.to_string().starts_with("/nowhere/nats-server cannot be run"), "{error}");
}

#[tokio::test]
async fn an_abandoned_start_leaves_no_server() {
    let scratch = tempfile::tempdir().unwrap();
    let found = found();
    let start = Natsd::start(&found, unguarded(scratch.path()));
    assert!(tokio::time::timeout(Duration::ZERO, start).await.is_err());
    let deadline = Instant::now() + PATIENCE;
    let again = loop {
        match Natsd::start(&found, unguarded(scratch.path())).await {
            Ok(natsd) => break natsd,
            Err(StartError::Locked { .. }) => assert!(Instant::now() < deadline),
            Err(error) => panic!("{error}"),
        }
    };
    again.stop().await;
}

#[test]
fn passwords_are_not_printed() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let scratch = tempfile::tempdir().unwrap();
        let natsd = start(scratch.path()).await;
        let shown = format!("{natsd:?}");
        assert!(User::ALL.iter().all(|it| !shown.contains(natsd.password(*it))));
        natsd.stop().await;
    });
}
