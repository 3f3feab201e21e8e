//! Two at once for the last seat, each through another door.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{LICENSE, Said, World, Writer, is_shortage};
use crate::faults::say;

/// Rounds of a pair.
const ROUNDS: u32 = 24;

/// By what the two grow apart. In the first round one of them is far ahead, in the last round the other
/// one, and in between it is open who is first.
const STEP: Duration = Duration::from_micros(100);

/// How long the two wait in a round.
fn starts(round: u32) -> (Duration, Duration) {
    let middle = ROUNDS / 2;
    let grown = |by: u32| STEP * by * by;
    (grown(round.saturating_sub(middle)), grown(middle.saturating_sub(round)))
}

async fn after(wait: Duration, give: impl Future<Output = Said>) -> Said {
    tokio::time::sleep(wait).await;
    give.await
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_at_once_through_two_dialects_one_gets_the_last_seat() {
    let world = World::with(2).await;
    world.gives(Writer::Http, "di").await;
    world.agree().await;
    use Writer::{Aladia, Ibl, Nats, Uipath};
    for (one, other) in [(Uipath, Ibl), (Ibl, Aladia), (Aladia, Uipath), (Nats, Uipath)] {
        let mut won: BTreeMap<&str, u32> = BTreeMap::new();
        for round in 0..ROUNDS {
            let (left, right, starts) = (one, other, starts(round));
            let told: (Said, Said) = tokio::join!(
                after(starts.0, world.give(left, "ada", None)),
                after(starts.1, world.give(right, "bo", None)),
            );
            let (winner, holder) = match (told.0.status, told.1.status) {
                (200, _) => {
                    is_shortage(right, &told.1);
                    (left, "ada")
                }
                (_, 200) => {
                    is_shortage(left, &told.0);
                    (right, "bo")
                }
                _ => panic!("nobody has it: {told:?}"),
            };
            let now = world.agree().await;
            let holders = now.licenses[LICENSE].holders();
            assert_eq!(holders.iter().collect::<Vec<_>>(), [holder, "di"], "{left:?} {right:?}");
            *won.entry(winner.via()).or_default() += 1;
            // The one who lost gives it back for the one who won.
            let taker = if winner == left { right } else { left };
            world.takes(taker, holder).await;
        }
        say(&format!("{one:?} and {other:?}: {won:?}"));
        assert_eq!(won.values().sum::<u32>(), ROUNDS);
        assert_eq!(won.len(), 2, "one always wins, so this is no race: {won:?}");
    }
}

/// The same one, for the same holder, at once: both are told that it is so, and it is one seat.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_at_once_for_one_holder_both_are_told_that_they_have_it() {
    let world = World::with(1).await;
    use Writer::{Aladia, Ibl, Uipath};
    for (one, other) in [(Uipath, Ibl), (Ibl, Aladia), (Aladia, Uipath)] {
        for round in 0..ROUNDS {
            let (left, right, starts) = (one, other, starts(round));
            let told = tokio::join!(
                after(starts.0, world.give(left, "ada", None)),
                after(starts.1, world.give(right, "ada", None)),
            );
            assert_eq!((told.0.status, told.1.status), (200, 200), "{left:?} {right:?}: {told:?}");
            let now = world.agree().await;
            assert_eq!(now.licenses[LICENSE].live.len(), 1);
            world.takes(left, "ada").await;
        }
    }
}
