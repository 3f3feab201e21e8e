//! Room in memory for commands that wait: bounded by bytes, as the queues are by count.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes of documents that may be under way at once, through all doors. More are told `overloaded`.
const BYTES_MAX: usize = 64 * 1024 * 1024;

/// The room there is. Cheap to clone; all clones are one.
#[derive(Debug, Clone)]
pub(super) struct Room(Arc<Semaphore>);

impl Room {
    pub(super) fn new() -> Room {
        Room(Arc::new(Semaphore::new(BYTES_MAX)))
    }

    /// Room for a document, given back when it is dropped; `None` where there is not enough.
    pub(super) fn take(&self, document: &[u8]) -> Option<OwnedSemaphorePermit> {
        let bytes = u32::try_from(document.len()).ok()?;
        self.0.clone().try_acquire_many_owned(bytes).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_bounded_by_bytes_and_the_room_comes_back() {
        let room = Room::new();
        let document = vec![b'x'; BYTES_MAX / 256];
        let mut taken: Vec<_> = (0..256).map(|_| room.clone().take(&document).unwrap()).collect();
        assert!(room.take(b"x").is_none());
        taken.pop();
        assert!(room.take(&document).is_some(), "what is answered makes room");
        assert!(room.take(&vec![b'x'; BYTES_MAX + 1]).is_none());
    }
}
