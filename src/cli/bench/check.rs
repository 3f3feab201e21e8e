//! Checks over HTTP.

use std::sync::Arc;

use clap::Args;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Mutex;

use super::closed_loop::{HEAD, Measured, round, run};
use crate::cli::remote::{Remote, encoded, get};
use crate::cli::{Exit, Global, failed, output};

/// Holders that are asked about.
const HOLDERS_MAX: usize = 1_000;

/// The handler that does nothing, behind the same accept loop and limits.
const EMPTY: &str = "/healthz";

/// Bytes read at once: an answer is smaller.
const READ_BYTES: usize = 16 * 1024;

#[derive(Debug, Args)]
pub(in crate::cli) struct Check {
    /// Connections that ask side by side
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Seconds of checks; the empty handler gets as many
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// The account whose holders are asked about; filled by `bench assign` or `bench fill`
    #[arg(long, default_value = "bench-0")]
    account: String,
    /// The license that is asked about
    #[arg(long, default_value = "l0")]
    license: String,
    #[command(flatten)]
    remote: Remote,
}

impl Check {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let client = self.remote.client(global)?;
        let account = format!("/v1/accounts/{}", encoded(&self.account));
        let license =
            get(&client, &format!("{account}/licenses/{}", encoded(&self.license))).await?;
        let product = license["product"].as_str().unwrap_or_default().to_owned();
        let path = format!(
            "{account}/licenses/{}/assignments?limit={HOLDERS_MAX}",
            encoded(&self.license)
        );
        let assignments = get(&client, &path).await?;
        let items = assignments["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        let users = items.iter().filter_map(|it| it["holder"]["user"].as_str());
        let paths: Vec<String> = users
            .map(|user| {
                format!("{account}/checks?user={}&product={}", encoded(user), encoded(&product))
            })
            .collect();
        if paths.is_empty() {
            let message = format!("{} of {} has no holders", self.license, self.account);
            return Err(failed(Exit::Usage, message));
        }
        let address = client.base().trim_start_matches("http://").to_owned();
        let shown = client.authorization().map(|it| format!("authorization: {it}\r\n"));
        let server = Server { address, shown: shown.unwrap_or_default() };
        // In turns, so that what drifts drifts for both.
        let mut empty = Measured::new();
        let mut checked = Measured::new();
        let half = self.seconds.div_ceil(2);
        for _ in 0..2 {
            empty.add(&self.ask(&server, Arc::new(vec![EMPTY.to_owned()]), half, false).await);
            checked.add(&self.ask(&server, Arc::new(paths.clone()), half, true).await);
        }
        self.print(global, &empty, &checked);
        let wrong = empty.wrong + checked.wrong;
        Ok(if wrong == 0 { Exit::Done } else { Exit::Unsound })
    }

    async fn ask(
        &self,
        server: &Server,
        paths: Arc<Vec<String>>,
        seconds: u64,
        allowed: bool,
    ) -> Measured {
        run(self.connections, seconds, |caller| {
            let (address, shown) = (server.address.clone(), server.shown.clone());
            let paths = paths.clone();
            let connection: Arc<Mutex<Option<TcpStream>>> = Arc::default();
            let mut number = caller;
            move || {
                number = number.wrapping_add(1);
                let request = format!(
                    "GET {} HTTP/1.1\r\nhost: localhost\r\n{shown}\r\n",
                    paths[number % paths.len()]
                );
                let (address, connection) = (address.clone(), connection.clone());
                async move {
                    let mut connection = connection.lock().await;
                    let answer = exchange(&address, &mut connection, request.as_bytes()).await;
                    match answer {
                        Some(answer) if allowed => contains(&answer, b"\"allowed\":true"),
                        Some(answer) => answer.starts_with(b"HTTP/1.1 200"),
                        None => {
                            *connection = None;
                            false
                        }
                    }
                }
            }
        })
        .await
    }

    fn print(&self, global: &Global, empty: &Measured, checked: &Measured) {
        let rate = checked.rate() / empty.rate().max(f64::EPSILON);
        let p99 = checked.quantile_ms(0.99) / empty.quantile_ms(0.99).max(f64::EPSILON);
        if global.json {
            let document: Value = json!({
                "connections": self.connections,
                "empty": empty.json(),
                "check": checked.json(),
                "rate_ratio": round(rate),
                "p99_ratio": round(p99),
            });
            return output::json(&document);
        }
        let rows = vec![empty.row("empty handler"), checked.row("check")];
        output::table(&HEAD, rows);
        output::line(&format!("rate {rate:.2} x the empty handler's, p99 {p99:.2} x"));
    }
}

/// Who is asked.
struct Server {
    address: String,
    /// The line of a request that shows a key, if there is one.
    shown: String,
}

/// Sends a request on a kept connection and reads the answer whole.
async fn exchange(
    address: &str,
    connection: &mut Option<TcpStream>,
    request: &[u8],
) -> Option<Vec<u8>> {
    if connection.is_none() {
        let stream = TcpStream::connect(address).await.ok()?;
        stream.set_nodelay(true).ok()?;
        *connection = Some(stream);
    }
    let stream = connection.as_mut()?;
    stream.write_all(request).await.ok()?;
    let mut answer = Vec::with_capacity(READ_BYTES);
    loop {
        let read = stream.read_buf(&mut answer).await.ok()?;
        if read == 0 {
            return None;
        }
        if let Some(whole) = whole_length(&answer)
            && answer.len() >= whole
        {
            return Some(answer);
        }
    }
}

/// Bytes of an answer whose head is there.
fn whole_length(answer: &[u8]) -> Option<usize> {
    let head = answer.windows(4).position(|it| it == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&answer[..head]).ok()?;
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>())
    });
    Some(head + length?.ok()?)
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|it| it == part)
}
