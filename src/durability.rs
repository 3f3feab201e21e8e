//! Do the servers write to disk before they acknowledge?

use futures_util::future::join_all;

use crate::client::{Client, Error};
use crate::health::{Health, Level, Trouble};

/// What is known of the servers' durability.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Durability {
    /// Each fsyncs before every acknowledgement (`sync_always`).
    Always,
    /// One does not, the one at this address: a power cut loses what it acknowledged in the last
    /// seconds or minutes.
    Later(String),
    /// It cannot be asked, not of each.
    Unknown(String),
}

impl Durability {
    /// In one word, as the status says it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Durability::Always => "always",
            Durability::Later(_) => "later",
            Durability::Unknown(_) => "unknown",
        }
    }
}

/// The servers that hold the log.
#[derive(Debug, Clone)]
pub struct Nodes {
    /// The monitoring address of each, as far as they are known.
    pub monitors: Vec<String>,
    /// How many of them hold a copy.
    pub replicas: usize,
    /// Whether the operator has said that they may be less than durable.
    pub accepts_loss: bool,
}

impl Nodes {
    /// Asks the monitoring endpoint of each (`/varz`). `holding` are the names of those that hold the
    /// log, as far as they are known: each of them must be among those that were asked.
    pub async fn ask(&self, holding: &[String]) -> Durability {
        let asked = self.monitors.iter().map(|it| async move { (it.as_str(), ask(it).await) });
        self.all_of(holding, join_all(asked).await)
    }

    /// The worst that one says; less than every copy is unknown.
    fn all_of(&self, holding: &[String], said: Vec<(&str, Said)>) -> Durability {
        let known = said.len();
        let names: Vec<&str> = said.iter().filter_map(|it| it.1.server.as_deref()).collect();
        let unasked = holding.iter().find(|it| !names.contains(&it.as_str())).cloned();
        let mut worst = Durability::Always;
        for (monitor, it) in said {
            match (it.durability, &worst) {
                (Durability::Later(_), _) => return Durability::Later(monitor.to_owned()),
                (Durability::Unknown(why), Durability::Always) => {
                    worst = Durability::Unknown(format!("{monitor}: {why}"));
                }
                (Durability::Unknown(_) | Durability::Always, _) => {}
            }
        }
        match worst {
            Durability::Always if known == 0 => {
                Durability::Unknown("no monitoring address is known (--nats-monitor)".to_owned())
            }
            Durability::Always if let Some(server) = unasked => Durability::Unknown(format!(
                "the server {server} holds the log, and none of the monitoring addresses is its own \
                 (--nats-monitor, once for each)"
            )),
            Durability::Always if known < self.replicas => Durability::Unknown(format!(
                "{known} monitoring addresses are known of {} servers (--nats-monitor, once for \
                 each)",
                self.replicas
            )),
            Durability::Always | Durability::Later(_) | Durability::Unknown(_) => worst,
        }
    }

    /// Says it where it is asked how the ledger is. A start refuses a server that is not durable;
    /// one that is found later fails the judgement and does not stop commands: whoever rolls a
    /// cluster with a wrong file has one node without fsync, and an outage would not mend it.
    pub fn tell(&self, durability: &Durability, health: &Health) {
        let (later, unknown) = (Trouble::NotDurable, Trouble::DurabilityUnknown);
        match durability {
            Durability::Later(monitor) => health.trouble(
                later,
                if self.accepts_loss { Level::Warn } else { Level::Fail },
                format!(
                    "the nats-server at {monitor} acknowledges before it writes to disk: a power \
                     cut loses accepted commands"
                ),
                "set `sync_interval: always` in its jetstream block and restart it",
            ),
            Durability::Always | Durability::Unknown(_) => health.no_trouble(later),
        }
        match durability {
            Durability::Unknown(why) => health.trouble(
                unknown,
                Level::Warn,
                format!(
                    "whether each nats-server writes to disk before it acknowledges is not known: \
                     {why}"
                ),
                "give serve --nats-monitor, once for each server",
            ),
            Durability::Always | Durability::Later(_) => health.no_trouble(unknown),
        }
    }
}

/// What a server says of itself.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    /// Its name.
    server: Option<String>,
    durability: Durability,
}

async fn ask(monitor: &str) -> Said {
    let unknown = |why: String| Said { server: None, durability: Durability::Unknown(why) };
    match Client::new(monitor).get("/varz").await {
        Ok(answer) => match serde_json::from_slice::<serde_json::Value>(&answer.body) {
            Ok(varz) => {
                let server = varz["server_name"].as_str().map(str::to_owned);
                Said { server, durability: read(monitor, &varz) }
            }
            Err(error) => unknown(format!("/varz is not JSON: {error}")),
        },
        Err(error @ (Error::Url(_) | Error::Connect { .. } | Error::Timeout(_))) => {
            unknown(error.to_string())
        }
    }
}

fn read(monitor: &str, varz: &serde_json::Value) -> Durability {
    let config = &varz["jetstream"]["config"];
    match config["sync_always"].as_bool() {
        Some(true) => Durability::Always,
        // The member is left out when it is false.
        Some(false) | None if config.is_object() => Durability::Later(monitor.to_owned()),
        Some(false) | None => Durability::Unknown("/varz does not speak of JetStream".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varz_is_understood() {
        use serde_json::json;
        let always = json!({"jetstream": {"config": {"sync_interval": 120, "sync_always": true}}});
        assert_eq!(read("a", &always), Durability::Always);
        let later = json!({"jetstream": {"config": {"sync_interval": 120}}});
        assert_eq!(read("a", &later), Durability::Later("a".to_owned()));
        assert!(matches!(read("a", &json!({})), Durability::Unknown(_)));
    }

    #[test]
    fn the_worst_of_all_servers_counts_and_each_must_be_known() {
        let nodes = Nodes { monitors: vec![], replicas: 3, accepts_loss: false };
        let unknown = || Durability::Unknown("no".to_owned());
        let later = || Durability::Later(String::new());
        let said = |all: &[Durability]| -> Vec<(&str, Said)> {
            let names = (1..).map(|it| Some(format!("n{it}")));
            let named = names.zip(all.iter().cloned());
            named.map(|(server, durability)| ("m", Said { server, durability })).collect()
        };
        let of = |all: &[Durability]| nodes.all_of(&[], said(all));
        let always = || Durability::Always;
        assert_eq!(of(&[always(), always(), always()]), Durability::Always);
        assert_eq!(of(&[unknown(), later(), always()]), Durability::Later("m".to_owned()));
        assert_eq!(of(&[always(), unknown(), always()]), Durability::Unknown("m: no".to_owned()));
        assert!(matches!(of(&[always(), always()]), Durability::Unknown(it) if it.contains("2 m")));
        assert!(matches!(of(&[]), Durability::Unknown(it) if it.contains("no monitoring")));
        let held_by = |names: &[&str], all: &[Durability]| {
            let names: Vec<String> = names.iter().map(|it| (*it).to_owned()).collect();
            nodes.all_of(&names, said(all))
        };
        let three = [always(), always(), always()];
        assert_eq!(held_by(&["n3", "n1", "n2"], &three), Durability::Always);
        let moved = held_by(&["n1", "n2", "n4"], &three);
        assert!(matches!(moved, Durability::Unknown(it) if it.contains("n4")));
        let worse = held_by(&["n1", "n4"], &[always(), later()]);
        assert_eq!(worse, Durability::Later("m".to_owned()));
    }
}
