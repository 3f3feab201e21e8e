//! Waitlists: who waits for a seat of what.

use axum::extract::State;
use axum::response::Response;
use events::Email;
use projections::Page;
use projections::waitlists::{self, Filter, Place};
use serde::Deserialize;
use utoipa::IntoParams;

use super::native::{self, Caller};
use super::problem::Problem;
use super::query::{self, Params, Segments};
use super::{App, accounts, assignments};
use crate::auth::Access;

/// What every list of places can be asked, and what only one of them can.
macro_rules! list_params {
    ($name:ident { $($(#[$attribute:meta])* $field:ident: $type:ty),* }) => {
        #[derive(Debug, Deserialize, IntoParams)]
        #[serde(deny_unknown_fields)]
        #[into_params(parameter_in = Query)]
        pub(super) struct $name {
            $($(#[$attribute])* $field: $type,)*
            /// Only of this user
            user: Option<String>,
            /// Only of everybody known by this e-mail address
            email: Option<String>,
            /// Those that are over, too
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
        }
    };
}

list_params!(OfLicenseParams {});
list_params!(OfAccountParams {
    /// Only for a seat of this license, by its name
    license: Option<String>,
    /// Only for a seat of this product, of whichever license
    product: Option<String>
});

/// Who waits in an account, the one who is served first before the others
#[utoipa::path(
    get, path = "/v1/accounts/{account}/waitlists",
    tag = "read", operation_id = "list_waitlists",
    params(("account" = String, Path, description = "Of which account"), OfAccountParams),
    responses(
        (status = 200, description = "A page of places", body = Page<Place>),
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
    let email = who(params.user.as_deref(), params.email.as_deref())?;
    let view = &app.views.waitlists;
    let as_of = query::as_of(&app, view, params.at.as_deref(), params.min_sequence).await?;
    let (limit, wanted) = (query::limit(params.limit)?, name.clone());
    let asked = query::ask_slowly(view, move |db| {
        let filter = Filter {
            license: params.license.as_deref(),
            product: params.product.as_deref(),
            user: params.user.as_deref(),
            email: email.as_ref().map(Email::as_str),
            ended: params.ended,
        };
        let cursor = params.cursor.as_deref();
        waitlists::places(db, wanted.as_str(), &filter, cursor, limit, as_of.sequence)
    });
    let page = asked.await?;
    accounts::answer_page(&app, &name, as_of, &page).await
}

/// Who waits for a seat of a license by its name, the one who is served first before the others
#[utoipa::path(
    get, path = "/v1/accounts/{account}/licenses/{license}/waitlist",
    tag = "read", operation_id = "list_license_waitlist",
    params(
        ("account" = String, Path, description = "Of which account"),
        ("license" = String, Path, description = "Of which license"),
        OfLicenseParams
    ),
    responses(
        (status = 200, description = "A page of places", body = Page<Place>),
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
    let email = who(params.user.as_deref(), params.email.as_deref())?;
    let view = &app.views.waitlists;
    let as_of = query::as_of(&app, view, params.at.as_deref(), params.min_sequence).await?;
    let (limit, wanted) = (query::limit(params.limit)?, license.clone());
    let asked = query::ask_slowly(view, move |db| {
        let filter = Filter {
            license: Some(&wanted),
            product: None,
            user: params.user.as_deref(),
            email: email.as_ref().map(Email::as_str),
            ended: params.ended,
        };
        let cursor = params.cursor.as_deref();
        waitlists::places(db, name.as_str(), &filter, cursor, limit, as_of.sequence)
    });
    let page = asked.await?;
    if page.items.is_empty() {
        assignments::known_license(&app, &account, &license, page.sequence).await?;
    }
    query::answer(as_of, page.sequence, &page)
}

/// The address, if that is how somebody is named.
fn who(user: Option<&str>, email: Option<&str>) -> Result<Option<Email>, Problem> {
    match (user, email) {
        (Some(_), Some(_)) => {
            Err(query::invalid("email", "give a user or an e-mail address, not both"))
        }
        (_, email) => email.map(query::email).transpose(),
    }
}
