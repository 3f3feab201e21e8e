//! Whether an account is as it was, after a commit in the making was taken back.
//!
//! Taking the journal back is exact as long as the code does what it should. Where judging has
//! panicked it has not, so it is looked at before anything more is judged: no change was left half
//! done, each row that was touched is the one it was, and the seats of each license that was touched
//! are as many as its assignments say.

use std::collections::BTreeMap;

use super::{Account, Assignment, Before, License, Mark};
use crate::text::AccountId;

/// What a commit in the making has touched of an account, as it was before.
#[derive(Debug)]
pub(crate) struct Touched {
    rows: BTreeMap<(&'static str, u64, String), Before>,
    licenses: Vec<u32>,
}

/// An account that is not as it was: nothing may be judged against it any more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("account {account} is not as it was before: {what}")]
pub struct NotRestored {
    /// Which account.
    pub account: AccountId,
    /// What of it.
    pub what: String,
}

impl Account {
    /// What was touched since [`Account::keep_journal`]. The rows are as they were before the first
    /// of their changes.
    pub(crate) fn touched_rows(&self) -> Touched {
        let mut rows = BTreeMap::new();
        for before in &self.journal {
            rows.entry(place(before)).or_insert_with(|| before.clone());
        }
        Touched { rows, licenses: self.touched(Mark::START) }
    }

    /// Whether all that was touched is as it was.
    pub(crate) fn is_restored(&self, touched: &Touched) -> Result<(), NotRestored> {
        let is_not = |what: String| NotRestored { account: self.id.clone(), what };
        if self.changing > 0 || self.broken.is_some() || !self.journal.is_empty() {
            return Err(is_not("a change is half done".to_owned()));
        }
        let other = touched.rows.iter().find(|(_, before)| !self.is_as(before));
        if let Some(((kind, number, name), _)) = other {
            return Err(is_not(format!("{kind} {number} {name}").trim_end().to_owned()));
        }
        self.counts_fit(&touched.licenses).map_err(|it| is_not(format!("the seats of {}", it.id)))
    }

    fn is_as(&self, before: &Before) -> bool {
        match before {
            Before::Nothing => !self.exists,
            Before::License(row, before) => {
                same_license(self.licenses.get(*row as usize), before.as_deref())
            }
            Before::Holder(row, before) => self.holders.get(*row as usize) == before.as_ref(),
            Before::Assignment(row, before) => {
                let now = self.assignments.get(*row as usize).and_then(Option::as_ref);
                same_assignment(now, before.as_ref())
            }
            Before::Ended(id) => !self.ended.contains(id),
            Before::Policy(before) => self.policy == **before,
            Before::Group(row, before) => self.groups.get(*row as usize) == before.as_deref(),
            Before::Member(group, holder, before) => {
                self.members.get(&(*group, *holder)) == before.as_ref()
            }
            Before::Wait(place, before) => self.waits.get(place) == before.as_deref(),
            Before::Schedule(number, before) => self.schedules.get(number) == before.as_deref(),
            Before::EndedSchedule(number) => !self.ended_schedules.contains(number),
            Before::Container(id, before) => self.containers.get(id) == before.as_ref(),
            Before::Given(row, receiver, before) => {
                let given = self.given.get(row).and_then(|it| it.get(receiver));
                given == before.as_deref()
            }
            Before::Key(id, before) => self.keys.get(id) == before.as_deref(),
        }
    }

    /// Whether licenses count what a look at every row does; else one that does not.
    fn counts_fit(&self, rows: &[u32]) -> Result<(), &License> {
        let mut counts: BTreeMap<u32, (i64, i64)> = rows.iter().map(|it| (*it, (0, 0))).collect();
        for it in self.assignments() {
            if let Some((live, held)) = counts.get_mut(&it.license) {
                *live += 1;
                *held += i64::from(it.active);
            }
        }
        for (row, counted) in counts {
            // One that the commit would have made is not there any more.
            let Some(license) = self.licenses.get(row as usize) else { continue };
            let over = license.over_allocated == self.excess(license).is_some();
            if (license.live, license.held) != counted || !over {
                return Err(license);
            }
        }
        Ok(())
    }
}

/// What tells the rows of an account apart.
fn place(before: &Before) -> (&'static str, u64, String) {
    let (kind, number, name) = match before {
        Before::Nothing => ("existence", 0, None),
        Before::License(row, _) => ("license", u64::from(*row), None),
        Before::Holder(row, _) => ("holder", u64::from(*row), None),
        Before::Assignment(row, _) => ("assignment", u64::from(*row), None),
        Before::Ended(id) => ("ended assignment", 0, Some(id.to_string())),
        Before::Policy(_) => ("policy", 0, None),
        Before::Group(row, _) => ("group", u64::from(*row), None),
        Before::Member(group, holder, _) => {
            ("member", u64::from(*group) << 32 | u64::from(*holder), None)
        }
        Before::Wait(place, _) => ("place", *place, None),
        Before::Schedule(number, _) => ("schedule", *number, None),
        Before::EndedSchedule(number) => ("ended schedule", *number, None),
        Before::Container(id, _) => ("container", 0, Some(id.to_string())),
        Before::Given(row, receiver, _) => ("given", u64::from(*row), Some(receiver.to_string())),
        Before::Key(id, _) => ("key", 0, Some(id.to_string())),
    };
    (kind, number, name.unwrap_or_default())
}

/// Seats change without the license being kept: they follow from its assignments and its parts.
fn same_license(now: Option<&License>, before: Option<&License>) -> bool {
    match (now, before) {
        (Some(now), Some(before)) => {
            let (held, live, allocated) = (now.held, now.live, now.allocated);
            *now == License { held, live, allocated, ..before.clone() }
        }
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// The other assignments of a holder may stand in another order.
fn same_assignment(now: Option<&Assignment>, before: Option<&Assignment>) -> bool {
    match (now, before) {
        (Some(now), Some(before)) => *now == Assignment { next: now.next, ..before.clone() },
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}
