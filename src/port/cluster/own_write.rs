//! What the loop has written itself, so that the watch's news of it does not wake the loop.

use super::applied::Applied;
use super::notify::Notify;
use crate::model::ObjectId;
use crate::resource::ObservedObject;
use std::collections::BTreeMap;

#[derive(Debug, Clone)]
enum State {
    /// The request is under way. `has_changed`: the watch has shown a change since.
    Sent { has_changed: bool },
    /// The server has answered, and the watch has not shown the write yet.
    Expected(Applied),
}

/// The writes of the loop that the watches have not shown yet.
#[derive(Debug, Clone, Default)]
pub(super) struct OwnWrites(BTreeMap<ObjectId, State>);

impl OwnWrites {
    pub(super) fn begin(&mut self, id: &ObjectId) {
        self.0.insert(id.clone(), State::Sent { has_changed: false });
    }

    /// The request has ended. Returns whether the watch has shown a change since it was sent.
    pub(super) fn end(&mut self, id: &ObjectId) -> bool {
        matches!(self.0.remove(id), Some(State::Sent { has_changed: true }))
    }

    pub(super) fn forget_sent(&mut self) {
        self.0.retain(|_, state| matches!(state, State::Expected(_)));
    }

    pub(super) fn expect(&mut self, id: &ObjectId, write: Applied) {
        self.0.insert(id.clone(), State::Expected(write));
    }

    /// Whom a change of an object concerns.
    pub(super) fn judge(&mut self, id: &ObjectId, before: Option<&ObservedObject>, object: &ObservedObject) -> Notify {
        match self.0.get_mut(id) {
            None => Notify::Everybody,
            Some(State::Sent { has_changed }) => {
                *has_changed = true;
                Notify::Waiting
            }
            Some(State::Expected(write)) => {
                let is_own = write.left(object);
                self.0.remove(id);
                let is_rest_same =
                    before.map_or(object.is_at_rest(), |before| before.agrees_outside_own_fields(object));
                match is_own && is_rest_same {
                    true => Notify::Waiting,
                    false => Notify::Everybody,
                }
            }
        }
    }
}
