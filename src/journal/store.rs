//! All files of the journal: opening, and writing to the last one.

use std::collections::VecDeque;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::held::Held;
use super::queue::Entry;
use super::record::{self, HEAD_BYTES};
use super::segment::{self, Segment};
use super::{Damage, Error};
use crate::metrics::{JOURNAL_APPENDS, JOURNAL_BYTES, JOURNAL_FAILURES};

/// Bytes of one file, and of all of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    pub(super) segment: u64,
    pub(super) kept: u64,
}

/// The files.
#[derive(Debug)]
pub(super) struct Store {
    dir: PathBuf,
    sizes: Sizes,
    state: Mutex<State>,
}

/// What is known of them. Only the thread that writes changes it.
#[derive(Debug, Default)]
pub(super) struct State {
    /// The oldest one first.
    pub(super) segments: VecDeque<Segment>,
    pub(super) held: Held,
}

impl State {
    fn tell(&mut self) {
        self.held = Held::of(self.segments.iter().map(|it| &it.runs));
    }
}

/// Makes the directory, for its owner only, so that it stays.
fn make(dir: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(dir)?;
    match dir.parent() {
        Some(it) => File::open(it)?.sync_all(),
        None => Ok(()),
    }
}

fn numbers(dir: &Path) -> io::Result<Vec<u64>> {
    let paths = fs::read_dir(dir)?.map(|it| it.map(|it| it.path()));
    let paths: Vec<PathBuf> = paths.collect::<io::Result<_>>()?;
    let mut numbers: Vec<u64> = paths.iter().filter_map(|it| segment::number(it)).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

impl Store {
    /// Makes the directory if it is not there, and reads what is in it.
    pub(super) fn open(dir: &Path, sizes: Sizes) -> Result<(Store, Vec<Damage>), Error> {
        make(dir).map_err(Error::io(dir))?;
        let (mut state, mut all) = (State::default(), vec![]);
        for number in numbers(dir).map_err(Error::io(dir))? {
            let (segment, damage) = Segment::scan(dir, number)?;
            state.segments.push_back(segment);
            all.extend(damage);
        }
        state.tell();
        Ok((Store { dir: dir.to_owned(), sizes, state: Mutex::new(state) }, all))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn last(&self) -> Option<u64> {
        self.lock().held.last()
    }

    /// Whether a payload of some bytes can be written at all.
    pub(super) fn fits(&self, bytes: usize) -> Result<(), Error> {
        let most = self.sizes.segment - HEAD_BYTES as u64;
        if bytes as u64 <= most { Ok(()) } else { Err(Error::TooLarge { bytes, most }) }
    }
}

/// Who writes. There is one.
#[derive(Debug)]
pub(super) struct Writer {
    store: Arc<Store>,
    /// The last file and what of it is on disk, if it is written on.
    current: Option<(Segment, File)>,
}

impl Writer {
    pub(super) fn new(store: Arc<Store>) -> Result<Writer, Error> {
        let last = store.lock().segments.back().filter(|it| it.open).cloned();
        let current = match last {
            Some(it) => {
                let file = it.file().map_err(Error::io(&it.path))?;
                Some((it, file))
            }
            None => None,
        };
        Ok(Writer { store, current })
    }

    /// Writes records and tells those who wait. One fsync for all that fit one file.
    pub(super) fn write(&mut self, group: Vec<Entry>) {
        let mut group = group.into_iter().peekable();
        while let Some(first) = group.next() {
            let end = self.current.as_ref().map_or(0, |it| it.0.end);
            let fits = |bytes: u64| end + bytes <= self.store.sizes.segment;
            // What does not fit goes to a file of its own beginning.
            let mut bytes = first.bytes() as u64;
            let new = !fits(bytes);
            let mut chunk = vec![first];
            let room =
                |bytes: u64| if new { bytes <= self.store.sizes.segment } else { fits(bytes) };
            while let Some(next) = group.next_if(|it| room(bytes + it.bytes() as u64)) {
                bytes += next.bytes() as u64;
                chunk.push(next);
            }
            if new {
                self.close();
            }
            self.write_chunk(chunk);
        }
    }

    fn write_chunk(&mut self, chunk: Vec<Entry>) {
        let mut bytes = Vec::with_capacity(chunk.iter().map(Entry::bytes).sum());
        for it in &chunk {
            record::write(&mut bytes, it.sequence, it.kind, &it.payload);
        }
        let result = self.try_write(&bytes);
        match &result {
            Ok(()) => {
                self.note(&chunk, bytes.len() as u64);
                metrics::counter!(JOURNAL_APPENDS).increment(chunk.len() as u64);
                metrics::counter!(JOURNAL_BYTES).increment(bytes.len() as u64);
            }
            Err(error) => {
                tracing::error!(%error, records = chunk.len(), "commits are not in the journal");
                metrics::counter!(JOURNAL_FAILURES).increment(chunk.len() as u64);
                // After a failed fsync nobody knows what of the file is on disk.
                self.close();
            }
        }
        for it in chunk {
            it.settle(result.clone());
        }
    }

    fn try_write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let (segment, file) = match &mut self.current {
            Some(it) => it,
            None => {
                let it = self.begin()?;
                self.current.insert(it)
            }
        };
        let written = segment.write(file, bytes, self.store.sizes.segment);
        written.map_err(Error::io(&segment.path))
    }

    /// The next file; deletes the oldest ones first, so that no more is kept than may be.
    fn begin(&self) -> Result<(Segment, File), Error> {
        let Sizes { segment, kept } = self.store.sizes;
        let mut state = self.store.lock();
        let size = |it: &State| it.segments.iter().map(|it| it.size).sum::<u64>();
        while size(&state) + segment > kept {
            let Some(oldest) = state.segments.front() else { break };
            match fs::remove_file(&oldest.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(Error::io(&oldest.path)(error));
                }
                Ok(()) | Err(_) => drop(state.segments.pop_front()),
            }
            state.tell();
        }
        let number = state.segments.back().map_or(1, |it| it.number + 1);
        let segment = Segment::new(&self.store.dir, number);
        let file = segment.file().map_err(Error::io(&segment.path))?;
        state.segments.push_back(segment.clone());
        drop(state);
        let synced = File::open(&self.store.dir).and_then(|it| it.sync_all());
        match synced {
            Ok(()) => Ok((segment, file)),
            Err(error) => {
                self.forget(segment);
                Err(Error::io(&self.store.dir)(error))
            }
        }
    }

    /// Takes note of what is on disk now.
    fn note(&mut self, chunk: &[Entry], bytes: u64) {
        let Some((segment, _)) = &mut self.current else { return };
        let mut state = self.store.lock();
        segment.end += bytes;
        for it in chunk {
            segment.runs.push(it.sequence, it.kind);
            state.held.note(it.sequence, it.sequence, it.kind);
        }
        if let Some(last) = state.segments.back_mut() {
            last.clone_from(segment);
        }
    }

    /// Writes no more to the last file. What is behind its last record is cut off, if that is
    /// possible: zeros, or what was not written whole.
    fn close(&mut self) {
        let Some((mut segment, mut file)) = self.current.take() else { return };
        if let Err(error) = segment.cut(&mut file) {
            tracing::warn!(path = %segment.path.display(), %error, "the end of the journal cannot be cut off");
        }
        self.forget(segment);
    }

    /// Has a file as one that is not written any more, or deletes it if it has nothing.
    fn forget(&self, mut segment: Segment) {
        segment.open = false;
        let mut state = self.store.lock();
        state.segments.pop_back();
        if !segment.runs.is_empty() || fs::remove_file(&segment.path).is_err() {
            state.segments.push_back(segment);
        }
    }
}
