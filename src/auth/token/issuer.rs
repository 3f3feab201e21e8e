//! Which keys the issuer has, as far as it is known now.
//!
//! One task reads them, now and then and when a token names one that is not known. So however many
//! such tokens come, the issuer is asked by one and not often; and whoever waits for it, waits for
//! the one answer. An issuer that does not answer changes nothing: what is known stays known.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Denied;
use super::form::Header;
use super::jwks::{Jwks, PublicKey};
use super::source::{READ_LIMIT, Source, Unread};

/// How often keys are read anew, whoever asks.
const REFRESH: Duration = Duration::from_secs(600);

/// How often they are tried again after they could not be read.
const RETRY: Duration = Duration::from_secs(30);

/// How often tokens with a key that is not known may have them read.
const ASKED_EVERY: Duration = Duration::from_secs(30);

/// Calls that wait for keys to be read. More are told at once that they are not known.
const WAITING_MAX: usize = 256;

/// How long one waits: a little longer than reading takes at most.
const WAIT: Duration = READ_LIMIT.saturating_add(Duration::from_secs(1));

/// The keys of the issuer.
#[derive(Debug)]
pub(super) struct Issuer {
    known: watch::Sender<Known>,
    /// That a key is missing.
    missed: Notify,
    waiting: Semaphore,
}

#[derive(Debug, Clone)]
struct Known {
    keys: Option<Arc<Jwks>>,
    /// How often they were tried to read.
    tries: u64,
    /// Whether they could not be read the last time.
    failing: bool,
    /// Whether they are being read now.
    reading: bool,
    /// From when on a token may have them read.
    open_from: Instant,
}

impl Issuer {
    /// With the keys that are known already.
    pub(super) fn new(keys: Option<Jwks>) -> Issuer {
        let keys = keys.map(Arc::new);
        // What is not known yet is about to be read.
        let (reading, open_from) = (keys.is_none(), Instant::now());
        let known = Known { keys, tries: 0, failing: false, reading, open_from };
        let (known, missed) = (watch::Sender::new(known), Notify::new());
        Issuer { known, missed, waiting: Semaphore::new(WAITING_MAX) }
    }

    /// The key that a token means. One that is not known is looked for.
    pub(super) async fn find(&self, header: &Header) -> Result<Arc<PublicKey>, Denied> {
        let mut watching = self.known.subscribe();
        // Once for what is being read already, and may be older than the key; once for what is read
        // for it.
        for _ in 0..2 {
            let known = watching.borrow_and_update().clone();
            if let Some(found) = known.keys.as_ref().and_then(|it| it.find(header)) {
                return found;
            }
            if !known.reading && Instant::now() < known.open_from {
                break;
            }
            let Ok(_waiting) = self.waiting.try_acquire() else { return Err(Denied::Unavailable) };
            if !known.reading {
                self.missed.notify_one();
            }
            let read = watching.wait_for(|it| it.tries > known.tries);
            let read = tokio::time::timeout(WAIT, read).await;
            if !matches!(read, Ok(Ok(_))) {
                return Err(Denied::Unavailable);
            }
        }
        let known = watching.borrow().clone();
        match known.keys.as_ref().and_then(|it| it.find(header)) {
            Some(found) => found,
            // Whether there is such a key is not known where the issuer does not say.
            None if known.failing || known.keys.is_none() => Err(Denied::Unavailable),
            None => Err(Denied::Key),
        }
    }

    /// Whether the issuer has this key.
    pub(super) fn has(&self, fingerprint: [u8; 32]) -> bool {
        self.known.borrow().keys.as_ref().is_some_and(|it| it.has(fingerprint))
    }

    /// Reads the keys, again and again, until it is told to stop.
    pub(super) async fn keep(self: Arc<Self>, source: Source, stop: CancellationToken) {
        let mut next = match self.known.borrow().keys {
            Some(_) => Instant::now() + REFRESH,
            None => Instant::now(),
        };
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep_until(next) => {}
                () = self.missed.notified() => {
                    let now = Instant::now();
                    // Whoever missed it may have missed that it was being read, too.
                    if now < self.known.borrow().open_from {
                        continue;
                    }
                    self.known.send_modify(|it| it.open_from = now + ASKED_EVERY);
                }
            }
            self.known.send_modify(|it| it.reading = true);
            let read = tokio::select! {
                () = stop.cancelled() => return,
                read = source.read() => read,
            };
            next = Instant::now() + if read.is_ok() { REFRESH } else { RETRY };
            self.took(read, &source);
        }
    }

    /// Takes note of what was read. Only changes are told.
    fn took(&self, read: Result<Jwks, Unread>, source: &Source) {
        let failed = self.known.borrow().failing;
        match &read {
            Ok(keys) if failed => {
                tracing::info!(%source, keys = keys.len(), "the keys of the issuer are read again");
            }
            Ok(keys) => {
                tracing::debug!(%source, keys = keys.len(), "the keys of the issuer are read")
            }
            Err(error) if failed => tracing::debug!(%source, %error, "the keys of the issuer"),
            Err(error) => tracing::warn!(
                %source, %error,
                "the keys of the issuer cannot be read: those that are known stay, and it is tried again"
            ),
        }
        self.known.send_modify(|it| {
            it.tries += 1;
            it.reading = false;
            it.failing = read.is_err();
            if let Ok(keys) = read {
                it.keys = Some(Arc::new(keys));
            }
        });
    }
}

#[cfg(test)]
mod tests;
