//! Groups that give a license: list, upsert, remove.

use axum::response::Response;
use events::{AccountId, CommandType, Moment};
use projections::Connection;
use projections::directory::{self, Giving, Group};
use projections::licenses::License;

use super::assignments::{self, license, license_id, redirect_to};
use super::call::{About, Call, Sent};
use super::command::{self, Done, Step};
use super::failure::Failure;
use super::kind::Kind;
use super::licenses;
use super::members::Members;
use super::pages::{self, Paging};
use super::pairs;
use super::people;
use super::shown::{self, GroupDetail, Kept};
use super::staying;
use crate::auth::Access;
use crate::http::query;

/// What lists of groups can be ordered by.
const SORTS: [(&str, By); 4] = [
    ("id", By::Number),
    ("created", By::Since),
    ("group_id", By::Group),
    ("fulfilled", By::Fulfilled),
];

#[derive(Debug, Clone, Copy)]
enum By {
    Number,
    Since,
    Group,
    Fulfilled,
}

impl By {
    fn key(self, license: &License, it: &Giving) -> (u64, u64) {
        let number = pairs::pair(it.group.number, license.number);
        let first = match self {
            By::Number => number,
            By::Since => it.since_sequence,
            By::Group => it.group.number,
            By::Fulfilled => u64::from(Kept::of(it).fulfilled),
        };
        (first, number)
    }
}

/// A page of the groups that give a license.
pub(super) async fn list(kind: Kind, mut call: Call) -> Result<Response, Failure> {
    let number = call.query.number("license_id");
    let about = number.map_or(About::Nothing, About::License);
    let account = call.platform_of(None, Access::Command, about).await?;
    call.query.needed("license_id", number);
    let (active, fulfilled) = (call.query.boolean("active"), call.query.boolean("fulfilled"));
    let group = call.query.number("group_id");
    let order = pages::order(&mut call.query, &SORTS, "id");
    let paging = Paging::of(&mut call.query);
    let view = call.app.views.directory.clone();
    let as_of = call.as_of(&view).await?;
    let license = license(&call, kind, &account, number.unwrap_or_default(), as_of).await?;
    let license = license.ok_or_else(|| licenses::unknown(kind).never_404())?;
    let (mut all, sequence) = giving(&call, &account, &license, as_of.sequence).await?;
    all.retain(|it| {
        // A group that gives nothing is no assignment: all there are are active.
        active != Some(false)
            && group.is_none_or(|number| it.group.number == number)
            && fulfilled.is_none_or(|is| Kept::of(it).fulfilled == is)
    });
    let (by, descending) = order.unwrap_or((By::Number, false));
    all.sort_by_key(|it| by.key(&license, it));
    if descending {
        all.reverse();
    }
    let listing = paging.cut(all, sequence);
    let times = times(&call, kind, &listing.items).await?;
    let mut times = times.into_iter();
    let show = |it: Giving| {
        shown::group(kind, account.as_str(), &license, &it, Kept::of(&it), times.next())
    };
    pages::answer(&call.place, paging, as_of, listing.map(show))
}

/// The groups that give a license, and the sequence as of which it is told.
async fn giving(
    call: &Call,
    account: &AccountId,
    license: &License,
    at: u64,
) -> Result<(Vec<Giving>, u64), Failure> {
    let view = people::fresh(call).await?;
    let (account, of) = (account.clone(), (license.license.clone(), license.product.clone()));
    let asked = query::ask_slowly(&view, move |db| {
        directory::giving(db, account.as_str(), (&of.0, &of.1), at)
    });
    let (mut all, sequence) = asked.await?;
    // The product alone never means a part.
    all.retain(|it| license.parent.is_none() || it.granted.grant.license.is_some());
    Ok((all, sequence))
}

/// When each group began to give the license, and when that last changed, where it is shown.
async fn times(call: &Call, kind: Kind, all: &[Giving]) -> Result<Vec<(Moment, Moment)>, Failure> {
    if kind != Kind::Program {
        return Ok(vec![]);
    }
    let since = all.iter().map(|it| it.since_sequence).collect();
    let changed = all.iter().map(|it| it.changed_sequence).collect();
    let since = assignments::moments(call, since).await?;
    let changed = assignments::moments(call, changed).await?;
    Ok(since.into_iter().zip(changed).collect())
}

/// The group with a number.
async fn group(call: &Call, account: &AccountId, number: u64) -> Result<Option<Group>, Failure> {
    let view = people::fresh(call).await?;
    let find =
        |db: &Connection| directory::group_by_number(db, account.as_str(), number, call.at());
    Ok(query::ask(&view, find)?)
}

/// Has a group give a license to all of its members.
pub(super) async fn upsert(kind: Kind, sent: Sent) -> Result<Response, Failure> {
    let Sent { mut call, mut body } = sent;
    let number = license_id(&mut call.query, &mut body);
    let about = number.map_or(About::Nothing, About::License);
    let account = call.platform_of(Some(&mut body), Access::Command, about).await?;
    let group_id = body.number("group_id");
    body.needed("group_id", group_id);
    if body.boolean("active") == Some(false) {
        body.is_wrong("active", "a group gives a license or does not: remove it instead");
    }
    let (fulfilled, metadata) = (body.boolean("fulfilled"), body.object("metadata"));
    let redirect_to = redirect_to(&mut body);
    body.done()?;
    call.query.done()?;
    let license = licenses::by_id(&call, kind, &account, number.unwrap_or_default()).await?;
    let license = license.ok_or_else(|| licenses::unknown(kind))?;
    let group = group(&call, &account, group_id.unwrap_or_default()).await?;
    let group = group.ok_or_else(|| {
        Failure::not_found("group_not_found", "group_id", "there is no such group")
    })?;
    let (all, _) = giving(&call, &account, &license, call.at()).await?;
    let before = all.into_iter().find(|it| it.group.number == group.number);
    let kept = before.as_ref().map(Kept::of).unwrap_or_default();
    let kept = Kept {
        fulfilled: fulfilled.unwrap_or(kept.fulfilled),
        redirect_to: redirect_to.over(&kept.redirect_to),
        metadata: metadata.unwrap_or(kept.metadata),
    };
    let grant = grant(&license, before.as_ref(), &kept);
    let document = Members::default().with("group", &group.group).with("grant", &grant);
    let steps = vec![Step::new(CommandType::GrantToGroup, document)];
    let done = command::send(&call, &account, &Members::default(), steps).await?;
    let shown = detail(&call, kind, &account, (&license, group.number), (&done, kept)).await?;
    Ok(query::answer(pages::as_of(&call, done.sequence), done.sequence, &shown)?)
}

/// What a group is to give: all of its members, or nothing. A product that it gives already stays a
/// product.
fn grant(license: &License, before: Option<&Giving>, kept: &Kept) -> Members {
    let product = before.and_then(|it| it.granted.grant.product.as_ref());
    let quota = before.and_then(|it| it.granted.grant.quota);
    let grant = match product {
        Some(product) => Members::default().with("product", product),
        None => Members::default().with("license", &license.license),
    };
    let grant = grant.with("mode", &"eager").with_some("quota", &quota);
    grant.with_some("metadata", &kept.to_metadata())
}

/// A group that gives a license, as a call has left it: others may have changed what is kept with it
/// in the same commit.
async fn detail(
    call: &Call,
    kind: Kind,
    account: &AccountId,
    (license, number): (&License, u64),
    (done, kept): (&Done, Kept),
) -> Result<GroupDetail, Failure> {
    let (mut all, _) = giving(call, account, license, done.sequence).await?;
    all.retain(|it| it.group.number == number);
    let times = times(call, kind, &all).await?;
    let found = all.first().ok_or_else(unknown)?;
    Ok(shown::group(kind, account.as_str(), license, found, kept, times.first().copied()))
}

fn unknown() -> Failure {
    let said = "there is no such group assignment";
    Failure::not_found("group_assignment_not_found", "assignment_id", said)
}

/// Ends what a group gives of a license; the assignments that it made end with it, or go on as those
/// of their holders.
pub(super) async fn remove(kind: Kind, mut call: Call) -> Result<Response, Failure> {
    let license = call.query.number("license_id");
    let number = call.query.number("assignment_id");
    let of_pair = number.map(|it| pairs::unpair(it).1);
    let about = license.or(of_pair).map_or(About::Nothing, About::License);
    let account = call.platform_of(None, Access::Command, about).await?;
    let number = call.query.needed("assignment_id", number).unwrap_or_default();
    let cascade = call.query.boolean("remove_user_assignments").unwrap_or(true);
    call.query.done()?;
    let (group_id, license_id) = pairs::unpair(number);
    if license.is_some_and(|it| it != license_id) {
        return Err(unknown());
    }
    let license = licenses::by_id(&call, kind, &account, license_id).await?;
    let license = license.ok_or_else(unknown)?;
    let group = group(&call, &account, group_id).await?.ok_or_else(unknown)?;
    let (all, _) = giving(&call, &account, &license, call.at()).await?;
    let found = all.into_iter().find(|it| it.group.number == group_id);
    if found.is_none() && call.key.is_none() {
        return Err(unknown());
    }
    let product = found.as_ref().and_then(|it| it.granted.grant.product.as_ref());
    let document = Members::default().with("group", &group.group);
    let document = match product {
        Some(product) => document.with("product", product),
        None => document.with("license", &license.license),
    };
    let end = Step::new(CommandType::RemoveGroupRule, document.with("cascade", &cascade));
    let kept = match cascade {
        true => vec![],
        false => staying::steps(&call, &account, &group.group, &license, product.is_some()).await?,
    };
    let done = end_and_keep(&call, &account, end, kept).await?;
    if found.is_none() && !done.replayed {
        // The key is a new one, and there was nothing to end.
        return Err(unknown());
    }
    Ok(pages::nothing(done.sequence))
}

/// Ends a grant; `kept` makes what it gave its holders' own before. Where that is refused, it stays as
/// orphans.
async fn end_and_keep(
    call: &Call,
    account: &AccountId,
    end: Step,
    mut kept: Vec<Step>,
) -> Result<Done, Failure> {
    let change = Members::default();
    let alone = vec![end.clone()];
    if kept.is_empty() {
        return command::send(call, account, &change, alone).await;
    }
    kept.push(end);
    match command::send(call, account, &change, kept).await {
        Err(failure) if failure.status() < 500 => {
            command::send(call, account, &change, alone).await
        }
        sent => sent,
    }
}
