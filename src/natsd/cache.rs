//! The cache: the pinned nats-server that an earlier run fetched, checked again at each start.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::not_found::Reason;
use super::pin::{Hashes, Pin};

/// The file of one pinned nats-server, `<root>/<version>/<triple>/nats-server`.
pub(super) struct Cache {
    directory: PathBuf,
    hashes: Hashes,
}

/// What the cache holds at the moment.
pub(super) enum Cached {
    /// The pinned bytes.
    Good(PathBuf),
    /// Nothing yet.
    Empty,
    /// Other bytes: a torn write, a failing disk or a hand.
    Damaged {
        /// The SHA-256 of what is there.
        found: String,
    },
}

impl Cache {
    /// The place for `pin` below `root`. Nothing is created.
    pub(super) fn of(root: Option<&Path>, pin: &Pin) -> Result<Self, Reason> {
        let root = root.ok_or(Reason::NoCacheDirectory)?;
        let hashes = pin.hashes.clone().ok_or_else(|| Reason::NoBuildFor(pin.triple.clone()))?;
        Ok(Self { directory: root.join(pin.version.to_string()).join(&pin.triple), hashes })
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn hashes(&self) -> &Hashes {
        &self.hashes
    }

    pub(super) fn binary(&self) -> PathBuf {
        self.directory.join(format!("nats-server{}", std::env::consts::EXE_SUFFIX))
    }

    /// Reads the whole file: about a tenth of a second, and no start runs bytes nobody reviewed.
    pub(super) fn look(&self) -> Result<Cached, Reason> {
        let path = self.binary();
        match sha256_of(&path) {
            Ok(found) if found == self.hashes.binary => Ok(Cached::Good(path)),
            Ok(found) => Ok(Cached::Damaged { found }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Cached::Empty),
            Err(error) => Err(Reason::Unusable { path, error }),
        }
    }

    /// Keeps every other process out of the cache until the answer is dropped.
    /// Waits as long as another process holds it, which is never longer than one fetch.
    pub(super) fn lock(&self) -> Result<File, Reason> {
        let locked = fs::create_dir_all(&self.directory).and_then(|()| {
            let file = File::options()
                .create(true)
                .truncate(false)
                .write(true)
                .open(self.directory.join("lock"))?;
            file.lock()?;
            Ok(file)
        });
        locked.map_err(|error| Reason::Unusable { path: self.directory.clone(), error })
    }

    /// Deletes the binary if it is still not the pinned one; another process may have replaced it.
    pub(super) fn delete_damaged(&self) -> Result<(), Reason> {
        let _lock = self.lock()?;
        if matches!(self.look()?, Cached::Damaged { .. }) {
            let path = self.binary();
            fs::remove_file(&path).map_err(|error| Reason::Unusable { path, error })?;
        }
        Ok(())
    }
}

/// The SHA-256 of a file in lower-case hexadecimal, as `sha256sum` prints it.
pub(super) fn sha256_of(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hexadecimal(&hasher.finalize())),
            length => hasher.update(&buffer[..length]),
        }
    }
}

/// Lower-case hexadecimal, two digits a byte.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
