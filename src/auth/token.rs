//! Tokens: what an identity provider says of whoever calls, signed by it (JWT, RFC 7519).
//!
//! An option beside keys (`--jwks`). The cryptography is `ring`'s; what is here is the little that is
//! left of a JWT where three algorithms are taken, time is the ledger's own, and a key decides which
//! algorithm it is for, and not the token.
//!
//! Reading order: [`form`] (what a token looks like), [`jwks`] (the issuer's keys), [`claims`] (what
//! a token says), [`issuer`] (which keys are known now), [`source`] (where they are read),
//! [`options`].

mod claims;
mod form;
mod issuer;
mod jwks;
mod options;
mod source;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use events::wire::hex;
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::principal::{Principal, Proof, Vouched};
use crate::clock::Clock;
use claims::Expected;
use form::Form;
use issuer::Issuer;

pub use options::{Options, Settings, Unusable};

/// Tokens that are remembered, so that a signature is not verified with each call. Beyond that all are
/// forgotten, and verified again one by one.
const REMEMBERED_MAX: usize = 10_000;

/// Why a token is not accepted. Told in the log and in numbers, never to the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Denied {
    #[error("it is longer than a token may be")]
    TooLong,
    #[error("it does not look like a token: three parts in base64url, a header and claims in JSON")]
    Form,
    #[error("its header is not understood here")]
    Header,
    #[error("its algorithm is none of RS256, ES256, EdDSA, or another one than that of its key")]
    Algorithm,
    #[error("the issuer has no such key")]
    Key,
    #[error("its signature is not that of its key")]
    Signature,
    #[error("it is of another issuer")]
    Issuer,
    #[error("it is for another audience")]
    Audience,
    #[error("it says for nobody in particular")]
    Subject,
    #[error("it does not say until when, or its times are no times")]
    Times,
    #[error("it is over")]
    Expired,
    #[error("its time has not come")]
    NotYet,
    #[error("it is bound to a proof that is not asked for here")]
    Bound,
    #[error("it has no account, or one that is no name of one")]
    Account,
    #[error("it has no role, or an unknown one")]
    Role,
    #[error("its APIs are not a list of their names")]
    Facades,
    /// Nothing is known to be wrong with the token.
    #[error("which keys the issuer has is not known at the moment")]
    Unavailable,
}

impl Denied {
    /// As a label of a number.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Denied::TooLong => "token_too_long",
            Denied::Form => "token_garbled",
            Denied::Header => "token_header",
            Denied::Algorithm => "token_algorithm",
            Denied::Key => "token_key_unknown",
            Denied::Signature => "token_signature",
            Denied::Issuer => "token_issuer",
            Denied::Audience => "token_audience",
            Denied::Subject => "token_subject",
            Denied::Times => "token_times",
            Denied::Expired => "token_expired",
            Denied::NotYet => "token_not_yet",
            Denied::Bound => "token_bound",
            Denied::Account => "token_account",
            Denied::Role => "token_role",
            Denied::Facades => "token_facades",
            Denied::Unavailable => "token_unavailable",
        }
    }
}

/// Who comes with a token.
#[derive(Debug)]
pub(super) struct Tokens {
    expected: Expected,
    issuer: Arc<Issuer>,
    clock: Clock,
    /// Those that were accepted, by their hashes.
    remembered: Mutex<HashMap<[u8; 32], Arc<Principal>>>,
}

impl Tokens {
    /// Begins to read the issuer's keys, and goes on until it is told to stop.
    pub(super) fn start(
        settings: Settings,
        clock: Clock,
        stop: CancellationToken,
        tasks: &TaskTracker,
    ) -> Tokens {
        let Settings { source, keys, expected } = settings;
        let issuer = Arc::new(Issuer::new(keys));
        tasks.spawn(issuer.clone().keep(source, stop));
        Tokens { expected, issuer, clock, remembered: Mutex::default() }
    }

    /// Whose token it is, if it is good now.
    pub(super) async fn find(&self, text: &str) -> Result<Arc<Principal>, Denied> {
        let token = Form::read(text)?;
        let hash = Sha256::digest(text).into();
        if let Some(principal) = self.remembered(hash) {
            return Ok(principal);
        }
        let key = self.issuer.find(&token.header).await?;
        // Before this, nothing that the token says of its caller is looked at.
        key.verify(token.signed, &token.signature)?;
        let claims = claims::read(&token.claims)?;
        let principal = self.expected.judge(&claims, key.fingerprint(), self.clock.now())?;
        let principal = Arc::new(principal);
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= REMEMBERED_MAX {
            remembered.clear();
        }
        remembered.insert(hash, principal.clone());
        Ok(principal)
    }

    /// Whose token it is, if it was accepted and would be again: what it says has not changed, so its
    /// end and its key are all there is to look at.
    fn remembered(&self, hash: [u8; 32]) -> Option<Arc<Principal>> {
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let principal = remembered.get(&hash)?.clone();
        drop(remembered);
        let Proof::Token(token) = &principal.proof else { return None };
        self.still_holds(token).then_some(principal)
    }

    /// Whether a token that was accepted would be again.
    pub(super) fn still_holds(&self, token: &Vouched) -> bool {
        self.clock.now() < token.until && self.issuer.has(token.by)
    }
}

/// What a token is called in the log: the beginning of its hash, so that nobody can use it. What
/// does not look like one may be a password, which could be guessed from its hash.
pub(super) fn trace(text: &str) -> Option<String> {
    let looks_like_one = text.matches('.').count() == 2;
    looks_like_one.then(|| hex(&Sha256::digest(text)[..8]))
}
