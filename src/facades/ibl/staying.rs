//! What a group gave and what stays when it gives it no more: its holders' own, which no rule of the
//! group takes away later.

use std::collections::BTreeMap;

use events::{AccountId, CommandType, Holder};
use projections::Connection;
use projections::assignments::{Assignment, Filter, GroundKind, of_account};
use projections::licenses::{License, one};
use projections::page::PAGE_MAX;

use super::assignments::fresh;
use super::call::Call;
use super::command::Step;
use super::failure::Failure;
use super::members::Members;
use crate::http::query;

/// What gives everybody by name what a group alone gives them of a license, or of its product. Of more
/// than one page of assignments nothing: they stay as orphans, as one commit has no room for them.
pub(super) async fn steps(
    call: &Call,
    account: &AccountId,
    group: &str,
    license: &License,
    by_product: bool,
) -> Result<Vec<Step>, Failure> {
    let view = fresh(call).await?;
    let (name, of, at) = (group.to_owned(), account.clone(), call.at());
    let asked = query::ask_slowly(&view, move |db: &Connection| {
        let ground = Some(GroundKind::Group);
        let filter = Filter { ground, group: Some(&name), ..Filter::default() };
        of_account(db, of.as_str(), &filter, None, PAGE_MAX, at)
    });
    let page = asked.await?;
    if page.next.is_some() {
        return Ok(vec![]);
    }
    let mut holders: BTreeMap<String, Vec<Holder>> = BTreeMap::new();
    for it in page.items {
        let is_given = match by_product {
            true => it.product == license.product,
            false => it.license == license.license,
        };
        if is_given && !by_name(&it) {
            holders.entry(it.license).or_default().push(it.holder);
        }
    }
    if by_product {
        leave_out_parts(call, account, &mut holders)?;
    }
    let step = |(license, holders): (String, Vec<Holder>)| {
        // Who is inactive stays so.
        let document = Members::default()
            .with("license", &license)
            .with("holders", &holders)
            .with("active", &false);
        Step::new(CommandType::AssignSeat, document)
    };
    Ok(holders.into_iter().map(step).collect())
}

/// The product alone gives nothing of a part.
fn leave_out_parts(
    call: &Call,
    account: &AccountId,
    holders: &mut BTreeMap<String, Vec<Holder>>,
) -> Result<(), Failure> {
    let names: Vec<String> = holders.keys().cloned().collect();
    for name in names {
        let find = |db: &Connection| one(db, account.as_str(), &name, call.at());
        let (found, _) = query::ask(&call.app.views.licenses, find)?;
        if found.is_some_and(|it| it.parent.is_some()) {
            holders.remove(&name);
        }
    }
    Ok(())
}

fn by_name(it: &Assignment) -> bool {
    it.grounds.iter().any(|it| it == "direct")
}
