//! Whom a call is about.

use std::sync::Arc;

use events::{AccountId, Email, Holder, UserId};
use projections::Connection;
use projections::Error;
use projections::directory::{self, HolderFilter, KnownHolder};

use super::call::Call;
use super::failure::Failure;
use super::reader::Reader;
use crate::http::query;
use crate::views::View;

/// Holders that one name or address is looked up among.
const NAMESAKES_MAX: usize = 16;

/// Whom a body names: by number, by name, by address, in this order.
#[derive(Debug, Clone)]
pub(super) struct Named {
    number: Option<u64>,
    username: Option<String>,
    email: Option<Email>,
}

/// Reads whom a body is about; `by_name` says whether names are taken.
pub(super) fn named(body: &mut Reader, by_name: bool) -> Option<Named> {
    let number = body.number("user_id");
    let username = body.text("username").filter(|it| by_name && !it.is_empty());
    let text = body.text("email").filter(|it| !it.is_empty());
    let email = text.as_deref().map(Email::new);
    // Who is named by number may have any address.
    let matters = number.is_none() && username.is_none();
    if matters && let Some(Err(_)) = email {
        body.is_wrong("email", "it must be an e-mail address");
        return None;
    }
    let email = email.and_then(Result::ok);
    if matters && email.is_none() {
        body.is_wrong("user_id", "user_id or email is needed");
    }
    Some(Named { number, username, email })
}

/// Whoever it is, as the ledger knows them. An address that nobody is known by is somebody new.
pub(super) async fn find(
    call: &Call,
    account: &AccountId,
    named: &Named,
) -> Result<Holder, Failure> {
    let view = fresh(call).await?;
    let one = |filter: &HolderFilter<'_>| {
        let ask = |db: &Connection| {
            directory::holders(db, account.as_str(), filter, None, NAMESAKES_MAX, call.at())
        };
        Ok::<_, Failure>(query::ask(&view, ask)?.items)
    };
    let unknown = |field| Failure::not_found("user_not_found", field, "there is no such user");
    if let Some(number) = named.number {
        let filter = HolderFilter { number: Some(number), ..HolderFilter::default() };
        let found = one(&filter)?.into_iter().next().ok_or_else(|| unknown("user_id"))?;
        // The number of an address is that of the user whom it names by now.
        let user = found.linked.and_then(|it| UserId::new(it).ok());
        return Ok(user.map_or(found.holder, Holder::user));
    }
    if let Some(name) = &named.username {
        let by_id = |db: &Connection| directory::holder(db, account.as_str(), name, call.at());
        let by_id = query::ask(&view, by_id)?.0;
        let filter = HolderFilter { user_name: Some(name), ..HolderFilter::default() };
        let found = match by_id {
            Some(found) => Some(found),
            None => one(&filter)?.into_iter().next(),
        };
        return Ok(found.ok_or_else(|| unknown("username"))?.holder);
    }
    let email = named.email.clone().ok_or_else(|| unknown("email"))?;
    let filter = HolderFilter { email: Some(email.as_str()), ..HolderFilter::default() };
    let found = one(&filter)?;
    let user = found.into_iter().find(|it| it.holder.user.is_some() && !it.retired);
    Ok(user.map_or_else(|| Holder::email(email.clone()), |it| it.holder))
}

/// The holders that a list is narrowed to; nothing where it is not.
pub(super) async fn wanted(
    call: &Call,
    account: &AccountId,
    (number, email): (Option<u64>, Option<String>),
    at: u64,
) -> Result<Option<Vec<Holder>>, Failure> {
    if number.is_none() && email.is_none() {
        return Ok(None);
    }
    let view = fresh(call).await?;
    let address = email.as_deref().map(Email::new).transpose();
    let Ok(address) = address else { return Ok(Some(vec![])) };
    let email = address.as_ref().map(Email::as_str);
    let filter = HolderFilter { number, email, ..HolderFilter::default() };
    let ask = |db: &Connection| {
        directory::holders(db, account.as_str(), &filter, None, NAMESAKES_MAX, at)
    };
    let found = query::ask(&view, ask)?.items;
    Ok(Some(found.into_iter().map(|it| it.holder).collect()))
}

/// What the directory says of each of them.
pub(super) fn known(
    db: &Connection,
    account: &str,
    holders: &[Holder],
    at: u64,
) -> Result<Vec<Option<KnownHolder>>, Error> {
    holders.iter().map(|it| directory::person(db, account, it, at)).collect()
}

/// The directory, with everything that this process has written.
pub(super) async fn fresh(call: &Call) -> Result<Arc<View>, Failure> {
    let view = call.app.views.directory.clone();
    view.reach_soon(call.app.intake.writer().sequence()).await;
    Ok(view)
}
