use super::Checked;
use super::keys;
use crate::cluster::{Access, ApiServer};
use crate::config::SigningKey;
use crate::git::{self, DeployKey, HostKeys, Signing, Trust};
use std::sync::Arc;

/// The API server, without asking it anything yet.
pub(super) async fn cluster(checked: &Checked) -> anyhow::Result<ApiServer> {
    let access = Access {
        kubeconfig: checked.environment.kubeconfig.clone(),
        context: None,
        namespace: checked.environment.namespace.clone(),
        record: checked.settings.sync.set.clone(),
    };
    Ok(ApiServer::connect(access).await?)
}

/// Over HTTPS a login takes the key's place; none is made in the cluster, and the one that is handed on is never used.
pub fn has_deploy_key(checked: &Checked) -> bool {
    checked.settings.repo.url.scheme() == git::Scheme::Ssh
}

/// A mirror of the config repo in a folder of its own, for a command beside a running agent; makes no deploy key.
pub(super) async fn scratch_repo(checked: &mut Checked, folder: &std::path::Path) -> anyhow::Result<git::Repo> {
    checked.settings.state_dir = folder.to_owned();
    let key = keys::existing(checked).await?;
    repo(checked, key, None)
}

/// The key that signs commits, if they are to be signed.
pub(super) async fn signing(checked: &Checked) -> anyhow::Result<Option<Signing>> {
    Ok(match &checked.settings.automation.signing {
        None => None,
        Some(SigningKey::DeployKey) => Some(Signing::DeployKey),
        Some(SigningKey::Kept(source)) => Some(Signing::Key(keys::kept(checked, source, "signing key").await?)),
    })
}

/// The config repo's mirror; asks the network nothing.
pub(super) fn repo(checked: &Checked, key: Arc<DeployKey>, signing: Option<Signing>) -> anyhow::Result<git::Repo> {
    let trust = Trust::new(signing, checked.settings.repo.signers.clone());
    Ok(git::Repo::open_trusting(git_settings(checked, key), trust)?)
}

/// Where the config repo is, for somebody with that key.
pub(super) fn git_settings(checked: &Checked, key: Arc<DeployKey>) -> git::Settings {
    let settings = &checked.settings;
    git::Settings {
        url: settings.repo.url.clone(),
        branch: settings.repo.branch.clone(),
        mirror_dir: settings.state_dir.join("mirror"),
        key,
        host_keys: match &settings.repo.known_hosts_file {
            Some(file) => HostKeys::File(file.clone()),
            None => HostKeys::Given(settings.repo.known_hosts.clone()),
        },
        http: settings.repo.http.clone(),
        author: settings.automation.author.clone(),
        timeout: settings.repo.timeout,
        limits: settings.repo.limits,
    }
}
