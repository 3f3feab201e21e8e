//! Assignments of users and addresses: list, upsert, remove.

use std::sync::Arc;

use axum::response::Response;
use events::command::Patch;
use events::{AccountId, CommandType, Holder, Moment};
use projections::Connection;
use projections::assignments::{Assignment, By, Wanted, by_id, by_number, changed, held, numbered};
use projections::history;
use projections::licenses::License;
use projections::page::Listing;

use super::call::{About, Call, Sent};
use super::command::{self, Done, Step};
use super::failure::Failure;
use super::kind::Kind;
use super::licenses;
use super::members::Members;
use super::pages::{self, Paging};
use super::people;
use super::reader::Reader;
use super::shown::{self, AssignmentDetail};
use crate::auth::Access;
use crate::http::query::{self, AsOf};
use crate::views::View;

/// What lists of assignments can be ordered by.
const SORTS: [(&str, By); 4] = [
    ("id", By::Number),
    ("created", By::Assigned),
    ("active", By::Active),
    ("fulfilled", By::Fulfilled),
];

/// A page of the live assignments of a license.
pub(super) async fn list(kind: Kind, mut call: Call) -> Result<Response, Failure> {
    let number = call.query.number("license_id");
    let about = number.map_or(About::Nothing, About::License);
    let account = call.platform_of(None, Access::Command, about).await?;
    call.query.needed("license_id", number);
    let (active, fulfilled) = (call.query.boolean("active"), call.query.boolean("fulfilled"));
    let who = (call.query.number("user_id"), call.query.text("email"));
    let order = pages::order(&mut call.query, &SORTS, "id").unwrap_or_default();
    let paging = Paging::of(&mut call.query);
    let view = call.app.views.assignments.clone();
    let as_of = call.as_of(&view).await?;
    let license = license(&call, kind, &account, number.unwrap_or_default(), as_of).await?;
    let license = license.ok_or_else(|| licenses::unknown(kind).never_404())?;
    let holders = people::wanted(&call, &account, who, as_of.sequence).await?;
    let wanted = Wanted { active, fulfilled, holders };
    let (name, of) = (license.license.clone(), account.clone());
    let asked = query::ask_slowly(&view, move |db| {
        let stretch = paging.stretch();
        numbered(db, (of.as_str(), &name), &wanted, order, stretch, as_of.sequence)
    });
    let listing = asked.await?;
    let listing = details(&call, kind, &account, &license, listing).await?;
    pages::answer(&call.place, paging, as_of, listing)
}

/// The license of a kind as of when a question is asked.
pub(super) async fn license(
    call: &Call,
    kind: Kind,
    account: &AccountId,
    number: u64,
    as_of: AsOf,
) -> Result<Option<License>, Failure> {
    match as_of.sequence {
        u64::MAX => licenses::by_id(call, kind, account, number).await,
        sequence => licenses::at(call, kind, account, number, sequence),
    }
}

/// Assignments as they are shown, with who holds them.
async fn details(
    call: &Call,
    kind: Kind,
    account: &AccountId,
    license: &License,
    listing: Listing<Assignment>,
) -> Result<Listing<AssignmentDetail>, Failure> {
    let sequence = listing.sequence;
    let directory = call.app.views.directory.clone();
    query::reach(&directory, sequence).await?;
    let holders: Vec<Holder> = listing.items.iter().map(|it| it.holder.clone()).collect();
    let of = account.clone();
    let asked =
        query::ask_slowly(&directory, move |db| people::known(db, of.as_str(), &holders, sequence));
    let known = asked.await?;
    let numbers: Vec<u64> = listing.items.iter().map(|it| it.number).collect();
    let times = match kind {
        Kind::Program => modified(call, numbers, sequence).await?,
        Kind::User | Kind::Course | Kind::Platform => vec![],
    };
    let (mut known, mut times) = (known.into_iter(), times.into_iter());
    Ok(listing.map(|it| {
        let known = known.next().flatten();
        let modified = times.next();
        shown::assignment(kind, account.as_str(), license, &it, known.as_ref(), modified)
    }))
}

/// When each assignment last changed.
async fn modified(call: &Call, numbers: Vec<u64>, at: u64) -> Result<Vec<Moment>, Failure> {
    let asked = query::ask_slowly(&call.app.views.assignments, move |db| {
        let last = |it: &u64| Ok(changed(db, *it, at)?.unwrap_or_default());
        numbers.iter().map(last).collect::<Result<Vec<u64>, projections::Error>>()
    });
    moments(call, asked.await?).await
}

/// When commits were made.
pub(super) async fn moments(call: &Call, sequences: Vec<u64>) -> Result<Vec<Moment>, Failure> {
    let view = call.app.views.history.clone();
    if let Some(last) = sequences.iter().max() {
        query::reach(&view, *last).await?;
    }
    let asked = query::ask_slowly(&view, move |db| {
        let moment = |it: &u64| Ok(history::moment_of(db, *it)?.unwrap_or(Moment::from_millis(0)));
        sequences.iter().map(moment).collect()
    });
    Ok(asked.await?)
}

/// What a body says of an assignment.
#[derive(Clone)]
struct Said {
    active: Option<bool>,
    fulfilled: Option<bool>,
    redirect_to: Patch<String>,
    metadata: Option<Members>,
}

/// Which license a body and a query are about: they may both say, and then the same.
pub(super) fn license_id(query: &mut Reader, body: &mut Reader) -> Option<u64> {
    let (beside, inside) = (query.number("license_id"), body.number("license_id"));
    if beside.is_some() && inside.is_some() && beside != inside {
        body.is_wrong("license_id", "the body and the query name two licenses that differ");
    }
    let number = inside.or(beside);
    body.needed("license_id", number)
}

/// Where somebody is sent must be an address of the web.
pub(super) fn redirect_to(body: &mut Reader) -> Patch<String> {
    let redirect_to = body.label("redirect_to");
    if let Patch::Set(text) = &redirect_to
        && !shown::is_uri(text)
    {
        body.is_wrong("redirect_to", "it must be an address such as https://example.com/start");
    }
    redirect_to
}

/// Assigns a license to somebody, or changes the assignment that they have.
pub(super) async fn upsert(kind: Kind, sent: Sent) -> Result<Response, Failure> {
    let Sent { mut call, mut body } = sent;
    let number = license_id(&mut call.query, &mut body);
    let about = number.map_or(About::Nothing, About::License);
    let account = call.platform_of(Some(&mut body), Access::Command, about).await?;
    let named = people::named(&mut body, kind == Kind::Program);
    let said = Said {
        active: body.boolean("active"),
        fulfilled: body.boolean("fulfilled"),
        redirect_to: redirect_to(&mut body),
        metadata: body.object("metadata"),
    };
    body.done()?;
    call.query.done()?;
    let license = licenses::by_id(&call, kind, &account, number.unwrap_or_default()).await?;
    let license = license.ok_or_else(|| licenses::unknown(kind))?;
    let named = named.ok_or_else(|| Failure::of_field("user_id", "it is needed"))?;
    let holder = people::find(&call, &account, &named).await?;
    let there = live(&call, &account, &license, &holder, call.at()).await?;
    let is_direct = there.as_ref().is_some_and(shown::is_direct);
    let (first, second) = match is_direct {
        true => (to_change(&license, &holder, &said), to_assign(&license, &holder, &said)),
        false => (to_assign(&license, &holder, &said), to_change(&license, &holder, &said)),
    };
    let change = Members::default();
    let done = match command::send(&call, &account, &change, first).await {
        // What stands there is not what stood there when it was looked at; or the same call was
        // made before, when it did not.
        Err(failure) if is_other(&failure) => {
            let again = command::send(&call, &account, &change, second).await;
            again.map_err(|it| if is_other(&it) { failure } else { it })?
        }
        sent => sent?,
    };
    let found = left(&call, &account, &license, &holder, &done).await?.ok_or_else(unknown)?;
    let found = as_said(found, &said);
    let listing = Listing { items: vec![found], count: 1, sequence: done.sequence };
    let mut listing = details(&call, kind, &account, &license, listing).await?;
    let shown = listing.items.pop().ok_or_else(unknown)?;
    Ok(query::answer(pages::as_of(&call, done.sequence), done.sequence, &shown)?)
}

/// An assignment as a call has left it. Others may have changed it in the same commit, and the read
/// model has what all of them left: what this call said is as it said.
fn as_said(mut it: Assignment, said: &Said) -> Assignment {
    it.active = said.active.unwrap_or(true);
    it.fulfilled = said.fulfilled.unwrap_or(it.fulfilled);
    it.redirect_to = said.redirect_to.over(&it.redirect_to);
    it.metadata = said.metadata.as_ref().map(Members::to_raw).or(it.metadata);
    it
}

fn is_other(failure: &Failure) -> bool {
    ["command_id_reused", "not_assigned", "holder_not_found"].contains(&failure.code())
}

/// For whoever has it by name: what is said, and that it holds a seat unless it says otherwise.
fn to_change(license: &License, holder: &Holder, said: &Said) -> Vec<Step> {
    let document = Members::default()
        .with("license", &license.license)
        .with("holder", holder)
        .with("active", &said.active.unwrap_or(true))
        .with_some("fulfilled", &said.fulfilled)
        .with_some("metadata", &said.metadata);
    let document = licenses::patched(document, "redirect_to", &said.redirect_to);
    vec![Step::new(CommandType::ChangeAssignment, document)]
}

/// For whoever has not: an assignment by name, and then what is said of it, should there be one by
/// now.
fn to_assign(license: &License, holder: &Holder, said: &Said) -> Vec<Step> {
    let document = Members::default()
        .with("license", &license.license)
        .with("holders", &[holder])
        .with("active", &said.active.unwrap_or(true))
        .with_some("fulfilled", &said.fulfilled)
        .with_some("redirect_to", &said.redirect_to.over(&None))
        .with_some("metadata", &said.metadata);
    let mut steps = vec![Step::new(CommandType::AssignSeat, document)];
    steps.extend(to_change(license, holder, said));
    steps
}

/// The assignment of a license that somebody has, by the newest of what this process has written.
async fn live(
    call: &Call,
    account: &AccountId,
    license: &License,
    holder: &Holder,
    at: u64,
) -> Result<Option<Assignment>, Failure> {
    let view = fresh(call).await?;
    let of = (account.as_str(), license.license.as_str());
    Ok(query::ask(&view, |db| held(db, of, holder, at))?)
}

/// The assignments' read model, with everything that this process has written.
pub(super) async fn fresh(call: &Call) -> Result<Arc<View>, Failure> {
    let view = call.app.views.assignments.clone();
    view.reach_soon(call.app.intake.writer().sequence()).await;
    Ok(view)
}

/// An assignment as the commit of a command has left it.
async fn left(
    call: &Call,
    account: &AccountId,
    license: &License,
    holder: &Holder,
    done: &Done,
) -> Result<Option<Assignment>, Failure> {
    let found = live(call, account, license, holder, done.sequence).await?;
    // Another command of the same commit may have ended it, or passed it on to the user of an address.
    let Some(id) = done.assignment.filter(|_| found.is_none()) else { return Ok(found) };
    let view = fresh(call).await?;
    let find = |db: &Connection| by_id(db, account.as_str(), id, done.sequence);
    Ok(query::ask(&view, find)?.0)
}

fn unknown() -> Failure {
    Failure::not_found("assignment_not_found", "assignment_id", "there is no such assignment")
}

/// Ends an assignment.
pub(super) async fn remove(kind: Kind, mut call: Call) -> Result<Response, Failure> {
    let license = call.query.number("license_id");
    let number = call.query.number("assignment_id");
    let about = license.map(About::License).or(number.map(About::Assignment));
    let about = about.unwrap_or(About::Nothing);
    let account = call.platform_of(None, Access::Command, about).await?;
    let number = call.query.needed("assignment_id", number).unwrap_or_default();
    call.query.done()?;
    let view = fresh(&call).await?;
    let find = |db: &Connection| by_number(db, account.as_str(), number, call.at());
    let (found, _) = query::ask(&view, find)?;
    let found = found.filter(|it| kind.is_of(&it.product)).ok_or_else(unknown)?;
    if let Some(license) = license {
        let license = licenses::by_id(&call, kind, &account, license).await?;
        let license = license.ok_or_else(|| licenses::unknown(kind))?;
        if license.license != found.license {
            return Err(unknown());
        }
    }
    if found.revoked_sequence.is_some() && call.key.is_none() {
        return Err(unknown());
    }
    let document = Members::default().with("assignment", &found.assignment);
    let steps = vec![Step::new(CommandType::RevokeAssignment, document)];
    let done = command::send(&call, &account, &Members::default(), steps).await?;
    if found.revoked_sequence.is_some() && !done.replayed {
        // The key is a new one: what it ends had ended before.
        return Err(unknown());
    }
    Ok(pages::nothing(done.sequence))
}
