use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use std::fmt::{self, Write};

/// Declares a label: an enum whose values are written as given.
macro_rules! label {
    ($(#[$doc:meta])* $name:ident, $set:ident { $key:ident }, { $($(#[$value_doc:meta])* $value:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$value_doc])* $value,)+
        }

        impl $name {
            /// All values, in the order in which they are shown.
            pub const ALL: &[Self] = &[$(Self::$value,)+];

            /// As the label is written.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$value => $text,)+
                }
            }
        }

        impl EncodeLabelValue for $name {
            fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
                encoder.write_str(self.as_str())
            }
        }

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
    /// How a loop's pass ended.
    Outcome, OutcomeLabel { outcome }, {
        /// All that it set out to do is done.
        Ok = "ok",
        /// Some of it is done, the rest will be tried again.
        Partial = "partial",
        /// None of it is done.
        Failed = "failed",
        /// It was given up before its end: shutdown or deadline.
        Aborted = "aborted",
    }
}

label! {
    /// What became of one request to a registry's API, each attempt of its own.
    RequestOutcome, RequestLabel { outcome }, {
        /// Answered.
        Ok = "ok",
        /// HTTP 4xx: denied, not found, throttled.
        Refused = "refused",
        /// HTTP 5xx.
        ServerError = "server_error",
        /// No answer, or none in time.
        NoAnswer = "no_answer",
    }
}

label! {
    /// What became of the listing of one repository.
    ListingOutcome, ListingLabel { outcome }, {
        /// Complete.
        Ok = "ok",
        /// No such repository.
        NotFound = "not_found",
        /// Credentials missing, expired, or not enough.
        Denied = "denied",
        /// Asked to slow down.
        Throttled = "throttled",
        /// Not a registry that can be scanned.
        Unsupported = "unsupported",
        /// Anything else.
        Failed = "failed",
    }
}

label! {
    /// What became of a push to the config repo.
    PushResult, PushLabel { outcome }, {
        /// The branch has the commit.
        Landed = "landed",
        /// Somebody else was first; it is decided anew.
        Lost = "lost",
        /// The server refused it.
        Refused = "refused",
        /// The key may not write.
        ReadOnly = "read_only",
        /// It could not be carried out.
        Failed = "failed",
    }
}

label! {
    /// What the git server lets the deploy key do.
    Right, RightLabel { right }, {
        /// Fetch.
        Read = "read",
        /// Push.
        Write = "write",
    }
}

label! {
    /// What became of one apply request.
    ApplyOutcome, ApplyLabel { outcome }, {
        /// The object is as declared.
        Ok = "ok",
        /// The API server refused the object.
        Refused = "refused",
        /// It could not be carried out: network, server fault, deadline.
        Failed = "failed",
    }
}

label! {
    /// How an object of the set stands.
    ObjectState, ObjectLabel { state }, {
        /// Applied as declared.
        Applied = "applied",
        /// The last attempt failed.
        Failed = "failed",
    }
}

/// Whose loop.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct LoopLabel {
    pub(super) r#loop: &'static str,
}

/// Whose loop, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct PassLabel {
    pub(super) r#loop: &'static str,
    #[prometheus(flatten)]
    pub(super) outcome: OutcomeLabel,
}

/// How much a finding matters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct SeverityLabel {
    pub(super) severity: &'static str,
}

/// A commit id.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct CommitLabel {
    pub(super) commit: String,
}

/// Which build this is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct BuildLabel {
    pub(super) version: &'static str,
}
