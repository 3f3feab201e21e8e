//! What is decided for a license: by itself, by its account, or by nobody.

use super::{Account, License};
use crate::policy::{DirectSets, Leaving, Lowering, MayHold, Policy};

impl Account {
    /// What is decided for the whole account.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Seats that a license gives out at most.
    pub fn limit(&self, license: &License) -> i64 {
        // What the account decides counts once: for the license, not for its parts as well.
        let of_account = self.policy.overage.filter(|_| license.parent.is_none());
        let overage = license.policy.overage.or(of_account).unwrap_or_default();
        overage.limit(license.quantity)
    }

    pub(crate) fn lowering(&self, license: &License) -> Lowering {
        license.policy.lowering.or(self.policy.lowering).unwrap_or(Lowering::Refuse)
    }

    pub(crate) fn leaving(&self, license: &License) -> Leaving {
        license.policy.leaving.or(self.policy.leaving).unwrap_or(Leaving::Release)
    }

    pub(crate) fn may_hold(&self, license: &License) -> MayHold {
        license.policy.may_hold.or(self.policy.may_hold).unwrap_or(MayHold::Anyone)
    }

    pub(crate) fn direct_sets(&self) -> DirectSets {
        self.policy.direct_sets.unwrap_or(DirectSets::Replace)
    }
}
