//! Every bound of the HTTP server, and what happens at it.

use std::time::Duration;

/// What a server allows its clients. Each bound holds from outside: a route may be stricter, never
/// laxer.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections at once. For one more, the one that has done nothing for longest is closed; where
    /// all of them work, the new one is answered 503 `too_many_connections` and closed.
    pub connections: usize,
    /// Connections at once from one peer: an IPv4 address, or the /64 network of an IPv6 address.
    /// For one more, one of its own is closed, or it is answered as above. Proxies that are trusted
    /// stand for many and are bounded by `connections` alone.
    pub connections_per_peer: usize,
    /// From a connection's start, or the first byte of a later request, to the end of the request's
    /// head. A connection that takes longer is closed without an answer.
    pub head: Duration,
    /// How long a connection may wait for its next request; then it is closed. Over HTTP/2 it waits
    /// while no request is open, whatever pings it answers, and is told GOAWAY before.
    /// When [`CROWDED_PERCENT`] of the connections are taken it may only wait for `head`.
    pub idle: Duration,
    /// From the end of a request's head to the head of its response. A handler that takes longer is
    /// dropped and answered 503 `timeout`; a body that is still being waited for, 408
    /// `body_too_slow`. A response that streams (server-sent events) may take as long as it likes
    /// afterwards.
    pub request: Duration,
    /// How long a client may take no bytes of a response, or over HTTP/2 of all responses that are
    /// open, be it that it reads nothing or that it grants no window; then the connection is closed.
    pub write_stall: Duration,
    /// Bytes of a request's body, announced or counted. A longer one is answered 413
    /// `body_too_large`.
    pub body: usize,
    /// Bytes of a request's head. A longer one is answered 431, by the protocol library, without a
    /// document. Over HTTP/1.1 less than 8 KiB counts as 8 KiB.
    pub head_bytes: usize,
    /// Headers of a request. More are answered 431 `too_many_headers`; more than 100 over HTTP/1.1,
    /// by the protocol library, without a document.
    pub headers: usize,
    /// After stop, how long requests in flight may go on; then they are dropped.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1_024,
            connections_per_peer: 256,
            head: Duration::from_secs(5),
            // Above the 60 s of common load balancers, which else send into a closing connection.
            idle: Duration::from_secs(75),
            request: Duration::from_secs(15),
            write_stall: Duration::from_secs(30),
            body: 256 * 1024,
            head_bytes: 16 * 1024,
            headers: 64,
            grace: GRACE,
        }
    }
}

/// What requests in flight get after stop, unless [`Limits::grace`] says otherwise.
pub const GRACE: Duration = Duration::from_secs(5);

/// Of [`Limits::connections`]: from here on idle connections make room.
pub const CROWDED_PERCENT: usize = 75;

/// How long a connection must have done nothing before it is closed for a new one: longer than a
/// client needs between two requests.
pub(super) const LEAST_REST: Duration = Duration::from_secs(1);

/// Connections that were closed for new ones and have not ended yet. At so many the new one is
/// refused: they are above [`Limits::connections`] for up to [`LINGER`].
pub(super) const LEAVING_MAX: usize = 64;

/// The protocol library panics on a smaller buffer.
pub(super) const LEAST_HEAD_BYTES: usize = 8 * 1024;

/// Wait after `accept` failed for want of something (descriptors, memory), so as not to spin until
/// some is free again.
pub(super) const ACCEPT_BACKOFF: Duration = Duration::from_millis(50);

/// Connections above the limit that are being told so at once; more are closed without a word.
pub(super) const REFUSALS_AT_ONCE: usize = 64;

/// Refused connections are logged at most this often, so that a flood of them does not fill the
/// log.
pub(super) const WARN_EVERY: Duration = Duration::from_secs(60);

/// How long a connection above the limit may take to send something and to take its answer.
pub(super) const REFUSAL: Duration = Duration::from_secs(1);

/// How long a closing connection is read on, so that a client that is still sending gets to read
/// the answer instead of a reset.
pub(super) const LINGER: Duration = Duration::from_secs(1);

/// Seconds in the `Retry-After` of a 503 of this module.
pub(super) const RETRY_AFTER: u64 = 1;

/// The bounds of an HTTP/2 connection.
pub(super) mod h2 {
    use std::time::Duration;

    /// Requests at once on one connection. The protocol refuses one more stream.
    pub(in super::super) const STREAMS: u32 = 100;
    /// How often a connection is asked whether it lives, and how long it may take to say so; then
    /// it is closed.
    pub(in super::super) const PING: Duration = Duration::from_secs(10);
    pub(in super::super) const PONG: Duration = Duration::from_secs(10);
    /// Streams that the client reset before they were looked at, and streams that we reset for the
    /// client's errors. At more the connection is closed (rapid reset).
    pub(in super::super) const RESET_BY_CLIENT: usize = 20;
    pub(in super::super) const RESET_BY_US: usize = 100;
    /// What a client may send ahead of what handlers read, on a connection and on a stream of it.
    /// It has to wait then.
    pub(in super::super) const CONNECTION_WINDOW: u32 = 256 * 1024;
    pub(in super::super) const STREAM_WINDOW: u32 = 64 * 1024;
    /// Response bytes held for a stream whose client does not read. The handler's stream waits
    /// then.
    pub(in super::super) const SEND_BUFFER: usize = 64 * 1024;
}
