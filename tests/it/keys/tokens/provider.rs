//! An identity provider that gives out its keys: well, slowly, or not at all.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Frame;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::signing::Signer;

/// How it answers.
#[derive(Debug, Clone)]
pub enum Mood {
    /// With these bytes.
    Well(Bytes),
    /// With this status, and these bytes all the same.
    Status(u16, Bytes),
    /// With a redirect to this address.
    Elsewhere(String),
    /// With 20 MB.
    Endless,
    /// Not at all.
    Silent,
    /// With a byte a second.
    Dripping,
    /// It hangs up.
    Gone,
}

/// One that runs until it is dropped.
pub struct Provider {
    pub url: String,
    mood: Arc<Mutex<Mood>>,
    asked: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

/// A JWKS with these keys.
pub fn jwks(keys: &[(&Signer, &str)]) -> Mood {
    let keys: Vec<Value> = keys.iter().map(|(by, name)| by.jwk(name)).collect();
    Mood::Well(json!({"keys": keys}).to_string().into())
}

impl Provider {
    pub async fn start(mood: Mood) -> Provider {
        Provider::start_with(mood, None).await
    }

    /// One that speaks TLS as `localhost`, with a certificate and its key.
    pub async fn start_with(
        mood: Mood,
        tls: Option<(rcgen::Certificate, rcgen::KeyPair)>,
    ) -> Provider {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let acceptor = tls.map(|(certificate, key)| {
            let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
            let config = ServerConfig::builder().with_no_client_auth();
            let config = config.with_single_cert(vec![certificate.der().clone()], key).unwrap();
            TlsAcceptor::from(Arc::new(config))
        });
        let url = match acceptor {
            Some(_) => format!("https://localhost:{port}/keys"),
            None => format!("http://127.0.0.1:{port}/keys"),
        };
        let (mood, asked) = (Arc::new(Mutex::new(mood)), Arc::new(AtomicUsize::new(0)));
        let (current, count) = (mood.clone(), asked.clone());
        let task = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                let (acceptor, mood, count) = (acceptor.clone(), current.clone(), count.clone());
                tokio::spawn(async move {
                    match acceptor {
                        None => serve(stream, mood, count).await,
                        Some(acceptor) => {
                            let Ok(stream) = acceptor.accept(stream).await else { return };
                            serve(stream, mood, count).await;
                        }
                    }
                });
            }
        });
        Provider { url, mood, asked, task }
    }

    pub fn is(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// How often it was asked.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve<S>(stream: S, mood: Arc<Mutex<Mood>>, asked: Arc<AtomicUsize>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let answer = |_: Request<hyper::body::Incoming>| {
        asked.fetch_add(1, Ordering::SeqCst);
        let mood = mood.lock().unwrap().clone();
        answer(mood)
    };
    let connection = hyper::server::conn::http1::Builder::new();
    let _ = connection.serve_connection(TokioIo::new(stream), service_fn(answer)).await;
}

async fn answer(mood: Mood) -> Result<Response<UnsyncBoxBody<Bytes, Infallible>>, String> {
    let whole = |it: Bytes| Full::new(it).boxed_unsync();
    let response = Response::builder();
    let response = match mood {
        Mood::Well(body) => response.body(whole(body)),
        Mood::Status(status, body) => response.status(status).body(whole(body)),
        Mood::Elsewhere(url) => {
            response.status(302).header("location", url).body(whole(Bytes::new()))
        }
        Mood::Endless => {
            let piece = Bytes::from(vec![b' '; 64 * 1024]);
            let pieces = (0..320).map(move |_| Ok(Frame::data(piece.clone())));
            response.body(BodyExt::boxed_unsync(StreamBody::new(stream::iter(pieces))))
        }
        Mood::Silent => std::future::pending().await,
        Mood::Dripping => {
            let drops = stream::unfold((), |()| async {
                tokio::time::sleep(Duration::from_secs(1)).await;
                Some((Ok(Frame::data(Bytes::from_static(b" "))), ()))
            });
            response.body(BodyExt::boxed_unsync(StreamBody::new(Box::pin(drops))))
        }
        Mood::Gone => return Err("gone".to_owned()),
    };
    Ok(response.unwrap())
}
