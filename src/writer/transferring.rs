//! Transfers from one account to another: the writer asks for each step, as any command.
//!
//! A transfer has begun in the account that gives. First the receiver is asked, then, once what it
//! has said is durable, the account that gives. No commit holds both steps of a transfer, and
//! nothing here is needed to go on: what is open stands in the state, and a first step that is asked
//! again gives the outcome it had.

use std::collections::HashMap;
use std::time::Duration;

use events::transfer::{Received, Transfer};
use events::wire::{self, Record};
use events::{AccountId, CommandId, Refusal, Request};
use tokio::sync::oneshot;
use tokio::time::Instant;
use uuid::Uuid;

use super::resting::Resting;
use super::{Ask, Outcome, Task};

/// Steps that are asked for with one batch of commands. The others follow with the next one.
const STEPS_MAX: usize = 64;

/// How long nothing is asked for after a step had no outcome.
const REST: Duration = Duration::from_secs(1);

/// What the writer knows of transfers between their steps.
#[derive(Debug, Default)]
pub(super) struct Transfers {
    /// What receivers have said, durably, by the account that gives and the number.
    received: HashMap<(AccountId, u64), Received>,
    rest: Option<Instant>,
    /// Those whose end the rules fail on.
    resting: Resting<(AccountId, u64)>,
}

/// A step that was asked for.
#[derive(Debug)]
struct Step {
    transfer: Transfer,
    is_last: bool,
    command: CommandId,
    outcome: oneshot::Receiver<Outcome>,
}

/// Waits until a step can be asked for; for ever when there is none.
pub(super) async fn step(open: bool, rest: Option<Instant>) {
    match (open, rest) {
        (false, _) => std::future::pending().await,
        (true, Some(rest)) => tokio::time::sleep_until(rest).await,
        (true, None) => {}
    }
}

impl Transfers {
    pub(super) fn rest(&self) -> Option<Instant> {
        self.rest
    }

    fn request(&self, transfer: &Transfer) -> Option<(Request, bool)> {
        let number = (transfer.host.account.clone(), transfer.open.transfer);
        let request = match self.received.get(&number) {
            Some(received) => {
                let made = CommandId::new(Uuid::now_v7().to_string()).ok()?;
                (transfer.to_end(made, received).ok()?, true)
            }
            None => (transfer.to_receive().ok()?, false),
        };
        Some(request)
    }
}

impl Task {
    /// Commits commands, and with them the steps that are to be taken. Seats never wait for them.
    pub(super) async fn commit_with_steps(&mut self, mut asks: Vec<Ask>) {
        let rests = self.transfers.rest.is_some_and(|it| Instant::now() < it);
        if rests || !self.ledger.has_transfers() {
            return self.commit(asks).await;
        }
        let steps = self.steps(&mut asks);
        self.commit(asks).await;
        let mut done = !steps.is_empty();
        let asked = done;
        for step in steps {
            done &= self.take_step(step).await;
        }
        if asked && !done {
            tracing::warn!("a transfer waits");
        }
        self.transfers.rest = (!done).then(|| Instant::now() + REST);
    }

    fn steps(&mut self, asks: &mut Vec<Ask>) -> Vec<Step> {
        let open = self.ledger.transfers(STEPS_MAX + self.transfers.resting.len());
        // What another writer has ended is nobody's any more.
        let is_open = |(host, number): &(AccountId, u64)| {
            open.iter().any(|it| it.host.account == *host && it.open.transfer == *number)
        };
        self.transfers.received.retain(|it, _| is_open(it));
        self.transfers.resting.retain(is_open);
        let mut steps = vec![];
        for transfer in open {
            let number = (transfer.host.account.clone(), transfer.open.transfer);
            if self.transfers.resting.rests(&number) {
                continue;
            }
            let Some((request, is_last)) = self.transfers.request(&transfer) else { continue };
            let (reply, outcome) = oneshot::channel();
            steps.push(Step { transfer, is_last, command: request.id.clone(), outcome });
            asks.push(Ask { request, reply });
        }
        steps
    }

    /// Takes note of what became of a step. Says `false` when it is not known.
    async fn take_step(&mut self, mut step: Step) -> bool {
        let number = (step.transfer.host.account.clone(), step.transfer.open.transfer);
        let outcome = step.outcome.try_recv();
        if step.is_last {
            return match outcome {
                Ok(Outcome::Accepted { .. } | Outcome::Repeated { .. }) => {
                    self.transfers.received.remove(&number);
                    true
                }
                // It rests, and no other transfer does.
                Ok(Outcome::Refused(refusal @ Refusal::Poison(_))) => {
                    tracing::error!(code = refusal.code(), %refusal, "the end of a transfer is refused");
                    self.transfers.resting.failed(number);
                    true
                }
                Ok(Outcome::Refused(refusal)) => {
                    tracing::error!(code = refusal.code(), %refusal, "the end of a transfer is refused");
                    false
                }
                Ok(Outcome::Unavailable(_)) | Err(_) => false,
            };
        }
        let received = match outcome {
            Ok(Outcome::Accepted { records, .. }) => said(&records, &step),
            Ok(Outcome::Repeated { sequence }) => self.said_at(sequence, &step).await,
            Ok(Outcome::Refused(refusal)) => {
                tracing::error!(code = refusal.code(), %refusal, "a transfer is not received");
                Some(Received::refused(&refusal))
            }
            Ok(Outcome::Unavailable(_)) | Err(_) => None,
        };
        let known = received.is_some();
        self.transfers.received.extend(received.map(|it| (number, it)));
        known
    }

    /// What a receiver has said in an earlier commit.
    async fn said_at(&self, sequence: u64, step: &Step) -> Option<Received> {
        let found = match self.log.message_at(sequence).await {
            Ok(found) => found?,
            Err(error) => {
                tracing::warn!(%error, sequence, "what a receiver has said cannot be read");
                return None;
            }
        };
        let (receiver, command) = (&step.transfer.receiver, &step.command);
        said(&wire::decode_of(&found.payload, receiver, command).ok()?, step)
    }
}

fn said(records: &[Record], step: &Step) -> Option<Received> {
    let of_step =
        |it: &&Record| it.account == step.transfer.receiver && it.command.id == step.command;
    records.iter().filter(of_step).find_map(|it| Received::of(&it.event))
}
