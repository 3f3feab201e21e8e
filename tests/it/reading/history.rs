//! Everything that happened, found by whatever it is about.

use serde_json::{Value, json};

use super::model::{ACCOUNT, Fact, World};
use super::{all_pages, items};

type Place = (u64, u64);

type Filter = Box<dyn Fn(&Fact) -> bool>;

fn places(items: &[Value]) -> Vec<Place> {
    let number = |it: &Value| it.as_u64().unwrap();
    items.iter().map(|it| (number(&it["sequence"]), number(&it["index"]))).collect()
}

fn wanted(world: &World, is: impl Fn(&Fact) -> bool) -> Vec<Place> {
    world.facts.iter().filter(|it| is(it)).map(|it| (it.sequence, it.index)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn history_is_the_list_of_what_was_done() {
    let world = World::with_a_past().await;
    let history = world.get("/history?limit=1000").await;
    assert_eq!(items(&history).len(), world.facts.len());
    for (it, fact) in items(&history).iter().zip(&world.facts) {
        let told = json!([
            it["sequence"],
            it["index"],
            it["type"],
            it["license"],
            it["actor"],
            it["by"],
            it["command"],
            it["account"],
            it["via"],
            it["v"]
        ]);
        let done = json!([
            fact.sequence,
            fact.index,
            fact.kind,
            fact.license,
            fact.actor,
            "local",
            fact.command,
            "acme",
            "http",
            1
        ]);
        assert_eq!(told, done);
        let holder = fact.user.as_ref().map(|it| json!({"user": it}));
        assert_eq!(it.get("holder"), holder.as_ref());
        assert_eq!(it["data"]["license"], json!(fact.license));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn history_is_found_by_every_filter_and_by_pairs_of_them() {
    let world = World::with_a_past().await;
    let command = world.facts[world.facts.len() / 2].command.clone();
    let mut filters: Vec<(String, Filter)> = vec![(String::new(), Box::new(|_| true))];
    for license in ["creative", "office", "zoom", "nope"] {
        filters.push((format!("license={license}"), Box::new(move |it| it.license == license)));
    }
    for user in ["u1", "u5", "nobody"] {
        filters
            .push((format!("user={user}"), Box::new(move |it| it.user.as_deref() == Some(user))));
    }
    for kind in [
        "SeatAssigned",
        "AssignmentRevoked",
        "QuantityChanged",
        "LicenseAllocated",
        "TransferEnded",
    ] {
        filters.push((format!("type={kind}"), Box::new(move |it| it.kind == kind)));
    }
    for actor in ["ada", "hr-sync", "who"] {
        filters.push((format!("actor={actor}"), Box::new(move |it| it.actor == actor)));
    }
    for (by, all) in [("local", true), ("clock", false), ("key:5d1f0c2ab7e94836", false)] {
        filters.push((format!("by={by}"), Box::new(move |_| all)));
    }
    filters.push((format!("command={command}"), Box::new(move |it| it.command == command)));
    for (one, first) in &filters {
        for (two, second) in &filters {
            let name = |it: &str| it.split('=').next().unwrap().to_owned();
            if name(one) == name(two) && !one.is_empty() {
                continue;
            }
            let found = world.get(&format!("/history?{one}&{two}&limit=1000")).await;
            let wanted = wanted(&world, |it| first(it) && second(it));
            assert_eq!(places(items(&found)), wanted, "{one} and {two}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn history_is_read_from_either_end_in_pages_of_any_length() {
    let world = World::with_a_past().await;
    for filter in ["", "license=creative", "user=u1", "type=SeatAssigned&actor=ada"] {
        let mut whole = items(&world.get(&format!("/history?limit=1000&{filter}")).await).to_vec();
        for limit in [1, 3, 10] {
            let path = format!("{ACCOUNT}/history?order=oldest&{filter}");
            assert_eq!(all_pages(&world.ledger, &path, limit).await, whole, "{filter}");
        }
        whole.reverse();
        for limit in [1, 4, 10] {
            let path = format!("{ACCOUNT}/history?order=newest&{filter}");
            assert_eq!(
                all_pages(&world.ledger, &path, limit).await,
                whole,
                "{filter}, newest first"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn history_is_cut_by_time() {
    let world = World::with_a_past().await;
    let history = world.get("/history?limit=1000").await;
    let all = items(&history);
    let time = |it: &Value| it["at"].as_str().unwrap().to_owned();
    let (from, to) = (time(&all[all.len() / 4]), time(&all[all.len() / 2]));
    // Times of one length: their texts are in the order of time.
    let inside: Vec<Value> =
        all.iter().filter(|it| from <= time(it) && time(it) < to).cloned().collect();
    let query = format!("/history?from={from}&to={to}&limit=1000");
    assert_eq!(items(&world.get(&query).await), inside, "from is inclusive, to is not");
    let day = &time(&all[0])[..10];
    let last_day = &time(&all[all.len() - 1])[..10];
    let query = format!("/history?from={day}&to={last_day}&limit=1000");
    assert_eq!(items(&world.get(&query).await), all, "dates are whole days");
    for nothing in ["from=2999-01-01", "to=2020-01-01", "from=2020-01-01&to=2020-02-01"] {
        let found = world.get(&format!("/history?{nothing}")).await;
        assert_eq!((&found["items"], &found["next"]), (&json!([]), &Value::Null), "{nothing}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn history_as_of_a_sequence_ends_there() {
    let world = World::with_a_past().await;
    for at in [1, world.last / 2, world.last] {
        let found = world.get(&format!("/history?at={at}&limit=1000")).await;
        assert_eq!(places(items(&found)), wanted(&world, |it| it.sequence <= at), "at {at}");
        assert_eq!(found["sequence"], json!(at));
        let mut newest = wanted(&world, |it| it.sequence <= at && it.license == "office");
        newest.reverse();
        let found =
            world.get(&format!("/history?at={at}&limit=1000&order=newest&license=office")).await;
        assert_eq!(places(items(&found)), newest, "at {at}, newest first");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_keeps_its_place_while_more_happens() {
    let mut world = World::with_a_past().await;
    let before = wanted(&world, |_| true);
    for order in ["oldest", "newest"] {
        let mut expected = wanted(&world, |_| true);
        if order == "newest" {
            expected.reverse();
        }
        let (mut seen, mut cursor) = (vec![], String::new());
        while seen.len() < before.len() / 2 {
            let page = world.get(&format!("/history?order={order}&limit=5{cursor}")).await;
            seen.extend(places(items(&page)));
            cursor = format!("&cursor={}", page["next"].as_str().unwrap());
            let license = format!("more-{order}-{}", seen.len());
            let document = json!({"license": license, "product": "P", "quantity": 1});
            world.last = world.ledger.accepted("acme", "AllocateLicense", &document).await;
        }
        assert_eq!(seen, expected[..seen.len()], "{order}: a page repeats or leaves something out");
        // Facts that the other order will meet.
        let history = world.get("/history?limit=1000").await;
        let all = places(items(&history));
        let path = format!("/history?order={order}&limit=1000{cursor}");
        seen.extend(places(items(&world.get(&path).await)));
        match order {
            "oldest" => assert_eq!(seen, all, "the new ones come at the end"),
            _ => assert_eq!(seen, expected, "the new ones are before the first page"),
        }
        world.adopt(&history);
    }
}
