//! Moving licenses of a course from one space to others.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use events::CommandType;
use events::limits::{PRODUCTS_MAX, QUANTITY_MAX};
use events::request::Via;
use projections::licenses::License;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Caller;
use super::assigning::{check_course, space};
use crate::auth::Access;
use crate::facades::{body, send};
use crate::http::App;
use crate::http::problem::Problem;
use crate::http::query::Segments;

/// What a path names. A folder is where a space shows the course, and nothing to the ledger.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Folder {
    space_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wanted {
    course_id: String,
    space_licenses: Vec<Target>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Target {
    target_space_id: String,
    licenses: i64,
}

impl Wanted {
    fn of(sent: &[u8], from: &str) -> Result<Wanted, Problem> {
        let wanted: Wanted = body::object(sent)?;
        check_course(&wanted.course_id)?;
        if !(1..=PRODUCTS_MAX).contains(&wanted.space_licenses.len()) {
            let reason =
                format!("it has {}, 1 to {PRODUCTS_MAX} are taken", wanted.space_licenses.len());
            return Err(body::unusable("spaceLicenses", &reason));
        }
        for (place, it) in wanted.space_licenses.iter().enumerate() {
            let member = format!("spaceLicenses[{place}]");
            body::name(&format!("{member}.targetSpaceId"), &it.target_space_id)?;
            if it.target_space_id == from {
                return Err(body::unusable(&member, "it is where the licenses are"));
            }
            if !(1..=QUANTITY_MAX).contains(&it.licenses) {
                let reason = format!("{} is not in 1 to {QUANTITY_MAX}", it.licenses);
                return Err(body::unusable(&format!("{member}.licenses"), &reason));
            }
        }
        Ok(wanted)
    }

    fn total(&self) -> i64 {
        self.space_licenses.iter().map(|it| it.licenses).sum()
    }
}

/// The license that is moved: the first to end of those that have enough, or else the first to end.
fn source(mut licenses: Vec<License>, total: i64) -> Option<License> {
    licenses.sort_by_key(|it| (it.ends_at.is_none(), it.ends_at));
    let enough = licenses.iter().position(|it| it.available.is_none_or(|it| it >= total));
    (!licenses.is_empty()).then(|| licenses.swap_remove(enough.unwrap_or_default()))
}

/// Moves licenses to each of these spaces, or none at all.
pub(super) async fn distribute(
    caller: Caller,
    State(app): State<App>,
    Segments(path): Segments<Folder>,
    headers: HeaderMap,
    sent: Bytes,
) -> Result<Response, Problem> {
    let account = caller.home(Access::Command)?;
    let wanted = Wanted::of(&sent, &path.space_id)?;
    let space = space(&app, account, &path.space_id).await?;
    let licenses = space.licenses_of(&app, &wanted.course_id).await?;
    let license = source(licenses, wanted.total()).ok_or_else(|| {
        let detail = format!("{} has no licenses of {}", path.space_id, wanted.course_id);
        Problem::new(409, "no_free_quantity", "There is not so much quantity left", detail)
    })?;
    let step = |it: &Target| {
        let mut step = json!({"quantity": it.licenses});
        // Back to where the account's own licenses are is no container.
        if it.target_space_id != account.as_str() {
            step["to"] = it.target_space_id.clone().into();
        }
        if license.parent.is_some() {
            step["from"] = path.space_id.clone().into();
        }
        step
    };
    let moves: Vec<Value> = wanted.space_licenses.iter().map(step).collect();
    let whole = license.parent.as_ref().unwrap_or(&license.license);
    let document = json!({"license": whole, "moves": moves});
    let to = (caller.principal(), account, Via::Aladia);
    let done = send(&app, to, &headers, CommandType::MoveQuantity, &document).await?;
    Ok(done.answer(&json!({"moved": true, "updated": true})))
}
