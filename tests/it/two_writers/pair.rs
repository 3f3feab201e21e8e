//! Two `seatledger serve` processes on one nats-server, each with its own files.

use serde_json::json;
use tempfile::TempDir;

use crate::faults::nats::Nats;
use crate::faults::replay::Replay;
use crate::faults::told;
use crate::ledger::Ledger;

const MAX_BYTES: u64 = 1 << 30;

pub struct Pair {
    pub one: Ledger,
    pub two: Ledger,
    pub nats: Nats,
    dir: TempDir,
}

impl Pair {
    /// Both are started at the same time on an empty server.
    pub async fn start() -> Pair {
        let dir = tempfile::tempdir().unwrap();
        let nats = Nats::start(dir.path()).await;
        let (one, two) = (dir.path().join("one"), dir.path().join("two"));
        let (one, two) = tokio::join!(nats.ledger(&one, MAX_BYTES), nats.ledger(&two, MAX_BYTES));
        Pair { one, two, nats, dir }
    }

    /// With a license `l` of so many seats.
    pub async fn with_license(quantity: u64) -> Pair {
        let pair = Pair::start().await;
        let license = json!({"license": "l", "product": "P", "quantity": quantity});
        let sequence = pair.one.accepted("acme", "AllocateLicense", &license).await;
        // Both know of it before the test begins.
        told::settled(&pair.two, sequence).await;
        pair
    }

    /// `kill -9` of the second process. It must be started again before it is used.
    pub async fn kill_two(&mut self) {
        crate::ledger::signal(self.two.pid(), "KILL");
    }

    pub async fn start_two(&mut self) {
        self.two = self.nats.ledger(&self.dir.path().join("two"), MAX_BYTES).await;
    }

    /// Demands that both say what the log says, and the same.
    pub async fn says(&self, replay: &Replay) {
        let last = replay.last();
        for ledger in [&self.one, &self.two] {
            told::agrees(ledger, replay).await;
            told::rebuilt_the_same(ledger);
        }
        let one = told::everything(&self.one, "acme", last).await;
        assert_eq!(one, told::everything(&self.two, "acme", last).await);
    }
}
