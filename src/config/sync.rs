use super::report::Report;
use super::substitute::Substitute as WrittenSubstitute;
use super::targets::{self, Defaults, Target, TargetAccess, TargetSettings};
use super::text::{Label, Text, choices, parsed};
use crate::model::{CommitId, RepoPath, TargetId};
use crate::resource::{Adoption, DeletionLimit, Drift};
use crate::source::Substitute;
use schemars::JsonSchema;
use serde::Deserialize;

/// How the config repo is applied to the cluster.
#[derive(Debug)]
pub struct SyncSettings {
    /// False: nothing is applied.
    pub enabled: bool,
    /// Which objects of others are taken over without an annotation.
    pub adoption: Adoption,
    /// What is done about fields that people add to live objects.
    pub additions: Drift,
    /// Whether Kustomizations of Flux v2 are carried out, and not applied.
    pub carries_out_flux: bool,
    /// The variables that are replaced in objects; `None`: `${` has no meaning.
    pub substitute: Option<Substitute>,
    /// The clusters that objects are applied to.
    pub targets: Vec<TargetSettings>,
    /// How many deletions happen without a person's confirmation.
    pub deletions: DeletionLimit,
    /// The commit whose deletions are allowed above the limit.
    pub confirm: Option<CommitId>,
}

/// How the agent applies the config repo to the cluster.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Sync {
    /// `false`: the agent applies nothing.
    enabled: bool,
    /// Name of the agent's set of objects and of its record, a ConfigMap in the agent's namespace. Agents that share a cluster
    /// need different names.
    set: Text<Label>,
    /// Namespaces that the agent works in. It then reads and applies nothing in other namespaces, and no cluster-wide objects.
    /// Empty: the whole cluster.
    namespaces: Vec<Text<Label>>,
    /// Namespace of namespaced objects whose manifests name none. Default: `default`, as with kubectl.
    namespace: Option<Text<Label>>,
    /// `true`: the agent takes over declared objects of Helm releases, Flux v2 and Argo CD. `false`: only those that are
    /// annotated `tidegate.dev/adopt: "true"`.
    adopt: bool,
    /// What the agent does about fields that people add to live objects, as `kubectl set env` does. `repair`: removes them.
    /// `warn`: reports them. `ignore`: nothing. The annotation `tidegate.dev/ignore-fields` keeps single fields.
    additions: Text<Drift>,
    /// What the agent does with Kustomizations of Flux v2 (`kustomize.toolkit.fluxcd.io`). `apply`: applies them as objects.
    /// `carry-out`: applies what they ask for, as Flux would.
    flux: Text<Flux>,
    /// Variables that the agent replaces in objects (`${NAME}`), with the rules of Flux v2. Default: the agent replaces none.
    substitute: Option<WrittenSubstitute>,
    deletions: Deletions,
}

impl Default for Sync {
    fn default() -> Self {
        Self {
            enabled: true,
            set: Text::known("tidegate"),
            namespaces: Vec::new(),
            namespace: None,
            adopt: false,
            additions: Text::known("repair"),
            flux: Text::known("apply"),
            substitute: None,
            deletions: Deletions::default(),
        }
    }
}

/// Limits of deletions. A commit whose deletions exceed one of the limits waits until `confirm` names it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Deletions {
    /// The most objects that the agent deletes without confirmation.
    count: usize,
    /// The largest share of the set, in percent, that the agent deletes without confirmation.
    #[schemars(range(max = 100))]
    percent: usize,
    /// The share does not count for this many deletions or fewer.
    floor: usize,
    /// Commit whose deletions are confirmed.
    confirm: Option<Text<CommitId>>,
}

impl Default for Deletions {
    fn default() -> Self {
        let DeletionLimit { count, percent, floor } = DeletionLimit::default();
        Self {
            count,
            percent,
            floor,
            confirm: None,
        }
    }
}

impl Sync {
    /// `paths`: those of the config repo; `targets`: the list, empty for the one target that the keys here describe.
    pub(super) fn settings(self, report: &Report, paths: &[RepoPath], targets: Vec<Target>) -> SyncSettings {
        let Deletions {
            count,
            percent,
            floor,
            confirm,
        } = self.deletions;
        if percent > 100 {
            let message = format!("{percent} is too large: expected a number from 0 to 100");
            report.mistake("sync.deletions.percent", message);
        }
        let namespaces: Vec<String> = self.namespaces.into_iter().map(|name| name.value.0).collect();
        let namespace = self.namespace.map(|name| name.value.0);
        if namespace
            .as_ref()
            .is_some_and(|name| !namespaces.is_empty() && !namespaces.contains(name))
        {
            report.mistake(
                "sync.namespace",
                "expected one of sync.namespaces: the agent works in no other namespace",
            );
        }
        let set = self.set.value.0;
        let targets = if targets.is_empty() {
            vec![TargetSettings {
                id: TargetId::here(),
                paths: paths.to_vec(),
                access: TargetAccess::Home,
                account: None,
                set,
                namespaces,
                fence: Vec::new(),
                namespace,
                runs_releases: true,
            }]
        } else {
            for (key, is_set) in [
                ("namespaces", !namespaces.is_empty()),
                ("namespace", namespace.is_some()),
            ] {
                if is_set {
                    let message = format!("with targets, {key} belongs to a target: write targets[].{key}");
                    report.mistake(&format!("sync.{key}"), message);
                }
            }
            targets::settings(targets, &Defaults { paths, set: &set }, report)
        };
        SyncSettings {
            enabled: self.enabled,
            adoption: if self.adopt { Adoption::All } else { Adoption::Annotated },
            additions: self.additions.value,
            carries_out_flux: self.flux.value == Flux::CarryOut,
            substitute: self.substitute.map(|written| written.settings(report)),
            targets,
            deletions: DeletionLimit { count, percent, floor },
            confirm: confirm.map(|commit| commit.value),
        }
    }
}

/// What is done with Kustomizations of Flux v2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flux {
    Apply,
    CarryOut,
}

choices!(Flux: "apply" => Self::Apply, "carry-out" => Self::CarryOut);
choices!(Drift: "repair" => Self::Repair, "warn" => Self::Warn, "ignore" => Self::Ignore);
parsed!(CommitId: {"pattern": "^[0-9a-fA-F]{40}$"});
