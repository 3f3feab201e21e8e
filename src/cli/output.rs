//! What the command line prints: results on standard output, everything else on standard error.

use std::fmt::Display;
use std::io::{IsTerminal as _, Write as _};

use anstyle::{AnsiColor, Style};
use comfy_table::presets::UTF8_BORDERS_ONLY;
use comfy_table::{Attribute, Cell, ContentArrangement, Table};
use serde_json::Value;

/// Columns of a terminal that does not say how wide it is, or says what cannot be.
const WIDTH_UNKNOWN: u16 = 120;
const WIDTH_MIN: u16 = 20;

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();

/// Prints a line of results. A closed pipe ends the output quietly. Colours reach a terminal only,
/// and none where `NO_COLOR` is set.
pub(super) fn line(text: &str) {
    let _ = writeln!(anstream::AutoStream::auto(std::io::stdout().lock()), "{text}");
}

/// Prints a line about how things go.
pub(super) fn error(text: &str) {
    let _ = writeln!(anstream::AutoStream::auto(std::io::stderr().lock()), "{text}");
}

/// Prints what went wrong.
pub(super) fn failure(text: &str) {
    error(&format!("{} {text}", word("error:", false)));
}

/// A word that says how something stands, coloured by whether that is good.
pub(super) fn word(text: impl Display, good: bool) -> String {
    let style = if good { GOOD } else { BAD };
    format!("{style}{text}{style:#}")
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
    if table.width().is_none_or(|it| it < WIDTH_MIN) {
        table.set_width(WIDTH_UNKNOWN);
    }
    let bold = |it: &&str| Cell::new(it.to_uppercase()).add_attribute(Attribute::Bold);
    table.set_header(head.iter().map(bold).collect::<Vec<_>>());
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
