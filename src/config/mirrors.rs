use super::report::Report;
use super::spread::{NamespacePattern, ObjectName, namespace_rule};
use super::targets::TargetSettings;
use super::text::{FromText, Label, Text, choices};
use crate::model::{TargetId, Wildcard};
use crate::spread::{DeletionPolicy, LabelSelector, MirrorKind, MirrorRule, MirrorSource, ObjectPlace};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Copies of Secrets and ConfigMaps in chosen namespaces.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
#[schemars(extend("oneOf" = [{"required": ["from"]}, {"required": ["annotated"]}]))]
pub(super) struct Mirror {
    /// The source, as `NAMESPACE/NAME`.
    from: Option<Text<SourceName>>,
    /// Kind of the source: `Secret` or `ConfigMap`. Default: `Secret`, and both with `annotated`.
    kind: Option<Text<MirrorKind>>,
    /// In place of `from`: namespaces whose Secrets and ConfigMaps may ask for copies themselves, by the annotations
    /// `tidegate.dev/mirror-to` and `tidegate.dev/mirror-to-targets`, or by kubed's. `*` stands for any characters.
    annotated: Vec<Text<NamespacePattern>>,
    /// Targets whose clusters have the copies. Default: the agent's own cluster.
    targets: Vec<Text<Label>>,
    /// Namespaces of the copies, by name. `*` stands for any characters: `["*"]` is every namespace, and the default with `annotated`.
    namespaces: Vec<Text<NamespacePattern>>,
    /// Namespaces that are left out, by name. `*` stands for any characters.
    exclude: Vec<Text<NamespacePattern>>,
    /// Namespaces by their labels, as for `kubectl -l`: `team=shop,env in (dev, test)`. With `namespaces`, both must fit.
    selector: Option<Text<LabelSelector>>,
    /// Name of the copies. Default: the name of the source.
    name: Option<Text<ObjectName>>,
    /// Entries that are copied, each with its key in the copy: `{tls.crt: ca.crt}`. Empty: all entries, under their own keys.
    keys: BTreeMap<String, Text<EntryKey>>,
    /// Labels of the source that the copies have, too. Default: none.
    labels: Vec<Text<LabelKey>>,
    /// Whether copies that kubed made of the same source become the agent's. End kubed first.
    adopt: bool,
    /// What becomes of the copies when the source is deleted: `delete` or `retain`. Default: `delete` in the agent's own cluster, `retain` in
    /// others.
    deletion_policy: Option<Text<DeletionPolicy>>,
}

/// `NAMESPACE/NAME`.
#[derive(Debug, Clone)]
pub(super) struct SourceName(String, String);

impl FromText for SourceName {
    fn schema() -> serde_json::Value {
        serde_json::json!({"pattern": "^[-a-z0-9]{1,63}/[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$"})
    }

    fn from_text(text: &str) -> Result<Self, String> {
        let Some((namespace, name)) = text.split_once('/') else {
            return Err(format!("{text:?} names no namespace: write NAMESPACE/NAME"));
        };
        Ok(Self(
            ObjectName::from_text(namespace)?.0,
            ObjectName::from_text(name)?.0,
        ))
    }
}

/// A key of an entry of a Secret or ConfigMap.
#[derive(Debug, Clone)]
struct EntryKey(String);

impl FromText for EntryKey {
    fn schema() -> serde_json::Value {
        serde_json::json!({"pattern": "^[-._a-zA-Z0-9]{1,253}$"})
    }

    fn from_text(text: &str) -> Result<Self, String> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        if (1..=253).contains(&text.len()) && text.bytes().all(is_allowed) {
            return Ok(Self(text.to_owned()));
        }
        Err(format!(
            "{text:?} is no key of an entry: write up to 253 letters, digits, -, _ and ."
        ))
    }
}

/// A key of a label that is no mark of an owner.
#[derive(Debug, Clone)]
struct LabelKey(String);

/// A copy with one of these would count as an object of another tool.
const OWNER_LABELS: [&str; 8] = [
    "tidegate.dev/",
    "applyset.kubernetes.io/",
    "kubed.appscode.com/",
    "argocd.argoproj.io/",
    "kustomize.toolkit.fluxcd.io/",
    "helm.toolkit.fluxcd.io/",
    "fluxcd.io/",
    "app.kubernetes.io/managed-by",
];

impl FromText for LabelKey {
    fn schema() -> serde_json::Value {
        serde_json::json!({"pattern": "^([-.a-z0-9]{1,253}/)?[a-zA-Z0-9]([-._a-zA-Z0-9]{0,61}[a-zA-Z0-9])?$"})
    }

    fn from_text(text: &str) -> Result<Self, String> {
        if let Some(owner) = OWNER_LABELS.iter().find(|owner| text.starts_with(**owner)) {
            return Err(format!(
                "{text:?} is not copied: labels that begin with {owner} say who owns an object"
            ));
        }
        let (prefix, name) = text
            .rsplit_once('/')
            .map_or(("a", text), |(prefix, name)| (prefix, name));
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        let is_end = |c: char| c.is_ascii_alphanumeric();
        let is_valid = (1..=63).contains(&name.len())
            && name.bytes().all(is_name)
            && name.starts_with(is_end)
            && name.ends_with(is_end);
        match is_valid && ObjectName::from_text(prefix).is_ok() {
            true => Ok(Self(text.to_owned())),
            false => Err(format!(
                "{text:?} is no key of a label: write it as kubectl shows it, e.g. team"
            )),
        }
    }
}

impl Mirror {
    fn rule(self, report: &Report, path: &str, all: &[TargetSettings]) -> Option<MirrorRule> {
        let targets = targets(&self.targets, report, path, all);
        let home = all.iter().find(|target| target.is_home());
        let known = home.map(|home| home.namespaces.as_slice()).unwrap_or_default();
        let is_annotated = !self.annotated.is_empty();
        let mut namespaces = self.namespaces;
        if is_annotated && namespaces.is_empty() && self.selector.is_none() {
            namespaces.push(Text::known("*"));
        }
        // The selector reads labels in each cluster of copies.
        let fenced = all
            .iter()
            .find(|target| targets.contains(&target.id) && !target.namespaces.is_empty());
        let fence = fenced.map(|target| target.namespaces.as_slice()).unwrap_or_default();
        let to = namespace_rule(report, path, fence, (namespaces, self.exclude, self.selector));
        let from = match (self.from, is_annotated) {
            (Some(from), false) => {
                let SourceName(namespace, name) = from.value;
                if !known.is_empty() && !known.contains(&namespace) {
                    let message = format!("the agent has no right in namespace {namespace}: add it to sync.namespaces");
                    report.mistake(&format!("{path}.from"), message);
                }
                MirrorSource::Object(ObjectPlace {
                    kind: self.kind.map_or(MirrorKind::Secret, |kind| kind.value),
                    namespace,
                    name,
                })
            }
            (None, true) => {
                if self.name.is_some() || !self.keys.is_empty() {
                    let message = "name and keys belong to one source: they need from in place of annotated";
                    report.mistake(&format!("{path}.annotated"), message);
                }
                let patterns = self.annotated.into_iter().map(|name| Wildcard::new(name.value.0));
                let kinds = self.kind.map(|kind| BTreeSet::from([kind.value]));
                MirrorSource::Annotated(kinds.unwrap_or_else(|| MirrorKind::ALL.into()), patterns.collect())
            }
            (Some(_), true) => {
                report.mistake(&format!("{path}.annotated"), "a rule has from or annotated, not both");
                return None;
            }
            (None, false) => {
                let message = "write the source as NAMESPACE/NAME, e.g. cert-manager/wildcard-tls";
                report.missing(&format!("{path}.from"), message);
                return None;
            }
        };
        let keys: BTreeMap<String, String> = self.keys.into_iter().map(|(key, to)| (key, to.value.0)).collect();
        let mut taken = BTreeSet::new();
        if let Some(twice) = keys.values().find(|key| !taken.insert(*key)) {
            let message = format!("two entries would have the key {twice} in the copy: give each a key of its own");
            report.mistake(&format!("{path}.keys"), message);
        }
        Some(MirrorRule {
            from,
            targets,
            to,
            name: self.name.map(|name| name.value.0),
            keys,
            labels: self.labels.into_iter().map(|label| label.value.0).collect(),
            adopts: self.adopt,
            deletion: self.deletion_policy.map(|policy| policy.value),
        })
    }
}

/// The targets of a rule. Several targets may be the agent's own cluster: the first one stands for it.
fn targets(written: &[Text<Label>], report: &Report, path: &str, all: &[TargetSettings]) -> BTreeSet<TargetId> {
    let Some(home) = all.iter().find(|target| target.is_home()) else {
        let message = "sources are in the agent's own cluster, and no target is that cluster: add one to targets, e.g. {name: here, paths: [here]}";
        report.mistake(path, message);
        return BTreeSet::new();
    };
    if written.is_empty() {
        return [home.id.clone()].into();
    }
    let targets = written.iter().enumerate().filter_map(|(index, name)| {
        let (name, path) = (&name.value.0, format!("{path}.targets[{index}]"));
        let Some(target) = all.iter().find(|target| target.id.as_str() == name) else {
            let names: Vec<&str> = all.iter().map(|target| target.id.as_str()).collect();
            let message = format!("no target has the name {name}: write one of {}", names.join(", "));
            report.mistake(&path, message);
            return None;
        };
        if target.is_home() && target.id != home.id {
            let message = format!(
                "{name} is the agent's own cluster, which mirrors know as {}: write that name",
                home.id
            );
            report.mistake(&path, message);
        }
        Some(target.id.clone())
    });
    targets.collect()
}

/// All rules.
pub(super) fn rules(written: Vec<Mirror>, report: &Report, targets: &[TargetSettings]) -> Vec<MirrorRule> {
    let written = written.into_iter().enumerate();
    let rules = written.filter_map(|(index, mirror)| mirror.rule(report, &format!("mirrors[{index}]"), targets));
    rules.collect()
}

choices!(MirrorKind: "Secret" => Self::Secret, "ConfigMap" => Self::ConfigMap);
choices!(DeletionPolicy: "delete" => Self::Delete, "retain" => Self::Retain);
