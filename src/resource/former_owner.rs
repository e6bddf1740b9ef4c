use super::fingerprint::MANAGER;
use super::live_object::LiveObject;
use super::set::{PART_OF_LABEL, SetId};
use super::writer::is_manifest_tool;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Who made an object before the agent took it over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FormerOwner {
    /// Another set, by the value of its label. An agent in another namespace has the set.
    Set(String),
    /// A Helm release (`shop/web`).
    Helm(Option<String>),
    /// An object of Flux v2 (`Kustomization flux-system/apps`).
    Flux(Option<String>),
    /// An application of Argo CD.
    ArgoCd(Option<String>),
    /// Flux v1.
    FluxV1,
    /// The field manager that wrote the manifest, or that wrote last.
    Manager(String),
    /// The object does not say.
    Nobody,
}

impl FormerOwner {
    /// Reads the marks of an object.
    pub fn of(live: &LiveObject, set: &SetId) -> Self {
        let has_manager = |known: &[&str]| live.managers.iter().any(|name| known.contains(&name.as_str()));
        let (labels, annotations) = (&live.labels, &live.annotations);
        if let Some(other) = labels.get(PART_OF_LABEL).filter(|label| *label != set.as_str()) {
            return Self::Set(other.clone());
        }
        if let Some(owner) = marked(live) {
            return owner;
        }
        if has_manager(&["kustomize-controller", "helm-controller"]) {
            return Self::Flux(None);
        }
        if has_manager(&["helm", "helm-operator"]) {
            return Self::Helm(None);
        }
        if labels.contains_key("fluxcd.io/sync-gc-mark") || annotations.contains_key("fluxcd.io/sync-checksum") {
            return Self::FluxV1;
        }
        let others = || live.managers.iter().filter(|name| *name != MANAGER);
        let tool = others().find(|name| is_manifest_tool(name));
        let last = tool
            .or_else(|| others().find(|name| !name.starts_with("kube-")))
            .or_else(|| others().next());
        last.map_or(Self::Nobody, |name| Self::Manager(name.clone()))
    }
}

impl FormerOwner {
    /// The tool that has marked an object of the agent as its own, after the agent had applied the object. Marks that the agent
    /// itself wrote come from the manifest and say nothing.
    pub fn that_took_over(
        labels: &BTreeMap<String, String>,
        annotations: &BTreeMap<String, String>,
        own_marks: &BTreeSet<String>,
    ) -> Option<Self> {
        let foreign = |marks: &BTreeMap<String, String>| -> BTreeMap<String, String> {
            let foreign = marks.iter().filter(|(name, _)| !own_marks.contains(*name));
            foreign.map(|(name, value)| (name.clone(), value.clone())).collect()
        };
        let marks = LiveObject {
            labels: foreign(labels),
            annotations: foreign(annotations),
            ..LiveObject::default()
        };
        marked(&marks)
    }
}

/// The tool whose labels or annotations an object has.
fn marked(live: &LiveObject) -> Option<FormerOwner> {
    let annotations = &live.annotations;
    if let Some(owner) = flux(&live.labels) {
        return Some(FormerOwner::Flux(Some(owner)));
    }
    if let Some(application) = argo_cd(live) {
        return Some(FormerOwner::ArgoCd(application));
    }
    if let Some(name) = annotations.get("meta.helm.sh/release-name") {
        let release = named(annotations.get("meta.helm.sh/release-namespace"), name);
        return Some(FormerOwner::Helm(Some(release)));
    }
    let release = annotations.get("helm.fluxcd.io/antecedent")?;
    Some(FormerOwner::Helm(Some(release.clone())))
}

/// Flux v2 labels what it applies with the name of the object that declares it. Its annotations (`…/prune`) are wishes of
/// people.
fn flux(labels: &BTreeMap<String, String>) -> Option<String> {
    let kinds = [
        ("kustomize.toolkit.fluxcd.io", "Kustomization"),
        ("helm.toolkit.fluxcd.io", "HelmRelease"),
        ("resourceset.fluxcd.controlplane.io", "ResourceSet"),
    ];
    kinds.into_iter().find_map(|(prefix, kind)| {
        let name = labels.get(&format!("{prefix}/name"))?;
        Some(format!(
            "{kind} {}",
            named(labels.get(&format!("{prefix}/namespace")), name)
        ))
    })
}

/// Argo CD tracks by an annotation, or by a label that Helm charts use, too: that one counts beside Argo CD's manager only.
fn argo_cd(live: &LiveObject) -> Option<Option<String>> {
    if let Some(id) = live.annotations.get("argocd.argoproj.io/tracking-id") {
        return Some(id.split(':').next().map(str::to_owned));
    }
    if let Some(application) = live.labels.get("argocd.argoproj.io/instance") {
        return Some(Some(application.clone()));
    }
    let is_tracked = live.managers.iter().any(|name| name.starts_with("argocd"));
    is_tracked.then(|| live.labels.get("app.kubernetes.io/instance").cloned())
}

fn named(namespace: Option<&String>, name: &str) -> String {
    match namespace {
        Some(namespace) => format!("{namespace}/{name}"),
        None => name.to_owned(),
    }
}

impl fmt::Display for FormerOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Set(label) => write!(f, "another set ({label})"),
            Self::Helm(Some(release)) => write!(f, "Helm release {release}"),
            Self::Helm(None) => f.write_str("a Helm release"),
            Self::Flux(Some(owner)) => write!(f, "Flux {owner}"),
            Self::Flux(None) => f.write_str("Flux"),
            Self::ArgoCd(Some(application)) => write!(f, "Argo CD application {application}"),
            Self::ArgoCd(None) => f.write_str("Argo CD"),
            Self::FluxV1 => f.write_str("Flux v1"),
            Self::Manager(name) => f.write_str(name),
            Self::Nobody => f.write_str("somebody"),
        }
    }
}
