//! A batch is its commands one after the other, all of them or none.

use proptest::prelude::*;

use super::walk::{self, Walk, What, day, walks};
use super::{World, request, seeds};
use crate::command::{ApplyBatch, Command};
use crate::{AccountId, Event, Ledger, Refusal};

/// The ledger as a reader of the log would have it.
pub(super) fn replayed(world: &World) -> Ledger {
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

/// Events with the ids that they give out numbered, since those are made anew for each command.
pub(super) fn plain(events: Result<Vec<Event>, Refusal>, before: &str) -> Result<String, String> {
    let events = events.map_err(|it| it.to_string())?;
    let mut told = serde_json::to_string(&events).unwrap();
    let strings: Vec<String> = told.split('"').map(str::to_owned).collect();
    let ids = strings.iter().filter(|it| uuid::Uuid::try_parse(it).is_ok_and(|it| !it.is_nil()));
    for (nth, id) in ids.filter(|it| !before.contains(it.as_str())).enumerate() {
        told = told.replace(id.as_str(), &format!("the new {nth}"));
    }
    Ok(told)
}

/// A history, and what is asked after it.
type Input = (Walk, Vec<What>);

fn holds((walk, asked): Input) {
    let mut world = World::default();
    world.go(&walk);
    let ids = world.ids.get(&AccountId::new("acme").unwrap()).cloned().unwrap_or_default();
    let asked = asked.iter().filter(|it| !matches!(it, What::Step(..)));
    let asked = asked.map(|it| it.command(&ids));
    let commands: Vec<_> = asked.filter(|it| !matches!(it, Command::PassTime(_))).collect();
    // A batch of nothing is no command.
    if commands.is_empty() {
        return;
    }
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
            assert_eq!(together, Err(*refusal));
        }
        alone => {
            let before = format!("{before:?}");
            assert_eq!(plain(together, &before), plain(alone, &before));
        }
    }
    if !accepted {
        let contents = World { ledger: all, ..World::default() }.contents();
        assert_eq!(contents, before, "a refusal changes nothing");
    }
}

#[test]
fn a_batch_is_its_commands_one_after_the_other() {
    let inputs = (walks(), prop::collection::vec(walk::whats(), 1..6));
    seeds::each(0..1_000, &inputs, holds);
}
