//! Random inputs from seeds: the same ones everywhere, and a failing one is told by its seed.
//!
//! `SEATLEDGER_SEED` runs one seed alone, `SEATLEDGER_SEEDS=5000..90000` runs others than usual.

use std::ops::Range;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};

/// The seeds to run: `usual`, unless the environment names others.
fn seeds(usual: Range<u64>) -> Range<u64> {
    let number = |it: &str| it.parse::<u64>().unwrap_or_else(|_| panic!("`{it}` is no seed"));
    if let Ok(seed) = std::env::var("SEATLEDGER_SEED") {
        let seed = number(&seed);
        return seed..seed + 1;
    }
    let Ok(range) = std::env::var("SEATLEDGER_SEEDS") else { return usual };
    let (first, end) = range.split_once("..").expect("SEATLEDGER_SEEDS is FIRST..END");
    number(first)..number(end)
}

/// Asserts `test` on the input of each seed; the input that fails is made as small as can be.
pub(super) fn each<S: Strategy>(usual: Range<u64>, inputs: &S, test: impl Fn(S::Value)) {
    for seed in seeds(usual) {
        let config = Config {
            cases: 1,
            rng_seed: RngSeed::Fixed(seed),
            failure_persistence: None,
            max_shrink_iters: 4_000,
            ..Config::default()
        };
        let mut runner = TestRunner::new(config);
        let outcome = runner.run(inputs, |input| {
            test(input);
            Ok::<(), TestCaseError>(())
        });
        match outcome {
            Ok(()) => {}
            Err(TestError::Fail(reason, input)) => {
                panic!(
                    "SEATLEDGER_SEED={seed}: {reason}\nthe smallest input that fails: {input:#?}"
                )
            }
            Err(TestError::Abort(reason)) => panic!("SEATLEDGER_SEED={seed}: {reason}"),
        }
    }
}
