//! The ledger's own API, as callers are admitted to it.

use axum::extract::FromRef;
use events::AccountId;
use events::key::Facade;

use super::problem::Problem;
use super::{App, accounts, query};
use crate::auth::{Access, Api, Auth, AuthError};

/// The ledger's own API.
pub(super) enum Native {}

/// Who calls it.
pub(super) type Caller = crate::auth::Caller<Native>;

impl Api for Native {
    const FACADE: Facade = Facade::Native;
    type Refusal = Problem;
}

impl FromRef<App> for Auth {
    fn from_ref(app: &App) -> Auth {
        app.auth.clone()
    }
}

/// The account of a path, if the caller may do this there.
pub(super) fn account(caller: &Caller, name: &str, access: Access) -> Result<AccountId, Problem> {
    query::account(name)?;
    Ok(caller.account(name, access)?)
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Problem {
        let detail = error.to_string();
        match error {
            AuthError::Missing => Problem::new(401, "key_missing", "A key is needed", detail)
                .hint("send it as `Authorization: Bearer slk_…`"),
            AuthError::NotAccepted => {
                Problem::new(401, "key_not_accepted", "The key is not accepted", detail)
                    .hint("it may be mistyped, revoked or over; the server's log says; `seatledger keys create` makes one")
            }
            AuthError::Contradiction => {
                Problem::new(400, "key_contradiction", "Two keys that differ", detail)
                    .hint("show one key, in one header")
            }
            AuthError::RoleNotSufficient => {
                Problem::new(403, "role_not_sufficient", "The role is not sufficient", detail)
                    .hint("use a key of another role")
            }
            AuthError::FacadeNotAllowed => {
                Problem::new(403, "facade_not_allowed", "The key is not for this API", detail)
                    .hint("use a key that is for this API, or for all of them")
            }
            AuthError::HomeMissing => {
                Problem::new(403, "home_missing", "No account is meant", detail)
                    .hint("name the account, or use a key or a token of one account")
            }
            AuthError::AccountNotFound(account) => accounts::unknown(&account),
            AuthError::TooMany { retry_after } => {
                Problem::new(429, "too_many_requests", "Too many requests", detail)
                    .hint("wait, then go on more slowly")
                    .retry_after(retry_after)
            }
            AuthError::Starting => {
                Problem::new(503, "starting", "The ledger is starting", detail)
                    .hint("ask again a little later")
                    .retry_after(1)
            }
            AuthError::Unavailable => {
                Problem::new(503, "keys_unavailable", "Keys cannot be looked up", detail)
                    .hint("ask again a little later")
                    .retry_after(1)
            }
        }
    }
}
