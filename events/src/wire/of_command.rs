//! What one command caused, out of a commit of many.

use std::borrow::Cow;

use serde::Deserialize;

use super::{DecodeError, Record, has_all, open};
use crate::text::{AccountId, CommandId};

/// Whose a line is. The rest of it is read past.
#[derive(Deserialize)]
struct Whose<'a> {
    #[serde(borrow)]
    account: Cow<'a, str>,
    #[serde(borrow)]
    command: Command<'a>,
}

#[derive(Deserialize)]
struct Command<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
}

/// Reads what one command caused, and of all other lines only whose they are: a commit holds up to a
/// thousand commands. Empty when the commit holds nothing of this one.
///
/// The payload must be as whole as for [`decode`](super::decode). What others have caused may be of
/// types that this release does not know.
pub fn decode_of(
    payload: &[u8],
    account: &AccountId,
    command: &CommandId,
) -> Result<Vec<Record>, DecodeError> {
    let (header, lines) = open(payload)?;
    let (mut count, mut records) = (0, vec![]);
    for (line, text) in lines.enumerate() {
        let whose: Whose<'_> = serde_json::from_str(text)
            .map_err(|it| DecodeError::Event { line, reason: it.to_string() })?;
        if whose.account == account.as_str() && whose.command.id == command.as_str() {
            records.push(Record::read(line, text)?);
        }
        count += 1;
    }
    has_all(&header, count)?;
    Ok(records)
}
