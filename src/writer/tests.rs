//! The writer's task on a real nats-server, one step at a time.

mod poisoned;

use events::request::{Address, Via};
use events::{By, CommandId};
use serde_json::{Value, json};

use super::*;
use crate::log;
use crate::natsd::Natsd;
use crate::projector::Models;

/// Far above what any step takes here, so that only a hang reaches it.
const PATIENCE: Duration = Duration::from_secs(20);

/// A log, and read models that nobody feeds.
struct Bench {
    natsd: Natsd,
    log: Log,
    models: Models,
    _dir: tempfile::TempDir,
}

impl Bench {
    async fn start() -> Bench {
        let dir = tempfile::tempdir().unwrap();
        let (natsd, log) = log::tests::opened(dir.path()).await;
        let models = Models::open(dir.path().join("read")).unwrap();
        Bench { natsd, log, models, _dir: dir }
    }

    /// A writer that has read the log.
    async fn task(&self) -> Task {
        let parts = Parts {
            log: self.log.clone(),
            views: self.models.views(),
            refusals: mpsc::channel(1).0,
            health: Health::new(),
            clock: Clock::real(),
        };
        let mut task = Task::new(parts, CancellationToken::new());
        assert!(task.read_log().await);
        task.health.ready();
        task
    }
}

fn ask(account: &str, kind: &str, document: &Value) -> (Ask, oneshot::Receiver<Outcome>) {
    let address = Address { account, kind, key: None, via: Via::Nats };
    let made = || CommandId::new(uuid::Uuid::now_v7().to_string()).unwrap();
    let request =
        Request::read(&address, By::local(), document.to_string().as_bytes(), made).unwrap();
    let (reply, outcome) = oneshot::channel();
    (Ask { request, reply }, outcome)
}

#[tokio::test]
async fn accounts_that_had_nothing_to_record_do_not_make_the_clock_rest() {
    const ACCOUNTS: usize = 200;
    let bench = Bench::start().await;
    let mut task = bench.task().await;
    let license = json!({"license": "l", "product": "P", "quantity": 1});
    let seats =
        json!({"license": "l", "holders": [{"user": "ada"}, {"user": "bob"}], "wait": true});
    let asked = (0..ACCOUNTS).flat_map(|it| {
        let account = format!("a{it}");
        [ask(&account, "AllocateLicense", &license), ask(&account, "AssignSeat", &seats)]
    });
    let (asks, outcomes): (Vec<_>, Vec<_>) = asked.unzip();
    task.commit(asks).await;
    for mut outcome in outcomes {
        assert!(matches!(outcome.try_recv(), Ok(Outcome::Accepted { .. })));
    }
    // Somebody waits in each of them, and nobody can be served: a start looks once.
    let mut task = bench.task().await;
    let now = task.clock.now();
    assert_eq!(task.ledger.due(now, usize::MAX).len(), ACCOUNTS);
    let mut passes = 0;
    while task.is_due() {
        task.pass_time().await;
        passes += 1;
    }
    assert_eq!(task.ledger.next_due(), None, "after {passes} passes the clock rests");
    assert_eq!(task.rest, None);
    bench.natsd.stop().await;
}

#[tokio::test]
async fn a_stop_ends_what_cannot_be_judged_without_the_log() {
    let bench = Bench::start().await;
    let mut task = bench.task().await;
    let (asked, mut outcome) =
        ask("acme", "LeaveWaitlist", &json!({"license": "l", "holders": [{"user": "ada"}]}));
    bench.natsd.stop().await;
    task.stop.cancel();
    tokio::time::timeout(PATIENCE, task.commit(vec![asked])).await.expect("it goes on for ever");
    let told = outcome.try_recv();
    assert!(matches!(told, Ok(Outcome::Unavailable(Unavailable::Stopping))), "{told:?}");
}
