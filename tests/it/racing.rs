//! Many producers race for the last seats.

use std::sync::{Arc, Mutex};

use serde_json::json;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::faults::dice::Dice;
use crate::faults::producer::{Book, Doors, Order, Play, SharedBook, Told, produce};
use crate::faults::replay::Replay;
use crate::faults::{say, setting, told};
use crate::ledger::Ledger;

/// Each producer wants one seat for one holder; there are fewer seats than producers.
#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_producers_get_exactly_the_seats_there_are() {
    let ledger = Ledger::start().await;
    let seats = [("few", 5_u64), ("some", 11), ("none", 0)];
    for (license, quantity) in seats {
        let document = json!({"license": license, "product": license, "quantity": quantity});
        ledger.accepted("acme", "AllocateLicense", &document).await;
    }
    let mut racers = vec![];
    for number in 0..64 {
        let doors = Doors::of(&ledger).await;
        racers.push(tokio::spawn(async move {
            let mut told = vec![];
            for (license, _) in seats {
                // Half of them name the license, half the product; it is the same seat.
                let by = ["license", "product"][number % 2];
                let holder = json!({"user": format!("u{number}")});
                let id = format!("{license}-{number}");
                let document = json!({"id": id, by: license, "holders": [holder]});
                told.push(doors.ask(&Order::new("acme", "AssignSeat", document)).await);
            }
            told
        }));
    }
    let mut told = vec![];
    for racer in racers {
        told.push(racer.await.unwrap());
    }
    let replay = Replay::of(&ledger.nats().await).await;
    for (place, (license, quantity)) in seats.into_iter().enumerate() {
        let of_license: Vec<_> = told.iter().map(|it| &it[place]).collect();
        let got = of_license.iter().filter(|it| matches!(it, Told::Accepted { .. })).count();
        assert_eq!(got as u64, quantity, "{license}: {of_license:?}");
        let refused = Told::Refused("no_free_seat".to_owned());
        let without = of_license.iter().filter(|it| ***it == refused).count();
        assert_eq!(without, 64 - got, "{license}: {of_license:?}");
        let logged = &replay.licenses[&("acme".to_owned(), license.to_owned())];
        assert_eq!(logged.used() as u64, quantity, "{license}");
    }
    told::agrees(&ledger, &replay).await;
}

/// Everything at once: assigned by license and by product, revoked, quantities up and down, repeats.
#[tokio::test(flavor = "multi_thread")]
async fn producers_in_each_others_way_are_each_told_what_the_log_says() {
    let dice = Dice::of_test("racing", 1);
    let producers = setting("SEATLEDGER_RACE_PRODUCERS", 24);
    let millis = setting("SEATLEDGER_RACE_MILLIS", 1_500);
    let ledger = Ledger::start().await;
    let book = SharedBook::new(Mutex::new(Book::default()));
    let play = Play::small();
    let doors = Doors::of(&ledger).await;
    for order in play.licenses(4) {
        let told = doors.post(&order).await;
        book.lock().unwrap().note(&order, told, true);
    }
    let stop = CancellationToken::new();
    let mut tasks = vec![];
    for number in 0..producers {
        let (_, doors) = watch::channel(Doors::of(&ledger).await);
        let (book, stop) = (Arc::clone(&book), stop.clone());
        let name = format!("p{number}");
        let producer = produce(name, dice.other(number), play.clone(), doors, book, stop);
        tasks.push(tokio::spawn(producer));
    }
    tokio::time::sleep(std::time::Duration::from_millis(millis)).await;
    stop.cancel();
    for task in tasks {
        task.await.unwrap();
    }
    let replay = Replay::of(&ledger.nats().await).await;
    {
        let book = book.lock().unwrap();
        say(&format!(
            "{} accepted, {} refused, {} commits",
            book.accepted.len(),
            book.refused.len(),
            replay.last()
        ));
        assert!(
            book.unknown.is_empty(),
            "nothing failed, so nothing is unknown: {:?}",
            book.unknown
        );
        assert!(book.refused.values().any(|it| it == "no_free_seat"), "there was no race");
        book.agrees(&replay);
    }
    told::agrees(&ledger, &replay).await;
    told::rebuilt_the_same(&ledger);
    told::agrees(&ledger, &replay).await;
}

/// The same command at the same time through many connections happens once.
#[tokio::test(flavor = "multi_thread")]
async fn one_command_sent_by_many_at_once_happens_once() {
    let ledger = Ledger::start().await;
    let license = json!({"license": "l", "product": "P", "quantity": 100});
    ledger.accepted("acme", "AllocateLicense", &license).await;
    let mut doors = vec![];
    for _ in 0..16 {
        doors.push(Doors::of(&ledger).await);
    }
    for round in 0..10 {
        let holder = json!({"user": format!("u{round}")});
        let document = json!({"id": format!("c{round}"), "license": "l", "holders": [holder]});
        let order = Order::new("acme", "AssignSeat", document);
        let mut told = vec![];
        for (number, doors) in doors.iter().cloned().enumerate() {
            let order = order.clone();
            told.push(tokio::spawn(async move {
                match number % 2 {
                    0 => doors.ask(&order).await,
                    _ => doors.post(&order).await,
                }
            }));
        }
        let (mut firsts, mut outcomes) = (0, vec![]);
        for told in told {
            match told.await.unwrap() {
                Told::Accepted { sequence, replayed, events } => {
                    firsts += usize::from(!replayed);
                    outcomes.push((sequence, events));
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(firsts, 1, "{outcomes:?}");
        outcomes.dedup();
        assert_eq!(outcomes.len(), 1, "{outcomes:?}");
    }
    let replay = Replay::of(&ledger.nats().await).await;
    assert_eq!(replay.commands.len(), 11);
    told::agrees(&ledger, &replay).await;
}
