//! The lock of the store, held by nats-server itself.
//!
//! nats-server does not lock its store, and two of them on one store would destroy it. So each
//! child gets a locked file as its standard input. It never reads it, but it has it open, and the
//! system frees the lock when the last thread of the child is gone: not earlier, whatever was
//! killed at which moment, and not later.
//!
//! Absent: on Windows a child does not inherit locks; a server that outlived its ledger is not
//! noticed there.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use super::StartError;
use super::directory::Directory;
use crate::{file_lock, private_file};

/// How long the nats-server of a killed ledger may take to end. At the limit it is killed.
const END_LIMIT: Duration = Duration::from_secs(10);

/// How long a killed nats-server may take to be gone. At the limit the start fails.
const KILL_LIMIT: Duration = Duration::from_secs(5);

/// Takes the lock of the store, for the child that is to be started. A nats-server that still has
/// it is told to end: the caller owns the directory, so no living ledger needs that server.
pub(super) fn lock(directory: &Directory) -> Result<File, StartError> {
    lock_within(directory, END_LIMIT)
}

/// The one argument of our nats-server, by which it is known again.
pub(super) fn conf_argument(conf: &Path) -> String {
    format!("--config={}", conf.display())
}

fn lock_within(directory: &Directory, end_limit: Duration) -> Result<File, StartError> {
    let path = directory.store_lock();
    let failed = |error| StartError::Directory { path: path.clone(), error };
    let file = private_file::open(&path).map_err(failed)?;
    if file_lock::within(&file, Duration::ZERO).map_err(failed)? {
        return Ok(file);
    }
    for (ask, limit) in [(Ask::End, end_limit), (Ask::Kill, KILL_LIMIT)] {
        for pid in servers(directory) {
            tracing::warn!(pid, ?ask, "a nats-server of an earlier run still has the store");
            signal(pid, ask);
        }
        if file_lock::within(&file, limit).map_err(failed)? {
            return Ok(file);
        }
    }
    let pid = servers(directory).first().copied();
    Err(StartError::Previous { pid, path: directory.root().to_owned() })
}

#[derive(Clone, Copy, Debug)]
enum Ask {
    End,
    Kill,
}

#[cfg(unix)]
fn signal(pid: u32, ask: Ask) {
    use rustix::process::{Pid, Signal, kill_process};
    let signal = match ask {
        Ask::End => Signal::TERM,
        Ask::Kill => Signal::KILL,
    };
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return };
    // Whether it worked is seen by the lock.
    let _ = kill_process(pid, signal);
}

#[cfg(not(unix))]
fn signal(_: u32, _: Ask) {}

/// The nats-servers that were started on this directory. Their arguments say so, and only those
/// are believed before a signal is sent: a number in a file may belong to somebody else by now.
#[cfg(target_os = "linux")]
fn servers(directory: &Directory) -> Vec<u32> {
    let argument = conf_argument(&directory.conf());
    let has_argument = |pid: &u32| {
        std::fs::read(format!("/proc/{pid}/cmdline"))
            .is_ok_and(|line| line.split(|byte| *byte == 0).any(|word| word == argument.as_bytes()))
    };
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    processes
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(has_argument)
        .collect()
}

/// Without `/proc` the pid file says whom to ask about, and `ps` whether it is still our server.
#[cfg(all(unix, not(target_os = "linux")))]
fn servers(directory: &Directory) -> Vec<u32> {
    let argument = conf_argument(&directory.conf());
    let pid = std::fs::read_to_string(directory.pid_file()).ok();
    let is_ours = |pid: &u32| {
        let mut ps = std::process::Command::new("ps");
        ps.args(["-ww", "-o", "command=", "-p", &pid.to_string()]);
        super::program::run(&mut ps, KILL_LIMIT)
            .is_ok_and(|output| output.stdout.trim_end().ends_with(&argument))
    };
    pid.and_then(|pid| pid.trim().parse().ok()).into_iter().filter(is_ours).collect()
}

#[cfg(not(unix))]
fn servers(_: &Directory) -> Vec<u32> {
    Vec::new()
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::io::Read;
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Child, Command, Stdio};
    use std::time::Instant;

    use super::*;

    const SHORT: Duration = Duration::from_millis(200);

    fn owned() -> (tempfile::TempDir, Directory) {
        let scratch = tempfile::tempdir().unwrap();
        let directory = Directory::own(scratch.path()).unwrap();
        (scratch, directory)
    }

    /// A process with the lock and the arguments of a nats-server of this directory. Its own
    /// children do not get the lock.
    fn impostor(directory: &Directory, script: &str) -> Child {
        let mut child = Command::new("sh")
            .args(["-c", &format!("{script}\necho; while :; do sleep 0.01 </dev/null; done")])
            .args(["sh", &conf_argument(&directory.conf())])
            .stdin(lock_within(directory, SHORT).unwrap())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        child.stdout.take().unwrap().read_exact(&mut [0]).unwrap();
        child
    }

    #[test]
    fn a_server_that_has_the_lock_is_told_to_end_and_waited_for() {
        let (_scratch, directory) = owned();
        let mut child = impostor(&directory, "");
        lock_within(&directory, Duration::from_secs(60)).unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(15));
    }

    #[test]
    fn a_server_that_does_not_end_is_killed_at_the_limit() {
        let (_scratch, directory) = owned();
        let mut child = impostor(&directory, "trap '' TERM");
        let started = Instant::now();
        lock_within(&directory, SHORT).unwrap();
        assert!(SHORT <= started.elapsed());
        assert_eq!(child.wait().unwrap().signal(), Some(9));
    }

    #[test]
    fn a_holder_that_is_no_server_of_this_directory_is_not_harmed() {
        let (_scratch, directory) = owned();
        let (_other_scratch, other) = owned();
        let mut bystander = impostor(&other, "");
        std::fs::write(directory.pid_file(), bystander.id().to_string()).unwrap();
        let held = lock(&directory).unwrap();
        let error = lock_within(&directory, SHORT).unwrap_err();
        assert!(matches!(error, StartError::Previous { pid: None, .. }), "{error}");
        assert!(bystander.try_wait().unwrap().is_none(), "it was ended");
        bystander.kill().unwrap();
        bystander.wait().unwrap();
        drop(held);
        lock(&directory).unwrap();
    }
}
