/// Why a HelmRelease is not carried out, as one sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

pub(super) fn refuse(sentence: impl Into<String>) -> Refusal {
    Refusal(sentence.into())
}
