//! Where new ids and numbers come from, so that rules stay functions of their arguments.

use uuid::{Builder, Uuid};

use crate::moment::Moment;

/// Mints ids and numbers for one judgement. The same mint gives the same ids.
///
/// Ids are UUIDv7 (RFC 9562) of the moment of judging; within a mint they rise, because the random
/// part starts at a seed and counts up (method 2 of section 6.2 there).
#[derive(Debug, Clone)]
pub struct Mint {
    at: Moment,
    random: u128,
    number: u64,
}

/// The bits of a UUIDv7 that are neither time, version nor variant.
const RANDOM_BITS: u128 = 1 << 74;

impl Mint {
    /// `seed` must be random in production: ids are unique because of it. `number` is the last
    /// number given out.
    pub fn new(at: Moment, seed: u128, number: u64) -> Mint {
        Mint { at, random: seed % RANDOM_BITS, number }
    }

    /// An id nobody has had.
    pub fn id(&mut self) -> Uuid {
        self.random = (self.random + 1) % RANDOM_BITS;
        // 12 bits above the variant, 62 below; the builder sets version and variant itself.
        let high = (self.random >> 62) << 64;
        let low = self.random & ((1 << 62) - 1);
        let mut bytes = [0; 10];
        bytes.copy_from_slice(&(high | low).to_be_bytes()[6..]);
        let millis = u64::try_from(self.at.millis()).unwrap_or_default();
        Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
    }

    /// A number nobody has had.
    pub fn number(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    /// The last number given out.
    pub fn last_number(&self) -> u64 {
        self.number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_rise_and_are_version_7() {
        let at = Moment::parse("2026-05-03T09:00:00.123Z").unwrap();
        for seed in [0, (1 << 62) - 3, RANDOM_BITS / 2] {
            let mut mint = Mint::new(at, seed, 0);
            let ids: Vec<_> = (0..10).map(|_| mint.id()).collect();
            assert!(ids.is_sorted() && ids.windows(2).all(|it| it[0] != it[1]), "{ids:?}");
            assert!(ids.iter().all(|it| it.get_version_num() == 7));
            let (seconds, nanos) = ids[0].get_timestamp().unwrap().to_unix();
            let millis = i64::try_from(seconds).unwrap() * 1000 + i64::from(nanos / 1_000_000);
            assert_eq!(millis, at.millis());
        }
    }

    #[test]
    fn numbers_go_on_where_they_stopped() {
        let mut mint = Mint::new(Moment::from_millis(0), 0, 41);
        assert_eq!((mint.number(), mint.number(), mint.last_number()), (42, 43, 43));
    }
}
