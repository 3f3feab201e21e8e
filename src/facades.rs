//! The dialects of other vendors: their calls at their paths, as commands and questions of this
//! ledger.
//!
//! A facade translates. What may be done is decided by the rules, what is told is read from the read
//! models; a facade names neither streams nor SQL. What each serves stands in `docs/compat`.

pub(crate) mod aladia;
mod body;
#[cfg(test)]
mod documented;
pub mod ibl;
mod lists;
mod people;
mod routes;
pub(crate) mod uipath;

use std::sync::Arc;

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use events::request::{Address, Via};
use events::{AccountId, CommandType};
use serde::Deserialize;
use serde_json::Value;

use crate::auth::Principal;
use crate::http::App;
use crate::http::headers;
use crate::http::problem::Problem;
use crate::intake::Document;

/// As of when, for questions whose vendor has no parameter of that name. Others are passed over.
#[derive(Debug, Deserialize)]
pub(crate) struct When {
    pub(crate) at: Option<String>,
    pub(crate) min_sequence: Option<u64>,
}

/// The sequence that a read model must have before a command is made of what it says: everything that
/// this process has acknowledged.
pub(crate) fn newest(app: &App) -> Option<u64> {
    Some(app.intake.writer().sequence())
}

/// A command that a call of a dialect became, once it was accepted.
pub(crate) struct Done {
    /// The sequence of the commit that holds its events.
    pub(crate) sequence: u64,
    command: Option<String>,
}

impl Done {
    /// The vendor's answer, with the receipt of the command.
    pub(crate) fn answer(&self, body: &Value) -> Response {
        let json = [("content-type", "application/json")];
        let mut response = (json, body.to_string()).into_response();
        let out = response.headers_mut();
        out.insert(headers::SEQUENCE, self.sequence.into());
        headers::name_command(out, self.command.as_deref());
        response
    }
}

/// Sends the one command that a call is, under its `Idempotency-Key`, and waits until what it wrote
/// is read at once.
pub(crate) async fn send(
    app: &App,
    (principal, account, via): (&Arc<Principal>, &AccountId, Via),
    headers: &HeaderMap,
    kind: CommandType,
    document: &Value,
) -> Result<Done, Problem> {
    let key = headers::key(headers);
    let address = Address { account: account.as_str(), kind: kind.as_str(), key, via };
    let accepted = accepted(app, principal, &address, document.to_string().as_bytes()).await?;
    let Accepted { sequence, command, .. } = accepted;
    Ok(Done { sequence, command })
}

/// What a command was answered with that was accepted.
pub(crate) struct Accepted {
    /// The sequence of the commit that holds its events.
    pub(crate) sequence: u64,
    /// Its id.
    pub(crate) command: Option<String>,
    /// The document, as JSON.
    pub(crate) document: Bytes,
}

/// Sends a command, and waits until what it wrote is read at once.
pub(crate) async fn accepted(
    app: &App,
    principal: &Arc<Principal>,
    address: &Address<'_>,
    document: &[u8],
) -> Result<Accepted, Problem> {
    let answer = app.intake.on_behalf_of(principal).send(address, document).await;
    let document = match answer.document {
        Document::Problem(problem) => return Err(*problem),
        Document::Accepted(json) => json,
    };
    let sequence = answer.sequence.unwrap_or_default();
    if let Err(behind) = app.views.reach(sequence).await {
        // It is done and durable: what is told of it is as of what can be read, and whoever reads
        // with `min_sequence` is told so.
        tracing::warn!(%behind, "a call is answered before it can be read");
    }
    Ok(Accepted { sequence, command: answer.command, document })
}
