use crate::model::{CommitId, ObjectId, RepoPath};

/// What the agent reports about a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SyncEvent {
    /// An object was applied.
    ObjectApplied {
        /// The object.
        id: ObjectId,
        /// The file that declares the object.
        path: RepoPath,
        /// What the apply changed.
        change: ObjectChange,
        /// For a repair: who had changed the object, where the server says so. For an adoption: who had made the object.
        by: Option<String>,
        /// For a repair: fields that people had added and that were removed; some of many.
        removed: Vec<String>,
    },
    /// Objects that others had made were taken over.
    ObjectsAdopted {
        /// The objects, each with its former owner.
        objects: Vec<(ObjectId, String)>,
    },
    /// An object was deleted because no file declares the object any more.
    ObjectPruned {
        /// The object.
        id: ObjectId,
    },
    /// An object was not applied or not deleted.
    ObjectRefused {
        /// The object.
        id: ObjectId,
        /// In the server's words where the server answered.
        message: String,
    },
    /// Definitions or namespaces are not ready in time. The pass goes on without them.
    NotReadyInTime {
        /// The definitions and namespaces.
        objects: Vec<ObjectId>,
    },
    /// An audit, which looks at everything, found objects that the passes should have looked at before: a bug of the agent.
    AuditMissed {
        /// How many.
        objects: usize,
    },
    /// A dry run would change an object although nobody has changed a field of the agent, by the ownership fingerprint.
    AuditDisagreed {
        /// The object.
        id: ObjectId,
    },
    /// Condition: something is not as declared, or waits for a person.
    Problem {
        /// For people: what, where and what to do.
        message: String,
    },
    /// Condition: deletions wait for a person.
    DeletionsWait {
        /// Which deletions, why, and what to do.
        message: String,
    },
    /// Condition: a declared object hangs on a finalizer, failed, or does not become ready in time.
    ObjectUnsettled {
        /// The object.
        id: ObjectId,
        /// The file that declares the object.
        path: RepoPath,
        /// What the object waits for.
        message: String,
    },
    /// Condition: the commit that a target is at has become healthy, or has degraded.
    CommitJudged {
        /// The commit.
        commit: CommitId,
        /// Whether every object is ready. Otherwise some object failed.
        is_healthy: bool,
        /// Whether a pass before this one saw the commit in another state: an object took its time, or failed before.
        took_time: bool,
        /// The objects that failed or are not ready in time, each with its reason.
        faults: Vec<String>,
    },
    /// Condition: the API server does not answer.
    TargetAway {
        /// What was tried, and what happened.
        message: String,
    },
    /// Condition: a pass brought the target to a commit, as a whole or in part.
    CommitApplied {
        /// The commit.
        commit: CommitId,
        /// How many objects the commit declares.
        objects: usize,
        /// How many objects the pass changed.
        changed: usize,
        /// How many objects the pass deleted.
        pruned: usize,
        /// How many requests the pass sent.
        requests: u64,
        /// Why the commit is applied in part; `None` if everything is applied and nothing waits.
        problems: Option<Vec<String>>,
    },
}

/// What an apply changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectChange {
    /// The object did not exist.
    Created,
    /// The object differed from its manifest.
    Configured,
    /// Others had changed or deleted the object since our last apply.
    Repaired,
    /// Somebody else had made the object, and the agent took it over.
    Adopted,
    /// A changed field was immutable, and the object was deleted and created anew.
    Recreated,
    /// The object was as declared.
    Unchanged,
}

impl SyncEvent {
    pub(super) fn identity(&self) -> String {
        match self {
            Self::Problem { message } | Self::DeletionsWait { message } => message.clone(),
            Self::ObjectUnsettled { id, .. } => id.to_string(),
            _ => String::new(),
        }
    }

    pub(super) fn version(&self) -> String {
        match self {
            Self::TargetAway { message } => message.clone(),
            Self::CommitApplied { commit, problems, .. } => format!("{commit} {}", problems.is_none()),
            Self::CommitJudged { commit, is_healthy, .. } => format!("{commit} {is_healthy}"),
            _ => String::new(),
        }
    }
}
