//! Rules about policies.

use super::{Case, find_living};
use crate::command::SetPolicy;
use crate::event::{Event, PolicySet};
use crate::policy::{Lowering, Policy};
use crate::refusal::Refusal;

impl Case<'_> {
    pub(super) fn set_policy(&mut self, it: &SetPolicy) -> Result<(), Refusal> {
        let before = match &it.license {
            Some(license) => &find_living(self.account, license)?.policy,
            None => self.account.policy(),
        };
        let policy = Policy {
            overage: it.overage.over(&before.overage),
            lowering: it.lowering.over(&before.lowering),
            leaving: it.leaving.over(&before.leaving),
            may_hold: it.may_hold.over(&before.may_hold),
            direct_sets: it.direct_sets.over(&before.direct_sets),
        };
        if policy == *before {
            return Ok(());
        }
        let fits = |it: &crate::account::License| it.taken() <= self.account.limit(it);
        let fitted: Vec<bool> = self.account.licenses().iter().map(fits).collect();
        self.cause(Event::PolicySet(PolicySet { license: it.license.clone(), policy }));
        // A lower limit is a lowering too.
        for (license, fitted) in self.account.licenses().iter().zip(fitted) {
            let limit = self.account.limit(license);
            if fitted && license.taken() > limit {
                match self.account.lowering(license) {
                    Lowering::Tolerate => {}
                    Lowering::Refuse => {
                        return Err(Refusal::QuantityBelowUse {
                            license: license.id.clone(),
                            held: license.held,
                            shared: license.allocated,
                            quantity: limit,
                        });
                    }
                }
            }
        }
        Ok(())
    }
}
