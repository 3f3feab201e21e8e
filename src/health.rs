//! Whether commands are taken, and if not, why.

use std::sync::Arc;

use tokio::sync::watch;

use crate::log::Damage;

/// How the ledger is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// It reads its log; commands wait.
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

    /// Writing stops. The first reason stays.
    pub fn stop(&self, stop: Stop) {
        self.0.send_if_modified(|condition| match condition {
            Condition::Starting | Condition::Ready => {
                tracing::error!(code = stop.code, detail = %stop.detail, fix = %stop.fix, "writing has stopped");
                *condition = Condition::Stopped(Arc::new(stop));
                true
            }
            Condition::Stopped(_) => false,
        });
    }

    /// Writing stops because of the log.
    pub fn damaged(&self, damage: &Damage) {
        let detail = damage.to_string();
        self.stop(Stop { code: damage.code(), detail, fix: damage.fix().to_owned() });
    }
}

impl Default for Health {
    fn default() -> Health {
        Health::new()
    }
}
