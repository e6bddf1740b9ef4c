//! The config repo as the configuration describes it. Nothing here uses the network.

use super::AgentConfig;
use crate::git::{self, DeployKey, Signing, Trust};
use std::path::Path;
use std::sync::Arc;

/// The config repo's address and how it is read, with a mirror in the folder `state_dir`.
pub(super) fn git_settings(config: &AgentConfig, key: Arc<DeployKey>, state_dir: &Path) -> git::Settings {
    let settings = &config.settings;
    git::Settings {
        url: settings.repo.url.clone(),
        branch: settings.repo.branch.clone(),
        mirror_dir: state_dir.join("mirror"),
        key,
        host_keys: settings.repo.host_keys.clone(),
        http: settings.repo.http.clone(),
        author: settings.automation.author.clone(),
        timeout: settings.repo.timeout,
        limits: settings.repo.limits,
        paths: settings.repo.paths.clone(),
    }
}

/// The mirror of the config repo. Commits are signed with `signing`.
pub(super) fn open(
    config: &AgentConfig,
    settings: git::Settings,
    signing: Option<Signing>,
) -> anyhow::Result<git::Repo> {
    let trust = Trust::new(signing, config.settings.repo.signers.clone());
    let repo = git::Repo::open_trusting(settings, trust)?;
    if !config.settings.automation.enabled {
        repo.only_reads();
    }
    Ok(repo)
}

/// A mirror that never pushes, for a command that runs while an agent does.
pub(super) fn open_to_read(config: &AgentConfig, settings: git::Settings) -> anyhow::Result<git::Repo> {
    let repo = open(config, settings, None)?;
    repo.only_reads();
    Ok(repo)
}
