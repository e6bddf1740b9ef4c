use super::AgentConfig;
use super::keys;
use crate::automation::ProposalBranch;
use crate::aws::{CallLimits, Endpoint, Identity, Sdk, Signer};
use crate::cluster::{Access, ApiServer};
use crate::config::{ForgeKind, Push, Settings, SigningKey};
use crate::forge::{self, RequestScope};
use crate::git::{self, DeployKey, Signing, Trust};
use crate::port::Forge;
use std::path::Path;
use std::sync::Arc;

/// The API server, without asking it anything yet.
pub(super) async fn cluster(checked: &AgentConfig) -> anyhow::Result<ApiServer> {
    let access = Access {
        kubeconfig: checked.environment.kubeconfig.clone(),
        context: None,
        namespace: checked.environment.namespace.clone(),
        record: checked.settings.sync.set.clone(),
    };
    Ok(ApiServer::connect(access).await?)
}

/// Over HTTPS a login takes the key's place; none is made in the cluster, and the one that is handed on is never used.
pub fn has_deploy_key(checked: &AgentConfig) -> bool {
    checked.settings.repo.url.scheme() == git::Scheme::Ssh
}

/// A mirror of the config repo that never pushes, for a command beside a running agent.
pub(super) fn reading_repo(config: &AgentConfig, settings: git::Settings) -> anyhow::Result<git::Repo> {
    let repo = repo(config, settings, None)?;
    repo.only_reads();
    Ok(repo)
}

/// The key that signs commits, if they are to be signed.
pub(super) async fn signing(checked: &AgentConfig) -> anyhow::Result<Option<Signing>> {
    Ok(match &checked.settings.automation.signing {
        None => None,
        Some(SigningKey::DeployKey) => Some(Signing::DeployKey),
        Some(SigningKey::Kept(source)) => Some(Signing::Key(keys::kept(checked, source, "signing key").await?)),
    })
}

/// The config repo's mirror; asks the network nothing.
pub(super) fn repo(
    checked: &AgentConfig,
    settings: git::Settings,
    signing: Option<Signing>,
) -> anyhow::Result<git::Repo> {
    let trust = Trust::new(signing, checked.settings.repo.signers.clone());
    let repo = git::Repo::open_trusting(settings, trust)?;
    if !checked.settings.automation.enabled {
        repo.only_reads();
    }
    Ok(repo)
}

/// The config repo's address and how it is read, with a mirror in the folder `state_dir`.
pub(super) fn git_settings(checked: &AgentConfig, key: Arc<DeployKey>, state_dir: &Path) -> git::Settings {
    let settings = &checked.settings;
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
    }
}

/// The side branch and its forge, if bumps are not pushed directly; asks the network nothing.
pub(super) async fn side(settings: &Settings) -> anyhow::Result<Option<ProposalBranch>> {
    let (branch, request) = match &settings.automation.push {
        Push::Direct => return Ok(None),
        Push::Branch(branch) => return Ok(Some(ProposalBranch::new(branch.clone(), None))),
        Push::PullRequest(branch, request) => (branch.clone(), request),
    };
    let scope = RequestScope {
        project: request.project.clone(),
        from: branch.clone(),
        into: settings.repo.branch.clone(),
        labels: request.labels.clone(),
    };
    let (api, token) = (&*request.api, request.token_file.clone());
    let forge: Arc<dyn Forge> = match &request.forge {
        ForgeKind::GitHub => Arc::new(forge::GitHub::new(api, token, scope)?),
        ForgeKind::GitLab => Arc::new(forge::GitLab::new(api, token, scope)?),
        ForgeKind::Gitea => Arc::new(forge::Gitea::new(api, token, scope)?),
        ForgeKind::CodeCommit(region) => {
            let endpoint = Endpoint {
                region: region.clone(),
                fips: false,
                dual_stack: false,
            };
            let signer = Signer::new(
                &Sdk::new(CallLimits::default()),
                &Identity::Agent,
                &endpoint,
                "codecommit",
            )
            .await;
            Arc::new(forge::CodeCommit::new(api, region, signer, scope)?)
        }
    };
    Ok(Some(ProposalBranch::new(branch, Some(forge))))
}
