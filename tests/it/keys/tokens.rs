//! Tokens that an identity provider has signed: made here by hand, as the RFCs have them.

mod forged;
mod good;
mod issuer;
mod options;
mod provider;
mod signing;

use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::Keyed;
use crate::Ledger;
use signing::{Signer, token};

const ISSUER: &str = "https://id.example/";
const AUDIENCE: &str = "seatledger";

/// What is said on the command line of tokens with these keys.
fn arguments(jwks: &str) -> Vec<String> {
    ["--jwks", jwks, "--jwt-issuer", ISSUER, "--jwt-audience", AUDIENCE].map(str::to_owned).to_vec()
}

/// A ledger in dev mode that demands keys or tokens, with more on its command line and in its
/// environment.
async fn ledger(more: &[String], environment: &[(&str, &str)]) -> (Keyed, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let own = ["dev", "--http", "127.0.0.1:0", "--no-demo", "--ready-json", "--keys", "required"];
    let arguments: Vec<&str> = own.into_iter().chain(more.iter().map(String::as_str)).collect();
    let ledger = Ledger::spawn_with(dir.path(), &arguments, environment).await;
    (Keyed::of(ledger.unwrap_or_else(|it| panic!("{it}"))), dir)
}

/// A ledger that takes tokens with the keys of a file, and who signs them.
struct Scene {
    keyed: Keyed,
    /// The file.
    jwks: PathBuf,
    rsa: Signer,
    p256: Signer,
    ed25519: Signer,
    _own: (TempDir, TempDir),
}

impl Scene {
    /// With keys that are called `r`, `p` and `e`, and whatever else is in the JWKS.
    async fn with(more: &[Value]) -> Scene {
        let (rsa, p256, ed25519) = (Signer::rsa(), Signer::p256(), Signer::ed25519());
        let folder = tempfile::tempdir().unwrap();
        let jwks = folder.path().join("jwks.json");
        let mut keys = vec![rsa.jwk("r"), p256.jwk("p"), ed25519.jwk("e")];
        keys.extend_from_slice(more);
        std::fs::write(&jwks, json!({"keys": keys}).to_string()).unwrap();
        let (keyed, dir) = ledger(&arguments(jwks.to_str().unwrap()), &[]).await;
        Scene { keyed, jwks, rsa, p256, ed25519, _own: (folder, dir) }
    }

    /// Two accounts with a license, of which a space of the first one has a part.
    async fn furnish(&self) {
        for account in ["acme", "globex"] {
            let document = json!({"license": "creative", "product": "CREATIVE", "quantity": 5});
            self.keyed.accepted(account, "AllocateLicense", document).await;
        }
        let part =
            json!({"container": "s", "quantities": [{"license": "creative", "quantity": 1}]});
        self.keyed.accepted("acme", "SetAllocations", json!({"allocations": [part]})).await;
    }

    /// What a good token says, but for this; `null` takes a claim away.
    async fn claims(&self, more: Value) -> Value {
        claims(now(&self.keyed).await, more)
    }

    /// A good token, but for what it says of this.
    async fn token(&self, more: Value) -> String {
        token(&header(&self.ed25519, "e"), &self.claims(more).await, &self.ed25519)
    }
}

fn header(by: &Signer, name: &str) -> Value {
    json!({"alg": by.algorithm(), "kid": name, "typ": "JWT"})
}

/// The time of a ledger, in seconds.
async fn now(keyed: &Keyed) -> i64 {
    let clock = keyed.get("/v1/clock", &keyed.admin()).await.json();
    events::Moment::parse(clock["now"].as_str().unwrap()).unwrap().millis() / 1_000
}

fn claims(now: i64, more: Value) -> Value {
    let mut claims = json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "ada@example.com",
        "iat": now - 10, "nbf": now - 10, "exp": now + 300,
        "seatledger_account": "acme", "seatledger_role": "operator"});
    for (name, value) in more.as_object().unwrap() {
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value.clone(),
        }
    }
    claims
}

/// How often calls were refused for a reason.
async fn refused(keyed: &Keyed, reason: &str) -> u64 {
    let answer = keyed.request(hyper::Method::GET, "/metrics", "", &[]).await;
    let metrics = String::from_utf8(answer.body.to_vec()).unwrap();
    let begin = format!("seatledger_refused_calls_total{{reason=\"{reason}\"}} ");
    let line = metrics.lines().find_map(|it| it.strip_prefix(&begin));
    line.map_or(0, |it| it.parse().unwrap())
}
