use super::pass::Syncer;
use super::plan::{Application, Consent};
use super::report::{Change, FailedObject, WaitingDeletions};
use crate::model::{CommitId, ObjectId, RepoPath};
use crate::port::{Cluster, ClusterFailure, Mode, TargetState};
use crate::resource::{GroupKind, Kept, KindVersion, prepare};
use futures::StreamExt as _;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt;

/// What a pass would do now. Made from reads and dry-run applies; nothing is written.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Preview {
    /// The commit.
    pub commit: CommitId,
    /// Every declared object that would be sent to a fresh server, ordered by wave and file.
    pub objects: Vec<PreviewedObject>,
    /// What would be deleted.
    pub deletions: Vec<ObjectId>,
    /// What would wait for a confirmation.
    pub waiting: Option<WaitingDeletions>,
    /// Why nothing would be deleted.
    pub prune_blocked: Option<String>,
    /// Undeclared members that would stay.
    pub kept: Vec<(ObjectId, Kept)>,
    /// What could not be applied.
    pub failed: Vec<FailedObject>,
}

/// What would come of applying an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PreviewedObject {
    /// Which.
    pub id: ObjectId,
    /// Its file.
    pub path: RepoPath,
    /// Created, configured or unchanged.
    pub change: Change,
}

/// Dry runs are as dear to the server as applies.
const IN_FLIGHT: usize = 16;

impl<C: Cluster> Syncer<C> {
    /// Says what [`Syncer::pass`] would do, and writes nothing: each object is applied as a dry run. The server cannot
    /// judge objects of kinds or in namespaces that the same commit brings: they are told as created.
    ///
    /// # Errors
    /// When the API server is away.
    pub async fn preview(&mut self, declared: &TargetState, consent: Consent) -> Result<Preview, ClusterFailure> {
        let (plan, set) = self.look(declared, consent).await?;
        let mut preview = Preview {
            commit: declared.commit,
            objects: Vec::new(),
            deletions: plan.deletions.iter().map(|step| step.id.clone()).collect(),
            waiting: plan.waiting.clone(),
            prune_blocked: plan.prune_blocked.clone(),
            kept: plan.kept.clone(),
            failed: plan.failed.clone(),
        };
        let cluster = self.cluster();
        let requests: Vec<_> = plan
            .applications()
            .map(|application| {
                let set = &set;
                async move {
                    let body = prepare(&application.object.value, &application.id, set);
                    let sent = cluster.apply(&application.served, &application.id, &body, Mode::DryRun);
                    (application, sent.await)
                }
            })
            .collect();
        let mut answers = futures::stream::iter(requests).buffered(IN_FLIGHT);
        let mut brought = Brought::default();
        while let Some((application, answer)) = answers.next().await {
            match answer {
                Ok(applied) => {
                    let seen = cluster
                        .observed()
                        .read(|observed| observed.object(&application.id).cloned());
                    let unmoved = seen.is_some_and(|seen| {
                        seen.fingerprint == applied.fingerprint && seen.generation == applied.generation
                    });
                    if applied.created {
                        brought.note(application);
                    }
                    preview.objects.push(PreviewedObject {
                        id: application.id.clone(),
                        path: application.object.origin.path().clone(),
                        change: match (applied.created, unmoved) {
                            (true, _) => Change::Created,
                            (false, true) => Change::Unchanged,
                            (false, false) => Change::Configured,
                        },
                    });
                }
                Err(failure) if failure.is_outage() => return Err(failure),
                Err(_) if brought.has_namespace_of(&application.id) => preview.objects.push(PreviewedObject {
                    id: application.id.clone(),
                    path: application.object.origin.path().clone(),
                    change: Change::Created,
                }),
                Err(failure) => preview.failed.push(FailedObject {
                    id: application.id.clone(),
                    path: Some(application.object.origin.path().clone()),
                    message: failure.to_string(),
                }),
            }
        }
        let kinds = brought.kinds(&plan.unknown);
        for failed in std::mem::take(&mut preview.failed) {
            match failed.path.clone() {
                Some(path) if kinds.contains(&GroupKind::of(&failed.id)) => preview.objects.push(PreviewedObject {
                    id: failed.id,
                    path,
                    change: Change::Created,
                }),
                _ => preview.failed.push(failed),
            }
        }
        Ok(preview)
    }
}

/// What the commit would make that others of its objects stand on. Its wave is answered before theirs.
#[derive(Default)]
struct Brought {
    namespaces: BTreeSet<String>,
    versions: BTreeSet<KindVersion>,
}

impl Brought {
    fn note(&mut self, application: &Application) {
        let kind = GroupKind::of(&application.id);
        if kind.is("", "Namespace") {
            self.namespaces.insert(application.id.name.clone());
        }
        if kind.is("apiextensions.k8s.io", "CustomResourceDefinition") {
            self.versions.extend(defined(&application.object.value));
        }
    }

    fn has_namespace_of(&self, id: &ObjectId) -> bool {
        id.namespace.as_ref().is_some_and(|name| self.namespaces.contains(name))
    }

    /// The kinds that are not served and will be, in every version that is declared.
    fn kinds(&self, unknown: &BTreeSet<KindVersion>) -> BTreeSet<GroupKind> {
        let lacking: BTreeSet<_> = unknown
            .difference(&self.versions)
            .map(|version| &version.kind)
            .collect();
        let brought = unknown.intersection(&self.versions).map(|version| &version.kind);
        brought.filter(|kind| !lacking.contains(kind)).cloned().collect()
    }
}

fn defined(definition: &Value) -> Vec<KindVersion> {
    let text = |value: &Value, pointer: &str| value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let (Some(group), Some(kind)) = (text(definition, "/spec/group"), text(definition, "/spec/names/kind")) else {
        return Vec::new();
    };
    let versions = definition.pointer("/spec/versions").and_then(Value::as_array);
    let served = versions
        .into_iter()
        .flatten()
        .filter(|version| version["served"] == true);
    served
        .filter_map(|version| text(version, "/name"))
        .map(|version| KindVersion::new(&format!("{group}/{version}"), &kind))
        .collect()
}

/// One line for each object that would change, as `tidegate plan` prints it.
impl fmt::Display for Preview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut unchanged = 0;
        for object in &self.objects {
            match object.change {
                Change::Unchanged => unchanged += 1,
                change => writeln!(f, "{change}  {}  ({})", object.id, object.path)?,
            }
        }
        for id in &self.deletions {
            writeln!(f, "deleted  {id}")?;
        }
        for failed in &self.failed {
            match &failed.path {
                Some(path) => writeln!(f, "failed  {}  ({path}): {}", failed.id, failed.message)?,
                None => writeln!(f, "failed  {}: {}", failed.id, failed.message)?,
            }
        }
        for remark in self
            .waiting
            .iter()
            .map(|waiting| &waiting.remedy)
            .chain(&self.prune_blocked)
        {
            writeln!(f, "{remark}")?;
        }
        for (id, kept) in &self.kept {
            writeln!(f, "kept  {id}: {kept}")?;
        }
        write!(f, "{unchanged} unchanged")
    }
}
