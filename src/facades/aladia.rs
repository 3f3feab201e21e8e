//! The Aladia dialect: licenses of courses that spaces have, and who in a space is assigned one.
//!
//! The account is that of the key. A space is a container, a course is the product `course:<id>`, a
//! profile is a user. What is served, and how, stands in `docs/compat/aladia.md`.

mod assigning;
mod distributing;
mod members;
mod pages;
mod space;

use axum::Router;
use events::key::Facade;
use serde_json::{Value, json};

use super::routes::{self, Asked, Route};
use crate::auth::Api;
use crate::http::App;
use crate::http::problem::Problem;

/// The dialect, as callers are admitted to it.
pub(super) enum Aladia {}

impl Api for Aladia {
    const FACADE: Facade = Facade::Aladia;
    type Refusal = Problem;
}

/// Who calls.
type Caller = crate::auth::Caller<Aladia>;

/// Every call of the dialect.
fn routes() -> Vec<Route> {
    const PATCH: &[&str] = &["PATCH"];
    const GET: &[&str] = &["GET"];
    vec![
        Route::new(PATCH, "/spaces/{spaceId}/members/assign-license", assigning::assign),
        Route::new(
            PATCH,
            "/spaces/{spaceId}/members/{profileId}/assign-license",
            assigning::assign_one,
        ),
        Route::new(PATCH, "/spaces/{spaceId}/members/remove-license", assigning::remove),
        Route::new(GET, "/spaces/{spaceId}/members/license-assigned", members::assigned),
        Route::new(GET, "/spaces/{spaceId}/members/search", members::search),
        Route::new(
            PATCH,
            "/spaces/{spaceId}/folders/{folderId}/courses/license",
            distributing::distribute,
        ),
    ]
}

/// The router of the dialect.
pub(crate) fn router(app: &App) -> Router<App> {
    routes::router(app, routes(), |path| vec![path.to_owned(), ["/v2", path].concat()], told)
}

/// How something that went wrong is told: the envelope that their client reads. Most codes are ours.
fn told(problem: &Problem, asked: &Asked) -> (u16, Value) {
    let code = problem.code.as_str();
    let (status, code) = match code {
        "no_free_seat" | "no_free_quantity" | "no_license_in_force" | "quantity_below_use" => {
            (403, "LICENSE_NOT_ENOUGH".to_owned())
        }
        _ if problem.status == 404 => (404, "RECORD_NOT_FOUND".to_owned()),
        _ => (problem.status, code.to_uppercase()),
    };
    let body = json!({
        "statusCode": status, "message": problem.title, "path": asked.path,
        "details": [{"messages": [problem.detail]}], "errorCode": code,
    });
    (status, body)
}

/// The product that a course is.
fn product(course: &str) -> String {
    format!("course:{course}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facades::documented;

    #[test]
    fn the_document_lists_the_routes() {
        documented::agrees(include_str!("../../docs/compat/aladia.md"), &routes());
    }
}
