//! How often the issuer is asked, and what stays known when it does not answer. Time is paused, and
//! goes on by itself where everybody waits.

use std::path::Path;

use data_encoding::BASE64URL_NOPAD;
use serde_json::json;

use super::super::jwks::Algorithm;
use super::*;

fn jwks(names: &[&str]) -> String {
    let x = BASE64URL_NOPAD.encode(&[7; 32]);
    let key = |name: &&str| json!({"kty": "OKP", "crv": "Ed25519", "kid": name, "x": x});
    json!({"keys": names.iter().map(key).collect::<Vec<_>>()}).to_string()
}

fn header(name: &str) -> Header {
    Header { algorithm: Algorithm::EdDsa, key: Some(name.to_owned()) }
}

fn write(path: &Path, names: &[&str]) {
    std::fs::write(path, jwks(names)).unwrap();
}

/// An issuer that is looked after, with a key `a`, in a file.
async fn kept(path: &Path) -> Arc<Issuer> {
    write(path, &["a"]);
    let issuer = Arc::new(Issuer::new(None));
    let source = Source::File(path.to_owned());
    tokio::spawn(issuer.clone().keep(source, CancellationToken::new()));
    assert!(issuer.find(&header("a")).await.is_ok(), "the first reading is waited for");
    assert_eq!(tries(&issuer), 1);
    issuer
}

fn tries(issuer: &Issuer) -> u64 {
    issuer.known.borrow().tries
}

/// Waits until it was tried so often. Gives back after how many seconds.
async fn tried(issuer: &Issuer, tries: u64) -> u64 {
    let begin = Instant::now();
    issuer.known.subscribe().wait_for(|it| it.tries == tries).await.unwrap();
    begin.elapsed().as_secs()
}

async fn denied(issuer: &Issuer, name: &str) -> Denied {
    issuer.find(&header(name)).await.unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn a_new_key_is_found_by_the_first_token_and_then_every_thirty_seconds() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let issuer = kept(file.path()).await;
    write(file.path(), &["a", "b"]);
    assert!(issuer.find(&header("b")).await.is_ok());
    assert_eq!(tries(&issuer), 2);
    write(file.path(), &["b", "c"]);
    for _ in 0..100 {
        assert_eq!(denied(&issuer, "c").await, Denied::Key);
    }
    assert_eq!(tries(&issuer), 2, "nobody asks so soon");
    tokio::time::advance(ASKED_EVERY).await;
    assert!(issuer.find(&header("c")).await.is_ok());
    assert_eq!(tries(&issuer), 3);
    assert_eq!(denied(&issuer, "a").await, Denied::Key, "what the issuer has no more is not taken");
}

#[tokio::test(start_paused = true)]
async fn many_tokens_with_keys_that_are_not_known_ask_once() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let issuer = kept(file.path()).await;
    let names: Vec<String> = (0..2 * WAITING_MAX).map(|it| format!("no-{it}")).collect();
    let asked = names.iter().map(|it| denied(&issuer, it));
    let denied = futures_util::future::join_all(asked).await;
    assert_eq!(tries(&issuer), 2);
    let count = |why| denied.iter().filter(|it| **it == why).count();
    assert_eq!(count(Denied::Key), WAITING_MAX, "so many wait");
    assert_eq!(count(Denied::Unavailable), WAITING_MAX, "the others are told at once");
}

#[tokio::test(start_paused = true)]
async fn without_an_answer_what_is_known_stays_known() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let issuer = kept(file.path()).await;
    std::fs::write(file.path(), "{\"keys\": 7}").unwrap();
    assert_eq!(tried(&issuer, 2).await, REFRESH.as_secs(), "now and then it is read anyway");
    assert!(issuer.find(&header("a")).await.is_ok());
    // A key may be there that could not be read.
    assert_eq!(denied(&issuer, "b").await, Denied::Unavailable);
    assert_eq!(tries(&issuer), 3);
    assert_eq!(denied(&issuer, "b").await, Denied::Unavailable);
    assert_eq!(tries(&issuer), 3);
    write(file.path(), &["b"]);
    assert_eq!(tried(&issuer, 4).await, RETRY.as_secs(), "it is tried again sooner");
    assert!(issuer.find(&header("b")).await.is_ok());
    assert_eq!(denied(&issuer, "a").await, Denied::Key);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_the_issuer_has_no_more_is_forgotten_by_itself() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let issuer = kept(file.path()).await;
    let known = issuer.find(&header("a")).await.unwrap().fingerprint();
    assert!(issuer.has(known));
    let other = BASE64URL_NOPAD.encode(&[8; 32]);
    let other = json!({"kty": "OKP", "crv": "Ed25519", "kid": "a", "x": other});
    std::fs::write(file.path(), json!({"keys": [other]}).to_string()).unwrap();
    tried(&issuer, 2).await;
    assert!(!issuer.has(known), "another key of that name is another key");
}
