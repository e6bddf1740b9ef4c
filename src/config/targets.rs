use super::identity::{ChainedRole, WrittenIdentity};
use super::report::Report;
use super::text::{FromText, Label, NonEmpty, Text};
use crate::aws::{EksAddress, ExternalId, Identity, Partition, RoleArn, SessionName};
use crate::cluster::ServiceAccount;
use crate::model::{RepoPath, TargetId};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A cluster that objects are applied to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetSettings {
    /// The target's name in metrics, logs and status.
    pub id: TargetId,
    /// The folders and files of the config repo that are applied to it; empty: all of the config repo.
    pub paths: Vec<RepoPath>,
    /// How the cluster is reached.
    pub access: TargetAccess,
    /// The service account that the agent acts as; `None`: as itself.
    pub account: Option<ServiceAccount>,
    /// The name of the target's set of objects and of its record. Agents that share a cluster need different names.
    pub set: String,
    /// The namespaces that the agent has rights in, and watches; empty: the whole cluster.
    pub namespaces: Vec<String>,
    /// The namespaces that may be written, whatever the agent's rights are; empty: all that the rights allow.
    pub fence: Vec<String>,
    /// Whether the agent carries out the HelmReleases of this target.
    pub runs_releases: bool,
    /// The namespace of namespaced objects whose manifests name none; `None`: kubectl's.
    pub namespace: Option<String>,
}

/// How the cluster of a target is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one value for each target of the configuration"
)]
pub enum TargetAccess {
    /// It is the cluster that the agent runs in.
    Home,
    /// By a kubeconfig in a Secret of the agent's own namespace.
    Kubeconfig {
        /// The Secret.
        secret: String,
        /// The entry that has the kubeconfig.
        entry: String,
        /// The context; `None` for the current one.
        context: Option<String>,
    },
    /// A cluster of EKS.
    Eks {
        /// The cluster's name.
        cluster: String,
        /// Its region.
        region: String,
        /// The identity that it is reached with.
        identity: Identity,
        /// Its address, if EKS is not to be asked for it.
        address: Option<EksAddress>,
    },
}

impl TargetSettings {
    /// Whether this is the cluster that the agent runs in.
    pub fn is_home(&self) -> bool {
        self.access == TargetAccess::Home
    }
}

/// A cluster that paths of the config repo are applied to.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
#[schemars(extend("required" = ["name"], "not" = {"required": ["kubeconfig", "eks"]}))]
pub(super) struct Target {
    /// Name of the target in metrics, logs and status.
    name: Option<Text<Label>>,
    /// Folders and files of the config repo that are applied to this target. Default: `repo.paths`.
    paths: Vec<Text<RepoPath>>,
    /// Kubeconfig of the cluster. Without it and without `eks` the target is the cluster that the agent runs in.
    kubeconfig: Option<KubeconfigKeys>,
    /// The cluster, if it is one of EKS.
    eks: Option<EksKeys>,
    /// Service account that the agent acts as in the cluster, as `NAMESPACE/NAME`. The agent then has that account's rights and
    /// no others.
    service_account: Option<Text<AccountName>>,
    /// Namespaces that may be written. An object in another namespace and a cluster-wide object are findings and are not applied.
    /// Empty: the whole cluster.
    namespaces: Vec<Text<Label>>,
    /// Namespace of namespaced objects whose manifests name none. Default: `default`, as with kubectl.
    namespace: Option<Text<Label>>,
    /// Name of the target's set of objects and of its record, a ConfigMap in the agent's own namespace. Default: `sync.set` for the
    /// target `here`, `<sync.set>-<name>` for others.
    set: Option<Text<Label>>,
}

/// A kubeconfig in a Secret of the agent's own namespace.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["secret"]))]
struct KubeconfigKeys {
    /// Name of the Secret.
    secret: Option<Text<Label>>,
    /// Entry of the Secret that has the kubeconfig. The kubeconfig has its keys and tokens in it: no exec plugin, and no paths of
    /// files.
    entry: Text<NonEmpty>,
    /// Context of the kubeconfig. Default: its current one.
    context: Option<Text<NonEmpty>>,
}

impl Default for KubeconfigKeys {
    fn default() -> Self {
        Self {
            secret: None,
            entry: Text::known("kubeconfig"),
            context: None,
        }
    }
}

/// A cluster of EKS.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
#[schemars(extend("required" = ["cluster", "region"]))]
struct EksKeys {
    /// Name of the cluster.
    cluster: Option<Text<ClusterName>>,
    /// Region of the cluster.
    region: Option<Text<RegionName>>,
    /// ARN of a role that the agent assumes to reach the cluster. Default: the agent's own identity.
    role_arn: Option<Text<RoleArn>>,
    /// External ID that the trust policy of `roleArn` asks for.
    external_id: Option<Text<ExternalId>>,
    /// Name of the session in CloudTrail and in the cluster's audit log.
    #[schemars(extend("default" = "tidegate"))]
    session_name: Option<Text<SessionName>>,
    /// Roles, instead of `roleArn`, that the agent assumes one after the other. The last role reaches the cluster.
    roles: Vec<ChainedRole>,
    /// Address of the API server, `https://…`. With `certificateAuthority`, the agent does not call `eks:DescribeCluster`.
    endpoint: Option<Text<ServerAddress>>,
    /// Authority of the API server's certificate, in base64, as `aws eks describe-cluster` prints it.
    certificate_authority: Option<Text<Authority>>,
}

/// The paths that a target without `paths` applies, and the name of the agent's set.
pub(super) struct Defaults<'a> {
    pub(super) paths: &'a [RepoPath],
    pub(super) set: &'a str,
}

/// Reads the list. It has one entry at least.
pub(super) fn settings(targets: Vec<Target>, defaults: &Defaults<'_>, report: &Report) -> Vec<TargetSettings> {
    let targets = targets.into_iter().enumerate();
    let mut targets: Vec<TargetSettings> = targets
        .map(|(index, target)| target.settings(index, defaults, report))
        .collect();
    check_names(&targets, report);
    check_paths(&targets, report);
    // Helm runs with the agent's own rights, in its own cluster, so that a fence or an account would not hold.
    let is_free =
        |target: &&mut TargetSettings| target.is_home() && target.account.is_none() && target.fence.is_empty();
    if let Some(target) = targets.iter_mut().find(is_free) {
        target.runs_releases = true;
    }
    targets
}

impl Target {
    fn settings(self, index: usize, defaults: &Defaults<'_>, report: &Report) -> TargetSettings {
        let path = format!("targets[{index}]");
        if self.name.is_none() {
            report.missing(&format!("{path}.name"), "write a name for the target, e.g. prod");
        }
        let name = self.name.map(|name| name.value.0).unwrap_or_default();
        if self.kubeconfig.is_some() && self.eks.is_some() {
            report.mistake(
                &format!("{path}.eks"),
                "kubeconfig and eks exclude each other: keep one of them",
            );
        }
        let namespaces: Vec<String> = self.namespaces.into_iter().map(|name| name.value.0).collect();
        let namespace = self.namespace.map(|name| name.value.0);
        if namespace
            .as_ref()
            .is_some_and(|name| !namespaces.is_empty() && !namespaces.contains(name))
        {
            let message = "expected one of the target's namespaces: the agent writes in no other namespace";
            report.mistake(&format!("{path}.namespace"), message);
        }
        let access = match (self.eks, self.kubeconfig) {
            (Some(eks), _) => eks.access(report, &format!("{path}.eks")),
            (None, Some(kubeconfig)) => kubeconfig.access(report, &format!("{path}.kubeconfig")),
            (None, None) => TargetAccess::Home,
        };
        let set = match (self.set, &*name) {
            (Some(set), _) => set.value.0,
            (None, "here") => defaults.set.to_owned(),
            (None, name) => format!("{}-{name}", defaults.set),
        };
        let paths: Vec<RepoPath> = self.paths.into_iter().map(|path| path.value).collect();
        TargetSettings {
            id: TargetId::new(&name),
            paths: if paths.is_empty() {
                defaults.paths.to_vec()
            } else {
                paths
            },
            access,
            account: self.service_account.map(|account| account.value.0),
            set,
            fence: namespaces.clone(),
            namespaces,
            namespace,
            runs_releases: false,
        }
    }
}

impl KubeconfigKeys {
    fn access(self, report: &Report, path: &str) -> TargetAccess {
        if self.secret.is_none() {
            report.missing(
                &format!("{path}.secret"),
                "write the name of the Secret that has the kubeconfig",
            );
        }
        TargetAccess::Kubeconfig {
            secret: self.secret.map(|secret| secret.value.0).unwrap_or_default(),
            entry: self.entry.value.0,
            context: self.context.map(|context| context.value.0),
        }
    }
}

impl EksKeys {
    fn access(self, report: &Report, path: &str) -> TargetAccess {
        if self.cluster.is_none() {
            report.missing(&format!("{path}.cluster"), "write the cluster's name");
        }
        if self.region.is_none() {
            report.missing(&format!("{path}.region"), "write the cluster's region, e.g. eu-west-1");
        }
        let written = WrittenIdentity {
            role_arn: self.role_arn,
            external_id: self.external_id,
            session_name: self.session_name,
            roles: self.roles,
        };
        let identity = written.identity(report, path);
        let region = self.region.map(|region| region.value.0).unwrap_or_default();
        if let (Some(partition), Some(role)) = (Partition::of_region(&region), identity.role())
            && partition != role.arn.partition()
        {
            let message = format!(
                "{} belongs to the partition {}, and {region} to {}: AWS knows no role of one partition in another",
                role.arn,
                role.arn.partition().name,
                partition.name
            );
            report.mistake(path, message);
        }
        if self.endpoint.is_some() != self.certificate_authority.is_some() {
            let message =
                "endpoint and certificateAuthority go together: write both, or let the agent ask EKS for both";
            report.mistake(path, message);
        }
        let address = self.endpoint.zip(self.certificate_authority);
        TargetAccess::Eks {
            cluster: self.cluster.map(|name| name.value.0).unwrap_or_default(),
            region,
            identity,
            address: address.map(|(endpoint, authority)| EksAddress {
                endpoint: endpoint.value.0,
                authority: authority.value.0,
            }),
        }
    }
}

fn check_names(targets: &[TargetSettings], report: &Report) {
    let (mut names, mut sets) = (BTreeMap::new(), BTreeMap::new());
    for (index, target) in targets.iter().enumerate() {
        let name = target.id.as_str();
        if !name.is_empty() && names.insert(name, index).is_some() {
            report.mistake(
                &format!("targets[{index}].name"),
                format!("two targets are named {name}; rename one of them"),
            );
        } else if let Some(other) = sets.insert(target.set.as_str(), index) {
            let message = format!(
                "the targets {} and {name} have the same set {}, and so the same record; give one of them another one",
                targets[other].id, target.set
            );
            report.mistake(&format!("targets[{index}].set"), message);
        }
        if target.set.len() > 63 {
            let message = format!(
                "the set's name {} has more than 63 characters; write a shorter one into set",
                target.set
            );
            report.mistake(&format!("targets[{index}].name"), message);
        }
    }
}

/// Two targets in one cluster must not apply the same files: both would want each object.
fn check_paths(targets: &[TargetSettings], report: &Report) {
    let root = [RepoPath::default()];
    let of = |target: &TargetSettings| match &*target.paths {
        [] => root.to_vec(),
        paths => paths.to_vec(),
    };
    for (index, target) in targets.iter().enumerate() {
        let same = targets[..index].iter().filter(|other| other.access == target.access);
        for other in same {
            let own = of(target);
            let both = own.iter().find_map(|path| {
                let theirs = of(other);
                let meets = theirs
                    .iter()
                    .any(|their| path.is_within(their) || their.is_within(path));
                meets.then(|| path.clone())
            });
            if let Some(path) = both {
                let path = if path.as_str().is_empty() {
                    "the whole repository".to_owned()
                } else {
                    path.to_string()
                };
                let message = format!(
                    "the targets {} and {} are in one cluster, and both apply {path}; give each its own paths",
                    other.id, target.id
                );
                report.mistake(&format!("targets[{index}].paths"), message);
            }
        }
    }
}

/// A service account: `NAMESPACE/NAME`.
#[derive(Debug)]
struct AccountName(ServiceAccount);

impl FromText for AccountName {
    fn schema() -> serde_json::Value {
        serde_json::json!({"pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?/[a-z0-9]([-.a-z0-9]*[a-z0-9])?$"})
    }

    fn from_text(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a service account: write it as NAMESPACE/NAME, e.g. shop/deployer");
        let (namespace, name) = text.split_once('/').ok_or_else(wrong)?;
        Label::from_text(namespace).map_err(|_| wrong())?;
        let parts = name.split('.').all(|part| Label::from_text(part).is_ok());
        (parts && name.len() <= 253)
            .then(|| ServiceAccount {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
            })
            .map(Self)
            .ok_or_else(wrong)
    }
}

/// The name of a cluster of EKS.
#[derive(Debug)]
struct ClusterName(String);

impl FromText for ClusterName {
    fn schema() -> serde_json::Value {
        serde_json::json!({"pattern": "^[0-9A-Za-z][0-9A-Za-z_-]{0,99}$"})
    }

    fn from_text(text: &str) -> Result<Self, String> {
        let is_valid = (1..=100).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
            && text.as_bytes()[0].is_ascii_alphanumeric();
        is_valid.then(|| Self(text.to_owned())).ok_or_else(|| {
            format!("{text:?} is not the name of a cluster of EKS: write up to 100 letters, digits, - and _")
        })
    }
}

/// A region.
#[derive(Debug)]
struct RegionName(String);

impl FromText for RegionName {
    fn schema() -> serde_json::Value {
        serde_json::json!({"pattern": "^[a-z]+(-[a-z]+)+-[0-9]{1,2}$"})
    }

    fn from_text(text: &str) -> Result<Self, String> {
        let found = Partition::of_region(text);
        found
            .map(|_| Self(text.to_owned()))
            .ok_or_else(|| format!("{text:?} is not a region; write it like eu-west-1"))
    }
}

/// The address of an API server.
#[derive(Debug)]
struct ServerAddress(String);

impl FromText for ServerAddress {
    fn schema() -> serde_json::Value {
        serde_json::json!({"pattern": "^https://[^@?#]+$"})
    }

    fn from_text(text: &str) -> Result<Self, String> {
        let is_plain = text.starts_with("https://") && !text.contains(['@', '?', '#']) && text.is_ascii();
        (is_plain && !text.contains(char::is_whitespace))
            .then(|| Self(text.to_owned()))
            .ok_or_else(|| {
                format!("{text:?} is not the address of an API server; write it like https://k8s.acme.example")
            })
    }
}

/// Certificates in PEM format, written in base64.
#[derive(Debug)]
struct Authority(Vec<u8>);

impl FromText for Authority {
    fn schema() -> serde_json::Value {
        NonEmpty::schema()
    }

    fn from_text(text: &str) -> Result<Self, String> {
        let text: String = text.split_whitespace().collect();
        let bytes = STANDARD.decode(text).ok();
        let bytes = bytes.filter(|bytes| bytes.starts_with(b"-----BEGIN CERTIFICATE-----"));
        bytes.map(Self).ok_or_else(|| {
            "expected certificates in PEM format, in base64, as aws eks describe-cluster prints them".to_owned()
        })
    }
}
