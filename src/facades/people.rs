//! Who somebody is, as the dialects show them.

use std::collections::HashSet;

use events::{AccountId, Email, Holder};
use projections::Connection;
use projections::Error;
use projections::directory::{self, KnownHolder};
use serde_json::{Value, json};

use super::newest;
use crate::http::App;
use crate::http::problem::Problem;
use crate::http::query;

/// What somebody is called: their user id, or the address of one who is no user yet.
pub(crate) fn id(holder: &Holder) -> &str {
    let email = holder.email.as_ref().map(Email::as_str);
    holder.user.as_ref().map(|it| it.as_str()).or(email).unwrap_or_default()
}

/// What people call them, as far as it is known.
pub(crate) fn shown(holder: &Holder, known: Option<&KnownHolder>) -> String {
    let said = known.and_then(|it| it.display_name.as_deref().or(it.user_name.as_deref()));
    said.unwrap_or(id(holder)).to_owned()
}

/// What the directory says of somebody.
pub(crate) fn known(
    db: &Connection,
    account: &str,
    holder: &Holder,
    at: u64,
) -> Result<Option<KnownHolder>, Error> {
    directory::person(db, account, holder, at)
}

/// Whom an [`id`] means.
pub(crate) struct Meant {
    /// How commands name them.
    pub(crate) holder: Value,
    /// What is known of them: of an address that was linked, what is known of its user.
    pub(crate) known: Option<KnownHolder>,
}

/// Whom an [`id`] means when it is sent back: the user of that id; or, where there is none, the one who
/// is known by that address alone; or somebody new, whose user id it is.
pub(crate) fn meant(db: &Connection, account: &str, id: &str, at: u64) -> Result<Meant, Error> {
    let user = json!({"user": id});
    let (known, _) = directory::holder(db, account, id, at)?;
    let address = Email::new(id).ok().filter(|_| known.is_none());
    let Some(address) = address else { return Ok(Meant { holder: user, known }) };
    let named = directory::person(db, account, &Holder::email(address.clone()), at)?;
    let known = match named.as_ref().and_then(|it| it.linked.as_ref()) {
        Some(linked) => directory::holder(db, account, linked, at)?.0,
        None => named.clone(),
    };
    let holder = if named.is_some() { json!({"email": address.as_str()}) } else { user };
    Ok(Meant { holder, known })
}

/// Whether an id can be an address: only then the directory has to be asked whom it means.
pub(crate) fn may_be_address(id: &str) -> bool {
    id.contains('@')
}

/// The holders whom a command is about, each once, as of everything that was acknowledged.
pub(crate) async fn holders(
    app: &App,
    account: &AccountId,
    ids: &[String],
) -> Result<Vec<Value>, Problem> {
    if !ids.iter().any(|it| may_be_address(it)) {
        return Ok(ids.iter().map(|it| json!({"user": it})).collect());
    }
    let view = &app.views.directory;
    let as_of = query::as_of(app, view, None, newest(app)).await?;
    let (account, ids) = (account.clone(), ids.to_vec());
    let asked = query::ask_slowly(view, move |db| {
        let mut all: Vec<Value> = Vec::with_capacity(ids.len());
        let mut seen = HashSet::new();
        for id in &ids {
            let holder = meant(db, account.as_str(), id, as_of.sequence)?.holder;
            if seen.insert(holder.to_string()) {
                all.push(holder);
            }
        }
        Ok(all)
    });
    asked.await
}
