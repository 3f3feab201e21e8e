//! Those who use the ledgers all the while: over NATS, over HTTP to the one and to the other, and
//! by posting.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_nats::jetstream;
use futures_util::{StreamExt as _, stream};
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::ledgers::LEDGERS;
use crate::faults::dice::Dice;
use crate::faults::producer::{Book, Doors, Order, Play, SharedBook, Told};
use crate::faults::replay::Replay;
use crate::faults::{say, setting};
use crate::ledger::PATIENCE;

/// Callers, unless the environment says otherwise.
const CALLERS: u64 = 32;

/// Every how many-th of them posts.
const POSTS: u64 = 8;

/// Connections to NATS that they share.
const CONNECTIONS: usize = 4;

/// Pause before the same command is sent again.
const AGAIN: Duration = Duration::from_millis(30);

/// Pause of a caller between two commands, in milliseconds, unless the environment says otherwise:
/// the cluster has two cores, and whoever else runs there.
const PAUSE: u64 = 40;

/// Outcomes that are asked for at once in the end.
const AT_ONCE: usize = 64;

/// How long a post waits for its acknowledgement.
const POST_WAIT: Duration = Duration::from_secs(2);

/// How long a try may be under way after its sender has given it up: the ledger judges nothing that
/// has waited for 10 s. What is refused after that is refused.
const UNDER_WAY: Duration = Duration::from_secs(12);

/// Seats of the license that posted commands give out.
const POSTED_SEATS: u64 = 100_000_000;

/// Where an answer came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    Nats,
    Http(usize),
}

/// When commands were acknowledged.
pub struct Flow {
    begin: Instant,
    times: Mutex<Vec<(Duration, Lane)>>,
}

impl Flow {
    fn note(&self, lane: Lane) {
        self.times.lock().unwrap().push((self.begin.elapsed(), lane));
    }

    pub fn now(&self) -> Duration {
        self.begin.elapsed()
    }

    pub fn count(&self) -> usize {
        self.times.lock().unwrap().len()
    }

    /// The longest time without any acknowledgement over these lanes, from a moment on until now.
    pub fn silence(&self, since: Duration, lanes: impl Fn(Lane) -> bool) -> Duration {
        let (mut before, mut longest) = (since, Duration::ZERO);
        let times = self.times.lock().unwrap();
        let begin = times.partition_point(|it| it.0 < since);
        for (at, _) in times[begin..].iter().filter(|it| lanes(it.1)) {
            longest = longest.max(at.saturating_sub(before));
            before = *at;
        }
        longest.max(self.now().saturating_sub(before))
    }
}

/// What was posted, and whether the queue has acknowledged it: then it must come to be.
type SharedPosts = Arc<Mutex<BTreeMap<(String, String), bool>>>;

/// All of them, at work.
pub struct Callers {
    pub flow: Arc<Flow>,
    pub book: SharedBook,
    posts: SharedPosts,
    doors: watch::Sender<Vec<Doors>>,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl Callers {
    /// Makes the licenses, then begins. `urls` are those of the nodes, `http` those of the ledgers.
    pub async fn start(dice: &Dice, urls: &[String], http: &[String]) -> Callers {
        let mut clients = vec![];
        for _ in 0..CONNECTIONS {
            clients.push(super::nodes::client(urls).await);
        }
        let doors = http.iter().map(|it| Doors::at(clients[0].clone(), it.clone())).collect();
        let (doors, _) = watch::channel(doors);
        let callers = Callers {
            flow: Arc::new(Flow { begin: Instant::now(), times: Mutex::default() }),
            book: SharedBook::new(Mutex::new(Book::default())),
            posts: SharedPosts::default(),
            doors,
            stop: CancellationToken::new(),
            tasks: vec![],
        };
        callers.begin(dice, &clients).await
    }

    async fn begin(mut self, dice: &Dice, clients: &[async_nats::Client]) -> Callers {
        let play = Play::small();
        let posted = |account: &String| {
            let document = json!({"id": "allocate-posted", "license": "posted", "product": "Q",
                "quantity": POSTED_SEATS});
            Order::new(account, "AllocateLicense", document)
        };
        for order in play.licenses(4).into_iter().chain(play.accounts.iter().map(posted)) {
            let told = until_known(&self.doors.borrow().clone(), &order, AGAIN).await;
            self.book.lock().unwrap().note(&order, told, true);
        }
        let pause = Duration::from_millis(setting("SEATLEDGER_CLUSTER_PAUSE", PAUSE));
        for number in 0..setting("SEATLEDGER_CLUSTER_CALLERS", CALLERS) {
            let nats = clients[number as usize % clients.len()].clone();
            let (book, posts) = (Arc::clone(&self.book), Arc::clone(&self.posts));
            let (flow, doors) = (Arc::clone(&self.flow), self.doors.subscribe());
            let (dice, play) = (dice.other(number), play.clone());
            let caller = Caller { number, dice, play, nats, doors, book, posts, flow, pause };
            let stop = self.stop.clone();
            self.tasks.push(tokio::spawn(async move {
                match number % POSTS == POSTS - 1 {
                    true => caller.post(&stop).await,
                    false => caller.call(&stop).await,
                }
            }));
        }
        self
    }

    /// A ledger has another address now.
    pub fn moved(&self, ledger: usize, http: String) {
        self.doors.send_modify(|doors| doors[ledger] = Doors::at(doors[0].nats.clone(), http));
    }

    /// What has been told goes against what had been told before: that ends a caller at once.
    pub fn are_content(&self) -> bool {
        !self.tasks.iter().any(JoinHandle::is_finished)
    }

    /// What is not on a log that was read after `acknowledged` was noted.
    pub fn lost(&self, acknowledged: &Acknowledged, replay: &Replay) -> Vec<String> {
        let lost =
            acknowledged.0.iter().filter(|(key, told)| replay.commands.get(key) != Some(told));
        lost.map(|it| format!("{it:?} was acknowledged")).collect()
    }

    /// Everything acknowledged with a sequence after this one.
    pub fn acknowledged(&self, after: u64) -> Acknowledged {
        let book = self.book.lock().unwrap();
        let accepted = book.accepted.iter().filter(|it| it.1.0 > after);
        Acknowledged(accepted.map(|(key, told)| (key.clone(), told.clone())).collect())
    }

    /// Ends the work, and asks for every outcome that is not known, except what was posted. The
    /// answer is the last word: nothing is under way any more.
    pub async fn end(&mut self) {
        self.stop.cancel();
        for task in self.tasks.drain(..) {
            task.await.expect("no caller was told two things");
        }
        let unknown: Vec<Order> = {
            let (book, posts) = (self.book.lock().unwrap(), self.posts.lock().unwrap());
            let asked = book.unknown.iter().filter(|it| !posts.contains_key(it.0));
            asked.map(|it| it.1.clone()).collect()
        };
        say(&format!("{} outcomes are asked for again", unknown.len()));
        tokio::time::sleep(UNDER_WAY).await;
        let doors = self.doors.borrow().clone();
        let twice = |order: Order| {
            let doors = &doors;
            async move {
                let first = until_known(doors, &order, UNDER_WAY).await;
                let second = until_known(doors, &order, UNDER_WAY).await;
                (order, first, second)
            }
        };
        let mut told = stream::iter(unknown).map(twice).buffer_unordered(AT_ONCE);
        while let Some((order, first, second)) = told.next().await {
            match (&first, &second) {
                (Told::Accepted { events, .. }, Told::Accepted { replayed, .. })
                    if !events.is_empty() =>
                {
                    assert!(*replayed, "{order:?}: {first:?}, then {second:?}");
                }
                // What writes nothing binds nothing, and others are asked meanwhile.
                (Told::Accepted { events, .. }, _) if events.is_empty() => {}
                (Told::Refused(_), _) => {}
                _ => panic!("{order:?}: {first:?}, then {second:?}"),
            }
            let mut book = self.book.lock().unwrap();
            book.note(&order, first, false);
            book.note(&order, second, false);
        }
    }

    /// How many commands that the queue has acknowledged are not on the log.
    pub fn waiting_posts(&self, replay: &Replay) -> usize {
        let posts = self.posts.lock().unwrap();
        posts.iter().filter(|it| *it.1 && !replay.commands.contains_key(it.0)).count()
    }
}

impl Drop for Callers {
    fn drop(&mut self) {
        self.stop.cancel();
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// What was acknowledged until some moment.
pub struct Acknowledged(Vec<((String, String), (u64, Vec<String>))>);

/// Asks the ledgers in turn until one knows, with a pause in between.
async fn until_known(doors: &[Doors], order: &Order, pause: Duration) -> Told {
    let begin = Instant::now();
    for door in doors.iter().cycle() {
        let told = door.post(order).await;
        if !matches!(told, Told::Unknown(_)) || begin.elapsed() > PATIENCE {
            return told;
        }
        tokio::time::sleep(pause).await;
    }
    unreachable!()
}

struct Caller {
    number: u64,
    dice: Dice,
    play: Play,
    nats: async_nats::Client,
    doors: watch::Receiver<Vec<Doors>>,
    book: SharedBook,
    posts: SharedPosts,
    flow: Arc<Flow>,
    pause: Duration,
}

impl Caller {
    /// The lane of this caller; over HTTP one begins with a ledger of its own, and goes to the
    /// other when that one has no answer.
    fn lane(&self, attempt: usize) -> Lane {
        match self.number % 4 {
            0 | 1 => Lane::Nats,
            it => Lane::Http((it as usize + attempt) % LEDGERS),
        }
    }

    async fn call(mut self, stop: &CancellationToken) {
        for n in 0_u64.. {
            let order = self.play.order(&mut self.dice, &format!("c{}-{n}", self.number));
            for attempt in 0.. {
                if stop.is_cancelled() {
                    return;
                }
                let lane = self.lane(attempt);
                let told = self.send(lane, &order).await;
                let unknown = matches!(told, Told::Unknown(_));
                // What changes nothing needs no log.
                if matches!(&told, Told::Accepted { events, .. } if !events.is_empty()) {
                    self.flow.note(lane);
                }
                let noted = match told {
                    // The try before may still be under way, and be judged after this one, which
                    // wrote nothing.
                    Told::Refused(code) if attempt > 0 => Told::Unknown(code),
                    Told::Accepted { events, .. } if attempt > 0 && events.is_empty() => {
                        Told::Unknown("already so".to_owned())
                    }
                    it => it,
                };
                self.book.lock().unwrap().note(&order, noted, attempt == 0);
                // Some give up, and nobody ever asks again.
                if !unknown || self.dice.below(8) == 0 {
                    break;
                }
                tokio::time::sleep(AGAIN).await;
            }
            self.rest(stop).await;
        }
    }

    async fn send(&self, lane: Lane, order: &Order) -> Told {
        match lane {
            Lane::Nats => {
                let mut door = self.doors.borrow()[0].clone();
                door.nats = self.nats.clone();
                door.ask(order).await
            }
            Lane::Http(ledger) => {
                let door = self.doors.borrow()[ledger].clone();
                door.post(order).await
            }
        }
    }

    async fn rest(&mut self, stop: &CancellationToken) {
        let pause = self.pause.mul_f64(0.5 + self.dice.below(100) as f64 / 100.0);
        stop.run_until_cancelled(tokio::time::sleep(pause)).await;
    }

    /// Puts commands into the queue, each until the queue has it.
    async fn post(mut self, stop: &CancellationToken) {
        let jetstream = jetstream::new(self.nats.clone());
        for n in 0_u64.. {
            let account = self.play.accounts[self.dice.below(2) as usize].clone();
            let id = format!("p{}-{n}", self.number);
            let document = json!({"id": id, "license": "posted", "holders": [{"user": id}]});
            let order = Order::new(&account, "AssignSeat", document);
            self.posts.lock().unwrap().insert(order.key(), false);
            self.book.lock().unwrap().unknown.insert(order.key(), order.clone());
            let subject = format!("seatledger.post.{account}.AssignSeat");
            loop {
                if stop.is_cancelled() {
                    return;
                }
                let payload = order.document.to_string().into();
                let publish = async { jetstream.publish(subject.clone(), payload).await?.await };
                if let Ok(Ok(_)) = tokio::time::timeout(POST_WAIT, publish).await {
                    break;
                }
                tokio::time::sleep(AGAIN).await;
            }
            self.posts.lock().unwrap().insert(order.key(), true);
            self.rest(stop).await;
        }
    }
}
