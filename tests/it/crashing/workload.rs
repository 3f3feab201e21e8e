//! A ledger under load that is killed and started again.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::faults::dice::Dice;
use crate::faults::producer::{Book, Doors, Order, Play, SharedBook, Told, produce};
use crate::faults::replay::Replay;
use crate::faults::{say, told};
use crate::ledger::{Ledger, PATIENCE, signal};

/// Times that a ledger starts its nats-server again within a minute before it gives it up.
const NATS_LIVES: u32 = 5;

/// Who is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Victim {
    Ledger,
    Nats,
    Both,
}

/// Producers at work, and what they were told.
pub struct Workload {
    dir: TempDir,
    ledger: Option<Ledger>,
    /// How often nats-server was killed under this ledger.
    nats_kills: u32,
    doors: watch::Sender<Doors>,
    book: SharedBook,
    stop: CancellationToken,
    producers: Vec<JoinHandle<()>>,
}

impl Workload {
    pub async fn start(dice: &Dice, producers: u64) -> Workload {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::start_in(dir.path()).await;
        let book = SharedBook::new(Mutex::new(Book::default()));
        let play = Play::small();
        let (doors, _) = watch::channel(Doors::of(&ledger).await);
        for order in play.licenses(4) {
            let told = doors.borrow().clone().post(&order).await;
            book.lock().unwrap().note(&order, told, true);
        }
        let stop = CancellationToken::new();
        let producers = (0..producers)
            .map(|number| {
                let (book, stop, doors) = (Arc::clone(&book), stop.clone(), doors.subscribe());
                let (dice, play) = (dice.other(number), play.clone());
                tokio::spawn(produce(format!("p{number}"), dice, play, doors, book, stop))
            })
            .collect();
        Workload { dir, ledger: Some(ledger), nats_kills: 0, doors, book, stop, producers }
    }

    fn ledger(&self) -> &Ledger {
        self.ledger.as_ref().unwrap()
    }

    /// `kill -9`, and whoever is gone is started again.
    pub async fn kill(&mut self, victim: Victim) {
        // A ledger gives its nats-server up after so many crashes, as it should.
        let alone = victim == Victim::Nats && self.nats_kills < NATS_LIVES;
        let nats = self.nats_pid().unwrap();
        if alone {
            signal(nats, "KILL");
            self.nats_kills += 1;
            self.until_nats_is_another_than(nats).await;
            self.doors.send_replace(Doors::of(self.ledger()).await);
            return;
        }
        let ledger = self.ledger.take().unwrap();
        if victim != Victim::Ledger {
            // Stopped first, so that it cannot start another one in between.
            signal(ledger.pid(), "STOP");
            signal(nats, "KILL");
        }
        ledger.kill().await;
        self.start_again().await;
    }

    /// SIGTERM, and started again.
    pub async fn stop_and_start(&mut self) {
        let ledger = self.ledger.take().unwrap();
        assert!(ledger.stop().await.success(), "it does not end well");
        self.start_again().await;
    }

    async fn start_again(&mut self) {
        self.ledger = Some(Ledger::start_in(self.dir.path()).await);
        self.nats_kills = 0;
        self.doors.send_replace(Doors::of(self.ledger()).await);
    }

    /// The nats-server of now; the ready line tells of the first one only.
    fn nats_pid(&self) -> Option<u32> {
        let text = std::fs::read_to_string(self.dir.path().join("nats/pid")).ok()?;
        // It may be just being written.
        text.trim().parse().ok()
    }

    async fn until_nats_is_another_than(&self, pid: u32) {
        let begin = Instant::now();
        let another = || self.nats_pid().is_some_and(|it| it != pid);
        while !another() || !self.takes_commands().await {
            assert!(begin.elapsed() < PATIENCE, "nats-server is not started again");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Whether a command that changes nothing is answered.
    async fn takes_commands(&self) -> bool {
        let order = Play::small().licenses(4).remove(0);
        let doors = self.doors.borrow().clone();
        matches!(doors.post(&order).await, Told::Accepted { .. })
    }

    /// Everything acknowledged until now is on the log exactly once, and the log is whole.
    pub async fn is_all_there(&self) {
        // What is acknowledged while the log is read may be missing from it.
        let acknowledged = {
            let book = self.book.lock().unwrap();
            book.accepted.clone()
        };
        let replay = Replay::of(&self.ledger().nats().await).await;
        for (key, told) in &acknowledged {
            assert_eq!(replay.commands.get(key), Some(told), "{key:?} was acknowledged");
        }
    }

    /// Ends the work and looks at everything. Gives back the folder of the stopped ledger, and
    /// where its log ends.
    pub async fn end(mut self) -> (TempDir, u64) {
        self.stop.cancel();
        for producer in self.producers.drain(..) {
            producer.await.unwrap();
        }
        self.ask_again().await;
        let replay = Replay::of(&self.ledger().nats().await).await;
        let ledger = self.ledger.take().unwrap();
        {
            let book = self.book.lock().unwrap();
            let (accepted, refused) = (book.accepted.len(), book.refused.len());
            say(&format!("{accepted} accepted, {refused} refused, {} commits", replay.last()));
            assert!(accepted > 20, "there was no load");
            book.agrees(&replay);
        }
        told::agrees(&ledger, &replay).await;
        told::rebuilt_the_same(&ledger);
        told::agrees(&ledger, &replay).await;
        assert!(ledger.stop().await.success());
        (self.dir, replay.last())
    }

    /// Asks for every outcome that is not known, twice: it is the same both times.
    async fn ask_again(&self) {
        let unknown: Vec<Order> = self.book.lock().unwrap().unknown.values().cloned().collect();
        say(&format!("{} outcomes are not known", unknown.len()));
        let doors = self.doors.borrow().clone();
        for order in unknown {
            let first = doors.ask(&order).await;
            let second = doors.post(&order).await;
            match (&first, &second) {
                (
                    Told::Accepted { sequence, events, .. },
                    Told::Accepted { sequence: again, events: also, replayed },
                ) if !events.is_empty() => {
                    assert!(*replayed, "{order:?}: {second:?}");
                    assert_eq!((sequence, events), (again, also), "{order:?}");
                }
                (Told::Unknown(_), _) | (_, Told::Unknown(_)) => {
                    panic!("{order:?}: {first:?}, {second:?}")
                }
                _ => assert_eq!(first, second, "{order:?}"),
            }
            self.book.lock().unwrap().note(&order, first, false);
        }
    }
}
