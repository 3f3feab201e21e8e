//! Which keys there are: asked of the read model, and remembered for a moment.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use events::key::{KeyId, SecretHash};
use events::text::Label;
use events::{AccountId, CommandId, Moment, Request};
use projections::keys::{self, Credential};
use uuid::Uuid;

use super::key::same;
use super::principal::{Principal, Proof, Reach};
use super::{Key, NoKey};
use crate::clock::Clock;
use crate::views::View;
use crate::writer::Writer;

/// How long a key is remembered. A key that was revoked is not taken any more after this and the
/// time that a commit takes to the read model, in every process.
const REMEMBERED: Duration = Duration::from_millis(500);

/// Keys that are remembered. Beyond that all are forgotten, and looked up again one by one.
const REMEMBERED_MAX: usize = 10_000;

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
    /// Nothing is wrong with the key.
    #[error("which keys there are is not known at the moment")]
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
            Denied::Unavailable => "unavailable",
        }
    }
}

pub(super) struct Keyring {
    view: Arc<View>,
    writer: Writer,
    clock: Clock,
    /// A key that is not on the log: that of whoever runs `dev`.
    own: Option<Entry>,
    remembered: Mutex<HashMap<KeyId, Remembered>>,
}

/// What is known by one name.
struct Remembered {
    since: Instant,
    entries: Arc<[Entry]>,
}

/// A key and who it is.
struct Entry {
    hash: SecretHash,
    expires_at: Option<Moment>,
    revoked: bool,
    principal: Arc<Principal>,
    /// Whether it is known that it was used today.
    noted: AtomicBool,
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keyring")
    }
}

impl Keyring {
    pub(super) fn new(
        view: Arc<View>,
        writer: Writer,
        clock: Clock,
        own: Option<(&Key, Principal)>,
    ) -> Keyring {
        let own = own.map(|(key, principal)| Entry {
            hash: key.hash(),
            expires_at: None,
            revoked: false,
            principal: Arc::new(principal),
            noted: AtomicBool::new(true),
        });
        Keyring { view, writer, clock, own, remembered: Mutex::default() }
    }

    /// Whose key it is, if it is good now.
    pub(super) async fn find(&self, key: &Key) -> Result<Arc<Principal>, Denied> {
        let hash = key.hash();
        if let Some(own) = &self.own
            && own.principal.key() == Some(key.id())
        {
            return self.judge(Some(own).filter(|it| same(&it.hash, &hash)));
        }
        let entries = match self.remembered(key.id()) {
            Some(entries) => entries,
            None => self.look(key.id()).await?,
        };
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

    /// Whether a key of this account is still good. Where that cannot be looked up, it is.
    pub(super) async fn still_holds(&self, key: KeyId, home: &AccountId) -> bool {
        let at_home = |it: &Entry| it.principal.home() == Some(home);
        let is_own = |it: &Entry| it.principal.key() == Some(key) && at_home(it);
        if self.own.as_ref().is_some_and(is_own) {
            return true;
        }
        let entries = match self.remembered(key) {
            Some(entries) => entries,
            None => match self.look(key).await {
                Ok(entries) => entries,
                Err(_) => return true,
            },
        };
        let found = entries.iter().find(|it| at_home(it));
        self.judge(found).is_ok()
    }

    fn judge(&self, found: Option<&Entry>) -> Result<Arc<Principal>, Denied> {
        let entry = found.ok_or(Denied::Secret)?;
        if entry.revoked {
            return Err(Denied::Revoked);
        }
        if entry.expires_at.is_some_and(|it| it <= self.clock.now()) {
            return Err(Denied::Expired);
        }
        if !entry.noted.swap(true, Ordering::Relaxed) {
            self.note_use(&entry.principal);
        }
        Ok(entry.principal.clone())
    }

    fn remembered(&self, key: KeyId) -> Option<Arc<[Entry]>> {
        let remembered = lock(&self.remembered);
        let found = remembered.get(&key).filter(|it| it.since.elapsed() < REMEMBERED)?;
        Some(found.entries.clone())
    }

    /// Asks the read model. What this process has acknowledged is waited for: a key that was just
    /// made is good, and one that was revoked is not.
    async fn look(&self, key: KeyId) -> Result<Arc<[Entry]>, Denied> {
        let since = Instant::now();
        // Where writing has stopped nothing comes any more, and what was so stays so.
        if self.writer.health().stop_code().is_none() {
            let reached = self.view.reach(self.writer.sequence()).await;
            reached.map_err(|_| Denied::Unavailable)?;
        }
        let found = self.view.readers().with(|db| keys::credentials(db, key)).map_err(|error| {
            tracing::error!(%error, "keys cannot be looked up");
            Denied::Unavailable
        })?;
        let today = self.clock.now().day();
        let entry = |it: Credential| Entry {
            hash: it.hash,
            expires_at: it.expires_at,
            revoked: it.revoked,
            noted: AtomicBool::new(it.used.is_some_and(|day| day >= today)),
            principal: Arc::new(Principal {
                proof: Proof::Key(key),
                name: it.name.and_then(|it| Label::new(it).ok()),
                reach: match it.every_account {
                    true => Reach::Every { home: Some(it.account) },
                    false => Reach::One(it.account),
                },
                role: it.role,
                facades: it.facades,
            }),
        };
        let entries: Arc<[Entry]> = found.into_iter().map(entry).collect();
        // What is not there is not remembered: whoever guesses would fill the memory.
        if !entries.is_empty() {
            let mut remembered = lock(&self.remembered);
            if remembered.len() >= REMEMBERED_MAX {
                remembered.clear();
            }
            remembered.insert(key, Remembered { since, entries: entries.clone() });
        }
        Ok(entries)
    }

    /// Has the log keep that a key was used today. Nobody waits for it; what does not get there is
    /// asked again by the next call.
    fn note_use(&self, principal: &Principal) {
        let (Some(key), Some(account)) = (principal.key(), principal.home()) else { return };
        let Some(request) = use_of(key, account.clone()) else { return };
        let writer = self.writer.clone();
        tokio::spawn(async move { writer.ask(request).await });
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
