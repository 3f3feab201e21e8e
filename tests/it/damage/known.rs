//! What is known of the log outside of it: the anchor, and the read models' checkpoints. Each of
//! them alone notices a log that is not the one it was.

use std::fs;

use super::scene::{Blocks, Cases, ENDINGS, Ending, Scene, World};
use super::store::{self, Field};
use crate::faults::copy;
use crate::faults::nats::Nats;

/// Who is left to notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Witness {
    Both,
    Anchor,
    ReadModels,
}

const WITNESSES: [Witness; 3] = [Witness::Both, Witness::Anchor, Witness::ReadModels];

impl Witness {
    fn alone(self, scene: &mut Scene<'_>) {
        match self {
            Witness::Both => {}
            Witness::Anchor => scene.remove_read_models(),
            Witness::ReadModels => scene.remove_anchor(),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_put_back_from_an_older_copy_is_named() {
    let mut cases = Cases::default();
    for ending in ENDINGS {
        let world = World::prepare(ending, Blocks::One).await;
        for witness in WITNESSES {
            let mut scene = world.scene();
            fs::remove_dir_all(scene.store()).unwrap();
            copy(&world.older_store(), &scene.store());
            witness.alone(&mut scene);
            let named = scene.must_name("log_went_back", world.older);
            cases.run(&format!("{ending:?}, {witness:?}"), named).await;
        }
    }
    cases.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_gone_is_named_and_not_made_anew() {
    let mut cases = Cases::default();
    for ending in ENDINGS {
        let world = World::prepare(ending, Blocks::One).await;
        for witness in WITNESSES {
            let mut scene = world.scene();
            fs::remove_dir_all(scene.store()).unwrap();
            witness.alone(&mut scene);
            let named = scene.must_name("log_went_back", world.last);
            cases.run(&format!("{ending:?}, {witness:?}"), named).await;
        }
    }
    cases.end();
}

/// The server says "stream not found" then, which is what an empty server says.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_whose_description_is_damaged_is_named_and_not_made_anew() {
    let mut cases = Cases::default();
    let world = World::prepare(Ending::Clean, Blocks::One).await;
    for file in ["meta.inf", "meta.sum"] {
        for witness in WITNESSES {
            let mut scene = world.scene();
            store::flip_middle(&scene.stream().join(file));
            witness.alone(&mut scene);
            let named = scene.must_name("log_went_back", world.last);
            cases.run(&format!("{file}, {witness:?}"), named).await;
        }
    }
    cases.end();
}

/// Somebody deletes the stream and makes it again, as large as it was.
#[tokio::test(flavor = "multi_thread")]
async fn another_stream_of_the_same_name_is_named() {
    let mut cases = Cases::default();
    let world = World::prepare(Ending::Clean, Blocks::One).await;
    for witness in WITNESSES {
        let mut scene = world.scene();
        let mut nats = Nats::start(scene.path()).await;
        let jetstream = async_nats::jetstream::new(nats.client().await);
        let config = jetstream.get_stream("SEATLEDGER").await.unwrap().cached_info().config.clone();
        jetstream.delete_stream("SEATLEDGER").await.unwrap();
        jetstream.create_stream(config).await.unwrap();
        for _ in 0..world.last + 2 {
            let mut headers = async_nats::HeaderMap::new();
            headers.insert("Seatledger", "1");
            let payload = "{\"format\":1}\n".into();
            let sent = jetstream.publish_with_headers("seatledger.commit.0", headers, payload);
            sent.await.unwrap().await.unwrap();
        }
        nats.stop().await;
        witness.alone(&mut scene);
        // Who knows when it was made says that it is another one; who does not, what is wrong.
        let last = world.last.to_string();
        let names = [("log_went_back", "created"), ("log_went_back", &last), ("log_damaged", "1")];
        cases.run(&format!("{witness:?}"), scene.must_name_one_of(&names)).await;
    }
    cases.end();
}

/// The index is only a shortcut: the server makes it again.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_index_harms_nothing() {
    let world = World::prepare(Ending::Clean, Blocks::One).await;
    let scene = world.scene();
    store::flip_middle(&scene.stream().join("msgs/index.db"));
    scene.must_be_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_is_named_whoever_is_left_to_notice() {
    let mut cases = Cases::default();
    for ending in ENDINGS {
        let world = World::prepare(ending, Blocks::One).await;
        for witness in WITNESSES {
            for sequence in [20, world.last] {
                let mut scene = world.scene();
                store::flip(&scene.stream(), sequence, Field::Payload);
                witness.alone(&mut scene);
                let named = match ending {
                    Ending::Clean => scene.must_name("log_damaged", sequence),
                    Ending::Killed => scene.must_name("log_went_back", sequence - 1),
                };
                cases.run(&format!("{ending:?}, {witness:?}, {sequence}"), named).await;
            }
        }
    }
    cases.end();
}

/// An anchor that cannot be read is not taken for none.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_anchor_is_named() {
    let world = World::prepare(Ending::Clean, Blocks::One).await;
    let scene = world.scene();
    fs::write(scene.ledger_dir().join("anchor.json"), "{\"stream\":").unwrap();
    let nats = Nats::start(scene.path()).await;
    let refused = nats.try_ledger(&scene.ledger_dir(), 1 << 30, &[]).await;
    let said = refused.err().expect("it starts on an anchor that it cannot read");
    assert!(said.contains("anchor.json"), "{said}");
}

/// Without anything that knows better a whole log is taken as it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_whole_log_is_taken_as_it_is_by_whoever_knows_nothing() {
    for ending in ENDINGS {
        let world = World::prepare(ending, Blocks::One).await;
        let mut scene = world.scene();
        scene.remove_read_models();
        scene.remove_anchor();
        scene.must_be_whole().await;
    }
}
