//! Commands that the rules fail on.

use std::sync::atomic::{AtomicUsize, Ordering};

use events::{AccountId, CommandType, LicenseId};

use super::*;
use crate::health::Level;
use crate::refusals::ToKeep;

/// The same with an id.
fn named(
    id: &str,
    (account, kind): (&str, &str),
    mut document: Value,
) -> (Ask, oneshot::Receiver<Outcome>) {
    document["id"] = json!(id);
    ask(account, kind, &document)
}

fn allocated(account: &str) -> (Ask, oneshot::Receiver<Outcome>) {
    ask(account, "AllocateLicense", &json!({"license": "l", "product": "P", "quantity": 10}))
}

fn assigned(id: &str, account: &str, user: &str) -> (Ask, oneshot::Receiver<Outcome>) {
    let document = json!({"license": "l", "holders": [{"user": user}]});
    named(id, (account, "AssignSeat"), document)
}

/// Seats held of the one license of an account.
fn held(task: &Task, account: &str) -> i64 {
    let account = task.ledger.account(&AccountId::new(account).unwrap()).unwrap();
    account.license(&LicenseId::new("l").unwrap()).unwrap().held
}

/// Has commands judged together, and says what became of each: the sequence, or the code.
async fn committed(
    task: &mut Task,
    asked: impl IntoIterator<Item = (Ask, oneshot::Receiver<Outcome>)>,
) -> Vec<Result<u64, &'static str>> {
    let (asks, outcomes): (Vec<_>, Vec<_>) = asked.into_iter().unzip();
    task.commit(asks).await;
    let told = |mut it: oneshot::Receiver<Outcome>| match it.try_recv().unwrap() {
        Outcome::Accepted { sequence, .. } | Outcome::Repeated { sequence } => Ok(sequence),
        Outcome::Refused(refusal) => Err(refusal.code()),
        Outcome::Unavailable(why) => panic!("{why}"),
    };
    outcomes.into_iter().map(told).collect()
}

#[tokio::test]
async fn what_the_rules_fail_on_is_put_aside_and_the_others_go_on() {
    let bench = Bench::start().await;
    let mut task = bench.task().await;
    let (refusals, mut kept) = mpsc::channel(16);
    task.refusals = refusals;
    let first = committed(&mut task, [allocated("acme"), allocated("globex")]).await;
    assert_eq!(first, [Ok(1), Ok(1)]);
    task.besides = |request| assert!(!request.id.as_str().starts_with("poison"), "on purpose");
    let together = || {
        [
            assigned("c1", "acme", "ada"),
            assigned("poison-1", "acme", "eve"),
            assigned("c2", "globex", "bo"),
            assigned("poison-2", "initech", "eve"),
            assigned("c3", "acme", "cy"),
            assigned("poison-1", "acme", "eve"),
        ]
    };
    let told = committed(&mut task, together()).await;
    let poison = Err("poison");
    // There is no account initech: what is refused before the rules are through is no poison.
    let unknown = Err("account_not_found");
    assert_eq!(told, [Ok(2), poison, Ok(2), unknown, Ok(2), poison]);
    assert_eq!((held(&task, "acme"), held(&task, "globex")), (2, 1));
    assert_eq!(task.ledger.check(), Ok(()));
    let told = committed(&mut task, [assigned("poison-3", "acme", "eve")]).await;
    assert_eq!(told, [poison]);
    // Each is among the refusals by its id, so that a posted one is settled.
    let mut by_id = vec![];
    while let Ok(ToKeep::Refused(it)) = kept.try_recv() {
        by_id.push((it.command.to_string(), it.code));
    }
    by_id.retain(|it| it.1 == "poison");
    let ids: Vec<&str> = by_id.iter().map(|it| it.0.as_str()).collect();
    assert_eq!(ids, ["poison-1", "poison-1", "poison-3"]);
    assert_eq!(task.health.stop_code(), None);
    let found = task.health.judgement().findings;
    let found: Vec<_> = found.iter().map(|it| (it.code, it.level)).collect();
    assert_eq!(found, [("commands_poisoned", Level::Warn)]);
    // What stands on the log is what the state says, and the same command is judged by a release
    // that does not fail on it.
    let mut again = bench.task().await;
    assert_eq!((held(&again, "acme"), held(&again, "globex")), (2, 1));
    let told = committed(&mut again, [assigned("poison-1", "acme", "eve")]).await;
    assert_eq!(told, [Ok(3)]);
    bench.natsd.stop().await;
}

#[tokio::test]
async fn commands_that_fail_only_together_get_a_commit_each() {
    static JUDGED: AtomicUsize = AtomicUsize::new(0);
    let bench = Bench::start().await;
    let mut task = bench.task().await;
    assert_eq!(committed(&mut task, [allocated("acme")]).await, [Ok(1)]);
    task.besides = |request| {
        let first = request.id.as_str() == "c2" && JUDGED.fetch_add(1, Ordering::Relaxed) == 0;
        assert!(!first, "on purpose");
    };
    let together = ["c1", "c2", "c3"].map(|it| assigned(it, "acme", it));
    assert_eq!(committed(&mut task, together).await, [Ok(2), Ok(3), Ok(4)]);
    assert_eq!(held(&task, "acme"), 3);
    assert_eq!(task.health.judgement().findings, []);
    // The next ones share a commit again.
    let together = ["c4", "c5"].map(|it| assigned(it, "acme", it));
    assert_eq!(committed(&mut task, together).await, [Ok(5), Ok(5)]);
    bench.natsd.stop().await;
}

#[tokio::test]
async fn an_account_whose_clock_fails_rests_and_nobody_else_does() {
    let bench = Bench::start().await;
    let mut task = bench.task().await;
    let license = json!({"license": "l", "product": "P", "quantity": 1});
    let seats = json!({"license": "l", "holders": [{"user": "ada"}, {"user": "bo"}], "wait": true});
    let accounts = ["acme", "globex"];
    let asked =
        accounts.map(|it| [ask(it, "AllocateLicense", &license), ask(it, "AssignSeat", &seats)]);
    assert!(committed(&mut task, asked.into_iter().flatten()).await.iter().all(Result::is_ok));
    // Somebody waits in both: a start looks once whether they can be served.
    let mut task = bench.task().await;
    task.besides = |request| {
        let poison =
            request.command.kind() == CommandType::PassTime && request.account.as_str() == "acme";
        assert!(!poison, "on purpose");
    };
    let due = |task: &Task| task.ledger.due(task.clock.now(), usize::MAX);
    assert_eq!(due(&task).len(), 2);
    task.pass_time().await;
    let acme = AccountId::new("acme").unwrap();
    assert_eq!(due(&task), std::slice::from_ref(&acme), "the other one's time has passed");
    assert!(task.resting.rests(&acme) && !task.is_due());
    assert_eq!((task.rest, task.next_due(), task.health.stop_code()), (None, None, None));
    // Commands go on, and once it has rested it is asked again.
    let change = ask("globex", "ChangeLicense", &json!({"license": "l", "name": "L"}));
    assert!(committed(&mut task, [change]).await[0].is_ok());
    task.besides = |_| {};
    tokio::time::sleep_until(task.resting.next().unwrap()).await;
    assert!(task.is_due());
    task.pass_time().await;
    assert_eq!(due(&task), []);
    assert!(!task.is_due() && task.resting.next().is_none(), "nothing is remembered of it");
    bench.natsd.stop().await;
}
