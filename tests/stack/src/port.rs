//! Ports for programs that need the number of their port before they start.
//!
//! "Bind to 0, note the number, close, hand it on" loses the port to anybody who asks the kernel in between, and a busy
//! test run does. These ports lie below the kernel's own range and are held by a file lock while the handle lives, so two
//! test processes never choose the same one; a killed process lets go of its locks.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::{Context as _, Result, bail};

/// Below Linux' ephemeral ports (32768 and up), above the usual services.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A TCP port on 127.0.0.1 that nobody else in the stack uses while this lives.
#[derive(Debug)]
pub struct Port {
    number: u16,
    _lock: File,
}

impl Port {
    /// Takes a free one.
    ///
    /// # Errors
    /// When the folder of lock files cannot be written, or every port is taken.
    pub fn reserve() -> Result<Port> {
        let dir = lock_dir();
        fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let start = u16::try_from(std::process::id() % u32::from(COUNT)).unwrap_or(0);
        for _ in 0..COUNT {
            let step = NEXT.fetch_add(1, Ordering::Relaxed) % COUNT;
            let number = FIRST + (start + step) % COUNT;
            let path = dir.join(number.to_string());
            let lock = File::create(&path).with_context(|| format!("cannot make {}", path.display()))?;
            if lock.try_lock().is_ok() && TcpListener::bind((Ipv4Addr::LOCALHOST, number)).is_ok() {
                return Ok(Port { number, _lock: lock });
            }
        }
        bail!("no free port between {FIRST} and {}", FIRST + COUNT)
    }

    /// The number.
    #[must_use]
    pub fn number(&self) -> u16 {
        self.number
    }

    /// 127.0.0.1 and the number.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.number))
    }
}

fn lock_dir() -> PathBuf {
    std::env::temp_dir().join(format!("tidegate-ports-{}", users_id()))
}

/// Other users' lock files could not be opened for writing.
fn users_id() -> u32 {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata("/proc/self").map_or(0, |meta| meta.uid())
}
