use events::{Event, LicenseId};
use serde_json::{Value, json};

use super::{Past, all, json, licenses::expected, tried_in, without_nulls};
use crate::tests::world::{ACCOUNTS, LICENSES, RECEIVED, World};
use crate::{Store, licenses};

#[test]
fn what_accounts_give_to_each_other_agrees_with_the_rules() {
    let (mut received, mut states) = (0, vec![]);
    for seed in 0..8 {
        let (world, store, sequences, _dir) = tried_in(World::giving(seed, 200), &licenses::MODEL);
        for sequence in sequences {
            let past = Past::new(&world.commits, sequence);
            let all = LICENSES.iter().chain(&RECEIVED);
            for (account, license) in
                ACCOUNTS.iter().flat_map(|it| all.clone().map(|of| (*it, *of)))
            {
                let (found, _) = licenses::one(store.db(), account, license, sequence).unwrap();
                let found = found.map(json);
                assert_eq!(found, expected(&past, account, license));
                received += usize::from(found.is_some_and(|it| !it["host"].is_null()));
                states.extend(given_agree(&past, &store, account, license));
            }
        }
    }
    let count = |state: &str| states.iter().filter(|it| *it == state).count();
    let counts = (received, count("settled"), count("pending"), count("refused"));
    assert!(counts.0 > 20 && counts.1 > 10 && counts.2 > 10 && counts.3 > 2, "{counts:?}");
}

/// What other accounts have of a license, by their states.
fn given_agree(past: &Past<'_>, store: &Store, account: &str, license: &str) -> Vec<String> {
    let id = LicenseId::new(license).unwrap();
    let given = past.account(account).into_iter().flat_map(|it| it.given(&id));
    let expected: Vec<Value> = given
        .map(|(receiver, it)| {
            let about = past.events(account).filter(|event| match &event.2.event {
                Event::AccountAllocationSet(it) => it.license == id && it.receiver == *receiver,
                Event::TransferBegan(it) => it.license == id && it.receiver == *receiver,
                Event::TransferEnded(it) => it.license == id && it.receiver == *receiver,
                _ => false,
            });
            let about: Vec<_> = about.map(|it| (it.0, &it.2.event)).collect();
            let began = about.iter().rev().find_map(|(_, it)| match it {
                Event::TransferBegan(it) => Some(it.transfer),
                _ => None,
            });
            let known_as = about.iter().rev().find_map(|(_, it)| match it {
                Event::TransferEnded(it) => it.known_as.as_ref(),
                _ => None,
            });
            let (sequence, last) = about.last().unwrap();
            let refused = match last {
                Event::TransferEnded(it) => it.refused.is_some().then_some(it),
                _ => None,
            };
            let pending = it.open.is_some() || it.wanted != it.quantity;
            let state = match refused {
                _ if pending => "pending",
                Some(_) => "refused",
                None => "settled",
            };
            without_nulls(json!({
                "receiver": receiver, "quantity": it.quantity, "wanted": it.wanted,
                "reserved": it.reserved(), "state": state, "transfer": began,
                "known_as": known_as,
                "code": refused.map(|it| &it.refused), "detail": refused.map(|it| &it.detail),
                "changed_sequence": sequence,
            }))
        })
        .collect();
    let found = all(past.sequence, |cursor| {
        licenses::given(store.db(), account, license, cursor, 1, past.sequence)
    });
    assert_eq!(json(found), json(&expected), "{account} {license} at {}", past.sequence);
    let to = |receiver| {
        let of = (account, license);
        licenses::given_to(store.db(), of, receiver, past.sequence).unwrap()
    };
    let one_by_one: Vec<_> = ACCOUNTS.iter().filter_map(|it| to(it)).collect();
    assert_eq!(json(one_by_one), json(&expected));
    expected.iter().map(|it| it["state"].as_str().unwrap().to_owned()).collect()
}
