//! What all questions have in common: parameters, freshness, and as of when.

mod params;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::HeaderValue;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use chrono::{Days, NaiveDate, NaiveTime};
use events::{AccountId, Email, Moment};
use projections::page::PAGE_MAX;
use projections::{Connection, Patience};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use params::{AsOfParams, PageParams, Params};

use super::App;
use super::headers::{ACKNOWLEDGED, AT, SEQUENCE, WARNING};
use super::problem::Problem;
use crate::views::{Behind, View};

/// Items of a page unless asked for.
const LIMIT_DEFAULT: usize = 100;

const DAY_MS: i64 = 86_400_000;

/// Seconds after which a reader who was told `behind` tries again.
const RETRY_SECONDS: u64 = 1;

/// The segments of a path, decoded.
pub(crate) struct Segments<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Segments<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(segments)) => Ok(Segments(segments)),
            Err(rejection) => Err(invalid("the path", &rejection.body_text())),
        }
    }
}

/// A parameter that makes no sense.
pub(crate) fn invalid(name: &str, reason: &str) -> Problem {
    unusable(name, format!("{name}: {reason}"))
}

fn unusable(name: &str, detail: String) -> Problem {
    Problem::new(400, "invalid_parameter", "A parameter is not usable", detail)
        .with("parameter", name)
}

/// Something that is not there; the same answer for what never was and what may not be seen.
pub(crate) fn not_found(code: &'static str, title: &'static str, detail: String) -> Problem {
    Problem::new(404, code, title, detail)
}

/// The account of a path.
pub(crate) fn account(text: &str) -> Result<AccountId, Problem> {
    AccountId::new(text).map_err(|_| {
        let shown: String = text.chars().take(64).collect();
        let detail = format!("{shown:?} cannot be an account: it must match [A-Za-z0-9_-]{{1,64}}");
        Problem::new(400, "invalid_account", "The account is not a safe token", detail)
    })
}

/// The parameter `email`.
pub(crate) fn email(text: &str) -> Result<Email, Problem> {
    Email::new(text).map_err(|it| invalid("email", &it.to_string()))
}

/// As of when a question is asked: resolved to a sequence and a moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AsOf {
    /// The sequence; `u64::MAX` for whatever the read model has.
    pub(crate) sequence: u64,
    /// The moment that windows are compared with.
    pub(crate) moment: Moment,
    /// Whether the past was asked for.
    past: bool,
    /// Up to where this process had acknowledged when it was asked, unless about the past.
    acknowledged: Option<u64>,
}

impl AsOf {
    /// As of whatever the read model has.
    pub(crate) fn now(app: &App) -> AsOf {
        let acknowledged = Some(app.intake.writer().sequence());
        AsOf { sequence: u64::MAX, moment: app.clock.now(), past: false, acknowledged }
    }
}

/// Waits until a read model is as fresh as the reader asks, and resolves `at`. A reader who asks for
/// nothing sees what this process has acknowledged, unless the read model lags.
pub(crate) async fn as_of(
    app: &App,
    view: &View,
    at: Option<&str>,
    min_sequence: Option<u64>,
) -> Result<AsOf, Problem> {
    if let Some(sequence) = min_sequence {
        reach(view, sequence).await?;
    }
    let Some(at) = at else {
        if min_sequence.is_none() {
            be_built(view)?;
        }
        let acknowledged = app.intake.writer().sequence();
        view.reach_soon(acknowledged).await;
        return Ok(AsOf { acknowledged: Some(acknowledged), ..AsOf::now(app) });
    };
    let history = &app.views.history;
    let (sequence, moment) = match at.parse::<u64>() {
        Ok(sequence) => {
            be_on_the_log(app, sequence).await?;
            reach(history, sequence).await?;
            let moment = history
                .readers()
                .with(|db| projections::history::moment_of(db, sequence))
                .map_err(unavailable)?;
            (sequence, moment.unwrap_or(Moment::from_millis(0)))
        }
        Err(_) => {
            let moment = parsed(at, DayEdge::End);
            let mut moment =
                moment.ok_or_else(|| invalid("at", &format!("it must be a sequence, {A_TIME}")))?;
            let now = app.clock.now();
            // The end of today has not come yet: as of today is as of now.
            if !at.contains('T') && moment > now && moment.millis() - now.millis() < DAY_MS {
                moment = now;
            }
            if moment > now {
                return Err(invalid("at", &format!("{moment} is in the future")));
            }
            // Whatever was written before the question belongs to the past it asks about.
            reach(history, app.intake.writer().sequence()).await?;
            let sequence = history
                .readers()
                .with(|db| projections::history::sequence_at(db, moment))
                .map_err(unavailable)?;
            (sequence, moment)
        }
    };
    reach(view, sequence).await?;
    Ok(AsOf { sequence, moment, past: true, acknowledged: None })
}

/// Refuses to answer as of now from a read model that is still being built. What a reader asks for by
/// a sequence is there as soon as that is reached.
fn be_built(view: &View) -> Result<(), Problem> {
    let Some(building) = view.building() else { return Ok(()) };
    let title = "The read model is being built";
    Err(Problem::new(503, "read_model_building", title, building.to_string())
        .hint("ask again a little later; other questions are answered")
        .retry_after(RETRY_SECONDS))
}

/// Refuses to answer as of a sequence that the log does not have. What this process knows comes
/// first; a commit of another process the log alone may know. Where that cannot be asked, the
/// question goes on and waits.
async fn be_on_the_log(app: &App, sequence: u64) -> Result<(), Problem> {
    let known = app.intake.writer().sequence().max(app.views.history.sequence());
    if sequence <= known {
        return Ok(());
    }
    match app.log.head_now().await {
        Ok(head) if sequence > head.last => {
            let last = head.last.max(known);
            Err(invalid("at", &format!("the log ends at sequence {last}"))
                .hint("ask for a sequence up to that one; min_sequence waits for one to come"))
        }
        Ok(_) => Ok(()),
        Err(error) => {
            tracing::debug!(%error, "whether the log has a sequence is not known");
            Ok(())
        }
    }
}

pub(crate) async fn reach(view: &View, sequence: u64) -> Result<(), Problem> {
    view.reach(sequence).await.map_err(|behind: Behind| {
        Problem::new(503, "behind", "The read model is not there yet", behind.to_string())
            .hint("ask again a little later, or for a lower sequence")
            .retry_after(RETRY_SECONDS)
    })
}

/// Which moment of a bare date is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DayEdge {
    /// Its first millisecond, in UTC.
    Start,
    /// Its last one.
    End,
    /// The one after its last: an end that is exclusive.
    Next,
}

/// What [`parsed`] reads, as people are told.
const A_TIME: &str = "a date such as 2026-05-03, or an RFC 3339 time";

/// A parameter that is an RFC 3339 time, or a date.
pub(crate) fn moment(name: &str, text: &str, edge: DayEdge) -> Result<Moment, Problem> {
    parsed(text, edge).ok_or_else(|| invalid(name, &format!("it must be {A_TIME}")))
}

fn parsed(text: &str, edge: DayEdge) -> Option<Moment> {
    if let Ok(moment) = Moment::parse(text) {
        return Some(moment);
    }
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    let start = |date: NaiveDate| date.and_time(NaiveTime::MIN).and_utc().timestamp_millis();
    let millis = match edge {
        DayEdge::Start => start(date),
        DayEdge::End => start(date.checked_add_days(Days::new(1))?) - 1,
        DayEdge::Next => start(date.checked_add_days(Days::new(1))?),
    };
    Some(Moment::from_millis(millis))
}

/// Items of a page: as asked for, within bounds.
pub(crate) fn limit(asked: Option<usize>) -> Result<usize, Problem> {
    match asked {
        None => Ok(LIMIT_DEFAULT),
        Some(limit @ 1..=PAGE_MAX) => Ok(limit),
        Some(limit) => Err(invalid("limit", &format!("{limit} is not in 1 to {PAGE_MAX}"))),
    }
}

/// Asks a read model here and now: for questions that take microseconds. There are as many
/// connections for them as threads, so none is waited for.
pub(crate) fn ask<T>(
    view: &View,
    question: impl FnOnce(&Connection) -> Result<T, projections::Error>,
) -> Result<T, Problem> {
    view.readers().with(question).map_err(unavailable)
}

/// How long a question may take that is asked off the async threads, once it has a place. Below
/// what a request may take, so that it is told why.
const LONG_LIMIT: Duration = Duration::from_secs(8);

/// How long it may wait for one before.
const PLACE_LIMIT: Duration = Duration::from_secs(5);

/// Asks a read model off the async threads: for questions that may take longer. It is broken off when
/// its time is over, and when nobody waits for it any more.
pub(crate) async fn ask_slowly<T: Send + 'static>(
    view: &Arc<View>,
    question: impl FnOnce(&Connection) -> Result<T, projections::Error> + Send + 'static,
) -> Result<T, Problem> {
    ask_within((PLACE_LIMIT, LONG_LIMIT), view, question).await
}

async fn ask_within<T: Send + 'static>(
    (place, limit): (Duration, Duration),
    view: &Arc<View>,
    question: impl FnOnce(&Connection) -> Result<T, projections::Error> + Send + 'static,
) -> Result<T, Problem> {
    let place = view.place(place).await.ok_or_else(crowded)?;
    let patience = Patience::until(std::time::Instant::now() + limit);
    let waits = Waits(patience.clone());
    let view = view.clone();
    let asked = tokio::task::spawn_blocking(move || {
        let answer = view.readers().with_long(&patience, question);
        drop(place);
        answer
    });
    let asked = asked.await;
    drop(waits);
    match asked {
        Ok(answer) => answer.map_err(unavailable),
        Err(error) => Err(internal(&error.to_string())),
    }
}

/// Somebody who waits for an answer. Dropped with the request.
struct Waits(Patience);

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.lose();
    }
}

fn crowded() -> Problem {
    Problem::new(
        503,
        "queries_waiting",
        "Too many questions at once",
        "as many long questions as may be are asked of this read model, and none ended in time",
    )
    .hint("ask again a little later; checks and single things do not wait for these")
    .retry_after(RETRY_SECONDS)
}

/// What a reader is told when a question cannot be answered.
pub(crate) fn unavailable(error: projections::Error) -> Problem {
    match &error {
        projections::Error::Cursor => invalid("cursor", &error.to_string()),
        projections::Error::Buckets { .. } => invalid("window", &error.to_string()),
        projections::Error::Nobody => invalid("user", &error.to_string()),
        projections::Error::TooLong => Problem::new(
            503,
            "query_timeout",
            "The question took too long",
            error.to_string(),
        )
        .hint(
            "ask for less: a filter, less time, a smaller limit; or again when there is less to do",
        )
        .retry_after(RETRY_SECONDS),
        projections::Error::NotADatabase { .. }
        | projections::Error::OtherModel { .. }
        | projections::Error::Chain { .. }
        | projections::Error::Inconsistent { .. }
        | projections::Error::Feed { .. }
        | projections::Error::Damaged(_)
        | projections::Error::File { .. }
        | projections::Error::Sqlite(_) => {
            tracing::error!(%error, "a read model does not answer");
            Problem::new(
                503,
                "read_model_unavailable",
                "A read model does not answer",
                error.to_string(),
            )
            .retry_after(RETRY_SECONDS)
        }
    }
}

fn internal(reason: &str) -> Problem {
    tracing::error!(%reason, "a question was not answered");
    Problem::new(
        500,
        "internal_error",
        "Something went wrong here",
        "the question was not answered",
    )
}

/// An answer with its sequence.
pub(crate) fn answer<T: Serialize>(
    as_of: AsOf,
    sequence: u64,
    body: &T,
) -> Result<Response, Problem> {
    let json = serde_json::to_vec(body).map_err(|it| internal(&it.to_string()))?;
    Ok(answer_json(as_of, sequence, json.into()))
}

/// The same, of a document that is written already.
pub(crate) fn answer_json(as_of: AsOf, sequence: u64, json: Bytes) -> Response {
    let mut response = ([("content-type", "application/json")], json).into_response();
    let headers = response.headers_mut();
    headers.insert(SEQUENCE, HeaderValue::from(sequence));
    if let Some(acknowledged) = as_of.acknowledged {
        headers.insert(ACKNOWLEDGED, HeaderValue::from(acknowledged));
    }
    if as_of.past
        && let Ok(moment) = HeaderValue::from_str(&as_of.moment.to_string())
    {
        headers.insert(AT, moment);
    }
    response
}

/// Says on an answer, whatever it is, that writing has stopped, if it has.
pub(crate) async fn warn(State(app): State<App>, mut response: Response) -> Response {
    if let Some(code) = app.health.stop_code() {
        response.headers_mut().insert(WARNING, HeaderValue::from_static(code));
    }
    response
}

/// A document and the sequence as of which it holds.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct AsOfSequence<T> {
    #[serde(flatten)]
    pub(crate) item: T,
    /// The sequence as of which this holds.
    pub(crate) sequence: u64,
}

#[cfg(test)]
mod tests;
