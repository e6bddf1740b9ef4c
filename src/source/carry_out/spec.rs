use super::unhonoured::unhonoured;
use crate::model::{Finding, Position, RepoPath, Severity};
use crate::resource::{GroupKind, Object};
use crate::source::substitute::{Substitute, SubstituteFrom};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

const GROUP: &str = "kustomize.toolkit.fluxcd.io";
/// What Flux gives its own objects.
const PART_OF: &str = "/metadata/labels/app.kubernetes.io~1part-of";
/// Where a Kustomization is declared, below `repo.paths`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) path: RepoPath,
    pub(super) position: Option<Position>,
}

impl Place {
    pub(super) fn of(object: &Object) -> Self {
        Self {
            path: object.origin.path().clone(),
            position: object.origin.position(),
        }
    }
}

/// The namespace and name of a Kustomization.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) namespace: String,
    pub(super) name: String,
}

/// A Kustomization of Flux v2.
#[derive(Debug, Clone)]
pub(super) struct Carried {
    pub(super) key: Key,
    pub(super) place: Place,
    pub(super) path: RepoPath,
    pub(super) spec: Spec,
}

/// What a Kustomization asks for.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Spec {
    path: Option<String>,
    pub(super) prune: bool,
    pub(super) suspend: bool,
    pub(super) force: bool,
    pub(super) wait: bool,
    deletion_policy: Option<String>,
    pub(super) target_namespace: Option<String>,
    pub(super) name_prefix: Option<String>,
    pub(super) name_suffix: Option<String>,
    pub(super) common_metadata: CommonMetadata,
    pub(super) depends_on: Vec<Reference>,
    pub(super) health_checks: Vec<Reference>,
    post_build: Option<PostBuild>,
    pub(super) images: Vec<Value>,
    pub(super) patches: Vec<Value>,
    #[serde(rename = "patchesStrategicMerge")]
    pub(super) merges: Vec<Value>,
    #[serde(rename = "patchesJson6902")]
    pub(super) operations: Vec<Value>,
    pub(super) components: Vec<String>,
    pub(super) ignore_missing_components: bool,
    decryption: Option<Decryption>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct CommonMetadata {
    pub(super) labels: BTreeMap<String, String>,
    pub(super) annotations: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Reference {
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) namespace: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PostBuild {
    substitute: BTreeMap<String, String>,
    substitute_from: Vec<Source>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Source {
    kind: String,
    name: String,
    optional: bool,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Decryption {
    provider: String,
    secret_ref: Option<Reference>,
    service_account_name: Option<String>,
}

impl Spec {
    /// Why what it says about keys and variables cannot be carried out.
    fn refusal(&self) -> Option<String> {
        let decryption = self.decryption.as_ref();
        if let Some(Decryption { provider, .. }) = decryption.filter(|decryption| decryption.provider != "sops") {
            return Some(format!(
                "spec.decryption.provider {provider:?} is not known; write sops"
            ));
        }
        if decryption.is_some_and(|decryption| decryption.service_account_name.is_some()) {
            return Some(
                "spec.decryption.serviceAccountName is not honoured; the agent decrypts with the keys of secretRef or with its own \
                 identity: give the right to its own identity, and remove the field"
                    .to_owned(),
            );
        }
        let mut sources = self.post_build.iter().flat_map(|build| &build.substitute_from);
        let Source { kind, name, .. } =
            sources.find(|source| !["ConfigMap", "Secret"].contains(&source.kind.as_str()))?;
        Some(format!(
            "spec.postBuild.substituteFrom names {kind:?} {name}, and variables come from a ConfigMap or a Secret; correct the kind"
        ))
    }
}

impl Carried {
    /// Reads a Kustomization that is declared at `place`. Problems that do not keep it from being carried out go into `findings`.
    ///
    /// # Errors
    /// Why it cannot be carried out.
    pub(super) fn read(object: &Object, place: &Place, findings: &mut Vec<Finding>) -> Result<Self, Finding> {
        let key = Key::of(object);
        let refused = |reason: String| finding(object, place, Severity::Error, format!("not carried out: {reason}"));
        let value = object.value.value();
        let written = value.get("spec").cloned().unwrap_or_default();
        let spec: Spec = serde_json::from_value(written.clone())
            .map_err(|error| refused(format!("its spec cannot be read: {error}")))?;
        for (name, advice) in [
            ("kubeConfig", "objects of another cluster belong to an agent there"),
            (
                "serviceAccountName",
                "the agent applies with its own rights: give it the rights that are meant, and remove the field",
            ),
        ] {
            if written.get(name).is_some_and(|value| !value.is_null()) {
                return Err(refused(format!("spec.{name} is not honoured; {advice}")));
            }
        }
        if let Some(reason) = spec.refusal() {
            return Err(refused(reason));
        }
        let text = spec.path.clone().unwrap_or_default();
        let path = RepoPath::default().join(text.trim_start_matches('/'));
        let path = match path {
            Some(Ok(path)) => path,
            _ => {
                return Err(refused(format!(
                    "spec.path {text:?} is no path in the repository; correct it"
                )));
            }
        };
        for (what, advice) in unhonoured(&written) {
            let message = format!("{what} is not honoured: {advice}");
            findings.push(finding(object, place, Severity::Warning, message));
        }
        Ok(Self {
            key,
            place: place.clone(),
            path,
            spec,
        })
    }

    /// The variables that are replaced in its objects; `None` if there are none.
    pub(super) fn substitute(&self) -> Option<Substitute> {
        let written = self.spec.post_build.as_ref()?;
        let from = written.substitute_from.iter().map(|source| SubstituteFrom {
            is_secret: source.kind == "Secret",
            namespace: Some(self.key.namespace.clone()),
            name: source.name.clone(),
            optional: source.optional,
        });
        Some(Substitute {
            variables: written.substitute.clone(),
            from: from.collect(),
            strict: true,
        })
    }

    /// The Secret with the keys of its encrypted files.
    pub(super) fn keys(&self) -> Option<&str> {
        let secret = self.spec.decryption.as_ref()?.secret_ref.as_ref()?;
        Some(&secret.name)
    }

    /// Whether it keeps its objects when they leave git.
    pub(super) fn keeps(&self) -> bool {
        !self.spec.prune || self.spec.deletion_policy.as_deref() == Some("Orphan")
    }

    /// Whether it changes images: then the tags in its folder are not those that run.
    pub(super) fn changes_images(&self) -> bool {
        let patches = self
            .spec
            .patches
            .iter()
            .chain(&self.spec.merges)
            .chain(&self.spec.operations);
        let mut texts = patches.map(Value::to_string);
        !self.spec.images.is_empty() || texts.any(|text| text.contains("image"))
    }

    /// The finding at another place that declares a Kustomization with its namespace and name.
    pub(super) fn declared_again(&self, place: &Place) -> Finding {
        Finding {
            path: place.path.clone(),
            position: place.position,
            ..self.finding(
                Severity::Error,
                format!(
                    "not carried out: {} declares one with this namespace and name; rename one of the two, or give the other cluster an \
                     agent of its own",
                    self.place.path
                ),
            )
        }
    }

    /// A finding about it.
    pub(super) fn finding(&self, severity: Severity, message: String) -> Finding {
        Finding {
            path: self.place.path.clone(),
            position: self.place.position,
            object: None,
            severity,
            message: format!("Kustomization {}: {message}", self.key),
        }
    }
}

impl Key {
    pub(super) fn of(object: &Object) -> Self {
        Self {
            namespace: object.id.namespace.clone().unwrap_or_else(|| "flux-system".to_owned()),
            name: object.id.name.clone(),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

fn finding(object: &Object, place: &Place, severity: Severity, message: String) -> Finding {
    Finding {
        path: place.path.clone(),
        position: place.position,
        object: None,
        severity,
        message: format!("Kustomization {}: {message}", Key::of(object)),
    }
}

/// Whether an object is a Kustomization of Flux v2.
pub(in crate::source) fn is_kustomization(object: &Object) -> bool {
    GroupKind::of(&object.id).is(GROUP, "Kustomization")
}

/// Whether an object is the source that Kustomizations follow.
pub(in crate::source) fn is_source(object: &Object) -> bool {
    GroupKind::of(&object.id).is("source.toolkit.fluxcd.io", "GitRepository")
}

/// Whether an object is a part of Flux: it would carry out the same Kustomizations. Definitions and namespaces do no harm.
pub(in crate::source) fn is_of_flux_itself(object: &Object) -> bool {
    let kind = object.id.kind.as_str();
    if [
        "CustomResourceDefinition",
        "Namespace",
        "Kustomization",
        "GitRepository",
    ]
    .contains(&kind)
    {
        return false;
    }
    let text = object.value.text();
    text.contains("app.kubernetes.io/part-of") && object.value.value().pointer(PART_OF) == Some(&Value::from("flux"))
}
