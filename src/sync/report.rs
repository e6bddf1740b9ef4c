use super::unsettled::Unsettled;
use crate::model::{CommitId, Finding, ObjectId, Position, RepoPath, TargetId};
use crate::resource::{
    CommitHealth, GroupKind, Health, MemberKey, MemberKeys, MissingRight, PodFault, RetainReason, is_for_want_of_rights,
};
use serde::{Serialize, Serializer};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

/// The result of applying an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// The object did not exist.
    Created,
    /// The object existed and differed.
    Configured,
    /// Somebody else had made the object, and the agent took it over.
    Adopted,
    /// The object was as declared.
    Unchanged,
    /// Somebody had changed or deleted the object since the agent's last apply.
    Repaired,
    /// A changed field was immutable, and the object was deleted and created anew.
    Recreated,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Created => "created",
            Self::Configured => "configured",
            Self::Adopted => "adopted",
            Self::Unchanged => "unchanged",
            Self::Repaired => "repaired",
            Self::Recreated => "recreated",
        })
    }
}

/// An object that was applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AppliedObject {
    /// The object.
    #[serde(rename = "object")]
    pub id: ObjectId,
    /// The file that declares it.
    pub path: RepoPath,
    /// The result.
    pub change: Change,
    /// For a repair: the manager that had changed it, where the server names one. For an adoption: who had made it.
    pub by: Option<String>,
    /// For a repair: fields that people had added, and that were removed; some of many.
    pub removed: Vec<String>,
}

/// An object that is not as declared. Each pass reports it until it is corrected, and retries it when it is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FailedObject {
    /// The object.
    #[serde(rename = "object")]
    pub id: ObjectId,
    /// The file that declares it; `None` for a deletion.
    pub path: Option<RepoPath>,
    /// Where the object starts in the file, if the file and not the server is at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// Why; the server's message where it answered.
    pub message: String,
}

/// `web.yaml: Deployment shop/web: the message`.
impl fmt::Display for FailedObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = &self.path {
            write!(f, "{path}:")?;
            if let Some(position) = &self.position {
                write!(f, "{position}:")?;
            }
            f.write_str(" ")?;
        }
        write!(f, "{}: {}", self.id, self.message)
    }
}

/// An object that is applied when others are ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Awaiting {
    /// The object.
    #[serde(rename = "object")]
    pub id: ObjectId,
    /// The file that declares it.
    pub path: RepoPath,
    /// The objects that it waits for.
    pub on: Vec<ObjectId>,
}

impl Awaiting {
    /// What the object waits for.
    pub fn message(&self) -> String {
        let on: Vec<String> = self.on.iter().map(ToString::to_string).collect();
        format!(
            "it is applied when these are ready (tidegate.dev/depends-on): {}",
            on.join(", ")
        )
    }
}

/// `web.yaml: Deployment shop/web: the message`.
impl fmt::Display for Awaiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.path, self.id, self.message())
    }
}

/// An object whose drift is not repaired, because its manifest says `drift: warn`, or the settings say `additions: warn`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Drifted {
    /// The object.
    #[serde(rename = "object")]
    pub id: ObjectId,
    /// The file that declares it.
    pub path: RepoPath,
    /// The manager that changed it, where the server names one; `None` also if the object was deleted.
    pub by: Option<String>,
    /// The fields that people added, some of many; empty if a field of the manifest was changed.
    pub fields: Vec<String>,
}

/// An object that somebody keeps changing back. It is repaired at growing intervals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Contended {
    /// The object.
    #[serde(rename = "object")]
    pub id: ObjectId,
    /// The file that declares it.
    pub path: RepoPath,
    /// The manager that changes it, where the server names one.
    pub by: Option<String>,
    /// The field that it changes, where it is known: `spec.replicas`.
    pub field: Option<String>,
    /// How many repairs the last six hours saw.
    pub repairs: usize,
    /// The time until the next repair.
    pub next_in: Duration,
}

/// Deletions that wait for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WaitingDeletions {
    /// The objects that would be deleted.
    pub objects: Vec<ObjectId>,
    /// Why they wait, and what to do.
    pub remedy: String,
    /// The UIDs of the objects: a confirmation counts for them and no others.
    #[serde(skip)]
    pub uids: MemberKeys,
}

impl WaitingDeletions {
    /// Stands for exactly these objects.
    pub fn key(&self) -> MemberKey {
        MemberKey::of_set(&self.uids)
    }
}

/// What a pass over one target found and did.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncReport {
    /// The target.
    pub target: TargetId,
    /// The declared commit.
    pub commit: CommitId,
    /// How many objects the commit declares for the target.
    pub declared: usize,
    /// How many of them needed no request.
    pub untouched: usize,
    /// The applied objects, in the order of the waves.
    pub applied: Vec<AppliedObject>,
    /// The deleted objects.
    pub pruned: Vec<ObjectId>,
    /// The objects that are not as declared.
    pub failed: Vec<FailedObject>,
    /// Objects that are not applied yet, since they wait for others.
    pub awaiting: Vec<Awaiting>,
    /// Definitions and namespaces that were not ready in time. Objects that need them were applied all the same.
    pub not_ready_in_time: Vec<ObjectId>,
    /// Members of the set that are not declared and were not deleted.
    #[serde(serialize_with = "as_retained")]
    pub retained: Vec<(ObjectId, RetainReason)>,
    /// Deletions that wait for a confirmation.
    pub waiting: Option<WaitingDeletions>,
    /// Why objects that are no longer declared are not deleted, if something is in the way.
    pub prune_blocked: Option<String>,
    /// Drift that is reported and not repaired.
    pub drifted: Vec<Drifted>,
    /// Objects that somebody keeps changing back.
    pub contended: Vec<Contended>,
    /// Declared objects that are not ready. Objects without a health rule are left out.
    pub unready: Vec<(ObjectId, Health)>,
    /// Declared objects that hang on a finalizer, that failed, or whose rollout takes too long.
    pub unsettled: Vec<Unsettled>,
    /// How far the commit has come; `None` if the pass was cut short.
    pub health: Option<CommitHealth>,
    /// What is wrong with the pods of unready objects, where they were looked at.
    #[serde(skip)]
    pub faults: BTreeMap<ObjectId, Vec<PodFault>>,
    /// Kinds that cannot be watched, and why. Drift of their objects is not noticed.
    pub unwatched: Vec<(GroupKind, String)>,
    /// What could not be used in the commit.
    pub findings: Vec<Finding>,
    /// Whether everything below the target's paths was read. Only then is anything pruned.
    pub complete: bool,
    /// How many declared objects the pass looked at. The others were at rest, and nothing had happened to them.
    #[serde(skip)]
    pub planned: usize,
    /// How many objects were applied only to look at them: their generation had moved, and the agent's fields had not.
    #[serde(skip)]
    pub looks: usize,
    /// How many objects an audit shows in another light than the passes before it did; `None` if the pass was no audit.
    #[serde(skip)]
    pub missed: Option<usize>,
    /// An object that an apply would change although nobody has changed a field of the agent, by the fingerprint.
    #[serde(skip)]
    pub disagreed: Option<ObjectId>,
    /// How many requests were sent during the pass.
    pub requests: u64,
    /// Why the pass was cut short: the API server was away. The next pass continues.
    pub outage: Option<String>,
    /// The time until the next pass at the latest, if something is due at a time and no event announces it.
    pub next_try: Option<Duration>,
    /// How long the pass took.
    pub took: Duration,
}

/// Serializes retained objects as a list of `object` and `reason`.
pub(super) fn as_retained<S: Serializer>(
    retained: &[(ObjectId, RetainReason)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Retained<'a> {
        object: &'a ObjectId,
        reason: RetainReason,
    }
    serializer.collect_seq(retained.iter().map(|(object, reason)| Retained {
        object,
        reason: *reason,
    }))
}

impl SyncReport {
    pub(super) fn new(target: TargetId, commit: CommitId) -> Self {
        Self {
            target,
            commit,
            declared: 0,
            untouched: 0,
            applied: Vec::new(),
            pruned: Vec::new(),
            failed: Vec::new(),
            awaiting: Vec::new(),
            not_ready_in_time: Vec::new(),
            retained: Vec::new(),
            waiting: None,
            prune_blocked: None,
            drifted: Vec::new(),
            contended: Vec::new(),
            unready: Vec::new(),
            unsettled: Vec::new(),
            health: None,
            faults: BTreeMap::new(),
            unwatched: Vec::new(),
            findings: Vec::new(),
            complete: false,
            planned: 0,
            looks: 0,
            missed: None,
            disagreed: None,
            requests: 0,
            outage: None,
            next_try: None,
            took: Duration::ZERO,
        }
    }

    /// How many applies had this result.
    pub fn count(&self, change: Change) -> usize {
        self.applied.iter().filter(|object| object.change == change).count()
    }

    /// Whether everything that the commit declares could be read, is applied and stays, and no deletion waits.
    pub fn is_in_sync(&self) -> bool {
        self.awaiting.is_empty() && self.is_in_sync_but_for_awaiting()
    }

    /// The same, where objects that wait for others do not count.
    pub fn is_in_sync_but_for_awaiting(&self) -> bool {
        let is_going = self.unsettled.iter().any(|object| object.is_terminating);
        let is_done = self.failed.is_empty() && self.waiting.is_none() && self.prune_blocked.is_none();
        self.outage.is_none() && self.complete && is_done && !is_going
    }

    /// The objects that wait for one that failed or is late: they are a problem, and the others a matter of time.
    fn stuck(&self) -> impl Iterator<Item = &Awaiting> {
        let is_at_fault = |id: &ObjectId| {
            self.failed.iter().any(|failed| failed.id == *id) || self.unsettled.iter().any(|object| object.id == *id)
        };
        self.awaiting
            .iter()
            .filter(move |awaiting| awaiting.on.iter().any(is_at_fault))
    }

    /// Whether the pass ran to its end, and did only a part of what the commit declares.
    pub fn is_partial(&self) -> bool {
        self.outage.is_none() && !self.is_in_sync()
    }

    pub(super) fn wait_at_most(&mut self, pause: Duration) {
        self.next_try = Some(self.next_try.map_or(pause, |known| known.min(pause)));
    }

    /// The problems, one line each, for the record, the event, the status and the callers of the API. What could not be read
    /// comes first.
    pub fn problems(&self) -> Vec<String> {
        let errors = self.findings.iter().filter(|finding| finding.is_error());
        let errors = errors.map(ToString::to_string);
        self.outage
            .clone()
            .into_iter()
            .chain(errors)
            .chain(self.target_problems())
            .chain(self.unsettled.iter().map(ToString::to_string))
            .chain(self.stuck().map(ToString::to_string))
            .collect()
    }

    /// The problems of the target, without an outage, without what is wrong in the config repo, and without objects that do not
    /// come to rest, which are reported one by one.
    pub(super) fn target_problems(&self) -> Vec<String> {
        let mut lines = Vec::new();
        lines.extend(failures(&self.failed));
        lines.extend(self.waiting.as_ref().map(|waiting| waiting.remedy.clone()));
        lines.extend(self.prune_blocked.clone());
        for drifted in &self.drifted {
            let by = drifted.by.as_deref().unwrap_or("somebody");
            let what = match drifted.fields.as_slice() {
                [] => format!("changed by {by} and not repaired (drift: warn)"),
                fields => format!(
                    "{by} added {}, which the manifest does not have; the fields stay (warn)",
                    fields.join(", ")
                ),
            };
            lines.push(format!("{}: {}: {what}", drifted.path, drifted.id));
        }
        for contended in &self.contended {
            let by = contended.by.as_deref().unwrap_or("somebody");
            let place = format!("{}: {}", contended.path, contended.id);
            lines.push(match &contended.field {
                Some(field) => format!(
                    "{place}: {by} keeps changing {field} back; take `{}` out of the manifest, or stop {by}",
                    field.strip_prefix("spec.").filter(|name| !name.contains('.')).unwrap_or(field)
                ),
                None => format!(
                    "{place}: {by} keeps changing it back; stop one of the two, or annotate it tidegate.dev/drift: \"ignore\""
                ),
            });
        }
        for (kind, reason) in &self.unwatched {
            lines.push(format!("{kind} cannot be watched, drift is not noticed: {reason}"));
        }
        lines
    }

    /// The objects that the agent may not apply; `None` if the pass was cut short.
    pub(super) fn denied(&self) -> Option<BTreeSet<ObjectId>> {
        let denied = self
            .failed
            .iter()
            .filter(|failed| is_for_want_of_rights(&failed.message));
        self.outage
            .is_none()
            .then(|| denied.map(|failed| failed.id.clone()).collect())
    }
}

/// One line for each failure. Objects that lack the same right share a line, which names the value that grants the right.
pub(super) fn failures(failed: &[FailedObject]) -> Vec<String> {
    let mut rights: BTreeMap<MissingRight, usize> = BTreeMap::new();
    for right in failed.iter().filter_map(|failed| MissingRight::read(&failed.message)) {
        *rights.entry(right).or_default() += 1;
    }
    let line = |failed: &FailedObject| {
        let Some(right) = MissingRight::read(&failed.message) else {
            return Some(failed.to_string());
        };
        let others = match rights.remove(&right)? - 1 {
            0 => String::new(),
            count => format!("; {count} more objects lack the same right"),
        };
        Some(format!("{failed}{others}; add to the chart's values: {right}"))
    };
    failed.iter().filter_map(line).collect()
}

/// `abc1234: 200 declared, 1 configured, 2 requests`.
impl fmt::Display for SyncReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} declared", self.commit.short(), self.declared)?;
        for change in [Change::Created, Change::Configured, Change::Adopted, Change::Repaired] {
            match self.count(change) {
                0 => {}
                count => write!(f, ", {count} {change}")?,
            }
        }
        for (count, word) in [(self.pruned.len(), "deleted"), (self.failed.len(), "failed")] {
            if count > 0 {
                write!(f, ", {count} {word}")?;
            }
        }
        if let Some(waiting) = &self.waiting {
            write!(f, ", {} deletions wait", waiting.objects.len())?;
        }
        if self.outage.is_some() {
            f.write_str(", cut short by an outage")?;
        }
        Ok(())
    }
}
