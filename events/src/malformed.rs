//! Why a document is not a command at all. Nothing was judged and nothing was written.

use std::fmt;

use utoipa::ToSchema;

/// What is wrong with a document. The wire spelling is [`MalformedCode::as_str`]; it never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum MalformedCode {
    /// Larger than a command may be.
    PayloadTooLarge,
    /// Not JSON, not an object, or nested too deeply.
    MalformedJson,
    /// A key stands twice in one object.
    DuplicateKey,
    /// No command has this type.
    UnknownCommandType,
    /// The account is not one token of `[A-Za-z0-9_-]{1,64}`.
    InvalidAccount,
    /// The document names another account, type or id than what stands beside it, or says two things
    /// of which only one can be meant.
    Contradiction,
    /// The command id is not one token of `[A-Za-z0-9_-]{1,64}`.
    InvalidCommandId,
    /// A field that this command does not have.
    UnknownField,
    /// A field that this command needs.
    MissingField,
    /// A field of another type than it must have; integers beyond 64 bits too.
    WrongType,
    /// An empty or over-long string, or one with control characters.
    InvalidText,
    /// Not an e-mail address.
    InvalidEmail,
    /// Not an RFC 3339 time.
    InvalidTime,
    /// Negative or enormous.
    InvalidQuantity,
    /// It ends before it starts, or when it starts.
    InvalidWindow,
    /// Not an object, too large, or not readable by every JSON reader.
    InvalidMetadata,
    /// More holders or assignments than one command may name.
    TooManyItems,
    /// A word that is none of those that can stand there.
    InvalidValue,
}

impl MalformedCode {
    /// Every code, in declaration order.
    pub const ALL: [MalformedCode; 18] = [
        MalformedCode::PayloadTooLarge,
        MalformedCode::MalformedJson,
        MalformedCode::DuplicateKey,
        MalformedCode::UnknownCommandType,
        MalformedCode::InvalidAccount,
        MalformedCode::Contradiction,
        MalformedCode::InvalidCommandId,
        MalformedCode::UnknownField,
        MalformedCode::MissingField,
        MalformedCode::WrongType,
        MalformedCode::InvalidText,
        MalformedCode::InvalidEmail,
        MalformedCode::InvalidTime,
        MalformedCode::InvalidQuantity,
        MalformedCode::InvalidWindow,
        MalformedCode::InvalidMetadata,
        MalformedCode::TooManyItems,
        MalformedCode::InvalidValue,
    ];

    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            MalformedCode::PayloadTooLarge => "payload_too_large",
            MalformedCode::MalformedJson => "malformed_json",
            MalformedCode::DuplicateKey => "duplicate_key",
            MalformedCode::UnknownCommandType => "unknown_command_type",
            MalformedCode::InvalidAccount => "invalid_account",
            MalformedCode::Contradiction => "contradiction",
            MalformedCode::InvalidCommandId => "invalid_command_id",
            MalformedCode::UnknownField => "unknown_field",
            MalformedCode::MissingField => "missing_field",
            MalformedCode::WrongType => "wrong_type",
            MalformedCode::InvalidText => "invalid_text",
            MalformedCode::InvalidEmail => "invalid_email",
            MalformedCode::InvalidTime => "invalid_time",
            MalformedCode::InvalidQuantity => "invalid_quantity",
            MalformedCode::InvalidWindow => "invalid_window",
            MalformedCode::InvalidMetadata => "invalid_metadata",
            MalformedCode::TooManyItems => "too_many_items",
            MalformedCode::InvalidValue => "invalid_value",
        }
    }

    /// The HTTP status that says the same.
    pub fn status(self) -> u16 {
        match self {
            MalformedCode::PayloadTooLarge => 413,
            MalformedCode::UnknownCommandType => 404,
            MalformedCode::MalformedJson
            | MalformedCode::DuplicateKey
            | MalformedCode::InvalidAccount
            | MalformedCode::Contradiction
            | MalformedCode::InvalidCommandId
            | MalformedCode::UnknownField
            | MalformedCode::MissingField
            | MalformedCode::WrongType
            | MalformedCode::InvalidText
            | MalformedCode::InvalidEmail
            | MalformedCode::InvalidTime
            | MalformedCode::InvalidQuantity
            | MalformedCode::InvalidWindow
            | MalformedCode::InvalidMetadata
            | MalformedCode::TooManyItems
            | MalformedCode::InvalidValue => 400,
        }
    }

    /// A short sentence for people, the same for every occurrence.
    pub fn title(self) -> &'static str {
        match self {
            MalformedCode::PayloadTooLarge => "The document is too large",
            MalformedCode::MalformedJson => "The document is not a JSON object",
            MalformedCode::DuplicateKey => "A key stands twice",
            MalformedCode::UnknownCommandType => "There is no such command",
            MalformedCode::InvalidAccount => "The account is not a safe token",
            MalformedCode::Contradiction => "The document contradicts itself or its address",
            MalformedCode::InvalidCommandId => "The command id is not a safe token",
            MalformedCode::UnknownField => "There is no such field",
            MalformedCode::MissingField => "A field is missing",
            MalformedCode::WrongType => "A field has the wrong type",
            MalformedCode::InvalidText => "A string is not usable",
            MalformedCode::InvalidEmail => "An e-mail address is not usable",
            MalformedCode::InvalidTime => "A time is not usable",
            MalformedCode::InvalidQuantity => "A quantity is out of range",
            MalformedCode::InvalidWindow => "The window ends before it starts",
            MalformedCode::InvalidMetadata => "The metadata is not usable",
            MalformedCode::TooManyItems => "One command names too many",
            MalformedCode::InvalidValue => "A word that cannot stand there",
        }
    }
}

/// A document that is not a command: what is wrong, where, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Malformed {
    /// What is wrong.
    pub code: MalformedCode,
    /// Where, as a JSON pointer (RFC 6901); empty for the whole document.
    pub pointer: String,
    /// A sentence with the values that matter.
    pub detail: String,
    /// What to do instead, where the ledger can tell.
    pub hint: Option<String>,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pointer.is_empty() {
            true => f.write_str(&self.detail),
            false => write!(f, "{}: {}", self.pointer, self.detail),
        }
    }
}

impl Malformed {
    /// About the whole document.
    pub fn whole(code: MalformedCode, detail: impl Into<String>) -> Malformed {
        Malformed { code, pointer: String::new(), detail: detail.into(), hint: None }
    }

    /// About one field, named by its JSON pointer.
    pub fn at(code: MalformedCode, pointer: &str, detail: impl Into<String>) -> Malformed {
        Malformed { code, pointer: pointer.to_owned(), detail: detail.into(), hint: None }
    }

    /// The same, with advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Malformed {
        self.hint = Some(hint.into());
        self
    }

    /// The same, seen from one level further out.
    pub(crate) fn inside(mut self, step: &str) -> Malformed {
        let step = step.replace('~', "~0").replace('/', "~1");
        self.pointer.insert_str(0, &format!("/{step}"));
        self
    }
}

/// What is shown of a text that came from outside: enough to recognise it, never a page of it.
pub fn short(text: &str) -> String {
    const SHOWN: usize = 64;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The known name nearest to `given`, if one is near enough to be meant.
pub fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const FAR: f64 = 0.75;
    known
        .into_iter()
        .map(|it| (strsim::jaro_winkler(&given.to_lowercase(), &it.to_lowercase()), it))
        .filter(|(likeness, _)| *likeness >= FAR)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, it)| it)
}

/// What to do about a name that is not known: the nearest one, if one is near, and all of them.
pub fn advice(given: &str, known: &[&str]) -> String {
    let all = match known.is_empty() {
        true => "nothing more is known here".to_owned(),
        false => format!("known here: {}", known.join(", ")),
    };
    match nearest(given, known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`? {all}"),
        None => all,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_a_near_one() {
        let known = ["license", "product", "quantity"];
        assert_eq!(nearest("quantitiy", known), Some("quantity"));
        assert_eq!(nearest("License", known), Some("license"));
        assert_eq!(nearest("zzz", known), None);
    }

    #[test]
    fn advice_names_the_nearest_and_all() {
        let known = ["license", "product"];
        let near = "did you mean `license`? known here: license, product";
        assert_eq!(advice("licence", &known), near);
        assert_eq!(advice("zzz", &known), "known here: license, product");
        assert_eq!(advice("zzz", &[]), "nothing more is known here");
    }

    #[test]
    fn codes_are_distinct_and_listed_once() {
        let mut names: Vec<_> = MalformedCode::ALL.iter().map(|it| it.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), MalformedCode::ALL.len());
    }
}
