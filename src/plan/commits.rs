use super::bump_plan::{BumpPlan, Decision, Outcome, PlannedBump};
use super::connected::connected;
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
    /// One commit for each object, in the order of the files. The objects of a group share one.
    Workload,
}

/// Cuts a plan into commits, in order. Every bump is in one commit, with its decision, and every commit has a bump. A commit
/// whose message would be longer than `LONGEST_MESSAGE` is cut further. The bumps of a group are never parted.
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
    while let Some(bumps) = waiting.pop() {
        if bumps.is_empty() {
            continue;
        }
        let decisions = bumps
            .iter()
            .filter_map(|bump| decided.get(&(&bump.path, &bump.field)).copied().cloned());
        let decisions = decisions.collect();
        let part = BumpPlan { bumps, decisions };
        let is_too_long = part.bumps.len() > 1 && message(&part, template).len() > LONGEST_MESSAGE;
        let halves = if is_too_long { halves(&part.bumps) } else { Vec::new() };
        match halves.len() {
            0 | 1 => cut.push(part),
            _ => waiting.extend(halves.into_iter().rev()),
        }
    }
    cut
}

/// What bumps have in common that stay in one commit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Bond<'a> {
    Object(&'a ObjectId),
    Scalar(&'a RepoPath, Position),
    Group(&'a str),
}

/// What a bump must not be parted from: the bumps of its scalar, so that [`super::check`] sees both, and those of its group.
fn bonds(bump: &PlannedBump) -> impl Iterator<Item = Bond<'_>> {
    let group = bump.group.as_ref().map(|group| Bond::Group(&group.name));
    std::iter::once(Bond::Scalar(&bump.path, bump.position)).chain(group)
}

/// The bumps of each object, together with those that they must not be parted from.
fn by_object(bumps: &[PlannedBump]) -> Vec<Vec<PlannedBump>> {
    together(bumps, |bump| {
        std::iter::once(Bond::Object(&bump.field.object))
            .chain(bonds(bump))
            .collect()
    })
}

/// The bumps cut in two; one part where nothing may be parted.
fn halves(bumps: &[PlannedBump]) -> Vec<Vec<PlannedBump>> {
    let mut first = together(bumps, |bump| bonds(bump).collect());
    let second = first.split_off(first.len().div_ceil(2)).concat();
    let halves = [first.concat(), second].into_iter();
    halves.filter(|half| !half.is_empty()).collect()
}

/// The bumps that have bonds in common, directly or through others. Parts and bumps keep the order of their first bumps.
fn together<'a>(bumps: &'a [PlannedBump], bonds: impl Fn(&'a PlannedBump) -> Vec<Bond<'a>>) -> Vec<Vec<PlannedBump>> {
    let parts = connected(bumps.iter().map(bonds)).into_iter();
    parts
        .map(|part| part.into_iter().map(|at| bumps[at].clone()).collect())
        .collect()
}
