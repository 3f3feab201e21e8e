//! Behind a proxy: a small one that does what `docs/operating.md` has nginx do.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::Ledger;
use crate::keys::written;
use crate::ledger::PATIENCE;

/// The public URL of the page's example.
const PUBLIC: &str = "https://ledger.example";

/// A hop that passes requests on, one a connection, and sets some headers of each.
struct Proxy {
    address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    /// One before a ledger. A header is set to its value, in which nginx's variables stand for what
    /// they do there, or is taken away where that is empty; all others are passed on.
    async fn before(ledger: &Ledger, headers: &[(&str, &str)]) -> Proxy {
        let to: SocketAddr = ledger.http_url().strip_prefix("http://").unwrap().parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let own = |it: &(&str, &str)| (it.0.to_lowercase(), it.1.to_owned());
        let headers: Vec<_> = headers.iter().map(own).collect();
        let task = tokio::spawn(async move {
            while let Ok((client, peer)) = listener.accept().await {
                tokio::spawn(pass_on(client, peer, to, headers.clone()));
            }
        });
        Proxy { address, task }
    }

    /// A request of a client with this address: status, and the document.
    async fn ask(
        &self,
        from: &str,
        request: &str,
        more: &[(&str, &str)],
        body: &str,
    ) -> (u16, Value) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(from.parse().unwrap(), 0)).unwrap();
        let mut stream = socket.connect(self.address).await.unwrap();
        let mut head = format!("{request} HTTP/1.1\r\ncontent-length: {}\r\n", body.len());
        if !more.iter().any(|it| it.0 == "host") {
            head.push_str("host: localhost\r\n");
        }
        for (name, value) in more {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        stream.write_all(format!("{head}\r\n{body}").as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer);
        tokio::time::timeout(PATIENCE, read).await.unwrap().unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer:?}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap_or_default())
    }

    async fn get(&self, path: &str, more: &[(&str, &str)]) -> (u16, Value) {
        self.ask("127.0.0.1", &format!("GET {path}"), more, "").await
    }
}

async fn pass_on(
    mut client: TcpStream,
    peer: SocketAddr,
    to: SocketAddr,
    set: Vec<(String, String)>,
) -> Option<()> {
    let mut read = Vec::new();
    let end = loop {
        if let Some(at) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        (client.read_buf(&mut read).await.ok()? > 0).then_some(())?;
    };
    let head = String::from_utf8(read[..end].to_vec()).ok()?;
    let mut body = read[end + 4..].to_vec();
    let mut lines = head.split("\r\n");
    let request = lines.next()?;
    let came: Vec<(String, &str)> =
        lines.filter_map(|it| it.split_once(": ")).map(|(a, b)| (a.to_lowercase(), b)).collect();
    let of = |name: &str| {
        let values: Vec<_> = came.iter().filter(|it| it.0 == name).map(|it| it.1).collect();
        values.join(", ")
    };
    let length: usize = of("content-length").parse().unwrap_or(0);
    while body.len() < length {
        (client.read_buf(&mut body).await.ok()? > 0).then_some(())?;
    }
    let mut sent = format!("{request}\r\nconnection: close\r\n");
    for (name, value) in came.iter().filter(|it| set.iter().all(|own| own.0 != it.0)) {
        sent.push_str(&format!("{name}: {value}\r\n"));
    }
    for (name, value) in &set {
        let forwarded_for = match of("x-forwarded-for") {
            none if none.is_empty() => peer.ip().to_string(),
            some => format!("{some}, {}", peer.ip()),
        };
        let value = value
            .replace("$proxy_add_x_forwarded_for", &forwarded_for)
            .replace("$host", of("host").split(':').next()?)
            .replace("$remote_addr", &peer.ip().to_string());
        assert!(!value.contains('$'), "this proxy does not know {value}");
        if !value.is_empty() {
            sent.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    let mut server = TcpStream::connect(to).await.ok()?;
    server.write_all(format!("{sent}\r\n").as_bytes()).await.ok()?;
    server.write_all(&body).await.ok()?;
    tokio::io::copy(&mut server, &mut client).await.ok()?;
    Some(())
}

/// What the page has nginx set.
fn documented() -> Vec<(String, String)> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operating.md");
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text.lines().filter_map(|it| it.trim().strip_prefix("proxy_set_header "));
    let set: Vec<_> = lines
        .map(|it| it.strip_suffix(';').unwrap().split_once(' ').unwrap())
        .map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned()))
        .collect();
    assert!(!set.is_empty());
    assert!(text.contains(&format!("--public-url {PUBLIC}")));
    set
}

/// A proxy as the page sets it up.
async fn documented_before(ledger: &Ledger) -> Proxy {
    let set = documented();
    let set: Vec<_> = set.iter().map(|it| (it.0.as_str(), it.1.as_str())).collect();
    Proxy::before(ledger, &set).await
}

async fn start(more: &[&str]) -> (tempfile::TempDir, Ledger) {
    let dir = tempfile::tempdir().unwrap();
    let arguments = ["dev", "--http", "127.0.0.1:0", "--no-demo", "--ready-json"];
    let ledger = Ledger::spawn(dir.path(), &[&arguments[..], more].concat()).await;
    (dir, ledger.unwrap_or_else(|it| panic!("{it}")))
}

fn own_key(ledger: &Ledger) -> String {
    format!("Bearer {}", ledger.ready()["key"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_through_a_proxy_needs_a_key_though_the_proxy_is_on_this_machine() {
    let ledger = Ledger::start().await;
    let key = own_key(&ledger);
    let check = "/api/catalog/licenses/user/assignment/check/?email=a@x.org";
    for header in [
        ("x-forwarded-for", "$proxy_add_x_forwarded_for"),
        ("forwarded", "for=$remote_addr"),
        ("x-real-ip", "$remote_addr"),
        ("via", "1.1 proxy"),
        ("x-forwarded-proto", "https"),
    ] {
        let proxy = Proxy::before(&ledger, &[header]).await;
        for path in ["/v1/accounts", "/v1/status", "/v1/clock", "/metrics", check] {
            assert_eq!(proxy.get(path, &[]).await.0, 401, "{header:?} {path}");
        }
        let command = "POST /v1/accounts/acme/commands/AllocateLicense";
        let document = json!({"license": "l", "product": "P", "quantity": 1}).to_string();
        let (status, told) = proxy.ask("127.0.0.1", command, &[], &document).await;
        assert_eq!((status, &told["code"]), (401, &json!("key_missing")), "{header:?}");
        let shown = [("authorization", key.as_str())];
        assert_eq!(proxy.get("/metrics", &shown).await.0, 200, "{header:?}");
        assert_eq!(proxy.get("/v1/accounts", &shown).await.0, 200, "{header:?}");
        assert_eq!(proxy.get("/readyz", &[]).await.0, 200, "{header:?}");
    }
    // By itself it is as before.
    for path in ["/v1/accounts", "/metrics"] {
        assert_eq!(ledger.get(path).await.status, 200, "{path}");
    }
    assert_eq!(ledger.get("/v1/status").await.json()["sequence"], json!(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_trusted_proxy_each_client_is_counted_by_its_own_address() {
    let trusted = ["--keys", "required", "--trusted-proxy", "127.0.0.1=x-forwarded-for"];
    let check = ["--ibl-check", "public", "--ibl-check-rate", "1"];
    let (_dir, ledger) = start(&[&trusted[..], &check].concat()).await;
    let proxy = documented_before(&ledger).await;
    let wrong = format!("Bearer {}", written("0123456789abcdef", [7; 32]));
    let fail = async |from: &str, more: &[(&str, &str)]| {
        let headers = [&[("authorization", wrong.as_str())], more].concat();
        proxy.ask(from, "GET /v1/accounts", &headers, "").await.0
    };
    for _ in 0..10 {
        assert_eq!(fail("127.0.0.2", &[]).await, 401);
    }
    assert_eq!(fail("127.0.0.2", &[]).await, 429);
    assert_eq!(fail("127.0.0.3", &[]).await, 401, "another one has done nothing");
    // Whoever makes up who asked before them is still who they are.
    let made_up = ["192.0.2.1", "127.0.0.3", "unknown", "\"", "192.0.2.1, 192.0.2.2", ""];
    for it in made_up {
        assert_eq!(fail("127.0.0.2", &[("x-forwarded-for", it)]).await, 429, "{it}");
        let twice =
            [("x-forwarded-for", it), ("x-forwarded-for", it), ("forwarded", "for=192.0.2.3")];
        assert_eq!(fail("127.0.0.2", &twice).await, 429, "{it} twice");
    }
    let log = ledger.log();
    assert!(log.contains("127.0.0.2") && log.contains("127.0.0.3"), "{log}");
    assert!(!log.contains("192.0.2."), "{log}");
    let path = "GET /api/catalog/licenses/user/assignment/check/?email=a@x.org";
    for (from, status) in [("127.0.0.4", 404), ("127.0.0.4", 429), ("127.0.0.5", 404)] {
        assert_eq!(proxy.ask(from, path, &[], "").await.0, status, "{from}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_public_url_is_this_ledger_too_and_its_pages_may_ask() {
    let arguments = ["--public-url", PUBLIC, "--trusted-proxy", "127.0.0.1/32=x-forwarded-for"];
    let (_dir, ledger) = start(&[&["--keys", "required"][..], &arguments].concat()).await;
    let proxy = documented_before(&ledger).await;
    let key = own_key(&ledger);
    let page = |host: &'static str, origin: &'static str, site: &'static str| {
        let key = ("authorization", key.clone());
        [key, ("host", host.into()), ("origin", origin.into()), ("sec-fetch-site", site.into())]
    };
    for (number, (host, origin, site, status)) in [
        ("ledger.example", PUBLIC, "same-origin", 200),
        ("ledger.example:443", PUBLIC, "none", 200),
        ("ledger.example", PUBLIC, "cross-site", 403),
        ("ledger.example", "https://evil.example", "same-site", 403),
        ("ledger.example", "http://ledger.example", "same-site", 403),
        ("ledger.example", "null", "same-origin", 403),
        ("evil.example", "https://evil.example", "same-origin", 403),
        ("evil.example", PUBLIC, "same-origin", 403),
        ("ledger.example", "http://localhost:3000", "same-site", 403),
    ]
    .into_iter()
    .enumerate()
    {
        let headers = page(host, origin, site);
        let headers: Vec<_> = headers.iter().map(|it| (it.0, it.1.as_str())).collect();
        let command = "POST /v1/accounts/acme/commands/AllocateLicense";
        let license = format!("l{number}");
        let document = json!({"license": license, "product": "P", "quantity": 1}).to_string();
        let (told, answer) = proxy.ask("127.0.0.9", command, &headers, &document).await;
        assert_eq!(told, status, "{host} {origin} {site}: {answer}");
        if status == 403 {
            assert_eq!(answer["code"], json!("cross_site"), "{answer}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_or_a_url_that_makes_no_sense_ends_the_start() {
    for (arguments, told) in [
        (["--trusted-proxy", "127.0.0.1"], "127.0.0.1=x-forwarded-for"),
        (["--trusted-proxy", "10.0.0.1/8=forwarded"], "10.0.0.0/8"),
        (["--public-url", "ledger.example"], "https://ledger.example"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let dev = ["dev", "--http", "127.0.0.1:0", "--no-demo", "--ready-json"];
        let refused = Ledger::spawn(dir.path(), &[&dev[..], &arguments].concat()).await.err();
        assert!(refused.as_ref().is_some_and(|it| it.contains(told)), "{refused:?}");
    }
}
