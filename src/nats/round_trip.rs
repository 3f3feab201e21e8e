//! Knowing that the server has taken what was sent to it before.
//!
//! Neither publishing nor subscribing is acknowledged: both only reach the socket. A message to an
//! inbox of our own that comes back has gone the same way after them. Those who wait at the same
//! time share one.

use std::time::Duration;

use async_nats::{Client, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::sync::{mpsc, oneshot};

/// How long one may take before it counts as failed.
const LIMIT: Duration = Duration::from_secs(2);

/// Those who may wait for the next one.
const WAITING_MAX: usize = 1_024;

/// Round trips over one connection. Cheap to clone.
#[derive(Debug, Clone)]
pub struct RoundTrip(mpsc::Sender<oneshot::Sender<()>>);

impl RoundTrip {
    /// Begins to make them; ends when nobody can ask any more.
    pub fn over(client: Client) -> RoundTrip {
        let (asks, waiting) = mpsc::channel(WAITING_MAX);
        tokio::spawn(make(client, waiting));
        RoundTrip(asks)
    }

    /// Waits until the server has taken whatever was sent before; `false` where it is not known in
    /// time.
    pub async fn settled(&self) -> bool {
        let (told, settled) = oneshot::channel();
        self.0.send(told).await.is_ok() && settled.await.is_ok()
    }
}

async fn make(client: Client, mut waiting: mpsc::Receiver<oneshot::Sender<()>>) {
    let mut asks = Vec::with_capacity(WAITING_MAX);
    let mut inbox: Option<(String, Subscriber)> = None;
    for number in 0_u64.. {
        if waiting.recv_many(&mut asks, WAITING_MAX).await == 0 {
            return;
        }
        if inbox.is_none() {
            let subject = client.new_inbox();
            inbox = client.subscribe(subject.clone()).await.ok().map(|it| (subject, it));
        }
        let Some((subject, messages)) = &mut inbox else {
            asks.clear();
            continue;
        };
        let payload = Bytes::copy_from_slice(&number.to_be_bytes());
        let back = async {
            client.publish(subject.clone(), payload.clone()).await.ok()?;
            // An earlier one may come late.
            while messages.next().await?.payload != payload {}
            Some(())
        };
        match tokio::time::timeout(LIMIT, back).await {
            Ok(Some(())) => {
                for ask in asks.drain(..) {
                    let _ = ask.send(());
                }
            }
            Ok(None) | Err(_) => {
                asks.clear();
                inbox = None;
            }
        }
    }
}
