//! The directory of one nats-server: its owner, and the small files that outlive a run.
//!
//! `lock` (held by the ledger, whose process id it contains), `password.*`, `port`, `pid`,
//! `nats.conf`, `nats.log`, `nats.stderr`, `*.ports`, and the store `js` with `js.lock`, held by nats-server.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::StartError;
use super::cache::hexadecimal;
use super::user::{Passwords, User};
use crate::{file_lock, private_file};

/// The bytes of a password before they are written in hexadecimal.
const PASSWORD_BYTES: usize = 32;

/// How much of the end of a log is looked at for an error message.
const TAIL_BYTES_MAX: u64 = 64 * 1024;

/// How many lines of a log go into an error message. Earlier ones stay in the file.
const TAIL_LINES_MAX: usize = 20;

/// A directory that this value owns: no other process can own it before this is dropped.
pub(super) struct Directory {
    root: PathBuf,
    _lock: File,
}

/// The addresses a running nats-server has told in its ports file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ports {
    pub(super) client: u16,
    pub(super) monitor: u16,
}

impl Directory {
    /// Creates the directory where it is missing, readable by its owner only, and takes ownership.
    pub(super) fn own(path: &Path) -> Result<Self, StartError> {
        let root = create_private(path)
            .and_then(|()| path.canonicalize())
            .map_err(|error| StartError::Directory { path: path.to_owned(), error })?;
        if root.to_str().is_none() {
            // nats-server reads its configuration as UTF-8.
            let error = io::Error::new(io::ErrorKind::InvalidInput, "the path is not UTF-8");
            return Err(StartError::Directory { path: root, error });
        }
        let lock_path = root.join("lock");
        let failed = |error| StartError::Directory { path: lock_path.clone(), error };
        let mut lock = private_file::open(&lock_path).map_err(failed)?;
        if !file_lock::within(&lock, file_lock::OWNER_LIMIT).map_err(failed)? {
            let pid = fs::read_to_string(&lock_path).ok();
            let pid = pid.and_then(|pid| pid.trim().parse().ok());
            return Err(StartError::Locked { path: root, pid });
        }
        lock.set_len(0).and_then(|()| writeln!(lock, "{}", std::process::id())).map_err(failed)?;
        Ok(Self { root, _lock: lock })
    }

    /// Absolute, and UTF-8.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn conf(&self) -> PathBuf {
        self.root.join("nats.conf")
    }

    pub(super) fn store(&self) -> PathBuf {
        self.root.join("js")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.root.join("nats.log")
    }

    /// The file whose lock the running nats-server holds.
    pub(super) fn store_lock(&self) -> PathBuf {
        self.root.join("js.lock")
    }

    /// Written by nats-server, for people and for systems without `/proc`.
    pub(super) fn pid_file(&self) -> PathBuf {
        self.root.join("pid")
    }

    /// Where the standard error of the child goes: what it says before it has opened its log, and
    /// how it panicked. Emptied at each start of a child.
    pub(super) fn stderr(&self) -> PathBuf {
        self.root.join("nats.stderr")
    }

    /// The passwords of the first run, or new ones where they are missing or mutilated.
    pub(super) fn passwords(&self) -> Result<Passwords, StartError> {
        let [ledger, doors, producer] = User::ALL;
        let passwords = [self.password(ledger)?, self.password(doors)?, self.password(producer)?];
        Ok(Passwords(passwords))
    }

    fn password(&self, user: User) -> Result<String, StartError> {
        if let Some(password) = user.kept_password(&self.root) {
            let is_whole = password.len() == 2 * PASSWORD_BYTES;
            if is_whole && password.bytes().all(|it| it.is_ascii_hexdigit()) {
                return Ok(password);
            }
            let user = user.name();
            tracing::warn!(user, "a password is unreadable; a new one replaces it");
        }
        let mut bytes = [0; PASSWORD_BYTES];
        getrandom::fill(&mut bytes).map_err(|error| StartError::Random(error.to_string()))?;
        let password = hexadecimal(&bytes);
        self.write(&user.file(), &format!("{password}\n"))?;
        Ok(password)
    }

    /// The client port of the first run.
    pub(super) fn port(&self) -> Option<u16> {
        fs::read_to_string(self.root.join("port"))
            .ok()?
            .trim()
            .parse()
            .ok()
            .filter(|port| *port != 0)
    }

    pub(super) fn keep_port(&self, port: u16) -> Result<(), StartError> {
        self.write("port", &format!("{port}\n"))
    }

    /// Replaces a file in one step, readable by its owner only and on the disk before it counts.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<(), StartError> {
        let path = self.root.join(name);
        let written = private_file::replace(&path, text.as_bytes());
        written.map_err(|error| StartError::Directory { path, error })
    }

    /// What the nats-server with this process id wrote into its ports file, once it serves.
    /// `None` too while the file is half written.
    pub(super) fn ports(&self, pid: u32) -> Option<Ports> {
        let ending = format!("_{pid}.ports");
        let file = self.ports_files().into_iter().find(|path| {
            path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(&ending))
        })?;
        let told: Told = serde_json::from_slice(&fs::read(file).ok()?).ok()?;
        Some(Ports {
            client: port_of(told.nats.first()?)?,
            monitor: port_of(told.monitoring.first()?)?,
        })
    }

    /// Ports files are left behind by a nats-server that was killed.
    pub(super) fn remove_ports_files(&self) {
        for path in self.ports_files() {
            if let Err(error) = remove_if_there(&path) {
                tracing::warn!(path = %path.display(), %error, "a stale ports file stays behind");
            }
        }
    }

    /// The last lines that the nats-server with this process id wrote, for an error message.
    pub(super) fn tail(&self, pid: u32) -> String {
        let stderr = end_of(&self.stderr());
        let log = end_of(&self.log());
        let own = format!("[{pid}]");
        let lines: Vec<_> =
            log.lines().filter(|line| line.starts_with(&own)).chain(stderr.lines()).collect();
        lines[lines.len().saturating_sub(TAIL_LINES_MAX)..].join("\n")
    }

    fn ports_files(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(&self.root) else { return Vec::new() };
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        paths.filter(|path| path.extension().is_some_and(|ending| ending == "ports")).collect()
    }
}

#[derive(Deserialize)]
struct Told {
    nats: Vec<String>,
    monitoring: Vec<String>,
}

fn port_of(url: &str) -> Option<u16> {
    url.rsplit_once(':')?.1.parse().ok()
}

fn end_of(path: &Path) -> String {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES_MAX)))?;
        let mut bytes = Vec::new();
        file.take(TAIL_BYTES_MAX).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    // A log that cannot be read must not hide the error it was to explain.
    String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn create_private(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned() -> (tempfile::TempDir, Directory) {
        let scratch = tempfile::tempdir().unwrap();
        let directory = Directory::own(&scratch.path().join("nats")).unwrap();
        (scratch, directory)
    }

    #[test]
    fn a_directory_has_one_owner_and_the_second_learns_who() {
        let (_scratch, directory) = owned();
        let root = directory.root().to_owned();
        match Directory::own(&root).map(|_| ()) {
            Err(StartError::Locked { pid, .. }) => assert_eq!(pid, Some(std::process::id())),
            other => panic!("expected Locked, got {other:?}"),
        }
        drop(directory);
        assert!(Directory::own(&root).is_ok());
    }

    #[test]
    fn passwords_are_random_stay_and_a_mutilated_one_is_replaced() {
        let (_scratch, directory) = owned();
        let Passwords(first) = directory.passwords().unwrap();
        assert!(first.iter().all(|it| it.len() == 64));
        assert!(first[0] != first[1] && first[1] != first[2] && first[0] != first[2]);
        assert_eq!(directory.passwords().unwrap().0, first);
        assert_ne!(owned().1.passwords().unwrap().0[0], first[0]);
        fs::write(directory.root().join("password.doors"), &first[1][..63]).unwrap();
        let Passwords(replaced) = directory.passwords().unwrap();
        assert_ne!(replaced[1], first[1]);
        assert_eq!((&replaced[0], &replaced[2]), (&first[0], &first[2]));
        assert_eq!(directory.passwords().unwrap().0, replaced);
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_can_read_the_directory_or_a_password() {
        use std::os::unix::fs::PermissionsExt;
        let (_scratch, directory) = owned();
        directory.passwords().unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(directory.root()), 0o700);
        for user in User::ALL {
            assert_eq!(mode(&directory.root().join(user.file())), 0o600);
        }
        assert_eq!(mode(&directory.root().join("lock")), 0o600);
    }

    #[test]
    fn only_a_whole_ports_file_of_the_right_process_is_believed() {
        let (_scratch, directory) = owned();
        let write = |name: &str, text: &str| fs::write(directory.root().join(name), text).unwrap();
        let whole = r#"{"nats":["nats://127.0.0.1:4222"],"monitoring":["http://127.0.0.1:8222"]}"#;
        write("nats-server_17.ports", whole);
        assert_eq!(directory.ports(7), None);
        write("nats-server_7.ports", &whole[..30]);
        assert_eq!(directory.ports(7), None);
        write("nats-server_7.ports", whole);
        assert_eq!(directory.ports(7), Some(Ports { client: 4222, monitor: 8222 }));
        directory.remove_ports_files();
        assert_eq!(directory.ports(7), None);
        assert_eq!(directory.ports(17), None);
    }

    #[test]
    fn the_tail_holds_the_last_lines_of_the_one_process() {
        let (_scratch, directory) = owned();
        let many: String = (0..100).map(|n| format!("[7] line {n}\n")).collect();
        fs::write(directory.log(), many + "[8] another\n").unwrap();
        fs::write(directory.stderr(), "panic: oh\n").unwrap();
        let tail = directory.tail(7);
        assert!(tail.starts_with("[7] line 81\n"), "{tail}");
        assert!(tail.ends_with("[7] line 99\npanic: oh"), "{tail}");
    }
}
