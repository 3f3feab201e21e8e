//! Moving licenses of a course from one space to others.

use std::collections::HashMap;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use events::limits::{PRODUCTS_MAX, QUANTITY_MAX};
use events::request::Via;
use events::{AccountId, CommandType};
use projections::licenses::{self, License};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Caller;
use super::assigning::{check_course, space};
use super::space::Space;
use crate::auth::Access;
use crate::facades::{body, send};
use crate::http::App;
use crate::http::problem::Problem;
use crate::http::query::{self, Segments};

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
    #[serde(deserialize_with = "body::whole")]
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

/// How licenses get from a space to others, some of which may be within another one, as the services
/// of a tenant are: up out of it, across between those of the account, and down again.
struct Ways {
    /// The license that is shared out.
    whole: String,
    /// The space that they come from; the account's own licenses when absent.
    from: Option<String>,
    /// The space that each is within, of those that are within one.
    above: HashMap<String, String>,
}

impl Ways {
    async fn find(
        app: &App,
        space: &Space,
        license: License,
        wanted: &Wanted,
    ) -> Result<Ways, Problem> {
        let (account, sequence) = (space.account.clone(), space.sequence);
        let from = license.parent.is_some().then(|| space.id.clone());
        let targets = wanted.space_licenses.iter().map(|it| it.target_space_id.clone());
        let spaces: Vec<String> = targets.chain(from.clone()).collect();
        let asked = query::ask_slowly(&app.views.licenses, move |db| {
            let mut above = HashMap::new();
            for space in spaces {
                let (found, _) = licenses::container(db, account.as_str(), &space, sequence)?;
                above.extend(found.and_then(|it| it.within).map(|it| (space, it)));
            }
            let (mut whole, mut parent) = (license.license, license.parent);
            while let Some(it) = parent {
                let (found, _) = licenses::one(db, account.as_str(), &it, sequence)?;
                (whole, parent) = (it, found.and_then(|it| it.parent));
            }
            Ok(Ways { whole, from, above })
        });
        asked.await
    }

    /// The moves, in the order in which they can be done.
    fn steps(&self, wanted: &Wanted, account: &AccountId) -> Vec<Value> {
        let above = |space: Option<&str>| self.above.get(space?).map(String::as_str);
        let (mut up, mut across, mut down) = (vec![], vec![], vec![]);
        let from = self.from.as_deref();
        if let Some(within) = above(from) {
            let out = json!([{"from": from, "quantity": wanted.total()}]);
            up.push(json!({"license": self.whole, "within": within, "moves": out}));
        }
        for it in &wanted.space_licenses {
            // Back to where the account's own licenses are is no container.
            let to = Some(it.target_space_id.as_str()).filter(|it| *it != account.as_str());
            let ends = (above(from).or(from), above(to).or(to));
            if ends.0.is_none() || ends.0 != ends.1 {
                let mut step = json!({"quantity": it.licenses});
                for (name, end) in [("from", ends.0), ("to", ends.1)] {
                    if let Some(end) = end {
                        step[name] = end.into();
                    }
                }
                across.push(step);
            }
            if let Some(within) = above(to) {
                let into = json!([{"to": to, "quantity": it.licenses}]);
                down.push(json!({"license": self.whole, "within": within, "moves": into}));
            }
        }
        if !across.is_empty() {
            up.push(json!({"license": self.whole, "moves": across}));
        }
        up.append(&mut down);
        up
    }
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
    let mut steps = Ways::find(&app, &space, license, &wanted).await?.steps(&wanted, account);
    let (kind, document) = match steps.len() {
        1 => (CommandType::MoveQuantity, steps.swap_remove(0)),
        _ => {
            let each = steps.iter().map(|it| json!({"command": "MoveQuantity", "document": it}));
            (CommandType::ApplyBatch, json!({"commands": each.collect::<Vec<_>>()}))
        }
    };
    let to = (caller.principal(), account, Via::Aladia);
    let done = send(&app, to, &headers, kind, &document).await.map_err(body::of_the_call)?;
    Ok(done.answer(&json!({"moved": true, "updated": true})))
}
