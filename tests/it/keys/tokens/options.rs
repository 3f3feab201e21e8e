//! What is said of tokens at the start, and cannot be.

use serde_json::json;

use super::signing::Signer;
use crate::Ledger;

const ISSUER: [&str; 2] = ["--jwt-issuer", "https://id.example/"];
const AUDIENCE: [&str; 2] = ["--jwt-audience", "seatledger"];

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_said_before_anything_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let good = file("good", &json!({"keys": [Signer::ed25519().jwk("e")]}).to_string());
    let nonsense = file("nonsense", "-----BEGIN PUBLIC KEY-----");
    let secret = file("secret", &json!({"keys": [{"kty": "oct", "k": "AQAB"}]}).to_string());
    let long = file("long", &" ".repeat(1024 * 1024 + 1));
    let whole = |jwks: &str| [&["--jwks", jwks][..], &ISSUER, &AUDIENCE].concat().join("|");
    for (more, said) in [
        (format!("--jwks|{good}|--jwt-audience|x"), vec!["--jwks needs --jwt-issuer", "`iss`"]),
        (format!("--jwks|{good}|--jwt-issuer|x"), vec!["--jwks needs --jwt-audience", "`aud`"]),
        (
            format!("--jwks|{good}|--jwt-issuer||--jwt-audience|x"),
            vec!["--jwks needs --jwt-issuer"],
        ),
        (ISSUER.join("|"), vec!["--jwt-issuer is about tokens", "give --jwks too"]),
        (AUDIENCE.join("|"), vec!["--jwt-audience is about tokens", "give --jwks too"]),
        (whole("/nowhere/at/all"), vec!["/nowhere/at/all", "No such file", "give a file"]),
        (whole(&nonsense), vec![&nonsense, "it is no JWKS"]),
        (whole(&secret), vec![&secret, "none of its keys"]),
        (whole(&long), vec![&long, "more than 1048576 bytes"]),
        (whole(""), vec!["it names no file and no URL"]),
        (whole("http://id.example/keys"), vec!["over https only"]),
        (whole("ftp://id.example/keys"), vec!["over https only"]),
        (whole("https://"), vec!["no URL"]),
        (whole("https://ada:s3cret@id.example/keys"), vec!["with a user or a password"]),
    ] {
        let dir = folder.path().join("ledger");
        let own = ["dev", "--http", "127.0.0.1:0", "--no-demo", "--ready-json"];
        let arguments: Vec<&str> = own.into_iter().chain(more.split('|')).collect();
        let output = std::process::Command::new(crate::ledger::PROGRAM)
            .args(&arguments)
            .args(["--dir", dir.to_str().unwrap()])
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{more}: {told}");
        assert!(said.iter().all(|it| told.contains(it)), "{more}: {told}");
        assert!(!told.contains("s3cret"), "{more}: {told}");
        assert!(!dir.exists(), "{more}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_of_it_can_be_said_in_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let (path, by) = (folder.path().join("jwks"), Signer::ed25519());
    std::fs::write(&path, json!({"keys": [by.jwk("e")]}).to_string()).unwrap();
    let environment = [
        ("SEATLEDGER_KEYS", "required"),
        ("SEATLEDGER_JWKS", path.to_str().unwrap()),
        ("SEATLEDGER_JWT_ISSUER", super::ISSUER),
        ("SEATLEDGER_JWT_AUDIENCE", super::AUDIENCE),
        ("SEATLEDGER_JWT_ACCOUNT_CLAIM", "https://example.com/tenant"),
        ("SEATLEDGER_JWT_ROLE_CLAIM", "role"),
        ("SEATLEDGER_JWT_FACADES_CLAIM", "apis"),
    ];
    let dir = tempfile::tempdir().unwrap();
    let arguments = ["dev", "--http", "127.0.0.1:0", "--no-demo", "--ready-json"];
    let ledger = Ledger::spawn_with(dir.path(), &arguments, &environment).await;
    let keyed = crate::keys::Keyed::of(ledger.unwrap_or_else(|it| panic!("{it}")));
    keyed.accepted("acme", "RegisterHolder", json!({"holder": {"user": "ada"}})).await;
    let now = super::now(&keyed).await;
    let ask = async |more| {
        let token = super::token(&super::header(&by, "e"), &super::claims(now, more), &by);
        keyed.get("/v1/accounts/acme", &token).await.status
    };
    let named = json!({"https://example.com/tenant": "acme", "role": "reader"});
    assert_eq!(ask(named.clone()).await, 200);
    let mut narrow = named;
    narrow["apis"] = json!(["ibl"]);
    assert_eq!(ask(narrow).await, 403);
    assert_eq!(ask(json!({})).await, 401, "what the claims are called otherwise is nothing");
}
