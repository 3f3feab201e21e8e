//! Every write can be found again: by its id, at its sequence, with who did it and through which
//! door.

use serde_json::{Value, json};

use super::{LICENSE, Said, World, Writer};

async fn outcome(world: &World, said: &Said) -> Value {
    let id = said.command.clone().unwrap();
    let sequence = said.sequence.unwrap();
    let path = format!("/v1/accounts/acme/commands/{id}");
    let answer = world.ledger.get_at_least(&path, sequence).await;
    assert_eq!(answer.status, 200, "{id}: {}", answer.json());
    answer.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_each_was_told_is_found_under_the_id_that_they_were_told() {
    let world = World::with(5).await;
    for writer in Writer::ALL {
        for take in [false, true] {
            let said = match take {
                false => world.gives(writer, "ada").await,
                true => world.takes(writer, "ada").await,
            };
            let told = outcome(&world, &said).await;
            assert_eq!((&told["outcome"], &told["replayed"]), (&json!("accepted"), &json!(true)));
            assert_eq!(told["sequence"], json!(said.sequence), "{writer:?}");
            let path = format!("/v1/accounts/acme/history?command={}", said.command.unwrap());
            let history = world.ledger.get(&path).await.json();
            let lines = history["items"].as_array().unwrap();
            assert!(!lines.is_empty(), "{writer:?}");
            for line in lines {
                assert_eq!(line["via"], writer.via(), "{line}");
                assert_eq!(line["by"], json!(world.by(writer)), "{line}");
                assert_eq!(line["sequence"], json!(said.sequence), "{line}");
                if writer != Writer::Nats {
                    assert_eq!(line["actor"], json!(writer.actor()), "{line}");
                }
            }
        }
    }
}

/// An `Idempotency-Key` that is repeated does nothing again, whatever has happened since.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_under_a_key_that_was_used_is_the_first_one_again() {
    let world = World::with(3).await;
    for writer in Writer::ALL {
        let id = format!("once-{}", writer.via());
        let first = world.give(writer, "ada", Some(&id)).await;
        assert_eq!((first.status, first.command.as_deref()), (200, Some(id.as_str())));
        let given = world.agree().await;
        for again in 0..2 {
            if again == 1 {
                // Also after somebody else has taken the seat: it is not given again.
                world.takes(Writer::Http, "ada").await;
            }
            let before = world.agree().await;
            let repeated = world.give(writer, "ada", Some(&id)).await;
            assert_eq!(repeated.status, 200, "{writer:?} {again}: {}", repeated.body);
            assert_eq!((repeated.sequence, &repeated.command), (first.sequence, &first.command));
            assert_eq!(world.agree().await.events, before.events, "{writer:?} {again}");
        }
        let now = world.agree().await;
        assert_eq!(now.licenses[LICENSE].used(), 0, "{writer:?}");
        assert!(now.events.len() > given.events.len());
    }
}

/// An id belongs to the account, not to a dialect: under one that was used another call is refused,
/// in the words of who sent it, and nothing is written.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_used_through_one_is_refused_through_another() {
    let world = World::with(3).await;
    for first in Writer::ALL {
        let id = format!("mine-{}", first.via());
        assert_eq!(world.give(first, "ada", Some(&id)).await.status, 200);
        let given = world.agree().await;
        for second in Writer::ALL.into_iter().filter(|it| *it != first) {
            let said = world.give(second, "bo", Some(&id)).await;
            let (status, code) = match second {
                Writer::Uipath => (409, said.body["errorCode"].clone()),
                Writer::Ibl => (400, said.body["code"].clone()),
                Writer::Aladia => {
                    (409, said.body["errorCode"].as_str().unwrap().to_lowercase().into())
                }
                Writer::Http | Writer::Nats => (409, said.body["code"].clone()),
            };
            let wanted = (status, json!("command_id_reused"));
            assert_eq!((said.status, code), wanted, "{first:?}, {second:?}: {}", said.body);
            assert_eq!(said.command.as_deref(), Some(id.as_str()), "{second:?}");
            assert_eq!(world.agree().await.events, given.events, "{first:?}, {second:?}");
        }
        world.takes(first, "ada").await;
    }
}
