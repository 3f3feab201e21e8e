//! The house style: directions of dependency, file sizes, no forgotten tests.

use std::path::{Path, PathBuf};

/// A source file: where it is in the repository, and what it says.
struct Source {
    path: String,
    text: String,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below some folders.
fn sources(folders: &[&str]) -> Vec<Source> {
    let mut found = vec![];
    for folder in folders {
        gather(&root().join(folder), &mut found);
    }
    assert!(!found.is_empty(), "there is nothing in {folders:?}");
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn gather(folder: &Path, found: &mut Vec<Source>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(&path, found);
        } else if path.extension().is_some_and(|it| it == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let path = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
            found.push(Source { path, text });
        }
    }
}

impl Source {
    /// Whether it is there for tests only.
    fn is_test(&self) -> bool {
        let parts: Vec<&str> = self.path.split('/').collect();
        parts.contains(&"tests") || self.path.ends_with("/tests.rs")
    }

    /// The modules that it names for tests only, as the paths of their files without the ending.
    fn tests_of(&self) -> Vec<String> {
        let lines: Vec<&str> = self.text.lines().collect();
        let marked = lines.windows(2).filter(|it| it[0].trim() == TESTS);
        let name = |it: &&str| it.strip_suffix(';')?.rsplit_once("mod ").map(|it| it.1.to_owned());
        let folder = self.path.trim_end_matches(".rs");
        let folder = folder.trim_end_matches("/lib").trim_end_matches("/main");
        marked.filter_map(|it| name(&it[1])).map(|it| format!("{folder}/{it}")).collect()
    }

    /// Its lines that run, each with its number: no comments, and nothing that is for tests only.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines: Vec<&str> = self.text.lines().collect();
        // The tests of a file are its end, unless they are a file of their own.
        let inline = |it: &&[&str]| it[0].trim() == TESTS && !it[1].ends_with(';');
        let end = lines.windows(2).position(|it| inline(&it)).unwrap_or(lines.len());
        let numbered = lines.into_iter().take(end).enumerate().map(|(number, it)| (number + 1, it));
        numbered.filter(|it| !it.1.trim_start().starts_with("//"))
    }

    fn is_below(&self, places: &[&str]) -> bool {
        places.iter().any(|it| self.path.starts_with(it))
    }
}

/// What marks what is there for tests only.
const TESTS: &str = "#[cfg(test)]";

/// Where one of some words stands in code that runs, outside the places where it may.
fn misplaced(folders: &[&str], words: &[&str], allowed: &[&str]) -> Vec<String> {
    let mut found = vec![];
    let all = sources(folders);
    let tests: Vec<String> = all.iter().flat_map(Source::tests_of).collect();
    let tests: Vec<&str> = tests.iter().map(String::as_str).collect();
    for source in &all {
        if source.is_test() || source.is_below(allowed) || source.is_below(&tests) {
            continue;
        }
        for (number, line) in source.code() {
            if words.iter().any(|it| line.contains(it)) {
                found.push(format!("{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    found
}

const NOWHERE: Vec<String> = vec![];

#[test]
fn the_rules_know_no_database_no_network_and_no_runtime() {
    let foreign = [
        "tokio",
        "rusqlite",
        "async_nats",
        "axum",
        "hyper",
        "std::fs",
        "std::net",
        "seatledger::",
        "projections::",
    ];
    assert_eq!(misplaced(&["events/src"], &foreign, &[]), NOWHERE);
    assert_eq!(
        dependencies(
            "events",
            &["tokio", "rusqlite", "async-nats", "axum", "hyper", "projections"]
        ),
        NOWHERE
    );
}

#[test]
fn the_read_models_know_no_network_and_no_runtime() {
    let foreign = ["tokio", "async_nats", "axum", "hyper", "std::net", "seatledger::", "async fn"];
    assert_eq!(misplaced(&["projections/src"], &foreign, &[]), NOWHERE);
    assert_eq!(dependencies("projections", &["tokio", "async-nats", "axum", "hyper"]), NOWHERE);
}

/// Which of some packages a crate takes.
fn dependencies(name: &str, packages: &[&str]) -> Vec<String> {
    let manifest = std::fs::read_to_string(root().join(name).join("Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    let taken = manifest["dependencies"].as_table().unwrap();
    packages.iter().filter(|it| taken.contains_key(**it)).map(ToString::to_string).collect()
}

#[test]
fn only_the_log_knows_streams_and_nobody_answers_wherever_they_are_told() {
    let streams = ["async_nats::jetstream", "jetstream::"];
    assert_eq!(misplaced(&["src"], &streams, &["src/log", "src/cli/bench"]), NOWHERE);
    // It replies to whatever subject a request names.
    assert_eq!(misplaced(&["src"], &["async_nats::service"], &[]), NOWHERE);
}

#[test]
fn only_the_read_models_speak_sql() {
    let words = [
        "SELECT ",
        "INSERT INTO",
        "INSERT OR",
        "UPDATE ",
        "DELETE FROM",
        "CREATE TABLE",
        "PRAGMA ",
    ];
    let words = [&words[..], &["rusqlite"]].concat();
    assert_eq!(misplaced(&["src", "events/src"], &words, &[]), NOWHERE);
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    assert!(!manifest["dependencies"].as_table().unwrap().contains_key("rusqlite"));
}

#[test]
fn only_the_clock_reads_the_time_of_day() {
    let clocks = ["Utc::now", "Local::now", "SystemTime::now", "UNIX_EPOCH"];
    let folders = ["src", "events/src", "projections/src"];
    assert_eq!(misplaced(&folders, &clocks, &["src/clock.rs"]), NOWHERE);
}

#[test]
fn values_come_into_sql_as_parameters() {
    // What is put into the text of a statement is a constant or a name from an enum, never a value.
    let mut found = vec![];
    let own = sources(&["projections/src"]);
    // The digest asks a file about tables that the model itself has named.
    for source in own.iter().filter(|it| !it.is_test() && !it.path.ends_with("/digest.rs")) {
        for (number, line) in source.code() {
            let quoted = ["'{", "= {", "\"{}\"", "> {", "< {"].iter().any(|it| line.contains(it));
            let sql = ["SELECT ", "WHERE ", "INSERT ", "UPDATE ", "DELETE "]
                .iter()
                .any(|it| line.contains(it));
            if quoted && sql && line.contains('"') {
                found.push(format!("{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    assert_eq!(found, NOWHERE);
}

const ALL: [&str; 7] = ["src", "events", "projections", "tests", "benches", "examples", "xtask"];

/// All Rust of the repository.
fn all() -> Vec<Source> {
    sources(&ALL).into_iter().filter(|it| !it.path.contains("target/")).collect()
}

#[test]
fn a_file_can_be_read_in_one_sitting() {
    const LINES_MAX: usize = 500;
    let long = |it: &Source| it.text.lines().count() > LINES_MAX;
    let long: Vec<_> = all().into_iter().filter(long).map(|it| it.path).collect();
    assert_eq!(long, NOWHERE);
}

#[test]
fn a_module_is_a_file_of_its_name() {
    let old = all().into_iter().filter(|it| it.path.ends_with("/mod.rs")).map(|it| it.path);
    assert_eq!(old.collect::<Vec<_>>(), NOWHERE);
    let vague = ["common", "core", "utils", "util", "helpers", "infrastructure", "misc"];
    let vague: Vec<_> = all()
        .into_iter()
        .filter(|it| it.path.split(['/', '.']).any(|part| vague.contains(&part)))
        .map(|it| it.path)
        .collect();
    assert_eq!(vague, NOWHERE);
}

#[test]
fn nothing_is_left_for_later() {
    let marks = [
        concat!("to", "do!("),
        concat!("unimple", "mented!("),
        concat!("#[ig", "nore"),
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("dbg", "!("),
    ];
    let mut found = vec![];
    for source in all() {
        for (number, line) in source.text.lines().enumerate() {
            if marks.iter().any(|it| line.contains(it)) {
                found.push(format!("{}:{}: {}", source.path, number + 1, line.trim()));
            }
        }
    }
    assert_eq!(found, NOWHERE);
}

#[test]
fn the_product_does_not_give_up_where_it_can_answer() {
    let words = [".unwrap()", "panic!(", "unreachable!(", "std::process::exit"];
    let folders = ["src", "events/src", "projections/src"];
    assert_eq!(misplaced(&folders, &words, &[]), NOWHERE);
}

#[test]
fn no_source_knows_the_machine_it_was_written_on() {
    let places = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/")];
    let mut found = vec![];
    for source in all() {
        found.extend(
            places
                .iter()
                .filter(|it| source.text.contains(**it))
                .map(|it| format!("{}: {it}", source.path)),
        );
    }
    assert_eq!(found, NOWHERE);
}

#[test]
fn every_file_of_the_tests_is_run() {
    let files = sources(&["tests/it"]);
    for it in files.iter().filter(|it| it.path != "tests/it/main.rs") {
        let module = Path::new(&it.path);
        let folder = module.parent().unwrap();
        let parent = match folder == Path::new("tests/it") {
            true => folder.join("main.rs"),
            false => folder.with_extension("rs"),
        };
        let parent = parent.to_str().unwrap();
        let parent = files
            .iter()
            .find(|it| it.path == parent)
            .unwrap_or_else(|| panic!("{parent} is missing"));
        let line = format!("mod {};", module.file_stem().unwrap().to_str().unwrap());
        let named = parent.text.lines().any(|it| it.trim_start_matches("pub ") == line);
        assert!(named, "{} does not name {}", parent.path, it.path);
    }
}
