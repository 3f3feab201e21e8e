//! Which commands were accepted lately. Older ones are looked up in the `commands` read model.

use std::collections::{HashMap, VecDeque};

use events::request::ContentHash;
use events::{AccountId, CommandId};

/// Commands remembered in memory at least, if there were as many: most repeats come soon.
const KEPT_MIN: usize = 65_536;

/// Commands remembered at most. When the read model lags this far behind, no more are taken.
pub(super) const KEPT_MAX: usize = 1_000_000;

/// An accepted command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Accepted {
    pub(super) hash: ContentHash,
    pub(super) sequence: u64,
}

/// Bounded memory of accepted commands. Forgets only what the read model knows.
#[derive(Debug, Default)]
pub(super) struct Recent {
    commands: HashMap<(AccountId, CommandId), Accepted>,
    order: VecDeque<(AccountId, CommandId)>,
}

impl Recent {
    pub(super) fn get(&self, account: &AccountId, id: &CommandId) -> Option<Accepted> {
        self.commands.get(&(account.clone(), id.clone())).copied()
    }

    /// Whether nothing more can be remembered.
    pub(super) fn is_full(&self) -> bool {
        self.commands.len() >= KEPT_MAX
    }

    pub(super) fn insert(&mut self, account: &AccountId, id: &CommandId, accepted: Accepted) {
        let key = (account.clone(), id.clone());
        if self.commands.insert(key.clone(), accepted).is_none() {
            self.order.push_back(key);
        }
    }

    /// Forgets the oldest commands that the read model has, down to [`KEPT_MIN`].
    pub(super) fn forget(&mut self, projected: u64) {
        while self.order.len() > KEPT_MIN {
            let Some(key) = self.order.front() else { return };
            if self.commands.get(key).is_some_and(|it| it.sequence > projected) {
                return;
            }
            self.commands.remove(key);
            self.order.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_read_model_knows_is_forgotten() {
        let account = AccountId::new("acme").unwrap();
        let id = |n: usize| CommandId::new(format!("c{n}")).unwrap();
        let mut recent = Recent::default();
        for n in 0..KEPT_MIN + 10 {
            let accepted = Accepted { hash: ContentHash([0; 16]), sequence: n as u64 };
            recent.insert(&account, &id(n), accepted);
        }
        recent.forget(4);
        assert!(recent.get(&account, &id(4)).is_none());
        assert!(recent.get(&account, &id(5)).is_some());
        recent.forget(u64::MAX);
        assert!(recent.get(&account, &id(9)).is_none());
        assert!(recent.get(&account, &id(10)).is_some());
    }
}
