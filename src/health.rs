//! Whether commands are taken, and if not, why.

use std::sync::Arc;

use tokio::sync::watch;

use crate::log::Damage;

/// How the ledger is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// It reads its log; commands are told `starting`.
    Starting,
    /// Commands are taken.
    Ready,
    /// It does not write any more until it is started again. Reads go on, with a warning.
    Stopped(Arc<Stop>),
}

/// Why writing has stopped.
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

/// The condition, shared by everything that runs.
#[derive(Debug, Clone)]
pub struct Health(watch::Sender<Condition>);

impl Health {
    /// Starting.
    pub fn new() -> Health {
        Health(watch::Sender::new(Condition::Starting))
    }

    /// How the ledger is now.
    pub fn condition(&self) -> Condition {
        self.0.borrow().clone()
    }

    /// The code of why writing has stopped, if it has.
    pub fn stop_code(&self) -> Option<&'static str> {
        match &*self.0.borrow() {
            Condition::Stopped(stop) => Some(stop.code),
            Condition::Starting | Condition::Ready => None,
        }
    }

    /// To be told of changes.
    pub fn watch(&self) -> watch::Receiver<Condition> {
        self.0.subscribe()
    }

    /// The log is read: commands are taken, unless writing has stopped meanwhile.
    pub fn ready(&self) {
        self.0.send_if_modified(|condition| match condition {
            Condition::Starting => {
                *condition = Condition::Ready;
                true
            }
            Condition::Ready | Condition::Stopped(_) => false,
        });
    }

    /// Writing stops. The first reason stays, unless damage is found further to the front of the
    /// log: whoever mends it needs the first bad sequence.
    pub fn stop(&self, stop: Stop) {
        self.0.send_if_modified(|condition| match condition {
            Condition::Stopped(known) if !stop.is_further_to_the_front(known) => false,
            Condition::Starting | Condition::Ready | Condition::Stopped(_) => {
                tracing::error!(code = stop.code, detail = %stop.detail, fix = %stop.fix, "writing has stopped");
                *condition = Condition::Stopped(Arc::new(stop));
                true
            }
        });
    }

    /// Writing stops because of the log.
    pub fn damaged(&self, damage: &Damage) {
        let detail = damage.to_string();
        let (code, fix) = (damage.code(), damage.fix().to_owned());
        self.stop(Stop { code, detail, fix, sequence: damage.sequence() });
    }
}

impl Default for Health {
    fn default() -> Health {
        Health::new()
    }
}
