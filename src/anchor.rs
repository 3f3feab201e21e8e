//! What is known of the log outside of the log, so that one that went back is noticed.

use std::fs;
use std::path::{Path, PathBuf};

use events::wire::CommitHash;
use serde::{Deserialize, Serialize};

use crate::log::Known;
use crate::private_file;

const FILE: &str = "anchor.json";

/// The file that keeps the anchor. Written whole, fsynced and renamed, so that a crash leaves the
/// old one or the new one.
#[derive(Debug, Clone)]
pub struct Anchor {
    path: PathBuf,
    written: Option<Known>,
}

#[derive(Serialize, Deserialize)]
struct Written {
    stream: String,
    created: String,
    sequence: u64,
    hash: CommitHash,
}

/// Why the anchor cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read or written.
    #[error("the anchor {path} cannot be used: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file is not an anchor.
    #[error(
        "the anchor {path} cannot be read: {reason}; if the log is known to be whole, move the \
         file away and the next start takes the log as it is"
    )]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// It is about another ledger.
    #[error(
        "the anchor {path} is about the stream {found}, this ledger's is {stream}: use another --dir"
    )]
    Foreign {
        /// Which file.
        path: PathBuf,
        /// The stream it names.
        found: String,
        /// The stream of this ledger.
        stream: String,
    },
}

impl Anchor {
    /// Reads the anchor of a directory, if it has one.
    pub fn open(dir: &Path, stream: &str) -> Result<Anchor, Error> {
        let path = dir.join(FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Anchor { path, written: None });
            }
            Err(source) => return Err(Error::Io { path, source }),
        };
        let it: Written = match serde_json::from_str(&text) {
            Ok(it) => it,
            Err(error) => return Err(Error::Damaged { path, reason: error.to_string() }),
        };
        if it.stream != stream {
            return Err(Error::Foreign { path, found: it.stream, stream: stream.to_owned() });
        }
        let written = Some(Known { created: it.created, sequence: it.sequence, hash: it.hash });
        Ok(Anchor { path, written })
    }

    /// What it says.
    pub fn known(&self) -> Option<&Known> {
        self.written.as_ref()
    }

    /// Says something newer, durably. Does nothing if it says so already.
    pub fn write(&mut self, stream: &str, known: Known) -> Result<(), Error> {
        if self.written.as_ref() == Some(&known) {
            return Ok(());
        }
        let it = Written {
            stream: stream.to_owned(),
            created: known.created.clone(),
            sequence: known.sequence,
            hash: known.hash,
        };
        let io = |source| Error::Io { path: self.path.clone(), source };
        let mut text = serde_json::to_vec(&it).map_err(|it| io(it.into()))?;
        text.push(b'\n');
        private_file::replace(&self.path, &text).map_err(io)?;
        self.written = Some(known);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(sequence: u64) -> Known {
        Known { created: "then".into(), sequence, hash: CommitHash::of(b"x") }
    }

    #[test]
    fn an_anchor_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let mut anchor = Anchor::open(dir.path(), "S").unwrap();
        assert_eq!(anchor.known(), None);
        anchor.write("S", known(1)).unwrap();
        anchor.write("S", known(2)).unwrap();
        assert_eq!(Anchor::open(dir.path(), "S").unwrap().known(), Some(&known(2)));
        assert!(matches!(Anchor::open(dir.path(), "T"), Err(Error::Foreign { .. })));
    }

    #[test]
    fn a_damaged_anchor_is_not_taken_for_none() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(FILE), "{").unwrap();
        assert!(matches!(Anchor::open(dir.path(), "S"), Err(Error::Damaged { .. })));
    }
}
