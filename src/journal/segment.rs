//! One file of the journal.

use std::fs::{self, File};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use super::held::Runs;
use super::record::{self, Found, Record};
use super::{Damage, Error};
use crate::private_file;

const ENDING: &str = "journal";

/// How far a file is made longer at a time. An fsync that finds the length unchanged need not write
/// the length: half the time of one that does.
const AHEAD_BYTES: u64 = 1024 * 1024;

/// What is known of a file.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    pub(super) number: u64,
    pub(super) path: PathBuf,
    /// Its length.
    pub(super) size: u64,
    /// Where the next record goes: everything before it has been fsynced.
    pub(super) end: u64,
    /// What is before the end.
    pub(super) runs: Runs,
    /// Whether it may be written on.
    pub(super) open: bool,
}

/// The number in the name of a file, if it is one of a journal.
pub(super) fn number(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?.strip_suffix(ENDING)?.strip_suffix('.')?;
    name.parse().ok()
}

impl Segment {
    /// One that is empty and not there yet.
    pub(super) fn new(dir: &Path, number: u64) -> Segment {
        let path = dir.join(format!("{number:010}.{ENDING}"));
        Segment { number, path, size: 0, end: 0, runs: Runs::default(), open: true }
    }

    /// Reads one up to its end, or to where it is damaged. A torn end is cut off.
    pub(super) fn scan(dir: &Path, number: u64) -> Result<(Segment, Option<Damage>), Error> {
        let mut it = Segment::new(dir, number);
        let bytes = fs::read(&it.path).map_err(Error::io(&it.path))?;
        let (mut offset, mut runs) = (0, Runs::default());
        let found = each(&bytes, &mut offset, |it| runs.push(it.sequence, it.kind));
        (it.size, it.end, it.runs) = (bytes.len() as u64, offset as u64, runs);
        match found {
            Found::Record(_) | Found::End => Ok((it, None)),
            Found::Foreign(version) => {
                Err(Error::Version { path: it.path, offset: offset as u64, version })
            }
            Found::Unreadable if record::any_behind(&bytes, offset) => {
                it.open = false;
                let damage = Damage { path: it.path.clone(), offset: it.end };
                tracing::error!(path = %it.path.display(), offset, "the journal is damaged, nothing behind this place is used");
                Ok((it, Some(damage)))
            }
            Found::Unreadable => {
                let bytes = it.size - it.end;
                tracing::warn!(path = %it.path.display(), offset, bytes, "the torn end of the journal is cut off");
                let mut file = it.file().map_err(Error::io(&it.path))?;
                it.cut(&mut file).map_err(Error::io(&it.path))?;
                Ok((it, None))
            }
        }
    }

    /// The file, for writing.
    pub(super) fn file(&self) -> io::Result<File> {
        private_file::open(&self.path)
    }

    /// Leaves nothing behind the last record.
    pub(super) fn cut(&mut self, file: &mut File) -> io::Result<()> {
        file.set_len(self.end)?;
        self.size = self.end;
        file.sync_all()
    }

    /// Writes at the end, durably. The end stays where it is.
    pub(super) fn write(&mut self, file: &mut File, bytes: &[u8], most: u64) -> io::Result<()> {
        let needed = self.end + bytes.len() as u64;
        if needed > self.size {
            let size = needed.next_multiple_of(AHEAD_BYTES).min(most).max(needed);
            file.seek(SeekFrom::Start(self.size))?;
            io::copy(&mut io::Read::take(io::repeat(0), size - self.size), file)?;
            self.size = size;
        }
        file.seek(SeekFrom::Start(self.end))?;
        file.write_all(bytes)?;
        file.sync_data()
    }
}

/// Calls `with` for each record from `offset` on, which is moved to where there is none, and says
/// what is there.
pub(super) fn each(bytes: &[u8], offset: &mut usize, mut with: impl FnMut(&Record)) -> Found {
    loop {
        match record::read(bytes, *offset) {
            Found::Record(it) => {
                *offset = it.payload.end;
                with(&it);
            }
            other @ (Found::End | Found::Unreadable | Found::Foreign(_)) => return other,
        }
    }
}
