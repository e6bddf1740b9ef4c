use super::decide_field::inquire;
use super::field::AutomatedField;
use super::observed::Observed;
use crate::model::Tag;
use crate::policy::{Candidate, Eligibility, select};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// A tag of a field's repository, and what speaks for or against the tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JudgedTag {
    /// The tag.
    pub tag: Tag,
    /// When the image was pushed, where the registry says it.
    pub pushed_at: Option<Timestamp>,
    /// Whether the field may move to the tag, or the kind of the reason against it.
    pub standing: Eligibility,
    /// The reason in a few words.
    pub reason: String,
}

/// Every tag of a field's repository in the policy's order, newest first. The field is taken alone, without its group. Empty if nothing can
/// be decided about the field.
pub fn judged_tags(field: &AutomatedField, observed: &Observed<'_>) -> Vec<JudgedTag> {
    let judged = inquire(field, observed, |question| {
        let times: BTreeMap<&Tag, &Candidate> = question
            .candidates
            .iter()
            .map(|candidate| (&candidate.tag, candidate))
            .collect();
        let verdicts = select(question).verdicts.into_iter();
        let judged = verdicts.map(|verdict| JudgedTag {
            pushed_at: times.get(&verdict.tag).and_then(|candidate| candidate.pushed_at),
            tag: verdict.tag,
            standing: verdict.eligibility,
            reason: verdict.reason,
        });
        judged.collect()
    });
    judged.unwrap_or_default()
}
