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
use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderValue, Uri};
use axum::middleware::map_response;
use axum::response::Response;
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
    let mut routes = vec![
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
    ];
    routes.extend(KNOWN.iter().map(|(methods, path)| Route::known(methods, path, not_served)));
    routes
}

/// Calls about members of a space that their pages list, at the paths where their pages or their client
/// have them, and that this ledger does not serve: who is in a space is said by a group.
const KNOWN: &[(&[&str], &str)] = &[
    (&["GET", "POST"], "/spaces/{spaceId}/members"),
    (&["PATCH", "DELETE"], "/spaces/{spaceId}/members/{profileId}"),
    (&["GET"], "/spaces/{spaceId}/members/exists"),
    (&["GET"], "/spaces/{spaceId}/members/potential"),
    (&["POST"], "/spaces/{spaceId}/members/invite"),
    (&["DELETE"], "/spaces/{spaceId}/members/invite/{email}"),
    (&["GET"], "/spaces/{spaceId}/members/invite-link"),
    (&["POST"], "/spaces/{spaceId}/members/accept-invite"),
    (&["POST"], "/spaces/{spaceId}/members/handle-invite"),
    (&["DELETE"], "/spaces/{spaceId}/members/leave"),
];

async fn not_served(_: Caller, uri: Uri) -> Problem {
    routes::not_served(&uri, "docs/compat/aladia.md")
}

/// The router of the dialect.
pub(crate) fn router(app: &App) -> Router<App> {
    let paths = |path: &'static str| vec![path.to_owned(), ["/v2", path].concat()];
    routes::router(app, routes(), paths, told).layer(map_response(challenged))
}

/// Says how a key is shown here: their header first, and the way that is everywhere.
async fn challenged(mut response: Response) -> Response {
    if let Some(challenge) = response.headers_mut().get_mut(WWW_AUTHENTICATE) {
        *challenge = HeaderValue::from_static(CHALLENGE);
    }
    response
}

/// No scheme is registered for a key in a header; this is what such APIs call it, with the header.
const CHALLENGE: &str = "ApiKey header=\"apikey\", Bearer";

/// How something that went wrong is told: the envelope that their client reads. Most codes are ours.
fn told(problem: &Problem, asked: &Asked) -> (u16, Value) {
    let code = problem.code.as_str();
    let (status, code) = match code {
        "no_free_seat"
        | "no_free_quantity"
        | "no_license_in_force"
        | "quantity_below_use"
        | "container_not_found"
        | "container_has_less" => (403, "LICENSE_NOT_ENOUGH".to_owned()),
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
