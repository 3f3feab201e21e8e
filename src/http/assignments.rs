//! Assignments.

use axum::extract::State;
use axum::response::Response;
use events::{AccountId, Email};
use projections::Page;
use projections::assignments::{self, Assignment, Filter, GroundKind, Who};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::native::{self, Caller};
use super::problem::Problem;
use super::query::{self, AsOf, AsOfParams, AsOfSequence, Params, Segments};
use super::{App, accounts};
use crate::auth::Access;

/// What every list of assignments can be asked, and what only one of them can.
macro_rules! list_params {
    ($name:ident { $($(#[$attribute:meta])* $field:ident: $type:ty),* }) => {
        #[derive(Debug, Deserialize, IntoParams)]
        #[serde(deny_unknown_fields)]
        #[into_params(parameter_in = Query)]
        pub(super) struct $name {
            $($(#[$attribute])* $field: $type,)*
            /// Only those that hold a seat, or only those that do not
            active: Option<bool>,
            /// Only those that downstream is done with, or only those that it is not
            fulfilled: Option<bool>,
            /// Those that have ended, too
            #[serde(default)]
            ended: bool,
            /// Only those that stand on such a ground: `direct`, `group` or `orphan`
            #[param(inline)]
            ground: Option<GroundKind>,
            /// Only those that stand on a ground of this group
            group: Option<String>,
            /// Where to go on: `next` of the page before
            cursor: Option<String>,
            /// Items of the page, 1 to 1,000; 100 when absent
            limit: Option<usize>,
            /// As of a sequence, an RFC 3339 time, or the end of a day (UTC)
            at: Option<String>,
            /// Wait until this sequence is taken in
            min_sequence: Option<u64>,
        }

        impl $name {
            async fn listing(&self, app: &App) -> Result<Listing, Problem> {
                let filter = Wanted {
                    active: self.active,
                    fulfilled: self.fulfilled,
                    ended: self.ended,
                    ground: self.ground,
                    group: self.group.clone(),
                };
                let (cursor, limit) = (self.cursor.clone(), query::limit(self.limit)?);
                let view = &app.views.assignments;
                let as_of = query::as_of(app, view, self.at.as_deref(), self.min_sequence).await?;
                Ok(Listing { filter, cursor, limit, as_of })
            }
        }
    };
}

list_params!(OfLicenseParams {});
list_params!(OfHolderParams {
    /// How the path names them: `user` (as when absent) or `email`
    #[param(inline)]
    by: Option<By>
});
list_params!(OfAccountParams {
    /// Only of this user
    user: Option<String>,
    /// Only of this e-mail address
    email: Option<String>
});

/// A list that was asked for, understood.
struct Listing {
    filter: Wanted,
    cursor: Option<String>,
    limit: usize,
    as_of: AsOf,
}

/// Which assignments are asked for.
struct Wanted {
    active: Option<bool>,
    fulfilled: Option<bool>,
    ended: bool,
    ground: Option<GroundKind>,
    group: Option<String>,
}

impl Wanted {
    fn filter(&self) -> Filter<'_> {
        Filter {
            active: self.active,
            fulfilled: self.fulfilled,
            ended: self.ended,
            ground: self.ground,
            group: self.group.as_deref(),
        }
    }
}

#[derive(Debug, Clone, Copy, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
enum By {
    User,
    Email,
}

/// Assignments of a license, in the order in which they were made
#[utoipa::path(
    get, path = "/v1/accounts/{account}/licenses/{license}/assignments",
    tag = "read", operation_id = "list_license_assignments",
    params(
        ("account" = String, Path, description = "Of which account"),
        ("license" = String, Path, description = "Of which license"),
        OfLicenseParams
    ),
    responses(
        (status = 200, description = "A page of assignments", body = Page<Assignment>),
        (status = 400, description = "A parameter is not usable", body = super::ProblemDocument),
        (status = 404, description = "There is no such license", body = super::ProblemDocument),
        (status = 503, description = "Not there yet", body = super::ProblemDocument)
    )
)]
pub(super) async fn of_license(
    caller: Caller,
    State(app): State<App>,
    Segments((account, license)): Segments<(String, String)>,
    Params(params): Params<OfLicenseParams>,
) -> Result<Response, Problem> {
    let name = native::account(&caller, &account, Access::Read)?;
    let Listing { filter, cursor, limit, as_of } = params.listing(&app).await?;
    let wanted = license.clone();
    let asked = query::ask_slowly(&app.views.assignments, move |db| {
        let (cursor, at) = (cursor.as_deref(), as_of.sequence);
        assignments::of_license(db, name.as_str(), &wanted, &filter.filter(), cursor, limit, at)
    });
    let page = asked.await?;
    if page.items.is_empty() {
        known_license(&app, &account, &license, page.sequence).await?;
    }
    query::answer(as_of, page.sequence, &page)
}

/// An empty list of a license that is not there is an answer to another question.
pub(super) async fn known_license(
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
    get, path = "/v1/accounts/{account}/holders/{holder}/assignments",
    tag = "read", operation_id = "list_holder_assignments",
    params(
        ("account" = String, Path, description = "Of which account"),
        ("holder" = String, Path, description = "A user id, or with by=email an e-mail address"),
        OfHolderParams
    ),
    responses(
        (status = 200, description = "A page of assignments", body = Page<Assignment>),
        (status = 400, description = "A parameter is not usable", body = super::ProblemDocument),
        (status = 404, description = "There is no such account", body = super::ProblemDocument),
        (status = 503, description = "Not there yet", body = super::ProblemDocument)
    )
)]
pub(super) async fn of_holder(
    caller: Caller,
    State(app): State<App>,
    Segments((account, holder)): Segments<(String, String)>,
    Params(params): Params<OfHolderParams>,
) -> Result<Response, Problem> {
    let name = native::account(&caller, &account, Access::Read)?;
    let who = match params.by {
        Some(By::Email) => Holder::Email(query::email(&holder)?),
        Some(By::User) | None => Holder::User(holder),
    };
    list_of(&app, name, Some(who), params.listing(&app).await?).await
}

/// Assignments of an account
#[utoipa::path(
    get, path = "/v1/accounts/{account}/assignments",
    tag = "read", operation_id = "list_assignments",
    params(("account" = String, Path, description = "Of which account"), OfAccountParams),
    responses(
        (status = 200, description = "A page of assignments", body = Page<Assignment>),
        (status = 400, description = "A parameter is not usable", body = super::ProblemDocument),
        (status = 404, description = "There is no such account", body = super::ProblemDocument),
        (status = 503, description = "Not there yet", body = super::ProblemDocument)
    )
)]
pub(super) async fn of_account(
    caller: Caller,
    State(app): State<App>,
    Segments(account): Segments<String>,
    Params(params): Params<OfAccountParams>,
) -> Result<Response, Problem> {
    let name = native::account(&caller, &account, Access::Read)?;
    let who = match (&params.user, &params.email) {
        (Some(user), None) => Some(Holder::User(user.clone())),
        (None, Some(address)) => Some(Holder::Email(query::email(address)?)),
        (None, None) => None,
        (Some(_), Some(_)) => {
            return Err(query::invalid("email", "give a user or an e-mail address, not both"));
        }
    };
    list_of(&app, name, who, params.listing(&app).await?).await
}

enum Holder {
    User(String),
    Email(Email),
}

async fn list_of(
    app: &App,
    name: AccountId,
    who: Option<Holder>,
    listing: Listing,
) -> Result<Response, Problem> {
    let Listing { filter, cursor, limit, as_of } = listing;
    let wanted = name.clone();
    let asked = query::ask_slowly(&app.views.assignments, move |db| {
        let (account, cursor, at) = (wanted.as_str(), cursor.as_deref(), as_of.sequence);
        let filter = filter.filter();
        let who = match &who {
            Some(Holder::User(user)) => Who::User(user),
            Some(Holder::Email(email)) => Who::Email(email.as_str()),
            None => return assignments::of_account(db, account, &filter, cursor, limit, at),
        };
        assignments::of_holder(db, account, who, &filter, cursor, limit, at)
    });
    let page = asked.await?;
    if page.items.is_empty() {
        accounts::known(app, &name, page.sequence).await?;
    }
    query::answer(as_of, page.sequence, &page)
}

/// One assignment, ended or not
#[utoipa::path(
    get, path = "/v1/accounts/{account}/assignments/{assignment}",
    tag = "read", operation_id = "get_assignment",
    params(
        ("account" = String, Path, description = "Of which account"),
        ("assignment" = String, Path, description = "Which assignment"),
        AsOfParams
    ),
    responses(
        (status = 200, description = "The assignment", body = AsOfSequence<Assignment>),
        (status = 400, description = "A parameter is not usable", body = super::ProblemDocument),
        (status = 404, description = "There is no such assignment", body = super::ProblemDocument),
        (status = 503, description = "Not there yet", body = super::ProblemDocument)
    )
)]
pub(super) async fn one(
    caller: Caller,
    State(app): State<App>,
    Segments((account, assignment)): Segments<(String, String)>,
    Params(params): Params<AsOfParams>,
) -> Result<Response, Problem> {
    let name = native::account(&caller, &account, Access::Read)?;
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
    query::answer(as_of, sequence, &AsOfSequence { item, sequence })
}
