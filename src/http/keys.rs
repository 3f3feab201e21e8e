//! Keys: which there are. What is kept of their secrets is told to nobody.

use axum::extract::State;
use axum::response::Response;
use projections::Page;
use projections::keys::{self, Key};

use super::native::{self, Caller};
use super::problem::Problem;
use super::query::{self, PageParams, Params, Segments};
use super::{App, accounts};
use crate::auth::Access;

/// Keys of an account, in the order in which they were made
#[utoipa::path(
    get, path = "/v1/accounts/{account}/keys",
    tag = "read", operation_id = "list_keys",
    params(("account" = String, Path, description = "Of which account"), PageParams),
    responses(
        (status = 200, description = "A page of keys, revoked ones too", body = Page<Key>),
        (status = 400, description = "A parameter is not usable", body = super::ProblemDocument),
        (status = 404, description = "There is no such account", body = super::ProblemDocument),
        (status = 503, description = "Not there yet", body = super::ProblemDocument)
    )
)]
pub(super) async fn list(
    caller: Caller,
    State(app): State<App>,
    Segments(account): Segments<String>,
    Params(params): Params<PageParams>,
) -> Result<Response, Problem> {
    let name = native::account(&caller, &account, Access::Audit)?;
    let view = &app.views.keys;
    let as_of = query::as_of(&app, view, params.at.as_deref(), params.min_sequence).await?;
    let (wanted, limit) = (name.clone(), query::limit(params.limit)?);
    let page = query::ask_slowly(view, move |db| {
        keys::keys(db, wanted.as_str(), params.cursor.as_deref(), limit, as_of.sequence)
    });
    accounts::answer_page(&app, &name, as_of, &page.await?).await
}
