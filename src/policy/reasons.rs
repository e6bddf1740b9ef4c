/// Whether judgements come with their reasons. A reason is a text for people: it costs more than the judgement itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reasons {
    /// Each judgement has its reason.
    Written,
    /// The reasons are empty texts.
    Omitted,
}

impl Reasons {
    /// The reason, or an empty text.
    pub(super) fn write(self, reason: impl FnOnce() -> String) -> String {
        match self {
            Self::Written => reason(),
            Self::Omitted => String::new(),
        }
    }
}
