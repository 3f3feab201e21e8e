//! Why assignments stand.

use super::{Account, Assignment, GroupGround, Inconsistent};
use crate::event::{AssignmentTransferred, Ground, GroundChanged};
use crate::text::GroupId;

impl Account {
    /// The grounds of an assignment of this account: `direct` first, then those of groups in the
    /// order in which the groups came to be.
    pub fn grounds_of(&self, assignment: &Assignment) -> Vec<Ground> {
        let direct = assignment.direct.then_some(Ground::Direct);
        let of_group = |it: &GroupGround| {
            let id = self.groups[it.group as usize].id.clone();
            if it.orphan { Ground::Orphan(id) } else { Ground::Group(id) }
        };
        direct.into_iter().chain(assignment.groups().iter().map(of_group)).collect()
    }

    /// Whether an assignment stands on what a group gives.
    pub(crate) fn is_leased(&self, assignment: &Assignment, group: &GroupId) -> bool {
        let row = self.group_ids.get(group).copied();
        assignment.groups().iter().any(|it| Some(it.group) == row && !it.orphan)
    }

    /// Grounds of groups as rows, each once, and whether `direct` is among them.
    pub(super) fn ground_rows(
        &self,
        grounds: &[Ground],
    ) -> Result<(bool, Vec<GroupGround>), Inconsistent> {
        let (mut direct, mut groups) = (false, vec![]);
        for ground in grounds {
            match ground {
                Ground::Direct => direct = true,
                Ground::Group(id) => {
                    groups.push(GroupGround { group: self.group_row(id)?, orphan: false });
                }
                Ground::Orphan(id) => {
                    groups.push(GroupGround { group: self.group_row(id)?, orphan: true });
                }
            }
        }
        groups.sort_unstable();
        Ok((direct, groups))
    }

    pub(super) fn ground_added(&mut self, it: &GroundChanged) -> Result<(), Inconsistent> {
        let (direct, groups) = self.ground_rows(std::slice::from_ref(&it.ground))?;
        self.change_grounds(it, |row| {
            let twice = direct && row.direct || groups.iter().any(|it| row.groups().contains(it));
            let row = Assignment { direct: row.direct || direct, ..row };
            let row = row.with(|kept| {
                for ground in &groups {
                    kept.groups.retain(|it| it.group != ground.group);
                    kept.groups.push(*ground);
                }
            });
            (!twice).then_some(row)
        })
    }

    pub(super) fn ground_removed(&mut self, it: &GroundChanged) -> Result<(), Inconsistent> {
        let (direct, groups) = self.ground_rows(std::slice::from_ref(&it.ground))?;
        self.change_grounds(it, |row| {
            let there = !direct || row.direct;
            let there = there && groups.iter().all(|it| row.groups().contains(it));
            let row = Assignment { direct: row.direct && !direct, ..row };
            let row = row.with(|kept| kept.groups.retain(|it| !groups.contains(it)));
            // The last ground is never removed: the assignment is revoked instead.
            (there && row.stands()).then_some(row)
        })
    }

    fn change_grounds(
        &mut self,
        it: &GroundChanged,
        change: impl FnOnce(Assignment) -> Option<Assignment>,
    ) -> Result<(), Inconsistent> {
        let row = self.live_row(it.assignment, &it.license, &it.holder)?;
        let before = self.assignments[row as usize].clone();
        let after = before.and_then(change);
        let after = after.ok_or(Inconsistent::Ground(it.assignment))?;
        self.put_assignment(row, Some(after));
        Ok(())
    }

    pub(super) fn transferred(&mut self, it: &AssignmentTransferred) -> Result<(), Inconsistent> {
        let row = self.live_row(it.assignment, &it.license, &it.from)?;
        let holder = self.known_row(&it.holder)?;
        let Some(before) = self.assignments[row as usize].clone() else {
            return Err(Inconsistent::AssignmentMissing(it.assignment));
        };
        if self.seat_row(before.license, holder).is_some() {
            return Err(Inconsistent::AssignmentTwice(it.assignment));
        }
        self.put_assignment(row, None);
        self.put_assignment(row, Some(Assignment { holder, ..before }));
        Ok(())
    }
}
