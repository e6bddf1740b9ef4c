use super::field_decider::{Decided, FieldDecider};
use crate::model::Tag;
use crate::plan::{AskMember, AutomatedField, DecidedField, Fits, decide_group};
use crate::policy::Verdict;

/// Asks about the members of a group with their listings in hand.
struct Members<'a, 'b> {
    decider: &'a mut FieldDecider<'b>,
    fields: &'a [&'a AutomatedField],
    /// The last answer about each member.
    answers: Vec<Option<Decided>>,
}

impl AskMember for Members<'_, '_> {
    fn decide(&mut self, member: usize, fits: &Fits<'_>) -> DecidedField {
        let decided = self.decider.decide(self.fields[member], fits);
        let field = decided.field.clone();
        self.answers[member] = Some(decided);
        field
    }

    fn eligible(&mut self, member: usize) -> Vec<Tag> {
        self.decider.eligible(self.fields[member])
    }

    fn verdict(&mut self, member: usize, fits: &Fits<'_>) -> Option<Verdict> {
        self.decider.verdict(self.fields[member], fits)
    }
}

/// Decides about the fields of a group together, from what was decided about each alone.
pub(super) fn decide_together(
    decider: &mut FieldDecider<'_>,
    fields: &[&AutomatedField],
    alone: Vec<Decided>,
) -> Vec<Decided> {
    decider.keep(fields);
    let fields_alone: Vec<DecidedField> = alone.iter().map(|decided| decided.field.clone()).collect();
    let mut members = Members {
        decider,
        fields,
        answers: fields.iter().map(|_| None).collect(),
    };
    let together = decide_group(fields, &fields_alone, &mut members);
    let answers = members.answers.into_iter();
    decider.keep(&[]);
    let decided = alone
        .into_iter()
        .zip(answers)
        .zip(together)
        .map(|((alone, answer), field)| {
            let answer = answer.filter(|answer| answer.waits_for_digests || field.bump.is_some());
            let mut decided = alone;
            decided.waits_for_digests |= answer.as_ref().is_some_and(|answer| answer.waits_for_digests);
            decided.indexes = answer.map_or_else(Vec::new, |answer| answer.indexes);
            decided.field = field;
            decided
        });
    decided.collect()
}
