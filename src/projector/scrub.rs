//! Compares each read model with the log once a day: nothing else notices a bit that flips under a
//! running process.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Projector;
use crate::metrics::READ_MODEL_DIFFERED;

/// In which each read model is compared once. They are compared one after the other, with pauses of
/// the same length.
const PERIOD: Duration = Duration::from_secs(24 * 3600);

impl Projector {
    /// Builds one read model after the other anew and compares it with the one in use, which it
    /// replaces, until `stop` is cancelled.
    pub async fn scrub(self, stop: CancellationToken) {
        self.scrub_within(PERIOD, stop).await;
    }

    async fn scrub_within(self, period: Duration, stop: CancellationToken) {
        let models: Vec<_> = Projector::models().collect();
        let pause = period / u32::try_from(models.len()).unwrap_or(u32::MAX).max(1);
        for model in models.into_iter().cycle() {
            if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                return;
            }
            // Nobody wants to know how far it is.
            let (progress, _) = mpsc::channel(1);
            match stop.run_until_cancelled(self.rebuild(model, progress)).await {
                None => return,
                Some(Ok(rebuilt)) if rebuilt.same => {
                    tracing::debug!(model, sequence = rebuilt.sequence, "a read model is right");
                }
                Some(Ok(rebuilt)) => {
                    metrics::counter!(READ_MODEL_DIFFERED).increment(1);
                    let sequence = rebuilt.sequence;
                    tracing::error!(
                        model,
                        sequence,
                        "a read model was not what the log says, and is replaced by one that is: \
                         what it answered may have been wrong; check the disk and the memory"
                    );
                }
                Some(Err(error)) => {
                    tracing::warn!(model, %error, "a read model could not be compared with the log");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use projections::Connection;
    use tokio_util::task::TaskTracker;

    use super::*;
    use crate::health::Health;
    use crate::projector::Models;

    /// Far above what any step takes here, so that only a hang reaches it.
    const PATIENCE: Duration = Duration::from_secs(30);

    #[tokio::test(flavor = "multi_thread")]
    async fn a_row_that_the_log_knows_nothing_of_is_gone_after_a_round() {
        let dir = tempfile::tempdir().unwrap();
        let (_natsd, log) = crate::log::tests::opened(dir.path()).await;
        let mut models = Models::open(dir.path().join("read")).unwrap();
        let (health, stop, tasks) = (Health::new(), CancellationToken::new(), TaskTracker::new());
        models.check(&log, &health).await.unwrap();
        let views = models.views();
        let file = projections::store::path(&dir.path().join("read"), &projections::keys::MODEL);
        let projector = Projector::start(log, models, health, stop.clone(), &tasks);
        let rows = || {
            let sql = "SELECT COUNT(*) FROM accounts";
            let count = |db: &Connection| Ok(db.query_row(sql, [], |it| it.get::<_, i64>(0))?);
            views.keys.readers().with(count).unwrap()
        };
        let db = Connection::open(file).unwrap();
        db.execute("INSERT INTO accounts (account, since, at) VALUES ('nobody', 1, 1)", [])
            .unwrap();
        drop(db);
        assert_eq!(rows(), 1);
        tasks.spawn(projector.scrub_within(Duration::from_millis(80), stop.clone()));
        let healed = async {
            while rows() > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, healed).await.unwrap();
        stop.cancel();
        tasks.close();
        tokio::time::timeout(PATIENCE, tasks.wait()).await.unwrap();
    }
}
