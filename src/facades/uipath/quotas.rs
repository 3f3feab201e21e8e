//! What a group gives, with how much of each code it may have.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use events::limits::{PRODUCTS_MAX, QUANTITY_MAX};
use events::request::Via;
use events::{AccountId, CommandType};
use projections::directory::{self, Granted};
use serde::Deserialize;
use serde_json::{Value, json};

use super::group::{self, Group};
use super::licenses::Codes;
use super::{Caller, has_license};
use crate::auth::Access;
use crate::facades::{When, body, send};
use crate::http::App;
use crate::http::problem::Problem;
use crate::http::query::{self, Params, Segments};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wanted {
    user_bundle_codes: Vec<String>,
    /// `null` is as good as none.
    quotas: Option<Vec<Quota>>,
    use_external_license: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Quota {
    user_bundle_code: String,
    #[serde(deserialize_with = "body::whole")]
    limit: i64,
}

impl Wanted {
    /// Each code with its quota, if it has one.
    fn grants(&self) -> Result<Vec<Value>, Problem> {
        let codes = body::names("userBundleCodes", &self.user_bundle_codes, PRODUCTS_MAX)?;
        let quotas = self.quotas.as_deref().unwrap_or_default();
        for (place, it) in quotas.iter().enumerate() {
            let member = format!("quotas[{place}]");
            if !codes.contains(&it.user_bundle_code) {
                let code = format!("{member}.userBundleCode");
                return Err(body::unusable(&code, "it is not in userBundleCodes"));
            }
            let before = &quotas[..place];
            if before.iter().any(|other| other.user_bundle_code == it.user_bundle_code) {
                return Err(body::unusable(&member, "its code stands twice"));
            }
            if !(1..=QUANTITY_MAX).contains(&it.limit) {
                let reason = format!("{} is not in 1 to {QUANTITY_MAX}", it.limit);
                return Err(body::unusable(&format!("{member}.limit"), &reason));
            }
        }
        let external = self.use_external_license.unwrap_or_default();
        let with_quota = |code: &String| {
            let mut grant = group::grant(code, external);
            if let Some(quota) = quotas.iter().find(|it| it.user_bundle_code == *code) {
                grant["quota"] = quota.limit.into();
            }
            grant
        };
        Ok(codes.iter().map(with_quota).collect())
    }
}

/// Says everything that a group gives, and how much of it the group may have.
pub(super) async fn set(
    caller: Caller,
    State(app): State<App>,
    Segments(path): Segments<Group>,
    headers: HeaderMap,
    sent: Bytes,
) -> Result<Response, Problem> {
    let account = caller.account(&path.account_id, Access::Command)?;
    body::name("groupId", &path.group_id)?;
    let grants = body::object::<Wanted>(&sent)?.grants()?;
    has_license(&app, &account).await?;
    let document = json!({"group": path.group_id, "grants": grants});
    let to = (caller.principal(), &account, Via::Uipath);
    let done = send(&app, to, &headers, CommandType::SetGroupRule, &document).await?;
    let view = &app.views.directory;
    query::reach(view, done.sequence).await?;
    let (found, _) = query::ask(view, |db| {
        directory::group(db, account.as_str(), &path.group_id, done.sequence)
    })?;
    let group = found.ok_or_else(|| unknown(&path))?;
    let codes = Codes::of(&app, &account, [&group], done.sequence).await?;
    Ok(done.answer(&rule(&account, &group, &codes)))
}

/// What a group gives, how much of it it may have, and has.
pub(super) async fn get(
    caller: Caller,
    State(app): State<App>,
    Segments(path): Segments<Group>,
    Params(when): Params<When>,
) -> Result<Response, Problem> {
    let account = caller.account(&path.account_id, Access::Read)?;
    let view = &app.views.directory;
    let as_of = query::as_of(&app, view, when.at.as_deref(), when.min_sequence).await?;
    let (found, sequence) = query::ask(view, |db| {
        directory::group(db, account.as_str(), &path.group_id, as_of.sequence)
    })?;
    let group = found.ok_or_else(|| unknown(&path))?;
    let codes = Codes::of(&app, &account, [&group], sequence).await?;
    query::answer(as_of, sequence, &rule(&account, &group, &codes))
}

fn rule(account: &AccountId, group: &directory::Group, codes: &Codes) -> Value {
    json!({
        "groupRule": {
            "groupId": group.group, "organizationId": account.as_str(),
            "useExternalLicense": group::is_external(&group.grants),
            "userBundleCodes": codes.all(group),
        },
        "quotas": quotas(&group.grants, codes),
    })
}

/// The quotas that there are.
pub(super) fn quotas(grants: &[Granted], codes: &Codes) -> Vec<Value> {
    let quota = |it: &Granted| {
        let limit = it.grant.quota?;
        let code = codes.code(it);
        Some(json!({"userBundleCode": code, "limit": limit, "currentUsage": it.leases}))
    };
    grants.iter().filter_map(quota).collect()
}

/// There is no such group.
pub(super) fn unknown(path: &Group) -> Problem {
    let detail = format!("there is no group {} in {}", path.group_id, path.account_id);
    Problem::new(404, "group_not_found", "There is no such group", detail)
}
