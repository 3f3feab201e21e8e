//! A live assignment as an account knows it.

use crate::metadata::Metadata;
use crate::moment::Moment;
use crate::text::{AssignmentId, Label};

/// A live assignment, in 40 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// Its id.
    pub id: AssignmentId,
    pub(crate) kept: Option<Box<Kept>>,
    pub(crate) license: u32,
    pub(crate) holder: u32,
    /// The row of the holder's next assignment, or [`NONE`].
    pub(super) next: u32,
    /// Whether it holds a seat.
    pub active: bool,
    /// Whether downstream provisioning is done.
    pub fulfilled: bool,
    /// Whether it stands on the ground `direct`.
    pub direct: bool,
}

/// No row.
pub(super) const NONE: u32 = u32::MAX;

/// What few assignments have.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Kept {
    pub(crate) redirect_to: Option<Label>,
    pub(crate) metadata: Option<Metadata>,
    pub(crate) ends_at: Option<Moment>,
    /// Grounds of groups, each group at most once, in the order of their rows.
    pub(crate) groups: Vec<GroupGround>,
}

/// A ground that a group gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct GroupGround {
    pub(crate) group: u32,
    /// Whether the group gives it no more.
    pub(crate) orphan: bool,
}

impl Kept {
    /// In a box, if there is anything to keep.
    pub(crate) fn boxed(self) -> Option<Box<Kept>> {
        let nothing = self.redirect_to.is_none() && self.metadata.is_none();
        match nothing && self.ends_at.is_none() && self.groups.is_empty() {
            true => None,
            false => Some(Box::new(self)),
        }
    }
}

impl Assignment {
    /// Where the holder is sent.
    pub fn redirect_to(&self) -> Option<&Label> {
        self.kept.as_ref()?.redirect_to.as_ref()
    }

    /// Anything else.
    pub fn metadata(&self) -> Option<&Metadata> {
        self.kept.as_ref()?.metadata.as_ref()
    }

    /// When it ends by itself.
    pub fn ends_at(&self) -> Option<Moment> {
        self.kept.as_ref()?.ends_at
    }

    /// The grounds that groups gave.
    pub(crate) fn groups(&self) -> &[GroupGround] {
        self.kept.as_ref().map_or(&[], |it| &it.groups)
    }

    /// Whether it stands on any ground.
    pub(crate) fn stands(&self) -> bool {
        self.direct || !self.groups().is_empty()
    }

    /// The same with something else kept.
    pub(super) fn with(mut self, change: impl FnOnce(&mut Kept)) -> Assignment {
        let mut kept = self.kept.take().map(|it| *it).unwrap_or_default();
        change(&mut kept);
        kept.groups.sort_unstable();
        Assignment { kept: kept.boxed(), ..self }
    }
}
