//! The one place that reads the wall clock.

use events::Moment;

/// The time now. Rules and read models get it as an argument.
#[expect(clippy::disallowed_methods, reason = "this is the place that may")]
pub fn now() -> Moment {
    Moment::from_millis(chrono::Utc::now().timestamp_millis())
}
