//! The bundles that a group gives to its members, first come first served.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use events::CommandType;
use events::limits::PRODUCTS_MAX;
use events::request::Via;
use projections::directory::{self, Granted};
use serde::Deserialize;
use serde_json::{Value, json};

use super::licenses::{self, Codes};
use super::{Caller, has_license};
use crate::auth::Access;
use crate::facades::{When, body, send};
use crate::http::App;
use crate::http::problem::Problem;
use crate::http::query::{self, Params, Segments};

/// What a path names.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Group {
    pub(super) account_id: String,
    pub(super) group_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wanted {
    user_bundle_codes: Vec<String>,
    use_external_license: Option<bool>,
}

/// The member of a grant's metadata in which `useExternalLicense` of its rule is kept.
const EXTERNAL: &str = "uipath:use_external_license";

/// What a rule gives of one code.
pub(super) fn grant(code: &str, external: bool) -> Value {
    let mut grant = json!({"product": code, "mode": "first_come"});
    if external {
        grant["metadata"] = json!({EXTERNAL: true});
    }
    grant
}

/// Whether the rule of a group was said to use an external license. One that was made elsewhere was not.
pub(super) fn is_external(grants: &[Granted]) -> bool {
    let kept = |it: &Granted| {
        let metadata: Value = serde_json::from_str(it.grant.metadata.as_ref()?.as_str()).ok()?;
        Some(metadata[EXTERNAL] == true)
    };
    grants.iter().any(|it| kept(it).unwrap_or_default())
}

/// Says everything that a group gives.
pub(super) async fn set(
    caller: Caller,
    State(app): State<App>,
    Segments(path): Segments<Group>,
    headers: HeaderMap,
    sent: Bytes,
) -> Result<Response, Problem> {
    let account = caller.account(&path.account_id, Access::Command)?;
    body::name("groupId", &path.group_id)?;
    let wanted: Wanted = body::object(&sent)?;
    let codes = body::names("userBundleCodes", &wanted.user_bundle_codes, PRODUCTS_MAX)?;
    has_license(&app, &account).await?;
    let external = wanted.use_external_license.unwrap_or_default();
    let grants: Vec<Value> = codes.iter().map(|it| grant(it, external)).collect();
    let document = json!({"group": path.group_id, "grants": grants});
    let to = (caller.principal(), &account, Via::Uipath);
    let done = send(&app, to, &headers, CommandType::SetGroupRule, &document).await?;
    Ok(done.answer(&json!({
        "groupId": path.group_id, "organizationId": account.as_str(),
        "useExternalLicense": external, "userBundleCodes": codes,
    })))
}

/// Which bundles there are, and which of them the group gives. A group that is not there gives none.
pub(super) async fn get(
    caller: Caller,
    State(app): State<App>,
    Segments(path): Segments<Group>,
    Params(when): Params<When>,
) -> Result<Response, Problem> {
    let account = caller.account(&path.account_id, Access::Read)?;
    let (directory, at) = (&app.views.directory, when.at.as_deref());
    let as_of = query::as_of(&app, directory, at, when.min_sequence).await?;
    let (found, sequence) = query::ask(directory, |db| {
        directory::group(db, account.as_str(), &path.group_id, as_of.sequence)
    })?;
    let available = licenses::by_product(&app, &account, sequence).await?;
    if available.is_empty() {
        return Err(super::without_license(&account));
    }
    let codes = Codes::of(&app, &account, &found, sequence).await?;
    let given: Vec<&str> = found.iter().flat_map(|it| codes.all(it)).collect();
    let body = json!({
        "availableUserBundles": available, "allocatedUserBundles": given,
        "useExternalLicense": found.is_some_and(|it| is_external(&it.grants)),
    });
    query::answer(as_of, sequence, &body)
}
