//! `nats.conf`: the settings of the private nats-server, every one of them stated.

use std::path::Path;

use sha2::{Digest, Sha256};

use super::cache::hexadecimal;
use super::directory::Directory;
use super::user::{Passwords, users};

/// The largest message. A larger publish is refused by the server. It is nats-server's own default,
/// stated because no commit may be larger.
const PAYLOAD_BYTES_MAX: u64 = 1024 * 1024;

/// Memory for streams that are kept in memory. The ledger has none; what a client creates there is
/// refused beyond this.
const MEMORY_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The size at which nats-server starts a new log file.
const LOG_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// How many log files are kept; the oldest is deleted.
const LOG_FILES_MAX: u64 = 4;

/// What differs from run to run.
pub(super) struct Conf<'a> {
    /// Where clients connect; `None` lets the server take a free one.
    pub(super) port: Option<u16>,
    /// Where the server tells about itself; `None` lets it take a free one.
    pub(super) monitor_port: Option<u16>,
    pub(super) passwords: &'a Passwords,
    pub(super) max_file_bytes: u64,
}

impl Conf<'_> {
    /// The text of `nats.conf` for a nats-server in `directory`.
    ///
    /// Loopback only, users with what each may do, and no acknowledgement before an fsync. No websocket, no leaf
    /// nodes, no MQTT: what is not named here does not listen.
    pub(super) fn text(&self, directory: &Directory) -> String {
        let number = |port: Option<u16>| port.map_or(-1, i32::from);
        let (port, monitor_port) = (number(self.port), number(self.monitor_port));
        let root = quoted(directory.root());
        let log = quoted(&directory.log());
        let pid = quoted(&directory.pid_file());
        let store = quoted(&directory.store());
        let Self { passwords, max_file_bytes, .. } = self;
        format!(
            r#"# Written by seatledger at each start; changes made here are lost.
server_name: "{}"
listen: "127.0.0.1:{port}"
http: "127.0.0.1:{monitor_port}"
ports_file_dir: {root}
pid_file: {pid}
log_file: {log}
logfile_size_limit: {LOG_BYTES_MAX}
logfile_max_num: {LOG_FILES_MAX}
max_payload: {PAYLOAD_BYTES_MAX}
{}
jetstream {{
  store_dir: {store}
  max_mem: {MEMORY_BYTES_MAX}
  max_file: {max_file_bytes}
  sync_interval: always
}}
"#,
            server_name(directory.root()),
            users(passwords),
        )
    }
}

/// The same name at each start, and another one for another directory.
fn server_name(root: &Path) -> String {
    let digest = hexadecimal(&Sha256::digest(root.as_os_str().as_encoded_bytes()));
    format!("seatledger-{digest:.12}")
}

/// A path as a string of the configuration language.
fn quoted(path: &Path) -> String {
    let mut quoted = String::from('"');
    for character in path.to_string_lossy().chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keeps_the_log_safe_is_in_the_configuration() {
        let scratch = tempfile::tempdir().unwrap();
        let directory = Directory::own(scratch.path()).unwrap();
        let passwords = directory.passwords().unwrap();
        let (port, monitor_port, max_file_bytes) = (None, None, 77);
        let conf = Conf { port, monitor_port, passwords: &passwords, max_file_bytes };
        let text = conf.text(&directory);
        for line in [
            "sync_interval: always",
            r#"listen: "127.0.0.1:-1""#,
            r#"http: "127.0.0.1:-1""#,
            "authorization { users: [",
            "max_file: 77",
            "max_payload: 1048576",
        ] {
            assert!(text.contains(line), "{line} in\n{text}");
        }
        let asked = Conf { port: Some(4333), monitor_port: Some(8333), ..conf }.text(&directory);
        assert!(asked.contains(r#"listen: "127.0.0.1:4333""#), "{asked}");
        assert!(asked.contains(r#"http: "127.0.0.1:8333""#), "{asked}");
    }

    #[test]
    fn a_path_cannot_break_out_of_its_quotes() {
        assert_eq!(quoted(Path::new("a\"b\\c\nd")), r#""a\"b\\c\nd""#);
    }
}
