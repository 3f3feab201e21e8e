//! One judgement of how the ledger is, for everybody who asks: probes, people, numbers.

use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use super::{Condition, Stop};

/// What is not as it should be, though commands are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trouble {
    /// The disk of the directory has next to no room.
    DiskFull,
    /// A read model has not moved for a while, though there is more to take in.
    ReadModelStill(&'static str),
    /// A read model is far behind.
    ReadModelBehind(&'static str),
    /// The anchor cannot be written.
    AnchorNotWritten,
    /// A commit is not in the journal.
    JournalNotWritten,
    /// The log ended before commits that the journal has, and has them again.
    CommitsRepublished,
    /// The rules have failed on commands, which were put aside.
    CommandsPoisoned,
    /// A server acknowledges before it writes to disk.
    NotDurable,
    /// Whether the servers write to disk before they acknowledge is not known.
    DurabilityUnknown,
    /// The log will be full before long.
    LogNearlyFull,
}

impl Trouble {
    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Trouble::DiskFull => "disk_full",
            Trouble::ReadModelStill(_) => "read_model_still",
            Trouble::ReadModelBehind(_) => "read_model_behind",
            Trouble::AnchorNotWritten => "anchor_not_written",
            Trouble::JournalNotWritten => "journal_not_written",
            Trouble::CommitsRepublished => "commits_republished",
            Trouble::CommandsPoisoned => "commands_poisoned",
            Trouble::NotDurable => "not_durable",
            Trouble::DurabilityUnknown => "durability_unknown",
            Trouble::LogNearlyFull => "log_nearly_full",
        }
    }

    /// The codes of all of them, in order.
    pub const CODES: [&'static str; 10] = [
        "disk_full",
        "read_model_still",
        "read_model_behind",
        "anchor_not_written",
        "journal_not_written",
        "commits_republished",
        "commands_poisoned",
        "not_durable",
        "durability_unknown",
        "log_nearly_full",
    ];
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The ledger is not ready while it is so.
    Fail,
    /// It is ready, and somebody should look.
    Warn,
}

/// One thing that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Finding {
    /// The stable code
    pub code: &'static str,
    /// `fail` while the ledger is not ready because of it, else `warn`
    pub level: Level,
    /// What is so, with the numbers that matter
    pub detail: String,
    /// What to do
    pub fix: String,
}

/// How the ledger is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// `starting`, `ready`, `waiting`, `stopped` or `stopping`.
    pub condition: &'static str,
    /// `ready`, or the code of why commands are not taken.
    pub writing: &'static str,
    /// All that is not as it should be, the worst first.
    pub findings: Vec<Finding>,
}

impl Judgement {
    /// Whether nothing has failed.
    pub fn is_ready(&self) -> bool {
        self.failure().is_none()
    }

    /// The first thing that has failed.
    pub fn failure(&self) -> Option<&Finding> {
        self.findings.iter().find(|it| it.level == Level::Fail)
    }
}

/// Judges: `waits` is what a start waits for, `holds` are all there are, the first by precedence first, and `troubles` in their order.
pub(super) fn judge(
    (condition, waits): (&Condition, Option<&str>),
    holds: &[Arc<Stop>],
    troubles: impl Iterator<Item = Finding>,
) -> Judgement {
    let failed = |why: &Stop| Finding {
        code: why.code,
        level: Level::Fail,
        detail: why.detail.clone(),
        fix: why.fix.clone(),
    };
    let passing = |code, detail: &str, fix: &str| {
        let (detail, fix) = (detail.to_owned(), fix.to_owned());
        Finding { code, level: Level::Fail, detail, fix }
    };
    let (name, first) = match condition {
        Condition::Ready => ("ready", None),
        // It stands among the holds.
        Condition::Waiting(..) => ("waiting", None),
        Condition::Stopped(stop) => ("stopped", Some(failed(stop))),
        Condition::Starting => {
            let fix = "wait: the log of the ledger says how far it is, and what it waits for";
            let detail = waits.unwrap_or("the log is being read");
            ("starting", Some(passing("starting", detail, fix)))
        }
        Condition::Stopping => {
            let fix = "wait until it has ended, then start it again; or ask another process";
            ("stopping", Some(passing("stopping", "the process is on its way out", fix)))
        }
    };
    let mut findings: Vec<Finding> = first.into_iter().collect();
    findings.extend(holds.iter().map(|it| failed(it)));
    let writing = findings.first().map_or("ready", |it| it.code);
    findings.extend(troubles);
    findings.sort_by_key(|it| it.level);
    Judgement { condition: name, writing, findings }
}
