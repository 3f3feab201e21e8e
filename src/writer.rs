//! The only writer of the log: commands in, commits out.
//!
//! One task takes whatever commands wait, judges them one after the other against the state as it
//! will be, publishes one commit and answers all of them once it is durable. Alone, a command waits
//! for nothing; together, they share one fsync. One commit is in flight at a time.

mod judge;
mod keeping;
mod passing;
mod poison;
mod recent;
mod resting;
mod seen;
mod settle;
mod start;
mod transferring;
mod voiding;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use events::wire::{Record, Void};
use events::{AccountId, Ledger, Moment, Refusal, Request};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::health::{Condition, Health, Stop};
use crate::key_register::KeyRegister;
use crate::log::{Damage, Found, Log, Position, Reader};
use crate::refusals::ToKeep;
use crate::views::Views;

use passing::due;
use recent::Recent;
use resting::Resting;
use seen::Seen;
use transferring::{Transfers, step};
use voiding::Decision;

pub use voiding::NotVoided;

/// Commands that may wait for the writer. More are told `overloaded`.
const WAITING_MAX: usize = 4_096;

/// Commands in one commit. More wait for the next.
const COMMANDS_MAX: usize = 1_024;

/// How long nobody else's commits are read after one of our own: under load the fence tells of them,
/// and reading back what was just written would cost the server as much as writing it.
const FOLLOW_AFTER: Duration = Duration::from_millis(250);

/// Decisions of operators that may wait for the writer.
const DECISIONS_MAX: usize = 16;

/// How long a command waits for its outcome before its sender is told `outcome_unknown`.
pub const OUTCOME_TIMEOUT: Duration = Duration::from_secs(10);

/// What became of a command.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// It was accepted.
    Accepted {
        /// The sequence of the commit that holds its events; where the log ends when it has none.
        sequence: u64,
        /// Whether nothing was written because nothing was meant to be.
        dry_run: bool,
        /// What it caused.
        records: Arc<Vec<Record>>,
    },
    /// It was accepted before, by this commit.
    Repeated {
        /// The sequence of that commit.
        sequence: u64,
    },
    /// It was judged and not accepted.
    Refused(Refusal),
    /// It was not judged, or it is not known what became of it.
    Unavailable(Unavailable),
}

/// Why there is no outcome. The same command with the same id may be sent again in every case.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// The ledger is still reading its log.
    #[error("the ledger is reading its log")]
    Starting,
    /// Too many commands wait.
    #[error("too many commands are waiting already")]
    Overloaded,
    /// The log or the server's storage is full.
    #[error("the log takes no more: {0}")]
    Full(String),
    /// The server refuses the commit.
    #[error("the log refuses the commit: {0}")]
    Rejected(String),
    /// What became of it is not known yet.
    #[error("the outcome is not known yet")]
    Unknown,
    /// Writing waits, and goes on by itself.
    #[error("{}", .0.detail)]
    Waiting(Arc<Stop>),
    /// Writing has stopped until an operator acts.
    #[error("{}", .0.detail)]
    Stopped(Arc<Stop>),
    /// The read model that remembers old commands does not answer.
    #[error("old commands cannot be looked up: {0}")]
    Commands(String),
    /// The process is stopping.
    #[error("the ledger is stopping")]
    Stopping,
}

impl Unavailable {
    /// Why no command is judged as the ledger is; `None` where they are.
    fn of(condition: Condition) -> Option<Unavailable> {
        match condition {
            Condition::Ready => None,
            Condition::Waiting(hold, _) if hold.tries() => None,
            Condition::Waiting(_, why) => Some(Unavailable::Waiting(why)),
            Condition::Starting => Some(Unavailable::Starting),
            Condition::Stopped(stop) => Some(Unavailable::Stopped(stop)),
            Condition::Stopping => Some(Unavailable::Stopping),
        }
    }
}

/// One command on its way to its outcome.
#[derive(Debug)]
struct Ask {
    request: Request,
    reply: oneshot::Sender<Outcome>,
}

/// The writer, for those who send it commands. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Writer {
    asks: mpsc::Sender<Ask>,
    decisions: mpsc::Sender<Decision>,
    health: Health,
    position: watch::Receiver<Position>,
    next_due: watch::Receiver<Option<Moment>>,
    keys: KeyRegister,
}

/// What the writer's task needs.
#[derive(Debug)]
pub struct Parts {
    /// Where commits go.
    pub log: Log,
    /// Where old commands are looked up.
    pub views: Views,
    /// Where refusals go.
    pub refusals: mpsc::Sender<ToKeep>,
    /// Where trouble is said.
    pub health: Health,
    /// What the time is.
    pub clock: Clock,
}

impl Writer {
    /// Starts the writer: it first reads the whole log, then takes commands. The task ends when
    /// `stop` is cancelled, after the commit in flight.
    pub fn start(parts: Parts, stop: CancellationToken) -> (Writer, tokio::task::JoinHandle<()>) {
        let (asks, waiting) = mpsc::channel(WAITING_MAX);
        let (decisions, decided) = mpsc::channel(DECISIONS_MAX);
        let task = Task::new(parts, stop);
        let (position, next_due) = (task.reached.subscribe(), task.due.subscribe());
        let (health, keys) = (task.health.clone(), task.keys.clone());
        let writer = Writer { asks, decisions, health, position, next_due, keys };
        (writer, tokio::spawn(task.run(waiting, decided)))
    }

    /// Where the writer's state stands.
    pub fn sequence(&self) -> u64 {
        self.position.borrow().sequence
    }

    /// The same as it moves on, with what proves it.
    pub fn position(&self) -> watch::Receiver<Position> {
        self.position.clone()
    }

    /// When something is to happen by itself next, as far as the writer's state knows.
    pub fn next_due(&self) -> watch::Receiver<Option<Moment>> {
        self.next_due.clone()
    }

    /// Which keys there are, as far as the writer's state knows.
    pub fn keys(&self) -> &KeyRegister {
        &self.keys
    }

    /// How the ledger is.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// Declares messages of the log void that are none of the ledger's, and says the sequence of the
    /// commit that does. Repeated after it was done it is [`NotVoided::Nothing`].
    pub async fn void(&self, void: Void) -> Result<u64, NotVoided> {
        let unknown = || NotVoided::Unavailable(Unavailable::Unknown);
        let (reply, voided) = oneshot::channel();
        self.decisions.send(Decision { void, reply }).await.map_err(|_| unknown())?;
        match tokio::time::timeout(OUTCOME_TIMEOUT, voided).await {
            Ok(Ok(voided)) => voided,
            Ok(Err(_)) | Err(_) => Err(unknown()),
        }
    }

    /// Sends a command and waits for its outcome, at most [`OUTCOME_TIMEOUT`].
    pub async fn ask(&self, request: Request) -> Outcome {
        if let Some(why) = Unavailable::of(self.health.condition()) {
            return Outcome::Unavailable(why);
        }
        let (reply, outcome) = oneshot::channel();
        match self.asks.try_send(Ask { request, reply }) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => {
                return Outcome::Unavailable(Unavailable::Overloaded);
            }
            Err(mpsc::error::TrySendError::Closed(_)) => {
                return Outcome::Unavailable(Unavailable::Stopping);
            }
        }
        match tokio::time::timeout(OUTCOME_TIMEOUT, outcome).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) | Err(_) => Outcome::Unavailable(Unavailable::Unknown),
        }
    }
}

struct Task {
    log: Log,
    views: Views,
    /// Reads what others write.
    reader: Reader,
    /// Not before this: whoever writes is told by the fence if somebody else does.
    follow_from: Instant,
    refusals: mpsc::Sender<ToKeep>,
    health: Health,
    clock: Clock,
    /// Until when the clock asks for nothing, after it was not answered.
    rest: Option<tokio::time::Instant>,
    /// Accounts whose clock asks for nothing, after it was refused.
    resting: Resting<AccountId>,
    /// Commands that were put aside since the start.
    poisoned: u64,
    transfers: Transfers,
    due: watch::Sender<Option<Moment>>,
    ledger: Ledger,
    position: Position,
    reached: watch::Sender<Position>,
    recent: Recent,
    seen: Seen,
    keys: KeyRegister,
    /// How often the connection had been made when the log was looked at last.
    connects: AtomicU64,
    stop: CancellationToken,
    /// What the rules do besides, once they have judged a command.
    #[cfg(test)]
    besides: fn(&Request),
}

impl Task {
    fn new(parts: Parts, stop: CancellationToken) -> Task {
        let reader = parts.log.read(Position::START);
        let connects = parts.log.connects().into();
        Task {
            log: parts.log,
            views: parts.views,
            reader,
            follow_from: Instant::now(),
            refusals: parts.refusals,
            health: parts.health,
            clock: parts.clock,
            rest: None,
            resting: Resting::default(),
            poisoned: 0,
            transfers: Transfers::default(),
            due: watch::Sender::new(None),
            ledger: Ledger::default(),
            position: Position::START,
            reached: watch::Sender::new(Position::START),
            recent: Recent::default(),
            seen: Seen::default(),
            keys: KeyRegister::default(),
            connects,
            stop,
            #[cfg(test)]
            besides: |_| {},
        }
    }

    async fn run(
        mut self,
        mut waiting: mpsc::Receiver<Ask>,
        mut decided: mpsc::Receiver<Decision>,
    ) {
        let stop = self.stop.clone();
        let read = stop.run_until_cancelled(self.read_log()).await;
        match read {
            Some(true) => {
                self.keys.be_whole();
                self.health.ready();
            }
            Some(false) | None => return,
        }
        let mut asks = Vec::with_capacity(COMMANDS_MAX);
        let clock = self.clock.clone();
        loop {
            let is_stopped = self.health.stop_code().is_some();
            self.due.send_if_modified(|it| std::mem::replace(it, self.next_due()) != *it);
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                count = waiting.recv_many(&mut asks, COMMANDS_MAX) => match count {
                    0 => break,
                    _ => {
                        // Commands that come without end must not keep time from passing. What one
                        // commit passes goes before them; what it has no room for waits, and so
                        // does everything that is due while the clock rests.
                        if self.is_due() {
                            self.pass_time().await;
                        }
                        self.commit_with_steps(std::mem::take(&mut asks)).await;
                    }
                },
                Some(Decision { void, reply }) = decided.recv() => {
                    // Nobody waits any more: the log says what came of it.
                    let _ = reply.send(self.void(void).await);
                }
                () = due(&clock, self.next_due(), self.resting.next(), self.rest) => {
                    self.pass_time().await;
                }
                () = step(self.ledger.has_transfers(), self.transfers.rest()) => {
                    self.commit_with_steps(vec![]).await;
                }
                next = follow(&mut self.reader, self.follow_from), if !is_stopped => match next {
                    Ok(found) => {
                        self.take_in(&found, self.reader.position());
                    }
                    Err(damage) => self.health.damaged(&damage),
                },
            }
            if let Some(why) = Unavailable::of(self.health.condition()) {
                answer_waiting(&mut waiting, &why);
            }
        }
        waiting.close();
        answer_waiting(&mut waiting, &Unavailable::Stopping);
    }
}

/// Waits for the next message of somebody else, from a moment on.
async fn follow(reader: &mut Reader, from: Instant) -> Result<Found, Damage> {
    tokio::time::sleep_until(from).await;
    reader.found().await
}

/// Tells those who wait why nobody judges them; later ones are told before they wait.
fn answer_waiting(waiting: &mut mpsc::Receiver<Ask>, why: &Unavailable) {
    while let Ok(ask) = waiting.try_recv() {
        let _ = ask.reply.send(Outcome::Unavailable(why.clone()));
    }
}

#[cfg(test)]
mod tests;
