//! A call as handlers are given it: who calls, about which platform, and what they say.

use std::sync::{Arc, OnceLock};

use axum::extract::FromRequestParts as _;
use axum::http::header::HOST;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri};
use events::key::Facade;
use events::{AccountId, CommandId};
use projections::{assignments, licenses};
use uuid::Uuid;

use super::failure::Failure;
use super::kind::Kind;
use super::reader::Reader;
use crate::auth::{Access, Api, Caller};
use crate::http::query::{self, AsOf};
use crate::http::{App, headers};
use crate::views::View;

/// The dialect of ibl.ai.
pub(crate) enum Ibl {}

impl Api for Ibl {
    const FACADE: Facade = Facade::Ibl;
    type Refusal = Failure;
}

/// What a platform may be called by. They all mean the same.
const SELECTORS: [&str; 4] = ["platform_key", "key", "platform_org", "org"];

/// What a caller says which platform they mean by in a body.
const BODY_SELECTORS: [&str; 2] = ["platform_key", "platform_org"];

/// A call without a body.
pub(super) struct Call {
    pub(super) app: App,
    pub(super) caller: Caller<Ibl>,
    /// Its parameters.
    pub(super) query: Reader,
    /// The idempotency key.
    pub(super) key: Option<String>,
    /// The id of the command that a write is: the key, or one that is made.
    pub(super) command: Option<String>,
    /// The sequence before the commit that holds this command already, if one does.
    pub(super) before: Arc<OnceLock<u64>>,
    /// Where it was sent.
    pub(super) place: Place,
}

/// What says whose account is meant, where a key of every account does not.
#[derive(Clone, Copy)]
pub(super) enum About<'a> {
    /// Nothing does.
    Nothing,
    /// The number of a license.
    License(u64),
    /// The number of an assignment.
    Assignment(u64),
    /// What another system calls a license of a kind.
    ExternalId(Kind, &'a str),
}

/// A call with a body.
pub(super) struct Sent {
    pub(super) call: Call,
    /// The members of its body.
    pub(super) body: Reader,
}

/// Where a call was sent, to say where its other pages are.
pub(super) struct Place {
    origin: String,
    path: String,
    pairs: Vec<(String, String)>,
}

impl Call {
    /// A call by its head: who calls comes first, nobody else is told anything.
    pub(super) async fn of(parts: &mut Parts, app: &App, writes: bool) -> Result<Call, Failure> {
        let caller = Caller::<Ibl>::from_request_parts(parts, app).await?;
        let key = headers::key(&parts.headers).map(str::to_owned);
        let made = || Uuid::now_v7().to_string();
        let command = writes.then(|| key.clone().unwrap_or_else(made));
        let place = Place::of(&parts.uri, &parts.headers);
        let query = Reader::of_pairs(place.pairs.iter().cloned());
        let before = Arc::default();
        Ok(Call { app: app.clone(), caller, query, key, command, before, place })
    }

    /// As of when what a write names is looked up. A call that is told again means what it meant the
    /// first time, whatever the names mean by now: it is read as of the commit before its own.
    pub(super) fn at(&self) -> u64 {
        self.before.get().copied().unwrap_or(u64::MAX)
    }

    /// Whether the command is on the log already.
    pub(super) fn is_bound(&self) -> bool {
        self.before.get().is_some()
    }

    /// Finds out whether a write is told again. Where that cannot be known soon, it is taken as new:
    /// whether it is done stays the writer's to judge.
    async fn recall(&self, account: &AccountId) {
        let Some(key) = self.key.as_deref().filter(|_| self.command.is_some()) else { return };
        let Ok(id) = CommandId::new(key) else { return };
        let view = &self.app.views.commands;
        view.reach_soon(self.app.intake.writer().sequence()).await;
        match view.find_command(account, &id) {
            Ok(Some((_, sequence))) => {
                self.before.get_or_init(|| sequence.saturating_sub(1));
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "whether a call is told again is not known"),
        }
    }
}

impl Call {
    /// The platform that is meant, if the caller may do this there: the one that is named, or the
    /// home of the key. `body` may name it too.
    pub(super) fn platform(
        &mut self,
        body: Option<&mut Reader>,
        access: Access,
    ) -> Result<AccountId, Failure> {
        match self.named(body, access)? {
            Some(named) => Ok(self.caller.account(&named, access)?),
            None => Ok(self.caller.home(access)?.clone()),
        }
    }

    /// The platform that something is made on: a key of every account has to say it.
    pub(super) fn platform_to_fill(
        &mut self,
        body: &mut Reader,
        access: Access,
    ) -> Result<AccountId, Failure> {
        match self.named(Some(body), access)? {
            Some(named) => Ok(self.caller.account(&named, access)?),
            None if self.caller.only().is_none() => {
                let said = "it is needed: the key is of every platform";
                Err(Failure::of_field("platform_key", said))
            }
            None => Ok(self.caller.home(access)?.clone()),
        }
    }

    /// The platform of what a call is about: a key of every account need not say whose it is.
    pub(super) async fn platform_of(
        &mut self,
        body: Option<&mut Reader>,
        access: Access,
        about: About<'_>,
    ) -> Result<AccountId, Failure> {
        let named = self.named(body, access)?;
        let every = self.caller.only().is_none();
        let found = match every && named.is_none() {
            true => self.account_of(about).await?,
            false => None,
        };
        let account = match named.or(found) {
            Some(named) => self.caller.account(&named, access)?,
            None => self.caller.home(access)?.clone(),
        };
        self.recall(&account).await;
        Ok(account)
    }

    /// Whose that is.
    async fn account_of(&self, about: About<'_>) -> Result<Option<String>, Failure> {
        let newest = self.app.intake.writer().sequence();
        let views = &self.app.views;
        match about {
            About::Nothing => Ok(None),
            About::License(number) => {
                views.licenses.reach_soon(newest).await;
                let whose = |db: &_| licenses::account_of(db, number, u64::MAX);
                Ok(query::ask(&views.licenses, whose)?)
            }
            About::Assignment(number) => {
                views.assignments.reach_soon(newest).await;
                let whose = |db: &_| assignments::account_of(db, number, u64::MAX);
                Ok(query::ask(&views.assignments, whose)?)
            }
            About::ExternalId(kind, external_id) => {
                views.licenses.reach_soon(newest).await;
                let whose = |db: &_| licenses::accounts_of(db, external_id, u64::MAX);
                let mut all = query::ask(&views.licenses, whose)?;
                all.retain(|it| kind.is_of(&it.1));
                if all.len() > 1 {
                    let said = "it is needed: more than one platform has a license of this \
                                external_id";
                    return Err(Failure::of_field("platform_key", said));
                }
                Ok(all.pop().map(|it| it.0))
            }
        }
    }

    /// What the platform is called, if it is named.
    fn named(
        &mut self,
        body: Option<&mut Reader>,
        access: Access,
    ) -> Result<Option<String>, Failure> {
        self.caller.may(access)?;
        let mut named: Vec<String> =
            SELECTORS.iter().filter_map(|it| self.query.text(it)).collect();
        if let Some(body) = body {
            named.extend(BODY_SELECTORS.iter().filter_map(|it| body.text(it)));
        }
        named.retain(|it| !it.is_empty());
        named.dedup();
        match named.len() {
            0 | 1 => Ok(named.pop()),
            _ => Err(Failure::of_field("platform_key", "two platforms are named that differ")),
        }
    }

    /// As of when a read model is asked.
    pub(super) async fn as_of(&mut self, view: &View) -> Result<AsOf, Failure> {
        let at = self.query.text("at").filter(|it| !it.is_empty());
        let min_sequence = self.query.number("min_sequence");
        self.query.done()?;
        // A list is told of several read models: they are all as fresh as it is asked for.
        let views = &self.app.views;
        for other in [&views.licenses, &views.assignments, &views.directory] {
            query::reach(other, min_sequence.unwrap_or_default()).await?;
        }
        let as_of = query::as_of(&self.app, view, at.as_deref(), min_sequence).await?;
        if at.is_some() {
            query::reach(&views.directory, as_of.sequence).await?;
            query::reach(&views.licenses, as_of.sequence).await?;
        }
        Ok(as_of)
    }
}

/// What may stand in a host and its port.
fn is_of_host(it: u8) -> bool {
    it.is_ascii_alphanumeric() || b".:-[]_%".contains(&it)
}

impl Place {
    fn of(uri: &Uri, headers: &HeaderMap) -> Place {
        let said = headers.get(HOST).and_then(|it| it.to_str().ok());
        let host = said.or_else(|| uri.authority().map(|it| it.as_str()));
        let host = host.filter(|it| !it.is_empty() && it.bytes().all(is_of_host));
        let forwarded = headers.get("x-forwarded-proto").is_some_and(|it| it == "https");
        let scheme = if forwarded { "https" } else { "http" };
        let pairs = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
        Place {
            origin: format!("{scheme}://{}", host.unwrap_or("localhost")),
            path: uri.path().to_owned(),
            pairs: pairs.map(|(name, text)| (name.into_owned(), text.into_owned())).collect(),
        }
    }

    /// The same question about another page.
    pub(super) fn page(&self, page: u64) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.pairs.iter().filter(|it| it.0 != "page"));
        query.append_pair("page", &page.to_string());
        format!("{}{}?{}", self.origin, self.path, query.finish())
    }
}
