//! Each model against a second road: a plain replay of the same commits through the rules' own
//! state, and scans of all events.
#![allow(clippy::wildcard_enum_match_arm, reason = "a test picks the events it is about")]

mod agreement;
mod delivery;
mod world;

use std::path::Path;
use std::sync::Arc;

use events::wire::Commit;

use crate::{ReadModel, Store};

/// A store of a model in a directory, with these commits applied in batches.
fn store(dir: &Path, model: &'static ReadModel, commits: &[Arc<Commit>], batch: usize) -> Store {
    let mut store = Store::open(dir, model).unwrap();
    for batch in commits.chunks(batch) {
        store.apply(batch).unwrap();
    }
    store
}
