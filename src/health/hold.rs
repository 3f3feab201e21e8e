//! What writing may wait for.

/// Why writing waits, in order of precedence: of several, the first is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hold {
    /// There is no connection to NATS.
    NatsDisconnected,
    /// Something stands on the log's stream that is no commit. An operator decides.
    ForeignMessage,
    /// The log or the server's storage takes no more.
    LogFull,
    /// A commit has not been acknowledged for seconds. It is published again until it is settled:
    /// that is how the writer notices that this is over.
    LogUnavailable,
}

impl Hold {
    /// All of them, in order of precedence.
    pub const ALL: [Hold; 4] =
        [Hold::NatsDisconnected, Hold::ForeignMessage, Hold::LogFull, Hold::LogUnavailable];

    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Hold::NatsDisconnected => "nats_disconnected",
            Hold::ForeignMessage => "foreign_message",
            Hold::LogFull => "log_full",
            Hold::LogUnavailable => "log_unavailable",
        }
    }

    /// Whether commands are judged all the same. A full log is noticed by trying, and what needs no
    /// room is answered.
    pub fn tries(self) -> bool {
        match self {
            Hold::LogFull => true,
            Hold::NatsDisconnected | Hold::ForeignMessage | Hold::LogUnavailable => false,
        }
    }
}
