use crate::model::{CommitId, FieldId, ObjectId, RepoPath};
use crate::port::{Notification, NotificationKind as Kind};
use jiff::Timestamp;

/// An event in the words of notifications.
pub(super) enum Described {
    /// Nobody hears of it.
    Nothing,
    /// It is over when it is reported.
    Occurrence(Vec<Notification>),
    /// It lasts.
    Condition(Box<Condition>),
}

/// A condition: a target that is away, the commit that a target is at.
pub(super) struct Condition {
    /// The same for each state of the condition.
    pub(super) id: String,
    /// Another version is news. `None`: nothing is wrong in this state.
    pub(super) version: Option<String>,
    /// Whether one state follows the other, and none has an end: `applied`, `healthy`.
    pub(super) is_state: bool,
    pub(super) notification: Notification,
}

/// What a notification of this kind says.
pub(super) fn about(kind: Kind, facts: impl Into<String>) -> Notification {
    Notification {
        kind,
        severity: kind.severity(),
        is_resolved: false,
        target: None,
        path: None,
        object: None,
        commit: None,
        facts: facts.into(),
        text: String::new(),
        at: Timestamp::now(),
        condition: String::new(),
    }
}

impl Notification {
    pub(in crate::notice) fn of_field(self, field: &FieldId, path: Option<&RepoPath>) -> Self {
        Self {
            object: Some(field.to_string()),
            path: path.map(ToString::to_string),
            ..self
        }
    }

    pub(in crate::notice) fn of_object(self, id: &ObjectId) -> Self {
        Self {
            object: Some(id.to_string()),
            ..self
        }
    }

    pub(in crate::notice) fn in_file(self, path: &RepoPath) -> Self {
        Self {
            path: Some(path.to_string()),
            ..self
        }
    }

    pub(in crate::notice) fn at_commit(self, commit: CommitId) -> Self {
        Self {
            commit: Some(commit),
            ..self
        }
    }
}

pub(super) fn condition_with(id: &str, version: String, notification: Notification) -> Described {
    Described::Condition(Box::new(Condition {
        id: id.to_owned(),
        version: Some(version),
        is_state: false,
        notification: Notification {
            condition: id.to_owned(),
            ..notification
        },
    }))
}

pub(super) fn state_with(id: &str, version: String, notification: Notification) -> Described {
    match condition_with(id, version, notification) {
        Described::Condition(condition) => Described::Condition(Box::new(Condition {
            is_state: true,
            ..*condition
        })),
        other => other,
    }
}

pub(super) fn quiet(id: &str, notification: Notification) -> Described {
    match condition_with(id, String::new(), notification) {
        Described::Condition(condition) => Described::Condition(Box::new(Condition {
            version: None,
            ..*condition
        })),
        other => other,
    }
}

pub(super) fn once(notification: Notification) -> Described {
    Described::Occurrence(vec![notification])
}
