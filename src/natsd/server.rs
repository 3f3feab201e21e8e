//! One running nats-server process: started, asked whether it serves, stopped.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::StartError;
use super::directory::{Directory, Ports};
use super::guard::Guard;
use super::store::conf_argument;

/// How long a nats-server may take for an orderly end. At the limit it is killed; what it had
/// acknowledged is on the disk all the same.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// How often a process that was asked to end is looked at.
const STOP_POLL: Duration = Duration::from_millis(5);

/// How long one attempt to connect may take. After it the server counts as not ready yet.
const CONNECT_LIMIT: Duration = Duration::from_secs(1);

/// A child process, stopped when it is dropped.
pub(super) struct Server {
    child: Child,
    pub(super) pid: u32,
}

impl Server {
    /// Starts `program` on the `nats.conf` of `directory`, and hands it the lock of its store.
    ///
    /// Invariant: called on the thread that lives as long as the [`Natsd`](super::Natsd), because
    /// the kernel ends the child when the *thread* that started it ends.
    pub(super) fn spawn(
        program: &Path,
        guard: &Guard,
        directory: &Directory,
        store_lock: File,
    ) -> Result<Self, StartError> {
        let spawn = || {
            let mut command = guard.command(program)?;
            command.arg(conf_argument(&directory.conf()));
            command.stdin(store_lock).stdout(Stdio::null());
            command.stderr(File::create(directory.stderr())?);
            leave_our_process_group(&mut command);
            command.spawn()
        };
        let child =
            spawn().map_err(|error| StartError::Spawn { program: program.to_owned(), error })?;
        let pid = child.id();
        Ok(Self { child, pid })
    }

    /// How it ended, if it did.
    pub(super) fn ended(&mut self) -> Option<String> {
        match self.child.try_wait() {
            Ok(status) => status.map(|status| status.to_string()),
            // Nobody can be waited for: it was collected by somebody else.
            Err(error) => Some(error.to_string()),
        }
    }

    /// Its ports, once it accepts connections. It does so when its store is recovered.
    pub(super) fn serving(&self, directory: &Directory) -> Option<Ports> {
        directory.ports(self.pid).filter(|ports| {
            TcpStream::connect_timeout(&loopback(ports.client), CONNECT_LIMIT).is_ok()
        })
    }

    /// Ends it in order, or by force at [`STOP_LIMIT`]. Afterwards no process is left.
    pub(super) fn stop(&mut self) {
        self.ask_to_end();
        let deadline = Instant::now() + STOP_LIMIT;
        while self.ended().is_none() {
            if deadline <= Instant::now() {
                tracing::warn!(pid = self.pid, "nats-server did not end in time; killing it");
                // Both fail only for a process that is gone.
                let _ = self.child.kill();
                let _ = self.child.wait();
                return;
            }
            thread::sleep(STOP_POLL);
        }
    }

    #[cfg(unix)]
    fn ask_to_end(&mut self) {
        use rustix::process::{Pid, Signal, kill_process};
        if self.ended().is_none() {
            let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        }
    }

    #[cfg(not(unix))]
    fn ask_to_end(&mut self) {
        let _ = self.child.kill();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Whether nats-server could listen there now.
pub(super) fn is_free(port: u16) -> bool {
    TcpListener::bind(loopback(port)).is_ok()
}

fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// Ctrl-C in a terminal goes to its whole process group; the order of the end is ours to choose.
#[cfg(unix)]
fn leave_our_process_group(command: &mut Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

#[cfg(not(unix))]
fn leave_our_process_group(_: &mut Command) {}
