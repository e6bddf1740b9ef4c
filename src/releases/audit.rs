//! Compares the objects of a release with its newest revision, and puts back what somebody changed.

use super::end::End;
use super::memory::{Memory, Verdict};
use super::shared::Shared;
use crate::driver::blocking;
use crate::manifest;
use crate::model::{ObjectId, RepoPath};
use crate::notice::ReleaseEvent;
use crate::port::{ClusterFailure, Compared, HelmProgram, HelmRelease, ReleaseCluster, ReleaseObject, Repair};
use crate::release::{
    DriftRules, ObjectMark, ObjectsStatus, ReleaseName, RevisionStatus, SeenObjects, Status, failure_text,
};
use crate::resource::{Drift, GroupKind, Ignore, KindVersion, Object, Run};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A release that somebody upgrades meanwhile is looked at again then; this is for a revision that the watch has shown.
const CHANGED: Duration = Duration::from_secs(2);
/// An object that waits for its finalizers wakes the loop when the object goes.
const UNFINISHED: &str = "";
/// The most lines about objects in the status.
const MOST_LINES: usize = 20;

/// The comparison of the objects of one release.
pub(super) struct Audit<C, H, G> {
    pub(super) shared: Arc<Shared<C, H, G>>,
    pub(super) id: ObjectId,
    pub(super) uid: String,
    pub(super) release: ReleaseName,
    pub(super) revision: u32,
    pub(super) rules: DriftRules,
    /// The objects, as the watches showed them before.
    pub(super) seen: SeenObjects,
    /// The kinds that are followed, or cannot be.
    pub(super) followed: BTreeSet<GroupKind>,
}

impl<C: ReleaseCluster, H: HelmProgram, G> Audit<C, H, G> {
    /// Compares, repairs, and notes the result in the status.
    pub(super) async fn run(self) -> End {
        match self.compare().await {
            Ok(end) => end,
            Err(failure) => End::Failed(failure.to_string()),
        }
    }

    async fn compare(&self) -> Result<End, ClusterFailure> {
        let cluster = &self.shared.cluster;
        let Some(live) = cluster
            .read(&self.id)
            .await?
            .filter(|live| live.uid == self.uid && !live.is_deleted)
        else {
            return Ok(End::Rest);
        };
        if !self.is_newest().await? {
            return Ok(End::Again(CHANGED));
        }
        let Some(text) = cluster.manifests(&self.release, self.revision).await? else {
            return Ok(End::Again(CHANGED));
        };
        let path = RepoPath::parse("release.yaml").map_err(|error| refused(error.to_string()))?;
        let read = blocking(move || manifest::read(&path, text.expose())).await;
        let read = read.map_err(|error| refused(error.to_string()))?;
        let objects: Vec<Arc<Object>> = read.documents.into_iter().map(|document| document.object).collect();
        let kinds: BTreeSet<GroupKind> = objects.iter().map(|object| GroupKind::of(&object.id)).collect();
        let found = ObjectsStatus {
            revision: self.revision,
            kinds: kinds.iter().map(ToString::to_string).collect(),
            ..ObjectsStatus::default()
        };
        if !kinds.is_subset(&self.followed) {
            // The loop follows the kinds that the status names. What the watches show then starts the next comparison.
            self.note(&live, found).await?;
            return Ok(End::Rest);
        }
        let mut memory = self.shared.memory.take(&self.id, self.revision, &self.rules);
        let compared = self.each(&objects, &mut memory).await;
        let calm = memory.calm();
        let end = match compared {
            Ok((now, wait)) => {
                self.conclude(&live, found, &memory, now, wait.into_iter().chain(calm).min())
                    .await
            }
            Err(failure) => Err(failure),
        };
        self.shared.memory.keep(&self.id, memory);
        end
    }

    /// Looks at each object that has changed since it was last looked at. Returns the marks as they are then, and when the next object
    /// is due.
    async fn each(
        &self,
        objects: &[Arc<Object>],
        memory: &mut Memory,
    ) -> Result<(SeenObjects, Option<Duration>), ClusterFailure> {
        let (mut now, mut wait) = (self.seen.clone(), None);
        for object in objects {
            let (id, mark) = self.seen_as(&object.id);
            if mark.is_some() && memory.has_settled(&id, mark) {
                continue;
            }
            match self.one(object, &id, memory).await {
                Ok(Verdict::Settled) => memory.settle(&id, mark),
                Ok(Verdict::Repaired(mark)) => {
                    now.marks.insert(id.clone(), mark);
                    memory.settle(&id, Some(mark));
                }
                Ok(Verdict::Reported { is_asked_for, line }) => {
                    memory.settle(&id, mark);
                    memory.report(&id, is_asked_for, line);
                }
                Ok(Verdict::Later(due)) => {
                    let left = due.saturating_duration_since(Instant::now());
                    wait = Some(wait.map_or(left, |known: Duration| known.min(left)));
                }
                Err(failure) if failure.is_outage() => return Err(failure),
                Err(failure) => {
                    let line = format!("{id} cannot be put back: {}", failure_text(&failure.to_string(), &[]));
                    memory.report(&id, false, line);
                    let left = memory.failed(&id).saturating_duration_since(Instant::now());
                    wait = Some(wait.map_or(left, |known: Duration| known.min(left)));
                }
            }
        }
        Ok((now, wait))
    }

    /// The object as the watches name it, and its mark.
    fn seen_as(&self, declared: &ObjectId) -> (ObjectId, Option<ObjectMark>) {
        let placed = ObjectId {
            namespace: declared
                .namespace
                .clone()
                .or_else(|| Some(self.release.namespace.clone())),
            ..declared.clone()
        };
        if let Some(mark) = self.seen.marks.get(&placed) {
            return (placed, Some(*mark));
        }
        let bare = ObjectId {
            namespace: None,
            ..declared.clone()
        };
        match self.seen.marks.get(&bare) {
            Some(mark) => (bare, Some(*mark)),
            None => (placed, None),
        }
    }

    async fn one(&self, object: &Object, id: &ObjectId, memory: &mut Memory) -> Result<Verdict, ClusterFailure> {
        let drift = match object.intent.drift {
            _ if object.intent.ignore == Ignore::Yes => Drift::Ignore,
            Drift::Repair => self.rules.drift,
            own => own,
        };
        if drift == Drift::Ignore {
            return Ok(Verdict::Settled);
        }
        if let Some(due) = memory.due(id) {
            return Ok(Verdict::Later(due));
        }
        let ignored = object.intent.ignore_fields.iter().chain(&self.rules.ignored);
        let declared = ReleaseObject {
            release: self.release.clone(),
            id: object.id.clone(),
            kind: KindVersion::new(&object.api_version, &object.id.kind),
            manifest: object.value.value(),
            ignored: ignored.cloned().collect(),
        };
        let (what, by, fields, repair) = match self.shared.cluster.compare_object(&declared).await? {
            Compared::Same | Compared::Going => return Ok(Verdict::Settled),
            Compared::Elsewhere(reason) => {
                let line = format!("{id} is left alone: {reason}");
                return Ok(Verdict::Reported {
                    is_asked_for: false,
                    line,
                });
            }
            // A Job may vanish when it has run. To make it again would run it again.
            Compared::Absent(_) if Run::has_end(&GroupKind::of(&object.id)) => return Ok(Verdict::Settled),
            Compared::Absent(repair) => (format!("{id} is gone"), None, Vec::new(), repair),
            Compared::Differs { fields, by, repair } => {
                let who = by.as_deref().unwrap_or("somebody");
                (
                    format!("{id}: {} changed by {who}", fields.join(", ")),
                    by,
                    fields,
                    repair,
                )
            }
        };
        if drift == Drift::Warn {
            let line = format!("{what}, and not repaired (drift: warn)");
            return Ok(Verdict::Reported {
                is_asked_for: true,
                line,
            });
        }
        self.repair(id, by, fields, &repair, memory).await
    }

    async fn repair(
        &self,
        id: &ObjectId,
        by: Option<String>,
        fields: Vec<String>,
        repair: &Repair,
        memory: &mut Memory,
    ) -> Result<Verdict, ClusterFailure> {
        if !self.is_newest().await? {
            // An upgrade has begun. What it makes of the object counts.
            return Ok(Verdict::Later(Instant::now() + CHANGED));
        }
        let mark = self.shared.cluster.repair_object(repair).await?;
        if let Some(line) = memory.repaired(id, by.as_deref()) {
            memory.report(id, false, line);
        }
        self.shared.reporter.happened((
            self.shared.target.clone(),
            ReleaseEvent::Repaired {
                id: self.id.clone(),
                release: self.release.to_string(),
                object: id.clone(),
                by,
                fields,
            },
        ));
        Ok(Verdict::Repaired(mark))
    }

    /// Whether the revision is still the newest one, and in force.
    async fn is_newest(&self) -> Result<bool, ClusterFailure> {
        let stored = self.shared.cluster.stored(&self.release).await?;
        Ok(stored
            .last()
            .is_some_and(|newest| newest.number == self.revision && newest.status == RevisionStatus::Deployed))
    }

    async fn conclude(
        &self,
        live: &HelmRelease,
        mut found: ObjectsStatus,
        memory: &Memory,
        now: SeenObjects,
        wait: Option<Duration>,
    ) -> Result<End, ClusterFailure> {
        found.digest = match wait {
            None => now.digest(&self.rules),
            Some(_) => UNFINISHED.to_owned(),
        };
        (found.drifted, found.problems) = (memory.lines(true, MOST_LINES), memory.lines(false, MOST_LINES));
        self.note(live, found).await?;
        Ok(wait.map_or(End::Rest, End::Later))
    }

    async fn note(&self, live: &HelmRelease, found: ObjectsStatus) -> Result<(), ClusterFailure> {
        let mut status = Status::read(&live.value);
        if status.objects.as_ref() == Some(&found) {
            return Ok(());
        }
        status.objects = Some(found);
        self.shared.cluster.set_status(live, &status).await
    }
}

fn refused(message: String) -> ClusterFailure {
    ClusterFailure::Refused { message }
}
