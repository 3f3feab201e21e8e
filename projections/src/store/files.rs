//! The files of read models: their names, and how one takes the place of another.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::{Checkpoint, ReadModel, Store, seal};
use crate::error::Error;
use crate::readers::Readers;

/// Where a model lives in a directory: `licenses.v1.db`.
pub fn path(dir: &Path, model: &ReadModel) -> PathBuf {
    dir.join(format!("{}.v{}.db", model.name, model.version))
}

/// Where a model is built beside the live one: `licenses.v1.db.building`.
pub fn building_path(dir: &Path, model: &ReadModel) -> PathBuf {
    with_suffix(&path(dir, model), ".building")
}

/// Files of other versions of the model, finished or not: kept until dropped.
pub fn old_versions(dir: &Path, model: &ReadModel) -> Result<Vec<PathBuf>, Error> {
    let failed = |source| Error::File { path: dir.to_owned(), source };
    let mut found = vec![];
    for entry in fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().and_then(|it| it.to_str()).unwrap_or_default();
        let name = name.strip_suffix(".building").unwrap_or(name);
        let version = name
            .strip_prefix(model.name)
            .and_then(|it| it.strip_prefix(".v"))
            .and_then(|it| it.strip_suffix(".db"))
            .and_then(|it| it.parse::<u32>().ok());
        if version.is_some_and(|it| it != model.version) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The newest file of an earlier version that was level with the log and has the schema of today, and
/// how far it is: it can answer, as that version did, until the model of today is built.
pub fn stand_in(
    dir: &Path,
    model: &'static ReadModel,
) -> Result<Option<(PathBuf, Checkpoint)>, Error> {
    let mut best: Option<(PathBuf, Checkpoint)> = None;
    for path in old_versions(dir, model)?
        .into_iter()
        .filter(|it| it.extension().is_some_and(|it| it == "db"))
    {
        // One that cannot be read, or has rotted, is no help, and in nobody's way.
        if !seal::is_sound(&path).unwrap_or(false) {
            continue;
        }
        let found = Readers::new(&path, model, 1)
            .with(|db| Ok(super::is_whole(db)?.then_some(super::read_checkpoint(db)?)));
        if let Ok(Some(checkpoint)) = found
            && best.as_ref().is_none_or(|it| checkpoint.sequence > it.1.sequence)
        {
            best = Some((path, checkpoint));
        }
    }
    Ok(best)
}

/// Removes a file and what SQLite keeps beside it. Whoever reads it goes on reading it.
pub fn drop_file(path: &Path) -> Result<(), Error> {
    // The file first: a WAL without a file is nothing, a file without its WAL is an older state.
    let beside = ["-wal", "-shm"].map(|it| with_suffix(path, it));
    for path in [path.to_owned()].into_iter().chain(beside).chain([seal::seal_path(path)]) {
        match fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(source) => return Err(Error::File { path, source }),
        }
    }
    Ok(())
}

/// Puts a built file in the place of the live one, and gives back a store that goes on with it.
///
/// Reads go on all the while: those under way end on the old file, those that begin once this
/// returns see the new one. The live store MUST have been dropped; `readers` is every pool of this
/// file. A crash in between leaves either the old file, or none and a finished one beside it; the
/// caller finds the model missing and builds it again.
pub fn swap(dir: &Path, building: Store, readers: &[&Readers]) -> Result<Store, Error> {
    let model = building.model;
    let (from, to) = (building_path(dir, model), path(dir, model));
    building.settle()?;
    building.db.close().map_err(|(_, error)| error)?;
    // Nobody may open the old name while the new file does not have it yet: SQLite finds the WAL
    // by name, and must not find one file's WAL beside the other.
    let held: Vec<_> = readers.iter().map(|it| it.hold()).collect();
    drop_file(&to)?;
    let failed = |source| Error::File { path: from.clone(), source };
    for leftover in ["-wal", "-shm"] {
        drop_file(&with_suffix(&from, leftover))?;
    }
    fs::rename(&from, &to).map_err(failed)?;
    fs::File::open(dir).and_then(|it| it.sync_all()).map_err(failed)?;
    held.into_iter().for_each(|it| it.replace(to.clone()));
    Store::open(dir, model)
}

pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
