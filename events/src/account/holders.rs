//! Who is known to an account.

use super::assignment::NONE;
use super::{Account, Assignment, Inconsistent, next_row};
use crate::event::{DirectSetDeclared, HolderLinked, HolderRegistered};
use crate::holder::{Holder, HolderKey};
use crate::text::{Label, ProductId};

/// A holder as known here: with everything that was ever said of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Who.
    pub holder: Holder,
    /// Their number; 0 for one whom only releases without such numbers have named.
    pub number: u64,
    more: Option<Box<More>>,
}

/// What is said of few holders.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct More {
    user_name: Option<Label>,
    display_name: Option<Label>,
    registered: bool,
    retired: bool,
    direct_set: Option<DirectSet>,
    /// The row of the user whom this address names.
    linked: Option<u32>,
}

/// Everything that somebody has directly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectSet {
    /// Which products.
    pub products: Box<[ProductId]>,
    /// Whether another system looks after these seats.
    pub external: bool,
}

impl Known {
    fn new(holder: Holder, number: u64) -> Known {
        Known { holder, number, more: None }
    }

    /// What they are called where they sign in.
    pub fn user_name(&self) -> Option<&Label> {
        self.more.as_ref()?.user_name.as_ref()
    }

    /// What they are called by people.
    pub fn display_name(&self) -> Option<&Label> {
        self.more.as_ref()?.display_name.as_ref()
    }

    /// Whether somebody said who they are.
    pub fn is_registered(&self) -> bool {
        self.more.as_ref().is_some_and(|it| it.registered)
    }

    /// Whether they get nothing any more.
    pub fn is_retired(&self) -> bool {
        self.more.as_ref().is_some_and(|it| it.retired)
    }

    /// What they have directly, if it is a set.
    pub fn direct_set(&self) -> Option<&DirectSet> {
        self.more.as_ref()?.direct_set.as_ref()
    }

    fn with(mut self, change: impl FnOnce(&mut More)) -> Known {
        let mut more = self.more.take().map(|it| *it).unwrap_or_default();
        change(&mut more);
        let nothing = more == More::default();
        Known { more: if nothing { None } else { Some(Box::new(more)) }, ..self }
    }
}

impl Account {
    /// The holder as known here: with everything that was ever said of them. An address that names
    /// a user gives that user.
    pub fn holder(&self, key: HolderKey<'_>) -> Option<&Holder> {
        self.known(key).map(|it| &it.holder)
    }

    /// The same with what else is known.
    pub fn known(&self, key: HolderKey<'_>) -> Option<&Known> {
        self.holder_row(key).map(|row| &self.holders[row as usize])
    }

    /// The live assignments of a holder, in the order in which their licenses were allocated.
    pub fn assignments_of(&self, key: HolderKey<'_>) -> Vec<&Assignment> {
        let Some(holder) = self.holder_row(key) else { return vec![] };
        let mut all: Vec<_> = self.live_of(holder).collect();
        all.sort_unstable_by_key(|it| it.license);
        all
    }

    /// The live assignments of a holder, in no order that matters.
    pub(super) fn live_of(&self, holder: u32) -> impl Iterator<Item = &Assignment> {
        let row = |row: u32| self.assignments.get(row as usize).and_then(Option::as_ref);
        std::iter::successors(row(self.heads[holder as usize]), move |it| row(it.next))
    }

    /// The row of a holder: of the user, for an address that names one.
    pub(super) fn holder_row(&self, key: HolderKey<'_>) -> Option<u32> {
        let row = self.own_row(key)?;
        let linked = self.holders[row as usize].more.as_ref().and_then(|it| it.linked);
        Some(linked.unwrap_or(row))
    }

    /// The row of a holder, whether or not it is an address that names a user.
    pub(super) fn own_row(&self, key: HolderKey<'_>) -> Option<u32> {
        let same = |row: &u32| self.holders[*row as usize].holder.key() == key;
        self.holder_keys.find(self.hash(key), same).copied()
    }

    pub(super) fn known_row(&self, holder: &Holder) -> Result<u32, Inconsistent> {
        let row = self.own_row(holder.key());
        row.ok_or_else(|| Inconsistent::HolderMissing(holder.clone()))
    }

    /// The row of a holder, made or brought up to date with what the event says of them.
    pub(super) fn know(
        &mut self,
        holder: &Holder,
        number: Option<u64>,
    ) -> Result<u32, Inconsistent> {
        let Some(row) = self.own_row(holder.key()) else {
            let row = next_row(self.holders.len())?;
            self.put_holder(row, Some(Known::new(holder.clone(), number.unwrap_or_default())));
            return Ok(row);
        };
        let before = &self.holders[row as usize];
        let number = number.unwrap_or(before.number);
        if before.holder != *holder || before.number != number {
            let after = Known { holder: holder.clone(), number, ..before.clone() };
            self.put_holder(row, Some(after));
        }
        Ok(row)
    }

    fn change_holder(
        &mut self,
        holder: &Holder,
        change: impl FnOnce(&mut More),
    ) -> Result<(), Inconsistent> {
        let row = self.known_row(holder)?;
        let after = self.holders[row as usize].clone().with(change);
        self.put_holder(row, Some(after));
        Ok(())
    }

    pub(super) fn holder_registered(&mut self, it: &HolderRegistered) -> Result<(), Inconsistent> {
        self.know(&it.holder, Some(it.number))?;
        self.change_holder(&it.holder, |more| {
            more.user_name.clone_from(&it.user_name);
            more.display_name.clone_from(&it.display_name);
            more.registered = it.registered;
            more.retired = more.retired && !it.registered;
        })
    }

    pub(super) fn holder_linked(&mut self, it: &HolderLinked) -> Result<(), Inconsistent> {
        let (from, to) = (self.known_row(&it.from)?, self.known_row(&it.holder)?);
        let idle = self.heads[from as usize] == NONE
            && !self.memberships.contains_key(&from)
            && !self.waits_of.contains_key(&from);
        if from == to || !idle {
            return Err(Inconsistent::HolderMissing(it.from.clone()));
        }
        self.change_holder(&it.from, |more| more.linked = Some(to))
    }

    pub(super) fn holder_retired(&mut self, holder: &Holder) -> Result<(), Inconsistent> {
        self.change_holder(holder, |more| more.retired = true)
    }

    pub(super) fn direct_set_declared(
        &mut self,
        it: &DirectSetDeclared,
    ) -> Result<(), Inconsistent> {
        let set = DirectSet { products: it.products.clone().into(), external: it.external };
        self.change_holder(&it.holder, |more| more.direct_set = Some(set))
    }

    pub(super) fn direct_set_cleared(&mut self, holder: &Holder) -> Result<(), Inconsistent> {
        self.change_holder(holder, |more| more.direct_set = None)
    }
}
