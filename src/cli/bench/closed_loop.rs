//! The closed loop and what it measured.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde_json::{Value, json};

/// Latencies are kept in microseconds, up to a minute, to three digits.
const LATENCY_US_MAX: u64 = 60_000_000;

/// What one loop measured.
#[derive(Debug)]
pub(super) struct Measured {
    /// Requests answered as they should be.
    pub(super) done: u64,
    /// Requests answered otherwise.
    pub(super) wrong: u64,
    /// How long it took.
    pub(super) seconds: f64,
    latency: Histogram<u64>,
}

impl Measured {
    pub(super) fn new() -> Measured {
        Measured { done: 0, wrong: 0, seconds: 0.0, latency: latencies() }
    }

    pub(super) fn record(&mut self, begin: Instant, right: bool) {
        self.latency
            .saturating_record(u64::try_from(begin.elapsed().as_micros()).unwrap_or(u64::MAX));
        match right {
            true => self.done += 1,
            false => self.wrong += 1,
        }
    }

    pub(super) fn add(&mut self, other: &Measured) {
        self.done += other.done;
        self.wrong += other.wrong;
        self.seconds += other.seconds;
        // Invariant: all histograms have the same bounds.
        let _ = self.latency.add(&other.latency);
    }

    /// Requests a second.
    pub(super) fn rate(&self) -> f64 {
        self.done as f64 / self.seconds.max(f64::EPSILON)
    }

    /// The latency that this share of the requests did not exceed, in milliseconds.
    pub(super) fn quantile_ms(&self, quantile: f64) -> f64 {
        self.latency.value_at_quantile(quantile) as f64 / 1_000.0
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "done": self.done,
            "wrong": self.wrong,
            "seconds": round(self.seconds),
            "per_second": self.rate().round(),
            "p50_ms": self.quantile_ms(0.5),
            "p99_ms": self.quantile_ms(0.99),
            "p999_ms": self.quantile_ms(0.999),
        })
    }

    pub(super) fn row(&self, name: &str) -> Vec<String> {
        vec![
            name.to_owned(),
            self.done.to_string(),
            self.wrong.to_string(),
            format!("{:.0}", self.rate()),
            format!("{:.3}", self.quantile_ms(0.5)),
            format!("{:.3}", self.quantile_ms(0.99)),
            format!("{:.3}", self.quantile_ms(0.999)),
        ]
    }
}

/// Invariant: the bounds are constants that the histogram accepts.
#[expect(clippy::expect_used, reason = "the bounds are constants")]
fn latencies() -> Histogram<u64> {
    Histogram::new_with_max(LATENCY_US_MAX, 3).expect("bounds that a histogram accepts")
}

/// The columns of [`Measured::row`].
pub(super) const HEAD: [&str; 7] =
    ["what", "done", "wrong", "per second", "p50 ms", "p99 ms", "p99.9 ms"];

/// To two decimals.
pub(super) fn round(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

/// Runs callers side by side until the time is over, and adds up what they measured. Each caller
/// is made by `caller` with its number, and called again and again.
pub(super) async fn run<C, F>(callers: usize, seconds: u64, caller: impl Fn(usize) -> C) -> Measured
where
    C: FnMut() -> F + Send + 'static,
    F: Future<Output = bool> + Send,
{
    let end = Instant::now() + Duration::from_secs(seconds);
    let begin = Instant::now();
    let running: Vec<_> = (0..callers)
        .map(|number| {
            let mut call = caller(number);
            tokio::spawn(async move {
                let mut measured = Measured::new();
                while Instant::now() < end {
                    let begin = Instant::now();
                    let right = call().await;
                    measured.record(begin, right);
                }
                measured
            })
        })
        .collect();
    let mut all = Measured::new();
    for caller in running {
        if let Ok(measured) = caller.await {
            all.add(&measured);
        }
    }
    all.seconds = begin.elapsed().as_secs_f64();
    all
}
