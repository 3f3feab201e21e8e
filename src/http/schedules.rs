//! Schedules: commands to come, and what came of them.

use axum::extract::State;
use axum::response::Response;
use projections::Page;
use projections::waitlists::{self, ScheduleState, Scheduled};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::native::{self, Caller};
use super::problem::Problem;
use super::query::{self, Params, Segments};
use super::{App, accounts};
use crate::auth::Access;

/// Which schedules.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Which {
    /// Those that are still to come
    #[default]
    Pending,
    /// Those that were judged when they were due
    Fired,
    /// Those that were dropped before
    Cancelled,
    /// Every one
    All,
}

impl Which {
    fn state(self) -> Option<ScheduleState> {
        match self {
            Which::Pending => Some(ScheduleState::Pending),
            Which::Fired => Some(ScheduleState::Fired),
            Which::Cancelled => Some(ScheduleState::Cancelled),
            Which::All => None,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListParams {
    /// Only those in this state, or `all`; `pending` when absent
    #[param(inline)]
    state: Option<Which>,
    /// Where to go on: `next` of the page before
    cursor: Option<String>,
    /// Items of the page, 1 to 1,000; 100 when absent
    limit: Option<usize>,
    /// As of a sequence, an RFC 3339 time, or the end of a day (UTC)
    at: Option<String>,
    /// Wait until this sequence is taken in
    min_sequence: Option<u64>,
}

/// Commands of an account that are to come, or were, in the order in which they are due
#[utoipa::path(
    get, path = "/v1/accounts/{account}/schedules",
    tag = "read", operation_id = "list_schedules",
    params(("account" = String, Path, description = "Of which account"), ListParams),
    responses(
        (status = 200, description = "A page of schedules", body = Page<Scheduled>),
        (status = 400, description = "A parameter is not usable", body = super::ProblemDocument),
        (status = 404, description = "There is no such account", body = super::ProblemDocument),
        (status = 503, description = "Not there yet", body = super::ProblemDocument)
    )
)]
pub(super) async fn list(
    caller: Caller,
    State(app): State<App>,
    Segments(account): Segments<String>,
    Params(params): Params<ListParams>,
) -> Result<Response, Problem> {
    let name = native::account(&caller, &account, Access::Read)?;
    let view = &app.views.waitlists;
    let as_of = query::as_of(&app, view, params.at.as_deref(), params.min_sequence).await?;
    let (limit, wanted) = (query::limit(params.limit)?, name.clone());
    let asked = query::ask_slowly(view, move |db| {
        let state = params.state.unwrap_or_default().state();
        let cursor = params.cursor.as_deref();
        waitlists::schedules(db, wanted.as_str(), state, cursor, limit, as_of.sequence)
    });
    let page = asked.await?;
    accounts::answer_page(&app, &name, as_of, &page).await
}
