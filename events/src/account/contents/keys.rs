//! The second road for keys.

use super::Contents;
use crate::account::Key;
use crate::event::Event;

impl Contents {
    #[expect(clippy::wildcard_enum_match_arm, reason = "`evolve` sends each event here once")]
    pub(super) fn evolve_keys(&mut self, event: &Event) {
        match event {
            Event::KeyCreated(it) => {
                let key = Key { terms: it.clone(), revoked: false, used: None };
                assert_eq!(self.keys.insert(it.key, key), None);
            }
            Event::KeyRevoked(it) => self.keys.get_mut(&it.key).unwrap().revoked = true,
            Event::KeyUsed(it) => self.keys.get_mut(&it.key).unwrap().used = Some(it.day),
            other => panic!("{other:?}"),
        }
    }
}
