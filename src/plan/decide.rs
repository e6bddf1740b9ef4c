use super::bump_plan::BumpPlan;
use super::decide_field::{decide_among, decide_field, eligible_tags, verdict};
use super::decide_group::{AskMember, Fits, decide_group, units};
use super::field::AutomatedField;
use super::observed::{DecidedField, Observed};
use crate::model::Tag;
use crate::policy::Verdict;

/// Decides about every field. The same input gives the same plan, in whatever order the fields come.
pub fn decide(fields: &[AutomatedField], observed: &Observed<'_>) -> BumpPlan {
    let mut ordered: Vec<&AutomatedField> = fields.iter().collect();
    ordered.sort_by(|a, b| (&a.path, a.position, &a.field).cmp(&(&b.path, b.position, &b.field)));
    let mut decided: Vec<DecidedField> = ordered.iter().map(|field| decide_field(field, observed)).collect();
    for unit in units(&ordered) {
        let members: Vec<&AutomatedField> = unit.iter().map(|at| ordered[*at]).collect();
        let alone: Vec<DecidedField> = unit.iter().map(|at| decided[*at].clone()).collect();
        let together = decide_group(
            &members,
            &alone,
            &mut Observer {
                members: &members,
                observed,
            },
        );
        unit.iter().zip(together).for_each(|(at, field)| decided[*at] = field);
    }
    let mut plan = BumpPlan::default();
    for field in decided {
        plan.decisions.push(field.decision);
        plan.bumps.extend(field.bump);
    }
    plan
}

/// Asks about members of a group with everything in memory.
struct Observer<'a, 'b> {
    members: &'a [&'a AutomatedField],
    observed: &'a Observed<'b>,
}

impl AskMember for Observer<'_, '_> {
    fn decide(&mut self, member: usize, fits: &Fits<'_>) -> DecidedField {
        decide_among(self.members[member], self.observed, fits)
    }

    fn eligible(&mut self, member: usize) -> Vec<Tag> {
        eligible_tags(self.members[member], self.observed)
    }

    fn verdict(&mut self, member: usize, fits: &Fits<'_>) -> Option<Verdict> {
        verdict(self.members[member], self.observed, fits)
    }
}
