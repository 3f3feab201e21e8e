//! Assignments.

use axum::extract::{Path, State};
use axum::response::Response;
use events::Email;
use projections::Page;
use projections::assignments::{self, Assignment, Filter, Who};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::App;
use super::problem::Problem;
use super::query::{self, AsOf, AsOfSequence, LIMIT_DEFAULT, Params};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListParams {
    /// Only those that hold a seat, or only those that do not
    active: Option<bool>,
    /// Only those that downstream is done with, or only those that it is not
    fulfilled: Option<bool>,
    /// Those that have ended, too
    #[serde(default)]
    ended: bool,
    /// Where to go on: `next` of the page before
    cursor: Option<String>,
    /// Items of the page, 1 to 1,000; 100 when absent
    limit: Option<usize>,
    /// As of a sequence, an RFC 3339 time, or the end of a day (UTC)
    at: Option<String>,
    /// Wait until this sequence is taken in
    min_sequence: Option<u64>,
    /// Of a holder: `email` says that the path names an e-mail address; of an account: only of this user
    user: Option<String>,
    /// Of an account: only of this e-mail address
    email: Option<String>,
    /// Of a holder: how the path names them, `user` (as when absent) or `email`
    by: Option<By>,
}

#[derive(Debug, Clone, Copy, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
enum By {
    User,
    Email,
}

impl ListParams {
    fn filter(&self) -> Filter {
        Filter { active: self.active, fulfilled: self.fulfilled, ended: self.ended }
    }

    fn limit(&self) -> usize {
        self.limit.unwrap_or(LIMIT_DEFAULT)
    }

    async fn as_of(&self, app: &App) -> Result<AsOf, Problem> {
        let view = &app.views.assignments;
        query::as_of(app, view, self.at.as_deref(), self.min_sequence).await
    }
}

/// Assignments of a license, in the order in which they were made
#[utoipa::path(
    get, path = "/v1/accounts/{account}/licenses/{license}/assignments", tag = "read",
    params(
        ("account" = String, Path, description = "Of which account"),
        ("license" = String, Path, description = "Of which license"),
        ListParams
    ),
    responses(
        (status = 200, description = "A page of assignments", body = Page<Assignment>),
        (status = 400, description = "A parameter is not usable", body = super::ProblemDocument),
        (status = 404, description = "There is no such license", body = super::ProblemDocument),
        (status = 503, description = "Not there yet", body = super::ProblemDocument)
    )
)]
pub(super) async fn of_license(
    State(app): State<App>,
    Path((account, license)): Path<(String, String)>,
    Params(params): Params<ListParams>,
) -> Result<Response, Problem> {
    let name = query::account(&account)?;
    let as_of = params.as_of(&app).await?;
    let wanted = license.clone();
    let asked = query::ask_slowly(&app.views.assignments, move |db| {
        let (filter, limit) = (params.filter(), params.limit());
        let (cursor, at) = (params.cursor.as_deref(), as_of.sequence);
        assignments::of_license(db, name.as_str(), &wanted, &filter, cursor, limit, at)
    });
    let page = asked.await?;
    if page.items.is_empty() {
        known_license(&app, &account, &license, page.sequence).await?;
    }
    query::answer(&app, as_of, page.sequence, &page)
}

/// An empty list of a license that is not there is an answer to another question.
async fn known_license(
    app: &App,
    account: &str,
    license: &str,
    sequence: u64,
) -> Result<(), Problem> {
    let view = &app.views.licenses;
    query::as_of(app, view, None, Some(sequence)).await?;
    let found = query::ask(view, |db| projections::licenses::one(db, account, license, sequence))?;
    match found.0 {
        Some(_) => Ok(()),
        None => Err(super::licenses::unknown(account, license)),
    }
}

/// Assignments of a holder, in the order in which they were made
#[utoipa::path(
    get, path = "/v1/accounts/{account}/holders/{holder}/assignments", tag = "read",
    params(
        ("account" = String, Path, description = "Of which account"),
        ("holder" = String, Path, description = "A user id, or with by=email an e-mail address"),
        ListParams
    ),
    responses(
        (status = 200, description = "A page of assignments", body = Page<Assignment>),
        (status = 400, description = "A parameter is not usable", body = super::ProblemDocument),
        (status = 503, description = "Not there yet", body = super::ProblemDocument)
    )
)]
pub(super) async fn of_holder(
    State(app): State<App>,
    Path((account, holder)): Path<(String, String)>,
    Params(params): Params<ListParams>,
) -> Result<Response, Problem> {
    let who = match params.by {
        Some(By::Email) => Holder::Email(email(&holder)?),
        Some(By::User) | None => Holder::User(holder),
    };
    list_of(&app, &account, Some(who), params).await
}

/// Assignments of an account
#[utoipa::path(
    get, path = "/v1/accounts/{account}/assignments", tag = "read",
    params(("account" = String, Path, description = "Of which account"), ListParams),
    responses(
        (status = 200, description = "A page of assignments", body = Page<Assignment>),
        (status = 400, description = "A parameter is not usable", body = super::ProblemDocument),
        (status = 503, description = "Not there yet", body = super::ProblemDocument)
    )
)]
pub(super) async fn of_account(
    State(app): State<App>,
    Path(account): Path<String>,
    Params(params): Params<ListParams>,
) -> Result<Response, Problem> {
    let who = match (&params.user, &params.email) {
        (Some(user), None) => Some(Holder::User(user.clone())),
        (None, Some(address)) => Some(Holder::Email(email(address)?)),
        (None, None) => None,
        (Some(_), Some(_)) => {
            return Err(query::invalid("email", "give a user or an e-mail address, not both"));
        }
    };
    list_of(&app, &account, who, params).await
}

enum Holder {
    User(String),
    Email(Email),
}

fn email(text: &str) -> Result<Email, Problem> {
    Email::new(text).map_err(|it| query::invalid("email", &it.to_string()))
}

async fn list_of(
    app: &App,
    account: &str,
    who: Option<Holder>,
    params: ListParams,
) -> Result<Response, Problem> {
    let name = query::account(account)?;
    let as_of = params.as_of(app).await?;
    let asked = query::ask_slowly(&app.views.assignments, move |db| {
        let (account, filter, limit) = (name.as_str(), params.filter(), params.limit());
        let (cursor, at) = (params.cursor.as_deref(), as_of.sequence);
        let who = match &who {
            Some(Holder::User(user)) => Who::User(user),
            Some(Holder::Email(email)) => Who::Email(email.as_str()),
            None => return assignments::of_account(db, account, &filter, cursor, limit, at),
        };
        assignments::of_holder(db, account, who, &filter, cursor, limit, at)
    });
    let page = asked.await?;
    query::answer(app, as_of, page.sequence, &page)
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct OneParams {
    /// As of a sequence, an RFC 3339 time, or the end of a day (UTC)
    at: Option<String>,
    /// Wait until this sequence is taken in
    min_sequence: Option<u64>,
}

/// One assignment, ended or not
#[utoipa::path(
    get, path = "/v1/accounts/{account}/assignments/{assignment}", tag = "read",
    params(
        ("account" = String, Path, description = "Of which account"),
        ("assignment" = String, Path, description = "Which assignment"),
        OneParams
    ),
    responses(
        (status = 200, description = "The assignment", body = Assignment),
        (status = 400, description = "A parameter is not usable", body = super::ProblemDocument),
        (status = 404, description = "There is no such assignment", body = super::ProblemDocument),
        (status = 503, description = "Not there yet", body = super::ProblemDocument)
    )
)]
pub(super) async fn one(
    State(app): State<App>,
    Path((account, assignment)): Path<(String, String)>,
    Params(params): Params<OneParams>,
) -> Result<Response, Problem> {
    let name = query::account(&account)?;
    let unknown = || {
        let detail = format!("there is no assignment {assignment} in {account}");
        query::not_found("assignment_not_found", "There is no such assignment", detail)
    };
    let id = Uuid::parse_str(&assignment).map_err(|_| unknown())?;
    let view = &app.views.assignments;
    let as_of = query::as_of(&app, view, params.at.as_deref(), params.min_sequence).await?;
    let (found, sequence) =
        query::ask(view, |db| assignments::by_id(db, name.as_str(), id, as_of.sequence))?;
    let item = found.ok_or_else(unknown)?;
    query::answer(&app, as_of, sequence, &AsOfSequence { item, sequence })
}
