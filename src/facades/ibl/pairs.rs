//! One number for two: a group that gives a license is an assignment with a number of its own for the
//! vendor, and a grant of a group for the ledger.
//!
//! The pairing of Szudzik: every pair has a number of its own, and every number is of one pair.
//! Nothing has to be kept, so it is the same after every rebuild and is never given to another pair.

/// The number of a pair. Numbers of a ledger that fits on this planet do not reach the bound.
pub(super) fn pair(group: u64, license: u64) -> u64 {
    let (larger, smaller) = (group.max(license), group.min(license));
    let square = larger.saturating_mul(larger);
    match group < license {
        true => square.saturating_add(smaller),
        false => square.saturating_add(larger).saturating_add(smaller),
    }
}

/// The pair of a number: group and license.
pub(super) fn unpair(number: u64) -> (u64, u64) {
    let root = number.isqrt();
    let rest = number - root * root;
    match rest < root {
        true => (rest, root),
        false => (root, rest - root),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_has_its_own_number_and_is_found_by_it() {
        let mut seen = std::collections::BTreeSet::new();
        for group in 0..60 {
            for license in 0..60 {
                let number = pair(group, license);
                assert_eq!(unpair(number), (group, license));
                assert!(seen.insert(number), "{group} and {license} share {number}");
            }
        }
        assert_eq!(seen.len(), 3600);
        // Every number up to the square is of one of them.
        assert_eq!(seen.last(), Some(&3599));
        let (group, license) = (94_906_264, 94_906_265);
        assert_eq!(unpair(pair(group, license)), (group, license));
        assert!(pair(group, license) < 1 << 53, "what JavaScript counts exactly");
    }

    #[test]
    fn any_number_is_of_some_pair() {
        for number in [0, 1, 2, u64::MAX, u64::MAX - 1, u64::from(u32::MAX)] {
            let (group, license) = unpair(number);
            assert!(group <= u64::from(u32::MAX) && license <= u64::from(u32::MAX));
        }
    }
}
