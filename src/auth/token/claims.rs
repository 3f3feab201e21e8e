//! What a token says of whoever shows it, once its signature is known to be right.

use std::collections::BTreeSet;

use events::key::{Facade, Role};
use events::text::Label;
use events::{AccountId, By, Moment};
use serde::Deserialize as _;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::Denied;
use super::form::object;
use crate::auth::principal::{Principal, Proof, Reach, Vouched};

/// Milliseconds by which the issuer's clock may be off.
const LEEWAY_MS: i64 = 60_000;

/// The last second of the year 9999. What is later is no time but a mistake, such as milliseconds.
const SECONDS_MAX: i64 = 253_402_300_799;

/// Stands for every account.
const EVERY: &str = "*";

/// What a token has to say here, and in which claims.
#[derive(Debug, Clone)]
pub(super) struct Expected {
    pub(super) issuer: String,
    pub(super) audience: String,
    pub(super) account: String,
    pub(super) role: String,
    pub(super) facades: String,
}

/// The claims of a token, none of them twice.
pub(super) struct Claims(Map<String, Value>);

pub(super) fn read(bytes: &[u8]) -> Result<Claims, Denied> {
    object(bytes).map(Claims)
}

impl Expected {
    /// Who it is, if a token says what it has to.
    pub(super) fn judge(
        &self,
        claims: &Claims,
        by: [u8; 32],
        now: Moment,
    ) -> Result<Principal, Denied> {
        if claims.text("iss") != Some(&self.issuer) {
            return Err(Denied::Issuer);
        }
        claims.is_for(&self.audience)?;
        let subject = claims.text("sub").filter(|it| !it.is_empty()).ok_or(Denied::Subject)?;
        let until = claims.in_time(now)?;
        // Whoever shows it would have to prove that it is theirs, which nobody asks them here.
        if claims.0.contains_key("cnf") {
            return Err(Denied::Bound);
        }
        let role = claims.0.get(&self.role).and_then(|it| Role::deserialize(it).ok());
        let who = By::token(&self.issuer, subject);
        let subject_hash = Sha256::digest(subject).into();
        Ok(Principal {
            proof: Proof::Token(Vouched { who, subject: subject_hash, by, until }),
            name: Label::new(subject).ok(),
            reach: claims.reach(&self.account)?,
            role: role.ok_or(Denied::Role)?,
            facades: claims.facades(&self.facades)?,
        })
    }
}

impl Claims {
    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    fn is_for(&self, audience: &str) -> Result<(), Denied> {
        let named = match self.0.get("aud") {
            Some(Value::String(one)) => one == audience,
            Some(Value::Array(all)) => {
                all.iter().all(Value::is_string) && all.iter().any(|it| it == audience)
            }
            Some(_) | None => false,
        };
        named.then_some(()).ok_or(Denied::Audience)
    }

    /// Until when it is taken, if that is to come and it has begun.
    fn in_time(&self, now: Moment) -> Result<Moment, Denied> {
        let now = now.millis();
        let until = self.time("exp")?.ok_or(Denied::Times)? + LEEWAY_MS;
        for begin in [self.time("nbf")?, self.time("iat")?].into_iter().flatten() {
            if now < begin - LEEWAY_MS {
                return Err(Denied::NotYet);
            }
        }
        match now < until {
            true => Ok(Moment::from_millis(until)),
            false => Err(Denied::Expired),
        }
    }

    /// A time in milliseconds, which is written in seconds; in parts of them too.
    fn time(&self, name: &str) -> Result<Option<i64>, Denied> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        let whole = match value.as_f64() {
            // Invariant: a number within these bounds fits.
            Some(it) if (0.0..=SECONDS_MAX as f64).contains(&it) => it.floor() as i64,
            Some(_) | None => return Err(Denied::Times),
        };
        Ok(Some(whole * 1_000))
    }

    fn reach(&self, name: &str) -> Result<Reach, Denied> {
        match self.text(name).ok_or(Denied::Account)? {
            EVERY => Ok(Reach::Every { home: None }),
            one => AccountId::new(one).map(Reach::One).map_err(|_| Denied::Account),
        }
    }

    fn facades(&self, name: &str) -> Result<Option<BTreeSet<Facade>>, Denied> {
        let known = |it: &Value| Facade::deserialize(it).ok();
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::Array(all)) => {
                let all: Option<BTreeSet<Facade>> = all.iter().map(known).collect();
                all.map(Some).ok_or(Denied::Facades)
            }
            Some(_) => Err(Denied::Facades),
        }
    }
}

#[cfg(test)]
mod tests;
