//! The live tail: events as server-sent events, resumable from any position.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use events::AccountId;
use futures_util::{Stream, stream};
use projections::history::Entry;
use serde::Deserialize;
use tokio::sync::watch;
use utoipa::IntoParams;

use super::native::{self, Caller};
use super::problem::Problem;
use super::query::{self, Params, Segments};
use super::{App, accounts};
use crate::auth::Access;
use crate::views::View;

/// A comment keeps idle connections from being taken for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// An index beyond that of any event of a commit: after it comes the next commit.
const INDEX_MAX: u32 = u16::MAX as u32;

/// Events read at once.
const BATCH: usize = 500;

/// A key that was revoked ends the tail after this at the latest.
const ADMITTED: Duration = Duration::from_millis(500);

/// A read model that fails is asked again after this.
const RETRY: Duration = Duration::from_secs(1);

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct TailParams {
    /// Begin after this sequence; at the end of the log when absent
    after: Option<u64>,
}

/// Events of an account as they happen
#[utoipa::path(
    get, path = "/v1/accounts/{account}/events",
    tag = "read", operation_id = "tail_account",
    params(
        ("account" = String, Path, description = "Of which account"),
        ("Last-Event-ID" = Option<String>, Header, description = "sequence/index of the last event seen"),
        TailParams
    ),
    responses(
        (status = 200, description = "Server-sent events; id is sequence/index", content_type = "text/event-stream", body = String),
        (status = 400, description = "A parameter is not usable", body = super::ProblemDocument),
        (status = 404, description = "There is no such account", body = super::ProblemDocument),
        (status = 503, description = "Not there yet", body = super::ProblemDocument)
    )
)]
pub(super) async fn of_account(
    caller: Caller,
    State(app): State<App>,
    Segments(account): Segments<String>,
    Params(params): Params<TailParams>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let account = native::account(&caller, &account, Access::Audit)?;
    accounts::known(&app, &account, app.intake.writer().sequence()).await?;
    tail(&app, caller, Some(account), &params, &headers).await
}

/// Events of all accounts as they happen
#[utoipa::path(
    get, path = "/v1/events",
    tag = "read", operation_id = "tail_all",
    params(
        ("Last-Event-ID" = Option<String>, Header, description = "sequence/index of the last event seen"),
        TailParams
    ),
    responses(
        (status = 200, description = "Server-sent events; id is sequence/index", content_type = "text/event-stream", body = String),
        (status = 400, description = "A parameter is not usable", body = super::ProblemDocument),
        (status = 503, description = "Not there yet", body = super::ProblemDocument)
    )
)]
pub(super) async fn of_all(
    caller: Caller,
    State(app): State<App>,
    Params(params): Params<TailParams>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    caller.may(Access::Audit)?;
    let account = caller.only().cloned();
    tail(&app, caller, account, &params, &headers).await
}

async fn tail(
    app: &App,
    caller: Caller,
    account: Option<AccountId>,
    params: &TailParams,
    headers: &HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>> + use<>>, Problem> {
    let history = app.views.history.clone();
    let after = match headers.get("last-event-id") {
        Some(id) => position(id.to_str().unwrap_or_default())?,
        None => (params.after.unwrap_or(history.sequence()), INDEX_MAX),
    };
    // Whoever was further than this log goes has lost their place, and would wait for ever.
    query::reach(&history, after.0).await?;
    let reached = history.watch();
    let tail = Tail { caller, history, account, after, reached, ready: VecDeque::new() };
    let events = stream::unfold(tail, |mut tail| async move {
        let item = tail.next().await?;
        Some((Ok(event(&item)), tail))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// `sequence/index`, or a sequence: after all its events.
fn position(id: &str) -> Result<(u64, u32), Problem> {
    let (sequence, index) = match id.split_once('/') {
        Some((sequence, index)) => (sequence, index.parse::<u32>().ok()),
        None => (id, Some(INDEX_MAX)),
    };
    match (sequence.parse(), index) {
        (Ok(sequence), Some(index)) => Ok((sequence, index.min(INDEX_MAX))),
        _ => Err(query::invalid("Last-Event-ID", "it must be sequence/index, such as 17/0")),
    }
}

fn event(item: &Entry) -> Event {
    Event::default()
        .id(format!("{}/{}", item.sequence, item.index))
        .event(&item.kind)
        // Invariant: an item serialises without fail, and JSON has no line breaks.
        .data(serde_json::to_string(item).unwrap_or_default())
}

struct Tail {
    caller: Caller,
    history: Arc<View>,
    account: Option<AccountId>,
    after: (u64, u32),
    reached: watch::Receiver<u64>,
    ready: VecDeque<Entry>,
}

impl Tail {
    /// The next event, whenever it comes; `None` when the ledger stops, or takes the key no more.
    async fn next(&mut self) -> Option<Entry> {
        loop {
            if !self.caller.is_still_admitted().await {
                return None;
            }
            if let Some(item) = self.ready.pop_front() {
                self.after = (item.sequence, item.index);
                return Some(item);
            }
            self.reached.mark_unchanged();
            let (account, after) = (self.account.clone(), self.after);
            let read = query::ask_slowly(&self.history, move |db| {
                projections::history::events_after(
                    db,
                    account.as_ref().map(AccountId::as_str),
                    after.0,
                    after.1,
                    BATCH,
                )
            });
            match read.await {
                Ok(items) if items.is_empty() => {
                    // Now and then it is looked whether the key is still good.
                    let more = tokio::time::timeout(ADMITTED, self.reached.changed()).await;
                    if let Ok(more) = more {
                        more.ok()?;
                    }
                }
                Ok(items) => self.ready = items.into(),
                Err(_) => tokio::time::sleep(RETRY).await,
            }
        }
    }
}
