//! The server from outside: raw bytes over loopback, with limits small enough to wait for.

mod answers;
mod deadlines;
mod flood;
mod holding;
mod http2;
mod limits;
mod stop;
mod wire;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Extension, State};
use axum::http::{Request, StatusCode};
use axum::response::sse::{Event, Sse};
use axum::routing::{get, post};
use futures_util::{Stream, StreamExt as _, stream};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{Client, Front, Limits, RequestId, serve};
use crate::http::problem::{Problem, method_not_allowed, not_found};

/// Longer than anything here takes; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// How late something may come that the server does in time: far above what a slow machine needs, and
/// below what would come instead.
const LATE: Duration = Duration::from_secs(4);

/// What `/big` answers: more than the sockets between server and client hold.
const BIG: usize = 32 * 1024 * 1024;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A server with the routes below.
struct Running {
    address: SocketAddr,
    stop: CancellationToken,
    ended: JoinHandle<()>,
    /// Handlers of `/slow` and `/slow-to-drop` that are running.
    slow: Arc<AtomicUsize>,
}

impl Running {
    async fn start(limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let slow = Arc::default();
        let app = app(Arc::clone(&slow));
        let ended = tokio::spawn(serve(listener, app, limits, Front::default(), stop.clone()));
        Self { address, stop, ended, slow }
    }

    /// Stops it and says how long it took.
    async fn stop(self) -> Duration {
        let asked = Instant::now();
        self.stop.cancel();
        timeout(PATIENCE, self.ended).await.unwrap().unwrap();
        asked.elapsed()
    }

    async fn until_slow(&self, running: usize) {
        let wait = async {
            while self.slow.load(Ordering::SeqCst) != running {
                sleep(ms(5)).await;
            }
        };
        timeout(PATIENCE, wait).await.unwrap();
    }
}

fn app(slow: Arc<AtomicUsize>) -> Router {
    Router::new()
        .route("/", get(async || "hello"))
        .route("/length", post(async |body: Bytes| body.len().to_string()))
        .route("/ignore", post(async || "ignored"))
        .route("/panic", get(async || -> &'static str { panic!("{}", "on purpose") }))
        .route_service("/panic-early", tower::service_fn(panic_early))
        .route("/slow", get(slow_handler).post(slow_after_body))
        .route("/slow-to-drop", get(slow_to_drop))
        .route("/refused", get(async || Problem::new(409, "no_free_seat", "No free seat", "full")))
        .route("/big", get(async || vec![b'x'; BIG]))
        .route("/events", get(async || Sse::new(ticks())))
        .route("/numbers", get(async || Body::from_stream(numbers())))
        .route("/broken", get(async || Body::from_stream(broken())))
        .route("/who", get(async |Extension(RequestId(id)): Extension<RequestId>| id))
        .route(
            "/from",
            get(async |Extension(client): Extension<Client>| client.address().to_string()),
        )
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(slow)
}

/// Panics before there is a future to poll.
fn panic_early(_: Request<Body>) -> std::future::Ready<Result<StatusCode, Infallible>> {
    panic!("early")
}

struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(count: Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Takes 600 ms.
async fn slow_handler(State(running): State<Arc<AtomicUsize>>) -> &'static str {
    let _counted = Counted::new(running);
    sleep(ms(600)).await;
    "at last"
}

async fn slow_after_body(State(running): State<Arc<AtomicUsize>>, _: Bytes) -> &'static str {
    slow_handler(State(running)).await
}

/// Lasts long enough to be dropped, which takes a while.
async fn slow_to_drop(State(running): State<Arc<AtomicUsize>>) {
    struct SlowToDrop {
        _counted: Counted,
    }

    impl Drop for SlowToDrop {
        fn drop(&mut self) {
            std::thread::sleep(ms(100));
        }
    }

    let _held = SlowToDrop { _counted: Counted::new(running) };
    sleep(PATIENCE).await;
}

/// An event every 400 ms, for ever.
fn ticks() -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold((), async |()| {
        sleep(ms(400)).await;
        Some((Ok(Event::default().data("tick")), ()))
    })
}

/// A chunk every 100 ms, six times: a response in flight that is no event stream.
fn numbers() -> impl Stream<Item = Result<String, Infallible>> {
    stream::unfold(0, async |n| {
        sleep(ms(100)).await;
        (n < 6).then(|| (Ok(n.to_string()), n + 1))
    })
}

/// A chunk, and then a panic outside of the handler.
fn broken() -> impl Stream<Item = Result<&'static str, Infallible>> {
    stream::iter([false, true]).map(|last| if last { panic!("in a stream") } else { Ok("some") })
}
