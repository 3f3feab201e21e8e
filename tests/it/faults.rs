//! What the fault tests share: a seeded dice, a nats-server of their own, damage to its files, an
//! independent replay of the log, and producers that keep an account of what they were told.

pub mod dice;
pub mod nats;
pub mod producer;
pub mod replay;
pub mod told;

use std::path::Path;

/// A number from the environment, or the one given.
pub fn setting(name: &str, absent: u64) -> u64 {
    std::env::var(name).ok().map_or(absent, |it| it.parse().expect(name))
}

/// Copies a directory with everything in it.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to),
            false => drop(std::fs::copy(entry.path(), &to).unwrap()),
        }
    }
}

/// Prints what is needed to repeat a failure; shown only with one.
#[expect(clippy::print_stdout, reason = "the test harness keeps it for failures")]
pub fn say(text: &str) {
    println!("{text}");
}
