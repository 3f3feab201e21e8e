//! What is looked up once for all who ask at the same time, and kept for those who ask soon after.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use tokio::runtime::Handle;

use crate::writer::Unavailable;

/// Bytes that are counted for each thing that is kept, beside its own: its key stands here twice.
const EACH: usize = 512;

type Found = Result<Bytes, Unavailable>;

/// A bounded memory of bytes by key. Cheap to clone.
///
/// What is not there is looked up on a runtime of choice, once however many ask for it, and also
/// when none of them waits any more. What cannot be looked up is told all who wait, and is not kept.
#[derive(Debug)]
pub(super) struct Kept<K> {
    places: Arc<Mutex<Places<K>>>,
    runtime: Handle,
    bytes_max: usize,
}

impl<K> Clone for Kept<K> {
    fn clone(&self) -> Kept<K> {
        let (places, runtime) = (self.places.clone(), self.runtime.clone());
        Kept { places, runtime, bytes_max: self.bytes_max }
    }
}

#[derive(Debug)]
struct Places<K> {
    by_key: HashMap<K, Place>,
    /// What is there, those asked for longest ago first.
    by_use: BTreeMap<u64, K>,
    uses: u64,
    bytes: usize,
}

#[derive(Debug)]
enum Place {
    Coming(Shared<BoxFuture<'static, Found>>),
    There { bytes: Bytes, used: u64 },
}

impl<K: Clone + Eq + Hash + Send + 'static> Kept<K> {
    /// Keeps at most so many bytes, and looks up on that runtime.
    pub(super) fn new(runtime: Handle, bytes_max: usize) -> Kept<K> {
        let places = Places { by_key: HashMap::new(), by_use: BTreeMap::new(), uses: 0, bytes: 0 };
        Kept { places: Arc::new(Mutex::new(places)), runtime, bytes_max }
    }

    /// What is kept under a key, or else what `look` finds.
    pub(super) async fn get(
        &self,
        key: K,
        look: impl Future<Output = Found> + Send + 'static,
    ) -> Found {
        match self.find_or_look(key, look) {
            Ok(bytes) => Ok(bytes),
            Err(coming) => coming.await,
        }
    }

    fn find_or_look(
        &self,
        key: K,
        look: impl Future<Output = Found> + Send + 'static,
    ) -> Result<Bytes, Shared<BoxFuture<'static, Found>>> {
        // Locked until it is said that it comes: whoever finds it puts it there after that.
        let mut places = self.places();
        if let Some(bytes) = places.use_again(&key) {
            return Ok(bytes);
        }
        if let Some(Place::Coming(coming)) = places.by_key.get(&key)
            // One that has come and still stands here has panicked.
            && coming.peek().is_none()
        {
            return Err(coming.clone());
        }
        let (kept, of) = (self.clone(), key.clone());
        let looking = self.runtime.spawn(async move {
            let found = look.await;
            kept.put(of, &found);
            found
        });
        let coming = async move {
            let interrupted = || Unavailable::Commands("looking it up was interrupted".to_owned());
            looking.await.unwrap_or_else(|_| Err(interrupted()))
        };
        let coming = coming.boxed().shared();
        places.by_key.insert(key, Place::Coming(coming.clone()));
        Err(coming)
    }

    fn put(&self, key: K, found: &Found) {
        let mut places = self.places();
        places.by_key.remove(&key);
        if let Ok(bytes) = found {
            places.put(key, bytes.clone(), self.bytes_max);
        }
    }

    fn places(&self) -> MutexGuard<'_, Places<K>> {
        // Nothing in here panics while it is locked.
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Clone + Eq + Hash> Places<K> {
    fn use_again(&mut self, key: &K) -> Option<Bytes> {
        let Some(Place::There { bytes, used }) = self.by_key.get_mut(key) else { return None };
        if let Some(key) = self.by_use.remove(used) {
            self.uses += 1;
            *used = self.uses;
            self.by_use.insert(self.uses, key);
        }
        Some(bytes.clone())
    }

    fn put(&mut self, key: K, bytes: Bytes, bytes_max: usize) {
        if bytes.len() + EACH > bytes_max {
            return;
        }
        self.bytes += bytes.len() + EACH;
        self.uses += 1;
        self.by_use.insert(self.uses, key.clone());
        self.by_key.insert(key, Place::There { bytes, used: self.uses });
        while self.bytes > bytes_max
            && let Some((_, oldest)) = self.by_use.pop_first()
        {
            if let Some(Place::There { bytes, .. }) = self.by_key.remove(&oldest) {
                self.bytes -= bytes.len() + EACH;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Semaphore;

    use super::*;
    use crate::write_thread::WriteThread;

    /// Looks things up when it may, and counts.
    #[derive(Debug, Clone)]
    struct Looks {
        made: Arc<AtomicUsize>,
        may: Arc<Semaphore>,
    }

    impl Looks {
        fn new() -> Looks {
            Looks { made: Arc::default(), may: Arc::new(Semaphore::new(0)) }
        }

        fn look(&self, found: Found) -> impl Future<Output = Found> + Send + 'static {
            let looks = self.clone();
            async move {
                looks.made.fetch_add(1, Ordering::Relaxed);
                looks.may.acquire().await.unwrap().forget();
                found
            }
        }

        fn made(&self) -> usize {
            self.made.load(Ordering::Relaxed)
        }
    }

    fn failed() -> Found {
        Err(Unavailable::Unknown)
    }

    #[tokio::test]
    async fn however_many_ask_at_once_it_is_looked_up_once_and_kept() {
        let (kept, looks) = (Kept::new(Handle::current(), 10_000), Looks::new());
        let asked = (0..400).map(|_| kept.get(7, looks.look(Ok("seven".into()))));
        let asked = futures_util::future::join_all(asked);
        let (_, found) = tokio::join!(async { looks.may.add_permits(1) }, asked);
        assert!(found.iter().all(|it| *it == Ok("seven".into())));
        assert_eq!(kept.get(7, looks.look(failed())).await, Ok("seven".into()));
        assert_eq!(looks.made(), 1);
        // What nobody waits for any more is kept all the same.
        drop(
            tokio::time::timeout(
                std::time::Duration::ZERO,
                kept.get(8, looks.look(Ok("eight".into()))),
            )
            .await,
        );
        looks.may.add_permits(1);
        assert_eq!(kept.get(8, looks.look(failed())).await, Ok("eight".into()));
        assert_eq!(looks.made(), 2);
    }

    #[tokio::test]
    async fn a_failure_is_told_all_who_wait_and_not_kept() {
        let (kept, looks) = (Kept::new(Handle::current(), 10_000), Looks::new());
        let asked = (0..400).map(|_| kept.get(7, looks.look(failed())));
        let asked = futures_util::future::join_all(asked);
        let (_, found) = tokio::join!(async { looks.may.add_permits(1) }, asked);
        assert!(found.iter().all(|it| *it == failed()));
        assert_eq!(looks.made(), 1);
        let panicked = kept.get(7, async { panic!("in looking up") });
        assert!(matches!(panicked.await, Err(Unavailable::Commands(_))));
        looks.may.add_permits(1);
        assert_eq!(kept.get(7, looks.look(Ok("seven".into()))).await, Ok("seven".into()));
        assert_eq!((looks.made(), kept.places().by_key.len()), (2, 1));
    }

    #[tokio::test]
    async fn bytes_are_bounded_and_what_was_asked_for_longest_ago_goes_first() {
        let kept = Kept::new(Handle::current(), 3 * (1_000 + EACH));
        let found = |key: u8, len| {
            let bytes = Bytes::from(vec![key; len]);
            kept.get(key, async move { Ok(bytes) })
        };
        for key in [1, 2, 3, 1, 4] {
            found(key, 1_000).await.unwrap();
        }
        let there = |keys: [u8; 3]| {
            let mut there: Vec<u8> = kept.places().by_key.keys().copied().collect();
            there.sort_unstable();
            assert_eq!(there, keys);
            let places = kept.places();
            assert_eq!((places.bytes, places.by_use.len()), (3 * (1_000 + EACH), 3));
        };
        there([1, 3, 4]);
        // One that is larger than all that is kept is told, and leaves the others alone.
        assert_eq!(found(9, 10_000).await.unwrap().len(), 10_000);
        there([1, 3, 4]);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn whoever_asks_on_the_write_thread_has_it_looked_up_elsewhere() {
        let thread = WriteThread::start().unwrap();
        let kept = Kept::new(Handle::current(), 10_000);
        let name = || std::thread::current().name().map(|it| Bytes::from(it.to_owned()));
        let asked = thread.run(async move {
            let own = name();
            (own, kept.get((), async move { Ok(name().unwrap_or_default()) }).await)
        });
        let (own, found) = asked.await.unwrap();
        assert_eq!(own, Some("write".into()));
        assert_ne!(found, Ok("write".into()));
    }
}
