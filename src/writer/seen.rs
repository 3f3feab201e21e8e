//! Which commands were never accepted, without asking the read model that knows all of them.
//!
//! Nearly every command is new. Looking each up in a file costs more than judging it, and the more
//! the longer the log is; a Bloom filter answers for them from memory.

use std::collections::hash_map::RandomState;

use events::{AccountId, CommandId};
use fastbloom::BloomFilter;

/// Commands in the first filter; each further one takes twice as many.
const FIRST: usize = 1 << 20;

/// Filters at most: for 67 million commands, 80 MiB. Beyond, every command is looked up.
const FILTERS_MAX: u32 = 6;

/// How many of the new commands are looked up in vain, in the worst filter.
const MISTAKEN: f64 = 0.01;

/// Filters over the ids of accepted commands. Forgets nothing.
#[derive(Debug)]
pub(super) struct Seen {
    filters: Vec<BloomFilter<RandomState>>,
    /// Commands that the last filter still takes.
    room: usize,
    full: bool,
}

impl Default for Seen {
    fn default() -> Seen {
        Seen::sized(FIRST)
    }
}

impl Seen {
    fn sized(first: usize) -> Seen {
        Seen { filters: vec![filter(first)], room: first, full: false }
    }

    /// Whether a command of this id may have been accepted. `false` is certain.
    pub(super) fn may_hold(&self, account: &AccountId, id: &CommandId) -> bool {
        let key = (account.as_str(), id.as_str());
        self.full || self.filters.iter().any(|it| it.contains(&key))
    }

    pub(super) fn insert(&mut self, account: &AccountId, id: &CommandId) {
        if self.room == 0 && !self.full {
            self.grow();
        }
        if let (Some(last), false) = (self.filters.last_mut(), self.full) {
            last.insert(&(account.as_str(), id.as_str()));
            self.room -= 1;
        }
    }

    fn grow(&mut self) {
        let made = u32::try_from(self.filters.len()).unwrap_or(FILTERS_MAX);
        if made >= FILTERS_MAX {
            self.full = true;
            return;
        }
        self.room = FIRST << made;
        self.filters.push(filter(self.room));
    }
}

fn filter(commands: usize) -> BloomFilter<RandomState> {
    BloomFilter::with_false_pos(MISTAKEN).hasher(RandomState::new()).expected_items(commands)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: usize) -> CommandId {
        CommandId::new(format!("c{n}")).unwrap()
    }

    #[test]
    fn what_was_seen_is_never_denied_and_what_was_not_nearly_always() {
        let (acme, globex) = (AccountId::new("acme").unwrap(), AccountId::new("globex").unwrap());
        // So small that it grows.
        let mut seen = Seen::sized(1_000);
        (0..5_000).for_each(|it| seen.insert(&acme, &id(it)));
        assert!(seen.filters.len() > 1);
        assert!((0..5_000).all(|it| seen.may_hold(&acme, &id(it))));
        let mistaken = (0..5_000).filter(|it| seen.may_hold(&globex, &id(*it))).count();
        assert!(mistaken < 250, "{mistaken} of 5,000 are another account's");
        seen.full = true;
        assert!(seen.may_hold(&globex, &id(0)), "a full one knows nothing");
    }
}
