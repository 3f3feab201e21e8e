//! A disk whose power can be cut: everything that was not fsynced is gone.
//!
//! ext4 on a file, and the ioctl by which a file system stops at once without writing its journal.
//! It takes root, loop devices and Python; where these are not there, the test says so.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Bytes of a disk; its file has holes.
const BYTES: &str = "4G";

/// `EXT4_IOC_SHUTDOWN` with `NOLOGFLUSH`.
const CUT: &str = "import fcntl, os, struct, sys
fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587d, struct.pack('I', 2))";

/// A mounted one; gone when it is dropped.
pub struct Disk {
    image: PathBuf,
    place: PathBuf,
    mounted: bool,
}

impl Disk {
    /// An empty one; the error says why there can be none.
    pub fn new(dir: &Path, name: &str) -> Result<Disk, String> {
        if !rustix::process::geteuid().is_root() {
            return Err("it takes root".to_owned());
        }
        let (image, place) = (dir.join(format!("{name}.img")), dir.join(name));
        std::fs::create_dir_all(&place).map_err(|it| it.to_string())?;
        let image_text = image.to_string_lossy().into_owned();
        run("truncate", &["-s", BYTES, &image_text])?;
        run("mkfs.ext4", &["-q", "-F", &image_text])?;
        run("python3", &["-c", "import fcntl"])?;
        let mut disk = Disk { image, place, mounted: false };
        disk.mount()?;
        Ok(disk)
    }

    pub fn place(&self) -> &Path {
        &self.place
    }

    /// No power any more. Whoever uses it must be ended before [`Disk::back`].
    pub fn cut(&self) {
        run("python3", &["-c", CUT, &self.place.to_string_lossy()]).unwrap();
    }

    /// Power is back; what is on it is what was fsynced.
    pub async fn back(&mut self) {
        for attempt in 0.. {
            match run("umount", &[&self.place.to_string_lossy()]) {
                Ok(()) => break,
                Err(it) => assert!(attempt < 100, "{it}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.mounted = false;
        self.mount().unwrap();
    }

    fn mount(&mut self) -> Result<(), String> {
        let (image, place) = (self.image.to_string_lossy(), self.place.to_string_lossy());
        run("mount", &["-o", "loop", &image, &place])?;
        self.mounted = true;
        Ok(())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.mounted {
            let _ = run("umount", &["-l", &self.place.to_string_lossy()]);
        }
    }
}

fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new(program).args(arguments).output();
    let output = output.map_err(|it| format!("{program}: {it}"))?;
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if output.status.success() { Ok(()) } else { Err(format!("{program}: {said}")) }
}
