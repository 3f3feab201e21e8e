//! How the streams are configured, and what of it must not be otherwise.

use std::time::Duration;

use async_nats::jetstream::stream::{
    Compression, Config, DiscardPolicy, PersistenceMode, RetentionPolicy, StorageType,
};

/// How long the server remembers message ids. Only a first net: the ledger's own fence decides.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(120);

/// The shortest that the server takes.
const POSTS_DUPLICATE_WINDOW: Duration = Duration::from_millis(100);

/// How long a refusal is kept.
const REFUSALS_AGE_MAX: Duration = Duration::from_secs(400 * 24 * 3600);

/// Names and sizes of the ledger's streams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// What all subjects begin with, and in capitals all streams; `seatledger` unless configured.
    pub prefix: String,
    /// Copies of each stream in the NATS cluster.
    pub replicas: usize,
    /// Bytes at which the log refuses commits (`log_full`). Must fit the server's disk.
    pub max_bytes: i64,
    /// Whether a start may make the streams of a ledger of which nothing is known.
    pub create: bool,
}

impl Settings {
    /// The name of the log's stream.
    pub fn stream(&self) -> String {
        self.prefix.to_uppercase()
    }

    /// The subject of the only partition in use.
    pub fn commit_subject(&self) -> String {
        format!("{}.commit.0", self.prefix)
    }

    /// The name of the stream of refusals.
    pub fn refusals_stream(&self) -> String {
        format!("{}_REFUSALS", self.stream())
    }

    /// The name of the work queue of posted commands.
    pub fn posts_stream(&self) -> String {
        format!("{}_POSTS", self.stream())
    }

    /// Refuses to have a stream made where that was not asked for.
    pub(super) fn may_create(&self, stream: &str) -> Result<(), super::Error> {
        match self.create {
            true => Ok(()),
            false => Err(super::Error::Missing(stream.to_owned())),
        }
    }

    /// The log: everything forever, nothing taken away.
    pub(super) fn log(&self) -> Config {
        Config {
            name: self.stream(),
            description: Some("The ledger's commits. Never delete, purge or limit.".to_owned()),
            subjects: vec![format!("{}.commit.*", self.prefix)],
            max_bytes: self.max_bytes,
            deny_delete: true,
            deny_purge: true,
            allow_direct: true,
            ..self.stream_defaults()
        }
    }

    /// Refusals: bounded by age and bytes, the oldest go first.
    pub(super) fn refusals(&self) -> Config {
        Config {
            name: self.refusals_stream(),
            description: Some("Refused commands. Not part of the truth.".to_owned()),
            subjects: vec![format!("{}.refusal.*", self.prefix)],
            max_bytes: self.max_bytes / 16,
            max_age: REFUSALS_AGE_MAX,
            discard: DiscardPolicy::Old,
            ..self.stream_defaults()
        }
    }

    /// Posted commands, each until it is answered.
    pub(super) fn posts(&self) -> Config {
        Config {
            name: self.posts_stream(),
            description: Some("Posted commands that wait for their outcome.".to_owned()),
            subjects: vec![format!("{}.post.*.*", self.prefix)],
            max_bytes: self.max_bytes / 16,
            retention: RetentionPolicy::WorkQueue,
            // Message ids are scoped by account, the server's memory of them is not: it must not
            // take one account's command for another's. The ledger itself knows repeats.
            duplicate_window: POSTS_DUPLICATE_WINDOW,
            ..self.stream_defaults()
        }
    }

    fn stream_defaults(&self) -> Config {
        Config {
            storage: StorageType::File,
            num_replicas: self.replicas,
            retention: RetentionPolicy::Limits,
            discard: DiscardPolicy::New,
            max_messages: -1,
            max_messages_per_subject: -1,
            max_consumers: -1,
            max_message_size: -1,
            duplicate_window: DUPLICATE_WINDOW,
            ..Config::default()
        }
    }
}

/// The settings of the log's stream that would let history be lost or change, each by name with
/// what it must be. An empty list means all is well.
pub(super) fn wrong_settings(settings: &Settings, found: &Config) -> Vec<String> {
    let mut wrong = vec![];
    let mut demand = |holds: bool, name: &str, must: &str| {
        if !holds {
            wrong.push(format!("{name} must be {must}"));
        }
    };
    demand(found.storage == StorageType::File, "storage", "file");
    demand(found.retention == RetentionPolicy::Limits, "retention", "limits");
    demand(found.discard == DiscardPolicy::New, "discard", "new");
    demand(found.max_messages <= 0, "max_msgs", "unlimited");
    demand(found.max_messages_per_subject <= 0, "max_msgs_per_subject", "unlimited");
    demand(found.max_age.is_zero(), "max_age", "unlimited");
    demand(found.max_bytes > 0, "max_bytes", "set, below the disk");
    demand(found.deny_delete, "deny_delete", "true");
    demand(found.deny_purge, "deny_purge", "true");
    demand(!found.allow_rollup, "allow_rollup_hdrs", "false");
    demand(!found.allow_message_ttl, "allow_msg_ttl", "false");
    demand(!found.no_ack, "no_ack", "false");
    demand(!found.sealed, "sealed", "false");
    let uncompressed = matches!(found.compression, None | Some(Compression::None));
    demand(uncompressed, "compression", "none");
    let at_once = !matches!(found.persist_mode, Some(PersistenceMode::Async));
    demand(at_once, "persist_mode", "default, not async");
    demand(found.mirror.is_none(), "mirror", "absent");
    demand(found.sources.as_ref().is_none_or(Vec::is_empty), "sources", "absent");
    demand(found.subject_transform.is_none(), "subject_transform", "absent");
    demand(found.first_sequence.is_none_or(|it| it <= 1), "first_seq", "1");
    let replicas = format!("{} as configured", settings.replicas);
    demand(found.num_replicas == settings.replicas, "num_replicas", &replicas);
    let subjects = settings.log().subjects;
    demand(found.subjects == subjects, "subjects", &format!("{subjects:?}"));
    wrong
}

/// The same of the work queue of posted commands, which must not lose one before it is answered.
pub(super) fn wrong_posts_settings(settings: &Settings, found: &Config) -> Vec<String> {
    let must = settings.posts();
    let checks = [
        (found.storage == must.storage, "storage must be file"),
        (found.retention == must.retention, "retention must be workqueue"),
        (found.discard == must.discard, "discard must be new"),
        (found.max_age.is_zero(), "max_age must be unlimited"),
        (found.max_messages <= 0, "max_msgs must be unlimited"),
        (found.max_messages_per_subject <= 0, "max_msgs_per_subject must be unlimited"),
    ];
    checks.into_iter().filter(|it| !it.0).map(|it| it.1.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings { prefix: "seatledger".into(), replicas: 1, max_bytes: 1 << 30, create: true }
    }

    #[test]
    fn our_own_stream_passes() {
        assert_eq!(wrong_settings(&settings(), &settings().log()), Vec::<String>::new());
    }

    #[test]
    fn each_setting_that_could_lose_history_is_named() {
        type Change = (&'static str, fn(&mut Config));
        let changes: [Change; 12] = [
            ("storage", |it| it.storage = StorageType::Memory),
            ("retention", |it| it.retention = RetentionPolicy::WorkQueue),
            ("discard", |it| it.discard = DiscardPolicy::Old),
            ("max_msgs ", |it| it.max_messages = 10),
            ("max_msgs_per_subject", |it| it.max_messages_per_subject = 10),
            ("max_age", |it| it.max_age = Duration::from_secs(1)),
            ("max_bytes", |it| it.max_bytes = -1),
            ("deny_delete", |it| it.deny_delete = false),
            ("deny_purge", |it| it.deny_purge = false),
            ("compression", |it| it.compression = Some(Compression::S2)),
            ("num_replicas", |it| it.num_replicas = 3),
            ("subjects", |it| it.subjects.clear()),
        ];
        for (name, change) in changes {
            let mut found = settings().log();
            change(&mut found);
            let wrong = wrong_settings(&settings(), &found);
            assert!(wrong.len() == 1 && wrong[0].starts_with(name), "{name}: {wrong:?}");
        }
    }
}
