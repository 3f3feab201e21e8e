//! The guard: the moment between our process and nats-server in which the child asks the kernel to
//! be ended together with us.
//!
//! A process can ask for that only for itself. `unsafe` code between fork and exec would be the
//! usual way; we start our own program again instead, which asks and then becomes nats-server.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The hidden first argument on which `main` calls [`guard`] before anything else.
pub const GUARD_WORD: &str = "__nats-server-guard";

/// Which program stands between the ledger and nats-server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Guard {
    /// The running program itself. Its `main` must call [`guard`] on [`GUARD_WORD`].
    #[default]
    OwnProgram,
    /// Another program whose `main` does so, for tests.
    Program(PathBuf),
    /// None, for unit tests: a killed parent leaves its nats-server behind until the next start.
    Off,
}

/// Becomes nats-server. Takes the arguments after [`GUARD_WORD`]: the parent's process id, the
/// program, and its arguments. Returns only when that failed, and says why.
pub fn guard(args: impl Iterator<Item = OsString>) -> io::Error {
    let mut args = args;
    let parent = args.next().and_then(|pid| pid.to_str()?.parse().ok());
    let (Some(parent), Some(program)) = (parent, args.next()) else {
        return io::Error::new(
            io::ErrorKind::InvalidInput,
            "the guard wants a process id and a program; it is not meant to be called by hand",
        );
    };
    if let Err(error) = die_with_parent(parent) {
        return error;
    }
    become_program(Command::new(program).args(args))
}

impl Guard {
    /// The command that runs `program` as a child which ends with us, as far as the system can.
    pub(super) fn command(&self, program: &Path) -> io::Result<Command> {
        let own;
        let guard = match self {
            Self::Off => return Ok(Command::new(program)),
            Self::OwnProgram | Self::Program(_) if !cfg!(target_os = "linux") => {
                return Ok(Command::new(program));
            }
            Self::OwnProgram => {
                own = own_program()?;
                &own
            }
            Self::Program(path) => path,
        };
        let mut command = Command::new(guard);
        command.arg(GUARD_WORD).arg(std::process::id().to_string()).arg(program);
        Ok(command)
    }
}

/// The link names the running program even after its file was replaced by an upgrade, where the
/// path that `current_exe` reads from it would name nothing any more.
fn own_program() -> io::Result<PathBuf> {
    let link = Path::new("/proc/self/exe");
    if link.exists() { Ok(link.to_owned()) } else { std::env::current_exe() }
}

#[cfg(target_os = "linux")]
fn die_with_parent(parent: i32) -> io::Result<()> {
    use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
    set_parent_process_death_signal(Some(Signal::TERM))?;
    // The parent may have died before we asked; then nobody will send the signal.
    if getppid().map(Pid::as_raw_pid) == Some(parent) {
        Ok(())
    } else {
        Err(io::Error::other("the ledger that started this nats-server is gone"))
    }
}

#[cfg(not(target_os = "linux"))]
fn die_with_parent(_: i32) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn become_program(command: &mut Command) -> io::Error {
    std::os::unix::process::CommandExt::exec(command)
}

#[cfg(not(unix))]
fn become_program(_: &mut Command) -> io::Error {
    io::ErrorKind::Unsupported.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(args: &[&str]) -> io::Error {
        guard(args.iter().map(OsString::from))
    }

    #[test]
    fn arguments_that_make_no_sense_are_refused() {
        for args in [&[][..], &["17"], &["x", "nats-server"]] {
            assert_eq!(refusal(args).kind(), io::ErrorKind::InvalidInput, "{args:?}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_child_of_another_parent_starts_nothing() {
        // Nobody's parent has the largest number. A program that exists would replace this test.
        let error = refusal(&["2147483647", "/nowhere/nats-server"]);
        assert!(error.to_string().contains("is gone"), "{error}");
        rustix::process::set_parent_process_death_signal(None).unwrap();
    }
}
