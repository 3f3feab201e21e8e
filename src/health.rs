//! Whether commands are taken, and if not, why.
//!
//! There are two kinds of reasons. A *stop* is for good: the process does not write again until it
//! is started again. A *hold* passes: writing waits, and goes on by itself once whoever set the hold
//! takes it back.

mod hold;
mod judgement;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

pub use hold::Hold;
pub use judgement::{Finding, Judgement, Level, Trouble};

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

/// The codes of all that stops writing for good.
pub const STOPS: [&str; 6] = [
    "log_damaged",
    "log_went_back",
    "log_settings",
    "invariant_broken",
    "projector_failed",
    "writer_failed",
];

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
    waits_for: Option<String>,
    is_stopping: bool,
    stop: Option<Arc<Stop>>,
    holds: BTreeMap<Hold, Arc<Stop>>,
    troubles: BTreeMap<Trouble, Finding>,
}

impl Reasons {
    fn condition(&self) -> Condition {
        match (&self.stop, self.holds.first_key_value()) {
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

    /// What a start waits for, in a sentence; none once it goes on. It is said where it is asked how
    /// the ledger is.
    pub fn waits_for(&self, what: Option<String>) {
        self.change(|it| it.waits_for = what);
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
        self.change(|reasons| {
            if !reasons.holds.contains_key(&hold) {
                tracing::warn!(code = why.code, detail = %why.detail, fix = %why.fix, "writing waits");
            }
            reasons.holds.insert(hold, Arc::new(why));
        });
    }

    /// What this hold was for is over. Nothing happens where it is not held.
    pub fn release(&self, hold: Hold) {
        self.change(|reasons| {
            if reasons.holds.remove(&hold).is_some() {
                tracing::info!(code = hold.code(), "what writing waited for is over");
            }
        });
    }

    /// Whether this is held, be it the first or not.
    pub fn holds(&self, hold: Hold) -> bool {
        self.reasons().holds.contains_key(&hold)
    }

    /// Something is not as it should be, though commands are taken. Said again it is replaced, and
    /// is logged the first time only.
    pub fn trouble(&self, trouble: Trouble, level: Level, detail: String, fix: &str) {
        let found = Finding { code: trouble.code(), level, detail, fix: fix.to_owned() };
        let mut reasons = self.reasons();
        let known = reasons.troubles.get(&trouble).map(|it| it.level);
        if known != Some(level) {
            tracing::warn!(code = found.code, detail = %found.detail, fix = %found.fix, "not as it should be");
        }
        reasons.troubles.insert(trouble, found);
    }

    /// It is as it should be again.
    pub fn no_trouble(&self, trouble: Trouble) {
        if let Some(it) = self.reasons().troubles.remove(&trouble) {
            tracing::info!(code = it.code, was = %it.detail, "as it should be again");
        }
    }

    /// How the ledger is: what everybody is told who asks.
    pub fn judgement(&self) -> Judgement {
        let reasons = self.reasons();
        let holds: Vec<Arc<Stop>> = reasons.holds.values().cloned().collect();
        let (waits, troubles) = (reasons.waits_for.as_deref(), reasons.troubles.values().cloned());
        judgement::judge((&reasons.condition(), waits), &holds, troubles)
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

/// The codes of all that may make a ledger other than ready, or worth a look.
pub fn codes() -> impl Iterator<Item = &'static str> {
    let holds = Hold::ALL.iter().map(|it| it.code());
    ["starting", "stopping"].into_iter().chain(STOPS).chain(holds).chain(Trouble::CODES)
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
        let judged = health.judgement();
        let held: Vec<&str> = judged.findings.iter().map(|it| it.code).collect();
        assert_eq!(held, ["nats_disconnected", "log_full"]);
        assert_eq!((judged.condition, judged.writing), ("waiting", "nats_disconnected"));
        health.release(Hold::NatsDisconnected);
        health.release(Hold::ForeignMessage);
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
    fn trouble_is_judged_by_how_bad_it_is_and_does_not_stop_commands() {
        let health = Health::new();
        let first = |health: &Health| {
            let judged = health.judgement();
            (judged.condition, judged.writing, judged.failure().map(|it| it.code))
        };
        assert_eq!(first(&health), ("starting", "starting", Some("starting")));
        health.ready();
        assert!(health.judgement().findings.is_empty());
        health.trouble(Trouble::LogNearlyFull, Level::Warn, "81 %".to_owned(), "raise it");
        assert!(health.judgement().is_ready());
        let (usage, checks) = (Trouble::ReadModelStill("usage"), Trouble::ReadModelStill("checks"));
        health.trouble(usage, Level::Fail, "usage".to_owned(), "look");
        health.trouble(checks, Level::Fail, "checks".to_owned(), "look");
        assert_eq!(first(&health), ("ready", "ready", Some("read_model_still")));
        assert!(health.condition().takes_commands());
        health.no_trouble(checks);
        let details: Vec<String> =
            health.judgement().findings.into_iter().map(|it| it.detail).collect();
        assert_eq!(details, ["usage", "81 %"], "the worst first");
        health.no_trouble(usage);
        health.stopping();
        assert_eq!(first(&health), ("stopping", "stopping", Some("stopping")));
    }

    #[test]
    fn the_operators_table_has_every_code_and_no_other() {
        let document = include_str!("../docs/operating.md");
        let table = document.split("\n## ").find(|it| it.starts_with("Health\n")).unwrap();
        let table = table.split("| code | commands |").nth(1).unwrap();
        let rows = table.lines().skip(2).take_while(|it| it.starts_with('|'));
        let cell = |row: &str, at: usize| row.split('|').nth(at).unwrap().trim().to_owned();
        let rows: Vec<(String, bool)> =
            rows.map(|it| (cell(it, 1), cell(it, 2).ends_with("503"))).collect();
        let refuses = |code| !Trouble::CODES.contains(&code);
        let mut known: Vec<_> = codes().map(|it| (format!("`{it}`"), refuses(it))).collect();
        let mut listed = rows.clone();
        known.sort();
        listed.sort();
        assert_eq!(listed, known);
        let holds: Vec<_> = Hold::ALL.iter().map(|it| (format!("`{}`", it.code()), true)).collect();
        assert_eq!(rows[2..2 + holds.len()], holds, "in order of precedence");
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
