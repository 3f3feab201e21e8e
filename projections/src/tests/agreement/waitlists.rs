use events::Event;
use events::holder::HolderKey;
use serde_json::{Value, json};

use super::{Past, all, at_of, json, tried, without_nulls};
use crate::tests::world::{ACCOUNTS, EMAILS, LICENSES, PRODUCTS, USERS};
use crate::waitlists::{self, Filter};

/// Every place there has been, as the events say it.
fn expected(past: &Past<'_>, account: &str) -> Vec<Value> {
    let Some(state) = past.account(account) else { return vec![] };
    let mut all: Vec<Value> = vec![];
    for (sequence, _, record) in past.events(account) {
        let at = json(at_of(past.commits, sequence));
        match &record.event {
            Event::WaitlistJoined(it) => {
                let known = state.holder(it.holder.key()).unwrap();
                let known = if known.key() == it.holder.key() { known } else { &it.holder };
                all.push(without_nulls(json!({
                    "place": it.place, "license": it.license, "product": it.product,
                    "holder": known, "ground": it.ground, "since": at, "since_sequence": sequence,
                })));
            }
            Event::WaitlistLeft(it) => {
                let of = all.iter_mut().rfind(|of| of["place"] == it.place).unwrap();
                assert!(of.get("end").is_none());
                of["end"] = json(it.end);
                (of["until"], of["until_sequence"]) = (at, sequence.into());
            }
            _ => {}
        }
    }
    // Places of one number were passed on, the one after the other.
    all.sort_by_key(|it| it["place"].as_u64());
    let line = |it: &Value| json!([it["license"], it["product"]]);
    let waiting: Vec<Value> = all.iter().filter(|it| it.get("end").is_none()).cloned().collect();
    for it in all.iter_mut().filter(|it| it.get("end").is_none()) {
        let before = waiting.iter().filter(|before| {
            line(before) == line(it) && before["place"].as_u64() <= it["place"].as_u64()
        });
        it["position"] = before.count().into();
    }
    let rules = state.waits().map(|it| json!([it.place, state.waiting(it), it.ground]));
    let told = waiting.iter().map(|it| json!([it["place"], it["holder"], it["ground"]]));
    assert_eq!(told.collect::<Vec<_>>(), rules.collect::<Vec<_>>(), "at {}", past.sequence);
    all
}

#[test]
fn waitlists_agree_with_the_rules() {
    let (mut seen, mut behind, mut passed) = (0, 0, 0);
    for seed in [43, 44, 46] {
        let counts = agreeing(seed);
        (seen, behind, passed) = (seen + counts.0, behind + counts.1, passed + counts.2);
    }
    assert!(seen > 1_000 && behind > 20 && passed > 5, "{seen} {behind} {passed}");
}

/// How many places were compared, stood behind others and were passed on.
fn agreeing(seed: u64) -> (usize, usize, usize) {
    let (world, store, sequences, _dir) = tried(seed, 400, &waitlists::MODEL);
    let mut filters = vec![Filter::default()];
    filters.extend(LICENSES.map(|it| Filter { license: Some(it), ..Filter::default() }));
    filters.extend(PRODUCTS.map(|it| Filter { product: Some(it), ..Filter::default() }));
    filters.extend(USERS.map(|it| Filter { user: Some(it), ..Filter::default() }));
    filters.extend(EMAILS.map(|it| Filter { email: Some(it), ..Filter::default() }));
    filters.push(Filter { user: Some("ada"), license: Some("creative"), ..Filter::default() });
    let ended = filters.clone().into_iter().map(|it| Filter { ended: true, ..it });
    filters.extend(ended);
    let (mut seen, mut behind, mut passed) = (0, 0, 0);
    for sequence in sequences {
        let past = Past::new(&world.commits, sequence);
        for account in ACCOUNTS {
            let expected = expected(&past, account);
            behind += expected.iter().filter(|it| it["position"].as_u64() > Some(2)).count();
            passed += expected.windows(2).filter(|it| it[0]["place"] == it[1]["place"]).count();
            for filter in &filters {
                let named = filter.email.and_then(|it| {
                    past.account(account)?.holder(HolderKey::Email(it))?.user.as_ref()
                });
                let is =
                    |it: &Value, wanted: Option<&str>| wanted.is_none_or(|wanted| it == wanted);
                let meant = |it: &&Value| {
                    let by_link = named.is_some() && it["holder"]["user"] == json(named);
                    (filter.ended || it.get("end").is_none())
                        && is(&it["license"], filter.license)
                        && is(&it["product"], filter.product)
                        && is(&it["holder"]["user"], filter.user)
                        && (by_link || is(&it["holder"]["email"], filter.email))
                };
                let expected: Vec<_> = expected.iter().filter(meant).collect();
                seen += expected.len();
                let found = all(sequence, |cursor| {
                    waitlists::places(store.db(), account, filter, cursor, 2, sequence)
                });
                assert_eq!(json(found), json(expected), "{filter:?} of {account} at {sequence}");
            }
        }
    }
    (seen, behind, passed)
}
