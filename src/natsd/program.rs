//! Outside programs that answer once and end: pip, `nats-server --version`.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// What is kept of each stream of a program. The rest is read and dropped, so that a talkative
/// program neither fills the memory nor blocks on a full pipe.
const OUTPUT_BYTES_MAX: u64 = 64 * 1024;

/// How often a running program is asked whether it has ended.
const POLL: Duration = Duration::from_millis(10);

/// What a program that ended left behind.
pub(super) struct Output {
    pub(super) status: ExitStatus,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// Runs `command` without input. At `limit` the program is killed and the answer is `TimedOut`.
pub(super) fn run(command: &mut Command, limit: Duration) -> io::Result<Output> {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let stdout = collect(child.stdout.take())?;
    let stderr = collect(child.stderr.take())?;
    let deadline = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            let (stdout, stderr) = (text(&stdout, deadline), text(&stderr, deadline));
            return Ok(Output { status, stdout, stderr });
        }
        if Instant::now() >= deadline {
            child.kill()?;
            child.wait()?;
            let message = format!("killed after {} s without an end", limit.as_secs());
            return Err(io::Error::new(io::ErrorKind::TimedOut, message));
        }
        thread::sleep(POLL);
    }
}

/// Every runnable file called `name` in the directories of a search path, in their order.
pub(super) fn all_on_path(path: &[PathBuf], name: &str) -> Vec<PathBuf> {
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    path.iter().map(|dir| dir.join(&file)).filter(|candidate| is_runnable(candidate)).collect()
}

/// Reads a pipe on a thread of its own, because two pipes can fill up in any order.
fn collect(pipe: Option<impl Read + Send + 'static>) -> io::Result<mpsc::Receiver<Vec<u8>>> {
    let (sender, receiver) = mpsc::channel();
    if let Some(pipe) = pipe {
        thread::Builder::new().name("program output".to_owned()).spawn(move || {
            let mut kept = Vec::new();
            let mut limited = pipe.take(OUTPUT_BYTES_MAX);
            // What cannot be read is left out: the exit status decides, the text only explains.
            let _ = limited.read_to_end(&mut kept);
            let _ = io::copy(&mut limited.into_inner(), &mut io::sink());
            let _ = sender.send(kept);
        })?;
    }
    Ok(receiver)
}

/// Waits no longer than the program was allowed to: a grandchild may hold the pipe open.
fn text(output: &mpsc::Receiver<Vec<u8>>, deadline: Instant) -> String {
    let left = deadline.saturating_duration_since(Instant::now());
    let bytes = output.recv_timeout(left).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(unix)]
fn is_runnable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_runnable(path: &Path) -> bool {
    path.is_file()
}

#[cfg(test)]
#[cfg(unix)]
pub(super) mod tests {
    use super::*;

    /// Makes a shell script that can be run. It is run once with `--warm-up` to see that it can: a
    /// fork of another test's thread may hold it open for writing for a moment.
    pub(in crate::natsd) fn install(path: &Path, script: &str) {
        use std::os::unix::fs::PermissionsExt;
        std::fs::write(path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        while let Err(error) = Command::new(path).arg("--warm-up").output() {
            assert_eq!(error.kind(), io::ErrorKind::ExecutableFileBusy);
        }
    }

    fn sh(script: &str, limit: Duration) -> io::Result<Output> {
        run(Command::new("sh").args(["-c", script]), limit)
    }

    #[test]
    fn both_streams_and_the_status_come_back() {
        let output = sh("echo out; echo err >&2; exit 3", Duration::from_secs(10)).unwrap();
        assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("out\n", "err\n"));
        assert_eq!(output.status.code(), Some(3));
    }

    #[test]
    fn a_talkative_program_is_cut_and_does_not_block() {
        let output = sh("head -c 1000000 /dev/zero", Duration::from_secs(10)).unwrap();
        assert_eq!(output.stdout.len(), 64 * 1024);
        assert!(output.status.success());
    }

    #[test]
    fn a_program_that_does_not_end_is_killed_at_the_limit() {
        let started = Instant::now();
        let Err(error) = sh("exec sleep 60", Duration::from_millis(100)) else {
            panic!("sleep 60 ended within 100 ms");
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(started.elapsed() < Duration::from_secs(10));
    }
}
