use crate::model::{CommitId, Finding, ObjectId, RepoPath};
use crate::resource::{GroupKind, Health, Kept};
use serde::Serialize;
use std::fmt;
use std::time::Duration;

/// What came of applying an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// It was not there.
    Created,
    /// It was there and differed.
    Configured,
    /// It was as declared.
    Unchanged,
    /// Somebody had changed or deleted it since our last apply.
    Repaired,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Created => "created",
            Self::Configured => "configured",
            Self::Unchanged => "unchanged",
            Self::Repaired => "repaired",
        })
    }
}

/// An object that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AppliedObject {
    /// Which.
    pub id: ObjectId,
    /// Its file.
    pub path: RepoPath,
    /// What came of it.
    pub change: Change,
    /// For a repair: who had changed it, where the server tells.
    pub by: Option<String>,
}

/// An object that is not as declared, and why. Told on every pass until it is mended; it is tried again by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailedObject {
    /// Which.
    pub id: ObjectId,
    /// Its file; `None` for a deletion.
    pub path: Option<RepoPath>,
    /// In the server's words where it spoke.
    pub message: String,
}

/// An object that drifted and is left so because its manifest says `drift: warn`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Drifted {
    /// Which.
    pub id: ObjectId,
    /// Its file.
    pub path: RepoPath,
    /// Who changed it, where the server tells; `None` also when it was deleted.
    pub by: Option<String>,
}

/// An object that somebody keeps changing back: repaired more and more slowly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Contested {
    /// Which.
    pub id: ObjectId,
    /// Its file.
    pub path: RepoPath,
    /// Who, where the server tells.
    pub by: Option<String>,
    /// Repairs within the last minute.
    pub repairs: usize,
    /// When it is put back next.
    pub next_in: Duration,
}

/// Deletions that wait for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WaitingDeletions {
    /// What would be deleted.
    pub objects: Vec<ObjectId>,
    /// Why they wait and what to do.
    pub remedy: String,
}

/// What a pass found and did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SyncReport {
    /// The commit.
    pub commit: CommitId,
    /// How many objects it declares.
    pub declared: usize,
    /// How many of them needed no request.
    pub untouched: usize,
    /// What was sent, in the order of the waves.
    pub applied: Vec<AppliedObject>,
    /// What was deleted.
    pub pruned: Vec<ObjectId>,
    /// What is not as declared.
    pub failed: Vec<FailedObject>,
    /// Members of the set that are not declared and were left standing.
    pub kept: Vec<(ObjectId, Kept)>,
    /// Deletions that wait for a confirmation.
    pub waiting: Option<WaitingDeletions>,
    /// Why nothing is deleted now, if something stands in the way.
    pub prune_blocked: Option<String>,
    /// Drift that is only reported.
    pub drifted: Vec<Drifted>,
    /// Objects somebody fights over.
    pub contested: Vec<Contested>,
    /// Declared objects that are not ready; ready ones and those without a state are left out.
    pub unready: Vec<(ObjectId, Health)>,
    /// Kinds that cannot be watched, and why: drift of their objects is not seen.
    pub unwatched: Vec<(GroupKind, String)>,
    /// Findings of the reading.
    pub findings: Vec<Finding>,
    /// Requests this pass sent.
    pub requests: u64,
    /// The API server was away: one error for the whole pass, which the next pass continues.
    pub outage: Option<String>,
    /// When to run the next pass at the latest, if something waits for a time and not for an event.
    pub next_try: Option<Duration>,
    /// How long it took.
    pub took: Duration,
}

impl SyncReport {
    pub(super) fn new(commit: CommitId) -> Self {
        Self {
            commit,
            declared: 0,
            untouched: 0,
            applied: Vec::new(),
            pruned: Vec::new(),
            failed: Vec::new(),
            kept: Vec::new(),
            waiting: None,
            prune_blocked: None,
            drifted: Vec::new(),
            contested: Vec::new(),
            unready: Vec::new(),
            unwatched: Vec::new(),
            findings: Vec::new(),
            requests: 0,
            outage: None,
            next_try: None,
            took: Duration::ZERO,
        }
    }

    /// How many applied objects came out so.
    pub fn count(&self, change: Change) -> usize {
        self.applied.iter().filter(|object| object.change == change).count()
    }

    /// Whether everything declared is applied and nothing waits.
    pub fn is_in_sync(&self) -> bool {
        self.outage.is_none() && self.failed.is_empty() && self.waiting.is_none() && self.prune_blocked.is_none()
    }

    /// Whether the pass changed the cluster.
    pub fn changed_anything(&self) -> bool {
        !self.pruned.is_empty() || self.count(Change::Unchanged) < self.applied.len()
    }

    pub(super) fn wait_at_most(&mut self, pause: Duration) {
        self.next_try = Some(self.next_try.map_or(pause, |known| known.min(pause)));
    }

    /// The problems, one line each, for the record and the log.
    pub fn problems(&self) -> Vec<String> {
        let mut lines = Vec::new();
        lines.extend(self.outage.clone());
        for failed in &self.failed {
            let path = failed.path.as_ref().map_or(String::new(), |path| format!("{path}: "));
            lines.push(format!("{path}{}: {}", failed.id, failed.message));
        }
        lines.extend(self.waiting.as_ref().map(|waiting| waiting.remedy.clone()));
        lines.extend(self.prune_blocked.clone());
        for drifted in &self.drifted {
            let by = drifted.by.as_deref().unwrap_or("somebody");
            lines.push(format!(
                "{}: {}: changed by {by} and left so (drift: warn)",
                drifted.path, drifted.id
            ));
        }
        for contested in &self.contested {
            let by = contested.by.as_deref().unwrap_or("somebody");
            lines.push(format!(
                "{}: {}: {by} keeps changing it back; stop one of the two, or annotate it tidegate.dev/drift: \"ignore\"",
                contested.path, contested.id
            ));
        }
        for (kind, reason) in &self.unwatched {
            lines.push(format!("{kind} cannot be watched, drift is not seen: {reason}"));
        }
        lines
    }
}

/// `abc1234: 200 declared, 1 configured, 2 requests`.
impl fmt::Display for SyncReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} declared", self.commit.short(), self.declared)?;
        for change in [Change::Created, Change::Configured, Change::Repaired] {
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
