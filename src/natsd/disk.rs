//! How much of the disk the log may fill.

use std::fs;
use std::io;
use std::path::Path;

/// The share of the disk that the store may have, counting what it has already. The rest is left to
/// the read models and to everybody else on that disk.
const SHARE_PERCENT: u64 = 75;

/// The least a store is given, so that a nearly full disk still starts. The disk may then be full
/// before the limit is reached.
const STORE_BYTES_MIN: u64 = 64 * 1024 * 1024;

/// What is given where the free space cannot be asked for.
const STORE_BYTES_UNKNOWN: u64 = 4 * 1024 * 1024 * 1024;

/// The limit for the store at `store`, whose file system is that of its parent `root`. The server
/// refuses to store more: a clean refusal, where a full disk would make it hang.
pub(super) fn store_bytes_max(root: &Path, store: &Path) -> u64 {
    match free_bytes(root) {
        Ok(free) => share(free, used_bytes(store)),
        Err(error) => {
            tracing::warn!(path = %root.display(), %error, "the free space is unknown");
            STORE_BYTES_UNKNOWN
        }
    }
}

fn share(free: u64, used: u64) -> u64 {
    let whole = u128::from(free) + u128::from(used);
    let share = whole * u128::from(SHARE_PERCENT) / 100;
    // nats-server counts in i64.
    share.clamp(u128::from(STORE_BYTES_MIN), i64::MAX as u128) as u64
}

#[cfg(unix)]
fn free_bytes(path: &Path) -> io::Result<u64> {
    let stat = rustix::fs::statvfs(path)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

#[cfg(not(unix))]
fn free_bytes(_: &Path) -> io::Result<u64> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The bytes of all files below `directory`; what cannot be read counts as nothing.
fn used_bytes(directory: &Path) -> u64 {
    let mut bytes: u64 = 0;
    let mut waiting = vec![directory.to_owned()];
    while let Some(directory) = waiting.pop() {
        let Ok(entries) = fs::read_dir(&directory) else { continue };
        for entry in entries.flatten() {
            match entry.metadata() {
                Ok(meta) if meta.is_dir() => waiting.push(entry.path()),
                Ok(meta) => bytes = bytes.saturating_add(meta.len()),
                Err(_) => {}
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_counts_what_the_store_has_already_and_stays_in_bounds() {
        const GIB: u64 = 1024 * 1024 * 1024;
        assert_eq!(share(100 * GIB, 0), 75 * GIB);
        assert_eq!(share(40 * GIB, 60 * GIB), 75 * GIB);
        assert_eq!(share(0, 0), STORE_BYTES_MIN);
        assert_eq!(share(u64::MAX, u64::MAX), i64::MAX as u64);
    }

    #[test]
    fn files_in_subdirectories_count_and_a_missing_directory_is_empty() {
        let scratch = tempfile::tempdir().unwrap();
        fs::create_dir_all(scratch.path().join("a/b")).unwrap();
        fs::write(scratch.path().join("a/one"), [0; 10]).unwrap();
        fs::write(scratch.path().join("a/b/two"), [0; 5]).unwrap();
        assert_eq!(used_bytes(scratch.path()), 15);
        assert_eq!(used_bytes(&scratch.path().join("missing")), 0);
    }

    #[test]
    fn a_real_disk_gives_more_than_the_least() {
        let scratch = tempfile::tempdir().unwrap();
        let bytes = store_bytes_max(scratch.path(), &scratch.path().join("js"));
        assert!(STORE_BYTES_MIN < bytes && bytes != STORE_BYTES_UNKNOWN, "{bytes}");
    }
}
