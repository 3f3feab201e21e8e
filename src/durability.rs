//! Does the server write to disk before it acknowledges?

use crate::client::{Client, Error};

/// What is known of the server's durability.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Durability {
    /// It fsyncs before every acknowledgement (`sync_always`).
    Always,
    /// It does not: a power cut loses what it acknowledged in the last seconds or minutes.
    Later,
    /// It cannot be asked.
    Unknown(String),
}

/// Asks the monitoring endpoint of a server (`/varz`).
pub async fn ask(monitor: Option<&str>) -> Durability {
    let Some(monitor) = monitor else {
        return Durability::Unknown("no monitoring address is known (--nats-monitor)".to_owned());
    };
    match Client::new(monitor).get("/varz").await {
        Ok(answer) => read(&answer.body),
        Err(error @ (Error::Url(_) | Error::Connect { .. } | Error::Timeout(_))) => {
            Durability::Unknown(error.to_string())
        }
    }
}

fn read(varz: &[u8]) -> Durability {
    let varz: serde_json::Value = match serde_json::from_slice(varz) {
        Ok(varz) => varz,
        Err(error) => return Durability::Unknown(format!("/varz is not JSON: {error}")),
    };
    let config = &varz["jetstream"]["config"];
    match config["sync_always"].as_bool() {
        Some(true) => Durability::Always,
        // The member is left out when it is false.
        Some(false) | None if config.is_object() => Durability::Later,
        Some(false) | None => Durability::Unknown("/varz does not speak of JetStream".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varz_is_understood() {
        let always = br#"{"jetstream":{"config":{"sync_interval":120,"sync_always":true}}}"#;
        assert_eq!(read(always), Durability::Always);
        let later = br#"{"jetstream":{"config":{"sync_interval":120}}}"#;
        assert_eq!(read(later), Durability::Later);
        assert!(matches!(read(b"{}"), Durability::Unknown(_)));
        assert!(matches!(read(b"<html>"), Durability::Unknown(_)));
    }
}
