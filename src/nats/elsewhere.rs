//! Leaving a node that is there and leads nowhere: one that is cut off from the others answers pings
//! for as long as the cut lasts, and nothing of JetStream.

use std::sync::Mutex;
use std::time::Duration;

use async_nats::{Client, ReconnectToServer, Server, ServerAddr, ServerInfo};
use tokio_util::sync::CancellationToken;

use crate::health::{Condition, Health, Hold};

/// How long the log may stay silent over one node before another one is tried.
const PATIENCE: Duration = Duration::from_secs(4);

/// Which server a connection that was lost, or left, goes to: the next one of the list. The client
/// library would go where the fewest attempts have failed, which is where it comes from.
pub(super) fn in_turn()
-> impl Fn(Vec<Server>, ServerInfo) -> std::future::Ready<Option<ReconnectToServer>> {
    let last = Mutex::new(None);
    move |servers, left| {
        // The first connection tries all of them until one answers.
        if left.server_id.is_empty() {
            return std::future::ready(None);
        }
        // Invariant: nobody panics while it is locked.
        let mut last = last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *last = next(&servers, last.as_ref());
        std::future::ready(last.clone().map(|addr| ReconnectToServer { addr, delay: None }))
    }
}

/// The one after the last that was tried; at first, after the one that the connection was made to.
fn next(servers: &[Server], last: Option<&ServerAddr>) -> Option<ServerAddr> {
    let tried = match last {
        Some(last) => servers.iter().position(|it| it.addr == *last),
        None => servers.iter().position(|it| it.did_connect),
    };
    let place = tried.map_or(0, |it| (it + 1) % servers.len().max(1));
    servers.get(place).map(|it| it.addr.clone())
}

/// Connects each client anew, to the next server of its list, as long as the log does not answer.
/// For ledgers that have several servers; ends with `stop`.
pub async fn move_on(clients: Vec<Client>, health: Health, stop: CancellationToken) {
    let mut condition = health.watch();
    loop {
        let silent =
            condition.wait_for(|it| matches!(it, Condition::Waiting(Hold::LogUnavailable, _)));
        if !matches!(stop.run_until_cancelled(silent).await, Some(Ok(_))) {
            return;
        }
        tracing::warn!("the log does not answer over this server, the next one is tried");
        for client in &clients {
            if let Err(error) = client.force_reconnect().await {
                tracing::debug!(%error, "a client is gone");
            }
        }
        if stop.run_until_cancelled(tokio::time::sleep(PATIENCE)).await.is_none() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(name: &str, failed_attempts: usize, did_connect: bool) -> Server {
        let addr = format!("nats://{name}:4222").parse().unwrap();
        Server { addr, failed_attempts, did_connect, is_discovered: false, last_error: None }
    }

    #[test]
    fn every_server_has_its_turn_however_often_it_has_failed() {
        // Connected to b first; the others have failed before.
        let servers = [server("a", 9, false), server("b", 0, true), server("c", 5, false)];
        let mut last = None;
        let mut tried = vec![];
        for _ in 0..4 {
            last = next(&servers, last.as_ref());
            tried.push(last.as_ref().unwrap().host().to_owned());
        }
        assert_eq!(tried, ["c", "a", "b", "c"]);
        assert_eq!(next(&[], None), None);
        let gone = "nats://gone:4222".parse().unwrap();
        assert_eq!(next(&servers, Some(&gone)).unwrap().host(), "a", "the list has changed");
    }
}
