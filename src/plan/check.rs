use super::bump_plan::{BumpPlan, Outcome, PlannedBump};
use super::message::{Template, message};
use crate::history::LONGEST_MESSAGE;
use std::collections::{BTreeMap, BTreeSet};

/// Checks a plan before it is carried out. A plan that fails has a fault of ours and must not be carried out. Fields that share
/// a scalar through an anchor may both write the scalar if they write the same text.
///
/// # Errors
/// Every problem, one sentence each.
pub fn check(plan: &BumpPlan) -> Result<(), Vec<String>> {
    let mut problems = Vec::new();
    if plan.bumps.is_empty() {
        problems.push("the plan changes nothing".to_owned());
    }
    let mut scalars = BTreeMap::new();
    let mut fields = BTreeSet::new();
    let decided: BTreeSet<_> = plan
        .decisions
        .iter()
        .filter(|decision| decision.outcome == Outcome::Bump)
        .map(|decision| (&decision.path, &decision.field))
        .collect();
    for bump in &plan.bumps {
        let position = format!("{}:{}", bump.path, bump.position);
        let text = (
            &bump.image,
            &bump.new_name,
            &bump.to,
            bump.digest.as_ref().filter(|_| bump.pinned),
        );
        if *scalars.entry((&bump.path, bump.position)).or_insert(text) != text {
            problems.push(format!("{position}: more than one bump rewrites this scalar"));
        }
        if !fields.insert((&bump.path, &bump.field)) {
            problems.push(format!("{position}: {} is bumped twice in one file", bump.field));
        }
        let record = bump.record();
        if record.before() == record.after() && record.image == record.image_after() {
            problems.push(format!(
                "{position}: the bump of {} to {} changes nothing",
                bump.field, bump.to
            ));
        }
        if bump.from.as_ref() != bump.image.tag() || bump.image.digest().is_some() && !bump.pinned {
            problems.push(format!("{position}: {} is not what the bump starts from", bump.image));
        }
        if bump.pinned && bump.digest.is_none() {
            problems.push(format!(
                "{position}: the digest of {} has to be written and is not known",
                bump.to
            ));
        }
        if moves_down(bump) {
            problems.push(format!("{position}: {} is older than {}", bump.to, bump.image));
        }
        if !decided.contains(&(&bump.path, &bump.field)) {
            problems.push(format!("{position}: no decision plans the bump of {}", bump.field));
        }
    }
    if message(plan, &Template::default()).len() > LONGEST_MESSAGE {
        problems.push("the commit message would be longer than the part that is read back".to_owned());
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// Whether a bump moves to an older image. The answer comes from the bump itself and not from how it was chosen.
fn moves_down(bump: &PlannedBump) -> bool {
    let Some(from) = bump.from.as_ref() else { return false };
    let pushed_before = || matches!((bump.pushed_at, bump.from_pushed_at), (Some(to), Some(from)) if to < from);
    if *from == bump.to || bump.policy.needs_push_times() {
        pushed_before()
    } else {
        bump.policy.is_newer_by_name(from, &bump.to)
    }
}
