//! Who holds how many connections, and who goes when there is no room.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::limits::{CROWDED_PERCENT, LEAST_REST, LEAVING_MAX, Limits};
use super::pulse::Pulse;
use crate::auth::rate::network;

/// The connections there may be. A peer is forgotten with its last connection, so the table never
/// has more rows than there are connections.
#[derive(Debug)]
pub(super) struct Slots {
    total: usize,
    per_peer: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    places: HashMap<u64, Place>,
    peers: HashMap<IpAddr, usize>,
    /// What the next place is called.
    next: u64,
    /// Connections that have given their place to others and are about to end.
    leaving: usize,
}

#[derive(Debug)]
struct Place {
    peer: IpAddr,
    pulse: Arc<Pulse>,
}

/// One connection's place; dropping it gives the place back.
#[derive(Debug)]
pub(super) struct Slot {
    slots: Arc<Slots>,
    name: u64,
}

/// Which limit a connection was above.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    Server,
    Peer,
}

impl Slots {
    pub(super) fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            total: limits.connections,
            per_peer: limits.connections_per_peer,
            taken: Mutex::default(),
        })
    }

    /// A place for a connection. Where there is none, whoever has done nothing for the longest, and
    /// for [`LEAST_REST`] at least, leaves to make room: where one peer has too many, one of them. A
    /// proxy stands for many, so it may have them all.
    pub(super) fn take(
        self: &Arc<Self>,
        address: IpAddr,
        is_proxy: bool,
        pulse: &Arc<Pulse>,
    ) -> Result<Slot, Full> {
        let peer = network(address);
        let mut taken = self.taken();
        let held = taken.peers.get(&peer).copied().unwrap_or(0);
        if held >= self.per_peer && !is_proxy && !taken.make_room(Some(peer)) {
            return Err(Full::Peer);
        }
        if taken.places.len() >= self.total && !taken.make_room(None) {
            return Err(Full::Server);
        }
        let name = taken.next;
        taken.next += 1;
        taken.places.insert(name, Place { peer, pulse: Arc::clone(pulse) });
        *taken.peers.entry(peer).or_default() += 1;
        drop(taken);
        Ok(Slot { slots: Arc::clone(self), name })
    }

    /// Whether idle connections should make room.
    pub(super) fn crowded(&self) -> bool {
        self.taken().places.len() * 100 >= self.total * CROWDED_PERCENT
    }

    /// Has all connections end what they have begun, and then themselves.
    pub(super) fn close(&self) {
        for place in self.taken().places.values() {
            place.pulse.leave();
        }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    /// Has the connection leave that has rested longest, of all or of one peer's.
    fn make_room(&mut self, of: Option<IpAddr>) -> bool {
        if self.leaving >= LEAVING_MAX {
            return false;
        }
        let meant = self.places.iter().filter(|(_, it)| of.is_none_or(|peer| it.peer == peer));
        let resting = meant.filter_map(|(name, it)| Some((it.pulse.rests_since()?, *name)));
        let Some((since, name)) = resting.min() else { return false };
        if Instant::now().saturating_duration_since(since) < LEAST_REST {
            return false;
        }
        let Some(place) = self.free(name) else { return false };
        self.leaving += 1;
        place.pulse.leave();
        true
    }

    fn free(&mut self, name: u64) -> Option<Place> {
        let place = self.places.remove(&name)?;
        if let Entry::Occupied(mut held) = self.peers.entry(place.peer) {
            *held.get_mut() -= 1;
            if *held.get() == 0 {
                held.remove();
            }
        }
        Some(place)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.slots.taken();
        if taken.free(self.name).is_none() {
            taken.leaving -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn slots(connections: usize, connections_per_peer: usize) -> Arc<Slots> {
        Slots::new(&Limits { connections, connections_per_peer, ..Limits::default() })
    }

    /// A connection that works.
    fn busy() -> Arc<Pulse> {
        let pulse = Pulse::new();
        pulse.rest(None);
        pulse
    }

    /// A place for a connection that works.
    fn take(slots: &Arc<Slots>, address: &str) -> Result<Slot, Full> {
        slots.take(address.parse().unwrap(), false, &busy())
    }

    #[test]
    fn a_full_server_has_room_again_when_a_slot_is_dropped() {
        let slots = slots(2, 2);
        let first = take(&slots, "192.0.2.1").unwrap();
        let _second = take(&slots, "192.0.2.2").unwrap();
        assert_eq!(take(&slots, "192.0.2.3").unwrap_err(), Full::Server);
        drop(first);
        assert!(take(&slots, "192.0.2.3").is_ok());
    }

    #[test]
    fn one_peer_cannot_take_what_is_left_for_others() {
        let slots = slots(10, 1);
        let _held = take(&slots, "2001:db8:0:1::1").unwrap();
        assert_eq!(take(&slots, "2001:db8:0:1::2").unwrap_err(), Full::Peer);
        assert!(take(&slots, "2001:db8:0:2::1").is_ok());
        let _mapped = take(&slots, "::ffff:192.0.2.1").unwrap();
        assert_eq!(take(&slots, "192.0.2.1").unwrap_err(), Full::Peer);
        assert!(take(&slots, "192.0.2.2").is_ok());
    }

    #[test]
    fn a_proxy_may_take_them_all() {
        let slots = slots(3, 1);
        let proxy = "192.0.2.1".parse().unwrap();
        let held: Vec<_> = (0..3).map(|_| slots.take(proxy, true, &busy())).collect();
        assert!(held.iter().all(Result::is_ok));
        assert_eq!(slots.take(proxy, true, &busy()).unwrap_err(), Full::Server);
    }

    #[test]
    fn a_peer_is_forgotten_with_its_last_connection() {
        let slots = slots(10, 10);
        let one = take(&slots, "192.0.2.1").unwrap();
        let two = take(&slots, "192.0.2.1").unwrap();
        drop(one);
        assert_eq!(slots.taken().peers.len(), 1);
        drop(two);
        let taken = slots.taken();
        assert_eq!((taken.peers.len(), taken.places.len()), (0, 0));
    }

    #[test]
    fn three_quarters_is_crowded() {
        let slots = slots(4, 4);
        let _two = [take(&slots, "192.0.2.1"), take(&slots, "192.0.2.1")];
        assert!(!slots.crowded());
        let _third = take(&slots, "192.0.2.1");
        assert!(slots.crowded());
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_rested_longest_makes_room() {
        let slots = slots(3, 2);
        let at =
            |address: &str, pulse: &Arc<Pulse>| slots.take(address.parse().unwrap(), false, pulse);
        let pulses: Vec<_> = (0..3).map(|_| Pulse::new()).collect();
        let mut held = vec![];
        for (pulse, address) in pulses.iter().zip(["192.0.2.1", "192.0.2.1", "192.0.2.2"]) {
            held.push(at(address, pulse).unwrap());
            tokio::time::advance(LEAST_REST / 10).await;
        }
        assert_eq!(at("192.0.2.3", &busy()).unwrap_err(), Full::Server, "nobody rests for long");
        tokio::time::advance(LEAST_REST).await;
        pulses[0].rest(None);
        let third = at("192.0.2.3", &busy()).unwrap();
        let left = |pulses: &[Arc<Pulse>]| pulses.iter().map(|it| it.leaves()).collect::<Vec<_>>();
        assert_eq!(left(&pulses), [false, true, false], "the first one works");
        // The peer whose share is full makes room by itself, whoever else rests longer.
        pulses[0].rest(Some(Instant::now()));
        tokio::time::advance(LEAST_REST).await;
        let fourth = at("192.0.2.1", &busy());
        assert_eq!(left(&pulses), [false, true, true], "there was no room for anybody");
        let fifth = at("192.0.2.1", &busy());
        assert_eq!(left(&pulses), [true, true, true]);
        assert!(fourth.is_ok() && fifth.is_ok());
        assert_eq!(slots.taken().leaving, 3);
        drop(held);
        assert_eq!(slots.taken().leaving, 0);
        assert_eq!(slots.taken().places.len(), 3);
        drop((third, fourth, fifth));
        assert_eq!(slots.taken().places.len(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_leave_at_once_than_may() {
        let slots = slots(LEAVING_MAX + 1, LEAVING_MAX + 1);
        let rests = |_| slots.take([192, 0, 2, 1].into(), false, &Pulse::new());
        let held: Vec<_> = (0..=LEAVING_MAX).map(rests).collect();
        tokio::time::advance(Duration::from_secs(60)).await;
        let more: Vec<_> = (0..LEAVING_MAX).map(rests).collect();
        assert!(more.iter().all(Result::is_ok));
        assert_eq!(rests(0).unwrap_err(), Full::Peer);
        drop(held);
        assert!(rests(0).is_ok(), "there is a place, or one that has left");
    }
}
