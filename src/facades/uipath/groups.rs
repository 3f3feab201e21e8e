//! The groups that give something, and who has what from one of them.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::State;
use axum::response::Response;
use events::{AccountId, Holder};
use projections::assignments::{self, Assignment, Filter};
use projections::directory::{self, KnownHolder};
use serde_json::{Value, json};

use super::group::Group;
use super::licenses::Codes;
use super::pages::Paged;
use super::{Account, Caller, quotas};
use crate::auth::Access;
use crate::facades::{lists, people};
use crate::http::App;
use crate::http::problem::Problem;
use crate::http::query::{self, Params, Segments};

/// The groups that give something, each with its quotas.
pub(super) async fn list(
    caller: Caller,
    State(app): State<App>,
    Segments(path): Segments<Account>,
    Params(paged): Params<Paged>,
) -> Result<Response, Problem> {
    let account = caller.account(&path.account_id, Access::Read)?;
    let (top, by) = (paged.top()?, paged.sorted_by(&["Name", "Id"])?);
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
        is_there(&app, &account, sequence).await?;
    }
    groups.retain(|it| !it.grants.is_empty());
    if by == "Name" {
        groups.sort_by_cached_key(|it| label(it).to_lowercase());
    }
    let codes = Codes::of(&app, &account, &groups, sequence).await?;
    query::answer(as_of, sequence, &paged.page(top, groups, |it| Ok(told(&it, &codes)))?)
}

/// An empty list of an account that is not there is an answer to another question.
async fn is_there(app: &App, account: &AccountId, sequence: u64) -> Result<(), Problem> {
    let view = &app.views.licenses;
    query::reach(view, sequence).await?;
    let name = account.as_str();
    let (found, _) = query::ask(view, |db| projections::licenses::account(db, name, sequence))?;
    found.map(drop).ok_or_else(|| super::without_license(account))
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
            "userBundleLeases": leases, "useExternalLicense": false,
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
    let (top, by) = (paged.top()?, paged.sorted_by(&["Id", "DisplayName", "Email"])?);
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
    let mut users = asked.await?;
    users.sort_by_cached_key(|it| {
        let first = match by {
            "DisplayName" => people::shown(&it.holder, it.known.as_ref()).to_lowercase(),
            "Email" => it.holder.email.as_ref().map_or("", |it| it.as_str()).to_owned(),
            _ => String::new(),
        };
        (first, people::id(&it.holder).to_owned())
    });
    query::answer(as_of, sequence, &paged.page(top, users, |it| Ok(user(&it)))?)
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
