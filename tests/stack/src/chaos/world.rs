//! The parts of a world, and what was done to them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use kube::Client;
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams};
use serde_json::Value;

use super::manifests::{self, WORKLOADS, repository, tag};
use super::model::tags::Registry;
use super::model::tree::Key;
use super::pulls::{self, Pulls};
use super::releases::{self, Touched};
use super::report::Options;
use super::sops::{self, Keys};
use crate::agent::{self, Agent};
use crate::control_plane::ControlPlane;
use crate::ecr::EcrServer;
use crate::git::{Access, GitServer, Repo, WorkCopy};
use crate::relay::Relay;
use crate::tools::Tools;

/// The kinds of which people declare objects: group, version and kind.
pub(super) const WATCHED: &[(&str, &str, &str)] = &[
    ("", "v1", "ConfigMap"),
    ("", "v1", "Secret"),
    ("", "v1", "Service"),
    ("apps", "v1", "Deployment"),
    ("apps", "v1", "StatefulSet"),
    ("apps", "v1", "DaemonSet"),
];

/// What a world is made of. The control plane is shared with other worlds, one after another.
pub(super) struct World<'a> {
    /// Names the set, and the namespace of the objects.
    pub(super) name: String,
    pub(super) cluster: &'a ControlPlane,
    /// What people and controllers use.
    pub(super) client: Client,
    pub(super) git: GitServer,
    pub(super) repo: Repo,
    pub(super) person: WorkCopy,
    pub(super) ecr: EcrServer,
    pub(super) git_relay: Relay,
    pub(super) agent: Agent,
    options: agent::Options,
    pub(super) registry: Registry,
    /// A second process of the agent, while there is one.
    pub(super) twin: Option<Agent>,
    /// Objects that somebody made and git does not declare, by their UIDs. The agent must leave them alone.
    pub(super) precious: BTreeMap<Key, String>,
    /// Objects of the agent that another tool has marked as its own, by their UIDs.
    pub(super) marked: BTreeMap<String, Key>,
    /// Objects that another set of the agent has marked as its own.
    pub(super) of_other_sets: BTreeSet<Key>,
    /// What operators wrote beside git: object, UID and field, with the value.
    pub(super) written: BTreeMap<(Key, String, String), String>,
    /// The keys for encrypted files.
    pub(super) keys: Keys,
    /// Whether there is helm.
    pub(super) has_helm: bool,
    /// What people did to what helm has made.
    pub(super) touched: Touched,
    /// What people did to pull secrets.
    pub(super) pulls: Pulls,
    /// The UIDs of the objects that people deleted.
    pub(super) deleted: BTreeSet<String>,
    /// Deleted objects, as a backup has them.
    pub(super) backup: BTreeMap<Key, Value>,
    /// The most memory that an agent has taken, in KiB.
    pub(super) peak_kib: u64,
    /// How many agents were killed.
    pub(super) kills: u64,
    /// What was done when.
    pub(super) journal: Vec<String>,
    begin: Instant,
}

impl<'a> World<'a> {
    /// Starts the parts and the agent.
    pub(super) async fn start(cluster: &'a ControlPlane, name: &str, wishes: &Options) -> Result<World<'a>> {
        let client = cluster.client_named("chaos").await?;
        agent::make_namespace(&client).await?;
        let git = GitServer::start()?;
        let repo = git.create_repo("fleet")?;
        let files = manifests::beginning(name);
        let files: Vec<(&str, &str)> = files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
            .collect();
        repo.seed(&files)?;
        let person = repo.work_copy()?;
        let git_relay = Relay::start(git.addr())?;
        let ecr = EcrServer::start().await?;
        let helm = match wishes.has_helm {
            true => releases::section()?,
            false => String::new(),
        };
        let options = agent::Options {
            program: wishes.program.clone(),
            repo_url: repo.url_through(git_relay.addr()),
            known_hosts: git.known_hosts_lines_for(git_relay.addr()),
            kubeconfig: Some(cluster.kubeconfig().to_owned()),
            env: ecr.env(),
            poll: "1s".into(),
            scan: "1s".into(),
            more: format!(
                "sync: {{set: {name}}}\nrender: {{kustomize: {}, {}}}\n{helm}{}",
                Tools::get("kustomize")?.display(),
                sops::section(name)?,
                pulls::rules(name)
            ),
            repo_more: "  timeout: 5s\n".into(),
            ..agent::Options::default()
        };
        let keys = Keys::new()?;
        keys.give(&client, name).await?;
        if wishes.has_helm {
            releases::begin(&client, name).await?;
        }
        let agent = prepare(&git, options.clone()).await?;
        let mut world = World {
            name: name.to_owned(),
            cluster,
            client,
            git,
            repo,
            person,
            ecr,
            git_relay,
            agent,
            options,
            registry: Registry::default(),
            twin: None,
            precious: BTreeMap::new(),
            marked: BTreeMap::new(),
            of_other_sets: BTreeSet::new(),
            written: BTreeMap::new(),
            keys,
            has_helm: wishes.has_helm,
            touched: Touched::default(),
            pulls: Pulls::default(),
            deleted: BTreeSet::new(),
            backup: BTreeMap::new(),
            peak_kib: 0,
            kills: 0,
            journal: Vec::new(),
            begin: Instant::now(),
        };
        for workload in 0..WORKLOADS {
            world.push(workload, &tag(workload, 0))?;
        }
        pulls::begin(&mut world).await?;
        world.agent.start()?;
        Ok(world)
    }

    /// Notes what was done.
    pub(super) fn note(&mut self, what: impl Into<String>) {
        let at = self.begin.elapsed().as_secs_f64();
        self.journal.push(format!("{at:8.2}  {}", what.into()));
    }

    /// Pushes an image with a tag, now.
    pub(super) fn push(&mut self, workload: u64, tag: &str) -> Result<()> {
        let last = self.registry.pushes.last().map_or(0, |push| push.at);
        let at = now_in_milliseconds().max(last + 1);
        let seconds = Duration::from_millis(at.unsigned_abs()).as_secs_f64();
        self.ecr.push_tag_at(&repository(workload), tag, seconds)?;
        self.registry.push(workload, tag, at);
        Ok(())
    }

    /// Starts a second process of the agent, with a folder of its own.
    pub(super) async fn start_twin(&mut self) -> Result<()> {
        let mut twin = prepare(&self.git, self.options.clone()).await?;
        twin.start()?;
        self.twin = Some(twin);
        Ok(())
    }

    /// Ends what faults began: everything flows, and one agent runs.
    pub(super) async fn heal(&mut self) -> Result<()> {
        self.git_relay.heal();
        self.git.resume()?;
        self.repo.remove_hook("pre-receive")?;
        self.ecr.clear_faults();
        self.ecr.limit_pages(None);
        self.ecr.empty_pages(false);
        if let Some(mut twin) = self.twin.take() {
            twin.kill();
        }
        let is_running = self.agent.process().is_ok_and(crate::Process::is_running);
        if !is_running {
            self.agent.start().context("the agent does not start again")?;
        }
        Ok(())
    }

    /// Ends the agent, and removes what is left of its objects.
    pub(super) async fn end(mut self) -> Result<()> {
        self.agent.kill();
        pulls::end(&mut self).await?;
        if self.has_helm {
            releases::end(&self).await?;
        }
        for (_, _, kind) in WATCHED {
            self.api(kind)
                .delete_collection(&DeleteParams::default(), &ListParams::default())
                .await?;
        }
        Ok(())
    }

    /// The live objects.
    pub(super) async fn live(&self) -> Result<BTreeMap<Key, Value>> {
        let lists = WATCHED.iter().map(|(group, version, kind)| async move {
            let list = self.api(kind).list(&ListParams::default()).await?;
            // The items of a list do not say what they are.
            let api_version = match *group {
                "" => (*version).to_owned(),
                group => format!("{group}/{version}"),
            };
            Ok::<_, anyhow::Error>((api_version, *kind, list))
        });
        let mut live = BTreeMap::new();
        for (api_version, kind, list) in futures::future::try_join_all(lists).await? {
            for object in list {
                let mut value = serde_json::to_value(&object)?;
                value["apiVersion"] = api_version.clone().into();
                value["kind"] = kind.into();
                live.extend(Key::of(&value).map(|key| (key, value)));
            }
        }
        Ok(live)
    }

    /// The API of a kind in the world's namespace.
    pub(super) fn api(&self, kind: &str) -> Api<DynamicObject> {
        let known = WATCHED.iter().find(|(_, _, known)| *known == kind);
        let (group, version, kind) = known.copied().unwrap_or(("", "v1", "ConfigMap"));
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        Api::namespaced_with(self.client.clone(), &self.name, &resource)
    }

    /// The head of the branch.
    pub(super) fn head(&self) -> Result<String> {
        self.repo.tip_now()
    }
}

/// An agent that the git server lets in.
async fn prepare(git: &GitServer, options: agent::Options) -> Result<Agent> {
    let agent = Agent::prepare(options)?;
    let key = agent.identity().await?;
    git.authorize(&key, Access::ReadWrite)?;
    Ok(agent)
}

/// Milliseconds since 1970.
fn now_in_milliseconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or_default()
}
