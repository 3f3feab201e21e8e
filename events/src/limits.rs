//! Every limit of the language, by name. Each says what happens at it.

/// Bytes of UTF-8 in any name or sentence a producer gives. A longer one is malformed
/// (`invalid_text`).
pub const TEXT_BYTES_MAX: usize = 256;

/// Characters of an account id or a command id, which must be safe as one token of a NATS subject.
/// A longer one is malformed (`invalid_account`, `invalid_command_id`).
pub const TOKEN_BYTES_MAX: usize = 64;

/// Bytes of an e-mail address (RFC 5321 allows 254 in a path). A longer one is malformed
/// (`invalid_email`).
pub const EMAIL_BYTES_MAX: usize = 254;

/// Bytes of a metadata object, white space between its tokens not counted. A larger one is
/// malformed (`invalid_metadata`).
pub const METADATA_BYTES_MAX: usize = 8 * 1024;

/// Levels of arrays and objects inside one another. A deeper document is malformed
/// (`malformed_json`).
pub const DEPTH_MAX: usize = 32;

/// Holders or assignments named by one command. More are malformed (`too_many_items`): send
/// several commands.
pub const ITEMS_MAX: usize = 1_000;

/// Seats of one license. More is malformed (`invalid_quantity`).
pub const QUANTITY_MAX: i64 = 1_000_000_000;

/// Bytes of a command document. A larger one is malformed (`payload_too_large`).
pub const COMMAND_BYTES_MAX: usize = 256 * 1024;

/// Bytes of a commit. A command whose events would not fit into one commit is refused
/// (`commit_too_large`). Below the 1 MiB `max_payload` that a NATS server has by default, with room
/// for headers.
pub const COMMIT_BYTES_MAX: usize = 960 * 1024;
