//! Commands that the rules fail on: taken back, judged alone, and put aside by name.
//!
//! A bug in the rules shows as a panic, or as an invariant that does not hold. It must cost the one
//! command that meets it, not every account: see decision 0041.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use events::{Moment, Refusal};

use super::judge::Draft;
use super::{Ask, Outcome, Task};
use crate::health::{Level, Stop, Trouble};
use crate::metrics as numbers;

impl Task {
    /// Judges commands for one commit, the first alone where `alone` says so.
    ///
    /// `None` where the rules have failed: nothing of it has happened, those that they fail on are
    /// told, and the others are still to be judged. Or writing has stopped, because not all of it
    /// could be taken back.
    pub(super) fn draft_or_put_aside(
        &mut self,
        asks: &mut Vec<Ask>,
        alone: &mut usize,
        now: Moment,
    ) -> Option<Draft> {
        let count = asks.len().min(if *alone > 0 { 1 } else { usize::MAX });
        *alone = alone.saturating_sub(1);
        let why = match self.try_draft(&asks[..count], now) {
            Ok(draft) => return Some(draft),
            Err(why) => why,
        };
        if !self.is_restored() {
            return None;
        }
        if count == 1 {
            self.put_aside(asks.remove(0), &why, now);
            return None;
        }
        let before = asks.len();
        self.put_aside_each(asks, now);
        if asks.len() == before {
            // None of them fails by itself, so they are not judged together again.
            tracing::error!(%why, commands = before, "commands fail together: each gets its own commit");
            *alone = before;
        }
        None
    }

    /// Puts aside those commands that fail by themselves, whatever the others do.
    fn put_aside_each(&mut self, asks: &mut Vec<Ask>, now: Moment) {
        let mut others = Vec::with_capacity(asks.len());
        let mut each = std::mem::take(asks).into_iter();
        for ask in each.by_ref() {
            match self.try_draft(std::slice::from_ref(&ask), now) {
                Ok(_) => {
                    self.ledger.roll_back();
                    others.push(ask);
                }
                Err(why) if self.is_restored() => self.put_aside(ask, &why, now),
                Err(_) => {
                    others.push(ask);
                    break;
                }
            }
        }
        others.extend(each);
        *asks = others;
    }

    /// Judges, and says what failed where the rules do.
    fn try_draft(&mut self, asks: &[Ask], now: Moment) -> Result<Draft, String> {
        // What is left behind half done is looked for before anything else is judged.
        let tried = catch_unwind(AssertUnwindSafe(|| {
            let draft = self.draft(asks, now);
            self.ledger.check().map(|()| draft).map_err(|broken| broken.to_string())
        }));
        tried.unwrap_or_else(|panic| Err(said(panic.as_ref())))
    }

    /// Takes back what was judged and looks whether all is as it was; writing stops where it is not.
    fn is_restored(&mut self) -> bool {
        let restored = catch_unwind(AssertUnwindSafe(|| self.ledger.restore()));
        let why = match restored {
            Ok(Ok(())) => return true,
            Ok(Err(not_restored)) => not_restored.to_string(),
            Err(panic) => said(panic.as_ref()),
        };
        self.health.stop(Stop {
            code: "invariant_broken",
            detail: format!("invariant_broken: {why}; nothing of it was published"),
            fix: "start the ledger again; report this with the commands that led to it".to_owned(),
            sequence: None,
        });
        false
    }

    /// Tells a command that the rules fail on it, for good.
    fn put_aside(&mut self, ask: Ask, why: &str, at: Moment) {
        let Ask { request, reply } = ask;
        let kind = request.command.kind();
        let (account, command) = (request.account.as_str(), request.id.as_str());
        tracing::error!(
            account,
            command,
            r#type = kind.as_str(),
            why,
            "a command is put aside as poison"
        );
        metrics::counter!(numbers::POISON, "type" => kind.as_str()).increment(1);
        self.poisoned += 1;
        self.health.trouble(
            Trouble::CommandsPoisoned,
            Level::Warn,
            format!(
                "{} commands could not be judged since the start, the last a {kind}",
                self.poisoned
            ),
            "look for \"poison\" in the log of the process: it names each command and what failed; \
             report it",
        );
        let refusal = Refusal::Poison(kind);
        self.keep(&request, &refusal, at);
        // Nobody waits any more: the outcome can be asked for by id.
        let _ = reply.send(Outcome::Refused(refusal));
    }
}

/// The words of a panic.
fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|it| (*it).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("the rules panicked: {}", text.unwrap_or_else(|| "without a word".to_owned()))
}
