//! Chance that can be repeated.

use std::time::Duration;

/// SplitMix64: the same seed, the same throws.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// The seed of a test, from the environment if one is asked for; printed, so that a failure can
    /// be repeated.
    pub fn of_test(name: &str, seed: u64) -> Dice {
        let seed = super::setting("SEATLEDGER_SEED", seed);
        super::say(&format!("{name}: SEATLEDGER_SEED={seed}"));
        Dice(seed)
    }

    /// Another dice that does not follow this one.
    pub fn other(&self, number: u64) -> Dice {
        Dice(Dice(self.0 ^ number.wrapping_mul(0xA076_1D64_78BD_642F)).throw())
    }

    fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut it = self.0;
        it = (it ^ (it >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        it = (it ^ (it >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        it ^ (it >> 31)
    }

    /// 0 to `sides` - 1.
    pub fn below(&mut self, sides: u64) -> u64 {
        self.throw() % sides
    }

    pub fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(from + self.below(to - from))
    }
}
