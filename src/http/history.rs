//! What happened, and what was refused.

use axum::extract::State;
use axum::response::Response;
use events::{By, Email, Event, Moment};
use projections::Page;
use projections::history::{self, Entry, Filter};
use projections::refusals::{self, Refusal};
use serde::Deserialize;
use utoipa::IntoParams;

use super::native::{self, Caller};
use super::problem::Problem;
use super::query::{self, DayEdge, Params, Segments};
use super::{App, accounts};
use crate::auth::Access;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct HistoryParams {
    /// Only about this license
    license: Option<String>,
    /// Only about this user
    user: Option<String>,
    /// Only about this e-mail address
    email: Option<String>,
    /// Only about this group
    group: Option<String>,
    /// Only of this type, such as SeatAssigned
    #[serde(rename = "type")]
    #[param(rename = "type")]
    kind: Option<String>,
    /// Only by this actor, as senders said
    actor: Option<String>,
    /// Only by whoever was let in so, such as key:5d1f0c2ab7e94836
    by: Option<String>,
    /// Only caused by this command
    command: Option<String>,
    /// Only from here on: a time, or the start of a day (UTC)
    from: Option<String>,
    /// Only up to here: a time, or the end of a day (UTC)
    to: Option<String>,
    /// `oldest` first (as when absent) or `newest` first
    #[param(inline)]
    order: Option<Order>,
    /// Where to go on: `next` of the page before
    cursor: Option<String>,
    /// Items of the page, 1 to 1,000; 100 when absent
    limit: Option<usize>,
    /// As of a sequence, an RFC 3339 time, or the end of a day (UTC)
    at: Option<String>,
    /// Wait until this sequence is taken in
    min_sequence: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
enum Order {
    Oldest,
    Newest,
}

type Stretch = (Option<Moment>, Option<Moment>);

/// From when, inclusive, to when, exclusive.
fn stretch(from: Option<&str>, to: Option<&str>) -> Result<Stretch, Problem> {
    let from = from.map(|it| query::moment("from", it, DayEdge::Start)).transpose()?;
    let to = to.map(|it| query::moment("to", it, DayEdge::Next)).transpose()?;
    match (from, to) {
        (Some(from), Some(to)) if from >= to => {
            Err(query::invalid("from", &format!("{from} is not before {to}")))
        }
        _ => Ok((from, to)),
    }
}

/// Refuses a name that there never will be anything of, so that a slip is not taken for "never".
fn known(
    parameter: &str,
    name: Option<&str>,
    all: impl IntoIterator<Item = &'static str>,
    page: &str,
) -> Result<(), Problem> {
    match name {
        Some(name) if !all.into_iter().any(|it| it == name) => {
            let shown: String = name.chars().take(64).collect();
            Err(query::invalid(parameter, &format!("there is no {shown:?}; {page} lists them")))
        }
        Some(_) | None => Ok(()),
    }
}

/// Refuses what is not written of anybody who was let in.
fn let_in(by: Option<&str>) -> Result<(), Problem> {
    match by {
        Some(by) if !By::could_be(by) => {
            let shown = events::malformed::short(by);
            let forms =
                "key:<id>, token:<issuer>#<subject>, nats:command, nats:admin, local or clock";
            Err(query::invalid("by", &format!("nobody is let in as {shown:?}, but as {forms}")))
        }
        Some(_) | None => Ok(()),
    }
}

/// Every event of an account
#[utoipa::path(
    get, path = "/v1/accounts/{account}/history",
    tag = "read", operation_id = "list_history",
    params(("account" = String, Path, description = "Of which account"), HistoryParams),
    responses(
        (status = 200, description = "A page of events", body = Page<Entry>),
        (status = 400, description = "A parameter is not usable", body = super::ProblemDocument),
        (status = 404, description = "There is no such account", body = super::ProblemDocument),
        (status = 503, description = "Not there yet", body = super::ProblemDocument)
    )
)]
pub(super) async fn list(
    caller: Caller,
    State(app): State<App>,
    Segments(account): Segments<String>,
    Params(params): Params<HistoryParams>,
) -> Result<Response, Problem> {
    let account = native::account(&caller, &account, Access::Audit)?;
    let (from, to) = stretch(params.from.as_deref(), params.to.as_deref())?;
    known("type", params.kind.as_deref(), Event::TYPES.iter().copied(), "docs/events.md")?;
    let_in(params.by.as_deref())?;
    let email = params.email.as_deref().map(query::email).transpose()?;
    let view = &app.views.history;
    let as_of = query::as_of(&app, view, params.at.as_deref(), params.min_sequence).await?;
    let (name, limit) = (account.clone(), query::limit(params.limit)?);
    let asked = query::ask_slowly(view, move |db| {
        let filter = Filter {
            license: params.license.as_deref(),
            user: params.user.as_deref(),
            email: email.as_ref().map(Email::as_str),
            group: params.group.as_deref(),
            kind: params.kind.as_deref(),
            actor: params.actor.as_deref(),
            by: params.by.as_deref(),
            command: params.command.as_deref(),
            from,
            to,
        };
        let newest = params.order == Some(Order::Newest);
        let cursor = params.cursor.as_deref();
        history::of_account(db, name.as_str(), &filter, cursor, limit, newest, as_of.sequence)
    });
    let page = asked.await?;
    accounts::answer_page(&app, &account, as_of, &page).await
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct RefusalsParams {
    /// Only about this license
    license: Option<String>,
    /// Only with this code
    code: Option<String>,
    /// Only of this actor, as senders said
    actor: Option<String>,
    /// Only of whoever was let in so, such as key:5d1f0c2ab7e94836
    by: Option<String>,
    /// Only from here on: a time, or the start of a day (UTC)
    from: Option<String>,
    /// Only up to here: a time, or the end of a day (UTC)
    to: Option<String>,
    /// Where to go on: `next` of the page before
    cursor: Option<String>,
    /// Items of the page, 1 to 1,000; 100 when absent
    limit: Option<usize>,
}

/// Refused commands of an account, the newest first
#[utoipa::path(
    get, path = "/v1/accounts/{account}/refusals",
    tag = "read", operation_id = "list_refusals",
    params(("account" = String, Path, description = "Of which account"), RefusalsParams),
    responses(
        (status = 200, description = "A page of refusals; its sequence is that of their own stream", body = Page<Refusal>),
        (status = 400, description = "A parameter is not usable", body = super::ProblemDocument),
        (status = 503, description = "Not there yet", body = super::ProblemDocument)
    )
)]
pub(super) async fn refusals(
    caller: Caller,
    State(app): State<App>,
    Segments(account): Segments<String>,
    Params(params): Params<RefusalsParams>,
) -> Result<Response, Problem> {
    let account = native::account(&caller, &account, Access::Audit)?;
    let (from, to) = stretch(params.from.as_deref(), params.to.as_deref())?;
    let codes = events::Refusal::TABLE.iter().map(|it| it.0);
    known("code", params.code.as_deref(), codes, "docs/refusals.md")?;
    let_in(params.by.as_deref())?;
    let view = &app.views.refusals;
    let limit = query::limit(params.limit)?;
    let asked = query::ask_slowly(view, move |db| {
        let filter = refusals::Filter {
            license: params.license.as_deref(),
            code: params.code.as_deref(),
            actor: params.actor.as_deref(),
            by: params.by.as_deref(),
            from,
            to,
        };
        refusals::of_account(db, account.as_str(), &filter, params.cursor.as_deref(), limit)
    });
    let page = asked.await?;
    query::answer(query::AsOf::now(&app), page.sequence, &page)
}
