//! Bodies with an end: a request's at its limit, an event stream's at stop. And who is told of it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};

use axum::BoxError;
use axum::body::{Body, Bytes};
use hyper::body::{Frame, Incoming, SizeHint};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::pulse::{Pulse, Stream};

/// How far the reading of a request's body has come. Seen by who waits for the handler, so that a
/// slow client is told apart from a slow handler.
#[derive(Debug, Clone, Default)]
pub(super) struct Progress(Arc<AtomicU8>);

const UNREAD: u8 = 0;
const WAITING: u8 = 1;
const COMPLETE: u8 = 2;
const TOO_LARGE: u8 = 3;

impl Progress {
    /// The handler waits for the client's next bytes.
    pub(super) fn is_waiting(&self) -> bool {
        self.0.load(Ordering::Relaxed) == WAITING
    }

    pub(super) fn is_complete(&self) -> bool {
        self.0.load(Ordering::Relaxed) == COMPLETE
    }

    pub(super) fn is_too_large(&self) -> bool {
        self.0.load(Ordering::Relaxed) == TOO_LARGE
    }

    // The flag orders nothing else: whoever reads it polled the body in the same task.
    fn set(&self, to: u8) {
        self.0.store(to, Ordering::Relaxed);
    }
}

/// A request's body that fails after `left` more bytes.
#[derive(Debug)]
pub(super) struct Limited {
    inner: Incoming,
    left: usize,
    progress: Progress,
}

impl Limited {
    pub(super) fn new(inner: Incoming, limit: usize, progress: Progress) -> Self {
        Self { inner, left: limit, progress }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the body is larger than the limit")]
struct TooLarge;

impl hyper::body::Body for Limited {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.progress.is_too_large() {
            return Poll::Ready(Some(Err(TooLarge.into())));
        }
        self.progress.set(WAITING);
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx)).transpose()?;
        self.progress.set(if self.inner.is_end_stream() || frame.is_none() {
            COMPLETE
        } else {
            UNREAD
        });
        let bytes = frame.as_ref().and_then(Frame::data_ref).map_or(0, Bytes::len);
        match self.left.checked_sub(bytes) {
            Some(left) => self.left = left,
            None => {
                self.progress.set(TOO_LARGE);
                return Poll::Ready(Some(Err(TooLarge.into())));
            }
        }
        Poll::Ready(frame.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// A response's body that is not done with when its handler is.
pub(super) struct Streamed {
    inner: Body,
    /// Ends the body, as if its source had ended.
    stop: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    told: Told,
}

/// Who is told how far a response's body is.
pub(super) enum Told {
    /// A connection of HTTP/1.1, when the body is done with.
    Connection(Arc<Pulse>),
    /// A stream of HTTP/2, with every piece. It ends with the body.
    Stream(Stream),
}

impl Streamed {
    pub(super) fn new(inner: Body, stop: Option<CancellationToken>, told: Told) -> Self {
        Self { inner, stop: stop.map(|stop| Box::pin(stop.cancelled_owned())), told }
    }
}

impl Drop for Streamed {
    fn drop(&mut self) {
        match &self.told {
            Told::Connection(pulse) => pulse.answered(),
            Told::Stream(_) => {}
        }
    }
}

impl hyper::body::Body for Streamed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if let Some(stop) = &mut self.stop
            && stop.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(None);
        }
        let frame = Pin::new(&mut self.inner).poll_frame(cx);
        if let Told::Stream(stream) = &mut self.told {
            // The protocol asks for the next piece when the client has taken this one.
            stream.waits_for_client(frame.is_ready());
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
