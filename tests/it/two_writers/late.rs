//! A command that waits in a process that cannot write, and is sent to another one meanwhile.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;

use super::{assign, revoke};
use crate::cluster::cables::{Cables, End, Port};
use crate::faults::nats::{Nats, TOKEN};
use crate::faults::producer::{Doors, Order, Told};
use crate::faults::replay::Replay;
use crate::faults::told;
use crate::ledger::{Ledger, eventually};

const LEDGER: End = End::Ledger(0);
const NODE: End = End::Node(0);

#[tokio::test(flavor = "multi_thread")]
async fn what_its_sender_has_given_up_does_not_happen_after_it_was_refused_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    let nats = Nats::start(dir.path()).await;
    let (mut cables, port) = (Cables::default(), Port::default());
    port.store(nats.port(), Ordering::Relaxed);
    let url = format!("nats://127.0.0.1:{}", cables.lay(LEDGER, NODE, &port).await);
    let own = dir.path().join("one");
    std::fs::create_dir_all(&own).unwrap();
    let arguments = ["serve", "--nats", &url, "--nats-token", TOKEN, "--http", "127.0.0.1:0"];
    let more = ["--max-bytes", "1073741824", "--create", "--ready-json"];
    let one = Ledger::spawn(&own, &[&arguments[..], &more].concat()).await.unwrap();
    let two = nats.ledger(&dir.path().join("two"), 1 << 30).await;
    let license = json!({"license": "l", "product": "P", "quantity": 1});
    one.accepted("acme", "AllocateLicense", &license).await;
    let seat = json!({"license": "l", "holders": [{"user": "ada"}]});
    let sequence = one.accepted("acme", "AssignSeat", &seat).await;
    for ledger in [&one, &two] {
        told::settled(ledger, sequence).await;
    }
    let (here, there) = (Doors::of(&one).await, Doors::of(&two).await);

    cables.cut(LEDGER, NODE);
    cables.cut(NODE, LEDGER);
    // One is under way and does not arrive; the other one waits behind it until its sender leaves.
    let stuck = json!({"id": "stuck", "license": "m", "product": "P", "quantity": 1});
    let stuck = Order::new("acme", "AllocateLicense", stuck);
    let late = assign("late", "bo");
    let waits = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        here.post(&late).await
    };
    let told = tokio::join!(here.post(&stuck), waits);
    assert!(matches!(told, (Told::Unknown(_), Told::Unknown(_))), "{told:?}");
    let refused = Told::Refused("no_free_seat".to_owned());
    assert_eq!(there.post(&late).await, refused, "ada has the only seat");
    // It is free now, so that whoever judges the command again accepts it.
    let freed = there.post(&revoke("free", "ada")).await;
    assert!(matches!(freed, Told::Accepted { .. }), "{freed:?}");

    cables.heal();
    eventually("the first process writes again", async || {
        let order = Order::new(
            "acme",
            "AllocateLicense",
            json!({"id": "again", "license": "n",
            "product": "P", "quantity": 1}),
        );
        matches!(here.post(&order).await, Told::Accepted { .. })
    })
    .await;
    let replay = Replay::of(&nats.client().await).await;
    let key = late.key();
    assert_eq!(replay.commands.get(&key), None, "refused, and then it happened");
}
