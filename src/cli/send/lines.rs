//! Many commands from a file of JSON lines, in parts, with a line of answer for each.

use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::Method;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::print;
use crate::cli::remote::{problem, unreachable_ledger};
use crate::cli::{Exit, Global, failed, output};
use crate::client::Client;

/// Lines in one request at most.
const PART_LINES_MAX: u32 = 1_000;

/// Bytes in one request; a line that is longer goes alone.
const PART_BYTES_MAX: usize = 512 * 1024;

/// Bytes that are read ahead of a file. Lines of standard input are sent as they come.
const READ_AHEAD: usize = 1024 * 1024;

/// How they are sent.
pub(super) struct Lines<'a> {
    pub(super) global: &'a Global,
    pub(super) client: &'a Client,
    pub(super) dry_run: bool,
    /// What commands without an id are called, with the number of their line.
    pub(super) key: Option<&'a str>,
}

/// Consecutive lines of the input.
struct Part {
    first: u32,
    lines: u32,
    bytes: Vec<u8>,
}

impl Lines<'_> {
    /// Sends all lines in order.
    pub(super) async fn send(&self, path: &Path) -> anyhow::Result<Exit> {
        let (mut input, bar) = open(path)?;
        let mut tally = Tally::default();
        let mut next = 1;
        while let Some(part) = read_part(&mut input, next)? {
            next = part.first + part.lines;
            let (first, bytes) = (part.first, part.bytes.len() as u64);
            if let Err(error) = self.send_part(part, &mut tally, &bar).await {
                bar.abandon();
                tally.say();
                let unanswered = tally.last.map_or(first, |it| it + 1);
                return Err(error.context(format!("line {unanswered} and those after it")));
            }
            bar.inc(bytes);
        }
        bar.finish_and_clear();
        tally.say();
        Ok(tally.exit())
    }

    async fn send_part(
        &self,
        part: Part,
        tally: &mut Tally,
        bar: &ProgressBar,
    ) -> anyhow::Result<()> {
        let texts = part.bytes.split(|it| *it == b'\n').filter(|it| !it.trim_ascii().is_empty());
        let asked = tally.answered() + texts.count() as u64;
        if asked == tally.answered() {
            return Ok(());
        }
        let dry_run = if self.dry_run { "&dry_run=true" } else { "" };
        let path = format!("/v1/commands?first_line={}{dry_run}", part.first);
        let key = self.key.map(|it| ("idempotency-key", it));
        let body = Bytes::from(part.bytes);
        let response = self
            .client
            .send(Method::POST, &path, body, key.as_slice())
            .await
            .map_err(unreachable_ledger)?;
        let status = response.status().as_u16();
        let mut body = response.into_body();
        if status != 200 {
            let whole = body.collect().await?.to_bytes();
            let mut answer: Value = serde_json::from_slice(&whole).unwrap_or_default();
            if status == 413 && part.lines == 1 {
                // It went alone, so what is said of the request is said of the line.
                answer["line"] = json!(part.first);
                self.told(&answer, tally, bar);
                return Ok(());
            }
            return Err(problem(status, &answer));
        }
        let mut text = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|it| failed(Exit::Unreachable, it.to_string()))?;
            if let Ok(data) = frame.into_data() {
                text.extend_from_slice(&data);
            }
            let mut read = 0;
            while let Some(end) = text[read..].iter().position(|it| *it == b'\n') {
                let answer = serde_json::from_slice(&text[read..read + end])
                    .map_err(|it| failed(Exit::Unsound, format!("an answer is not JSON: {it}")))?;
                self.told(&answer, tally, bar);
                read += end + 1;
            }
            text.drain(..read);
        }
        match tally.answered() == asked {
            true => Ok(()),
            false => Err(failed(Exit::Unreachable, "the answer was broken off")),
        }
    }

    fn told(&self, answer: &Value, tally: &mut Tally, bar: &ProgressBar) {
        tally.count(answer);
        bar.set_message(tally.said());
        bar.suspend(|| match self.global.json {
            true => output::line(&answer.to_string()),
            false => print(self.global, answer),
        });
    }
}

type Input = BufReader<Box<dyn Read>>;

/// The input, and a bar that says how much of it was sent: on a terminal only.
fn open(path: &Path) -> anyhow::Result<(Input, ProgressBar)> {
    let buffered = |it: Box<dyn Read>| BufReader::with_capacity(READ_AHEAD, it);
    if path.as_os_str() == "-" {
        return Ok((buffered(Box::new(std::io::stdin())), ProgressBar::hidden()));
    }
    let unreadable = |it| failed(Exit::Usage, format!("{}: {it}", path.display()));
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let bar = ProgressBar::new(file.metadata().map_err(unreadable)?.len());
    let style = "[{bar:32}] {percent:>3} % {msg} eta {eta}";
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style.progress_chars("█░ "));
    }
    Ok((buffered(Box::new(file)), bar))
}

/// The next lines: one is waited for, those that are there already come along.
fn read_part(input: &mut Input, first: u32) -> std::io::Result<Option<Part>> {
    let mut part = Part { first, lines: 0, bytes: vec![] };
    if input.read_until(b'\n', &mut part.bytes)? == 0 {
        return Ok(None);
    }
    part.lines = 1;
    while part.lines < PART_LINES_MAX {
        let Some(end) = input.buffer().iter().position(|it| *it == b'\n') else { break };
        if part.bytes.len() + end >= PART_BYTES_MAX {
            break;
        }
        part.bytes.extend_from_slice(&input.buffer()[..=end]);
        input.consume(end + 1);
        part.lines += 1;
    }
    Ok(Some(part))
}

/// How many of many went well.
#[derive(Default)]
struct Tally {
    accepted: u64,
    wrong: u64,
    /// The line that was answered last.
    last: Option<u32>,
}

impl Tally {
    fn count(&mut self, answer: &Value) {
        match answer["outcome"] == "accepted" {
            true => self.accepted += 1,
            false => self.wrong += 1,
        }
        self.last = answer["line"].as_u64().and_then(|it| u32::try_from(it).ok());
    }

    fn answered(&self) -> u64 {
        self.accepted + self.wrong
    }

    fn said(&self) -> String {
        format!("{} accepted, {} not", self.accepted, self.wrong)
    }

    fn say(&self) {
        output::error(&self.said());
    }

    fn exit(&self) -> Exit {
        match (self.accepted, self.wrong) {
            (_, 0) => Exit::Done,
            (0, _) => Exit::Refused,
            (_, _) => Exit::Partial,
        }
    }
}
