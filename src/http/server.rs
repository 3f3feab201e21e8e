//! The accept loop: connections with deadlines, limits and a clean end, around any router.
//!
//! Both `Content-Length` and `Transfer-Encoding` in one request: hyper 1.12 lets
//! `Transfer-Encoding` win, takes `Content-Length` away before anyone sees the request, and closes
//! the connection after the answer, as RFC 9112 section 6.3 asks. A proxy that reads it the other
//! way can therefore smuggle nothing past that one request. It cannot be refused here with 400:
//! nothing is left to tell it by.

mod body;
mod client;
mod front;
mod guard;
mod io;
pub mod limits;
mod proxies;
mod pulse;
mod refuse;
pub mod request_id;
mod site;
mod slots;
mod watch;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::http::{Request, Version};
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::service::service_fn;
use hyper_util::rt::TokioTimer;
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use guard::Guard;
use limits::{ACCEPT_BACKOFF, LEAST_HEAD_BYTES, REFUSALS_AT_ONCE, WARN_EVERY, h2};
use proxies::Proxies;
use pulse::Pulse;
use request_id::RequestIds;
use site::Names;
use slots::{Full, Slot, Slots};

pub use client::Client;
pub use front::Front;
pub use limits::Limits;
pub use request_id::RequestId;

/// Serves `app` to whoever connects, HTTP/1.1 or HTTP/2 in clear, until `stop`. When it returns no
/// handler of it runs any more.
///
/// Each request has its [`RequestId`] and the [`Client`] that sent it in its extensions.
pub async fn serve(
    listener: TcpListener,
    app: Router,
    limits: Limits,
    front: Front,
    stop: CancellationToken,
) {
    // Where it is not known, the stricter rules hold.
    let loopback = listener.local_addr().map_or(true, |it| it.ip().is_loopback());
    let names = Names { loopback, public: front.public_url };
    let proxies = Proxies::new(front.trusted_proxy);
    let mut server = Server::new(app, limits, stop.clone(), (names, proxies));
    let mut connections = JoinSet::new();
    let mut troubled = false;
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            Some(ended) = connections.join_next() => {
                log_panic(ended);
                continue;
            }
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                troubled = false;
                server.admit(&mut connections, stream, peer);
            }
            // That client has left already; the next one is not to blame.
            Err(error) if is_of_client(error.kind()) => {}
            Err(error) => {
                if !std::mem::replace(&mut troubled, true) {
                    tracing::error!(%error, "cannot accept connections");
                }
                tokio::select! {
                    () = stop.cancelled() => break,
                    () = sleep(ACCEPT_BACKOFF) => {}
                }
            }
        }
    }
    drop(listener);
    server.slots.close();
    let all = async {
        while let Some(ended) = connections.join_next().await {
            log_panic(ended);
        }
    };
    if timeout(server.guard.limits.grace, all).await.is_err() {
        tracing::warn!(connections = connections.len(), "requests in flight are dropped");
    }
    connections.shutdown().await;
    server.streams.end().await;
}

struct Server {
    guard: Arc<Guard>,
    slots: Arc<Slots>,
    refusals: Arc<Semaphore>,
    /// When the log last said that connections are refused.
    warned: Option<Instant>,
    streams: Streams,
    builder: auto::Builder<Streams>,
}

impl Server {
    fn new(
        app: Router,
        limits: Limits,
        stop: CancellationToken,
        (names, proxies): (Names, Proxies),
    ) -> Self {
        let streams = Streams::default();
        Self {
            slots: Slots::new(&limits),
            refusals: Arc::new(Semaphore::new(REFUSALS_AT_ONCE)),
            warned: None,
            builder: builder(&limits, streams.clone()),
            streams,
            // `with_state` finishes the routes once instead of at each request.
            guard: Arc::new(Guard {
                app: app.with_state(()),
                limits: Arc::new(limits),
                stop,
                ids: RequestIds::new(),
                names,
                proxies,
            }),
        }
    }

    fn admit(&mut self, connections: &mut JoinSet<()>, stream: TcpStream, peer: SocketAddr) {
        let (pulse, is_proxy) = (Pulse::new(), self.guard.proxies.trust(peer.ip()));
        match self.slots.take(peer.ip(), is_proxy, &pulse) {
            Ok(slot) => {
                connections.spawn(self.connection(stream, peer, pulse, slot));
            }
            Err(full) => self.refuse(connections, stream, peer, full),
        }
    }

    fn refuse(&mut self, to: &mut JoinSet<()>, stream: TcpStream, peer: SocketAddr, full: Full) {
        if self.warned.is_none_or(|at| at.elapsed() >= WARN_EVERY) {
            self.warned = Some(Instant::now());
            tracing::warn!(%peer, ?full, "connections are refused");
        }
        let Ok(permit) = Arc::clone(&self.refusals).try_acquire_owned() else { return };
        let (id, stop) = (self.guard.ids.make(), self.guard.stop.clone());
        to.spawn(async move {
            stop.run_until_cancelled(refuse::refuse(stream, full, id)).await;
            drop(permit);
        });
    }

    fn connection(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        pulse: Arc<Pulse>,
        slot: Slot,
    ) -> impl Future<Output = ()> + use<> {
        let guard = Arc::clone(&self.guard);
        let (limits, slots) = (Arc::clone(&guard.limits), Arc::clone(&self.slots));
        let builder = self.builder.clone();
        async move {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%peer, %error, "cannot set TCP_NODELAY");
            }
            let socket = io::Socket::new(stream, Arc::clone(&pulse));
            let of_requests = Arc::clone(&pulse);
            let service = service_fn(move |request: Request<Incoming>| {
                of_requests.head_complete(request.version() == Version::HTTP_2);
                Arc::clone(&guard).answer(peer, Arc::clone(&of_requests), request)
            });
            let connection = builder.serve_connection(socket, service);
            match watch::watch(connection, &pulse, &limits, &slots).await {
                Some(Ok(())) => {}
                Some(Err(error)) => tracing::debug!(%peer, error, "a connection failed"),
                None => tracing::debug!(%peer, "a connection was too slow"),
            }
            drop(slot);
        }
    }
}

fn builder(limits: &Limits, streams: Streams) -> auto::Builder<Streams> {
    let mut builder = auto::Builder::new(streams);
    builder
        .http1()
        // The watch has this deadline, and others.
        .header_read_timeout(None)
        .max_buf_size(limits.head_bytes.max(LEAST_HEAD_BYTES));
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(h2::STREAMS)
        .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
        .keep_alive_interval(h2::PING)
        .keep_alive_timeout(h2::PONG)
        .max_pending_accept_reset_streams(h2::RESET_BY_CLIENT)
        .max_local_error_reset_streams(h2::RESET_BY_US)
        .initial_connection_window_size(h2::CONNECTION_WINDOW)
        .initial_stream_window_size(h2::STREAM_WINDOW)
        .max_send_buf_size(h2::SEND_BUFFER);
    builder
}

/// Where requests of HTTP/2 run: beside their connection, but not longer than the server.
#[derive(Debug, Clone, Default)]
struct Streams {
    tasks: TaskTracker,
    end: CancellationToken,
}

impl Streams {
    async fn end(&self) {
        self.end.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Streams {
    fn execute(&self, stream: F) {
        let end = self.end.clone();
        self.tasks.spawn(async move { end.run_until_cancelled_owned(stream).await });
    }
}

fn is_of_client(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::ConnectionRefused
    )
}

/// A handler's panic is caught around the handler; what arrives here came out of a response's
/// stream.
fn log_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a connection panicked");
    }
}

#[cfg(test)]
mod tests;
