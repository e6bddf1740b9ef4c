use super::Told;
use crate::catalog;
use crate::cli::Failure;
use crate::manifest::MAX_FILE_BYTES;
use crate::model::{RepoPath, Severity};
use anyhow::Context;
use std::fs::{DirEntry, FileType};
use std::io::Read;
use std::path::{Path, PathBuf};

/// A file to read: as the user would write it, and as the config repo would call it.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) place: PathBuf,
    pub(super) path: RepoPath,
}

/// The files below a path, by name, and what of it is passed over.
pub(super) fn find(path: &Path, recursive: bool) -> Result<(Vec<Found>, Vec<Told>), Failure> {
    let unreadable = || format!("{} cannot be read", path.display());
    let metadata = std::fs::metadata(path).with_context(unreadable)?;
    if !metadata.is_dir() {
        let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        let file = Found {
            place: path.to_owned(),
            path: RepoPath::parse(&name).unwrap_or_default(),
        };
        return Ok((vec![file], Vec::new()));
    }
    let (mut files, mut unreadable) = (Vec::new(), Vec::new());
    let mut folders = vec![(path.to_owned(), String::new())];
    while let Some((folder, below)) = folders.pop() {
        let entries = match entries(&folder) {
            Err(failure) if !below.is_empty() => {
                unreadable.push(unread(&folder, &failure));
                continue;
            }
            entries => entries?,
        };
        for (entry, kind) in entries {
            let name = format!("{below}{}", entry.file_name().to_string_lossy());
            if kind.is_dir() && recursive && entry.file_name() != ".git" {
                folders.push((entry.path(), format!("{name}/")));
            } else if kind.is_file()
                && let Ok(path) = RepoPath::parse(&name)
            {
                files.push(Found {
                    place: entry.path(),
                    path,
                });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let images_only = catalog::images_only(&files, |file| &file.path);
    let (mut files, passed_over) = catalog::manifests(&files, |file| &file.path);
    files.extend(images_only);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let told = |finding: crate::model::Finding| Told {
        file: shown(&path.join(finding.path.as_str())),
        line: None,
        column: None,
        message: finding.message,
        severity: finding.severity,
    };
    unreadable.extend(passed_over.into_iter().map(told));
    Ok((files, unreadable))
}

fn entries(folder: &Path) -> Result<Vec<(DirEntry, FileType)>, Failure> {
    let unreadable = || format!("{} cannot be read", folder.display());
    let entries = std::fs::read_dir(folder).with_context(unreadable)?;
    let entries = entries.map(|entry| {
        let entry = entry?;
        let kind = entry.file_type()?;
        Ok((entry, kind))
    });
    Ok(entries.collect::<std::io::Result<_>>().with_context(unreadable)?)
}

/// What is told of a file or folder below a PATH that cannot be read, and is no error for the rest.
pub(super) fn unread(place: &Path, failure: &Failure) -> Told {
    let why = match failure {
        Failure::Failed(error) => error.root_cause().to_string(),
        Failure::Usage(_) | Failure::Told => String::new(),
    };
    Told {
        file: shown(place),
        line: None,
        column: None,
        message: format!("cannot be read, and is passed over: {why}"),
        severity: Severity::Warning,
    }
}

/// One byte more than is read into manifests, so that they can tell that there is more.
pub(in crate::cli) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let file = std::fs::File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    read_all(file, path)
}

/// As [`read`], from what is open already; `path` is what it is called.
pub(in crate::cli) fn read_all(from: impl Read, path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(MAX_FILE_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    from.take(limit)
        .read_to_end(&mut bytes)
        .with_context(|| format!("{} cannot be read", path.display()))?;
    Ok(bytes)
}

pub(super) fn shown(path: &Path) -> String {
    let text = path.display().to_string();
    let text = text.strip_prefix("./").unwrap_or(&text);
    match text.trim_end_matches('/') {
        "" => ".".to_owned(),
        text => text.to_owned(),
    }
}
