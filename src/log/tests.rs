//! The log on a real nats-server that goes away.

use std::path::Path;

use super::*;
use crate::natsd::{self, Guard, Natsd};

/// A new log on a nats-server of its own.
pub(crate) async fn opened(dir: &Path) -> (Natsd, Log) {
    let settings = natsd::Settings::new(dir.join("nats"));
    let settings = natsd::Settings { guard: Guard::Off, ..settings };
    let found = natsd::find(false, false).unwrap_or_else(|it| panic!("{it}"));
    let natsd = Natsd::start(&found, settings).await.unwrap();
    let options = async_nats::ConnectOptions::with_user_and_password(
        natsd::User::Ledger.name().to_owned(),
        natsd.password(natsd::User::Ledger).to_owned(),
    );
    let client = options.connect(natsd.url()).await.unwrap();
    let settings =
        Settings { prefix: "t".to_owned(), replicas: 1, max_bytes: 64 * 1024 * 1024, create: true };
    let (log, damage) = Log::open(client, settings, Kept::default()).await.unwrap();
    assert_eq!(damage, None);
    (natsd, log)
}

#[tokio::test]
async fn a_running_ledger_does_not_wait_for_the_log_as_long_as_a_start() {
    let dir = tempfile::tempdir().unwrap();
    let (natsd, log) = opened(dir.path()).await;
    log.check(None).await.unwrap();
    natsd.stop().await;
    // A start would go on asking for as long as this, the pauses alone.
    let start = RETRY_PAUSE * (START_ATTEMPTS - 1);
    let checked = tokio::time::timeout(start, log.check(None)).await;
    assert!(matches!(checked, Ok(Err(Error::Unavailable(_)))), "{checked:?}");
    let refusals = tokio::time::timeout(start, log.refusals()).await;
    assert!(matches!(refusals, Ok(Err(Error::Unavailable(_)))), "{refusals:?}");
}
