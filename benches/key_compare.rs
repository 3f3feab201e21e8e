//! Whether the time of comparing a secret tells what it is compared with.
//!
//! `cargo bench --bench key_compare` times two kinds of comparisons mixed at random, of a hash with
//! itself and of one with others, and prints Welch's t of the two. Within 4.5 of zero they cannot be
//! told apart by their time (Reparaz, Balasch, Verbauwhede: Dude, is my code constant time?, 2017). A
//! comparison that stops at the first difference is measured beside it, so that one sees that the
//! test would notice. Ends with 1 if the one can be told, or the other cannot.

#![allow(clippy::print_stdout, reason = "what it measures is printed")]

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use events::key::SecretHash;
use seatledger::auth::key;

/// Comparisons of each kind, about, that are timed.
const SAMPLES: usize = 1_000_000;

/// Comparisons that are timed as one: a single one is too short for the clock.
const TOGETHER: usize = 16;

/// The share of all samples that is looked at, the fastest ones: the others are interrupts.
const LOOKED_AT: f64 = 0.95;

/// Beyond this two kinds differ.
const DIFFER: f64 = 4.5;

/// One timed sample: its nanoseconds, and whether the hashes were the same.
struct Sample {
    took: f64,
    same: bool,
}

fn main() -> Result<ExitCode, getrandom::Error> {
    let stops = |one: &SecretHash, other: &SecretHash| {
        one.0.iter().zip(&other.0).all(|(one, other)| one == other)
    };
    let (ours, leaky) = (welch(samples(key::same)?), welch(samples(stops)?));
    println!("the comparison of keys: t = {ours:.2}");
    println!("one that stops at the first difference: t = {leaky:.2}");
    let good = ours.abs() < DIFFER && leaky.abs() > DIFFER;
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Times comparisons of a hash with itself and with random ones.
fn samples(
    compare: impl Fn(&SecretHash, &SecretHash) -> bool,
) -> Result<Vec<Sample>, getrandom::Error> {
    let mut kept = SecretHash([0; 32]);
    getrandom::fill(&mut kept.0)?;
    let mut samples = Vec::with_capacity(2 * SAMPLES);
    for _ in 0..2 * SAMPLES {
        let (mut shown, mut coin) = (SecretHash([0; 32]), [0]);
        getrandom::fill(&mut shown.0)?;
        getrandom::fill(&mut coin)?;
        let same = coin[0] & 1 == 1;
        // Both kinds write all the bytes, or the caches would tell.
        let mask = if same { 0xff } else { 0 };
        for (shown, kept) in shown.0.iter_mut().zip(&kept.0) {
            *shown = *shown & !mask | kept & mask;
        }
        let began = Instant::now();
        for _ in 0..TOGETHER {
            black_box(compare(black_box(&kept), black_box(&shown)));
        }
        samples.push(Sample { took: began.elapsed().as_nanos() as f64, same });
    }
    Ok(samples)
}

/// Welch's t of the two kinds among the fastest samples.
fn welch(mut samples: Vec<Sample>) -> f64 {
    samples.sort_by(|one, other| one.took.total_cmp(&other.took));
    samples.truncate((samples.len() as f64 * LOOKED_AT) as usize);
    let moments = |same: bool| {
        let took: Vec<f64> =
            samples.iter().filter(|it| it.same == same).map(|it| it.took).collect();
        let count = took.len() as f64;
        let mean = took.iter().sum::<f64>() / count;
        let variance = took.iter().map(|it| (it - mean).powi(2)).sum::<f64>() / (count - 1.0);
        (mean, variance / count)
    };
    let ((one, of_one), (other, of_other)) = (moments(true), moments(false));
    (one - other) / (of_one + of_other).sqrt()
}
