//! The log is damaged while nobody looks: it is named, never passed over, never written after.
//!
//! What nats-server itself does with each damage was measured; see the design notes on reliability.
//! It reports next to nothing, so everything that is named here is found by the ledger.

mod anywhere;
mod foreign;
mod known;
mod live;
mod lost;
mod scene;
mod store;
mod strangers;

use scene::{Blocks, Cases, ENDINGS, Ending, World};
use store::Field;

#[tokio::test(flavor = "multi_thread")]
async fn an_undamaged_store_is_whole() {
    let mut cases = Cases::default();
    for ending in ENDINGS {
        for blocks in [Blocks::One, Blocks::Several] {
            let world = World::prepare(ending, blocks).await;
            cases.run(&format!("{ending:?} {blocks:?}"), world.scene().must_be_whole()).await;
        }
    }
    cases.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_is_named_after_a_clean_stop() {
    let world = World::prepare(Ending::Clean, Blocks::One).await;
    let mut cases = Cases::default();
    for (field, sequence) in [
        (Field::Payload, 1),
        (Field::Payload, 20),
        (Field::Payload, world.last),
        (Field::Sequence, 20),
        (Field::Checksum, world.last),
    ] {
        let scene = world.scene();
        store::flip(&scene.stream(), sequence, field);
        let named = scene.must_name("log_damaged", sequence);
        cases.run(&format!("{field:?} of {sequence}"), named).await;
    }
    // The server forgets the rest, and counts it again after the next restart.
    let scene = world.scene();
    store::flip(&scene.stream(), 20, Field::Length);
    let named = scene.must_name_one_of(&[("log_went_back", "19"), ("log_damaged", "20")]);
    cases.run("Length of 20", named).await;
    cases.end();
}

/// The server cuts the block at the flipped record then, and says nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_is_named_after_kill_9() {
    let world = World::prepare(Ending::Killed, Blocks::One).await;
    let mut cases = Cases::default();
    for (field, sequence) in [
        (Field::Payload, 1),
        (Field::Payload, 20),
        (Field::Payload, world.last),
        (Field::Sequence, 20),
        (Field::Checksum, 20),
        (Field::Length, 20),
    ] {
        let scene = world.scene();
        store::flip(&scene.stream(), sequence, field);
        let named = scene.must_name("log_went_back", sequence - 1);
        cases.run(&format!("{field:?} of {sequence}"), named).await;
    }
    cases.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_without_its_end_is_named() {
    let mut cases = Cases::default();
    for ending in ENDINGS {
        let world = World::prepare(ending, Blocks::One).await;
        for bytes in [100, 12_000] {
            for (what, damage) in [("cut", store::cut as fn(&_, _) -> _), ("zeros", store::zeros)] {
                let scene = world.scene();
                let first = damage(&scene.stream(), bytes);
                // After kill -9 the server says that the log ends before it.
                let named = match ending {
                    Ending::Clean => scene.must_name("log_damaged", first),
                    Ending::Killed => scene.must_name("log_went_back", first - 1),
                };
                cases.run(&format!("{ending:?}: {bytes} bytes of {what}"), named).await;
            }
        }
    }
    cases.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_without_one_of_its_blocks_is_named() {
    let mut cases = Cases::default();
    for ending in ENDINGS {
        let world = World::prepare(ending, Blocks::Several).await;
        let count = store::blocks(&world.scene().stream()).len();
        assert!(count >= 3, "the log has {count} blocks");
        for which in [0, 1, count - 1] {
            let scene = world.scene();
            let first = store::remove_block(&scene.stream(), which);
            let named = match (ending, which == count - 1) {
                (Ending::Killed, true) => scene.must_name("log_went_back", first - 1),
                _ => scene.must_name("log_damaged", first),
            };
            cases.run(&format!("{ending:?}: block {which} of {count}"), named).await;
        }
        let scene = world.scene();
        let sequence = store::places(&store::blocks(&scene.stream())[1])[1].sequence;
        store::flip(&scene.stream(), sequence, Field::Payload);
        let named = scene.must_name("log_damaged", sequence);
        cases.run(&format!("{ending:?}: a bit in the second block"), named).await;
    }
    cases.end();
}
