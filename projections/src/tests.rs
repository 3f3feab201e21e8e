//! Each model against a second road: a plain replay of the same commits through the rules' own
//! state, and scans of all events.
#![allow(clippy::wildcard_enum_match_arm, reason = "a test picks the events it is about")]

mod agreement;
mod delivery;
mod patience;
mod world;

use std::path::Path;
use std::sync::Arc;

use events::wire::Commit;
use rusqlite::{Connection, params_from_iter};

use crate::rows::Query;
use crate::{ReadModel, Store};

/// A store of a model in a directory, with these commits applied in batches.
fn store(dir: &Path, model: &'static ReadModel, commits: &[Arc<Commit>], batch: usize) -> Store {
    let mut store = Store::open(dir, model).unwrap();
    for batch in commits.chunks(batch) {
        store.apply(batch).unwrap();
    }
    store
}

/// A store of a model in a directory, with a world in it whose names are those of [`world`].
pub(crate) fn store_of_a_world(dir: &Path, model: &'static ReadModel) -> Store {
    store(dir, model, &world::World::new(1, 200).commits, 50)
}

/// How SQLite goes about a question, step by step.
pub(crate) fn plan(db: &Connection, query: &Query) -> Vec<String> {
    let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {}", query.sql)).unwrap();
    let steps = statement.query_map(params_from_iter(&query.values), |row| row.get(3)).unwrap();
    steps.collect::<Result<_, _>>().unwrap()
}
