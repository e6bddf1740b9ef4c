//! The folder of one run: helm's home, the chart, and the values.

use crate::port::{ChartFile, TextFile};
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Component, Path, PathBuf};
use tempfile::TempDir;

/// A folder that only the agent's user can read, and that goes with the value.
pub(super) struct Workspace {
    folder: TempDir,
}

impl Workspace {
    /// A folder below `parent`, which is made.
    pub(super) fn new(parent: &Path) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
        let folder = tempfile::Builder::new().prefix("helm-").tempdir_in(parent)?;
        fs::create_dir(folder.path().join("home"))?;
        Ok(Self { folder })
    }

    /// The home of helm.
    pub(super) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// Writes the chart. Returns its folder.
    pub(super) fn write_chart(&self, files: &[ChartFile]) -> io::Result<PathBuf> {
        let chart = self.folder.path().join("chart");
        fs::create_dir(&chart)?;
        for file in files {
            let path = Path::new(&file.path);
            let is_below = path.components().all(|part| matches!(part, Component::Normal(_)));
            if !is_below {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    "a file outside of the chart",
                ));
            }
            let path = chart.join(path);
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            write(&path, &file.bytes)?;
        }
        Ok(chart)
    }

    /// The folder for the archive of the chart.
    pub(super) fn chart_folder(&self) -> io::Result<PathBuf> {
        let folder = self.folder.path().join("archive");
        fs::create_dir(&folder)?;
        Ok(folder)
    }

    /// An empty folder for one fetched chart.
    pub(super) fn archive_folder(&self) -> io::Result<PathBuf> {
        Ok(tempfile::Builder::new()
            .prefix("fetched-")
            .tempdir_in(self.folder.path())?
            .keep())
    }

    /// Moves the only file in the folder of a fetched chart. Returns its size.
    pub(super) fn take_archive(folder: &Path, to: &Path) -> io::Result<Option<u64>> {
        let Some(entry) = fs::read_dir(folder)?.next() else {
            return Ok(None);
        };
        let entry = entry?;
        let size = entry.metadata()?.len();
        fs::rename(entry.path(), to)?;
        Ok(Some(size))
    }

    /// Writes the file with the logins of registries; `None`: without any. Returns its path.
    pub(super) fn write_logins(&self, logins: Option<&[u8]>) -> io::Result<PathBuf> {
        let folder = tempfile::Builder::new()
            .prefix("logins-")
            .tempdir_in(self.folder.path())?
            .keep();
        let path = folder.join("config.json");
        write(&path, logins.unwrap_or(b"{}"))?;
        Ok(path)
    }

    /// Writes the texts of values. Returns their files in the same order.
    pub(super) fn write_values(&self, values: &[TextFile]) -> io::Result<Vec<PathBuf>> {
        let files = values.iter().enumerate().map(|(number, values)| {
            let path = self.folder.path().join(format!("values-{number}.yaml"));
            write(&path, values.text.expose())?;
            Ok(path)
        });
        files.collect()
    }
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)
}
