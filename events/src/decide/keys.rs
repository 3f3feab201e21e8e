//! Rules about keys. Who may make which key is judged at the door that knows the caller.

use super::Case;
use crate::command::{CreateKey, NoteKeyUse, RevokeKey};
use crate::event::{Event, KeyCreated, KeyRevoked, KeyUsed};
use crate::refusal::Refusal;

impl Case<'_> {
    pub(super) fn create_key(&mut self, it: &CreateKey) -> Result<(), Refusal> {
        let terms = KeyCreated {
            key: it.key,
            hash: it.hash,
            role: it.role,
            facades: it.facades.clone(),
            expires_at: it.expires_at,
            every_account: it.every_account,
            name: it.name.clone(),
        };
        match self.account.key(it.key) {
            Some(key) if key.revoked => return Err(Refusal::KeyRevoked(it.key)),
            Some(key) if key.terms == terms => return Ok(()),
            Some(_) => return Err(Refusal::KeyExists(it.key)),
            None => {}
        }
        if let Some(ends_at) = it.expires_at.filter(|it| *it <= self.now) {
            return Err(Refusal::AlreadyOver { ends_at });
        }
        self.cause(Event::KeyCreated(terms));
        Ok(())
    }

    pub(super) fn revoke_key(&mut self, it: &RevokeKey) -> Result<(), Refusal> {
        let key = self.account.key(it.key).ok_or(Refusal::KeyNotFound(it.key))?;
        if !key.revoked {
            self.cause(Event::KeyRevoked(KeyRevoked { key: it.key }));
        }
        Ok(())
    }

    /// A key that was revoked meanwhile was still used; one that never was is not known here.
    pub(super) fn note_key_use(&mut self, it: &NoteKeyUse) {
        let day = self.now.day();
        let key = self.account.key(it.key);
        if key.is_some_and(|key| key.used.is_none_or(|before| before < day)) {
            self.cause(Event::KeyUsed(KeyUsed { key: it.key, day }));
        }
    }
}
