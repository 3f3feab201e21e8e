//! A license as an account knows it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Hosted;
use crate::command::{GraceDays, Quantity};
use crate::event::WindowChanged;
use crate::metadata::Metadata;
use crate::moment::Moment;
use crate::policy::Policy;
use crate::text::{ContainerId, ExternalId, Label, LicenseId, ProductId, Source};

/// Whether a license can be used.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum LicenseState {
    /// It can, inside its window.
    Active,
    /// Not for now.
    Suspended,
    /// Never again.
    Retired,
}

impl LicenseState {
    /// As written.
    pub fn as_str(self) -> &'static str {
        match self {
            LicenseState::Active => "active",
            LicenseState::Suspended => "suspended",
            LicenseState::Retired => "retired",
        }
    }
}

/// A license as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct License {
    /// Its name.
    pub id: LicenseId,
    /// Its number.
    pub number: u64,
    /// What its seats are of.
    pub product: ProductId,
    /// Who in the account holds the quantity.
    pub container: Option<ContainerId>,
    /// Seats.
    pub quantity: i64,
    /// The license whose quantity it is a part of.
    pub parent: Option<LicenseId>,
    /// Where it comes from, if another account gives it.
    pub hosted: Option<Box<Hosted>>,
    /// Seats that its parts take of it, and seats that are kept for other accounts.
    pub allocated: i64,
    /// Seats that are held: live, active assignments.
    pub held: i64,
    /// Live assignments, inactive ones included.
    pub live: i64,
    /// Whether more seats are taken than it gives out, or shared out than it has, as the log says.
    pub over_allocated: bool,
    /// What is decided for it alone.
    pub policy: Policy,
    /// Whether it can be used.
    pub state: LicenseState,
    /// In force from here, inclusive.
    pub starts_at: Option<Moment>,
    /// In force until here, exclusive.
    pub ends_at: Option<Moment>,
    /// Days after the end in which it can still be used.
    pub grace_days: Option<GraceDays>,
    /// Which of its moments have come, as the log says.
    pub(crate) passed: Passed,
    /// A label.
    pub name: Option<Label>,
    /// What another system calls it.
    pub external_id: Option<ExternalId>,
    /// Which system it came from.
    pub source: Option<Source>,
    /// Anything else.
    pub metadata: Option<Metadata>,
}

/// The moments of a license that have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum Passed {
    /// None.
    #[default]
    None,
    /// Its window has begun.
    Start,
    /// It is over.
    End,
    /// So is the grace.
    Grace,
}

impl Passed {
    /// Each moment that can come.
    pub(crate) const MOMENTS: [Passed; 3] = [Passed::Start, Passed::End, Passed::Grace];
}

impl License {
    /// The next moment of it that is still to come, and what has passed then. Nothing comes to one
    /// that is retired.
    pub(crate) fn next(&self) -> Option<(Moment, Passed)> {
        if self.state == LicenseState::Retired {
            return None;
        }
        let grace_ends = self.ends_at.zip(self.grace_days).map(|(at, days)| days.after(at));
        let all = [
            (self.starts_at, Passed::Start),
            (self.ends_at, Passed::End),
            (grace_ends, Passed::Grace),
        ];
        let to_come = all.into_iter().filter(|(_, passed)| *passed > self.passed);
        to_come.filter_map(|(at, passed)| at.map(|it| (it, passed))).next()
    }

    /// Its window is another one. Moments that have not passed in it are still to come, those that
    /// stay as they were have passed once.
    pub(crate) fn move_window(&mut self, it: &WindowChanged) {
        let passed = match (it.starts_at == self.starts_at, it.ends_at == self.ends_at) {
            (false, _) => Passed::None,
            (true, false) => Passed::Start,
            (true, true) if it.grace_days != self.grace_days => Passed::End,
            (true, true) => Passed::Grace,
        };
        self.passed = self.passed.min(passed);
        (self.starts_at, self.ends_at) = (it.starts_at, it.ends_at);
        self.grace_days = it.grace_days;
    }

    /// Seats that are not its own to give any more: held ones, those that are parts of it, and those
    /// of other accounts.
    pub fn taken(&self) -> i64 {
        self.held + self.allocated
    }

    /// Seats that it takes of the license that it is a part of: those it was given, or those taken of
    /// it where that is more, since it was lowered under its use or has an overage.
    pub fn takes(&self) -> i64 {
        self.quantity.max(self.taken())
    }

    /// Its quantity as commands and events say it.
    pub(crate) fn quantity_before(&self) -> Quantity {
        Quantity::new(self.quantity).unwrap_or(Quantity::ZERO)
    }

    /// Whether its window includes `now`.
    pub fn in_window(&self, now: Moment) -> bool {
        self.starts_at.is_none_or(|it| it <= now) && self.ends_at.is_none_or(|it| now < it)
    }
}
