//! The bundles that users have directly.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use events::CommandType;
use events::limits::{ITEMS_MAX, PRODUCTS_MAX};
use events::request::Via;
use serde::Deserialize;
use serde_json::json;

use super::{Account, Caller, has_license};
use crate::auth::Access;
use crate::facades::{body, people, send};
use crate::http::App;
use crate::http::problem::Problem;
use crate::http::query::Segments;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wanted {
    user_ids: Vec<String>,
    user_bundle_codes: Vec<String>,
    use_external_license: Option<bool>,
}

/// Says all bundles that each of these users has directly. None at all is a denial.
pub(super) async fn set(
    caller: Caller,
    State(app): State<App>,
    Segments(path): Segments<Account>,
    headers: HeaderMap,
    sent: Bytes,
) -> Result<Response, Problem> {
    let account = caller.account(&path.account_id, Access::Command)?;
    let wanted: Wanted = body::object(&sent)?;
    let users = body::names("userIds", &wanted.user_ids, ITEMS_MAX)?;
    if users.is_empty() {
        return Err(body::unusable("userIds", "at least one is needed"));
    }
    let codes = body::names("userBundleCodes", &wanted.user_bundle_codes, PRODUCTS_MAX)?;
    let external = wanted.use_external_license.unwrap_or_default();
    has_license(&app, &account).await?;
    let holders = people::holders(&app, &account, &users).await?;
    let document = json!({"holders": holders, "products": codes, "external": external});
    let to = (caller.principal(), &account, Via::Uipath);
    let done = send(&app, to, &headers, CommandType::DeclareDirectSet, &document).await?;
    let told = users.iter().map(|it| {
        json!({
            "userId": it, "organizationId": account.as_str(), "useExternalLicense": external,
            "userBundleCodes": codes,
        })
    });
    Ok(done.answer(&told.collect()))
}
