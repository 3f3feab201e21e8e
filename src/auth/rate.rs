//! How often a key or the subject of a token may call, and how often an address may fail.

use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use events::key::KeyId;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

/// Calls a second of one key, unless set otherwise (`--rate`). More are told `too_many_requests`.
pub const CALLS_DEFAULT: NonZeroU32 = times(5_000);

/// Calls a minute of one address that show a key which is not accepted. More are told
/// `too_many_requests`; those with a good key go on, whoever else has that address.
const FAILURES: NonZeroU32 = times(10);

/// So many times, and once at least.
const fn times(count: u32) -> NonZeroU32 {
    match NonZeroU32::new(count) {
        Some(count) => count,
        None => NonZeroU32::MIN,
    }
}

/// Keys, and addresses, that are counted at the same time. At this number those that have rested are
/// forgotten; whoever still finds no room shares one count.
const COUNTED_MAX: usize = 10_000;

/// Those that have rested are looked for this often at most: it is a look at all of them.
const SWEEP_PERIOD: Duration = Duration::from_secs(1);

/// The count of those for whom there is no room.
const OTHERS: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// Whose calls are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Counted {
    /// Those with a key.
    Key(KeyId),
    /// Those with tokens of one subject, by its hash.
    Subject([u8; 32]),
    /// Those with tokens for whom there is no room.
    OtherSubjects,
}

pub(super) struct Rates {
    calls: Counts<Counted>,
    failures: Counts<IpAddr>,
    told: Counts<IpAddr>,
}

struct Counts<K: Hash + Eq + Clone> {
    limiter: DefaultKeyedRateLimiter<K>,
    swept: Mutex<Option<Instant>>,
}

impl std::fmt::Debug for Rates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Rates")
    }
}

/// Seconds after which the next one is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wait(pub(super) u64);

impl Rates {
    pub(super) fn new(calls: NonZeroU32) -> Rates {
        Rates {
            calls: Counts::new(Quota::per_second(calls)),
            failures: Counts::new(Quota::per_minute(FAILURES)),
            told: Counts::new(Quota::per_minute(FAILURES)),
        }
    }

    /// A call with a good key, or a good token. There are as many keys as are made here, and as many
    /// subjects as their issuer likes.
    pub(super) fn call(&self, whose: Counted) -> Result<(), Wait> {
        let whose = match (self.calls.has_room(Instant::now()), whose) {
            (false, Counted::Subject(_)) => Counted::OtherSubjects,
            (_, whose) => whose,
        };
        self.calls.check(&whose)
    }

    /// A call with a key that is not accepted.
    pub(super) fn failure(&self, address: IpAddr) -> Result<(), Wait> {
        self.failures.check_address(network(address))
    }

    /// Whether the log is told of another refused call of this address: as often as it may fail, so
    /// that nobody fills the disk from outside.
    pub(super) fn is_told(&self, address: Option<IpAddr>) -> bool {
        self.told.check_address(address.map_or(OTHERS, network)).is_ok()
    }
}

impl<K: Hash + Eq + Clone> Counts<K> {
    fn new(quota: Quota) -> Counts<K> {
        Counts { limiter: RateLimiter::keyed(quota), swept: Mutex::default() }
    }

    /// Whether there is room for another one. Forgets who has rested, once there are many.
    fn has_room(&self, now: Instant) -> bool {
        if self.limiter.len() < COUNTED_MAX {
            return true;
        }
        let mut swept = self.swept.lock().unwrap_or_else(PoisonError::into_inner);
        if swept.is_some_and(|it| now < it + SWEEP_PERIOD) {
            return false;
        }
        *swept = Some(now);
        // Whoever comes meanwhile finds no room and does not wait for it.
        drop(swept);
        self.limiter.retain_recent();
        self.limiter.len() < COUNTED_MAX
    }

    fn check(&self, key: &K) -> Result<(), Wait> {
        self.limiter.check_key(key).map_err(|not_until| {
            let left = not_until.wait_time_from(DefaultClock::default().now());
            Wait(left.as_secs() + 1)
        })
    }
}

impl Counts<IpAddr> {
    fn check_address(&self, address: IpAddr) -> Result<(), Wait> {
        match self.has_room(Instant::now()) {
            true => self.check(&address),
            false => self.check(&OTHERS),
        }
    }
}

/// Whoever has one address of IPv6 has 2^64 of them: they count as one.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(it) => {
            let bits = u128::from(it) >> 64 << 64;
            IpAddr::V6(Ipv6Addr::from(bits))
        }
        it @ IpAddr::V4(_) => it,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_fails_ten_times_a_minute() {
        let rates = Rates::new(CALLS_DEFAULT);
        let address = |last| IpAddr::from([192, 0, 2, last]);
        let taken = (0..50).filter(|_| rates.failure(address(1)).is_ok()).count();
        assert_eq!(taken, 10);
        let Err(Wait(seconds)) = rates.failure(address(1)) else { panic!("it is taken") };
        assert!((1..=7).contains(&seconds), "{seconds}");
        assert_eq!(rates.failure(address(2)), Ok(()));
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let rates = Rates::new(CALLS_DEFAULT);
        let address = |last: u16| IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, last]);
        assert_eq!((0..50).filter(|last| rates.failure(address(*last)).is_ok()).count(), 10);
        // An address of IPv4 in the clothes of IPv6 is that address.
        let mapped = "::ffff:192.0.2.1".parse().unwrap();
        assert_eq!(network(mapped), IpAddr::from([192, 0, 2, 1]));
    }

    #[test]
    fn a_key_calls_as_often_as_it_may() {
        let rates = Rates::new(NonZeroU32::new(3).unwrap());
        let taken = |whose| (0..9).filter(|_| rates.call(whose).is_ok()).count();
        for whose in [1, 2].map(|it| Counted::Key(KeyId([it; 8]))) {
            assert!((3..=4).contains(&taken(whose)), "each has its own");
        }
        for whose in [1, 2].map(|it| Counted::Subject([it; 32])) {
            assert!((3..=4).contains(&taken(whose)), "each has its own");
        }
    }

    #[test]
    fn however_many_fail_so_many_are_counted() {
        let rates = Rates::new(CALLS_DEFAULT);
        for it in 0..3 * COUNTED_MAX as u32 {
            let _ = rates.failure(IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + it)));
        }
        let counted = rates.failures.limiter.len();
        assert!(counted <= COUNTED_MAX + 1, "{counted}");
        let rates = Rates::new(NonZeroU32::MIN);
        for it in 0..3 * COUNTED_MAX as u64 {
            let subject = std::array::from_fn(|at| it.to_le_bytes()[at % 8]);
            let _ = rates.call(Counted::Subject(subject));
        }
        let counted = rates.calls.limiter.len();
        assert!(counted <= COUNTED_MAX + 1, "{counted}");
    }

    #[test]
    fn those_who_have_rested_are_looked_for_once_a_second() {
        // So many a second that everybody has rested at once.
        let counts: Counts<u64> = Counts::new(Quota::per_second(NonZeroU32::MAX));
        let fill = || (0..COUNTED_MAX as u64).for_each(|it| assert!(counts.check(&it).is_ok()));
        let begin = Instant::now();
        fill();
        assert!(counts.has_room(begin));
        assert_eq!(counts.limiter.len(), 0, "all of them are forgotten");
        fill();
        assert!(!counts.has_room(begin + SWEEP_PERIOD / 2));
        assert!(counts.has_room(begin + SWEEP_PERIOD));
    }
}
