//! One file: a read model and how far it has read.

mod digest;
mod files;
mod seal;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use events::Refused;
use events::wire::{Commit, CommitHash};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, params};
use sha2::{Digest, Sha256};

use crate::as_of::{int, uint};
use crate::error::Error;

pub use digest::ContentDigest;
pub use files::{building_path, drop_file, old_versions, path, stand_in, swap};
pub use seal::unseal;

/// A read model: what its file holds, and how it is written.
#[derive(Debug)]
pub struct ReadModel {
    /// What it is called, and its file.
    pub name: &'static str,
    /// Raised whenever its rows for the same log change.
    pub version: u32,
    pub(crate) schema: &'static [&'static str],
    pub(crate) feed: Feed,
}

/// Where the rows of a model come from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Feed {
    /// Commits of the log, applied by this.
    Commits(fn() -> Box<dyn Writer>),
    /// Refusals of their own stream.
    Refusals,
}

/// Turns commits into rows of one model. May remember rows between batches, and may hold rows back
/// until the end of one.
pub(crate) trait Writer: Send {
    /// Writes what follows from a commit.
    fn commit(&mut self, db: &Connection, commit: &Commit) -> Result<(), Error>;

    /// Writes what was held back, at the end of a batch.
    fn flush(&mut self, db: &Connection) -> Result<(), Error>;

    /// Forgets everything: the batch was rolled back.
    fn forget(&mut self);
}

/// How far a read model has read, and what proves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    /// The last commit applied; 0 before the first.
    pub sequence: u64,
    /// The hash of that commit; for refusals: what tells their stream from others.
    pub hash: CommitHash,
    /// Commits applied; for refusals: messages.
    pub commits: u64,
    /// Events applied; for refusals: refusals.
    pub events: u64,
    /// SHA-256 over the digest before the last commit and the ids of its events, in order.
    ///
    /// Two models with the same digest have applied the same events in the same order.
    pub digest: [u8; 32],
}

impl Checkpoint {
    /// Nothing has been applied.
    pub const NONE: Checkpoint =
        Checkpoint { sequence: 0, hash: CommitHash::NONE, commits: 0, events: 0, digest: [0; 32] };

    /// What the checkpoint is once this commit is applied too.
    pub fn then(&self, commit: &Commit) -> Checkpoint {
        let ids = commit.records.iter().map(|it| it.id.as_bytes().as_slice());
        Checkpoint {
            sequence: commit.sequence,
            hash: commit.hash,
            commits: self.commits + 1,
            events: self.events + commit.records.len() as u64,
            digest: digest(&self.digest, ids),
        }
    }

    fn then_refused(&self, stream: CommitHash, sequence: u64, refused: &[Refused]) -> Checkpoint {
        let ids = refused.iter().map(|it| it.id.as_bytes().as_slice());
        Checkpoint {
            sequence,
            hash: stream,
            commits: self.commits + 1,
            events: self.events + refused.len() as u64,
            digest: digest(&self.digest, ids),
        }
    }
}

fn digest<'a>(before: &[u8; 32], ids: impl Iterator<Item = &'a [u8]>) -> [u8; 32] {
    let mut digest = Sha256::new_with_prefix(before);
    ids.for_each(|id| digest.update(id));
    digest.finalize().into()
}

/// The only one who writes a file. There must be one at a time; a second one is told `database is
/// locked`.
pub struct Store {
    db: Connection,
    path: PathBuf,
    model: &'static ReadModel,
    checkpoint: Checkpoint,
    writer: Option<Box<dyn Writer>>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at {}", self.path.display(), self.checkpoint.sequence)
    }
}

/// Pages of WAL after which SQLite copies it into the file: 80 MB. The default of 1,000 pages makes
/// a rebuild copy each hot page once every few batches; at this size a page that changes in every
/// batch is copied once for hundreds of them. A crash loses nothing by it, and costs the reading
/// of at most this much WAL.
const WAL_PAGES: u32 = 20_000;

/// Memory for pages of the file that are being changed. A batch that changes more spills into the
/// WAL early and is slower, nothing else.
const WRITER_CACHE_KIB: u32 = 64 * 1024;

/// Prepared statements a writer keeps. One more is prepared anew each time.
const STATEMENTS_MAX: usize = 64;

/// How long a writer waits for another process that has the file.
const BUSY: Duration = Duration::from_secs(5);

impl Store {
    /// Opens the file of a model in a directory, or makes it.
    pub fn open(dir: &Path, model: &'static ReadModel) -> Result<Store, Error> {
        Store::open_at(path(dir, model), model)
    }

    /// Opens the file that is built beside the live one, or makes it; see [`swap`].
    pub fn open_building(dir: &Path, model: &'static ReadModel) -> Result<Store, Error> {
        Store::open_at(building_path(dir, model), model)
    }

    fn open_at(path: PathBuf, model: &'static ReadModel) -> Result<Store, Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened =
            Connection::open_with_flags(&path, flags).and_then(|db| configure(&db).map(|()| db));
        let db = opened.map_err(|error| match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                Error::NotADatabase { path: path.clone() }
            }
            _ => Error::Sqlite(error),
        })?;
        create(&db, model)?;
        expect_model(&db, &path, model)?;
        let checkpoint = read_checkpoint(&db)?;
        let writer = match model.feed {
            Feed::Commits(new) => Some(new()),
            Feed::Refusals => None,
        };
        Ok(Store { db, path, model, checkpoint, writer })
    }

    /// Which model it is.
    pub fn model(&self) -> &'static ReadModel {
        self.model
    }

    /// Where its file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How far it has read.
    pub fn checkpoint(&self) -> Checkpoint {
        self.checkpoint
    }

    /// Whether the file has been level with the log at some time: [`Store::be_whole`].
    pub fn is_whole(&self) -> Result<bool, Error> {
        is_whole(&self.db)
    }

    /// Writes down that the file is level with the log. One that never was has nothing to say as of
    /// now.
    pub fn be_whole(&mut self) -> Result<(), Error> {
        Ok(self.db.pragma_update(None, "user_version", WHOLE)?)
    }

    /// Answers a question from the writer's own connection, for tools and tests.
    pub fn db(&self) -> &Connection {
        &self.db
    }

    /// Applies commits in one transaction: all of them or, on an error, none.
    ///
    /// A commit that is at or below the checkpoint is skipped, so that delivered twice is once. The
    /// others MUST follow the checkpoint and one another, each naming the hash of the one before and
    /// each at a higher sequence. A sequence may be left out: the chain says whether a commit is.
    pub fn apply(&mut self, batch: &[Arc<Commit>]) -> Result<Checkpoint, Error> {
        let Some(writer) = &mut self.writer else {
            return Err(Error::Feed { model: self.model.name });
        };
        let before = self.checkpoint;
        let fresh = || batch.iter().filter(|it| it.sequence > before.sequence);
        let mut after = before;
        for commit in fresh() {
            follows(self.model.name, &after, commit)?;
            after = after.then(commit);
        }
        if after == before {
            return Ok(before);
        }
        let written = in_transaction(&self.db, || {
            for commit in fresh() {
                let applied = writer.commit(&self.db, commit);
                applied.map_err(|it| it.of(self.model, commit.sequence))?;
            }
            writer.flush(&self.db).map_err(|it| it.of(self.model, after.sequence))?;
            write_checkpoint(&self.db, &after)
        });
        if let Err(error) = written {
            writer.forget();
            return Err(error);
        }
        self.checkpoint = after;
        Ok(after)
    }

    /// Applies refusals in one transaction, each with the sequence of its message in the stream of
    /// refusals. Messages at or below the checkpoint are skipped; gaps are not looked at, because
    /// that stream forgets. `stream` says which stream it is: the checkpoint keeps it, and a model
    /// of another one MUST begin anew.
    pub fn apply_refusals(
        &mut self,
        stream: CommitHash,
        batch: &[(u64, Vec<Refused>)],
    ) -> Result<Checkpoint, Error> {
        if self.writer.is_some() {
            return Err(Error::Feed { model: self.model.name });
        }
        let mut after = self.checkpoint;
        in_transaction(&self.db, || {
            for (sequence, refused) in batch {
                if *sequence > after.sequence {
                    let written = crate::refusals::write(&self.db, *sequence, refused);
                    written.map_err(|it| it.of(self.model, *sequence))?;
                    after = after.then_refused(stream, *sequence, refused);
                }
            }
            write_checkpoint(&self.db, &after)
        })?;
        self.checkpoint = after;
        Ok(after)
    }

    /// Drops refusals that the stream has forgotten: those of messages before `first`.
    pub fn forget_refusals(&mut self, first: u64) -> Result<(), Error> {
        if self.writer.is_some() {
            return Err(Error::Feed { model: self.model.name });
        }
        in_transaction(&self.db, || crate::refusals::forget(&self.db, first))
    }

    /// The file as it is now, whatever is written into it from now on.
    pub fn as_it_is(&self) -> Result<AsItIs, Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(&self.path, flags)?;
        db.busy_timeout(BUSY)?;
        db.execute_batch("BEGIN")?;
        // A transaction begins with the first thing that is read.
        read_checkpoint(&db)?;
        Ok(AsItIs { db })
    }

    /// SHA-256 over every row of every table, whatever the order they were written in.
    ///
    /// Two files of one model have the same content digest exactly when they give the same answers.
    pub fn content_digest(&self) -> Result<ContentDigest, Error> {
        digest::of(&self.db)
    }

    /// Copies the WAL into the file and empties it, as far as readers let it.
    pub fn settle(&self) -> Result<(), Error> {
        Ok(self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?)
    }
}

/// A file as it was at one moment. As long as there is one, what is written since waits in the WAL.
pub struct AsItIs {
    db: Connection,
}

impl AsItIs {
    /// [`Store::content_digest`] as of that moment.
    pub fn content_digest(&self) -> Result<ContentDigest, Error> {
        digest::of(&self.db)
    }
}

fn follows(model: &'static str, after: &Checkpoint, commit: &Commit) -> Result<(), Error> {
    let (checkpoint, sequence) = (after.sequence, commit.sequence);
    match commit.header.prev == after.hash && sequence > checkpoint {
        true => Ok(()),
        false => Err(Error::Chain { model, checkpoint, sequence }),
    }
}

fn in_transaction(db: &Connection, write: impl FnOnce() -> Result<(), Error>) -> Result<(), Error> {
    // Immediate: a second writer is told so here and not in the middle.
    db.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    let written = write().and_then(|()| Ok(db.prepare_cached("COMMIT")?.execute([])?));
    match written {
        Ok(_) => Ok(()),
        Err(error) => {
            // SQLite has rolled back by itself after some errors, a full disk among them.
            if !db.is_autocommit() {
                db.execute_batch("ROLLBACK")?;
            }
            Err(error)
        }
    }
}

fn configure(db: &Connection) -> Result<(), rusqlite::Error> {
    db.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    plan_once(db)?;
    db.busy_timeout(BUSY)?;
    // Readers go on while a batch is written.
    db.pragma_update(None, "journal_mode", "WAL")?;
    // A power cut may lose the last batches, never consistency; the log has them still.
    db.pragma_update(None, "synchronous", "NORMAL")?;
    db.pragma_update(None, "wal_autocheckpoint", WAL_PAGES)?;
    db.pragma_update(None, "cache_size", -i64::from(WRITER_CACHE_KIB))?;

    // A file somebody else made must not run functions through its schema.
    db.pragma_update(None, "trusted_schema", false)?;
    // What is sorted is small.
    db.pragma_update(None, "temp_store", "MEMORY")
}

/// Plans a statement when it is prepared, not again for every value: the bundled SQLite has STAT4,
/// and would otherwise parse and plan a statement anew each time a value changes. Measured: 92 µs a
/// check instead of 4.
pub(crate) fn plan_once(db: &Connection) -> Result<(), rusqlite::Error> {
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(|_| ())
}

/// Says what the file is and how far it has read. One row.
const CHECKPOINT: &str = "
    CREATE TABLE checkpoint (
        one      INTEGER PRIMARY KEY CHECK (one = 1),
        model    TEXT    NOT NULL,
        version  INTEGER NOT NULL,
        schema   BLOB    NOT NULL,
        sequence INTEGER NOT NULL CHECK (sequence >= 0),
        hash     BLOB    NOT NULL CHECK (length(hash) = 32),
        commits  INTEGER NOT NULL,
        events   INTEGER NOT NULL,
        digest   BLOB    NOT NULL CHECK (length(digest) = 32)
    ) STRICT;";

/// What SQLite keeps for us in the head of a file that was level with the log. It is no row, so that
/// two files are compared by what they answer.
const WHOLE: u32 = 1;

fn is_whole(db: &Connection) -> Result<bool, Error> {
    Ok(db.query_row("PRAGMA user_version", [], |row| row.get::<_, u32>(0))? == WHOLE)
}

fn schema_digest(model: &ReadModel) -> [u8; 32] {
    Sha256::digest(model.schema.concat()).into()
}

fn create(db: &Connection, model: &'static ReadModel) -> Result<(), Error> {
    let empty = "SELECT count(*) = 0 FROM sqlite_schema";
    if !db.query_row(empty, [], |row| row.get::<_, bool>(0))? {
        return Ok(());
    }
    in_transaction(db, || {
        db.execute_batch(CHECKPOINT)?;
        db.execute_batch(&model.schema.concat())?;
        let none = Checkpoint::NONE;
        db.execute(
            "INSERT INTO checkpoint VALUES (1, ?1, ?2, ?3, 0, ?4, 0, 0, ?5)",
            params![model.name, model.version, schema_digest(model), none.hash.0, none.digest],
        )?;
        Ok(())
    })
}

type Identity = (String, u32, Vec<u8>);

fn identity(db: &Connection) -> Result<Identity, rusqlite::Error> {
    db.query_row("SELECT model, version, schema FROM checkpoint", [], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?))
    })
}

/// Whether the questions of a model can be asked of a file: it holds the model with this schema, in
/// this version or an earlier one.
pub(crate) fn expect_readable(
    db: &Connection,
    path: &Path,
    model: &ReadModel,
) -> Result<(), Error> {
    match identity(db) {
        Ok((name, version, schema))
            if name == model.name && version < model.version && schema == schema_digest(model) =>
        {
            Ok(())
        }
        Ok(_) | Err(_) => expect_model(db, path, model),
    }
}

/// Makes sure that the file holds this model, in this version, with this schema.
pub(crate) fn expect_model(db: &Connection, path: &Path, model: &ReadModel) -> Result<(), Error> {
    let wanted = format!("{} version {}", model.name, model.version);
    let other =
        |found: String| Error::OtherModel { path: path.to_owned(), found, wanted: wanted.clone() };
    let (name, version, schema) = match identity(db) {
        Ok(found) => found,
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
            return Err(Error::NotADatabase { path: path.to_owned() });
        }
        Err(_) => return Err(other("no read model".to_owned())),
    };
    if (name.as_str(), version) != (model.name, model.version) {
        return Err(other(format!("{name} version {version}")));
    }
    match schema == schema_digest(model) {
        true => Ok(()),
        false => Err(other(format!("{name} version {version} with another schema"))),
    }
}

/// The checkpoint that a file holds.
pub fn read_checkpoint(db: &Connection) -> Result<Checkpoint, Error> {
    let sql = "SELECT sequence, hash, commits, events, digest FROM checkpoint";
    Ok(db.prepare_cached(sql)?.query_row([], |row| {
        Ok(Checkpoint {
            sequence: uint(row.get(0)?),
            hash: CommitHash(row.get(1)?),
            commits: uint(row.get(2)?),
            events: uint(row.get(3)?),
            digest: row.get(4)?,
        })
    })?)
}

fn write_checkpoint(db: &Connection, it: &Checkpoint) -> Result<(), Error> {
    let sql = "UPDATE checkpoint SET sequence = ?1, hash = ?2, commits = ?3, events = ?4,
               digest = ?5";
    db.prepare_cached(sql)?.execute(params![
        int(it.sequence),
        it.hash.0,
        int(it.commits),
        int(it.events),
        it.digest
    ])?;
    Ok(())
}
