//! Groups: who is in them, and what they give.

use hashbrown::HashMap;

use super::{Account, Assignment, GroupGround, Inconsistent, next_row};
use crate::event::{GroupNamed, GroupRuleSet, MemberAdded, MemberRemoved};
use crate::holder::{Holder, HolderKey};
use crate::policy::Leaving;
use crate::rule::Grant;
use crate::text::{GroupId, Label};

/// A group as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub id: GroupId,
    /// Its number.
    pub number: u64,
    /// A label.
    pub name: Option<Label>,
    /// What it gives.
    pub grants: Vec<Grant>,
    /// Whether members are still to be served.
    pub unfinished: bool,
    /// What becomes of what the group gave and gives no more, while not all of it is withdrawn.
    pub withdrawing: Option<Leaving>,
}

impl Account {
    /// The group of that name.
    pub fn group(&self, id: &GroupId) -> Option<&Group> {
        self.group_ids.get(id).map(|row| &self.groups[*row as usize])
    }

    /// All groups, in the order in which they came to be.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The members of a group, in the order in which they are served.
    pub fn members_of(&self, id: &GroupId) -> impl Iterator<Item = &Holder> {
        let order = self.group_ids.get(id).map(|row| &self.orders[*row as usize]);
        order.into_iter().flat_map(|it| it.values()).map(|it| &self.holders[*it as usize].holder)
    }

    /// The groups of a holder, in the order in which the groups came to be.
    pub fn groups_of(&self, key: HolderKey<'_>) -> impl Iterator<Item = &Group> {
        let groups = self.holder_row(key).and_then(|row| self.memberships.get(&row));
        groups.into_iter().flatten().map(|row| &self.groups[*row as usize])
    }

    /// The place of a member of a group.
    pub(crate) fn place_of(&self, id: &GroupId, key: HolderKey<'_>) -> Option<u64> {
        let (group, holder) = self.group_ids.get(id).zip(self.holder_row(key))?;
        self.members.get(&(*group, holder)).copied()
    }

    /// Whether somebody is in a group.
    pub fn is_member(&self, id: &GroupId, key: HolderKey<'_>) -> bool {
        let of = self.group_ids.get(id).zip(self.holder_row(key));
        of.is_some_and(|(group, holder)| self.members.contains_key(&(*group, holder)))
    }

    /// Members who have what a group gives by this grant, each once, by however many licenses and
    /// whatever became of these.
    pub fn leases(&self, id: &GroupId, grant: &Grant) -> i64 {
        let Some(group) = self.group_ids.get(id) else { return 0 };
        let count = |counts: &HashMap<(u32, u32), i64>, license: &u32| {
            counts.get(&(*group, *license)).copied().unwrap_or_default()
        };
        let of = |license: &u32| count(&self.leased, license);
        match (&grant.license, &grant.product) {
            (Some(license), _) => self.license_row(license).as_ref().map_or(0, of),
            (None, Some(product)) => {
                let rows = self.license_rows.whole(product);
                let again = rows.first().map_or(0, |it| count(&self.leased_again, it));
                rows.iter().map(of).sum::<i64>() - again
            }
            (None, None) => 0,
        }
    }

    /// Counts what groups have given with the assignment of a row, one more or less. The other ones
    /// of its holder are there meanwhile.
    pub(super) fn count_leases(&mut self, row: u32, by: i64) {
        let Some(it) = &self.assignments[row as usize] else { return };
        let given = it.groups().iter().filter(|it| !it.orphan).map(|it| it.group);
        let besides = |group: u32| (group, self.has_besides(it, group));
        let given: Vec<(u32, Option<u32>)> = given.map(besides).collect();
        let license = it.license;
        for (group, product) in given {
            count(&mut self.leased, (group, license), by);
            if let Some(product) = product {
                count(&mut self.leased_again, (group, product), by);
            }
        }
    }

    /// The first license of the product of an assignment, where its holder has another one of that
    /// product from the group. Parts are no product's.
    fn has_besides(&self, it: &Assignment, group: u32) -> Option<u32> {
        let license = &self.licenses[it.license as usize];
        let other = |other: &Assignment| {
            let of = &self.licenses[other.license as usize];
            let leased = |it: &GroupGround| it.group == group && !it.orphan;
            other.license != it.license
                && (&of.product, &of.parent) == (&license.product, &None)
                && other.groups().iter().any(leased)
        };
        let besides = license.parent.is_none() && self.live_of(it.holder).any(other);
        self.license_rows.whole(&license.product).first().copied().filter(|_| besides)
    }

    pub(super) fn group_row(&self, id: &GroupId) -> Result<u32, Inconsistent> {
        let row = self.group_ids.get(id).copied();
        row.ok_or_else(|| Inconsistent::GroupMissing(id.clone()))
    }

    pub(super) fn group_named(&mut self, it: &GroupNamed) -> Result<(), Inconsistent> {
        let row = match self.group_ids.get(&it.group) {
            Some(row) => *row,
            None => next_row(self.groups.len())?,
        };
        let group = match self.groups.get(row as usize) {
            Some(group) => Group { name: it.name.clone(), number: it.number, ..group.clone() },
            None => Group {
                id: it.group.clone(),
                number: it.number,
                name: it.name.clone(),
                grants: vec![],
                unfinished: false,
                withdrawing: None,
            },
        };
        self.put_group(row, Some(group));
        Ok(())
    }

    pub(super) fn group_rule_set(&mut self, it: &GroupRuleSet) -> Result<(), Inconsistent> {
        let row = self.group_row(&it.group)?;
        let before = self.groups[row as usize].clone();
        let (grants, unfinished, withdrawing) = (it.grants.clone(), it.unfinished, it.withdrawing);
        let group = Group { grants, unfinished, withdrawing, ..before };
        self.put_group(row, Some(group));
        Ok(())
    }

    pub(super) fn group_rule_applied(&mut self, id: &GroupId) -> Result<(), Inconsistent> {
        let row = self.group_row(id)?;
        let before = self.groups[row as usize].clone();
        let group = Group { unfinished: false, withdrawing: None, ..before };
        self.put_group(row, Some(group));
        Ok(())
    }

    pub(super) fn member_added(&mut self, it: &MemberAdded) -> Result<(), Inconsistent> {
        let group = self.group_row(&it.group)?;
        let holder = self.know(&it.holder, it.holder_number)?;
        let taken = self.orders[group as usize].contains_key(&it.place);
        if taken || self.members.contains_key(&(group, holder)) {
            return Err(Inconsistent::Member(it.group.clone(), it.holder.clone()));
        }
        self.put_member(group, holder, Some(it.place));
        Ok(())
    }

    pub(super) fn member_removed(&mut self, it: &MemberRemoved) -> Result<(), Inconsistent> {
        let (group, holder) = (self.group_row(&it.group)?, self.known_row(&it.holder)?);
        if !self.members.contains_key(&(group, holder)) {
            return Err(Inconsistent::Member(it.group.clone(), it.holder.clone()));
        }
        self.put_member(group, holder, None);
        Ok(())
    }

    /// Writes a group row: `None` takes away the newest one, which has no members.
    pub(super) fn put_group(&mut self, row: u32, after: Option<Group>) {
        self.begin_change();
        let is_unfinished = |it: &Group| usize::from(it.unfinished);
        self.unfinished += after.as_ref().map_or(0, is_unfinished);
        self.unfinished -= self.groups.get(row as usize).map_or(0, is_unfinished);
        let before = match after {
            Some(after) if row as usize == self.groups.len() => {
                self.group_ids.insert(after.id.clone(), row);
                self.groups.push(after);
                self.orders.push(Default::default());
                None
            }
            Some(after) => Some(std::mem::replace(&mut self.groups[row as usize], after)),
            None => {
                self.orders.pop();
                let before = self.groups.pop();
                if let Some(it) = &before {
                    self.group_ids.remove(&it.id);
                }
                before
            }
        };
        self.keep(super::Before::Group(row, before.map(Box::new)));
    }

    /// Writes the place of a holder in a group: `None` for one who is no member.
    pub(super) fn put_member(&mut self, group: u32, holder: u32, after: Option<u64>) {
        self.begin_change();
        let before = match after {
            Some(place) => self.members.insert((group, holder), place),
            None => self.members.remove(&(group, holder)),
        };
        if let Some(place) = before {
            self.orders[group as usize].remove(&place);
        }
        match after {
            Some(place) => {
                self.orders[group as usize].insert(place, holder);
                self.memberships.entry(holder).or_default().insert(group);
            }
            None => {
                if let Some(groups) = self.memberships.get_mut(&holder) {
                    groups.remove(&group);
                    if groups.is_empty() {
                        self.memberships.remove(&holder);
                    }
                }
            }
        }
        self.keep(super::Before::Member(group, holder, before));
    }
}

/// Keeps a count, without those that are nothing.
fn count(counts: &mut HashMap<(u32, u32), i64>, key: (u32, u32), by: i64) {
    let count = counts.entry(key).or_default();
    *count += by;
    if *count == 0 {
        counts.remove(&key);
    }
}
