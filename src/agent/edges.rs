use super::Checked;
use crate::cluster::{Access, ApiServer, SecretKey};
use crate::config::KeySource;
use crate::git::{self, DeployKey, HostKeys};
use crate::model::Secret;
use crate::port::Cluster as _;
use anyhow::Context as _;
use std::sync::Arc;
use std::time::Duration;

/// The entry of the deploy key's Secret, as Flux v1 named it, so that its Secret can be taken over.
const ENTRY: &str = "identity";

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

/// The deploy key from where the settings say, made if there is none.
///
/// # Errors
/// Neither readable nor makeable.
pub async fn deploy_key(checked: &Checked) -> anyhow::Result<DeployKey> {
    if !has_deploy_key(checked) {
        return Ok(DeployKey::generate()?);
    }
    match &checked.settings.repo.key {
        KeySource::File(path) => Ok(git::identity::load_or_create_file(path)?),
        KeySource::Secret(name) => {
            let cluster = cluster(checked).await?;
            from_secret(&cluster, name).await
        }
    }
}

/// The deploy key that there is; nothing is made, so that a preview writes nothing.
async fn existing_deploy_key(checked: &Checked) -> anyhow::Result<DeployKey> {
    if !has_deploy_key(checked) {
        return Ok(DeployKey::generate()?);
    }
    let none = |place: String| anyhow::anyhow!("there is no deploy key in {place}; `tidegate identity` makes one");
    match &checked.settings.repo.key {
        KeySource::File(path) if !path.exists() => Err(none(path.display().to_string())),
        KeySource::File(path) => Ok(git::identity::load_or_create_file(path)?),
        KeySource::Secret(name) => {
            let cluster = cluster(checked).await?;
            let place = place(&cluster, name);
            let text = cluster.secret_key(&place).await.with_context(|| unreadable(&place))?;
            let text = text.ok_or_else(|| none(format!("Secret {}/{}", place.namespace, place.name)))?;
            parsed(&text, &place)
        }
    }
}

/// Over HTTPS a login takes the key's place; none is made in the cluster, and the one that is handed on is never used.
pub fn has_deploy_key(checked: &Checked) -> bool {
    checked.settings.repo.url.scheme() == git::Scheme::Ssh
}

async fn from_secret(cluster: &ApiServer, name: &str) -> anyhow::Result<DeployKey> {
    let place = place(cluster, name);
    let new = DeployKey::generate()?;
    let text = cluster
        .load_or_create_secret_key(&place, || new.private_text().clone())
        .await
        .with_context(|| unreadable(&place))?;
    parsed(&text, &place)
}

fn place(cluster: &ApiServer, name: &str) -> SecretKey {
    SecretKey {
        namespace: cluster.set().namespace.clone(),
        name: name.to_owned(),
        key: ENTRY.to_owned(),
    }
}

fn unreadable(place: &SecretKey) -> String {
    format!(
        "the deploy key in Secret {}/{} cannot be read or made",
        place.namespace, place.name
    )
}

fn parsed(text: &Secret, place: &SecretKey) -> anyhow::Result<DeployKey> {
    DeployKey::from_openssh(text.expose())
        .with_context(|| format!("Secret {}/{}, entry {}", place.namespace, place.name, place.key))
}

/// The key for a running agent: an API server that is away is waited for, told once.
pub(super) async fn deploy_key_in_time(
    checked: &Checked,
    cluster: &ApiServer,
    waiting: impl Fn(String),
) -> anyhow::Result<DeployKey> {
    let name = match &checked.settings.repo.key {
        KeySource::Secret(name) if has_deploy_key(checked) => name,
        _ => return deploy_key(checked).await,
    };
    let mut backoff = crate::driver::Backoff::new(Duration::from_millis(500), Duration::from_secs(15));
    loop {
        match from_secret(cluster, name).await {
            Ok(key) => return Ok(key),
            Err(error) if is_outage(&error) => {
                waiting(format!("{error:#}"));
                tokio::time::sleep(backoff.failed(0.0)).await;
            }
            Err(error) => return Err(error),
        }
    }
}

fn is_outage(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<crate::port::ClusterFailure>()
            .is_some_and(crate::port::ClusterFailure::is_outage)
    })
}

/// A mirror of the config repo in a folder of its own, for a command beside a running agent; makes no deploy key.
pub(super) async fn scratch_repo(checked: &mut Checked, folder: &std::path::Path) -> anyhow::Result<git::Repo> {
    checked.settings.state_dir = folder.to_owned();
    let key = existing_deploy_key(checked).await?;
    repo(checked, key)
}

/// The config repo's mirror; asks the network nothing.
pub(super) fn repo(checked: &Checked, key: DeployKey) -> anyhow::Result<git::Repo> {
    let settings = &checked.settings;
    Ok(git::Repo::open(git::Settings {
        url: settings.repo.url.clone(),
        branch: settings.repo.branch.clone(),
        mirror_dir: settings.state_dir.join("mirror"),
        key: Arc::new(key),
        host_keys: HostKeys::Given(settings.repo.known_hosts.clone()),
        http: settings.repo.http.clone(),
        author: settings.automation.author.clone(),
        timeout: settings.repo.timeout,
    })?)
}
