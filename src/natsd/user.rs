//! Who may connect to the private nats-server, and what each may do there.

use std::path::Path;

/// The prefix of all subjects of a ledger that `dev` runs.
const PREFIX: &str = "seatledger";

/// Somebody who may connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum User {
    /// The ledger itself: everything. Nobody else writes its streams.
    Ledger,
    /// Its doors: they take commands, and answer to inboxes and with outcomes.
    Doors,
    /// Whoever is given `ready.json`: sends commands, hears outcomes, reads the log.
    Producer,
}

impl User {
    /// All of them.
    pub const ALL: [User; 3] = [User::Ledger, User::Doors, User::Producer];

    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            User::Ledger => "ledger",
            User::Doors => "doors",
            User::Producer => "producer",
        }
    }

    /// The file of its password, in the directory of the nats-server.
    pub(super) fn file(self) -> String {
        format!("password.{}", self.name())
    }

    /// The password that is kept for it in the directory of a nats-server, for those who may read
    /// there.
    pub fn kept_password(self, dir: &Path) -> Option<String> {
        let text = std::fs::read_to_string(dir.join(self.file())).ok()?;
        Some(text.trim().to_owned())
    }

    /// What it may publish and hear; nothing is said of one that may everything.
    fn permissions(self) -> Option<(Vec<String>, Vec<String>)> {
        let own = |it: &[&str]| it.iter().map(|it| format!("{PREFIX}.{it}")).collect::<Vec<_>>();
        let (stream, others) = (PREFIX.to_uppercase(), |it: &[&str]| {
            it.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>()
        });
        match self {
            User::Ledger => None,
            User::Doors => Some((
                [others(&["_INBOX.>"]), own(&["outcome.>"])].concat(),
                [others(&["_INBOX.>", "$SRV.>"]), own(&["command.>", "admin.>"])].concat(),
            )),
            User::Producer => {
                let read = [
                    "INFO".to_owned(),
                    "STREAM.NAMES".to_owned(),
                    "STREAM.INFO.*".to_owned(),
                    format!("STREAM.MSG.GET.{stream}"),
                    format!("DIRECT.GET.{stream}"),
                    format!("DIRECT.GET.{stream}.>"),
                    format!("CONSUMER.CREATE.{stream}.>"),
                    format!("CONSUMER.INFO.{stream}.>"),
                    format!("CONSUMER.MSG.NEXT.{stream}.>"),
                    format!("CONSUMER.DELETE.{stream}.>"),
                ];
                let read = read.map(|it| format!("$JS.API.{it}")).to_vec();
                let replies = vec![format!("$JS.ACK.{stream}.>"), format!("$JS.FC.{stream}.>")];
                Some((
                    [own(&["command.>", "post.>", "admin.>"]), others(&["$SRV.>"]), read, replies]
                        .concat(),
                    [others(&["_INBOX.>"]), own(&["outcome.>"])].concat(),
                ))
            }
        }
    }
}

/// The password of each user, in the order of [`User::ALL`].
#[derive(Clone)]
pub(super) struct Passwords(pub(super) [String; 3]);

impl Passwords {
    pub(super) fn of(&self, user: User) -> &str {
        let [ledger, doors, producer] = &self.0;
        match user {
            User::Ledger => ledger,
            User::Doors => doors,
            User::Producer => producer,
        }
    }
}

/// The users as `nats.conf` has them.
pub(super) fn users(passwords: &Passwords) -> String {
    let list = |subjects: &[String]| {
        let quoted: Vec<String> = subjects.iter().map(|it| format!("\"{it}\"")).collect();
        quoted.join(", ")
    };
    let mut text = "authorization { users: [\n".to_owned();
    for user in User::ALL {
        let (name, password) = (user.name(), passwords.of(user));
        text.push_str(&format!("  {{ user: {name}, password: \"{password}\""));
        if let Some((publish, subscribe)) = user.permissions() {
            text.push_str(&format!(
                ", permissions: {{\n    publish: {{ allow: [{}] }}\n    subscribe: {{ allow: [{}] }}\n  }}",
                list(&publish),
                list(&subscribe)
            ));
        }
        text.push_str(" }\n");
    }
    text.push_str("] }");
    text
}
