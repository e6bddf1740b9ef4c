use crate::model::CommitId;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Declares the kinds of notifications: the variant, the name in the configuration, whether people must act.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal, $severity:ident;)+) => {
        /// What a notification is about.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum NotificationKind {
            $($(#[$doc])* $kind,)+
        }

        impl NotificationKind {
            /// All kinds.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)+];

            /// The name in the configuration and in messages.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)+
                }
            }

            /// How much it matters, where the event itself does not say so.
            pub fn severity(self) -> NotificationSeverity {
                match self {
                    $(Self::$kind => NotificationSeverity::$severity,)+
                }
            }
        }
    };
}

kinds! {
    /// A commit of the agent moves image fields to newer tags.
    Bumped = "bumped", Info;
    /// The proposal branch holds new bumps, or its request was opened or closed.
    Proposed = "proposed", Info;
    /// A person took a bump back, and the field does not move.
    Held = "held", Info;
    /// The agent took a bump back because its rollout failed.
    Reverted = "reverted", Warning;
    /// A bumped image fails, and its bump stays.
    RolloutFailed = "rolloutFailed", Error;
    /// A field or a planned bump that cannot be bumped.
    NotBumped = "notBumped", Warning;
    /// A commit is applied as a whole.
    Applied = "applied", Info;
    /// A commit is applied in part.
    AppliedInPart = "appliedInPart", Error;
    /// Every object of a commit is ready.
    Healthy = "healthy", Info;
    /// An object of a commit failed or is not ready in time.
    Degraded = "degraded", Error;
    /// An object hangs on a finalizer, failed, or does not become ready in time.
    NotSettled = "notSettled", Warning;
    /// An object is refused, or not as declared.
    Problem = "problem", Error;
    /// Deletions wait for a person.
    DeletionsPaused = "deletionsPaused", Warning;
    /// An object was deleted because no file declares it any more.
    Deleted = "deleted", Info;
    /// What somebody changed was put back.
    DriftRepaired = "driftRepaired", Info;
    /// What somebody changed stays, because an annotation asks for it.
    Drifted = "drifted", Warning;
    /// Objects that others had made were taken over.
    Adopted = "adopted", Info;
    /// Something in the config repo cannot be used.
    Finding = "finding", Warning;
    /// The API server of a target does not answer.
    TargetAway = "targetAway", Error;
    /// The branch cannot be fetched.
    FetchFailed = "fetchFailed", Error;
    /// The branch's head may not be applied, or the repository looks like another one.
    NotVerified = "notVerified", Error;
    /// The deploy key or login does not do what the agent needs.
    KeyProblem = "keyProblem", Error;
    /// Something was done to a Helm release.
    Released = "released", Info;
    /// A HelmRelease is not carried out.
    ReleaseFailed = "releaseFailed", Error;
    /// A pull secret is not as the rules say.
    PullSecretProblem = "pullSecretProblem", Error;
    /// A mirror is not as the rules say.
    MirrorProblem = "mirrorProblem", Error;
    /// The tags of a repository cannot be listed.
    ScanFailed = "scanFailed", Warning;
    /// A person asked for this message, to try the sink.
    Test = "test", Info;
}

/// How much a notification matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NotificationSeverity {
    /// Something happened as it should.
    Info,
    /// Somebody should look, some day.
    Warning,
    /// Something does not work.
    Error,
}

impl NotificationSeverity {
    /// The name in the configuration and in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One event on its way to people. No text in it holds a secret that the agent has sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// What it is about.
    pub kind: NotificationKind,
    /// How much it matters.
    pub severity: NotificationSeverity,
    /// Whether a condition of this kind is over.
    pub is_resolved: bool,
    /// The target, if it is about one.
    pub target: Option<String>,
    /// The file in the config repo, if it is about one.
    pub path: Option<String>,
    /// The object or image field, if it is about one.
    pub object: Option<String>,
    /// The commit of the config repo, if it is about one.
    pub commit: Option<CommitId>,
    /// The facts, in the words of the log.
    pub facts: String,
    /// The line for people, by the rule's template.
    pub text: String,
    /// When the agent saw it.
    pub at: Timestamp,
    /// The condition; the same for its beginning and its end. Empty for an occurrence.
    pub condition: String,
}

/// What one sink gets at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The name of the rule.
    pub rule: String,
    /// The address of the config repo, without a login.
    pub repo: String,
    /// The branch.
    pub branch: String,
    /// The same for each try to deliver this message, and for no other message.
    pub id: String,
    /// The events, oldest first.
    pub notifications: Vec<Notification>,
    /// How many more events there were, by kind.
    pub more: BTreeMap<NotificationKind, u64>,
}

impl Message {
    /// How many events the message stands for.
    pub fn count(&self) -> u64 {
        u64::try_from(self.notifications.len()).unwrap_or(u64::MAX) + self.more.values().sum::<u64>()
    }

    /// The highest severity among the events that the message lists.
    pub fn severity(&self) -> NotificationSeverity {
        let open = self.notifications.iter().filter(|one| !one.is_resolved);
        let highest = open.map(|one| one.severity).max();
        highest.unwrap_or(NotificationSeverity::Info)
    }

    /// `and 950 more: 700 driftRepaired, 250 deleted`; empty if the message lists every event.
    pub fn rest(&self) -> String {
        let counts: Vec<String> = self
            .more
            .iter()
            .map(|(kind, count)| format!("{count} {}", kind.as_str()))
            .collect();
        match counts.as_slice() {
            [] => String::new(),
            counts => format!("and {} more: {}", self.more.values().sum::<u64>(), counts.join(", ")),
        }
    }
}
