use super::decide::{BumpPlan, Outcome};
use super::message::{Template, message};
use crate::history::LONGEST_MESSAGE;
use std::collections::BTreeSet;

/// Looks for what no plan may contain. A plan that fails is a fault of ours: it must not be carried out.
///
/// # Errors
/// Every problem, one sentence each.
pub fn check(plan: &BumpPlan) -> Result<(), Vec<String>> {
    let mut problems = Vec::new();
    if plan.bumps.is_empty() {
        problems.push("the plan changes nothing".to_owned());
    }
    let mut scalars = BTreeSet::new();
    let mut fields = BTreeSet::new();
    for bump in &plan.bumps {
        let place = format!("{}:{}", bump.path, bump.position);
        if !scalars.insert((&bump.path, bump.position)) {
            problems.push(format!("{place}: more than one bump rewrites this scalar"));
        }
        if !fields.insert((&bump.path, &bump.field)) {
            problems.push(format!("{place}: {} is bumped twice in one file", bump.field));
        }
        if bump.from.as_ref() == Some(&bump.to) {
            problems.push(format!(
                "{place}: the bump of {} to {} changes nothing",
                bump.field, bump.to
            ));
        }
        if bump.from.as_ref() != bump.image.tag() || bump.image.digest().is_some() {
            problems.push(format!("{place}: {} is not what the bump starts from", bump.image));
        }
        let decided = plan.decisions.iter().any(|decision| {
            decision.outcome == Outcome::Bump && decision.field == bump.field && decision.path == bump.path
        });
        if !decided {
            problems.push(format!("{place}: no decision speaks for the bump of {}", bump.field));
        }
    }
    if message(plan, &Template::default()).len() > LONGEST_MESSAGE {
        problems.push("the commit message would be longer than what is read back".to_owned());
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}
