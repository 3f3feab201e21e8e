//! One bit flips in a read model while nobody runs: what it says is right all the same.

use std::fs;

use super::asleep::Asleep;
use crate::faults::dice::Dice;
use crate::ledger::Ledger;

#[tokio::test(flavor = "multi_thread")]
async fn a_bit_that_flips_at_rest_gives_no_wrong_answer() {
    let mut dice = Dice::of_test("flips at rest", 7);
    let asleep = Asleep::new(false).await;
    let files = fs::read_dir(asleep.read()).unwrap().map(|it| it.unwrap().path());
    let files: Vec<_> = files.filter(|it| it.extension().is_some_and(|it| it == "db")).collect();
    assert_eq!(files.len(), 9);
    for file in &files {
        let mut bytes = fs::read(file).unwrap();
        let at = dice.below(bytes.len() as u64) as usize;
        bytes[at] ^= 1 << dice.below(8);
        fs::write(file, bytes).unwrap();
    }
    let ledger = Ledger::start_in(asleep.dir.path()).await;
    for file in &files {
        let name = file.file_name().unwrap().to_str().unwrap();
        let log = ledger.log();
        let said = log.lines().any(|it| it.contains("not what was written") && it.contains(name));
        assert!(said, "{name}: {log}");
    }
    assert!(ledger.stop().await.success());
    asleep.wakes_up_as_before("a bit of each file has flipped").await;
}
