//! Which keys there are: a part of the writer's state, for those who admit callers.
//!
//! The writer takes note of each event about a key once it is on the log, and before it answers
//! whoever asked for it. So a key that was made is good, and one that was revoked is not, from the
//! answer on; and no file but the log has a say in who gets in.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use events::event::KeyCreated;
use events::key::KeyId;
use events::moment::Day;
use events::wire::Record;
use events::{AccountId, Event};

/// A key of one account, be it revoked or expired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Of which account.
    pub account: AccountId,
    /// What it is good for.
    pub terms: KeyCreated,
    /// Whether it is over for good.
    pub revoked: bool,
    /// The last day on which it was used.
    pub used: Option<Day>,
}

/// All keys by what they are called. Cheap to clone; all clones are one.
#[derive(Debug, Clone, Default)]
pub struct KeyRegister(Arc<Register>);

#[derive(Debug, Default)]
struct Register {
    keys: RwLock<HashMap<KeyId, Arc<[Credential]>>>,
    is_whole: AtomicBool,
}

impl KeyRegister {
    /// The keys that are called so, one of an account at most, the oldest first. As long as nothing
    /// is heard of them it is the same slice each time.
    pub fn find(&self, key: KeyId) -> Option<Arc<[Credential]>> {
        self.0.keys.read().unwrap_or_else(PoisonError::into_inner).get(&key).cloned()
    }

    /// Whether the log has been read to where it ended at the start. Before that a key that was
    /// revoked may still look good.
    pub fn is_whole(&self) -> bool {
        self.0.is_whole.load(Ordering::Acquire)
    }

    /// The log has been read.
    pub fn be_whole(&self) {
        self.0.is_whole.store(true, Ordering::Release);
    }

    /// Takes note of what is on the log. Events MUST come in its order; those that are not about keys
    /// are passed over.
    pub fn take_note(&self, record: &Record) {
        if let Event::KeyCreated(terms) = &record.event {
            self.change(terms.key, |all| {
                all.push(Credential {
                    account: record.account.clone(),
                    terms: terms.clone(),
                    revoked: false,
                    used: None,
                });
            });
        }
        if let Event::KeyRevoked(it) = &record.event {
            self.change_own(record, it.key, |own| own.revoked = true);
        }
        if let Event::KeyUsed(it) = &record.event {
            self.change_own(record, it.key, |own| own.used = Some(it.day));
        }
    }

    fn change_own(&self, record: &Record, key: KeyId, change: impl FnOnce(&mut Credential)) {
        self.change(key, |all| {
            if let Some(own) = all.iter_mut().find(|it| it.account == record.account) {
                change(own);
            }
        });
    }

    fn change(&self, key: KeyId, change: impl FnOnce(&mut Vec<Credential>)) {
        let mut keys = self.0.keys.write().unwrap_or_else(PoisonError::into_inner);
        let mut all = keys.get(&key).map(|it| it.to_vec()).unwrap_or_default();
        change(&mut all);
        keys.insert(key, all.into());
    }
}

#[cfg(test)]
mod tests {
    use events::event::{KeyRevoked, KeyUsed};
    use events::key::{Role, SecretHash};
    use events::request::ContentHash;
    use events::wire::CommandRef;
    use events::{Actor, By, Change, CommandId, Moment, Via};
    use uuid::Uuid;

    use super::*;

    fn record(account: &str, event: Event) -> Record {
        Record {
            id: Uuid::nil(),
            at: Moment::from_millis(0),
            account: AccountId::new(account).unwrap(),
            command: CommandRef { id: CommandId::new("c").unwrap(), hash: ContentHash([0; 16]) },
            actor: Actor::new("a").unwrap(),
            by: By::clock(),
            via: Via::Nats,
            change: Change::default(),
            event,
        }
    }

    fn created(key: KeyId) -> Event {
        Event::KeyCreated(KeyCreated {
            key,
            hash: SecretHash([1; 32]),
            role: Role::Reader,
            facades: None,
            expires_at: None,
            every_account: false,
            name: None,
        })
    }

    #[test]
    fn what_is_on_the_log_of_a_key_is_known_of_the_one_of_that_account_alone() {
        let (register, key) = (KeyRegister::default(), KeyId([7; 8]));
        assert!(register.find(key).is_none() && !register.is_whole());
        for account in ["acme", "globex"] {
            register.take_note(&record(account, created(key)));
        }
        let before = register.find(key).unwrap();
        assert!(Arc::ptr_eq(&before, &register.find(key).unwrap()), "nothing was heard");
        let day = Moment::from_millis(0).day();
        register.take_note(&record("acme", Event::KeyUsed(KeyUsed { key, day })));
        register.take_note(&record("globex", Event::KeyRevoked(KeyRevoked { key })));
        let after = register.find(key).unwrap();
        let told: Vec<_> =
            after.iter().map(|it| (it.account.as_str(), it.revoked, it.used)).collect();
        assert_eq!(told, [("acme", false, Some(day)), ("globex", true, None)]);
        assert!(!Arc::ptr_eq(&before, &after));
        assert!(register.find(KeyId([8; 8])).is_none());
    }
}
