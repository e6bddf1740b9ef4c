use std::path::Path;
use tempfile::TempDir;

/// A private folder in memory. It goes with the value.
pub(super) type MemoryFolder = TempDir;

/// Makes a private folder below one that is in memory.
///
/// # Errors
/// The folder is not in memory, or cannot be written.
pub(super) fn memory_folder(below: &Path) -> Result<MemoryFolder, String> {
    if !is_in_memory(below) {
        return Err(format!(
            "{} is no folder in memory (tmpfs), and plain text is never written to a disk; mount an emptyDir of medium Memory and name \
             it in render.sops.memory",
            below.display()
        ));
    }
    let folder = tempfile::Builder::new().prefix("tidegate-plain-").tempdir_in(below);
    folder.map_err(|error| format!("no folder can be made in {}: {error}", below.display()))
}

/// Whether a folder lies in a file system of memory.
#[cfg(target_os = "linux")]
fn is_in_memory(folder: &Path) -> bool {
    /// `TMPFS_MAGIC` of statfs(2).
    const TMPFS: u64 = 0x0102_1994;
    rustix::fs::statfs(folder).is_ok_and(|system| u64::try_from(system.f_type).is_ok_and(|kind| kind == TMPFS))
}

/// Other systems have no folder of which this is known.
#[cfg(not(target_os = "linux"))]
fn is_in_memory(_: &Path) -> bool {
    false
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_folder_on_a_disk_is_refused() {
        let refused = memory_folder(Path::new("/proc")).unwrap_err();
        assert!(refused.contains("render.sops.memory"), "{refused}");
        let folder = memory_folder(Path::new("/dev/shm")).unwrap();
        let path = folder.path().to_owned();
        assert!(path.starts_with("/dev/shm") && path.is_dir());
        drop(folder);
        assert!(!path.exists());
    }
}
