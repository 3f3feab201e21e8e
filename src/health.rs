//! Whether commands are taken, and if not, why.
//!
//! There are two kinds of reasons. A *stop* is for good: the process does not write again until it
//! is started again. A *hold* passes: writing waits, and goes on by itself once whoever set the hold
//! takes it back.

mod hold;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

pub use hold::Hold;

use crate::log::Damage;

/// How the ledger is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// It reads its log; commands are told `starting`.
    Starting,
    /// Commands are taken.
    Ready,
    /// Writing waits, and goes on by itself. The first of the holds by precedence.
    Waiting(Hold, Arc<Stop>),
    /// It does not write any more until it is started again. Reads go on, with a warning.
    Stopped(Arc<Stop>),
    /// The process is on its way out.
    Stopping,
}

impl Condition {
    /// Whether commands are judged.
    pub fn takes_commands(&self) -> bool {
        match self {
            Condition::Ready => true,
            Condition::Waiting(hold, _) => hold.tries(),
            Condition::Starting | Condition::Stopped(_) | Condition::Stopping => false,
        }
    }
}

/// Why writing has stopped, or waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// The stable code.
    pub code: &'static str,
    /// What happened, with the numbers that matter.
    pub detail: String,
    /// What to do.
    pub fix: String,
    /// The first sequence that is not as it must be, where there is one.
    pub sequence: Option<u64>,
}

impl Stop {
    fn is_further_to_the_front(&self, known: &Stop) -> bool {
        self.code == known.code
            && matches!((self.sequence, known.sequence), (Some(it), Some(known)) if it < known)
    }
}

/// The condition, shared by everything that runs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Health {
    reasons: Arc<Mutex<Reasons>>,
    condition: watch::Sender<Condition>,
}

/// All that the condition follows from.
#[derive(Debug, Default)]
struct Reasons {
    is_read: bool,
    is_stopping: bool,
    stop: Option<Arc<Stop>>,
    holds: Vec<(Hold, Arc<Stop>)>,
}

impl Reasons {
    fn condition(&self) -> Condition {
        let first = self.holds.iter().min_by_key(|it| it.0);
        match (&self.stop, first) {
            (Some(stop), _) => Condition::Stopped(stop.clone()),
            (None, _) if self.is_stopping => Condition::Stopping,
            (None, _) if !self.is_read => Condition::Starting,
            (None, Some((hold, why))) => Condition::Waiting(*hold, why.clone()),
            (None, None) => Condition::Ready,
        }
    }
}

impl Health {
    /// Starting.
    pub fn new() -> Health {
        let reasons = Reasons::default();
        let condition = watch::Sender::new(reasons.condition());
        Health { reasons: Arc::new(Mutex::new(reasons)), condition }
    }

    /// How the ledger is now.
    pub fn condition(&self) -> Condition {
        self.condition.borrow().clone()
    }

    /// The code of why writing has stopped for good, if it has. A hold is no stop.
    pub fn stop_code(&self) -> Option<&'static str> {
        self.reasons().stop.as_ref().map(|it| it.code)
    }

    /// To be told of changes.
    pub fn watch(&self) -> watch::Receiver<Condition> {
        self.condition.subscribe()
    }

    /// The log is read: commands are taken, unless writing waits or has stopped meanwhile.
    pub fn ready(&self) {
        self.change(|it| it.is_read = true);
    }

    /// The process is on its way out.
    pub fn stopping(&self) {
        self.change(|it| it.is_stopping = true);
    }

    /// Writing waits until this is released. Saying it again with other words replaces them, and
    /// is logged the first time only.
    ///
    /// Whoever holds MUST go on looking whether it is over: nobody else does.
    pub fn hold(&self, hold: Hold, detail: String, fix: String, sequence: Option<u64>) {
        let why = Stop { code: hold.code(), detail, fix, sequence };
        self.change(|reasons| match reasons.holds.iter_mut().find(|it| it.0 == hold) {
            Some(known) if *known.1 == why => {}
            Some(known) => known.1 = Arc::new(why),
            None => {
                tracing::warn!(code = why.code, detail = %why.detail, fix = %why.fix, "writing waits");
                reasons.holds.push((hold, Arc::new(why)));
            }
        });
    }

    /// What this hold was for is over. Nothing happens where it is not held.
    pub fn release(&self, hold: Hold) {
        self.change(|reasons| {
            let before = reasons.holds.len();
            reasons.holds.retain(|it| it.0 != hold);
            if reasons.holds.len() < before {
                tracing::info!(code = hold.code(), "what writing waited for is over");
            }
        });
    }

    /// Every hold there is, the first by precedence first.
    pub fn holds(&self) -> Vec<(Hold, Arc<Stop>)> {
        let mut holds = self.reasons().holds.clone();
        holds.sort_by_key(|it| it.0);
        holds
    }

    /// Writing stops. The first reason stays, unless damage is found further to the front of the
    /// log: whoever mends it needs the first bad sequence.
    pub fn stop(&self, stop: Stop) {
        self.change(|reasons| {
            if reasons.stop.as_ref().is_none_or(|known| stop.is_further_to_the_front(known)) {
                tracing::error!(code = stop.code, detail = %stop.detail, fix = %stop.fix, "writing has stopped");
                reasons.stop = Some(Arc::new(stop));
            }
        });
    }

    /// Writing stops because of the log.
    pub fn damaged(&self, damage: &Damage) {
        let detail = damage.to_string();
        let (code, fix) = (damage.code(), damage.fix().to_owned());
        self.stop(Stop { code, detail, fix, sequence: damage.sequence() });
    }

    /// Changes the reasons, and tells those who watch where another condition follows.
    fn change(&self, change: impl FnOnce(&mut Reasons)) {
        let mut reasons = self.reasons();
        change(&mut reasons);
        // While the reasons are locked, so that of two changes the later one is told last.
        let condition = reasons.condition();
        self.condition.send_if_modified(|it| {
            let differs = *it != condition;
            *it = condition;
            differs
        });
    }

    fn reasons(&self) -> MutexGuard<'_, Reasons> {
        // Each change is whole when it panics: it sets one field.
        self.reasons.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Health {
    fn default() -> Health {
        Health::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hold(health: &Health, hold: Hold, detail: &str) {
        health.hold(hold, detail.to_owned(), "wait".to_owned(), None);
    }

    fn waits_for(health: &Health) -> Option<(Hold, String)> {
        match health.condition() {
            Condition::Waiting(hold, why) => Some((hold, why.detail.clone())),
            Condition::Starting
            | Condition::Ready
            | Condition::Stopped(_)
            | Condition::Stopping => None,
        }
    }

    #[test]
    fn writing_waits_for_the_first_hold_and_goes_on_when_all_are_over() {
        let health = Health::new();
        hold(&health, Hold::LogFull, "full");
        assert_eq!(health.condition(), Condition::Starting);
        health.ready();
        assert_eq!(waits_for(&health), Some((Hold::LogFull, "full".to_owned())));
        hold(&health, Hold::NatsDisconnected, "gone");
        assert_eq!(waits_for(&health), Some((Hold::NatsDisconnected, "gone".to_owned())));
        hold(&health, Hold::LogFull, "fuller");
        let held: Vec<Hold> = health.holds().iter().map(|it| it.0).collect();
        assert_eq!(held, [Hold::NatsDisconnected, Hold::LogFull]);
        health.release(Hold::NatsDisconnected);
        health.release(Hold::ClockRefused);
        assert_eq!(waits_for(&health), Some((Hold::LogFull, "fuller".to_owned())));
        health.release(Hold::LogFull);
        assert_eq!(health.condition(), Condition::Ready);
        assert_eq!(health.stop_code(), None);
    }

    #[test]
    fn a_stop_is_for_good_and_the_first_bad_sequence_counts() {
        let health = Health::new();
        health.ready();
        hold(&health, Hold::NatsDisconnected, "gone");
        let stop = |code, sequence| {
            let (detail, fix) = (String::new(), String::new());
            health.stop(Stop { code, detail, fix, sequence });
            match health.condition() {
                Condition::Stopped(stop) => (stop.code, stop.sequence),
                Condition::Starting
                | Condition::Ready
                | Condition::Waiting(..)
                | Condition::Stopping => panic!("it has not stopped"),
            }
        };
        assert_eq!(stop("log_damaged", Some(7)), ("log_damaged", Some(7)));
        assert_eq!(stop("invariant_broken", None), ("log_damaged", Some(7)));
        assert_eq!(stop("log_damaged", Some(9)), ("log_damaged", Some(7)));
        assert_eq!(stop("log_damaged", Some(3)), ("log_damaged", Some(3)));
        health.release(Hold::NatsDisconnected);
        health.ready();
        health.stopping();
        assert!(matches!(health.condition(), Condition::Stopped(_)));
        assert_eq!(health.stop_code(), Some("log_damaged"));
    }

    #[test]
    fn whoever_watches_is_told_of_another_condition_only() {
        let health = Health::new();
        health.ready();
        let mut watch = health.watch();
        hold(&health, Hold::NatsDisconnected, "gone");
        assert!(watch.has_changed().unwrap());
        watch.mark_unchanged();
        hold(&health, Hold::LogUnavailable, "silent");
        hold(&health, Hold::NatsDisconnected, "gone");
        assert!(!watch.has_changed().unwrap());
        health.stopping();
        assert_eq!(*watch.borrow_and_update(), Condition::Stopping);
    }
}
