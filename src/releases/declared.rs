//! Whether git declares a HelmRelease.

use crate::model::{ObjectId, TargetId};
use crate::port::DeclaredState;

/// What git says about an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Declared {
    /// The head declares it.
    Yes,
    /// The head was read as a whole and does not declare it.
    No,
    /// Something could not be read, and the object may be in it.
    Unknown,
}

pub(super) fn declared(state: Option<&DeclaredState>, target: &TargetId, id: &ObjectId) -> Declared {
    let Some(target) = state.and_then(|state| state.target(target)) else {
        return Declared::Unknown;
    };
    match target.objects.iter().any(|object| object.id.names(id)) {
        true => Declared::Yes,
        false if target.complete => Declared::No,
        false => Declared::Unknown,
    }
}
