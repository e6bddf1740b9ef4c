use super::AgentConfig;
use super::keys;
use crate::automation::ProposalBranch;
use crate::aws::{CallLimits, Endpoint, Identity, Sdk, Signer};
use crate::cluster::{Access, ApiServer, Connection, RecordEvents, RecordMap, SecretStore};
use crate::config::{ForgeKind, Push, Settings, SigningKey, TargetSettings};
use crate::forge::{self, RequestScope};
use crate::git::{self, DeployKey, Signing, Trust};
use crate::port::Forge;
use crate::resource::{Protected, SetName};
use crate::sync::Target;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// The cluster that the agent runs in.
pub(super) struct Home {
    connection: Arc<Connection>,
    namespace: String,
}

impl Home {
    /// Sends nothing yet.
    pub(super) async fn connect(checked: &AgentConfig) -> anyhow::Result<Self> {
        let access = match &checked.environment.kubeconfig {
            Some(path) => Access::Kubeconfig {
                path: path.clone(),
                context: None,
            },
            None => Access::InCluster,
        };
        let connection = Arc::new(Connection::open(&access).await?);
        let namespace = checked.environment.namespace.clone();
        Ok(Self {
            namespace: namespace.unwrap_or_else(|| connection.namespace().to_owned()),
            connection,
        })
    }

    /// The Secrets of this cluster.
    pub(super) fn secrets(&self) -> SecretStore {
        SecretStore::new(Arc::clone(&self.connection), self.namespace.clone())
    }

    /// Writes events about the record of a target.
    pub(super) fn events(&self, target: &TargetSettings) -> RecordEvents {
        RecordEvents::new(Arc::clone(&self.connection), self.record(target))
    }

    /// A target in this cluster, with its record in the agent's namespace.
    pub(super) fn target(&self, target: &TargetSettings) -> Target<ApiServer, RecordMap> {
        let record = self.record(target);
        Target {
            id: target.id.clone(),
            api: Arc::new(ApiServer::new(Arc::clone(&self.connection), &record.id())),
            protected: Protected {
                namespaces: BTreeSet::from([self.namespace.clone()]),
                objects: BTreeSet::from([record.object()]),
            },
            record: Arc::new(RecordMap::new(Arc::clone(&self.connection), record)),
        }
    }

    fn record(&self, target: &TargetSettings) -> SetName {
        SetName {
            namespace: self.namespace.clone(),
            name: target.set.clone(),
        }
    }
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
