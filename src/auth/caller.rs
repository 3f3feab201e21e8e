//! Who calls, as a handler is given it.

use std::marker::PhantomData;
use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::response::IntoResponse;
use events::AccountId;
use events::key::Facade;

use super::{Access, Auth, AuthError, Principal};
use crate::http::server::Client;

/// An API that is served: which keys it takes, and in what words it says why a call is not taken.
pub trait Api: Send + Sync + 'static {
    /// Which one, as keys name it.
    const FACADE: Facade;
    /// What a caller is told.
    type Refusal: From<AuthError> + IntoResponse + Send;
}

/// Who calls. A handler that takes one is not called for anybody who is not admitted, and reaches
/// an account only through it.
pub struct Caller<A> {
    auth: Auth,
    principal: Arc<Principal>,
    client: Option<Client>,
    api: PhantomData<A>,
}

impl<A: Api, S: Send + Sync> FromRequestParts<S> for Caller<A>
where
    Auth: FromRef<S>,
{
    type Rejection = A::Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, A::Refusal> {
        let client = parts.extensions.get::<Client>().copied();
        let auth = Auth::from_ref(state);
        let principal = auth.admit(&parts.headers, client, A::FACADE).await?;
        Ok(Caller { auth, principal, client, api: PhantomData })
    }
}

impl<A> Caller<A> {
    /// Who it is.
    pub fn principal(&self) -> &Arc<Principal> {
        &self.principal
    }

    /// The account of that name, if the role is sufficient and the key reaches it.
    pub fn account(&self, name: &str, access: Access) -> Result<AccountId, AuthError> {
        self.may(access)?;
        let account = AccountId::new(name).ok().filter(|it| self.principal.reaches(it));
        account.ok_or_else(|| {
            let unknown = AuthError::AccountNotFound(events::malformed::short(name));
            self.refused("reach", unknown)
        })
    }

    /// The account that is meant where a call names none.
    pub fn home(&self, access: Access) -> Result<&AccountId, AuthError> {
        self.may(access)?;
        self.principal.home().ok_or_else(|| self.refused("home", AuthError::HomeMissing))
    }

    /// The one account that is reached; none where every one is. For lists across accounts.
    pub fn only(&self) -> Option<&AccountId> {
        self.principal.only()
    }

    /// Whether it would be admitted again: for answers that last.
    pub async fn is_still_admitted(&self) -> bool {
        self.auth.still_admits(&self.principal).await
    }

    /// Whether the role is sufficient for what is not of one account.
    pub fn may(&self, access: Access) -> Result<(), AuthError> {
        match self.principal.may(access) {
            true => Ok(()),
            false => Err(self.refused("role", AuthError::RoleNotSufficient)),
        }
    }

    /// Whether the ledger itself may be operated: its read models, its clock, its state.
    pub fn may_operate(&self) -> Result<(), AuthError> {
        match self.principal.may_operate() {
            true => Ok(()),
            false => Err(self.refused("role", AuthError::RoleNotSufficient)),
        }
    }

    fn refused(&self, reason: &'static str, error: AuthError) -> AuthError {
        self.auth.refused(reason, Some(&self.principal), self.client, error)
    }
}
