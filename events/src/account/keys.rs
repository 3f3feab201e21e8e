//! The keys of an account.

use super::{Account, Before, Inconsistent};
use crate::event::{KeyCreated, KeyUsed};
use crate::key::KeyId;
use crate::moment::Day;

/// A key, also one that was revoked: what it was called is not given out again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// What it is good for.
    pub terms: KeyCreated,
    /// Whether it is over for good.
    pub revoked: bool,
    /// The last day on which it was used.
    pub used: Option<Day>,
}

impl Account {
    /// The key of that name, be it revoked or expired.
    pub fn key(&self, id: KeyId) -> Option<&Key> {
        self.keys.get(&id)
    }

    pub(super) fn key_created(&mut self, it: &KeyCreated) -> Result<(), Inconsistent> {
        if self.keys.contains_key(&it.key) {
            return Err(Inconsistent::Key(it.key));
        }
        let key = Key { terms: it.clone(), revoked: false, used: None };
        self.put_key(it.key, Some(key));
        Ok(())
    }

    pub(super) fn key_revoked(&mut self, id: KeyId) -> Result<(), Inconsistent> {
        let living = self.keys.get(&id).filter(|it| !it.revoked);
        let key = living.cloned().ok_or(Inconsistent::Key(id))?;
        self.put_key(id, Some(Key { revoked: true, ..key }));
        Ok(())
    }

    pub(super) fn key_used(&mut self, it: &KeyUsed) -> Result<(), Inconsistent> {
        let earlier = self.keys.get(&it.key).filter(|key| key.used.is_none_or(|day| day < it.day));
        let key = earlier.cloned().ok_or(Inconsistent::Key(it.key))?;
        self.put_key(it.key, Some(Key { used: Some(it.day), ..key }));
        Ok(())
    }

    /// Writes a key: `None` for one that was never there.
    pub(super) fn put_key(&mut self, id: KeyId, after: Option<Key>) {
        self.begin_change();
        let before = match after {
            Some(after) => self.keys.insert(id, after),
            None => self.keys.remove(&id),
        };
        self.keep(Before::Key(id, before.map(Box::new)));
    }
}
