//! What was posted and is no command. Nobody waits for the answer, and who posted may never ask: so
//! it is kept among the refusals of its account, where it can be listed.

use events::malformed::MalformedCode;
use events::request::{ANONYMOUS, Address, ContentHash};
use events::{AccountId, Actor, By, Change, CommandId, Moment, Refused};
use uuid::Uuid;

use super::{Answer, Document};
use crate::log::Posted;

/// Characters of a type that nobody knows. A subject may have thousands.
const KIND_CHARS_MAX: usize = 64;

/// What is kept of a document that is no command: what was wrong with it, and nothing of what it
/// said. `None` where the account cannot be one, and for every other answer.
pub(super) fn of(
    address: &Address<'_>,
    by: By,
    answer: &Answer,
    posted: &Posted,
) -> Option<Refused> {
    let Document::Problem(problem) = &answer.document else { return None };
    let code = MalformedCode::ALL.into_iter().find(|it| it.as_str() == problem.code)?;
    let named = answer.command.as_deref().and_then(|it| CommandId::new(it).ok());
    Some(Refused {
        id: Uuid::now_v7(),
        at: posted.at().unwrap_or(Moment::from_millis(0)),
        account: AccountId::new(address.account).ok()?,
        command: named.or_else(|| posted.made_id())?,
        hash: ContentHash::of(posted.document()),
        kind: address.kind.chars().take(KIND_CHARS_MAX).collect(),
        actor: Actor::new(ANONYMOUS).ok()?,
        by,
        via: address.via,
        change: Change::default(),
        code: code.as_str().to_owned(),
        detail: problem.detail.clone(),
        pointer: problem.extra.get("pointer").and_then(|it| it.as_str()).map(str::to_owned),
        license: None,
        product: None,
        holders: 0,
    })
}
