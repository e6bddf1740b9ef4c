use super::finding::Finding;
use crate::manifest::{MAX_FILE_BYTES, Reading};
use crate::model::{RepoPath, Severity};
use crate::source;
use anyhow::Context;
use std::fs::{DirEntry, FileType};
use std::io::Read;
use std::path::{Path, PathBuf};

/// A file to read.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// The path as the user would write it.
    pub(super) on_disk: PathBuf,
    /// The path in a config repo whose root is the folder that the user named.
    pub(super) path: RepoPath,
}

/// A file that was read.
pub(super) struct File {
    /// The file as output names it.
    pub(super) name: String,
    /// The path in a config repo whose root is the folder that the user named.
    pub(super) path: RepoPath,
    pub(super) reading: Reading,
}

/// The files below a path, sorted by name, and the findings about files that are left out.
pub(super) fn find(path: &Path) -> anyhow::Result<(Vec<Found>, Vec<Finding>)> {
    let metadata = std::fs::metadata(path).with_context(|| unreadable(path))?;
    if !metadata.is_dir() {
        let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        let file = Found {
            on_disk: path.to_owned(),
            path: RepoPath::parse(&name).unwrap_or_default(),
        };
        return Ok((vec![file], Vec::new()));
    }
    let (files, mut findings) = below(path)?;
    let units = source::discover(&files, |file| &file.path, &[]);
    let left_out = units.not_rendered(|_| false);
    let mut files = units.manifests;
    files.extend(units.images_only);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    findings.extend(left_out.into_iter().map(|finding| Finding {
        path: shown(&path.join(finding.path.as_str())),
        position: None,
        object: None,
        severity: finding.severity,
        message: finding.message,
    }));
    Ok((files, findings))
}

/// All files below a folder, sorted by name. A folder below it that cannot be read becomes a finding.
fn below(path: &Path) -> anyhow::Result<(Vec<Found>, Vec<Finding>)> {
    let (mut files, mut findings) = (Vec::new(), Vec::new());
    let mut folders = vec![(path.to_owned(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        let entries = match entries(&folder) {
            Ok(entries) => entries,
            Err(error) if prefix.is_empty() => return Err(error),
            Err(error) => {
                findings.push(unread(&folder, &error));
                continue;
            }
        };
        for (entry, kind) in entries {
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if kind.is_dir() && entry.file_name() != ".git" {
                folders.push((entry.path(), format!("{name}/")));
            } else if kind.is_file()
                && let Ok(path) = RepoPath::parse(&name)
            {
                files.push(Found {
                    on_disk: entry.path(),
                    path,
                });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok((files, findings))
}

fn entries(folder: &Path) -> anyhow::Result<Vec<(DirEntry, FileType)>> {
    let entries = std::fs::read_dir(folder).with_context(|| unreadable(folder))?;
    let entries = entries.map(|entry| {
        let entry = entry?;
        let kind = entry.file_type()?;
        Ok((entry, kind))
    });
    entries
        .collect::<std::io::Result<_>>()
        .with_context(|| unreadable(folder))
}

fn unreadable(path: &Path) -> String {
    format!("{} cannot be read", path.display())
}

/// The finding about a file or folder below a PATH that cannot be read. The rest of the PATH is read.
pub(super) fn unread(path: &Path, error: &anyhow::Error) -> Finding {
    Finding {
        path: shown(path),
        position: None,
        object: None,
        severity: Severity::Warning,
        message: format!("cannot be read, and is passed over: {}", error.root_cause()),
    }
}

/// Reads one byte more than the largest manifest, so that a larger file is recognised.
pub(in crate::cli) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let file = std::fs::File::open(path).with_context(|| unreadable(path))?;
    read_all(file, path)
}

/// Like [`read`], from an open file; `path` is its name in messages.
pub(in crate::cli) fn read_all(from: impl Read, path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(MAX_FILE_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    from.take(limit)
        .read_to_end(&mut bytes)
        .with_context(|| unreadable(path))?;
    Ok(bytes)
}

/// A path as output shows it: without `./` in front and `/` at the end.
pub(super) fn shown(path: &Path) -> String {
    let text = path.display().to_string();
    let text = text.strip_prefix("./").unwrap_or(&text);
    match text.trim_end_matches('/') {
        "" => ".".to_owned(),
        text => text.to_owned(),
    }
}
