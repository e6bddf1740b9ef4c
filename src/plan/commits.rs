use super::bump_plan::{BumpPlan, Decision, Outcome, PlannedBump};
use super::message::{Template, message};
use crate::history::LONGEST_MESSAGE;
use crate::model::{FieldId, ObjectId, Position, RepoPath};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How the bumps of one pass become commits. All commits are pushed at once; each is the parent of the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CommitPer {
    /// One commit for all bumps.
    #[default]
    Pass,
    /// One commit for each object, in the order of the files.
    Workload,
}

/// Cuts a plan into commits, in order. Every bump is in one commit, with its decision, and every commit has a bump. A commit
/// whose message would be longer than `LONGEST_MESSAGE` is cut further.
pub fn commits(plan: &BumpPlan, per: CommitPer, template: &Template) -> Vec<BumpPlan> {
    let decided: BTreeMap<(&RepoPath, &FieldId), &Arc<Decision>> = plan
        .decisions
        .iter()
        .filter(|decision| decision.outcome == Outcome::Bump)
        .map(|decision| ((&decision.path, &decision.field), decision))
        .collect();
    let groups = match per {
        CommitPer::Pass => vec![plan.bumps.clone()],
        CommitPer::Workload => by_object(&plan.bumps),
    };
    let mut waiting: Vec<Vec<PlannedBump>> = groups.into_iter().rev().collect();
    let mut cut = Vec::new();
    while let Some(mut bumps) = waiting.pop() {
        if bumps.is_empty() {
            continue;
        }
        let decisions = bumps
            .iter()
            .filter_map(|bump| decided.get(&(&bump.path, &bump.field)).copied().cloned());
        let decisions = decisions.collect();
        let part = BumpPlan { bumps, decisions };
        if part.bumps.len() > 1 && message(&part, template).len() > LONGEST_MESSAGE {
            bumps = part.bumps;
            let second = bumps.split_off(bumps.len() / 2);
            waiting.extend([second, bumps]);
        } else {
            cut.push(part);
        }
    }
    cut
}

/// The bumps of each object. Two bumps of one scalar stay together, so that [`super::check`] sees both.
fn by_object(bumps: &[PlannedBump]) -> Vec<Vec<PlannedBump>> {
    let mut objects: BTreeMap<&ObjectId, usize> = BTreeMap::new();
    let mut scalars: BTreeMap<(&RepoPath, Position), usize> = BTreeMap::new();
    let mut groups: Vec<Vec<PlannedBump>> = Vec::new();
    for bump in bumps {
        let group = *objects.entry(&bump.field.object).or_insert(groups.len());
        let group = *scalars.entry((&bump.path, bump.position)).or_insert(group);
        match groups.get_mut(group) {
            Some(group) => group.push(bump.clone()),
            None => groups.push(vec![bump.clone()]),
        }
    }
    groups
}
