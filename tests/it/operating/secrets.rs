//! Who may in: tokens, passwords, nkeys, credentials, certificates.

use std::path::{Path, PathBuf};

use data_encoding::BASE64URL_NOPAD;
use nkeys::KeyPair;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa};
use serde_json::{Value, json};

use super::nats_server::{JETSTREAM, NatsServer};
use super::refused;
use super::servers::works;
use crate::Ledger;

/// A pair that NATS prints in its own documentation.
const NKEY_SEED: &str = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";
const NKEY_USER: &str = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_the_right_secret_is_let_in_and_nobody_else() {
    let seed = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(seed.path(), format!("{NKEY_SEED}\n")).unwrap();
    let seed = seed.path().to_str().unwrap();
    let nkey = format!("authorization {{ users: [ {{ nkey: {NKEY_USER} }} ] }}");
    let cases: [(&str, &str, &[&str]); 3] = [
        (
            "a token",
            "authorization { token: \"s3cret-s3cret\" }",
            &["--nats-token", "s3cret-s3cret"],
        ),
        (
            "a password",
            "authorization { user: ada, password: \"s3cret-s3cret\" }",
            &["--nats-user", "ada", "--nats-password", "s3cret-s3cret"],
        ),
        ("an nkey", &nkey, &["--nats-nkey", seed]),
    ];
    let wrong: [&[&str]; 3] =
        [&[], &["--nats-token", "wrong"], &["--nats-user", "ada", "--nats-password", "wrong"]];
    for (what, config, right) in cases {
        let server = NatsServer::start(&format!("{JETSTREAM}\n{config}")).await;
        let dir = tempfile::tempdir().unwrap();
        let url = server.url();
        for wrong in wrong {
            let own = [&["serve", "--nats", &url, "--http", "127.0.0.1:0"][..], wrong].concat();
            let (code, said) = refused(dir.path(), &own).await;
            assert_eq!(code, 3, "{what}: {said}");
            assert!(said.contains("authorization") && !said.contains("s3cret"), "{what}: {said}");
            assert!(said.contains("check the credentials: --nats-token"), "{what}: {said}");
        }
        let ledger =
            server.serve(dir.path(), right).await.unwrap_or_else(|it| panic!("{what}: {it}"));
        works(&ledger).await;
        assert!(
            !ledger.log().contains("s3cret") && !ledger.log().contains(NKEY_SEED),
            "{what} is logged"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_incomplete_is_a_mistake_of_usage() {
    let dir = tempfile::tempdir().unwrap();
    for wrong in [
        &["--nats-user", "ada"][..],
        &["--nats-cert", "a.pem"],
        &["--nats-creds", "/nowhere/at/all"],
        &["--nats-nkey", "/nowhere/at/all"],
        &["--prefix", "Not.A.Token"],
        &["--prefix", ""],
        &["--replicas", "many"],
    ] {
        let own = [&["serve", "--nats", "nats://127.0.0.1:1", "--http", "127.0.0.1:0"][..], wrong]
            .concat();
        let (code, said) = refused(dir.path(), &own).await;
        assert_eq!(code, 2, "{wrong:?}: {said}");
        let named = wrong[0].contains("creds") || wrong[0].contains("nkey");
        assert!(!named || said.contains("/nowhere/at/all"), "{wrong:?}: {said}");
    }
}

/// What says who someone is, signed as NATS wants it (JWT with an Ed25519 key, nats.io, version 2).
fn signed(claims: &Value, by: &KeyPair) -> String {
    let part = |it: &Value| BASE64URL_NOPAD.encode(it.to_string().as_bytes());
    let body = format!("{}.{}", part(&json!({"typ": "JWT", "alg": "ed25519-nkey"})), part(claims));
    let signature = by.sign(body.as_bytes()).unwrap();
    format!("{body}.{}", BASE64URL_NOPAD.encode(&signature))
}

fn claims(who: &KeyPair, by: &KeyPair, name: &str, nats: &Value) -> Value {
    json!({"jti": name, "iat": 1_700_000_000, "iss": by.public_key(), "sub": who.public_key(),
        "name": name, "nats": nats})
}

/// An operator with a ledger's account: the server's configuration, and who may sign its users.
fn operator() -> (String, KeyPair) {
    let (operator, system, account) =
        (KeyPair::new_operator(), KeyPair::new_account(), KeyPair::new_account());
    let limits = json!({"subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1,
        "wildcards": true, "conn": -1, "leaf": -1, "mem_storage": -1, "disk_storage": -1,
        "streams": -1, "consumer": -1});
    let plain = json!({"subs": -1, "data": -1, "payload": -1, "conn": -1});
    let trusted = json!({"type": "operator", "version": 2});
    let trusted = signed(&claims(&operator, &operator, "operator", &trusted), &operator);
    let of = |who: &KeyPair, name: &str, limits: &Value| {
        let nats = json!({"type": "account", "version": 2, "limits": limits});
        format!("{}: {}", who.public_key(), signed(&claims(who, &operator, name, &nats), &operator))
    };
    let config = format!(
        "operator: {trusted}\nsystem_account: {}\nresolver: MEMORY\n\
         resolver_preload: {{ {}, {} }}",
        system.public_key(),
        of(&system, "system", &plain),
        of(&account, "ledger", &limits)
    );
    (config, account)
}

/// A credentials file for a user of whom this account says that it is its own.
fn credentials(dir: &Path, name: &str, account: &KeyPair) -> PathBuf {
    let user = KeyPair::new_user();
    let nats = json!({"type": "user", "version": 2, "pub": {}, "sub": {}, "subs": -1, "data": -1,
        "payload": -1});
    let jwt = signed(&claims(&user, account, name, &nats), account);
    let path = dir.join(name);
    let seed = user.seed().unwrap();
    let text = format!(
        "-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    );
    std::fs::write(&path, text).unwrap();
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credentials_file_lets_in_the_users_of_an_account_and_no_others() {
    let (config, account) = operator();
    let dir = tempfile::tempdir().unwrap();
    let right = credentials(dir.path(), "right.creds", &account);
    let wrong = credentials(dir.path(), "wrong.creds", &KeyPair::new_account());
    let server = NatsServer::start(&format!("{JETSTREAM}\n{config}")).await;
    let url = server.url();
    let wrong = ["--nats-creds", wrong.to_str().unwrap()];
    for wrong in [&[][..], &wrong, &["--nats-token", "s3cret-s3cret"]] {
        let own = [&["serve", "--nats", &url, "--http", "127.0.0.1:0"][..], wrong].concat();
        let (code, said) = refused(dir.path(), &own).await;
        assert_eq!(code, 3, "{wrong:?}: {said}");
        assert!(said.contains("authorization"), "{wrong:?}: {said}");
    }
    let ledger = server.serve(dir.path(), &["--nats-creds", right.to_str().unwrap()]).await;
    let ledger = ledger.unwrap();
    works(&ledger).await;
    let secret = std::fs::read_to_string(&right).unwrap();
    let seed = secret.lines().find(|it| it.starts_with("SU")).unwrap();
    assert!(!ledger.log().contains(seed), "the seed is logged");
}

/// Files of a certificate and its key, made by an authority.
struct Pair {
    cert: PathBuf,
    key: PathBuf,
}

/// An authority, its certificate in a file of this name.
fn authority(dir: &Path, name: &str) -> (CertifiedIssuer<'static, rcgen::KeyPair>, PathBuf) {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let made = CertifiedIssuer::self_signed(params, rcgen::KeyPair::generate().unwrap()).unwrap();
    let path = dir.join(name);
    std::fs::write(&path, made.pem()).unwrap();
    (made, path)
}

fn pair(
    dir: &Path,
    name: &str,
    by: &CertifiedIssuer<'_, rcgen::KeyPair>,
    purpose: ExtendedKeyUsagePurpose,
) -> Pair {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.extended_key_usages = vec![purpose];
    let key = rcgen::KeyPair::generate().unwrap();
    let cert = params.signed_by(&key, by).unwrap();
    let files =
        Pair { cert: dir.join(format!("{name}.pem")), key: dir.join(format!("{name}.key")) };
    std::fs::write(&files.cert, cert.pem()).unwrap();
    std::fs::write(&files.key, key.serialize_pem()).unwrap();
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_the_server_is_trusted_by_its_authority_and_the_ledger_by_its_certificate() {
    let dir = tempfile::tempdir().unwrap();
    let (ours, ca) = authority(dir.path(), "ca.pem");
    let (others, other_ca) = authority(dir.path(), "other-ca.pem");
    let server = pair(dir.path(), "server", &ours, ExtendedKeyUsagePurpose::ServerAuth);
    let client = pair(dir.path(), "client", &ours, ExtendedKeyUsagePurpose::ClientAuth);
    let stranger = pair(dir.path(), "stranger", &others, ExtendedKeyUsagePurpose::ClientAuth);
    let [ca, other_ca, cert, key, stranger_cert, stranger_key] =
        [&ca, &other_ca, &client.cert, &client.key, &stranger.cert, &stranger.key]
            .map(|it| it.to_str().unwrap());
    for verify in [false, true] {
        let server = NatsServer::start(&format!(
            "{JETSTREAM}\ntls {{ cert_file: {:?}, key_file: {:?}, ca_file: {ca:?}, \
             verify: {verify} }}",
            server.cert, server.key
        ))
        .await;
        let url = server.url().replace("127.0.0.1", "localhost").replace("nats://", "tls://");
        let shown = ["--nats-ca", ca, "--nats-cert", cert, "--nats-key", key];
        let strange = ["--nats-ca", ca, "--nats-cert", stranger_cert, "--nats-key", stranger_key];
        let right = if verify { &shown[..] } else { &shown[..2] };
        let mut wrong = vec![vec![], vec!["--nats-ca", other_ca]];
        if verify {
            wrong.extend([shown[..2].to_vec(), strange.to_vec()]);
        }
        for wrong in wrong {
            let own = [&["serve", "--nats", &url, "--http", "127.0.0.1:0"][..], &wrong].concat();
            let (code, said) = refused(dir.path(), &own).await;
            assert_eq!(code, 3, "{wrong:?}: {said}");
            assert!(said.contains("cannot connect to NATS at tls://localhost:"), "{said}");
            assert!(
                said.contains("--nats-ca") && said.contains("--nats-cert"),
                "{wrong:?}: {said}"
            );
            assert!(!said.contains("running there"), "{wrong:?}: it runs: {said}");
        }
        let own = tempfile::tempdir().unwrap();
        let mut all = vec!["serve", "--nats", &url, "--http", "127.0.0.1:0", "--ready-json"];
        all.extend(["--create", "--max-bytes", "100000000", "--nats-tls"]);
        all.extend(right);
        let ledger = Ledger::spawn(own.path(), &all).await.unwrap();
        works(&ledger).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_tls_is_refused_where_tls_is_demanded() {
    let server = NatsServer::start(JETSTREAM).await;
    let dir = tempfile::tempdir().unwrap();
    let url = server.url();
    let own = ["serve", "--nats", &url, "--http", "127.0.0.1:0", "--nats-tls"];
    let (code, said) = refused(dir.path(), &own).await;
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("--nats-tls demands TLS"), "{said}");
}
