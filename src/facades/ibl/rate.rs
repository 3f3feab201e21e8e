//! How often something may be asked in a minute: by one address, and by all together.
//!
//! Not a bucket that fills up again, as calls with keys are counted (`auth/rate.rs`): whoever tries
//! addresses gets so many answers in the first minute and not one for each tenth of it besides.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::auth::rate::network;

const MINUTE: Duration = Duration::from_secs(60);

/// Addresses that are counted at once. Beyond them nobody new is answered in that minute.
const ADDRESSES_MAX: usize = 10_000;

/// Counts questions, minute by minute.
#[derive(Debug)]
pub(crate) struct Rate {
    per_address: u32,
    altogether: u32,
    counted: Mutex<Counted>,
}

#[derive(Debug)]
struct Counted {
    since: Instant,
    altogether: u32,
    addresses: HashMap<IpAddr, u32>,
}

impl Rate {
    pub(crate) fn new(per_address: u32, altogether: u32) -> Rate {
        let counted = Counted { since: Instant::now(), altogether: 0, addresses: HashMap::new() };
        Rate { per_address, altogether, counted: Mutex::new(counted) }
    }

    /// Whether one more is allowed; the seconds after which trying again makes sense, if not.
    pub(super) fn allow(&self, address: Option<IpAddr>) -> Result<(), u64> {
        self.allow_at(address, Instant::now())
    }

    fn allow_at(&self, address: Option<IpAddr>, now: Instant) -> Result<(), u64> {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_duration_since(counted.since) >= MINUTE {
            *counted = Counted { since: now, altogether: 0, addresses: HashMap::new() };
        }
        let left = MINUTE.saturating_sub(now.saturating_duration_since(counted.since));
        let later = left.as_secs().max(1);
        let address = address.map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), network);
        let is_new = !counted.addresses.contains_key(&address);
        if counted.altogether >= self.altogether
            || is_new && counted.addresses.len() >= ADDRESSES_MAX
        {
            return Err(later);
        }
        let count = counted.addresses.entry(address).or_default();
        if *count >= self.per_address {
            return Err(later);
        }
        *count += 1;
        counted.altogether += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn an_address_may_ask_so_often_in_a_minute() {
        let (rate, begin) = (Rate::new(2, 100), Instant::now());
        let ask = |from: &str, seconds: u64| {
            rate.allow_at(ip(from), begin + Duration::from_secs(seconds)).is_ok()
        };
        assert_eq!([ask("1.2.3.4", 0), ask("1.2.3.4", 1), ask("1.2.3.4", 2)], [true, true, false]);
        assert!(ask("1.2.3.5", 2), "another one may");
        assert!(!ask("::ffff:1.2.3.4", 3), "the same one in other words");
        assert!(ask("1.2.3.4", 61), "in the next minute it may");
        assert!(ask("2001:db8::1", 61) && ask("2001:db8::2", 61), "two of one network");
        assert!(!ask("2001:db8::3", 61), "are counted as one");
    }

    #[test]
    fn all_together_may_ask_so_often() {
        let (rate, now) = (Rate::new(10, 3), Instant::now());
        let ask = |last: u8| rate.allow_at(ip(&format!("10.0.0.{last}")), now);
        assert_eq!([ask(1), ask(2), ask(3)], [Ok(()); 3]);
        assert!(ask(4).is_err_and(|seconds| (1..=60).contains(&seconds)));
    }

    #[test]
    fn what_is_counted_is_bounded() {
        let (rate, now) = (Rate::new(1, u32::MAX), Instant::now());
        let ask = |it: u32| rate.allow_at(Some(IpAddr::V4(it.into())), now).is_ok();
        let allowed = (0..20_000).filter(|it| ask(*it)).count();
        assert_eq!(allowed, ADDRESSES_MAX);
    }
}
