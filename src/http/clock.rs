//! The clock of a ledger, which `dev` can move forward.

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use events::Moment;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::App;
use super::native::Caller;
use super::problem::Problem;
use crate::clock::Error;

/// How long an answer waits for what is due by then to have happened.
const DUE_TIMEOUT: Duration = Duration::from_secs(20);

/// How far the clock moves at once: about five years, more than any license is tried out for, and
/// too little for a slip of the hand to end in another millennium.
const MOVE_DAYS_MAX: i64 = 1_830;
const MOVE_MAX_MS: i64 = MOVE_DAYS_MAX * 24 * 60 * 60 * 1_000;

/// What the clock shows.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Shown {
    /// The time, as the rules see it
    now: Moment,
    /// Seconds by which it is ahead of the real time; absent where it cannot be moved
    #[serde(skip_serializing_if = "Option::is_none")]
    ahead_seconds: Option<u64>,
    /// When something is to happen by itself next
    #[serde(skip_serializing_if = "Option::is_none")]
    next_due: Option<Moment>,
    /// The last sequence of the log
    sequence: u64,
}

/// Where the clock is to be. Exactly one of the two.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Forward {
    /// How far forward, in whole seconds, minutes, hours or days: `90s`, `15m`, `12h`, `30d`
    #[schema(example = "30d")]
    forward: Option<String>,
    /// To which moment
    to: Option<Moment>,
}

/// What the clock shows
#[utoipa::path(
    get, path = "/v1/clock", tag = "operate", operation_id = "show_clock",
    responses((status = 200, description = "The time", body = Shown))
)]
pub(super) async fn show(caller: Caller, State(app): State<App>) -> Result<Json<Shown>, Problem> {
    caller.may_operate()?;
    Ok(Json(shown(&app)))
}

/// Moves the clock of a ledger in dev mode forward; answers once what is due by then has happened
#[utoipa::path(
    post, path = "/v1/clock", tag = "operate", operation_id = "move_clock",
    request_body = Forward,
    responses(
        (status = 200, description = "The time now", body = Shown),
        (status = 400, description = "It says no later moment", body = super::ProblemDocument),
        (status = 409, description = "The clock is the real one", body = super::ProblemDocument),
        (status = 503, description = "Not all has happened yet", body = super::ProblemDocument)
    )
)]
pub(super) async fn forward(
    caller: Caller,
    State(app): State<App>,
    body: Bytes,
) -> Result<Json<Shown>, Problem> {
    caller.may_operate()?;
    let asked: Forward = serde_json::from_slice(&body).map_err(|it| malformed(&it.to_string()))?;
    let to = match (&asked.forward, asked.to) {
        (Some(text), None) => {
            let by = span(text).ok_or_else(|| malformed("forward must be like 90s, 12h or 30d"))?;
            Moment::from_millis(app.clock.now().millis().saturating_add(by))
        }
        (None, Some(to)) => to,
        (None, None) | (Some(_), Some(_)) => {
            return Err(malformed("exactly one of forward and to is needed"));
        }
    };
    if app.clock.now().millis().saturating_add(MOVE_MAX_MS) < to.millis() {
        return Err(malformed(&format!(
            "it would be {to}, and a clock that was moved does not go back: at most {MOVE_DAYS_MAX} \
             days at once"
        ))
        .hint("move it in several steps, if that is what you want"));
    }
    app.clock.move_to(to).map_err(unmoved)?;
    let mut due = app.intake.writer().next_due();
    let passed = due.wait_for(|it| it.is_none_or(|it| it > to));
    // What was waited for is let go of before it is looked at again: the writer, who says what is due
    // next, waits for both, and a second look waits behind the writer.
    let passed = matches!(tokio::time::timeout(DUE_TIMEOUT, passed).await, Ok(Ok(_)));
    match passed {
        true => Ok(Json(shown(&app))),
        false => Err(Problem::new(
            503,
            "due_later",
            "Not all that is due has happened yet",
            format!("it is {to} by now, and what is due is still being written"),
        )
        .retry_after(1)),
    }
}

fn shown(app: &App) -> Shown {
    let ahead_seconds = app.clock.ahead().map(|it| it.as_secs());
    let next_due = *app.intake.writer().next_due().borrow();
    let sequence = app.intake.writer().sequence();
    Shown { now: app.clock.now(), ahead_seconds, next_due, sequence }
}

/// `30d` in milliseconds.
fn span(text: &str) -> Option<i64> {
    let unit = text.chars().last()?;
    let count: i64 = text.strip_suffix(unit)?.parse().ok().filter(|it| *it >= 0)?;
    let millis = match unit {
        's' => 1_000,
        'm' => 60 * 1_000,
        'h' => 60 * 60 * 1_000,
        'd' => 24 * 60 * 60 * 1_000,
        _ => return None,
    };
    count.checked_mul(millis)
}

fn malformed(detail: &str) -> Problem {
    Problem::new(400, "invalid_parameter", "A parameter is not usable", detail)
}

fn unmoved(error: Error) -> Problem {
    let said = error.to_string();
    match error {
        Error::Fixed => Problem::new(409, "clock_fixed", "The clock cannot be moved", said)
            .hint("`seatledger dev` has a clock that can be moved"),
        Error::Backward { .. } => malformed(&said),
        Error::File { .. } => Problem::new(503, "clock_not_kept", "The clock cannot be kept", said),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_a_count_and_a_unit() {
        assert_eq!(span("90s"), Some(90_000));
        assert_eq!(span("30d"), Some(30 * 86_400_000));
        for wrong in ["", "d", "1", "-1d", "1w", "1.5h", "é", "99999999999999999d"] {
            assert_eq!(span(wrong), None, "{wrong}");
        }
    }
}
