//! One bit, anywhere in what JetStream and the anchor keep.

use std::fs;
use std::path::{Path, PathBuf};

use super::scene::{Blocks, Cases, ENDINGS, World};
use crate::faults::dice::Dice;
use crate::faults::{say, setting};

/// Files of a folder and all folders in it that are not empty.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = vec![];
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let metadata = entry.metadata().unwrap();
        if metadata.is_dir() {
            found.extend(files(&entry.path()));
        } else if metadata.len() > 0 {
            found.push(entry.path());
        }
    }
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn one_flipped_bit_anywhere_never_makes_a_wrong_answer() {
    let mut dice = Dice::of_test("one bit anywhere", 31);
    let mut cases = Cases::default();
    let flips = setting("SEATLEDGER_FLIPS", 12);
    for ending in ENDINGS {
        let world = World::prepare(ending, Blocks::One).await;
        for _ in 0..flips / 2 {
            let scene = world.scene();
            let mut files = files(&scene.store());
            // The blocks of the log are where most bits are.
            files.extend(vec![scene.stream().join("msgs/1.blk"); files.len()]);
            files.push(scene.ledger_dir().join("anchor.json"));
            let file = &files[dice.below(files.len() as u64) as usize];
            let mut bytes = fs::read(file).unwrap();
            let (byte, bit) = (dice.below(bytes.len() as u64), dice.below(8));
            bytes[byte as usize] ^= 1 << bit;
            fs::write(file, bytes).unwrap();
            let name = file.strip_prefix(scene.path()).unwrap().display();
            let name = format!("{ending:?}: bit {bit} of byte {byte} of {name}");
            let right_or_named = async { say(scene.must_be_right_or_named().await) };
            cases.run(&name, right_or_named).await;
        }
    }
    cases.end();
}
