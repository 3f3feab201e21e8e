//! Every limit of the language, by name. Each says what happens at it.

/// Bytes of UTF-8 in any name or sentence a producer gives. A longer one is malformed
/// (`invalid_text`).
pub const TEXT_BYTES_MAX: usize = 256;

/// Bytes of what is written of who was let in. The ledger writes nothing longer.
pub const BY_BYTES_MAX: usize = 520;

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

/// Percent of its quantity that a license gives out beyond it. More is malformed (`invalid_value`):
/// say `unlimited`.
pub const OVERAGE_PERCENT_MAX: u16 = 900;

/// Products and licenses that a group gives, or that are in a direct set. More are malformed
/// (`too_many_items`).
pub const PRODUCTS_MAX: usize = 100;

/// Days after its end in which a license can still be used. More is malformed (`invalid_quantity`).
pub const GRACE_DAYS_MAX: u16 = 3_650;

/// Things that are due of one account and fire in one commit, counted as the events they cause. The
/// others fire in the commits that follow.
pub const FIRED_MAX: usize = 1_000;

/// Members that one command serves by a rule of mode `first_come`, each product counted. The others
/// are served by the ledger itself, in the commits that follow.
pub const SERVED_MAX: usize = 1_000;

/// Bytes of the events by which one command serves those who wait, what stands around them not
/// counted. The others are served in the commits that follow.
pub const SERVED_BYTES_MAX: usize = COMMIT_BYTES_MAX / 4;

/// Bytes of a command document. A larger one is malformed (`payload_too_large`).
pub const COMMAND_BYTES_MAX: usize = 256 * 1024;

/// Bytes of a commit. A command whose events would not fit into one commit is refused
/// (`commit_too_large`). Below the 1 MiB `max_payload` that a NATS server has by default, with room
/// for headers.
pub const COMMIT_BYTES_MAX: usize = 960 * 1024;

/// Transfers of one account that are on their way at once. The others begin as these end.
pub const TRANSFERS_MAX: usize = 32;
