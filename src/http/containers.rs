//! Containers: where each is, and what it holds.

use axum::extract::State;
use axum::response::Response;
use projections::Page;
use projections::licenses::{self, Container};

use super::native::{self, Caller};
use super::problem::Problem;
use super::query::{self, AsOfParams, AsOfSequence, PageParams, Params, Segments};
use super::{App, accounts};
use crate::auth::Access;

/// Containers of an account as a tree: the account itself, then each container before those in it
#[utoipa::path(
    get, path = "/v1/accounts/{account}/containers",
    tag = "read", operation_id = "list_containers",
    params(("account" = String, Path, description = "Of which account"), PageParams),
    responses(
        (status = 200, description = "A page of containers, each with what it holds", body = Page<Container>),
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
    let name = native::account(&caller, &account, Access::Read)?;
    let view = &app.views.licenses;
    let as_of = query::as_of(&app, view, params.at.as_deref(), params.min_sequence).await?;
    let (limit, wanted) = (query::limit(params.limit)?, name.clone());
    let asked = query::ask_slowly(view, move |db| {
        licenses::containers(db, wanted.as_str(), params.cursor.as_deref(), limit, as_of.sequence)
    });
    let page = asked.await?;
    accounts::answer_page(&app, &name, as_of, &page).await
}

/// One container, with what it holds
#[utoipa::path(
    get, path = "/v1/accounts/{account}/containers/{container}",
    tag = "read", operation_id = "get_container",
    params(
        ("account" = String, Path, description = "Of which account"),
        ("container" = String, Path, description = "Which container"),
        AsOfParams
    ),
    responses(
        (status = 200, description = "The container", body = AsOfSequence<Container>),
        (status = 400, description = "A parameter is not usable", body = super::ProblemDocument),
        (status = 404, description = "There is no such container", body = super::ProblemDocument),
        (status = 503, description = "Not there yet", body = super::ProblemDocument)
    )
)]
pub(super) async fn one(
    caller: Caller,
    State(app): State<App>,
    Segments((account, container)): Segments<(String, String)>,
    Params(params): Params<AsOfParams>,
) -> Result<Response, Problem> {
    let name = native::account(&caller, &account, Access::Read)?;
    let view = &app.views.licenses;
    let as_of = query::as_of(&app, view, params.at.as_deref(), params.min_sequence).await?;
    let wanted = container.clone();
    let asked = query::ask_slowly(view, move |db| {
        licenses::container(db, name.as_str(), &wanted, as_of.sequence)
    });
    let (found, sequence) = asked.await?;
    let unknown = || {
        let detail = format!("there is no container {container} in {account}");
        query::not_found("container_not_found", "There is no such container", detail)
            .hint("a container is there from the first SetAllocations, or license, for it on")
    };
    let item = found.ok_or_else(unknown)?;
    query::answer(as_of, sequence, &AsOfSequence { item, sequence })
}
