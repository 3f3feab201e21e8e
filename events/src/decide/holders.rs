//! Rules about who holders are.

use super::Case;
use crate::command::{RegisterHolder, RetireHolder};
use crate::event::{
    DirectSetCleared, Event, HolderRegistered, HolderRetired, MemberRemoved, WaitEnd,
};
use crate::holder::Holder;
use crate::refusal::Refusal;
use crate::text::AssignmentId;

impl Case<'_> {
    pub(super) fn register(&mut self, it: &RegisterHolder) -> Result<(), Refusal> {
        // An address that was known of them, and is another user's since, is not asked for.
        self.address_is_free(&it.holder)?;
        let holder = self.in_full(&it.holder);
        let known = self.account.known(holder.key());
        let user_name = it.user_name.over(&known.and_then(|it| it.user_name()).cloned());
        let display_name = it.display_name.over(&known.and_then(|it| it.display_name()).cloned());
        let as_asked = known.is_some_and(|it| {
            it.holder == holder
                && it.number != 0
                && it.is_registered()
                && !it.is_retired()
                && (it.user_name(), it.display_name())
                    == (user_name.as_ref(), display_name.as_ref())
        });
        if as_asked {
            return Ok(());
        }
        let number = match known.map(|it| it.number) {
            Some(number) if number != 0 => number,
            Some(_) | None => self.mint.number(),
        };
        self.cause(Event::HolderRegistered(HolderRegistered {
            holder,
            number,
            user_name,
            display_name,
            registered: true,
        }));
        Ok(())
    }

    /// Refuses an address that names another user.
    pub(super) fn address_is_free(&self, holder: &Holder) -> Result<(), Refusal> {
        let (Some(_), Some(email)) = (&holder.user, &holder.email) else { return Ok(()) };
        let named = self.account.holder(Holder::email(email.clone()).key());
        match named.and_then(|it| it.user.as_ref()) {
            Some(user) if holder.user.as_ref() != Some(user) => {
                let (email, user) = (email.clone(), user.clone());
                Err(Refusal::AlreadyLinked { email, user })
            }
            Some(_) | None => Ok(()),
        }
    }

    pub(super) fn retire_holder(&mut self, it: &RetireHolder) -> Result<(), Refusal> {
        let Some(known) = self.account.known(it.holder.key()) else {
            return Err(Refusal::HolderNotFound(it.holder.clone()));
        };
        if known.is_retired() {
            return Ok(());
        }
        let (holder, has_set) = (known.holder.clone(), known.direct_set().is_some());
        self.end_waits(&holder, WaitEnd::Withdrawn, |_| true);
        let groups: Vec<_> = self.account.groups_of(holder.key()).map(|it| it.id.clone()).collect();
        for group in groups {
            let holder = holder.clone();
            self.cause(Event::MemberRemoved(MemberRemoved { group, holder }));
        }
        for id in self.assignment_ids(&holder) {
            self.remove_grounds(id, |_| true);
        }
        if has_set {
            self.cause(Event::DirectSetCleared(DirectSetCleared { holder: holder.clone() }));
        }
        self.cause(Event::HolderRetired(HolderRetired { holder }));
        Ok(())
    }

    pub(super) fn assignment_ids(&self, holder: &Holder) -> Vec<AssignmentId> {
        self.account.assignments_of(holder.key()).into_iter().map(|it| it.id).collect()
    }
}
