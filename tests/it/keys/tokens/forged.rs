//! Tokens that are not what they say, or do not say what they must: none is taken, each for its own
//! reason.

use data_encoding::{BASE64, BASE64URL};
use hyper::Method;
use serde_json::{Value, json};

use super::signing::{Signer, part, token, with_secret, written};
use super::{Scene, claims, header, now, refused};
use crate::keys::Keyed;

/// A name, a token, and the reason for which it is refused.
type Case = (String, String, &'static str);

fn case(name: impl Into<String>, token: String, reason: &'static str) -> Case {
    (name.into(), token, reason)
}

/// Members of a header beside, or in place of, the usual ones.
fn headed(scene: &Scene, more: &Value) -> Value {
    let mut header = header(&scene.ed25519, "e");
    for (name, value) in more.as_object().unwrap() {
        header[name] = value.clone();
    }
    header
}

/// Those that say of themselves how they are to be looked at.
fn about_algorithms(scene: &Scene, good: &Value) -> Vec<Case> {
    let mut cases = vec![];
    for none in ["none", "None", "NONE", "nOnE", ""] {
        let header = part(json!({"alg": none, "kid": "e"}).to_string());
        let token = format!("{header}.{}.", part(good.to_string()));
        cases.push(case(format!("alg {none}"), token, "token_algorithm"));
    }
    let der = scene.rsa.spki();
    let pem =
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", BASE64.encode(&der));
    let jwk = scene.rsa.jwk("r").to_string();
    for (what, secret) in [
        ("the public key in DER", der.as_slice()),
        ("the public key in PEM", pem.as_bytes()),
        ("the public key as a JWK", jwk.as_bytes()),
        ("nothing", b""),
        ("the secret of the JWKS", b"secret"),
    ] {
        for name in ["r", "secret"] {
            let header = json!({"alg": "HS256", "kid": name});
            let token = with_secret(&header, good, secret);
            cases.push(case(format!("HS256 with {what}, kid {name}"), token, "token_algorithm"));
        }
    }
    for other in
        ["HS384", "HS512", "RS384", "RS512", "PS256", "ES384", "ES256K", "rs256", "RSA-OAEP"]
    {
        let token = token(&json!({"alg": other, "kid": "r"}), good, &scene.rsa);
        cases.push(case(format!("alg {other}"), token, "token_algorithm"));
    }
    for (alg, name, by) in [
        ("ES256", "e", &scene.ed25519),
        ("EdDSA", "p", &scene.p256),
        ("RS256", "p", &scene.p256),
        ("ES256", "r", &scene.rsa),
    ] {
        let token = token(&json!({"alg": alg, "kid": name}), good, by);
        cases.push(case(format!("{alg} with the key {name}"), token, "token_algorithm"));
    }
    for (alg, name, by) in [("EdDSA", "e", &scene.p256), ("ES256", "p", &scene.ed25519)] {
        let token = token(&json!({"alg": alg, "kid": name}), good, by);
        cases.push(case(format!("{alg}, signed otherwise"), token, "token_signature"));
    }
    for (what, alg) in [("a number", json!(7)), ("a list", json!(["EdDSA"])), ("null", json!(null))]
    {
        let token = token(&headed(scene, &json!({"alg": alg})), good, &scene.ed25519);
        cases.push(case(format!("alg is {what}"), token, "token_header"));
    }
    cases
}

/// Those that bring a key, or name one that is not there or not for this.
fn about_keys(scene: &Scene, good: &Value, marked: &Signer) -> Vec<Case> {
    let mine = Signer::ed25519();
    let mut cases = vec![];
    for (name, reason) in [("e", "token_signature"), ("mine", "token_key_unknown")] {
        for brought in [
            json!({"jwk": mine.jwk("mine")}),
            json!({"jku": "https://attacker.example/jwks"}),
            json!({"x5u": "https://attacker.example/pem"}),
            json!({"x5c": [BASE64.encode(b"no certificate")], "x5t": "x"}),
        ] {
            let mut header = headed(scene, &brought);
            header["kid"] = json!(name);
            let what = brought.as_object().unwrap().keys().next().unwrap();
            cases.push(case(
                format!("{what} with kid {name}"),
                token(&header, good, &mine),
                reason,
            ));
        }
    }
    for name in [
        "",
        "E",
        "e ",
        "../e",
        "../../etc/passwd",
        "/dev/null",
        "e' OR '1'='1",
        "e\0",
        "*",
        "http://x",
    ] {
        let token = token(&headed(scene, &json!({"kid": name})), good, &scene.ed25519);
        cases.push(case(format!("kid {name:?}"), token, "token_key_unknown"));
    }
    for name in ["enc", "other", "private"] {
        let token = token(&headed(scene, &json!({"kid": name})), good, marked);
        cases.push(case(format!("the key {name}"), token, "token_key_unknown"));
    }
    let nameless = token(&json!({"alg": "EdDSA"}), good, marked);
    cases.push(case("no kid, signed by a key for something else", nameless, "token_signature"));
    let nameless = token(&json!({"alg": "ES256"}), good, &scene.p256);
    cases.push(case("no kid, and two keys fit", nameless, "token_key_unknown"));
    for (what, more) in [
        ("a number as kid", json!({"kid": 7})),
        ("crit", json!({"crit": ["exp"]})),
        ("crit of nothing", json!({"crit": []})),
        ("b64", json!({"b64": false, "crit": ["b64"]})),
        ("a token about a logout", json!({"typ": "logout+jwt"})),
        ("a proof of possession", json!({"typ": "dpop+jwt"})),
        ("a number as typ", json!({"typ": 7})),
    ] {
        let token = token(&headed(scene, &more), good, &scene.ed25519);
        cases.push(case(what, token, "token_header"));
    }
    cases
}

/// Those that were changed, cut or put together.
fn about_forms(scene: &Scene, good: &Value, role: &str) -> Vec<Case> {
    let whole = token(&header(&scene.ed25519, "e"), good, &scene.ed25519);
    let parts: Vec<&str> = whole.split('.').collect();
    let [head, body, signature] = parts[..] else { panic!("{whole}") };
    let mut more = good.clone();
    more["seatledger_role"] = json!("admin");
    let other = token(&header(&scene.ed25519, "e"), &more, &scene.ed25519);
    let others: Vec<&str> = other.split('.').collect();
    let mut cases = vec![
        case("claims of another", format!("{head}.{}.{signature}", others[1]), "token_signature"),
        case("signature of another", format!("{head}.{body}.{}", others[2]), "token_signature"),
        case("no signature", format!("{head}.{body}."), "token_signature"),
        case("a short signature", format!("{head}.{body}.AAAA"), "token_signature"),
        case("a signature of zeros", format!("{head}.{body}.{}", part([0; 64])), "token_signature"),
        case("two parts", format!("{head}.{body}"), "token_garbled"),
        case("one part", head.to_owned(), "token_garbled"),
        case("four parts", format!("{whole}.{signature}"), "token_garbled"),
        case(
            "five parts, as if encrypted",
            format!("{head}.AA.AA.{body}.{signature}"),
            "token_garbled",
        ),
        case("dots", "..".to_owned(), "token_garbled"),
        case("cut by one", whole[..whole.len() - 1].to_owned(), "token_garbled"),
        case("padded", format!("{whole}=="), "token_garbled"),
        case("a space in it", format!("{head}. {body}.{signature}"), "token_garbled"),
        case(
            "JSON of its own",
            json!({"payload": body, "signature": signature}).to_string(),
            "token_garbled",
        ),
        case("too long", format!("{whole}{}", "A".repeat(8 * 1024)), "token_too_long"),
    ];
    // The same signature in letters that some readers take for it.
    let last = signature.as_bytes()[signature.len() - 1];
    let sloppy =
        format!("{head}.{body}.{}{}", &signature[..signature.len() - 1], char::from(last + 1));
    cases.push(case("bits that are not used", sloppy, "token_garbled"));
    let mut said = good.to_string();
    while said.len() % 3 != 1 {
        said.push(' ');
    }
    let said = BASE64URL.encode(said.as_bytes());
    assert!(said.ends_with("=="));
    let bytes = scene.ed25519.sign(format!("{head}.{said}").as_bytes());
    let padded = format!("{head}.{said}.{}", part(bytes));
    cases.push(case("padding that is signed", padded, "token_garbled"));
    let es256 =
        format!("{}.{}", part(header(&scene.p256, "p").to_string()), part(good.to_string()));
    for (what, signature) in [
        ("zeros", vec![0; 64]),
        ("DER", [vec![0x30, 68, 2, 32], vec![1; 32], vec![2, 32], vec![1; 32]].concat()),
    ] {
        let token = format!("{es256}.{}", part(signature));
        cases.push(case(format!("a signature of P-256 of {what}"), token, "token_signature"));
    }
    let by = &scene.ed25519;
    let (usual, said) = (header(by, "e").to_string(), good.to_string());
    let again = |text: &str, more: &str| format!("{},{more}}}", &text[..text.len() - 1]);
    let admin = r#""seatledger_role":"admin""#;
    let escaped = r#""seatledger_\u0072ole":"admin""#;
    for (what, token, reason) in [
        ("alg twice", written(again(&usual, r#""alg":"none""#), &said, by), "token_garbled"),
        ("kid twice", written(again(&usual, r#""kid":"r""#), &said, by), "token_garbled"),
        ("the role twice", written(&usual, again(&said, admin), by), "token_garbled"),
        ("the role twice, escaped", written(&usual, again(&said, escaped), by), "token_garbled"),
        ("exp twice", written(&usual, again(&said, r#""exp":99999999999"#), by), "token_garbled"),
        ("a header that is a list", written("[]", &said, by), "token_garbled"),
        ("a header that is no JSON", written("alg: none", &said, by), "token_garbled"),
        ("an empty header", written("", &said, by), "token_garbled"),
        ("a header of nothing", written("{}", &said, by), "token_algorithm"),
        ("claims that are a list", written(&usual, format!("[{said}]"), by), "token_garbled"),
        ("claims that are a text", written(&usual, role, by), "token_garbled"),
        ("no claims", written(&usual, "", by), "token_garbled"),
        (
            "claims with more after them",
            written(&usual, format!("{said}{{}}"), by),
            "token_garbled",
        ),
        ("claims that are not UTF-8", written(&usual, b"{\"iss\":\"\xff\"}", by), "token_garbled"),
        ("deep claims", written(&usual, "[".repeat(3_000), by), "token_garbled"),
    ] {
        cases.push(case(what, token, reason));
    }
    cases
}

/// Those that are signed well and say the wrong things.
fn about_claims(scene: &Scene, now: i64) -> Vec<Case> {
    let one = [
        (json!({"iss": null}), "token_issuer"),
        (json!({"iss": "https://attacker.example/"}), "token_issuer"),
        (json!({"iss": "https://id.example"}), "token_issuer"),
        (json!({"iss": ["https://id.example/"]}), "token_issuer"),
        (json!({"aud": null}), "token_audience"),
        (json!({"aud": "another"}), "token_audience"),
        (json!({"aud": ["another", "seatledger2"]}), "token_audience"),
        (json!({"aud": []}), "token_audience"),
        (json!({"aud": {"seatledger": true}}), "token_audience"),
        (json!({"sub": null}), "token_subject"),
        (json!({"sub": ""}), "token_subject"),
        (json!({"sub": 7}), "token_subject"),
        (json!({"exp": null}), "token_times"),
        (json!({"exp": now - 61}), "token_expired"),
        (json!({"exp": 0}), "token_expired"),
        (json!({"exp": (now + 300).to_string()}), "token_times"),
        (json!({"exp": -1}), "token_times"),
        (json!({"exp": (now + 300) * 1_000}), "token_times"),
        (json!({"exp": u64::MAX}), "token_times"),
        (json!({"exp": 1e308}), "token_times"),
        (json!({"exp": true}), "token_times"),
        (json!({"nbf": now + 3_600}), "token_not_yet"),
        (json!({"nbf": "tomorrow"}), "token_times"),
        (json!({"iat": now + 3_600}), "token_not_yet"),
        (json!({"cnf": {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}}), "token_bound"),
        (json!({"seatledger_role": null}), "token_role"),
        (json!({"seatledger_role": "owner"}), "token_role"),
        (json!({"seatledger_role": ["admin"]}), "token_role"),
        (json!({"seatledger_role": "admin "}), "token_role"),
        (json!({"role": "admin", "seatledger_role": null}), "token_role"),
        (json!({"seatledger_account": null}), "token_account"),
        (json!({"seatledger_account": ""}), "token_account"),
        (json!({"seatledger_account": 7}), "token_account"),
        (json!({"seatledger_account": ["acme"]}), "token_account"),
        (json!({"seatledger_account": "acme/../rival"}), "token_account"),
        (json!({"seatledger_account": "**"}), "token_account"),
        (json!({"seatledger_facades": "native"}), "token_facades"),
        (json!({"seatledger_facades": ["native", "all"]}), "token_facades"),
    ];
    let by = &scene.ed25519;
    let token = |more: &Value| token(&header(by, "e"), &claims(now, more.clone()), by);
    one.iter().map(|(more, reason)| case(more.to_string(), token(more), reason)).collect()
}

/// One call of each API.
const CALLS: [&str; 4] = [
    "/v1/accounts/acme",
    "/lease_/api/account/acme/user-license/groups/with-quota",
    "/api/catalog/licenses/user/",
    "/spaces/s/members/search",
];

/// What is wrong with how a token is refused.
async fn told(keyed: &Keyed, (what, token, reason): &Case) -> Option<String> {
    let before = refused(keyed, reason).await;
    let mut told = vec![];
    for path in CALLS {
        told.push(keyed.get(path, token).await.status);
    }
    let apikey = [("apikey", token.as_str())];
    told.push(keyed.request(Method::GET, CALLS[0], "", &apikey).await.status);
    let counted = refused(keyed, reason).await - before;
    // Whoever fails often is told to wait.
    let refused = told.iter().all(|it| [401, 429].contains(it));
    let well = refused && counted == told.len() as u64;
    (!well).then(|| format!("{what}: {told:?}, {counted} times as {reason}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn no_forged_token_is_taken_by_any_api() {
    let marked = Signer::ed25519();
    let with = |name: &str, more: Value| {
        let mut jwk = marked.jwk(name);
        jwk.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        jwk
    };
    let scene = Scene::with(&[
        with("enc", json!({"use": "enc"})),
        with("other", json!({"alg": "ES256"})),
        with("private", json!({"d": part([1; 32])})),
        json!({"kty": "oct", "kid": "secret", "k": part("secret")}),
        Signer::p256().jwk("p2"),
    ])
    .await;
    let keyed = &scene.keyed;
    scene.furnish().await;
    let now = now(keyed).await;
    let good = claims(now, json!({}));
    // Each forgery differs from one of these, which are taken, in one thing.
    let good_ones = [(&scene.rsa, "r"), (&scene.p256, "p"), (&scene.ed25519, "e")];
    for (by, name) in good_ones {
        for path in CALLS {
            let answer = keyed.get(path, &token(&header(by, name), &good, by)).await;
            assert_eq!(answer.status, 200, "{path} with {}: {}", by.algorithm(), answer.json());
        }
    }
    let cases = [
        about_algorithms(&scene, &good),
        about_keys(&scene, &good, &marked),
        about_forms(&scene, &good, "admin"),
        about_claims(&scene, now),
    ]
    .concat();
    assert!(cases.len() >= 120, "{}", cases.len());
    let mut wrong = vec![];
    for case in &cases {
        wrong.extend(told(keyed, case).await);
    }
    assert!(wrong.is_empty(), "of {}: {wrong:#?}", cases.len());
    // They have locked nobody out, and the log has nothing of them that could be used.
    let (by, name) = good_ones[0];
    assert_eq!(keyed.get(CALLS[0], &token(&header(by, name), &good, by)).await.status, 200);
    let log = keyed.ledger.log();
    assert!(log.contains("a token is not accepted") && log.contains("its algorithm is none of"));
    for (what, token, _) in &cases {
        for part in token.split('.').filter(|it| it.len() > 40) {
            assert!(!log.contains(part), "{what} is in the log");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_shows_a_wrong_token_is_told_as_of_a_wrong_key() {
    let scene = Scene::with(&[]).await;
    let now = now(&scene.keyed).await;
    let wrong = [
        scene.token(json!({"exp": now - 3_600})).await,
        scene.token(json!({"seatledger_role": "owner"})).await,
        format!("{}x", scene.token(json!({})).await),
        crate::keys::written("0123456789abcdef", [7; 32]),
    ];
    let mut told = vec![];
    for token in wrong {
        let answer = scene.keyed.get("/v1/accounts/acme", &token).await;
        assert_eq!(
            (answer.status, &answer.headers["www-authenticate"]),
            (401, &"Bearer".parse().unwrap())
        );
        let mut said = answer.json();
        said.as_object_mut().unwrap().remove("request_id").unwrap();
        told.push(said);
    }
    assert!(told.iter().all(|it| *it == told[0]), "one answer for all: {told:?}");
    assert_eq!(told[0]["code"], "key_not_accepted");
    // Without --jwks there are no tokens, and a token is a key that is garbled.
    let plain = Keyed::start().await;
    let answer = plain.get("/v1/accounts/acme", &scene.token(json!({})).await).await;
    assert_eq!((answer.status, answer.json()["code"].clone()), (401, json!("key_not_accepted")));
    assert_eq!(refused(&plain, "garbled").await, 1);
}
