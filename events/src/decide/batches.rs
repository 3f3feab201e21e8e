//! Rules about several commands as one.

use super::Case;
use crate::command::ApplyBatch;
use crate::refusal::Refusal;

impl Case<'_> {
    /// One command after the other, each as if it had been sent alone. What follows from one follows
    /// before the next is judged: a batch overtakes nobody who waits.
    pub(super) fn apply_batch(&mut self, it: &ApplyBatch) -> Result<(), Refusal> {
        for (place, command) in it.commands.iter().enumerate() {
            let (mark, from) = (self.account.mark(), self.events.len());
            self.decide(command).map_err(|refusal| Refusal::InBatch {
                place,
                kind: command.kind(),
                refusal: Box::new(refusal),
            })?;
            self.settle(mark, from, false);
        }
        Ok(())
    }
}
