//! Licenses, assignments and groups as the vendor shows them.

use axum::http::Uri;
use events::Moment;
use projections::LicenseState;
use projections::assignments::Assignment;
use projections::directory::{Giving, KnownHolder};
use projections::licenses::License;
use serde::Serialize;
use serde_json::value::RawValue;

use super::kind::Kind;
use super::members::Members;
use super::pairs;

/// The member of a license's metadata in which its `enrollment_config` is kept. It is shown to
/// nobody here.
pub(super) const ENROLLMENT: &str = "ibl:enrollment_config";

/// A license in detail.
#[derive(Debug, Serialize)]
pub(super) struct LicenseDetail {
    id: u64,
    created: Moment,
    started: Moment,
    expired: Option<Moment>,
    name: String,
    count: i64,
    active: bool,
    metadata: Box<RawValue>,
    source: String,
    external_id: Option<String>,
    platform_key: String,
    #[serde(flatten)]
    of: Of,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage_count: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    assignments: Option<Counts>,
}

/// What seats are of.
#[derive(Debug, Default, Serialize)]
struct Of {
    #[serde(skip_serializing_if = "Option::is_none")]
    course_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    program_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    program_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    program_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    platform_key: Option<String>,
}

/// Assignments that hold a seat: all, those that downstream is done with, and the others.
#[derive(Debug, Serialize)]
pub(super) struct Counts {
    total: u64,
    active: u64,
    pending: u64,
}

impl Counts {
    pub(super) fn new(held: u64, fulfilled: u64) -> Counts {
        Counts { total: held, active: fulfilled, pending: held.saturating_sub(fulfilled) }
    }
}

/// What a license is called.
pub(super) fn name(license: &License) -> &str {
    license.name.as_deref().unwrap_or(&license.license)
}

/// Metadata as the client gave it.
fn metadata(kept: Option<&RawValue>) -> Box<RawValue> {
    let Some(kept) = kept else { return Members::default().to_raw() };
    if !kept.get().contains(ENROLLMENT) {
        return kept.to_owned();
    }
    let mut members = Members::of(kept).unwrap_or_default();
    members.take(ENROLLMENT);
    members.to_raw()
}

/// A license in detail; with counts where they are asked for.
pub(super) fn license(
    kind: Kind,
    platform: &str,
    it: &License,
    counts: Option<Counts>,
) -> LicenseDetail {
    let of = match kind {
        Kind::Course | Kind::Program => of(kind, platform, it, true),
        Kind::User | Kind::Platform => Of::default(),
    };
    LicenseDetail {
        id: it.number,
        created: it.allocated_at,
        started: it.starts_at.unwrap_or(it.allocated_at),
        expired: it.ends_at,
        name: name(it).to_owned(),
        count: it.quantity,
        active: it.state == LicenseState::Active,
        metadata: metadata(it.metadata.as_deref()),
        source: it.source.clone().unwrap_or_default(),
        external_id: it.external_id.clone(),
        platform_key: platform.to_owned(),
        of,
        usage_count: (kind != Kind::Platform).then_some(it.used),
        assignments: counts,
    }
}

/// What the seats of a license are of; `in_full` with everything that a program is called by.
fn of(kind: Kind, platform: &str, license: &License, in_full: bool) -> Of {
    let named = Some(kind.of(&license.product).to_owned());
    match kind {
        Kind::User | Kind::Platform => {
            Of { platform_key: Some(platform.to_owned()), ..Of::default() }
        }
        Kind::Course => Of { course_id: named, ..Of::default() },
        Kind::Program => Of {
            program_id: named.clone().filter(|_| in_full),
            program_name: named.clone().filter(|_| in_full),
            program_key: named,
            ..Of::default()
        },
    }
}

/// An assignment in detail.
#[derive(Debug, Serialize)]
pub(super) struct AssignmentDetail {
    id: u64,
    user_id: Option<u64>,
    username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Option<String>>,
    email: Option<String>,
    active: bool,
    fulfilled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    direct: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    redirect_to: Option<Option<String>>,
    metadata: Box<RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<Moment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    modified: Option<Moment>,
    license_id: u64,
    license_name: String,
    #[serde(flatten)]
    of: Of,
}

/// A URI is told as one; whatever else is kept there is not.
fn uri(text: Option<&str>) -> Option<String> {
    text.filter(|it| is_uri(it)).map(str::to_owned)
}

/// Whether a text is an absolute address of the web.
pub(super) fn is_uri(text: &str) -> bool {
    let parsed = text.parse::<Uri>().ok();
    parsed.is_some_and(|it| {
        matches!(it.scheme_str(), Some("http" | "https"))
            && it.host().is_some_and(|it| !it.is_empty())
            && text.bytes().all(|it| it.is_ascii_graphic() && !b"<>\"{}|\\^`".contains(&it))
    })
}

/// An assignment of a license in detail. `modified` is when it last changed.
pub(super) fn assignment(
    kind: Kind,
    platform: &str,
    license: &License,
    it: &Assignment,
    known: Option<&KnownHolder>,
    modified: Option<Moment>,
) -> AssignmentDetail {
    let is_program = kind == Kind::Program;
    let email = it.holder.email.as_ref().map(|it| it.as_str().to_owned());
    let user = it.holder.user.as_ref().map(|it| it.as_str().to_owned());
    let user_name = known.and_then(|it| it.user_name.clone());
    // Who is nothing but an address has no name for programs, and is called by it elsewhere.
    let unnamed = is_program && user.is_none();
    let username = user_name.or(user).or_else(|| email.clone()).filter(|_| !unnamed);
    let name = known.and_then(|it| it.display_name.clone()).filter(|_| !unnamed);
    let number = known.and_then(|it| it.number);
    let redirect_to = uri(it.redirect_to.as_deref());
    AssignmentDetail {
        id: it.number,
        user_id: number,
        username,
        name: is_program.then_some(name),
        email,
        active: it.active,
        fulfilled: it.fulfilled,
        direct: is_program.then(|| is_direct(it)),
        // Programs say where only if there is somewhere; their schema knows no null here.
        redirect_to: (!is_program || redirect_to.is_some()).then_some(redirect_to),
        metadata: it.metadata.clone().unwrap_or_else(|| Members::default().to_raw()),
        created: is_program.then_some(it.assigned_at),
        modified,
        license_id: license.number,
        license_name: name_of(license),
        of: of(kind, platform, license, false),
    }
}

fn name_of(license: &License) -> String {
    name(license).to_owned()
}

/// Whether somebody holds it by name. What a group has left behind is theirs.
pub(super) fn is_direct(it: &Assignment) -> bool {
    it.grounds.iter().any(|it| it == "direct" || it.starts_with("orphan:"))
}

/// A group that gives a license, in detail.
#[derive(Debug, Serialize)]
pub(super) struct GroupDetail {
    id: u64,
    group_id: u64,
    group_name: String,
    active: bool,
    fulfilled: bool,
    redirect_to: Option<String>,
    metadata: Box<RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<Moment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    modified: Option<Moment>,
    license_id: u64,
    license_name: String,
    #[serde(flatten)]
    of: Of,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    assigned_count: Option<i64>,
}

/// A group that gives a license, in detail. `kept` is what clients have written on that, `times` are
/// when it began to, and when that last changed.
pub(super) fn group(
    kind: Kind,
    platform: &str,
    license: &License,
    it: &Giving,
    kept: Kept,
    times: Option<(Moment, Moment)>,
) -> GroupDetail {
    let is_program = kind == Kind::Program;
    let mut of = of(kind, platform, license, is_program);
    of.program_id = None;
    GroupDetail {
        id: pairs::pair(it.group.number, license.number),
        group_id: it.group.number,
        group_name: it.group.name.clone().unwrap_or_else(|| it.group.group.clone()),
        active: true,
        fulfilled: kept.fulfilled,
        redirect_to: uri(kept.redirect_to.as_deref()),
        metadata: kept.metadata.to_raw(),
        created: times.map(|it| it.0),
        modified: times.map(|it| it.1),
        license_id: license.number,
        license_name: name_of(license),
        of,
        user_count: is_program.then_some(it.group.members),
        assigned_count: is_program.then_some(it.granted.leases),
    }
}

/// What is kept with what a group gives.
#[derive(Debug, Clone, Default)]
pub(super) struct Kept {
    pub(super) fulfilled: bool,
    pub(super) redirect_to: Option<String>,
    pub(super) metadata: Members,
}

/// The members of a grant's metadata that are told apart from the rest.
const FULFILLED: &str = "ibl:fulfilled";
const REDIRECT_TO: &str = "ibl:redirect_to";

impl Kept {
    pub(super) fn of(it: &Giving) -> Kept {
        let kept = it.granted.grant.metadata.as_ref();
        let kept = kept.and_then(|it| serde_json::from_str(it.as_str()).ok());
        let mut metadata: Members = kept.unwrap_or_default();
        let text = |it: Box<RawValue>| serde_json::from_str(it.get()).ok();
        Kept {
            fulfilled: metadata.take(FULFILLED).is_some_and(|it| it.get() == "true"),
            redirect_to: metadata.take(REDIRECT_TO).and_then(text),
            metadata,
        }
    }

    /// As metadata of a grant; nothing where there is nothing to say.
    pub(super) fn to_metadata(&self) -> Option<Members> {
        let mut metadata = self.metadata.clone();
        metadata.take(FULFILLED);
        metadata.take(REDIRECT_TO);
        let fulfilled = self.fulfilled.then_some(true);
        let all = metadata.with_some(FULFILLED, &fulfilled);
        let all = all.with_some(REDIRECT_TO, &self.redirect_to);
        (!all.is_empty()).then_some(all)
    }
}
