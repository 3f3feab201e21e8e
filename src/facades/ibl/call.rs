//! A call as handlers are given it: who calls, about which platform, and what they say.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::HOST;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri};
use events::AccountId;
use events::key::Facade;
use projections::licenses;

use super::body;
use super::failure::Failure;
use super::given::Reader;
use crate::auth::{Access, Api, Caller};
use crate::http::App;
use crate::http::query::{self, AsOf};
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
    /// Where it was sent.
    pub(super) place: Place,
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

impl FromRequestParts<App> for Call {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Call, Failure> {
        // Who calls comes first: nobody else is told anything.
        let caller = Caller::<Ibl>::from_request_parts(parts, app).await?;
        let key = parts.headers.get("idempotency-key");
        let key = key.map(|it| it.to_str().unwrap_or("\u{fffd}").to_owned());
        let place = Place::of(&parts.uri, &parts.headers);
        let query = Reader::of_pairs(place.pairs.iter().cloned());
        Ok(Call { app: app.clone(), caller, query, key, place })
    }
}

impl FromRequest<App> for Sent {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Result<Sent, Failure> {
        let (mut parts, body) = request.into_parts();
        let call = Call::from_request_parts(&mut parts, app).await?;
        let headers = parts.headers.clone();
        let bytes = Bytes::from_request(Request::from_parts(parts, body), app).await;
        let bytes = bytes.map_err(|it| Failure::new(400, "parse_error", it.body_text()))?;
        Ok(Sent { call, body: body::read(&headers, &bytes)? })
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

    /// The same for a call about a license: a key of every account need not say whose it is.
    pub(super) async fn platform_of(
        &mut self,
        body: Option<&mut Reader>,
        access: Access,
        license: Option<u64>,
    ) -> Result<AccountId, Failure> {
        let named = self.named(body, access)?;
        let every = self.caller.principal().every_account;
        let number = license.filter(|_| every && named.is_none());
        let found = match number {
            Some(number) => {
                let view = &self.app.views.licenses;
                view.reach_soon(self.app.intake.writer().sequence()).await;
                query::ask(view, |db| licenses::account_of(db, number, u64::MAX))?
            }
            None => None,
        };
        match named.or(found) {
            Some(named) => Ok(self.caller.account(&named, access)?),
            None => Ok(self.caller.home(access)?.clone()),
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
