//! An issuer that is asked over the network, and is in any mood.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::json;
use tempfile::TempDir;

use super::provider::{Mood, Provider, jwks};
use super::signing::{Signer, token};
use super::{arguments, claims, header, ledger, now};
use crate::keys::Keyed;

const ACCOUNT: &str = "/v1/accounts/acme";

/// How long an issuer may take, and the machine that runs the tests besides.
const SLOW: Duration = Duration::from_secs(9);

struct Scene {
    keyed: Keyed,
    provider: Provider,
    now: i64,
    _dir: TempDir,
}

impl Scene {
    /// A ledger whose issuer is in this mood.
    async fn start(mood: Mood) -> Scene {
        let provider = Provider::start(mood).await;
        let (keyed, _dir) = ledger(&arguments(&provider.url), &[]).await;
        keyed.accepted("acme", "RegisterHolder", json!({"holder": {"user": "ada"}})).await;
        let now = now(&keyed).await;
        Scene { keyed, provider, now, _dir }
    }

    fn token(&self, by: &Signer, name: &str) -> String {
        token(&header(by, name), &claims(self.now, json!({})), by)
    }

    /// How a call with a token is answered.
    async fn ask(&self, by: &Signer, name: &str) -> u16 {
        self.keyed.get(ACCOUNT, &self.token(by, name)).await.status
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_the_issuer_changes_is_taken_at_once_and_the_old_one_no_more() {
    let (old, new, next) = (Signer::ed25519(), Signer::p256(), Signer::ed25519());
    let scene = Scene::start(jwks(&[(&old, "old")])).await;
    for _ in 0..20 {
        assert_eq!(scene.ask(&old, "old").await, 200);
    }
    assert_eq!(scene.provider.asked(), 1, "what is known is not asked for");
    scene.provider.is(jwks(&[(&new, "new")]));
    assert_eq!(scene.ask(&new, "new").await, 200);
    assert_eq!(scene.ask(&old, "old").await, 401);
    assert_eq!(scene.provider.asked(), 2);
    // Whoever changes keys all the time is not asked all the time.
    scene.provider.is(jwks(&[(&next, "next")]));
    assert_eq!(scene.ask(&next, "next").await, 401);
    assert_eq!(scene.ask(&new, "new").await, 200);
    assert_eq!(scene.provider.asked(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_keys_that_are_not_known_are_one_question() {
    let (by, mine) = (Signer::ed25519(), Signer::ed25519());
    let scene = Scene::start(jwks(&[(&by, "e")])).await;
    assert_eq!(scene.ask(&by, "e").await, 200);
    let calls = (0..100).map(|it| {
        let token = scene.token(&mine, &format!("mine-{it}"));
        let keyed = &scene.keyed;
        async move { keyed.get(ACCOUNT, &token).await.status }
    });
    let told = join_all(calls).await;
    assert!(told.iter().all(|it| [401, 429].contains(it)), "{told:?}");
    assert_eq!(scene.provider.asked(), 2);
    assert_eq!(scene.ask(&by, "e").await, 200);
}

/// Every mood in which an issuer gives no keys; and what the log says of it.
fn bad_moods() -> Vec<(Mood, &'static str)> {
    let mine = || match jwks(&[(&Signer::ed25519(), "mine")]) {
        Mood::Well(body) => body,
        other => panic!("{other:?}"),
    };
    vec![
        (Mood::Silent, "did not answer within 5 s"),
        (Mood::Dripping, "did not answer within 5 s"),
        (Mood::Endless, "more than 1048576 bytes"),
        (Mood::Gone, "cannot be read"),
        (Mood::Status(500, mine()), "the answer is 500"),
        (Mood::Status(203, mine()), "the answer is 203"),
        (Mood::Well("<html>".into()), "it is no JWKS"),
        (Mood::Well("{\"keys\":[]}".into()), "none of its keys"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_issuer_is_down_slow_or_talks_nonsense_known_keys_go_on() {
    let run = async |mood: Mood, said: &str| {
        let (by, mine) = (Signer::ed25519(), Signer::ed25519());
        let scene = Scene::start(jwks(&[(&by, "e")])).await;
        assert_eq!(scene.ask(&by, "e").await, 200);
        scene.provider.is(mood.clone());
        let begin = Instant::now();
        // Those with a key that is not known wait for one answer, and a good token for none.
        let unknown = join_all((0..100).map(|_| scene.ask(&mine, "mine")));
        let known = async {
            for _ in 0..20 {
                assert_eq!(scene.ask(&by, "e").await, 200, "{mood:?}");
            }
            begin.elapsed()
        };
        let (unknown, known) = tokio::join!(unknown, known);
        assert!(unknown.iter().all(|it| *it == 503), "{mood:?}: {unknown:?}");
        assert!(begin.elapsed() < SLOW, "{mood:?}: {:?}", begin.elapsed());
        assert!(known < Duration::from_secs(4), "{mood:?}: {known:?}");
        assert_eq!(scene.ask(&mine, "mine").await, 503, "{mood:?}: it is not tried again so soon");
        assert_eq!(scene.provider.asked(), 2, "{mood:?}");
        assert_eq!(scene.ask(&by, "e").await, 200, "{mood:?}");
        let log = scene.keyed.ledger.log();
        assert!(log.contains(said), "{mood:?}: {log}");
        assert_eq!(log.matches("the keys of the issuer cannot be read").count(), 1, "{mood:?}");
    };
    let all = bad_moods();
    join_all(all.iter().map(|(mood, said)| run(mood.clone(), said))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_leads_nowhere() {
    let mine = Signer::ed25519();
    let elsewhere = Provider::start(jwks(&[(&mine, "mine")])).await;
    let scene = Scene::start(Mood::Elsewhere(elsewhere.url.clone())).await;
    assert_eq!(scene.ask(&mine, "mine").await, 503);
    assert_eq!(elsewhere.asked(), 0);
    assert!(scene.keyed.ledger.log().contains("redirects are not followed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_token_says_of_its_keys_is_not_looked_at() {
    let (by, mine) = (Signer::ed25519(), Signer::ed25519());
    let elsewhere = Provider::start(jwks(&[(&mine, "mine"), (&mine, "e")])).await;
    let scene = Scene::start(jwks(&[(&by, "e")])).await;
    for name in ["jku", "x5u"] {
        let headed = |by: &Signer, kid: &str| {
            let mut header = header(by, kid);
            header[name] = json!(elsewhere.url);
            token(&header, &claims(scene.now, json!({})), by)
        };
        // Some issuers say where their keys are; that is no harm, since nobody goes there.
        assert_eq!(scene.keyed.get(ACCOUNT, &headed(&by, "e")).await.status, 200, "{name}");
        assert_eq!(scene.keyed.get(ACCOUNT, &headed(&mine, "e")).await.status, 401, "{name}");
        assert_eq!(scene.keyed.get(ACCOUNT, &headed(&mine, "mine")).await.status, 401, "{name}");
    }
    assert_eq!(elsewhere.asked(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_is_down_at_the_start_is_waited_for() {
    let by = Signer::ed25519();
    let begin = Instant::now();
    let scene = Scene::start(Mood::Status(503, "".into())).await;
    assert!(begin.elapsed() < Duration::from_secs(30), "the start does not hang");
    let answer = scene.keyed.get(ACCOUNT, &scene.token(&by, "e")).await;
    assert_eq!((answer.status, answer.json()["code"].clone()), (503, json!("keys_unavailable")));
    assert!(answer.headers.contains_key("retry-after"));
    // Keys do not need it.
    let key = scene.keyed.key("acme", "reader", json!({})).await;
    assert_eq!(scene.keyed.get(ACCOUNT, &key).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_is_asked_over_https_if_the_system_trusts_it() {
    let by = Signer::ed25519();
    let authority = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, authority).unwrap();
    let own = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let certificate = certificate.signed_by(&own, &authority).unwrap();
    let provider = Provider::start_with(jwks(&[(&by, "e")]), Some((certificate, own))).await;
    let folder = tempfile::tempdir().unwrap();
    let trusted = folder.path().join("ca.pem");
    std::fs::write(&trusted, authority.pem()).unwrap();
    let trusted = [("SSL_CERT_FILE", trusted.to_str().unwrap())];
    let all: [(&[_], u16, usize); 2] = [(&trusted, 200, 1), (&[], 503, 1)];
    for (environment, status, asked) in all {
        let (keyed, _dir) = ledger(&arguments(&provider.url), environment).await;
        keyed.accepted("acme", "RegisterHolder", json!({"holder": {"user": "ada"}})).await;
        let token = token(&header(&by, "e"), &claims(now(&keyed).await, json!({})), &by);
        assert_eq!(keyed.get(ACCOUNT, &token).await.status, status);
        assert_eq!(provider.asked(), asked, "nothing is asked of whom nobody vouches for");
        assert_eq!(keyed.ledger.log().contains("certificate"), status == 503);
    }
}
