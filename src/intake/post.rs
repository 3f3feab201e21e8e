//! The door for those who cannot wait: a durable queue, and the outcome on a subject of its own.

use std::sync::Arc;

use async_nats::Client;
use events::By;
use events::request::Address;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::ask::ready;
use super::{Answer, Document, Door, Keeper, ask, dead_letter};
use crate::log::{Log, Posted, Posts, Pulled};
use crate::nats::RoundTrip;
use crate::refusals::{self, ToKeep};

/// Posted commands worked on at the same time by this process.
const AT_ONCE_MAX: usize = 256;

/// What the door needs.
#[derive(Debug, Clone)]
pub struct Parts {
    /// Over what outcomes go out.
    pub client: Client,
    /// How it is known that the server has them.
    pub sent: RoundTrip,
    /// Where the queue is.
    pub log: Log,
    /// Who lets in, and judges.
    pub keeper: Keeper,
    /// Where refusals are kept.
    pub refusals: mpsc::WeakSender<ToKeep>,
}

/// Works on posted commands whenever writing is ready, until `closing` is cancelled.
pub async fn serve(parts: Parts, closing: CancellationToken, tasks: TaskTracker) {
    let mut posts = parts.log.posts();
    let places = Arc::new(Semaphore::new(AT_ONCE_MAX));
    let mut health = parts.keeper.intake.writer().health().watch();
    let parts = Arc::new(parts);
    while ready(&mut health, &closing).await {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let mut taken = vec![place];
        while let Ok(place) = places.clone().try_acquire_owned() {
            taken.push(place);
        }
        let pulled = posts.pull(taken.len()).await;
        parts.take((&mut posts, pulled), taken, &tasks).await;
    }
}

impl Parts {
    /// Works on what one request brings. Once writing has stopped the rest goes back, but only when
    /// the request is over: else it would come here again.
    async fn take(
        self: &Arc<Self>,
        (posts, mut pulled): (&mut Posts, Pulled),
        mut places: Vec<OwnedSemaphorePermit>,
        tasks: &TaskTracker,
    ) {
        let mut back = vec![];
        while let Some(posted) = pulled.next().await {
            match posted {
                Ok(posted) if self.is_ready() => {
                    let (parts, place) = (self.clone(), places.pop());
                    tasks.spawn(async move {
                        parts.work(posted).await;
                        drop(place);
                    });
                }
                Ok(posted) => back.push(posted),
                Err(error) => {
                    tracing::debug!(%error, "reading posted commands is interrupted");
                    posts.rest().await;
                    break;
                }
            }
        }
        for posted in back {
            posted.back().await;
        }
    }

    fn is_ready(&self) -> bool {
        self.keeper.intake.writer().health().condition().takes_commands()
    }

    /// Has a posted command judged, says the outcome, and only then takes it off the queue. After a
    /// crash in between it is judged again and repeats its outcome.
    async fn work(&self, posted: Posted) {
        let key = posted.header("Nats-Msg-Id");
        let address = match Door::Post.address(posted.subject(), key) {
            Ok(address) => address,
            Err(stray) => stray.address(key),
        };
        let (document, made) = (posted.document(), posted.made_id());
        let let_in = self.keeper.let_in((Door::Post, &address), posted.headers(), document).await;
        let (by, answer) = match let_in {
            Ok(sender) => (sender.by(), sender.judge(&address, document, made, false).await),
            Err(answer) => (By::nats_command(), answer),
        };
        if !answer.is_final() {
            // Writing has stopped: the pause before it comes again would be everybody's.
            return match self.is_ready() {
                true => posted.again().await,
                false => posted.back().await,
            };
        }
        if !self.is_kept((&address, by), &answer, &posted).await
            || !self.is_said(address.account, &answer, &posted).await
        {
            return posted.again().await;
        }
        posted.done().await;
    }

    /// Whether it is kept why a command did not happen. The writer keeps what it has refused; what is
    /// no command is kept here.
    async fn is_kept(
        &self,
        (address, by): (&Address<'_>, By),
        answer: &Answer,
        posted: &Posted,
    ) -> bool {
        let Document::Problem(_) = &answer.document else { return true };
        if let Some(letter) = dead_letter::of(address, by, answer, posted) {
            let Some(refusals) = self.refusals.upgrade() else { return false };
            if refusals.send(ToKeep::Refused(letter.into())).await.is_err() {
                return false;
            }
        }
        refusals::kept(&self.refusals).await
    }

    /// Says an outcome, and whether the server has it.
    async fn is_said(&self, account: &str, answer: &Answer, posted: &Posted) -> bool {
        let Some(id) = &answer.command else {
            unanswerable(answer, posted);
            return true;
        };
        // Where the account cannot be one there is no subject of it.
        if events::AccountId::new(account).is_err() {
            unanswerable(answer, posted);
            return true;
        }
        let body = answer.to_json();
        let subject = format!("{}.outcome.{account}.{id}", self.log.settings().prefix);
        let sent = self.client.publish_with_headers(subject, ask::headers(answer), body).await;
        if let Err(error) = sent {
            tracing::debug!(%error, "an outcome was not said, the command comes again");
            return false;
        }
        self.sent.settled().await
    }
}

/// Says in the log that what was posted is no command and has no id to be answered by: who posted it
/// is not told. What was posted is not repeated, it may be confidential.
fn unanswerable(answer: &Answer, posted: &Posted) {
    let Document::Problem(problem) = &answer.document else { return };
    tracing::warn!(
        sequence = posted.sequence(),
        subject = %posted.subject().escape_debug(),
        code = problem.code,
        detail = problem.detail,
        "a posted document is no command, and nobody can be told: it has no id that can be read, or its \
         account cannot be one"
    );
}
