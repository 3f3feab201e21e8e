//! Two processes write one log: the fence decides, and nobody notices which one answered.

mod late;
mod pair;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::faults::dice::Dice;
use crate::faults::producer::{Book, Doors, Order, Play, SharedBook, Told, produce};
use crate::faults::replay::Replay;
use crate::faults::{say, setting};
use crate::ledger::signal;
use pair::Pair;

fn assign(id: &str, user: &str) -> Order {
    let document = json!({"id": id, "license": "l", "holders": [{"user": user}]});
    Order::new("acme", "AssignSeat", document)
}

fn revoke(id: &str, user: &str) -> Order {
    let document = json!({"id": id, "license": "l", "holders": [{"user": user}]});
    Order::new("acme", "RevokeAssignment", document)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_under_load_make_one_whole_log() {
    let dice = Dice::of_test("two writers", 21);
    let pair = Pair::start().await;
    let book = SharedBook::new(Mutex::new(Book::default()));
    let play = Play::small();
    for order in play.licenses(4) {
        let told = Doors::of(&pair.one).await.post(&order).await;
        book.lock().unwrap().note(&order, told, true);
    }
    let stop = CancellationToken::new();
    let mut tasks = vec![];
    for number in 0..16 {
        // Over NATS whoever is free answers; over HTTP half of them ask the one, half the other.
        let ledger = if number % 2 == 0 { &pair.one } else { &pair.two };
        let (_, doors) = watch::channel(Doors::of(ledger).await);
        let (book, stop) = (Arc::clone(&book), stop.clone());
        let producer =
            produce(format!("p{number}"), dice.other(number), play.clone(), doors, book, stop);
        tasks.push(tokio::spawn(producer));
    }
    tokio::time::sleep(Duration::from_millis(setting("SEATLEDGER_RACE_MILLIS", 1_500))).await;
    stop.cancel();
    for task in tasks {
        task.await.unwrap();
    }
    let replay = Replay::of(&pair.nats.client().await).await;
    {
        let book = book.lock().unwrap();
        say(&format!("{} accepted, {} commits", book.accepted.len(), replay.last()));
        assert!(book.unknown.is_empty(), "{:?}", book.unknown);
        book.agrees(&replay);
    }
    pair.says(&replay).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_command_sent_to_both_at_once_happens_once() {
    let pair = Pair::with_license(1_000).await;
    let (one, two) = (Doors::of(&pair.one).await, Doors::of(&pair.two).await);
    for n in 0..40 {
        let order = assign(&format!("c{n}"), &format!("u{n}"));
        let told = tokio::join!(one.post(&order), two.post(&order));
        match told {
            (
                Told::Accepted { sequence, replayed, events },
                Told::Accepted { sequence: other, replayed: again, events: same },
            ) => {
                assert_eq!((sequence, &events), (other, &same), "{order:?}");
                assert!(replayed != again, "{order:?} happened {replayed} {again}");
                assert_eq!(events.len(), 1);
            }
            other => panic!("{other:?}"),
        }
    }
    let replay = Replay::of(&pair.nats.client().await).await;
    assert_eq!(replay.commands.len(), 41);
    pair.says(&replay).await;
}

/// The last seat, wanted through both at the same time.
#[tokio::test(flavor = "multi_thread")]
async fn the_last_seat_goes_to_one_of_two_who_ask_different_processes() {
    let pair = Pair::with_license(1).await;
    let (one, two) = (Doors::of(&pair.one).await, Doors::of(&pair.two).await);
    for n in 0..30 {
        let (left, right) = (format!("a{n}"), format!("b{n}"));
        let orders = (assign(&left, &left), assign(&right, &right));
        let told = tokio::join!(one.post(&orders.0), two.post(&orders.1));
        let refused = Told::Refused("no_free_seat".to_owned());
        let holder = match (&told.0, &told.1) {
            (Told::Accepted { .. }, it) if *it == refused => left,
            (it, Told::Accepted { .. }) if *it == refused => right,
            _ => panic!("{told:?}"),
        };
        let freed = one.post(&revoke(&format!("r{n}"), &holder)).await;
        assert!(matches!(&freed, Told::Accepted { events, .. } if events.len() == 1), "{freed:?}");
    }
    pair.says(&Replay::of(&pair.nats.client().await).await).await;
}

/// Whoever was told that something is so may rely on it, whichever process is asked next.
#[tokio::test(flavor = "multi_thread")]
async fn what_one_process_acknowledged_the_other_one_takes_into_account() {
    let pair = Pair::with_license(1).await;
    let doors = [Doors::of(&pair.one).await, Doors::of(&pair.two).await];
    for n in 0..60 {
        let user = format!("u{n}");
        let (here, there) = (&doors[n % 2], &doors[(n + 1) % 2]);
        let told = here.post(&assign(&format!("a{n}"), &user)).await;
        let got = |it: &Told| matches!(it, Told::Accepted { events, .. } if events.len() == 1);
        assert!(got(&told), "{n}: the seat is free: {told:?}");
        // The same command again, elsewhere: the same outcome.
        let again = there.post(&assign(&format!("a{n}"), &user)).await;
        assert!(matches!(&again, Told::Accepted { replayed: true, .. }), "{n}: {again:?}");
        // The holder is known there, too, and gives it back.
        let told = there.post(&revoke(&format!("r{n}"), &user)).await;
        assert!(got(&told), "{n}: {user} has a seat: {told:?}");
    }
    pair.says(&Replay::of(&pair.nats.client().await).await).await;
}

/// Its commands wait in its sockets while it sleeps; the world goes on meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_slept_decides_by_what_happened_meanwhile() {
    let pair = Pair::with_license(2).await;
    let (one, two) = (Doors::of(&pair.one).await, Doors::of(&pair.two).await);
    let got = |it: &Told| matches!(it, Told::Accepted { events, .. } if events.len() == 1);
    for n in 0..setting("SEATLEDGER_SLEEPS", 5) {
        // `stays` has a seat all the while; `goes` gives one back while the other process sleeps.
        for user in ["stays", "goes"] {
            let told = two.post(&assign(&format!("{user}-{n}"), user)).await;
            assert!(matches!(told, Told::Accepted { .. }), "{told:?}");
        }
        signal(pair.two.pid(), "STOP");
        assert!(got(&one.post(&revoke(&format!("free-{n}"), "goes")).await));
        // Asked now, answered when it wakes up. By then only the first has a seat.
        let asked = [assign(&format!("back-{n}"), "goes"), assign(&format!("late-{n}"), "late")];
        let asked = asked.map(|order| {
            let two = two.clone();
            tokio::spawn(async move { two.post(&order).await })
        });
        tokio::time::sleep(Duration::from_millis(300)).await;
        signal(pair.two.pid(), "CONT");
        let [back, late] = asked;
        let (back, late) = (back.await.unwrap(), late.await.unwrap());
        // One seat was free: one of the two has got it, for good, and the log says so.
        let replay = Replay::of(&pair.nats.client().await).await;
        let live = &replay.licenses[&("acme".to_owned(), "l".to_owned())].live;
        for (user, told) in [("goes", &back), ("late", &late)] {
            let accepted = matches!(told, Told::Accepted { .. });
            assert_eq!(live.contains_key(user), accepted, "{n}: {user} was told {told:?}");
        }
        assert!(got(&back) != got(&late), "{n}: one seat was free: {back:?}, {late:?}");
        for user in ["goes", "late", "stays"] {
            let told = one.post(&revoke(&format!("end-{user}-{n}"), user)).await;
            assert!(!matches!(told, Told::Unknown(_)), "{told:?}");
        }
    }
    pair.says(&Replay::of(&pair.nats.client().await).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_of_the_one_is_a_moment_that_the_other_can_be_asked_about() {
    let pair = Pair::with_license(1_000).await;
    for n in 0..30 {
        let document = json!({"license": "l", "holders": [{"user": format!("u{n}")}]});
        let receipt = pair.one.accepted("acme", "AssignSeat", &document).await;
        // It may not have read the newest commit yet; that the log has it is enough.
        let path = format!("/v1/accounts/acme/checks?user=u{n}&license=l&at={receipt}");
        let answer = pair.two.get(&path).await;
        assert_eq!((answer.status, &answer.json()["allowed"]), (200, &json!(true)), "{receipt}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn when_one_process_is_killed_the_other_one_answers() {
    let mut pair = Pair::with_license(10_000).await;
    let client = pair.nats.client().await;
    for round in 0..3 {
        let doors = Doors::of(&pair.one).await;
        let before = doors.ask(&assign(&format!("before-{round}"), &format!("b{round}"))).await;
        assert!(matches!(before, Told::Accepted { .. }), "{before:?}");
        let killed = Instant::now();
        pair.kill_two().await;
        // Over NATS nobody knows that there were two.
        let mut answered = vec![];
        for n in 0..20 {
            let order = assign(&format!("after-{round}-{n}"), &format!("a{round}-{n}"));
            loop {
                match doors.ask(&order).await {
                    Told::Accepted { .. } => break,
                    Told::Refused(code) => panic!("{order:?}: {code}"),
                    Told::Unknown(_) => {}
                }
                assert!(killed.elapsed() < Duration::from_secs(10), "nobody answers");
            }
            answered.push(killed.elapsed());
        }
        say(&format!("round {round}: the first answer after {:?}", answered[0]));
        assert!(answered[0] < Duration::from_secs(5), "the first answer after {:?}", answered[0]);
        pair.start_two().await;
        pair.says(&Replay::of(&client).await).await;
    }
}

/// Posted commands are shared out; a process that dies with some of them loses none.
#[tokio::test(flavor = "multi_thread")]
async fn posted_commands_are_worked_on_once_though_two_processes_take_them() {
    let mut pair = Pair::with_license(10_000).await;
    let client = pair.nats.client().await;
    let jetstream = async_nats::jetstream::new(client.clone());
    let count = 300;
    for n in 0..count {
        let order = assign(&format!("posted-{n}"), &format!("u{n}"));
        let payload = order.document.to_string().into();
        jetstream.publish("seatledger.post.acme.AssignSeat", payload).await.unwrap().await.unwrap();
        if n == count / 2 {
            pair.kill_two().await;
        }
    }
    pair.start_two().await;
    let path = |n| format!("/v1/accounts/acme/commands/posted-{n}");
    for n in 0..count {
        let begin = Instant::now();
        let outcome: Value = loop {
            let outcome = pair.one.get(&path(n)).await;
            if outcome.status == 200 {
                break outcome.json();
            }
            // What a dead process had taken comes again when its time is over.
            assert!(begin.elapsed() < Duration::from_secs(40), "posted-{n} has no outcome");
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        assert_eq!(outcome["outcome"], "accepted", "{outcome}");
    }
    let replay = Replay::of(&client).await;
    assert_eq!(replay.commands.len(), count + 1);
    pair.says(&replay).await;
}
