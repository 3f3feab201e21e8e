//! Who somebody is, as the dialects show them.

use events::{Email, Holder};
use projections::Error;
use projections::directory::{self, HolderFilter, KnownHolder};
use rusqlite::Connection;

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
    if let Some(user) = &holder.user {
        return Ok(directory::holder(db, account, user.as_str(), at)?.0);
    }
    let filter =
        HolderFilter { email: holder.email.as_ref().map(Email::as_str), ..HolderFilter::default() };
    let page = directory::holders(db, account, &filter, None, 1, at)?;
    Ok(page.items.into_iter().find(|it| it.holder.user.is_none()))
}
