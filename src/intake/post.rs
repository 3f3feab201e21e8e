//! The door for those who cannot wait: a durable queue, and the outcome on a subject of its own.

use async_nats::Client;
use bytes::Bytes;
use events::request::{Address, Via};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Answer, Document, Intake, ask};
use crate::health::Condition;
use crate::log::{Log, Posted};

use std::sync::Arc;

/// Posted commands worked on at the same time by this process.
const AT_ONCE_MAX: usize = 256;

/// Works on posted commands until `stop` is cancelled.
pub async fn serve(
    client: Client,
    log: Log,
    intake: Intake,
    stop: CancellationToken,
    tasks: TaskTracker,
) {
    let mut posts = log.posts();
    let places = Arc::new(Semaphore::new(AT_ONCE_MAX));
    let mut health = intake.writer().health().watch();
    loop {
        // While nothing is judged here, another process may.
        let ready = health.wait_for(Condition::takes_commands);
        if !matches!(stop.run_until_cancelled(ready).await, Some(Ok(_))) {
            return;
        }
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let Some(posted) = stop.run_until_cancelled(posts.next()).await else { return };
        let (client, intake, prefix) =
            (client.clone(), intake.clone(), log.settings().prefix.clone());
        tasks.spawn(async move {
            work(&client, &intake, &prefix, posted).await;
            drop(place);
        });
    }
}

/// Has a posted command judged, says the outcome, and only then takes it off the queue. After a
/// crash in between it is judged again and repeats its outcome.
async fn work(client: &Client, intake: &Intake, prefix: &str, posted: Posted) {
    let mut tokens = posted.subject().rsplit('.');
    let (kind, account) = (tokens.next().unwrap_or_default(), tokens.next().unwrap_or_default());
    let address = Address { account, kind, key: posted.header("Nats-Msg-Id"), via: Via::Nats };
    let answer = intake.judge(&address, posted.document(), posted.made_id(), false).await;
    if !answer.is_final() {
        return posted.again().await;
    }
    let Some(id) = &answer.command else {
        unanswerable(&answer, &posted);
        return posted.done().await;
    };
    let body = Bytes::from(answer.to_json());
    let subject = format!("{prefix}.outcome.{id}");
    let sent = client.publish_with_headers(subject, ask::headers(&answer), body).await;
    if let Err(error) = sent {
        tracing::debug!(%error, "an outcome was not said, the command comes again");
        return posted.again().await;
    }
    posted.done().await;
}

/// Says in the log that what was posted is no command and has no id to be answered by: nobody else
/// is told. What was posted is not repeated, it may be confidential.
fn unanswerable(answer: &Answer, posted: &Posted) {
    let Document::Problem(problem) = &answer.document else { return };
    tracing::warn!(
        sequence = posted.sequence(),
        subject = %posted.subject().escape_debug(),
        code = problem.code,
        detail = problem.detail,
        "a posted document is no command, and without a readable id nobody can be told"
    );
}
