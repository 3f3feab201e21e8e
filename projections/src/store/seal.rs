//! What a file was when it was closed in order.
//!
//! A page of SQLite has no checksum: one bit that flips on a disk that is at rest makes answers that
//! look right. So whoever closes a file in order writes its length and CRC-32 beside it, and whoever
//! opens it compares. The seal is taken away before the file is written again; after a crash there is
//! none, and nothing is known.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use super::files::with_suffix;
use super::{ReadModel, Store, path};
use crate::error::Error;

/// The first word of a seal, with its format.
const FORMAT: &str = "seal-1";

/// Bytes read at a time.
const CHUNK: usize = 256 * 1024;

/// The seal of a file: `licenses.v1.db.seal`.
pub(super) fn seal_path(file: &Path) -> PathBuf {
    with_suffix(file, ".seal")
}

impl Store {
    /// Copies the WAL into the file, and seals that. Nobody may write it afterwards before it is
    /// opened by [`unseal`]. Where a reader keeps the WAL from being emptied there is no seal.
    pub fn seal(&self) -> Result<(), Error> {
        self.settle()?;
        let wal = with_suffix(&self.path, "-wal");
        if fs::metadata(&wal).is_ok_and(|it| it.len() > 0) {
            return Ok(());
        }
        let to = seal_path(&self.path);
        let failed = |source| Error::File { path: to.clone(), source };
        let text = summed(&self.path)?;
        let part = with_suffix(&to, ".part");
        let mut file = File::create(&part).map_err(failed)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
        fs::rename(&part, &to).map_err(failed)
    }
}

/// Takes the seal of a model's file away. Says `false` where the file is not what was sealed; where
/// there is no seal nothing is known of it.
pub fn unseal(dir: &Path, model: &ReadModel) -> Result<bool, Error> {
    let file = path(dir, model);
    let is_sound = is_sound(&file)?;
    let seal = seal_path(&file);
    let failed = |source| Error::File { path: seal.clone(), source };
    match fs::remove_file(&seal) {
        // It has to be gone before the file is another one.
        Ok(()) => File::open(dir).and_then(|it| it.sync_all()).map_err(failed)?,
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(source) => return Err(failed(source)),
    }
    Ok(is_sound)
}

/// Whether a file is what was sealed, or has no seal.
pub(super) fn is_sound(file: &Path) -> Result<bool, Error> {
    let seal = seal_path(file);
    match fs::read_to_string(&seal) {
        // A later release may write another seal, and a disk may change this one, too.
        Ok(text) if !text.starts_with(FORMAT) => Ok(true),
        Ok(text) if !file.exists() => Ok(text.is_empty()),
        Ok(text) => Ok(text == summed(file)?),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
        Err(error) if error.kind() == ErrorKind::InvalidData => Ok(true),
        Err(source) => Err(Error::File { path: seal, source }),
    }
}

/// What a seal says of a file.
fn summed(path: &Path) -> Result<String, Error> {
    let failed = |source| Error::File { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(failed)?;
    let (mut sum, mut bytes, mut chunk) = (crc32fast::Hasher::new(), 0_u64, vec![0; CHUNK]);
    loop {
        match file.read(&mut chunk) {
            Ok(0) => return Ok(format!("{FORMAT} {bytes} {:08x}\n", sum.finalize())),
            Ok(read) => {
                sum.update(&chunk[..read]);
                bytes += read as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(source) => return Err(failed(source)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::licenses::MODEL;

    fn sealed(dir: &Path) -> PathBuf {
        let store = Store::open(dir, &MODEL).unwrap();
        store.seal().unwrap();
        store.path().to_owned()
    }

    #[test]
    fn a_file_that_was_closed_in_order_is_sound_once_and_then_unknown() {
        let dir = tempfile::tempdir().unwrap();
        assert!(unseal(dir.path(), &MODEL).unwrap(), "nothing is there");
        let file = sealed(dir.path());
        assert!(seal_path(&file).exists());
        assert!(unseal(dir.path(), &MODEL).unwrap());
        assert!(!seal_path(&file).exists());
        assert!(unseal(dir.path(), &MODEL).unwrap());
    }

    #[test]
    fn any_bit_of_a_file_that_flips_at_rest_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let file = sealed(dir.path());
        let (seal, whole) = (fs::read(seal_path(&file)).unwrap(), fs::read(&file).unwrap());
        // A few of each page, and the last byte.
        let places = (0..whole.len()).step_by(509).chain([whole.len() - 1]);
        for (bit, at) in places.enumerate() {
            let mut changed = whole.clone();
            changed[at] ^= 1 << (bit % 8);
            fs::write(&file, &changed).unwrap();
            fs::write(seal_path(&file), &seal).unwrap();
            assert!(!unseal(dir.path(), &MODEL).unwrap(), "byte {at}");
        }
        fs::write(&file, &whole[..whole.len() - 1]).unwrap();
        fs::write(seal_path(&file), &seal).unwrap();
        assert!(!unseal(dir.path(), &MODEL).unwrap(), "a byte is missing");
    }

    #[test]
    fn a_seal_that_is_none_accuses_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let file = sealed(dir.path());
        for seal in [&b"seal-2 what"[..], b"", b"\xff\xfe"] {
            fs::write(seal_path(&file), seal).unwrap();
            assert!(unseal(dir.path(), &MODEL).unwrap());
        }
    }

    #[test]
    fn a_file_whose_wal_cannot_be_emptied_has_no_seal() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open(dir.path(), &MODEL).unwrap();
        let reader = store.as_it_is().unwrap();
        store.be_whole().unwrap();
        // SQLite says `busy` in its answer, and waits for the reader before.
        store.db().busy_timeout(std::time::Duration::ZERO).unwrap();
        store.seal().unwrap();
        assert!(!seal_path(store.path()).exists());
        drop(reader);
        store.seal().unwrap();
        assert!(seal_path(store.path()).exists());
    }
}
