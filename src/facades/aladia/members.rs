//! Who in a space is assigned a license of a course, and who is in it at all.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use events::{AccountId, Holder};
use projections::assignments::{self, Filter};
use projections::directory::{self, KnownHolder};
use projections::licenses::License;
use serde_json::{Value, json};

use super::assigning::{Place, check_course};
use super::pages::Listed;
use super::space::{Space, names};
use super::{Caller, product};
use crate::auth::Access;
use crate::facades::{lists, people};
use crate::http::App;
use crate::http::problem::Problem;
use crate::http::query::{self, AsOf, Segments};

/// What every member of a space is called: the ledger knows no other role there.
const ROLE: &str = "space-member";

/// A person as their lists show one.
struct Person {
    id: String,
    name: String,
    /// Everything that they may be looked for by, in lower case.
    words: String,
}

impl Person {
    fn of(holder: &Holder, known: Option<&KnownHolder>) -> Person {
        let (id, name) = (people::id(holder).to_owned(), people::shown(holder, known));
        let user_name = known.and_then(|it| it.user_name.as_deref()).unwrap_or_default();
        let words = format!("{id}\n{name}\n{user_name}").to_lowercase();
        Person { id, name, words }
    }

    fn told(&self) -> Value {
        json!({"id": self.id, "fullName": self.name, "picture": null, "role": ROLE, "online": false})
    }
}

/// Those who are looked for, in the order that was asked for.
fn found(mut all: Vec<Person>, listed: &Listed) -> Result<Vec<Person>, Problem> {
    if let Some(wanted) = listed.text("username").map(str::to_lowercase) {
        all.retain(|it| it.words.contains(&wanted));
    }
    all.sort_by_cached_key(|it| (it.name.to_lowercase(), it.id.clone()));
    if listed.backwards()? {
        all.reverse();
    }
    Ok(all)
}

/// The space of a path as of when a list is asked for.
async fn space(
    app: &App,
    account: &AccountId,
    id: &str,
    listed: &Listed,
) -> Result<(AsOf, Space), Problem> {
    let view = &app.views.licenses;
    let as_of = query::as_of(app, view, listed.at().as_deref(), listed.min_sequence).await?;
    Ok((as_of, Space::find(app, account, id, as_of.sequence).await?))
}

/// Who holds a seat of one of these licenses.
async fn holders(
    app: &App,
    space: &Space,
    licenses: &[License],
) -> Result<BTreeMap<String, Holder>, Problem> {
    let view = &app.views.assignments;
    query::reach(view, space.sequence).await?;
    let named: Vec<String> = names(licenses).into_iter().map(str::to_owned).collect();
    let (account, sequence) = (space.account.clone(), space.sequence);
    let asked = query::ask_slowly(view, move |db| {
        let mut holders = BTreeMap::new();
        for license in named {
            let (seats, _) = lists::all(sequence, |cursor, limit, at| {
                let filter = Filter { active: Some(true), ..Filter::default() };
                assignments::of_license(db, account.as_str(), &license, &filter, cursor, limit, at)
            })?;
            holders
                .extend(seats.into_iter().map(|it| (people::id(&it.holder).to_owned(), it.holder)));
        }
        Ok(holders)
    });
    asked.await
}

/// Members, or groups, that are assigned licenses of a course.
pub(super) async fn assigned(
    caller: Caller,
    State(app): State<App>,
    Segments(path): Segments<Place>,
    listed: Listed,
) -> Result<Response, Problem> {
    let account = caller.home(Access::Read)?;
    let missing = || query::invalid("courseId", "it is missing");
    let course = listed.text("courseId").ok_or_else(missing)?;
    check_course(course)?;
    let groups = match listed.text("type") {
        None | Some("profile") => false,
        Some("group") => true,
        Some(_) => return Err(query::invalid("type", "it must be profile or group")),
    };
    let (as_of, space) = space(&app, account, &path.space_id, &listed).await?;
    let licenses = space.licenses_of(&app, course).await?;
    let all = match groups {
        true => groups_of(&app, &space, course, &licenses, &listed).await?,
        false => {
            let holders = holders(&app, &space, &licenses).await?;
            let people = people(&app, &space, holders).await?;
            found(people, &listed)?.iter().map(Person::told).collect()
        }
    };
    query::answer(as_of, space.sequence, &listed.page(all, space.sequence))
}

async fn people(
    app: &App,
    space: &Space,
    holders: BTreeMap<String, Holder>,
) -> Result<Vec<Person>, Problem> {
    let (account, sequence) = (space.account.clone(), space.sequence);
    let asked = query::ask_slowly(&app.views.directory, move |db| {
        let person = |holder: &Holder| {
            let known = people::known(db, account.as_str(), holder, sequence)?;
            Ok(Person::of(holder, known.as_ref()))
        };
        holders.values().map(person).collect()
    });
    asked.await
}

/// The groups that give these licenses, or their product where it means them.
async fn groups_of(
    app: &App,
    space: &Space,
    course: &str,
    licenses: &[License],
    listed: &Listed,
) -> Result<Vec<Value>, Problem> {
    let (account, sequence) = (space.account.clone(), space.sequence);
    let asked = query::ask_slowly(&app.views.directory, move |db| {
        lists::all(sequence, |cursor, limit, at| {
            directory::groups(db, account.as_str(), cursor, limit, at)
        })
    });
    let (mut groups, _) = asked.await?;
    let (names, product) = (names(licenses), product(course));
    // The product alone never means a part.
    let product = licenses.iter().any(|it| it.parent.is_none()).then_some(product);
    groups.retain(|group| {
        group.grants.iter().map(|it| &it.grant).any(|it| match &it.license {
            Some(license) => names.contains(license.as_str()),
            None => product.as_deref() == Some(it.named()),
        })
    });
    let group = |it: directory::Group| {
        let name = it.name.unwrap_or_else(|| it.group.clone());
        let words = format!("{}\n{name}", it.group).to_lowercase();
        Person { id: it.group, name, words }
    };
    let groups = found(groups.into_iter().map(group).collect(), listed)?;
    let told = groups.iter().map(|it| {
        json!({"id": it.id, "fullName": it.name, "picture": null, "role": null, "online": false})
    });
    Ok(told.collect())
}

/// The members of a space, all of them or those with a license, or without one.
pub(super) async fn search(
    caller: Caller,
    State(app): State<App>,
    Segments(path): Segments<Place>,
    listed: Listed,
) -> Result<Response, Problem> {
    let account = caller.home(Access::Read)?;
    let (licensed, member) = (listed.flag("licensed")?, listed.flag("alreadyMember")?);
    let roles = listed.texts("roles");
    let (as_of, space) = space(&app, account, &path.space_id, &listed).await?;
    let licenses = match listed.text("courseId") {
        Some(course) => {
            check_course(course)?;
            space.licenses_of(&app, course).await?
        }
        None => space.licenses(&app).await?,
    };
    let holders = holders(&app, &space, &licenses).await?;
    let mut members = space.members(&app).await?;
    if member == Some(false) || !(roles.is_empty() || roles.contains(&ROLE)) {
        // Who is in no space, or something else in one, is not known.
        members.clear();
    }
    let members = members.iter().map(|it| Person::of(&it.holder, Some(it)));
    let mut members = found(members.collect(), &listed)?;
    members.retain(|it| licensed.is_none_or(|wanted| holders.contains_key(&it.id) == wanted));
    let told = members.iter().map(|it| {
        let mut told = it.told();
        told["assigned"] = holders.contains_key(&it.id).into();
        told
    });
    query::answer(as_of, space.sequence, &listed.page(told.collect(), space.sequence))
}
