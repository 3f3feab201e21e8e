//! What the command line prints: results on standard output, everything else on standard error.

use std::io::{IsTerminal as _, Write as _};

use comfy_table::presets::UTF8_BORDERS_ONLY;
use comfy_table::{ContentArrangement, Table};
use serde_json::Value;

/// Prints a line of results. A closed pipe ends the output quietly.
pub(super) fn line(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// Prints a line about how things go.
pub(super) fn error(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Whether results go to a person.
pub(super) fn to_a_person() -> bool {
    std::io::stdout().is_terminal()
}

/// Prints one JSON document: in one line for programs, indented for people.
pub(super) fn json(value: &Value) {
    match to_a_person() {
        true => line(&serde_json::to_string_pretty(value).unwrap_or_default()),
        false => line(&value.to_string()),
    }
}

/// Prints rows: as a table on a terminal, separated by tabs elsewhere.
pub(super) fn table(head: &[&str], rows: Vec<Vec<String>>) {
    if !to_a_person() {
        line(&head.join("\t"));
        rows.iter().for_each(|row| line(&row.join("\t")));
        return;
    }
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(head.iter().map(|it| it.to_uppercase()).collect::<Vec<_>>());
    table.add_rows(rows);
    line(&table.to_string());
}

/// A value as a cell shows it: strings without quotes, nothing for null.
pub(super) fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => printable(text),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// Text that cannot steer a terminal.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|it| if it.is_control() { '\u{fffd}' } else { it }).collect()
}
