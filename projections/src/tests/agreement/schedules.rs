use events::Event;
use serde_json::{Value, json};

use super::{Past, all, at_of, json, tried, without_nulls};
use crate::tests::world::ACCOUNTS;
use crate::waitlists::{self, ScheduleState};

/// Every schedule there ever was, by the events about it, in the order in which they are due.
fn expected(past: &Past<'_>, account: &str) -> Vec<Value> {
    let mut all: Vec<Value> = vec![];
    for (sequence, _, record) in past.events(account) {
        let (number, end) = match &record.event {
            Event::CommandScheduled(it) => {
                all.push(json!({
                    "schedule": it.schedule, "state": "pending", "due": it.due,
                    "command": it.command, "document": it.document, "asked_by": record.actor,
                    "asked_id": record.command.id, "since": at_of(past.commits, sequence),
                    "since_sequence": sequence,
                }));
                continue;
            }
            Event::ScheduleCancelled(it) => (it.schedule, json!({"state": "cancelled"})),
            Event::ScheduleFired(it) => {
                let came = json!({"state": "fired", "refused": it.refused, "detail": it.detail});
                (it.schedule, without_nulls(came))
            }
            _ => continue,
        };
        let it = all.iter_mut().find(|it| it["schedule"] == number).unwrap();
        let it = it.as_object_mut().unwrap();
        it.extend(end.as_object().unwrap().clone());
        it.insert("ended_by".into(), json(&record.actor));
        it.insert("until".into(), json(at_of(past.commits, sequence)));
        it.insert("until_sequence".into(), sequence.into());
    }
    all.sort_by_key(|it| (it["due"].as_str().unwrap().to_owned(), it["schedule"].as_u64()));
    all
}

#[test]
fn schedules_agree_with_the_rules() {
    let (world, store, sequences, _dir) = tried(3, 500, &waitlists::MODEL);
    let (mut fired, mut refused, mut cancelled) = (0, 0, 0);
    for sequence in sequences {
        let past = Past::new(&world.commits, sequence);
        for account in ACCOUNTS {
            let expected = expected(&past, account);
            let count = |is: &dyn Fn(&&Value) -> bool| expected.iter().filter(is).count();
            fired += count(&|it| it["state"] == "fired" && it.get("refused").is_none());
            refused += count(&|it| it.get("refused").is_some());
            cancelled += count(&|it| it["state"] == "cancelled");
            for state in [
                None,
                Some(ScheduleState::Pending),
                Some(ScheduleState::Fired),
                Some(ScheduleState::Cancelled),
            ] {
                let is = |it: &&Value| state.is_none_or(|state| it["state"] == state.as_str());
                let wanted: Vec<_> = expected.iter().filter(is).collect();
                let found = all(sequence, |cursor| {
                    waitlists::schedules(store.db(), account, state, cursor, 2, sequence)
                });
                assert_eq!(json(found), json(wanted), "{state:?} of {account} at {sequence}");
            }
            let rules = past.account(account).into_iter().flat_map(|it| it.schedules());
            let mut kept: Vec<_> = rules.map(|it| it.schedule).collect();
            kept.sort_unstable();
            let pending = expected.iter().filter(|it| it["state"] == "pending");
            let mut told: Vec<_> = pending.map(|it| it["schedule"].as_u64().unwrap()).collect();
            told.sort_unstable();
            assert_eq!(told, kept, "{account} at {sequence}");
        }
    }
    assert!(fired > 20 && refused > 5 && cancelled > 5, "{fired} {refused} {cancelled}");
}
