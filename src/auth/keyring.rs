//! Whether a key is good: compared with what the writer's state knows of keys.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use events::key::{KeyId, SecretHash};
use events::moment::Day;
use events::{AccountId, CommandId, Moment, Request};
use uuid::Uuid;

use super::key::same;
use super::principal::{Principal, Proof, Reach};
use super::{Key, NoKey};
use crate::clock::Clock;
use crate::health::Condition;
use crate::key_register::Credential;
use crate::writer::{Outcome, Writer};

/// Keys of which it is remembered who shows them. Beyond that all are forgotten, and made anew one by
/// one.
const REMEMBERED_MAX: usize = 10_000;

/// Keys that are called the same, in several accounts, that are looked at. Whoever makes a key
/// chooses what it is called; the first ones are those who chose it by chance.
const NAMESAKES_MAX: usize = 16;

/// A use that did not get to the log is noted again by the first call after this.
const NOTE_AGAIN: Duration = Duration::from_secs(1);

/// What a secret is compared with where no key is called so: the same work, and never a match.
const NOBODY: SecretHash = SecretHash([0; 32]);

/// Why a key is not accepted. Told in the log and in numbers, never to the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Denied {
    #[error(transparent)]
    Garbled(#[from] NoKey),
    #[error("no key is called so")]
    Unknown,
    #[error("its secret is another one")]
    Secret,
    #[error("it is revoked")]
    Revoked,
    #[error("it is over")]
    Expired,
    /// Nothing is wrong with the key: the log is still being read.
    #[error("which keys there are is not known yet")]
    Starting,
    /// Nothing is wrong with the key: the log could not be read to its end.
    #[error("which keys there are is not known")]
    Unavailable,
}

impl Denied {
    /// As a label of a number.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Denied::Garbled(NoKey::Form) => "garbled",
            Denied::Garbled(NoKey::Checksum) => "mistyped",
            Denied::Unknown => "unknown",
            Denied::Secret => "wrong_secret",
            Denied::Revoked => "revoked",
            Denied::Expired => "expired",
            Denied::Starting => "starting",
            Denied::Unavailable => "unavailable",
        }
    }
}

pub(super) struct Keyring {
    writer: Writer,
    clock: Clock,
    /// A key that is not on the log: that of whoever runs `dev`.
    own: Option<Entry>,
    remembered: Mutex<HashMap<KeyId, Remembered>>,
}

/// What is known by one name.
#[derive(Clone)]
struct Remembered {
    /// What the writer's state said: as long as it says this, the entries are those.
    of: Arc<[Credential]>,
    entries: Arc<[Entry]>,
}

/// A key and who it is.
struct Entry {
    hash: SecretHash,
    expires_at: Option<Moment>,
    revoked: bool,
    principal: Arc<Principal>,
    /// The last day of which it is known that it was used.
    noted: Arc<Mutex<Option<Day>>>,
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keyring")
    }
}

impl Keyring {
    pub(super) fn new(writer: Writer, clock: Clock, own: Option<(&Key, Principal)>) -> Keyring {
        let own = own.map(|(key, principal)| Entry {
            hash: key.hash(),
            expires_at: None,
            revoked: false,
            principal: Arc::new(principal),
            noted: Arc::default(),
        });
        Keyring { writer, clock, own, remembered: Mutex::default() }
    }

    /// Whose key it is, if it is good now. What this process has acknowledged is known: a key that was
    /// just made is good, and one that was revoked is not.
    pub(super) fn find(&self, key: &Key) -> Result<Arc<Principal>, Denied> {
        let hash = key.hash();
        if let Some(own) = &self.own
            && own.principal.key() == Some(key.id())
        {
            let is_it = same(&own.hash, &hash);
            return is_it.then(|| own.principal.clone()).ok_or(Denied::Secret);
        }
        let entries = self.look(key.id())?;
        // Each is compared, and one that is nobody's where there is none.
        let mut found = None;
        for entry in entries.iter() {
            if same(&entry.hash, &hash) && found.is_none() {
                found = Some(entry);
            }
        }
        if entries.is_empty() {
            black_box(same(&NOBODY, &hash));
            return Err(Denied::Unknown);
        }
        self.judge(found)
    }

    /// Whether a key of this account is still good. Where that is not known, it is.
    pub(super) fn still_holds(&self, key: KeyId, home: &AccountId) -> bool {
        let at_home = |it: &Entry| it.principal.home() == Some(home);
        let is_own = |it: &Entry| it.principal.key() == Some(key) && at_home(it);
        if self.own.as_ref().is_some_and(is_own) {
            return true;
        }
        match self.look(key) {
            Ok(entries) => self.judge(entries.iter().find(|it| at_home(it))).is_ok(),
            Err(_) => true,
        }
    }

    fn judge(&self, found: Option<&Entry>) -> Result<Arc<Principal>, Denied> {
        let entry = found.ok_or(Denied::Secret)?;
        if entry.revoked {
            return Err(Denied::Revoked);
        }
        let now = self.clock.now();
        if entry.expires_at.is_some_and(|it| it <= now) {
            return Err(Denied::Expired);
        }
        if lock(&entry.noted).replace(now.day()).is_none_or(|day| day < now.day()) {
            self.note_use(entry);
        }
        Ok(entry.principal.clone())
    }

    /// Who shows a key that is called so. What was known when writing stopped stays known; before the
    /// log is read nothing is, because a key that was revoked would look good.
    fn look(&self, key: KeyId) -> Result<Arc<[Entry]>, Denied> {
        if !self.writer.keys().is_whole() {
            return Err(match self.writer.health().condition() {
                Condition::Starting => Denied::Starting,
                Condition::Ready
                | Condition::Waiting(..)
                | Condition::Stopped(_)
                | Condition::Stopping => Denied::Unavailable,
            });
        }
        // What is not there is not remembered: whoever guesses would fill the memory.
        let Some(of) = self.writer.keys().find(key) else { return Ok(Arc::default()) };
        let mut remembered = lock(&self.remembered);
        if let Some(it) = remembered.get(&key).filter(|it| Arc::ptr_eq(&it.of, &of)) {
            return Ok(it.entries.clone());
        }
        let entries: Arc<[Entry]> = of.iter().take(NAMESAKES_MAX).map(entry).collect();
        if remembered.len() >= REMEMBERED_MAX {
            remembered.clear();
        }
        remembered.insert(key, Remembered { of, entries: entries.clone() });
        Ok(entries)
    }

    /// Has the log keep that a key was used today. Nobody waits for it; what does not get there is
    /// asked again by a later call.
    fn note_use(&self, entry: &Entry) {
        let principal = &entry.principal;
        let (Some(key), Some(account)) = (principal.key(), principal.home()) else { return };
        let Some(request) = use_of(key, account.clone()) else { return };
        let (writer, noted) = (self.writer.clone(), entry.noted.clone());
        tokio::spawn(async move {
            match writer.ask(request).await {
                Outcome::Accepted { .. } | Outcome::Repeated { .. } | Outcome::Refused(_) => {}
                Outcome::Unavailable(_) => {
                    tokio::time::sleep(NOTE_AGAIN).await;
                    *lock(&noted) = None;
                }
            }
        });
    }
}

/// Who shows a key, as handlers are told.
fn entry(it: &Credential) -> Entry {
    let Credential { account, terms, revoked, used } = it;
    Entry {
        hash: terms.hash,
        expires_at: terms.expires_at,
        revoked: *revoked,
        noted: Arc::new(Mutex::new(*used)),
        principal: Arc::new(Principal {
            proof: Proof::Key(terms.key),
            name: terms.name.clone(),
            reach: match terms.every_account {
                true => Reach::Every { home: Some(account.clone()) },
                false => Reach::One(account.clone()),
            },
            role: terms.role,
            facades: terms.facades.clone(),
        }),
    }
}

fn use_of(key: KeyId, account: AccountId) -> Option<Request> {
    let id = CommandId::new(Uuid::now_v7().to_string()).ok()?;
    Request::of_key_use(account, id, key).ok()
}

/// Whoever panicked has left a map behind that is as good as before.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
