//! Licenses: list, create, update.

use std::sync::Arc;

use axum::response::Response;
use events::command::Patch;
use events::{AccountId, CommandType, Moment};
use projections::licenses::{By, License, Wanted, by_external_id, by_number, numbered, one};
use projections::{LicenseState, assignments};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::call::{About, Call, Sent};
use super::command::{self, Done, Step};
use super::failure::Failure;
use super::kind::Kind;
use super::members::Members;
use super::pages::{self, Paging};
use super::reader::Reader;
use super::receipt;
use super::shown::{self, Counts, ENROLLMENT};
use crate::auth::Access;
use crate::http::query;
use crate::views::View;

/// What lists of licenses can be ordered by.
const SORTS: [(&str, By); 10] = [
    ("id", By::Number),
    ("created", By::Allocated),
    ("started", By::Starts),
    ("expired", By::Ends),
    ("name", By::Name),
    ("count", By::Quantity),
    ("usage_count", By::Used),
    ("active", By::Active),
    ("external_id", By::ExternalId),
    ("source", By::Source),
];

/// Parameters that have a meaning of their own; any other is one of metadata.
const KNOWN: [&str; 19] = [
    "active",
    "course_id",
    "external_id",
    "key",
    "name",
    "org",
    "page",
    "page_size",
    "parts",
    "platform_key",
    "platform_org",
    "program_id",
    "query",
    "sort",
    "source",
    "verbose",
    "at",
    "min_sequence",
    "format",
];

/// What a parameter about a member of metadata can begin with.
const METADATA: &str = "metadata__";

/// Members of metadata that one question may be about.
const METADATA_MAX: usize = 16;

/// A page of licenses of a kind.
pub(super) async fn list(kind: Kind, mut call: Call) -> Result<Response, Failure> {
    let account = call.platform(None, Access::Read)?;
    let wanted = wanted(kind, &mut call.query);
    let verbose = call.query.boolean("verbose").unwrap_or(false);
    let verbose = verbose && matches!(kind, Kind::User | Kind::Program);
    let order = pages::order(&mut call.query, &SORTS, "-id");
    let paging = Paging::of(&mut call.query);
    let view = call.app.views.licenses.clone();
    let as_of = call.as_of(&view).await?;
    let (order, platform) = (order.unwrap_or_default(), account.clone());
    let asked = query::ask_slowly(&view, move |db| {
        let stretch = paging.stretch();
        numbered(db, account.as_str(), &wanted, order, stretch, as_of.sequence)
    });
    let listing = asked.await?;
    let counts = match verbose {
        true => counts(&call, &platform, &listing.items, listing.sequence).await?,
        false => vec![],
    };
    let mut counts = counts.into_iter();
    let show = |it: License| shown::license(kind, platform.as_str(), &it, counts.next());
    pages::answer(&call.place, paging, as_of, listing.map(show))
}

/// How many assignments of each license are fulfilled, as of the same sequence.
async fn counts(
    call: &Call,
    account: &AccountId,
    all: &[License],
    sequence: u64,
) -> Result<Vec<Counts>, Failure> {
    let view = &call.app.views.assignments;
    query::reach(view, sequence).await?;
    let names: Vec<String> = all.iter().map(|it| it.license.clone()).collect();
    let account = account.clone();
    let asked = query::ask_slowly(view, move |db| {
        let count = |it: &String| {
            let (held, done) = assignments::fulfilment(db, (account.as_str(), it), sequence)?;
            Ok(Counts::new(held, done))
        };
        names.iter().map(count).collect()
    });
    Ok(asked.await?)
}

fn wanted(kind: Kind, query: &mut Reader) -> Wanted {
    // The seats of a part are counted with the license that it is a part of, too.
    let whole = query.boolean("parts") == Some(false);
    let mut wanted = Wanted { whole, ..kind.wanted() };
    wanted.active = query.boolean("active");
    wanted.external_id = query.text("external_id");
    wanted.source = query.text("source");
    wanted.name = query.text("name");
    wanted.search = query.text("query");
    let of = match kind {
        Kind::Course => query.text("course_id"),
        Kind::Program => query.text("program_id"),
        Kind::User | Kind::Platform => None,
    };
    if let Some(of) = of {
        wanted.product = Some(kind.product(&of));
    }
    let member = |name: &str| name.strip_prefix(METADATA).unwrap_or(name).to_owned();
    let others = query.texts().filter(|it| !KNOWN.contains(&it.0));
    wanted.metadata = others.map(|(name, text)| (member(name), text)).collect();
    if wanted.metadata.len() > METADATA_MAX {
        let said = format!("at most {METADATA_MAX} members of metadata can be asked for at once");
        query.is_wrong("metadata", &said);
    }
    wanted
}

/// What a body says of a license.
struct Said {
    name: Patch<String>,
    count: Option<i64>,
    started: Patch<Moment>,
    expired: Patch<Moment>,
    active: Option<bool>,
    metadata: Option<Members>,
    enrollment: Option<Members>,
    source: Patch<String>,
    external_id: Patch<String>,
}

fn said(body: &mut Reader) -> Said {
    let mut metadata = body.object("metadata");
    if let Some(metadata) = &mut metadata {
        metadata.take(ENROLLMENT);
    }
    Said {
        name: body.label("name"),
        count: body.integer("count"),
        started: body.time("started"),
        expired: body.time("expired"),
        active: body.boolean("active"),
        metadata,
        enrollment: body.object("enrollment_config"),
        source: body.label("source"),
        external_id: body.label("external_id"),
    }
}

/// Allocates a license.
pub(super) async fn create(kind: Kind, sent: Sent) -> Result<Response, Failure> {
    let Sent { mut call, mut body } = sent;
    let account = call.platform_to_fill(&mut body, Access::Command)?;
    let of = match kind {
        Kind::Course => {
            let of = body.text("course_id").filter(|it| !it.is_empty());
            body.needed("course_id", of)
        }
        Kind::Program => {
            let key = body.text("program_key").or_else(|| body.text("program_id"));
            body.needed("program_key", key.filter(|it| !it.is_empty()))
        }
        Kind::User | Kind::Platform => None,
    };
    let change = command::change(&mut body, Some("create"));
    let said = said(&mut body);
    body.done()?;
    let license = new_name(&account, call.key.as_deref());
    let product = kind.product(&of.unwrap_or_default());
    let by_itself = (kind == Kind::Program).then(|| "api".to_owned());
    let metadata = with_enrollment(said.metadata, said.enrollment.map(|it| it.to_raw()));
    let document = Members::default()
        .with("license", &license)
        .with("product", &product)
        .with("quantity", &said.count.unwrap_or(0))
        .with_some("name", &as_some(&said.name))
        .with_some("starts_at", &as_some(&said.started))
        .with_some("ends_at", &as_some(&said.expired))
        .with_some("external_id", &as_some(&said.external_id))
        .with_some("source", &as_some(&said.source).or(by_itself))
        .with_some("metadata", &metadata);
    let mut steps = vec![Step::new(CommandType::AllocateLicense, document)];
    if said.active == Some(false) {
        let document = Members::default().with("license", &license);
        steps.push(Step::new(CommandType::SuspendLicense, document));
    }
    let done = command::send(&call, &account, &change, steps).await;
    // Nothing that a create names can be missing.
    let done = done.map_err(Failure::never_404)?;
    let found = left(&call, &account, &license, &done).await?.ok_or_else(|| unknown(kind))?;
    answer(kind, &call, &account, &found, done.sequence)
}

fn as_some<T: Clone>(patch: &Patch<T>) -> Option<T> {
    patch.over(&None)
}

/// What a new license is called: the same under the same idempotency key.
fn new_name(account: &AccountId, key: Option<&str>) -> String {
    let Some(key) = key else { return Uuid::now_v7().to_string() };
    let digest = Sha256::digest(format!("{account}/{key}"));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
}

fn with_enrollment(
    metadata: Option<Members>,
    enrollment: Option<Box<RawValue>>,
) -> Option<Members> {
    match enrollment {
        None => metadata,
        Some(it) => Some(metadata.unwrap_or_default().with(ENROLLMENT, &it)),
    }
}

/// Changes what is given of a license.
pub(super) async fn update(kind: Kind, sent: Sent) -> Result<Response, Failure> {
    let Sent { mut call, mut body } = sent;
    let number = body.number("license_id");
    let external_id = body.text("external_id").filter(|it| !it.is_empty());
    let about = match (number, &external_id) {
        (Some(number), _) => About::License(number),
        (None, Some(it)) => About::ExternalId(kind, it),
        (None, None) => About::Nothing,
    };
    let account = call.platform_of(Some(&mut body), Access::Command, about).await?;
    if number.is_none() && external_id.is_none() {
        body.needed::<u64>("license_id", None);
    }
    let change = command::change(&mut body, Some("update"));
    let said = said(&mut body);
    let of = match kind {
        Kind::Course => body.text("course_id").map(|it| ("course_id", it)),
        Kind::Program => body.text("program_key").map(|it| ("program_key", it)),
        Kind::User | Kind::Platform => None,
    };
    body.done()?;
    let found = match (number, &external_id) {
        (Some(number), _) => by_id(&call, kind, &account, number).await?,
        (None, Some(it)) => by_name(&call, kind, &account, it).await?,
        (None, None) => None,
    };
    let license = found.ok_or_else(|| unknown(kind))?;
    // It says which license is meant, and never what it is called from now on.
    if external_id.is_some() && external_id != license.external_id {
        let said = "license_id is that of another license; an external_id never changes";
        return Err(Failure::of_field("external_id", said));
    }
    if let Some((field, of)) = of
        && license.product != kind.product(&of)
    {
        return Err(Failure::of_field(field, "what a license is of never changes"));
    }
    let metadata = metadata(&license, &said);
    let steps = steps(&license, &said, &metadata);
    if steps.is_empty() && call.is_bound() {
        return Err(receipt::reused(call.command.as_deref()));
    }
    if steps.is_empty() {
        return answer(kind, &call, &account, &license, call.app.views.licenses.sequence());
    }
    let done = command::send(&call, &account, &change, steps).await?;
    let found = left(&call, &account, &license.license, &done).await?;
    let found = found.ok_or_else(|| unknown(kind))?;
    answer(kind, &call, &account, &as_said(found, &said, metadata), done.sequence)
}

/// A license as a call has left it. Others may have changed it in the same commit, and the read model
/// has what all of them left: what this call said is as it said.
fn as_said(mut license: License, said: &Said, metadata: Option<Members>) -> License {
    license.name = said.name.over(&license.name);
    license.quantity = said.count.unwrap_or(license.quantity);
    license.starts_at = said.started.over(&license.starts_at);
    license.ends_at = said.expired.over(&license.ends_at);
    license.source = said.source.over(&license.source);
    license.metadata = metadata.map(|it| it.to_raw()).or(license.metadata);
    license.state = match said.active {
        Some(true) => LicenseState::Active,
        Some(false) => LicenseState::Suspended,
        None => license.state,
    };
    license
}

/// What becomes of its metadata, if something does: either half stays as it is where the other one
/// alone is given.
fn metadata(license: &License, said: &Said) -> Option<Members> {
    if said.metadata.is_none() && said.enrollment.is_none() {
        return None;
    }
    let kept = license.metadata.as_deref().and_then(Members::of).unwrap_or_default();
    let (mut rest, mut enrollment) = (kept.clone(), kept);
    rest.take(ENROLLMENT);
    let enrollment = match &said.enrollment {
        Some(it) => Some(it.to_raw()),
        None => enrollment.take(ENROLLMENT),
    };
    with_enrollment(Some(said.metadata.clone().unwrap_or(rest)), enrollment)
}

/// What changes a license as it is said.
fn steps(license: &License, said: &Said, metadata: &Option<Members>) -> Vec<Step> {
    let named = || Members::default().with("license", &license.license);
    let mut document = named().with_some("quantity", &said.count);
    document = patched(document, "name", &said.name);
    document = patched(document, "starts_at", &said.started);
    document = patched(document, "ends_at", &said.expired);
    document = patched(document, "source", &said.source).with_some("metadata", metadata);
    let mut steps = vec![];
    if document.len() > 1 {
        steps.push(Step::new(CommandType::ChangeLicense, document));
    }
    match said.active {
        Some(true) => steps.push(Step::new(CommandType::ReinstateLicense, named())),
        Some(false) => steps.push(Step::new(CommandType::SuspendLicense, named())),
        None => {}
    }
    steps
}

pub(super) fn patched(
    document: Members,
    name: &str,
    patch: &Patch<impl serde::Serialize>,
) -> Members {
    match patch {
        Patch::Keep => document,
        Patch::Clear | Patch::Set(_) => document.with(name, patch),
    }
}

/// A license as the commit of a command has left it.
async fn left(
    call: &Call,
    account: &AccountId,
    license: &str,
    done: &Done,
) -> Result<Option<License>, Failure> {
    let view = fresh(call).await?;
    Ok(query::ask(&view, |db| one(db, account.as_str(), license, done.sequence))?.0)
}

fn answer(
    kind: Kind,
    call: &Call,
    account: &AccountId,
    license: &License,
    sequence: u64,
) -> Result<Response, Failure> {
    let shown = shown::license(kind, account.as_str(), license, None);
    Ok(query::answer(pages::as_of(call, sequence), sequence, &shown)?)
}

/// The licenses' read model, with everything that this process has written.
async fn fresh(call: &Call) -> Result<Arc<View>, Failure> {
    let view = call.app.views.licenses.clone();
    view.reach_soon(call.app.intake.writer().sequence()).await;
    Ok(view)
}

/// The license of a kind that a platform knows by a number.
pub(super) async fn by_id(
    call: &Call,
    kind: Kind,
    account: &AccountId,
    number: u64,
) -> Result<Option<License>, Failure> {
    fresh(call).await?;
    at(call, kind, account, number, call.at())
}

/// The same as of a sequence, by what the read model has.
pub(super) fn at(
    call: &Call,
    kind: Kind,
    account: &AccountId,
    number: u64,
    sequence: u64,
) -> Result<Option<License>, Failure> {
    let view = &call.app.views.licenses;
    let find = |db: &_| by_number(db, account.as_str(), number, sequence);
    let (found, _) = query::ask(view, find)?;
    Ok(found.filter(|it| kind.is_of(&it.product)))
}

async fn by_name(
    call: &Call,
    kind: Kind,
    account: &AccountId,
    external_id: &str,
) -> Result<Option<License>, Failure> {
    let view = fresh(call).await?;
    let find = |db: &_| by_external_id(db, account.as_str(), external_id, call.at());
    let (found, _) = query::ask(&view, find)?;
    Ok(found.filter(|it| kind.is_of(&it.product)))
}

/// There is no such license, for whoever asks.
pub(super) fn unknown(kind: Kind) -> Failure {
    Failure::not_found(
        "license_not_found",
        "license_id",
        format!("there is no such {kind} license"),
    )
}
