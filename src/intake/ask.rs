//! The doors for those who wait: requests and replies, one subscription a door.
//!
//! A door is open exactly while writing is ready, so that a process which reads its log, or has
//! stopped, takes nothing that another one could do.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::{Client, HeaderMap, Message, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::discovery::Discovery;
use super::door::Door;
use super::{Answer, Document, Keeper, reply};
use crate::health::Condition;
use crate::nats::RoundTrip;
use crate::writer::Unavailable;

/// Commands under way at once, through one door. More are told `overloaded`.
const AT_ONCE_MAX: usize = 8_192;

/// The queue group of the doors: of all processes of a ledger one gets a command. It is the one that
/// NATS services have by default.
pub(super) const QUEUE: &str = "q";

/// Pause before a subscription that was not made is tried again.
const RETRY_PAUSE: Duration = Duration::from_millis(250);

/// A door closes after so many more messages, then after fewer. See [`Asked::close`].
const LAST_ONES: [u64; 3] = [256, 16, 1];

/// How long each of these may take to come.
const LAST_ONES_WITHIN: Duration = Duration::from_millis(10);

/// How long what the server has sent before it knew may take to come.
const DRAIN_LIMIT: Duration = Duration::from_millis(200);

/// Header of a reply that carries the sequence.
pub const SEQUENCE: &str = "Seatledger-Sequence";

/// What the doors have in common.
#[derive(Debug)]
struct Asked {
    client: Client,
    sent: RoundTrip,
    keeper: Keeper,
    discovery: Discovery,
    refused: reply::Refused,
    places: Arc<Semaphore>,
    opened: Opened,
    closing: CancellationToken,
    tasks: TaskTracker,
}

/// The two doors, and the three subjects under which services are looked for.
const SUBSCRIPTIONS: usize = Door::ASKED.len() + 3;

/// Whether all doors are open, for those who wait for it.
#[derive(Debug, Clone)]
pub struct Opened(watch::Sender<usize>);

impl Opened {
    /// Waits until all are.
    pub async fn all(&self) {
        // An error never comes: this holds the other end.
        let _ = self.0.subscribe().wait_for(|it| *it >= SUBSCRIPTIONS).await;
    }

    fn one(&self) {
        self.0.send_modify(|it| *it += 1);
    }

    fn one_less(&self) {
        self.0.send_modify(|it| *it = it.saturating_sub(1));
    }
}

/// Opens the doors whenever writing is ready, until `closing` is cancelled. Answers go out over
/// `client`.
pub fn serve(
    (client, sent): (Client, RoundTrip),
    prefix: &str,
    keeper: &Keeper,
    closing: &CancellationToken,
    tasks: &TaskTracker,
) -> Opened {
    let asked = Arc::new(Asked {
        client,
        sent,
        keeper: keeper.clone(),
        discovery: Discovery::new(prefix),
        refused: reply::Refused::default(),
        places: Arc::new(Semaphore::new(AT_ONCE_MAX)),
        opened: Opened(watch::Sender::new(0)),
        closing: closing.clone(),
        tasks: tasks.clone(),
    });
    for door in Door::ASKED {
        tasks.spawn(asked.clone().keep(door.subjects(prefix), What::Commands(door)));
    }
    for subject in asked.discovery.subjects() {
        tasks.spawn(asked.clone().keep(subject, What::Discovery));
    }
    asked.opened.clone()
}

/// Waits until writing is ready; `false` where the door closes for good instead.
pub(super) async fn ready(
    health: &mut watch::Receiver<Condition>,
    closing: &CancellationToken,
) -> bool {
    let ready = health.wait_for(Condition::takes_commands);
    matches!(closing.run_until_cancelled(ready).await, Some(Ok(_)))
}

/// Waits until a door is to close: writing has stopped, or the process stops.
async fn closes(health: &mut watch::Receiver<Condition>, closing: &CancellationToken) {
    let stopped = health.wait_for(|it| !it.takes_commands());
    let _ = closing.run_until_cancelled(stopped).await;
}

/// What comes in over a subscription.
#[derive(Debug, Clone, Copy)]
enum What {
    Commands(Door),
    Discovery,
}

impl Asked {
    /// Opens whenever writing is ready, and closes whenever it is not.
    async fn keep(self: Arc<Self>, subject: String, what: What) {
        let mut health = self.keeper.intake.writer().health().watch();
        while ready(&mut health, &self.closing).await {
            match self.open(&subject, what).await {
                Some(subscriber) => {
                    self.opened.one();
                    self.take(subscriber, what, &mut health).await;
                    self.opened.one_less();
                }
                None => tokio::time::sleep(RETRY_PAUSE).await,
            }
        }
    }

    /// Subscribes, and knows that the server has heard of it.
    async fn open(&self, subject: &str, what: What) -> Option<Subscriber> {
        let subject = subject.to_owned();
        let subscriber = match what {
            What::Commands(_) => self.client.queue_subscribe(subject, QUEUE.to_owned()).await,
            What::Discovery => self.client.subscribe(subject).await,
        };
        let subscriber = match subscriber {
            Ok(subscriber) => subscriber,
            Err(error) => {
                tracing::warn!(%error, "a door does not open");
                return None;
            }
        };
        // Where it is not known, the subscription is there all the same once the server is.
        self.sent.settled().await;
        Some(subscriber)
    }

    async fn take(
        self: &Arc<Self>,
        mut subscriber: Subscriber,
        what: What,
        health: &mut watch::Receiver<Condition>,
    ) {
        let mut taken = 0;
        let mut closes = std::pin::pin!(closes(health, &self.closing));
        loop {
            tokio::select! {
                biased;
                () = &mut closes => break,
                message = subscriber.next() => match message {
                    Some(message) => {
                        taken += 1;
                        self.begin(message, what);
                    }
                    None => return,
                },
            }
        }
        self.close(subscriber, taken, what).await;
    }

    /// Takes the last ones and unsubscribes.
    ///
    /// The client library forgets a subscription when it says so to the server, and drops what the
    /// server has sent before it heard. So it is told to end *after* some messages more: then both
    /// sides end it at the same one. Where they do not come it is told fewer; what comes so seldom
    /// is hardly on its way just when the end is said.
    async fn close(self: &Arc<Self>, mut subscriber: Subscriber, mut taken: u64, what: What) {
        for more in LAST_ONES {
            if subscriber.unsubscribe_after(taken + more).await.is_err() {
                return;
            }
            let within = tokio::time::Instant::now() + LAST_ONES_WITHIN;
            while let Ok(message) = tokio::time::timeout_at(within, subscriber.next()).await {
                let Some(message) = message else { return };
                taken += 1;
                self.begin(message, what);
            }
        }
        if subscriber.drain().await.is_ok() {
            let within = tokio::time::Instant::now() + DRAIN_LIMIT;
            while let Ok(Some(message)) = tokio::time::timeout_at(within, subscriber.next()).await {
                self.begin(message, what);
            }
        }
    }

    /// Answers a message, beside the others.
    fn begin(self: &Arc<Self>, message: Message, what: What) {
        match what {
            What::Commands(door) => {
                let place = self.places.clone().try_acquire_owned();
                let asked = self.clone();
                self.tasks.spawn(async move {
                    match place {
                        Ok(_place) => asked.answer(&message, door, true).await,
                        Err(_) => asked.answer(&message, door, false).await,
                    }
                });
            }
            What::Discovery => {
                let asked = self.clone();
                self.tasks.spawn(async move { asked.describe(message).await });
            }
        }
    }

    async fn answer(&self, message: &Message, door: Door, has_place: bool) {
        if let Some(reply) = message.reply.as_deref()
            && !reply::is_inbox(reply)
        {
            return self.refused.count(door.word(), &message.subject, reply);
        }
        let begin = Instant::now();
        let (key, document) = (key(message.headers.as_ref()), &message.payload);
        let answer = match door.address(&message.subject, key) {
            Ok(address) if has_place => {
                let headers = message.headers.as_ref();
                match self.keeper.let_in((door, &address), headers, document).await {
                    Ok(sender) => sender.send(&address, document).await,
                    Err(answer) => answer,
                }
            }
            Ok(address) => super::unjudged(&Unavailable::Overloaded, &address, document),
            Err(stray) => {
                let malformed = stray.malformed(door, &message.subject);
                super::malformed::answer(&malformed, &stray.address(key), document)
            }
        };
        if let Some(kind) = message.subject.rsplit('.').next().and_then(|it| it.parse().ok()) {
            self.discovery.note(kind, &answer, begin.elapsed());
        }
        let body = answer.to_json();
        self.reply(message, Some(headers(&answer)), body).await;
    }

    async fn describe(&self, message: Message) {
        let Some(body) = self.discovery.answer(&message.subject) else { return };
        if let Some(reply) = message.reply.as_deref()
            && !reply::is_inbox(reply)
        {
            return self.refused.count(reply::DISCOVERY, &message.subject, reply);
        }
        self.reply(&message, None, body).await;
    }

    async fn reply(&self, message: &Message, headers: Option<HeaderMap>, body: Bytes) {
        // Nobody waits: whoever wants to know asks by the command's id.
        let Some(reply) = message.reply.clone() else { return };
        let sent = match headers {
            Some(headers) => self.client.publish_with_headers(reply, headers, body).await,
            None => self.client.publish(reply, body).await,
        };
        if let Err(error) = sent {
            tracing::debug!(%error, "an answer was not sent");
        }
    }
}

/// The idempotency key beside the body.
pub(super) fn key(headers: Option<&HeaderMap>) -> Option<&str> {
    Some(headers?.get("Nats-Msg-Id")?.as_str())
}

/// What a reply says beside its body: the sequence, or the error the way NATS services say it.
pub(super) fn headers(answer: &Answer) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Some(sequence) = answer.sequence {
        headers.insert(SEQUENCE, sequence.to_string().as_str());
    }
    match &answer.document {
        Document::Accepted(_) => headers.insert("Content-Type", "application/json"),
        Document::Problem(problem) => {
            headers.insert("Content-Type", "application/problem+json");
            headers.insert("Nats-Service-Error", problem.code.as_str());
            headers.insert("Nats-Service-Error-Code", problem.status.to_string().as_str());
        }
    }
    headers
}
