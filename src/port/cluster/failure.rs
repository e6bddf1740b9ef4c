/// Why a request to an API server failed. The message is for people and quotes the server where it answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClusterFailure {
    /// The server read the request and rejected the object: invalid, immutable, denied by a webhook, too large.
    #[error("{message}")]
    Refused {
        /// The server's message.
        message: String,
    },
    /// The server rejected the change of a field that cannot change once the object exists.
    #[error("{message}")]
    Immutable {
        /// The server's message.
        message: String,
    },
    /// The object was changed or replaced since it was read. Read it again.
    #[error("{message}")]
    Conflict {
        /// The server's message.
        message: String,
    },
    /// The agent's account lacks the right.
    #[error("{message}")]
    Denied {
        /// The server's message.
        message: String,
    },
    /// The server does not serve the kind.
    #[error("{message}")]
    UnknownKind {
        /// The server's message.
        message: String,
    },
    /// The server behind the kind's API group does not answer. Other groups are not concerned.
    #[error("{message}")]
    GroupAway {
        /// What was attempted and what happened.
        message: String,
    },
    /// The server cannot be reached, is overloaded or did not answer in time. The failure says nothing about the object.
    #[error("{message}")]
    Unavailable {
        /// What was attempted and what happened.
        message: String,
    },
}

impl ClusterFailure {
    /// The failure without what the server says about the object. Values of Secrets may stand in any part of it.
    #[must_use]
    pub fn without_words(self) -> Self {
        let hidden = |what: &str| {
            format!(
                "the API server {what}; its words are not shown, since values of Secrets stand in the object; try `kubectl apply \
                 --dry-run=server` on the object"
            )
        };
        match self {
            Self::Refused { .. } => Self::Refused {
                message: hidden("refuses the object"),
            },
            Self::Immutable { .. } => Self::Immutable {
                message: hidden("refuses to change a field"),
            },
            other => other,
        }
    }

    /// Whether the namespace of the object is going or gone. A watch shows it in a moment.
    pub fn is_about_ending_namespace(&self) -> bool {
        let text = self.to_string();
        text.contains("is being terminated") || (text.contains("namespaces \"") && text.contains("not found"))
    }

    /// Whether the failure is about the server and not about the object.
    pub fn is_outage(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}
