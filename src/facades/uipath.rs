//! The UiPath dialect: the License Accountant (`lease_`), who says which users and groups have which
//! bundles, and the License Resource Manager (`lrm`), who gives quantity to tenants.
//!
//! An organization is an account, a license code is a product, a tenant is a container with its
//! services in it. What is served, and how, stands in `docs/compat/uipath.md`.

mod catalogue;
mod entitled;
mod group;
mod groups;
mod hosts;
mod licenses;
mod pages;
mod quotas;
mod services;
mod user;

use axum::Router;
use axum::http::Uri;
use events::key::Facade;
use projections::licenses as read;
use serde::Deserialize;
use serde_json::{Value, json};

use super::newest;
use super::routes::{self, Asked, Route};
use crate::auth::Api;
use crate::http::App;
use crate::http::problem::Problem;
use crate::http::query;
use events::AccountId;

/// The dialect, as callers are admitted to it.
pub(super) enum Uipath {}

impl Api for Uipath {
    const FACADE: Facade = Facade::Uipath;
    type Refusal = Problem;
}

/// Who calls.
pub(super) type Caller = crate::auth::Caller<Uipath>;

/// What a path names.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Account {
    account_id: String,
}

/// Where a service of theirs is found, beside its own name: behind the name of the organization, which
/// some pages print with two slashes before it. The name says nothing that the account does not, and is
/// not looked at.
const ORGANIZATION: [&str; 3] = ["", "/{organizationName}", "//{organizationName}"];

const GROUP: &str = "/lease_/api/account/{accountId}/user-license/group/{groupId}";
const QUOTA: &str = "/lease_/api/account/{accountId}/user-license/group/{groupId}/with-quota";
const GROUPS: &str = "/lease_/api/account/{accountId}/user-license/groups/with-quota";
const USERS: &str = "/lease_/api/account/{accountId}/user-license/group/{groupId}/bulk-users";
const SERVICE: &str = "/lrm/api/account/{accountId}/service-license/{serviceScopeId}/{serviceType}";
const HOST: &str = "/lrm/api/host/{hostAccountID}/organization/{organizationId}/license";

/// Their pages say `PUT`, the examples on them `POST`.
const SET: &[&str] = &["PUT", "POST"];

/// Calls that their pages know, or their portal makes, and this ledger does not serve.
const KNOWN: &[(&[&str], &str)] = &[
    (&["GET", "PUT", "DELETE"], "/portal_/api/license/accountant/UserLicense"),
    (&["POST"], "/portal_/api/license/accountant/UserLicense/users"),
    (&["GET"], "/portal_/api/license/accountant/UserLicense/user/page"),
    (&["GET"], "/portal_/api/license/accountant/UserLicense/group/page"),
    (&["PUT", "DELETE"], "/portal_/api/license/accountant/UserLicense/group"),
    (&["GET"], "/portal_/api/license/accountant/UserLicense/group/{groupId}/allocations"),
    (&["DELETE"], "/portal_/api/license/accountant/UserLicense/group/{groupId}/user/{userId}"),
];

/// Every call of the dialect.
pub(super) fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::new(SET, "/lease_/api/account/{accountId}/user-license", user::set),
        Route::new(SET, GROUP, group::set),
        Route::new(&["GET"], GROUP, group::get),
        Route::new(SET, QUOTA, quotas::set),
        Route::new(&["GET"], QUOTA, quotas::get),
        Route::new(&["GET"], GROUPS, groups::list),
        Route::new(&["GET"], USERS, groups::users),
        Route::new(&["POST"], "/lease_/api/entitlements/{accountId}/entitled", entitled::ask),
        Route::new(SET, SERVICE, services::set),
        Route::new(SET, HOST, hosts::set),
    ];
    routes.extend(KNOWN.iter().map(|(methods, path)| Route::known(methods, path, not_served)));
    routes
}

/// The router of the dialect.
pub(crate) fn router(app: &App) -> Router<App> {
    routes::router(app, routes(), paths, told)
}

/// At which paths a call is served.
fn paths(path: &'static str) -> Vec<String> {
    let mut services = vec![path.to_owned()];
    // The older name of the same service.
    services.extend(path.strip_prefix("/lease_/").map(|it| format!("/la/{it}")));
    let behind = |it: &String| ORGANIZATION.map(|organization| [organization, it].concat());
    services.iter().flat_map(behind).collect()
}

async fn not_served(_: Caller, uri: Uri) -> Problem {
    routes::not_served(&uri, "docs/compat/uipath.md")
}

/// What their documents say where there is no license.
const NO_LICENSE: &str = "No account license is allocated for the indicated organization.";

/// The same of a host.
const NO_HOST: &str =
    "The host license does not exist or the feature flag for on-premise flows is off.";

/// What we say of an organization that a host is to give to.
const NO_ORGANIZATION: &str = "The organization does not exist";

/// The member of a problem that says that it is about the organization, and not about its host.
const ORGANIZATION_MEMBER: &str = "organization";

/// What they say where there is not enough of it.
const EXCEEDS: &str =
    "The license allocation is not allowed because it exceeds the account license quantities.";

/// What they say where there is no such group.
const NO_GROUP: &str = "Organization or group does not exist";

/// How something that went wrong is told. Their documents give statuses and two sentences; the shape
/// is ours.
fn told(problem: &Problem, asked: &Asked) -> (u16, Value) {
    let (status, sentence) = match problem.code.as_str() {
        "account_not_found" if problem.extra.contains_key(ORGANIZATION_MEMBER) => {
            (404, Some(NO_ORGANIZATION))
        }
        "account_not_found" if asked.path.contains("/lrm/api/host/") => (404, Some(NO_HOST)),
        "account_not_found" => (404, Some(NO_LICENSE)),
        // A code that nobody bought is one of which there are none.
        "no_free_seat" | "no_free_quantity" | "no_license_in_force" | "product_not_found" => {
            (409, Some(EXCEEDS))
        }
        "group_not_found" => (404, Some(NO_GROUP)),
        "quota_below_use" => (400, None),
        _ => (problem.status, None),
    };
    let mut body = json!({
        "errorCode": problem.code, "message": sentence.unwrap_or(&problem.detail), "traceId": asked.id,
    });
    if let (Some(_), Some(members)) = (sentence, body.as_object_mut()) {
        members.insert("detail".to_owned(), problem.detail.clone().into());
    }
    (status, body)
}

/// There is no license: of an account that is not there, or that has none.
fn without_license(account: &AccountId) -> Problem {
    let detail = format!("there is no account {account}");
    Problem::new(404, "account_not_found", "There is no such account", detail)
}

/// Refuses a call about an account that has no license at all, after everything that was acknowledged.
async fn has_license(app: &App, account: &AccountId) -> Result<(), Problem> {
    is_licensed(app, account, newest(app)).await
}

/// The same for a question, as fresh as it is asked for: nothing at all of an account that is not
/// there would be an answer to another question.
async fn is_licensed(
    app: &App,
    account: &AccountId,
    min_sequence: Option<u64>,
) -> Result<(), Problem> {
    let view = &app.views.licenses;
    query::as_of(app, view, None, min_sequence).await?;
    match query::ask(view, |db| read::has_license(db, account.as_str(), u64::MAX))? {
        true => Ok(()),
        false => Err(without_license(account)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facades::documented;

    #[test]
    fn the_document_lists_the_routes() {
        documented::agrees(include_str!("../../docs/compat/uipath.md"), &routes());
    }

    #[test]
    fn a_call_is_found_behind_the_name_of_the_organization() {
        assert_eq!(
            paths("/lease_/x"),
            [
                "/lease_/x",
                "/{organizationName}/lease_/x",
                "//{organizationName}/lease_/x",
                "/la/x",
                "/{organizationName}/la/x",
                "//{organizationName}/la/x",
            ]
        );
        assert_eq!(paths("/lrm/x").len(), 3);
    }
}
