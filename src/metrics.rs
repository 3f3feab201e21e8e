//! Numbers for Prometheus.

use std::sync::OnceLock;
use std::time::Duration;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;

/// Commands by type and outcome.
pub const COMMANDS: &str = "seatledger_commands_total";
/// Seconds from a command's arrival to its answer.
pub const COMMAND_SECONDS: &str = "seatledger_command_seconds";
/// Calls over HTTP that show a key and are not taken, by reason.
pub const REFUSED_CALLS: &str = "seatledger_refused_calls_total";
/// Messages over NATS that want their answer where no inbox is, by door.
pub const REFUSED_REPLIES: &str = "seatledger_refused_replies_total";
/// Commits on the log, of this process.
pub const COMMITS: &str = "seatledger_commits_total";
/// Events on the log, of this process.
pub const EVENTS: &str = "seatledger_events_total";
/// Commits that another writer's commit took the place of.
pub const FENCED: &str = "seatledger_commits_fenced_total";
/// Commands that the rules fail on, by type.
pub const POISON: &str = "seatledger_commands_poisoned_total";
/// Commits that were read again, to tell the outcome of a command that was accepted before.
pub const COMMITS_READ_AGAIN: &str = "seatledger_commits_read_again_total";
/// Outcomes that were made of such commits. The others were kept from before.
pub const OUTCOMES_DECODED: &str = "seatledger_outcomes_decoded_total";
/// Records that are in the journal durably.
pub const JOURNAL_APPENDS: &str = "seatledger_journal_appends_total";
/// Bytes of those.
pub const JOURNAL_BYTES: &str = "seatledger_journal_bytes_total";
/// Records that could not be written to the journal.
pub const JOURNAL_FAILURES: &str = "seatledger_journal_failures_total";
/// Commits that the log had lost, and that were published again from the journal.
pub const JOURNAL_REPUBLISHED: &str = "seatledger_journal_republished_total";
/// The last sequence of the log that this process knows.
pub const LOG_SEQUENCE: &str = "seatledger_log_sequence";
/// Commits that a read model is behind.
pub const BEHIND: &str = "seatledger_read_model_behind_commits";
/// Whether commands are taken.
pub const WRITING: &str = "seatledger_writing";

/// Whether nothing has failed.
pub const READY: &str = "seatledger_ready";
/// Read models that were not what the log says.
pub const READ_MODEL_DIFFERED: &str = "seatledger_read_model_differed_total";
/// What is not as it should be, by code.
pub const FINDING: &str = "seatledger_finding";

const BUCKETS: [f64; 12] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0];

/// Begins to keep numbers for this process. They can be kept once; a later call gives the same.
pub fn install() -> Option<PrometheusHandle> {
    static HANDLE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    HANDLE
        .get_or_init(|| {
            let builder = PrometheusBuilder::new().set_buckets(&BUCKETS).ok()?;
            let handle = builder.install_recorder().ok()?;
            describe();
            Some(handle)
        })
        .clone()
}

/// How often the numbers are made small: histograms are kept as they come until then.
const UPKEEP: Duration = Duration::from_secs(5);

/// Keeps the numbers small until `stop` is cancelled.
pub async fn upkeep(stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(UPKEEP)).await.is_some() {
        if let Some(handle) = install() {
            handle.run_upkeep();
        }
    }
}

fn describe() {
    metrics::describe_counter!(COMMANDS, "Commands by type and outcome");
    metrics::describe_histogram!(COMMAND_SECONDS, "Seconds from a command to its answer");
    metrics::describe_counter!(REFUSED_CALLS, "Calls with a key that are not taken, by reason");
    metrics::describe_counter!(
        REFUSED_REPLIES,
        "Messages that want their answer elsewhere than in an inbox, by door"
    );
    metrics::describe_counter!(COMMITS, "Commits written by this process");
    metrics::describe_counter!(EVENTS, "Events written by this process");
    metrics::describe_counter!(FENCED, "Commits that lost their place to another writer");
    metrics::describe_counter!(POISON, "Commands that the rules fail on, by type");
    metrics::describe_counter!(COMMITS_READ_AGAIN, "Commits read again to tell an outcome again");
    metrics::describe_counter!(OUTCOMES_DECODED, "Outcomes told again that were not kept");
    metrics::describe_counter!(JOURNAL_APPENDS, "Records written to the journal");
    metrics::describe_counter!(JOURNAL_BYTES, "Bytes written to the journal");
    metrics::describe_counter!(JOURNAL_REPUBLISHED, "Lost commits that were published again");
    metrics::describe_counter!(READ_MODEL_DIFFERED, "Read models that were not what the log says");
    metrics::describe_counter!(JOURNAL_FAILURES, "Records that the journal could not take");
    metrics::describe_gauge!(LOG_SEQUENCE, "Last sequence known");
    metrics::describe_gauge!(BEHIND, "Commits that a read model is behind");
    metrics::describe_gauge!(WRITING, "1 while commands are taken");
    metrics::describe_gauge!(READY, "1 while nothing has failed");
    metrics::describe_gauge!(FINDING, "1 while this is not as it should be");
}
