use crate::port::ListFailure;

/// What kind of failure it is, in words.
pub(super) fn kind(failure: &ListFailure) -> &'static str {
    match failure {
        ListFailure::NotFound { .. } => "not found",
        ListFailure::Denied { .. } => "denied",
        ListFailure::Throttled { .. } => "throttled",
        ListFailure::Unsupported { .. } => "unsupported",
        ListFailure::Failed { .. } => "failed",
    }
}
