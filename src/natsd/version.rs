//! The version of a nats-server, as far as the ledger must compare it.

use std::fmt;
use std::str::FromStr;

/// A version; a pre-release sorts before its release, because it may lack what the release has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// A different one means an unknown server.
    pub major: u32,
    /// New features.
    pub minor: u32,
    /// Corrections.
    pub patch: u32,
    /// `false` for `2.12.0-RC.1` and the like. The field stands last so that it decides last.
    pub released: bool,
}

/// The text is not `MAJOR.MINOR.PATCH`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a version of the form 2.15.1")]
pub struct NotAVersion;

impl Version {
    /// Reads what `nats-server --version` prints: `nats-server: v2.15.1`.
    pub(super) fn from_banner(banner: &str) -> Result<Self, NotAVersion> {
        let word = banner.strip_prefix("nats-server:").ok_or(NotAVersion)?.trim();
        word.strip_prefix('v').unwrap_or(word).parse()
    }
}

impl FromStr for Version {
    type Err = NotAVersion;

    fn from_str(text: &str) -> Result<Self, NotAVersion> {
        let without_build = text.split_once('+').map_or(text, |(version, _)| version);
        let (numbers, released) = match without_build.split_once('-') {
            Some((numbers, _)) => (numbers, false),
            None => (without_build, true),
        };
        let mut parts = numbers.split('.').map(|part| part.parse().map_err(|_| NotAVersion));
        let mut next = || parts.next().unwrap_or(Err(NotAVersion));
        let version = Self { major: next()?, minor: next()?, patch: next()?, released };
        if parts.next().is_some() { Err(NotAVersion) } else { Ok(version) }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { major, minor, patch, released } = self;
        write!(f, "{major}.{minor}.{patch}{}", if *released { "" } else { " (pre-release)" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn versions_sort_by_number_and_pre_releases_before_their_release() {
        let sorted = ["2.9.10", "2.12.0-RC.1", "2.12.0", "2.12.1-beta", "2.15.1", "3.0.0-dev"];
        for pair in sorted.windows(2) {
            assert!(version(pair[0]) < version(pair[1]), "{} < {}", pair[0], pair[1]);
        }
        assert_eq!(version("2.15.1"), version("2.15.1+abc-def"));
    }

    #[test]
    fn what_is_not_a_version_is_refused() {
        for text in ["", "2", "2.15", "2.15.1.0", "2.x.1", "+2.15.1", "2..1", "2.15.99999999999"] {
            assert_eq!(text.parse::<Version>(), Err(NotAVersion), "{text}");
        }
    }

    #[test]
    fn the_banner_of_nats_server_is_read_and_other_programs_are_not() {
        assert_eq!(Version::from_banner("nats-server: v2.15.1\n"), Ok(version("2.15.1")));
        assert_eq!(Version::from_banner("nats-server: 2.9.10"), Ok(version("2.9.10")));
        assert_eq!(Version::from_banner("v2.15.1"), Err(NotAVersion));
        assert_eq!(Version::from_banner("GNU bash, version 5.2.15"), Err(NotAVersion));
    }
}
