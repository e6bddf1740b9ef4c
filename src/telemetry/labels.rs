use crate::model::TargetId;
use prometheus_client::encoding::{EncodeLabel, EncodeLabelSet, EncodeLabelValue, LabelSetEncoder, LabelValueEncoder};
use std::fmt::{self, Write};
use std::sync::Arc;

/// All values of a label, in their order of declaration.
pub(super) trait Values: Sized + 'static {
    const ALL: &'static [Self];
}

/// Declares an enum of label values, with the text of each value.
macro_rules! values {
    ($(#[$doc:meta])* $name:ident, { $($(#[$value_doc:meta])* $value:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) enum $name {
            $($(#[$value_doc])* $value,)+
        }

        impl $name {
            /// The text of the label value.
            pub(crate) fn as_str(self) -> &'static str {
                match self {
                    $(Self::$value => $text,)+
                }
            }
        }

        impl Values for $name {
            const ALL: &'static [Self] = &[$(Self::$value,)+];
        }

        impl EncodeLabelValue for $name {
            fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
                encoder.write_str(self.as_str())
            }
        }
    };
}

/// Declares an enum of label values, and the label set that has this label alone.
macro_rules! label {
    ($(#[$doc:meta])* $name:ident, $set:ident { $key:ident }, { $($values:tt)+ }) => {
        values! { $(#[$doc])* $name, { $($values)+ } }

        #[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
        pub(super) struct $set {
            pub(super) $key: $name,
        }

        impl From<$name> for $set {
            fn from($key: $name) -> Self {
                Self { $key }
            }
        }
    };
}

label! {
    /// How a pass of a loop ended.
    Outcome, OutcomeLabel { outcome }, {
        /// The pass did all its work.
        Ok = "ok",
        /// The pass did a part of its work. The rest waits, for example for a file to be corrected.
        Partial = "partial",
        /// The work failed, or the pass was cancelled at its deadline. The loop retries.
        Failed = "failed",
    }
}

label! {
    /// The result of one request to a registry's API. Each attempt counts.
    RequestOutcome, RequestLabel { outcome }, {
        /// The registry answered with success.
        Ok = "ok",
        /// HTTP 4xx: denied, not found, throttled.
        Refused = "refused",
        /// HTTP 5xx.
        ServerError = "server_error",
        /// No response, or none in time.
        NoAnswer = "no_answer",
    }
}

label! {
    /// The result of listing one repository.
    ListingOutcome, ListingLabel { outcome }, {
        /// The listing is complete.
        Ok = "ok",
        /// The repository does not exist.
        NotFound = "not_found",
        /// The credentials are missing, expired or insufficient.
        Denied = "denied",
        /// The registry throttles the agent.
        Throttled = "throttled",
        /// There is no client for this kind of registry.
        Unsupported = "unsupported",
        /// Any other failure.
        Failed = "failed",
    }
}

label! {
    /// The result of a push to the config repo.
    PushResult, PushLabel { outcome }, {
        /// The branch has the pushed commit.
        Landed = "landed",
        /// The branch moved first. The agent decides again on the new head.
        Lost = "lost",
        /// The server rejected the push.
        Refused = "refused",
        /// The key has no write access.
        ReadOnly = "read_only",
        /// The push failed, for example because of the network.
        Failed = "failed",
    }
}

label! {
    /// A right of the deploy key at the git server.
    Right, RightLabel { right }, {
        /// Fetch.
        Read = "read",
        /// Push.
        Write = "write",
    }
}

values! {
    /// The result of one apply request.
    ApplyOutcome, {
        /// The object was applied.
        Ok = "ok",
        /// The request failed, or the API server refused the object.
        Refused = "refused",
    }
}

values! {
    /// The state of an object of a set.
    ObjectState, {
        /// The object is applied as declared.
        Applied = "applied",
        /// The last apply request failed.
        Failed = "failed",
    }
}

impl EncodeLabelValue for TargetId {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        encoder.write_str(self.as_str())
    }
}

/// A target.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct TargetLabel {
    pub(super) target: TargetId,
}

impl From<&TargetId> for TargetLabel {
    fn from(target: &TargetId) -> Self {
        Self { target: target.clone() }
    }
}

/// A target, and the result of an apply request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ApplyLabel {
    pub(super) target: TargetId,
    pub(super) outcome: ApplyOutcome,
}

/// A target, and the state of objects.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ObjectLabel {
    pub(super) target: TargetId,
    pub(super) state: ObjectState,
}

/// The name of a loop. A loop that serves one target is named `sync/here`; its series have `loop="sync"` and
/// `target="here"`, so that a query over all targets needs no pattern.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct LoopLabel {
    pub(super) name: Arc<str>,
}

impl EncodeLabelSet for LoopLabel {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> Result<(), std::fmt::Error> {
        let (name, target) = match self.name.split_once('/') {
            Some((name, target)) => (name, Some(target)),
            None => (&*self.name, None),
        };
        EncodeLabel::encode(&("loop", name), encoder.encode_label())?;
        match target {
            Some(target) => EncodeLabel::encode(&("target", target), encoder.encode_label()),
            None => Ok(()),
        }
    }
}

/// The name of a loop, and how its pass ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct PassLabel {
    #[prometheus(flatten)]
    pub(super) r#loop: LoopLabel,
    #[prometheus(flatten)]
    pub(super) outcome: OutcomeLabel,
}

/// The severity of a finding.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct SeverityLabel {
    pub(super) severity: &'static str,
}

values! {
    /// How far a target's commit has come.
    HealthState, {
        /// A part could not be read or applied.
        Partial = "partial",
        /// Everything is applied, and something is not ready yet.
        Applied = "applied",
        /// Everything is ready.
        Healthy = "healthy",
        /// Something failed, or is not ready in time.
        Degraded = "degraded",
    }
}

/// A target, and how far its commit has come.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct HealthLabel {
    pub(super) target: TargetId,
    pub(super) state: HealthState,
}

/// A target, and a commit id.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct CommitLabel {
    pub(super) target: TargetId,
    pub(super) commit: String,
}

/// The version of the agent.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct BuildLabel {
    pub(super) version: &'static str,
}
