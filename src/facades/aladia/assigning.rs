//! Assigning licenses of a course to members of a space, and taking them back.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use events::limits::ITEMS_MAX;
use events::request::Via;
use events::{AccountId, CommandType};
use serde::Deserialize;
use serde_json::{Value, json};

use super::space::{Space, not_found};
use super::{Caller, product};
use crate::auth::Access;
use crate::facades::{body, newest, people, send};
use crate::http::App;
use crate::http::problem::Problem;
use crate::http::query::{self, Segments};

/// What a path names.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Place {
    pub(super) space_id: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Member {
    space_id: String,
    profile_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Many {
    course_id: String,
    profile_ids: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct One {
    course_id: String,
}

/// A course and some profiles, each usable.
struct Wanted {
    course: String,
    profiles: Vec<String>,
}

impl Wanted {
    fn of(sent: &[u8]) -> Result<Wanted, Problem> {
        let many: Many = body::object(sent)?;
        let profiles = body::names("profileIds", &many.profile_ids, ITEMS_MAX)?;
        if profiles.is_empty() {
            return Err(body::unusable("profileIds", "at least one is needed"));
        }
        check_course(&many.course_id)?;
        Ok(Wanted { course: many.course_id, profiles })
    }
}

/// A course names a product.
pub(super) fn check_course(course: &str) -> Result<(), Problem> {
    body::name("courseId", course)?;
    body::name("courseId", &product(course))
}

/// The space of a path, as it is now.
pub(super) async fn space(app: &App, account: &AccountId, id: &str) -> Result<Space, Problem> {
    let as_of = query::as_of(app, &app.views.licenses, None, newest(app)).await?;
    Space::find(app, account, id, as_of.sequence).await
}

fn updated() -> Value {
    json!({"updated": true})
}

/// Assigns a license to each of these profiles, or to none.
pub(super) async fn assign(
    caller: Caller,
    State(app): State<App>,
    Segments(path): Segments<Place>,
    headers: HeaderMap,
    sent: Bytes,
) -> Result<Response, Problem> {
    let account = caller.home(Access::Command)?;
    let wanted = Wanted::of(&sent)?;
    give(&caller, &app, &headers, space(&app, account, &path.space_id).await?, wanted).await
}

/// Assigns a license to one profile.
pub(super) async fn assign_one(
    caller: Caller,
    State(app): State<App>,
    Segments(path): Segments<Member>,
    headers: HeaderMap,
    sent: Bytes,
) -> Result<Response, Problem> {
    let account = caller.home(Access::Command)?;
    let one: One = body::object(&sent)?;
    check_course(&one.course_id)?;
    body::name("profileId", &path.profile_id)?;
    let wanted = Wanted { course: one.course_id, profiles: vec![path.profile_id] };
    give(&caller, &app, &headers, space(&app, account, &path.space_id).await?, wanted).await
}

async fn give(
    caller: &Caller,
    app: &App,
    headers: &HeaderMap,
    space: Space,
    wanted: Wanted,
) -> Result<Response, Problem> {
    // A course that the account has nothing of is told before a profile that is not there.
    space.licenses_of(app, &wanted.course).await?;
    let holders = space.has_profiles(app, wanted.profiles).await?;
    let mut document = json!({"product": product(&wanted.course), "holders": holders});
    if !space.is_account() {
        document["container"] = space.id.clone().into();
    }
    let to = (caller.principal(), &space.account, Via::Aladia);
    let done = send(app, to, headers, CommandType::AssignSeat, &document).await?;
    Ok(done.answer(&updated()))
}

/// Takes back what each of these profiles was assigned by name.
pub(super) async fn remove(
    caller: Caller,
    State(app): State<App>,
    Segments(path): Segments<Place>,
    headers: HeaderMap,
    sent: Bytes,
) -> Result<Response, Problem> {
    let account = caller.home(Access::Command)?;
    let wanted = Wanted::of(&sent)?;
    let space = space(&app, account, &path.space_id).await?;
    let licenses = space.licenses_of(&app, &wanted.course).await?;
    let holders = people::holders(&app, account, &wanted.profiles).await?;
    let revoke = |license: &str| json!({"license": license, "holders": holders});
    let (kind, document) = match &licenses[..] {
        [] => return Err(not_found("course", &wanted.course)),
        [license] => (CommandType::RevokeAssignment, revoke(&license.license)),
        several => {
            let each = several
                .iter()
                .map(|it| json!({"command": "RevokeAssignment", "document": revoke(&it.license)}));
            (CommandType::ApplyBatch, json!({"commands": each.collect::<Vec<_>>()}))
        }
    };
    let to = (caller.principal(), account, Via::Aladia);
    let done = send(&app, to, &headers, kind, &document).await.map_err(body::of_the_call)?;
    Ok(done.answer(&updated()))
}
