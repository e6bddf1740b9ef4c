//! The configuration files of Flux v1: what they generate is missing here, and the files that they name are no manifests.

use super::discover::is_manifest_name;
use super::reading::unreadable;
use crate::manifest::{FluxConfig, MAX_FILE_BYTES, read_flux_config};
use crate::model::{Finding, RepoPath, Severity};
use crate::port::{ConfigRepo, RepoFailure, TreeFile, TreeListing};
use std::collections::BTreeSet;

/// The name of the configuration file. Flux v1 looked for it in the folder of `--git-path` and in all folders above.
const NAME: &str = ".flux.yaml";

/// What the configuration files of Flux v1 say about a listing.
#[derive(Debug, Default)]
pub(super) struct FluxV1 {
    /// Files that are not read.
    pub(super) left_out: BTreeSet<RepoPath>,
    /// One finding for each configuration file.
    pub(super) findings: Vec<Finding>,
}

/// Whether the file is a configuration file of Flux v1.
pub(super) fn is_config(path: &RepoPath) -> bool {
    path.file_name() == NAME
}

/// The paths to list: those that are read, and the configuration files of Flux v1 above them.
pub(super) fn with_configs(paths: &[RepoPath]) -> Vec<RepoPath> {
    let mut all: BTreeSet<RepoPath> = paths.iter().cloned().collect();
    for path in paths {
        let mut folder = path.clone();
        while folder != RepoPath::default() {
            folder = folder.parent();
            all.extend(in_folder(&folder));
        }
    }
    all.into_iter().collect()
}

fn in_folder(folder: &RepoPath) -> Option<RepoPath> {
    match folder.as_str() {
        "" => RepoPath::parse(NAME).ok(),
        folder => RepoPath::parse(&format!("{folder}/{NAME}")).ok(),
    }
}

/// Reads the configuration files of a listing, and takes away from the listing what lies outside of `paths`.
pub(super) async fn read(
    repo: &impl ConfigRepo,
    listing: &mut TreeListing,
    paths: &[RepoPath],
) -> Result<FluxV1, RepoFailure> {
    let is_covered = |path: &RepoPath| paths.is_empty() || paths.iter().any(|own| path.is_within(own));
    let configs: Vec<TreeFile> = listing
        .files
        .iter()
        .filter(|file| is_config(&file.path))
        .cloned()
        .collect();
    listing.files.retain(|file| is_covered(&file.path));
    listing.unread.retain(|entry| is_covered(&entry.path));
    let mut flux = FluxV1::default();
    if configs.is_empty() {
        return Ok(flux);
    }
    let blobs = configs.iter().map(|file| file.blob).collect();
    let contents = repo.blobs(blobs, MAX_FILE_BYTES).await?;
    if contents.len() != configs.len() {
        return Err(unreadable(&configs[0].path, "its content was not given"));
    }
    for (config, content) in configs.into_iter().zip(contents) {
        let read = content.ok_or_else(|| "is too large".to_owned());
        let read = read.and_then(|bytes| read_flux_config(&bytes));
        let folder = config.path.parent();
        let left_out = named(&folder, read.as_ref().ok(), &listing.files);
        let (severity, message) = match &read {
            Ok(config) if config.has_commands => (Severity::Error, commands(&left_out)),
            Ok(_) => (
                Severity::Notice,
                "is a configuration file of Flux v1 and has no effect; remove it".to_owned(),
            ),
            Err(reason) => (
                Severity::Error,
                format!("is a configuration file of Flux v1 that {reason}; remove it"),
            ),
        };
        let is_own = is_covered(&config.path);
        let at = if is_own {
            vec![&config.path]
        } else {
            paths.iter().filter(|path| path.is_within(&folder)).collect()
        };
        flux.findings.extend(at.into_iter().map(|path| Finding {
            path: path.clone(),
            position: None,
            object: None,
            severity,
            message: if is_own {
                message.clone()
            } else {
                format!("{} {message}", config.path)
            },
        }));
        flux.left_out.extend(left_out);
    }
    Ok(flux)
}

/// The manifests of the folder that a configuration file names. Flux v1 ran the commands in the folders of `--git-path`, so
/// that a path may start in any folder below.
fn named(folder: &RepoPath, config: Option<&FluxConfig>, files: &[TreeFile]) -> BTreeSet<RepoPath> {
    let Some(config) = config.filter(|config| config.has_commands) else {
        return BTreeSet::new();
    };
    let is_named = |path: &&RepoPath| {
        let mut rest = match folder.as_str() {
            "" => Some(path.as_str()),
            _ => path.as_str().get(folder.as_str().len() + 1..),
        };
        while let Some(relative) = rest {
            if config.words.contains(relative) {
                return true;
            }
            rest = relative.split_once('/').map(|(_, below)| below);
        }
        false
    };
    let paths = files
        .iter()
        .map(|file| &file.path)
        .filter(|path| path.is_within(folder));
    let manifests = paths.filter(|path| is_manifest_name(path.file_name()));
    manifests.filter(is_named).cloned().collect()
}

fn commands(left_out: &BTreeSet<RepoPath>) -> String {
    let names: Vec<&str> = left_out.iter().map(RepoPath::as_str).collect();
    let files = match &*names {
        [] => String::new(),
        names => format!(" ({} not applied, since the file names it)", names.join(", ")),
    };
    format!(
        "is a configuration file of Flux v1, whose commands are not run{files}; commit the manifests that the commands \
         generate, and remove the file"
    )
}
