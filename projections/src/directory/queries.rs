//! Questions about the directory.

mod given;
mod groups;
mod holders;
mod policies;

pub use given::{Giving, giving, group_by_number};
pub use groups::{Granted, Group, Member, group, groups, members};
pub use holders::{DirectSet, HolderFilter, KnownHolder, holder, holders, person};
pub use policies::{Decided, decided_over_time, policies};

/// The address of a user whose key is in `who.holder`; `?1` is the sequence.
const EMAIL: &str = "
    (SELECT email FROM emails
     WHERE account = who.account AND user = substr(who.holder, 2) AND who.holder >= 'u'
       AND since <= ?1 ORDER BY since DESC LIMIT 1)";
