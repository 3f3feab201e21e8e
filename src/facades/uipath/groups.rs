//! The groups that give something, and who has what from one of them.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::State;
use axum::response::Response;
use events::Holder;
use projections::assignments::{self, Assignment, Filter};
use projections::directory::{self, KnownHolder};
use serde_json::{Value, json};

use super::group::Group;
use super::licenses::Codes;
use super::pages::Paged;
use super::{Account, Caller, group, quotas};
use crate::auth::Access;
use crate::facades::{lists, people};
use crate::http::App;
use crate::http::problem::Problem;
use crate::http::query::{self, Params, Segments};

/// What groups are sorted by: the members of `groupRule`, the first one unless asked for.
const RULE: &[&str] = &[
    "name",
    "id",
    "userBundleLicenses",
    "userBundleLeases",
    "useExternalLicense",
    "orphan",
    "userLicenseBundlesUnavailable",
];

/// The same of users.
const USER: &[&str] =
    &["id", "email", "name", "surname", "displayName", "lastInUse", "userBundleLicenses", "orphan"];

/// The groups that give something, each with its quotas.
pub(super) async fn list(
    caller: Caller,
    State(app): State<App>,
    Segments(path): Segments<Account>,
    Params(paged): Params<Paged>,
) -> Result<Response, Problem> {
    let account = caller.account(&path.account_id, Access::Read)?;
    let (top, by) = (paged.top()?, paged.sorted_by(RULE)?);
    let view = &app.views.directory;
    let as_of = query::as_of(&app, view, paged.at.as_deref(), paged.min_sequence).await?;
    let named = account.clone();
    let asked = query::ask_slowly(view, move |db| {
        lists::all(as_of.sequence, |cursor, limit, at| {
            directory::groups(db, named.as_str(), cursor, limit, at)
        })
    });
    let (mut groups, sequence) = asked.await?;
    if groups.is_empty() {
        super::is_licensed(&app, &account, paged.min_sequence).await?;
    }
    groups.retain(|it| !it.grants.is_empty());
    let codes = Codes::of(&app, &account, &groups, sequence).await?;
    let told: Vec<Value> = groups.iter().map(|it| told(it, &codes)).collect();
    query::answer(as_of, sequence, &paged.page(top, told, |it| &it["groupRule"], by))
}

fn label(group: &directory::Group) -> &str {
    group.name.as_deref().unwrap_or(&group.group)
}

fn told(group: &directory::Group, codes: &Codes) -> Value {
    let lacking = group.grants.iter().filter(|it| it.waiting > 0);
    let lacking: BTreeSet<&str> = lacking.map(|it| codes.code(it)).collect();
    let mut leases: BTreeMap<&str, i64> = BTreeMap::new();
    for it in &group.grants {
        *leases.entry(codes.code(it)).or_default() += it.leases;
    }
    json!({
        "groupRule": {
            "id": group.group, "name": label(group), "userBundleLicenses": codes.all(group),
            "userBundleLeases": leases, "useExternalLicense": group::is_external(&group.grants),
            // A group cannot be deleted here, so no rule is left without one.
            "orphan": false,
            "userLicenseBundlesUnavailable": lacking,
        },
        "quotas": quotas::quotas(&group.grants, codes),
    })
}

/// Somebody who has something from a group.
struct User {
    holder: Holder,
    codes: Vec<String>,
    /// Whether the group still gives any of it.
    given: bool,
    known: Option<KnownHolder>,
}

/// Everybody who has something from a group, or has kept what it gave once.
pub(super) async fn users(
    caller: Caller,
    State(app): State<App>,
    Segments(path): Segments<Group>,
    Params(paged): Params<Paged>,
) -> Result<Response, Problem> {
    let account = caller.account(&path.account_id, Access::Read)?;
    let (top, by) = (paged.top()?, paged.sorted_by(USER)?);
    let view = &app.views.assignments;
    let as_of = query::as_of(&app, view, paged.at.as_deref(), paged.min_sequence).await?;
    let (named, group) = (account.clone(), path.group_id.clone());
    let asked = query::ask_slowly(view, move |db| {
        lists::all(as_of.sequence, |cursor, limit, at| {
            let filter = Filter { group: Some(&group), ..Filter::default() };
            assignments::of_account(db, named.as_str(), &filter, cursor, limit, at)
        })
    });
    let (seats, sequence) = asked.await?;
    let mut users = by_holder(seats, &path.group_id);
    let view = &app.views.directory;
    query::reach(view, sequence).await?;
    if users.is_empty() {
        let name = account.as_str();
        let (found, _) =
            query::ask(view, |db| directory::group(db, name, &path.group_id, sequence))?;
        found.ok_or_else(|| quotas::unknown(&path))?;
    }
    let asked = query::ask_slowly(view, move |db| {
        for user in &mut users {
            user.known = people::known(db, account.as_str(), &user.holder, sequence)?;
        }
        Ok(users)
    });
    let told: Vec<Value> = asked.await?.iter().map(user).collect();
    query::answer(as_of, sequence, &paged.page(top, told, |it| it, by))
}

fn by_holder(seats: Vec<Assignment>, group: &str) -> Vec<User> {
    let given = format!("group:{group}");
    let mut users: BTreeMap<String, User> = BTreeMap::new();
    for it in seats {
        let user = users.entry(people::id(&it.holder).to_owned()).or_insert_with(|| User {
            holder: it.holder,
            codes: vec![],
            given: false,
            known: None,
        });
        user.given |= it.grounds.contains(&given.as_str().into());
        if !user.codes.contains(&it.product) {
            user.codes.push(it.product);
        }
    }
    users.into_values().collect()
}

fn user(it: &User) -> Value {
    json!({
        "id": people::id(&it.holder), "email": it.holder.email, "name": null, "surname": null,
        "displayName": people::shown(&it.holder, it.known.as_ref()), "lastInUse": null,
        "userBundleLicenses": it.codes, "orphan": !it.given,
    })
}
