//! Who calls over HTTP, and what they may do.
//!
//! A request shows a key; a handler takes a [`Caller`], which is the only way to an account. Nothing
//! here knows of routes or documents: an [`AuthError`] is said by each API in its own words.
//!
//! Reading order: [`key`] (what a key looks like), [`principal`] (what it may do), [`shown`] (where
//! it stands in a request), [`caller`] (what a handler is given).

pub mod caller;
pub mod key;
pub mod principal;
mod shown;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::http::HeaderMap;
use events::AccountId;
use events::key::Facade;

pub use caller::{Api, Caller};
pub use key::{Key, NoKey};
pub use principal::{Access, Principal};

/// The account that is meant where whoever calls without a key names none.
pub const LOCAL_HOME: &str = "dev";

/// Whether a call needs a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Keys {
    /// Each one does.
    Required,
    /// The ledger's own API takes calls without one, on loopback only. One that is shown counts.
    Optional,
}

/// Why a call is not taken. Each API tells it in its own words; none of them says more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// It shows no key.
    #[error("a key is needed")]
    Missing,
    /// It shows one that is unknown, garbled, revoked or over.
    #[error("the key is not accepted")]
    NotAccepted,
    /// It shows two that differ.
    #[error("the request shows two keys that differ")]
    Contradiction,
    /// The role of the key is too small.
    #[error("the role of the key does not allow this")]
    RoleNotSufficient,
    /// The key is not for this API.
    #[error("the key is not for this API")]
    FacadeNotAllowed,
    /// There is no such account, or the key does not reach it: nobody is told which.
    #[error("there is no account {0}")]
    AccountNotFound(String),
    /// Too many calls, or too many that failed.
    #[error("too many calls: try again in {retry_after} s")]
    TooMany {
        /// Seconds after which trying again makes sense.
        retry_after: u64,
    },
    /// Which keys there are is not known at the moment.
    #[error("which keys there are is not known at the moment")]
    Unavailable,
}

/// Admits callers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Auth {
    /// Who calls without a key, where that may be.
    nobody: Option<Arc<Principal>>,
}

impl Auth {
    /// Admits callers; `home` is the account of those who call without a key.
    pub fn new(keys: Keys, home: AccountId) -> Auth {
        let nobody = match keys {
            Keys::Required => None,
            Keys::Optional => Some(Arc::new(Principal::local(home))),
        };
        Auth { nobody }
    }

    /// Who sends these headers, if an API may be used with what they show.
    async fn admit(
        &self,
        headers: &HeaderMap,
        _peer: Option<SocketAddr>,
        api: Facade,
    ) -> Result<Arc<Principal>, AuthError> {
        let principal = match shown::key(headers)? {
            Some(_) => return Err(AuthError::NotAccepted),
            None if api == Facade::Native => self.nobody.clone().ok_or(AuthError::Missing)?,
            None => return Err(AuthError::Missing),
        };
        match principal.takes(api) {
            true => Ok(principal),
            false => Err(AuthError::FacadeNotAllowed),
        }
    }
}
