//! Who holds how many connections.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::limits::{CROWDED_PERCENT, Limits};
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
    total: usize,
    peers: HashMap<IpAddr, usize>,
}

/// One connection's place; dropping it gives the place back.
#[derive(Debug)]
pub(super) struct Slot {
    slots: Arc<Slots>,
    peer: IpAddr,
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

    pub(super) fn take(self: &Arc<Self>, address: IpAddr) -> Result<Slot, Full> {
        let peer = network(address);
        let mut taken = self.taken();
        if taken.total >= self.total {
            return Err(Full::Server);
        }
        let held = taken.peers.get(&peer).copied().unwrap_or(0);
        if held >= self.per_peer {
            return Err(Full::Peer);
        }
        taken.peers.insert(peer, held + 1);
        taken.total += 1;
        Ok(Slot { slots: Arc::clone(self), peer })
    }

    /// Whether idle connections should make room.
    pub(super) fn crowded(&self) -> bool {
        self.taken().total * 100 >= self.total * CROWDED_PERCENT
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.slots.taken();
        taken.total -= 1;
        if let Entry::Occupied(mut held) = taken.peers.entry(self.peer) {
            *held.get_mut() -= 1;
            if *held.get() == 0 {
                held.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(connections: usize, connections_per_peer: usize) -> Arc<Slots> {
        Slots::new(&Limits { connections, connections_per_peer, ..Limits::default() })
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_full_server_has_room_again_when_a_slot_is_dropped() {
        let slots = slots(2, 2);
        let first = slots.take(ip("192.0.2.1")).unwrap();
        let _second = slots.take(ip("192.0.2.2")).unwrap();
        assert_eq!(slots.take(ip("192.0.2.3")).unwrap_err(), Full::Server);
        drop(first);
        assert!(slots.take(ip("192.0.2.3")).is_ok());
    }

    #[test]
    fn one_peer_cannot_take_what_is_left_for_others() {
        let slots = slots(10, 1);
        let _held = slots.take(ip("2001:db8:0:1::1")).unwrap();
        assert_eq!(slots.take(ip("2001:db8:0:1::2")).unwrap_err(), Full::Peer);
        assert!(slots.take(ip("2001:db8:0:2::1")).is_ok());
        let _mapped = slots.take(ip("::ffff:192.0.2.1")).unwrap();
        assert_eq!(slots.take(ip("192.0.2.1")).unwrap_err(), Full::Peer);
        assert!(slots.take(ip("192.0.2.2")).is_ok());
    }

    #[test]
    fn a_peer_is_forgotten_with_its_last_connection() {
        let slots = slots(10, 10);
        let one = slots.take(ip("192.0.2.1")).unwrap();
        let two = slots.take(ip("192.0.2.1")).unwrap();
        drop(one);
        assert_eq!(slots.taken().peers.len(), 1);
        drop(two);
        assert_eq!(slots.taken().peers.len(), 0);
        assert_eq!(slots.taken().total, 0);
    }

    #[test]
    fn three_quarters_is_crowded() {
        let slots = slots(4, 4);
        let _two = [slots.take(ip("192.0.2.1")), slots.take(ip("192.0.2.1"))];
        assert!(!slots.crowded());
        let _third = slots.take(ip("192.0.2.1"));
        assert!(slots.crowded());
    }
}
