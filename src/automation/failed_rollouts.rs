//! Which of our bumps are to blame for a rollout that failed.
//!
//! The evidence is what git declares, byte by byte, and what the targets' loops saw: the object has failed with exactly the
//! manifest that a commit of ours made, and was ready with exactly the manifest before that commit. A trailer alone is no evidence.

use super::history_reader::HistoryReader;
use super::own_commit::is_ours;
use crate::history::{self, Bump};
use crate::model::{CommitId, FieldId, ObjectId, TargetId};
use crate::plan::{AutomatedField, FailedRollout, Innocent, PlannedRevert};
use crate::port::{ConfigRepo, DeclaredSource, DeclaredState, ObjectHealth, ObjectHealths, RepoFailure};
use crate::resource::{DesiredHash, GroupKind, Health};
use std::collections::{BTreeMap, BTreeSet};

/// A commit that changed an object, and the object.
type Place = (CommitId, TargetId, ObjectId);

/// Judges rollouts that failed. From pass to pass it keeps what commits declare, which it could read again.
#[derive(Debug, Default)]
pub(super) struct FailedRollouts {
    /// The manifests of objects before and at a commit of ours.
    manifests: BTreeMap<Place, (Option<DesiredHash>, Option<DesiredHash>)>,
    /// The bumps of commits whose bytes prove that they are ours; none for another commit.
    commits: BTreeMap<CommitId, OwnCommit>,
}

#[derive(Debug, Clone, Default)]
struct OwnCommit {
    parent: Option<CommitId>,
    bumps: Vec<Bump>,
}

/// What was found out about rollouts that failed.
#[derive(Debug, Default)]
pub(super) struct Judged {
    /// The bumps to take back, ordered by path and position.
    pub(super) reverts: Vec<PlannedRevert>,
    /// The fields whose image fails and whose bump stays, each with the reason.
    pub(super) stay: BTreeMap<FieldId, String>,
}

/// What rollouts are judged by.
pub(super) struct Evidence<'a, R> {
    pub(super) repo: &'a R,
    pub(super) source: &'a dyn DeclaredSource,
    pub(super) declared: &'a DeclaredState,
    pub(super) healths: &'a ObjectHealths,
    pub(super) history: &'a HistoryReader,
    /// Whether a workload without an annotation has its bumps taken back.
    pub(super) is_default: bool,
}

/// An object that failed as the head declares it.
struct Failed {
    target: TargetId,
    id: ObjectId,
    health: ObjectHealth,
    why: String,
}

/// Whether a rollout that fails takes back the bumps of any of these fields.
pub(super) fn is_used<'a>(mut fields: impl Iterator<Item = &'a AutomatedField>, is_default: bool) -> bool {
    fields.any(|field| field.revert_on_failure.unwrap_or(is_default))
}

impl FailedRollouts {
    /// Judges all objects that have failed.
    pub(super) async fn judge<R: ConfigRepo>(
        &mut self,
        fields: &[&AutomatedField],
        evidence: &Evidence<'_, R>,
    ) -> Result<Judged, RepoFailure> {
        let mut judged = Judged::default();
        let mut blamed: BTreeMap<CommitId, Vec<(FieldId, Failed)>> = BTreeMap::new();
        let mut used = BTreeSet::new();
        for failed in failed(evidence) {
            for field in fields {
                let is_on = field.revert_on_failure.unwrap_or(evidence.is_default);
                if !is_on || !field.sets_image_of(&failed.id, &failed.health.images) {
                    continue;
                }
                let Some(commit) = evidence.history.last_bump(&field.field) else {
                    continue;
                };
                used.insert(commit);
                match self.is_blamed(field, commit, &failed, evidence).await? {
                    Ok(()) => blamed
                        .entry(commit)
                        .or_default()
                        .push((field.field.clone(), failed.again())),
                    Err(Innocent::RolledOut) => {}
                    Err(Innocent::Because(reason)) => {
                        judged.stay.insert(field.field.clone(), reason);
                    }
                }
            }
        }
        self.commits.retain(|commit, _| used.contains(commit));
        self.manifests.retain(|(commit, ..), _| used.contains(commit));
        for (commit, failed) in blamed {
            let own = self.commits.get(&commit).cloned().unwrap_or_default();
            judged.reverts.extend(reverts(fields, commit, &own, &failed, evidence));
        }
        let place = |revert: &PlannedRevert| (revert.path.clone(), revert.position, revert.field.clone());
        judged.reverts.sort_by_key(place);
        judged.reverts.dedup_by(|a, b| place(a) == place(b));
        judged
            .stay
            .retain(|field, _| judged.reverts.iter().all(|revert| revert.field != *field));
        Ok(judged)
    }

    async fn is_blamed<R: ConfigRepo>(
        &mut self,
        field: &AutomatedField,
        commit: CommitId,
        failed: &Failed,
        evidence: &Evidence<'_, R>,
    ) -> Result<Result<(), Innocent>, RepoFailure> {
        let own = self.own_commit(commit, evidence.repo).await?;
        let Some(bump) = own.bumps.iter().find(|bump| is_still(bump, field)) else {
            let reason = format!("the bytes of commit {} are not those of a bump of ours", commit.short());
            return Ok(Err(Innocent::Because(reason)));
        };
        let (before, bumped) = self.manifests(commit, own.parent, failed, evidence).await?;
        let rollout = FailedRollout {
            object: &failed.id,
            field,
            bump,
            commit,
            failed: failed.health.manifest,
            bumped,
            before,
            last_ready: failed.health.last_ready,
            pods: &failed.health.pods,
        };
        Ok(rollout.is_blamed())
    }

    /// A commit, if its bytes prove that it is ours.
    async fn own_commit(&mut self, commit: CommitId, repo: &impl ConfigRepo) -> Result<OwnCommit, RepoFailure> {
        if let Some(known) = self.commits.get(&commit) {
            return Ok(known.clone());
        }
        let mut own = OwnCommit::default();
        let read = repo.commits(vec![commit]).await?;
        if let Some(read) = read.iter().find(|read| read.id == commit)
            && is_ours(repo, read).await?
        {
            own.parent = read.parents.first().copied();
            own.bumps = history::bumps(&read.message);
        }
        self.commits.insert(commit, own.clone());
        Ok(own)
    }

    /// The manifests of an object before and at a commit.
    async fn manifests<R: ConfigRepo>(
        &mut self,
        commit: CommitId,
        parent: Option<CommitId>,
        failed: &Failed,
        evidence: &Evidence<'_, R>,
    ) -> Result<(Option<DesiredHash>, Option<DesiredHash>), RepoFailure> {
        let place = (commit, failed.target.clone(), failed.id.clone());
        if let Some(known) = self.manifests.get(&place) {
            return Ok(*known);
        }
        let before = match parent {
            Some(parent) => manifest(&*evidence.source.at(parent).await?, failed),
            None => None,
        };
        let bumped = manifest(&*evidence.source.at(commit).await?, failed);
        self.manifests.insert(place, (before, bumped));
        Ok((before, bumped))
    }
}

impl Failed {
    fn again(&self) -> Self {
        Self {
            target: self.target.clone(),
            id: self.id.clone(),
            health: self.health.clone(),
            why: self.why.clone(),
        }
    }
}

/// The objects that fail with the manifest that the head declares. A Job does not roll out, and a rollout that somebody paused
/// has not failed.
fn failed<R>(evidence: &Evidence<'_, R>) -> Vec<Failed> {
    let all = evidence.healths.failed().into_iter();
    let failed = all.filter_map(|(target, id, health)| {
        let Health::Failed(why) = &health.health else {
            return None;
        };
        let why = why.clone();
        let failed = Failed {
            target,
            id,
            health,
            why,
        };
        let is_rollout = !GroupKind::of(&failed.id).is("batch", "Job") && !failed.health.health.is_paused();
        (is_rollout && manifest(evidence.declared, &failed) == Some(failed.health.manifest)).then_some(failed)
    });
    failed.collect()
}

/// The manifest of an object that a commit declares for its target.
fn manifest(declared: &DeclaredState, failed: &Failed) -> Option<DesiredHash> {
    let state = declared.target(&failed.target)?;
    let mut objects = state.objects.iter().filter(|object| object.id.names(&failed.id));
    let object = objects.next()?;
    // A name that two objects have says nothing.
    objects.next().is_none().then(|| DesiredHash::of(&object.value.value()))
}

/// Whether a field has what a bump wrote.
fn is_still(bump: &Bump, field: &AutomatedField) -> bool {
    let after = bump.after();
    bump.field == field.field
        && after.tag.as_ref() == field.image.tag()
        && after.digest.as_ref() == field.image.digest()
        && bump.new_image.as_deref().is_none_or(|name| name == field.image.name())
}

/// The reverts of one commit: of the fields that are to blame, of the fields of their groups, and of those in the same scalar.
fn reverts<R>(
    fields: &[&AutomatedField],
    commit: CommitId,
    own: &OwnCommit,
    blamed: &[(FieldId, Failed)],
    evidence: &Evidence<'_, R>,
) -> Vec<PlannedRevert> {
    let of_commit: Vec<(&AutomatedField, &Bump)> = fields
        .iter()
        .filter(|field| evidence.history.last_bump(&field.field) == Some(commit))
        .filter_map(|field| Some((*field, own.bumps.iter().find(|bump| is_still(bump, field))?)))
        .collect();
    let mut reverts = Vec::new();
    for (id, failed) in blamed {
        let own_fields: Vec<&AutomatedField> = of_commit
            .iter()
            .map(|(field, _)| *field)
            .filter(|field| field.field == *id)
            .collect();
        let goes_with = |field: &AutomatedField| {
            own_fields.iter().any(|own| {
                let is_of_group = own.groups.iter().any(|group| {
                    let mut others = field.groups.iter();
                    others.any(|other| other.name == group.name)
                });
                field.field == own.field || is_of_group || (&field.path, field.position) == (&own.path, own.position)
            })
        };
        let go = of_commit.iter().filter(|(field, _)| goes_with(field));
        reverts.extend(go.map(|(field, bump)| PlannedRevert {
            path: field.path.clone(),
            field: field.field.clone(),
            position: field.position,
            bump: (*bump).clone(),
            commit,
            target: failed.target.clone(),
            object: failed.id.clone(),
            why: failed.why.clone(),
            since: failed.health.since,
        }));
    }
    reverts
}
