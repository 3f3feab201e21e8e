//! Usage over time, against a count by hand.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::items;
use super::model::{ACCOUNT, LICENSES, World};

fn millis(text: &Value) -> i64 {
    text.as_str().unwrap().parse::<DateTime<Utc>>().unwrap().timestamp_millis()
}

/// When each commit was made; the first is that of sequence 1.
async fn times(world: &World) -> Vec<i64> {
    let history = world.get("/history?limit=1000").await;
    let mut times = vec![];
    for it in items(&history) {
        let sequence = usize::try_from(it["sequence"].as_u64().unwrap()).unwrap();
        times.resize(sequence, millis(&it["at"]));
    }
    times
}

/// Seats of a license held after each event, and how long.
struct Curve {
    /// Milliseconds, seats held, seats there, after each event.
    points: Vec<(i64, i64, i64)>,
    /// The same, after each commit.
    commits: Vec<(i64, i64, i64)>,
}

impl Curve {
    fn of(world: &World, times: &[i64], license: &str) -> Curve {
        let (mut points, mut commits) = (vec![], vec![]);
        let (mut used, mut quantity) = (0, 0);
        for it in world.facts.iter().filter(|it| it.license == license) {
            let was_active = world.seats(it.sequence - 1).into_iter().any(|seat| {
                seat.license == license
                    && Some(&seat.user) == it.user.as_ref()
                    && seat.active
                    && seat.until.is_none()
            });
            match it.kind {
                "SeatAssigned" | "AssignmentReactivated" => used += 1,
                "AssignmentDeactivated" => used -= 1,
                "AssignmentRevoked" if was_active => used -= 1,
                _ => {}
            }
            quantity = it.quantity.unwrap_or(quantity);
            let at = times[usize::try_from(it.sequence).unwrap() - 1];
            points.push((at, used, quantity));
            let next = world
                .facts
                .iter()
                .find(|next| next.sequence == it.sequence && next.index > it.index);
            if next.is_none() {
                commits.push((at, used, quantity));
            }
        }
        Curve { points, commits }
    }

    /// What holds just before a moment.
    fn before(&self, at: i64) -> (i64, i64) {
        let before = self.commits.iter().rfind(|it| it.0 < at);
        before.map_or((0, 0), |it| (it.1, it.2))
    }

    fn seat_ms(&self, from: i64, to: i64) -> i64 {
        (from..to).map(|at| self.before(at + 1).0).sum()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_is_what_counting_by_hand_gives() {
    let world = World::with_a_past().await;
    let times = times(&world).await;
    let (first, last) = (times[0], *times.last().unwrap() + 1);
    let middle = (first + last) / 2;
    for (license, ..) in LICENSES {
        let curve = Curve::of(&world, &times, license);
        for (from, to) in
            [(first, last), (first - 5, middle), (middle, last), (middle - 20, middle + 20)]
        {
            let stamp = |it: i64| {
                DateTime::from_timestamp_millis(it).unwrap().to_rfc3339().replace("+00:00", "Z")
            };
            let query = format!("from={}&to={}&window=whole", stamp(from), stamp(to));
            let usage = world.get(&format!("/licenses/{license}/usage?{query}")).await;
            let [bucket] = items(&usage) else { panic!("{usage}") };
            let (used, quantity) = curve.before(to);
            let inside = |it: &&(i64, i64, i64)| (from..to).contains(&it.0);
            let peak = curve.points.iter().filter(inside).map(|it| it.1).max();
            let low = curve.commits.iter().filter(inside).map(|it| it.1).min();
            // What held at the beginning counts if it lasted.
            let begin = curve.before(from).0;
            let lasted = !curve.commits.iter().any(|it| it.0 == from);
            let peak = peak.into_iter().chain(lasted.then_some(begin)).max().unwrap();
            let low = low.into_iter().chain(lasted.then_some(begin)).min().unwrap();
            let days = curve.seat_ms(from, to) as f64 / 86_400_000.0;
            assert_eq!(
                (&bucket["used"], &bucket["quantity"]),
                (&json!(used), &json!(quantity)),
                "{license} {query}"
            );
            assert_eq!(
                (&bucket["peak"], &bucket["low"]),
                (&json!(peak), &json!(low)),
                "{license} {query}"
            );
            let told = bucket["seat_days"].as_f64().unwrap();
            assert!((told - days).abs() < 1e-6, "{license} {query}: {told} and not {days}");
            assert_eq!((millis(&bucket["from"]), millis(&bucket["to"])), (from, to));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn denied_demand_is_counted_beside_usage() {
    let world = World::with_a_past().await;
    world.ledger.refusals("acme", world.refused.len()).await;
    for (license, ..) in LICENSES {
        let of = world.refused.iter().filter(|it| it.2 == license);
        let full = of.clone().filter(|it| it.1 == "no_free_seat").count();
        let usage = world.get(&format!("/licenses/{license}/usage?window=whole")).await;
        let bucket = &items(&usage)[0];
        assert_eq!(
            (&bucket["refusals"], &bucket["no_free_seat"]),
            (&json!(of.count()), &json!(full)),
            "{license}"
        );
    }
    assert!(world.refused.iter().any(|it| it.1 == "no_free_seat"), "nothing was denied");
}

#[tokio::test(flavor = "multi_thread")]
async fn windows_follow_the_calendar_and_touch() {
    let world = World::with_a_past().await;
    let now = millis(&world.get("/licenses/creative/usage?window=whole").await["to"]);
    for (window, ms) in [("hour", 3_600_000), ("day", 86_400_000), ("week", 7 * 86_400_000)] {
        let from = DateTime::from_timestamp_millis(now - 5 * ms - ms / 2).unwrap();
        let from = from.to_rfc3339().replace("+00:00", "Z");
        let usage =
            world.get(&format!("/licenses/creative/usage?from={from}&window={window}")).await;
        let buckets = items(&usage);
        assert!((6..=7).contains(&buckets.len()), "{window}: {}", buckets.len());
        assert_eq!(buckets[0]["from"], usage["from"]);
        assert_eq!(buckets.last().unwrap()["to"], usage["to"]);
        for pair in buckets.windows(2) {
            assert_eq!(pair[0]["to"], pair[1]["from"], "{window}: a gap");
        }
        for edge in &buckets[1..] {
            // The epoch was a Thursday; weeks begin on Mondays.
            let offset = if window == "week" { 4 * 86_400_000 } else { 0 };
            assert_eq!((millis(&edge["from"]) - offset) % ms, 0, "{window}: {}", edge["from"]);
        }
        let used: Vec<_> = buckets.iter().map(|it| it["used"].as_i64().unwrap()).collect();
        assert_eq!(*used.last().unwrap(), world.used("creative", world.last), "{window}");
        assert_eq!(used[0], 0, "{window}: nothing was used before the beginning");
    }
    let months = world.get("/licenses/creative/usage?from=2020-01-15&window=month").await;
    let starts: Vec<_> =
        items(&months)[1..].iter().map(|it| it["from"].as_str().unwrap()).collect();
    assert!(starts.iter().all(|it| it.ends_with("-01T00:00:00.000Z")), "{starts:?}");
    assert_eq!(starts[0], "2020-02-01T00:00:00.000Z");
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_of_the_past_does_not_know_what_came_later() {
    let world = World::with_a_past().await;
    let at = world.last / 2;
    let usage = world.get(&format!("/licenses/creative/usage?window=whole&at={at}")).await;
    let bucket = &items(&usage)[0];
    assert_eq!(bucket["quantity"], json!(world.quantity("creative", at)));
    assert_eq!(bucket["used"], json!(world.used("creative", at)));
    assert_eq!(usage["sequence"], json!(at));
    let path = format!("{ACCOUNT}/licenses/zoom/usage?at=1&window=whole");
    assert_eq!(world.ledger.get(&path).await.status, 404, "zoom was not there yet");
}
