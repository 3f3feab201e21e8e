//! A batch is its commands one after the other, all of them or none.

use proptest::prelude::*;

use super::walk::{self, day, walks};
use super::{World, request};
use crate::command::{ApplyBatch, Command};
use crate::{AccountId, Event, Ledger, Refusal};

/// The ledger as a reader of the log would have it.
fn replayed(world: &World) -> Ledger {
    let mut ledger = Ledger::default();
    for it in &world.log {
        ledger.evolve(&it.account, &it.event).unwrap();
    }
    ledger
}

/// What commands cause one after the other, up to the first one that is refused.
fn one_by_one(ledger: &mut Ledger, commands: &[Command], now: i64) -> Result<Vec<Event>, Refusal> {
    let mut caused = vec![];
    ledger.begin();
    for (place, command) in commands.iter().enumerate() {
        let seed = (place as u128) << 40;
        match ledger.judge(&request("acme", command.clone()), day(0, now), seed) {
            Ok(events) => caused.extend(events),
            Err(refusal) => {
                let refusal = Box::new(refusal);
                return Err(Refusal::InBatch { place, kind: command.kind(), refusal });
            }
        }
    }
    Ok(caused)
}

/// Events without their ids, which are made anew for each command.
fn plain(events: Result<Vec<Event>, Refusal>) -> Result<Vec<serde_json::Value>, String> {
    let plain = |it: &Event| {
        let mut data = serde_json::to_value(it).unwrap();
        data["assignment"].take();
        data
    };
    events.map(|it| it.iter().map(plain).collect()).map_err(|it| it.to_string())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_batch_is_its_commands_one_after_the_other(
        walk in walks(),
        asked in prop::collection::vec(walk::whats(), 1..6),
    ) {
        let mut world = World::default();
        world.go(&walk);
        let ids = world.ids.get(&AccountId::new("acme").unwrap()).cloned().unwrap_or_default();
        let asked = asked.iter().map(|it| it.command(&ids));
        let commands: Vec<_> = asked.filter(|it| !matches!(it, Command::PassTime(_))).collect();
        let (mut one, mut all) = (replayed(&world), replayed(&world));
        let before = world.contents();
        let alone = one_by_one(&mut one, &commands, world.now);
        all.begin();
        let batch = Command::ApplyBatch(ApplyBatch { commands });
        let together = all.judge(&request("acme", batch), day(0, world.now), 0);
        let accepted = together.is_ok();
        match alone {
            // Nothing can be asked of an account that is not there, so no command is to blame.
            Err(Refusal::InBatch { place: 0, refusal, .. })
                if matches!(*refusal, Refusal::AccountNotFound(_)) =>
            {
                prop_assert_eq!(together, Err(*refusal));
            }
            alone => prop_assert_eq!(plain(together), plain(alone)),
        }
        if !accepted {
            let contents = World { ledger: all, ..World::default() }.contents();
            prop_assert_eq!(contents, before, "a refusal changes nothing");
        }
    }
}
