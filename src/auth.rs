//! Who calls, over HTTP and over NATS, and what they may do.
//!
//! A request shows a key, or a token that an identity provider has signed; a handler takes a [`Caller`], which is the only way to an account. Nothing
//! here knows of routes or documents: an [`AuthError`] is said by each API in its own words.
//!
//! Reading order: [`key`] (what a key looks like), [`principal`] (what it may do), [`shown`] (where
//! it stands in a request), [`keyring`] (which there are), [`token`] (what others say of a caller),
//! [`rate`] (how often), [`caller`] (what a handler is given).

pub mod caller;
pub mod key;
mod keyring;
pub mod principal;
pub mod rate;
mod shown;
pub mod token;

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use axum::http::HeaderMap;
use events::key::Facade;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::field::{DisplayValue, display};

use crate::clock::Clock;
use crate::http::server::Client;
use crate::metrics as numbers;
use crate::writer::Writer;
use keyring::Keyring;
use principal::Proof;
use rate::{Counted, Rates};
use token::Tokens;

pub use caller::{Api, Caller};
pub use key::{Key, NoKey};
pub use principal::{Access, Principal};

/// The account that is meant where whoever calls without a key names none.
pub const LOCAL_HOME: &str = "dev";

/// Whether a call needs a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Keys {
    /// Every call does
    Required,
    /// /v1 takes calls without one; on loopback only
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
    /// The role of the key is too small, or it is not of every account.
    #[error("the key does not allow this")]
    RoleNotSufficient,
    /// The key is not for this API.
    #[error("the key is not for this API")]
    FacadeNotAllowed,
    /// It names no account, and what it shows is of every one and has no home.
    #[error("the call names no account, and what it shows is of every account and of none of them")]
    HomeMissing,
    /// There is no such account, or the key does not reach it: nobody is told which.
    #[error("there is no account {0}")]
    AccountNotFound(String),
    /// Too many calls, or too many that failed.
    #[error("too many calls: the next one is taken in {retry_after} s")]
    TooMany {
        /// Seconds after which trying again makes sense.
        retry_after: u64,
    },
    /// The log is still being read: which keys there are is not known yet.
    #[error("the ledger is reading its log, and does not know yet which keys there are")]
    Starting,
    /// Which keys there are is not known at the moment.
    #[error("which keys there are is not known at the moment")]
    Unavailable,
}

/// How callers are admitted.
#[derive(Debug)]
pub struct Settings {
    /// Whether each call needs a key.
    pub keys: Keys,
    /// Calls a second of one key.
    pub rate: NonZeroU32,
    /// Who calls without a key, where that may be, and who calls with `own`.
    pub local: Principal,
    /// A key that is not on the log: that of whoever runs `dev`.
    pub own: Option<Key>,
    /// How tokens are taken, where they are.
    pub tokens: Option<token::Settings>,
    /// Whether HTTP can be reached from this machine only.
    pub loopback: bool,
}

/// Admits callers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Auth {
    gate: Arc<Gate>,
}

#[derive(Debug)]
struct Gate {
    keyring: Keyring,
    tokens: Option<Tokens>,
    rates: Rates,
    /// Who calls without a key, where that may be.
    nobody: Option<Arc<Principal>>,
    /// The key of whoever runs `dev`: nobody bounds themselves.
    own: Option<Proof>,
    loopback: bool,
}

impl Auth {
    /// Admits callers by the keys that the writer's state knows, and by tokens, whose keys are read until it is
    /// told to stop.
    pub fn new(
        settings: Settings,
        (writer, clock): (Writer, Clock),
        stop: &CancellationToken,
        tasks: &TaskTracker,
    ) -> Auth {
        let Settings { keys, rate, local, own, tokens, loopback } = settings;
        let with_own = own.as_ref().map(|it| {
            let principal = Principal { proof: Proof::Key(it.id()), ..local.clone() };
            (it, principal)
        });
        let tokens = tokens.map(|it| Tokens::start(it, clock.clone(), stop.clone(), tasks));
        let keyring = Keyring::new(writer, clock, with_own);
        let nobody = match keys {
            Keys::Required => None,
            Keys::Optional => Some(Arc::new(local)),
        };
        let (rates, own) = (Rates::new(rate), own.map(|it| Proof::Key(it.id())));
        Auth { gate: Arc::new(Gate { keyring, tokens, rates, nobody, own, loopback }) }
    }

    /// Whether a program of this machine asks by itself, and nobody else can.
    pub fn is_local(&self, headers: &HeaderMap, client: Option<Client>) -> bool {
        self.gate.loopback && client.is_some_and(|it| it.is_local(headers))
    }

    /// Whether calls of `/v1` need no key, and this one is none that came through a proxy.
    pub fn needs_no_key(&self, headers: &HeaderMap, client: Option<Client>) -> bool {
        self.gate.nobody.is_some() && self.is_local(headers, client)
    }

    /// Whether these headers show a key of every account with the role of an admin.
    pub async fn operator(
        &self,
        headers: &HeaderMap,
        client: Option<Client>,
    ) -> Result<(), AuthError> {
        let principal = self.admit(headers, client, Facade::Native).await?;
        match principal.may_operate() {
            true => Ok(()),
            false => Err(AuthError::RoleNotSufficient),
        }
    }

    /// Who sends these headers, if an API may be used with what they show.
    async fn admit(
        &self,
        headers: &HeaderMap,
        client: Option<Client>,
        api: Facade,
    ) -> Result<Arc<Principal>, AuthError> {
        let refused = |reason, error| self.refused(reason, None, client, error);
        let missing = || refused("missing", AuthError::Missing);
        let shown = shown::key(headers).map_err(|it| refused("contradiction", it))?;
        let principal = match shown {
            Some(shown) => self.known(shown, client).await?,
            None if api == Facade::Native => {
                // Without a key whoever sits at the machine is let in, and nobody whom a proxy has.
                let nobody = self.gate.nobody.clone();
                nobody.filter(|_| self.is_local(headers, client)).ok_or_else(missing)?
            }
            None => return Err(missing()),
        };
        self.pass(principal, client, api)
    }

    /// Whoever comes over NATS: they are what their subject is worth, narrowed by the key or token
    /// that they show, if they show one. Who may publish there is the server's to say, so without a
    /// key nothing is counted; a key is looked up and counted as over HTTP, and since no address is
    /// known, failures are told in the log together.
    pub async fn over_nats(
        &self,
        subject: Principal,
        shown: &[&str],
    ) -> Result<Arc<Principal>, AuthError> {
        let shown = match shown {
            [] => return Ok(Arc::new(subject)),
            [first, others @ ..] if others.iter().all(|it| it == first) => first,
            [..] => {
                return Err(self.refused("contradiction", None, None, AuthError::Contradiction));
            }
        };
        let key = self.known(shown, None).await?;
        let key = self.pass(key, None, Facade::Native)?;
        let home = subject.home().map_or_else(String::new, ToString::to_string);
        if !key.may(Access::Command) {
            let error = AuthError::RoleNotSufficient;
            return Err(self.refused("role", Some(&key), None, error));
        }
        match subject.narrowed_by(&key) {
            Some(narrowed) => Ok(Arc::new(narrowed)),
            None => {
                let error = AuthError::AccountNotFound(home);
                Err(self.refused("reach", Some(&key), None, error))
            }
        }
    }

    /// Lets somebody through who is known, if the API takes them and they do not call too often.
    fn pass(
        &self,
        principal: Arc<Principal>,
        client: Option<Client>,
        api: Facade,
    ) -> Result<Arc<Principal>, AuthError> {
        if !principal.takes(api) {
            let error = AuthError::FacadeNotAllowed;
            return Err(self.refused("facade", Some(&principal), client, error));
        }
        let counted_as = match &principal.proof {
            own if Some(own) == self.gate.own.as_ref() => return Ok(principal),
            Proof::Nothing | Proof::NatsCommand | Proof::NatsAdmin => return Ok(principal),
            Proof::Key(key) => Counted::Key(*key),
            Proof::Token(token) => Counted::Subject(token.subject),
        };
        match self.gate.rates.call(counted_as) {
            Ok(()) => Ok(principal),
            Err(wait) => {
                let error = AuthError::TooMany { retry_after: wait.0 };
                Err(self.refused("too_many", Some(&principal), client, error))
            }
        }
    }

    /// Counts a call that is refused for another reason than what it shows, and says so in the log,
    /// as often as [`Rates::is_told`] allows.
    fn refused(
        &self,
        reason: &'static str,
        who: Option<&Principal>,
        client: Option<Client>,
        error: AuthError,
    ) -> AuthError {
        let address = client.map(|it| it.address());
        if self.gate.rates.is_told(address) {
            let who = who.and_then(Principal::actor).map(tracing::field::display);
            let address = address.map(tracing::field::display);
            tracing::warn!(address, who, reason, "a call is refused");
        }
        counted(reason, error)
    }

    /// Whose key or token is shown. What looks like a key is one; whatever else is a token, where
    /// those are taken.
    async fn known(
        &self,
        shown: &str,
        client: Option<Client>,
    ) -> Result<Arc<Principal>, AuthError> {
        let tokens = self.gate.tokens.as_ref().filter(|_| !shown.starts_with(key::PREFIX));
        if let Some(tokens) = tokens {
            let found = tokens.find(shown).await;
            return found.map_err(|denied| {
                if denied == token::Denied::Unavailable {
                    return counted(denied.as_str(), AuthError::Unavailable);
                }
                self.denied(denied.as_str(), client, |address| {
                    let token = token::trace(shown);
                    tracing::warn!(address, token, reason = %denied, "a token is not accepted");
                })
            });
        }
        let (id, found) = match Key::parse(shown) {
            Ok(key) => (Some(key.id()), self.gate.keyring.find(&key)),
            Err(garbled) => (None, Err(keyring::Denied::Garbled(garbled))),
        };
        found.map_err(|denied| {
            if denied == keyring::Denied::Starting {
                return counted(denied.as_str(), AuthError::Starting);
            }
            if denied == keyring::Denied::Unavailable {
                return counted(denied.as_str(), AuthError::Unavailable);
            }
            self.denied(denied.as_str(), client, |address| {
                let key = id.map(tracing::field::display);
                tracing::warn!(address, key, reason = %denied, "a key is not accepted");
            })
        })
    }

    /// Says why in the log, and little to the caller.
    fn denied(
        &self,
        reason: &'static str,
        client: Option<Client>,
        log: impl FnOnce(Option<DisplayValue<IpAddr>>),
    ) -> AuthError {
        counted(reason, ());
        let Some(address) = client.map(|it| it.address()) else {
            if self.gate.rates.is_told(None) {
                log(None);
            }
            return AuthError::NotAccepted;
        };
        match self.gate.rates.failure(address) {
            Ok(()) => {
                log(Some(display(address)));
                AuthError::NotAccepted
            }
            // So many are counted, and not told one by one.
            Err(wait) => AuthError::TooMany { retry_after: wait.0 },
        }
    }

    /// Whether somebody who was admitted would be again.
    async fn still_admits(&self, principal: &Principal) -> bool {
        match (&principal.proof, principal.home()) {
            (Proof::Nothing, _) => self.gate.nobody.is_some(),
            // They are asked for each message.
            (Proof::NatsCommand | Proof::NatsAdmin, _) => true,
            (Proof::Key(key), Some(home)) => self.gate.keyring.still_holds(*key, home),
            // Invariant: every key has a home.
            (Proof::Key(_), None) => false,
            (Proof::Token(it), _) => {
                self.gate.tokens.as_ref().is_some_and(|all| all.still_holds(it))
            }
        }
    }
}

/// Counts a call that is not taken.
fn counted<T>(reason: &'static str, error: T) -> T {
    metrics::counter!(numbers::REFUSED_CALLS, "reason" => reason).increment(1);
    error
}
