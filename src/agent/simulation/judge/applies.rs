//! Applies: only what a commit declares, and nothing older over something newer.

use crate::agent::simulation::cluster::key;
use crate::agent::simulation::world::State;
use crate::model::ObjectId;

impl State {
    /// The server has answered an apply.
    pub(in crate::agent::simulation) fn note_apply(&mut self, who: usize, id: &ObjectId) {
        let Some(live) = self.cluster.live.get_mut(id) else {
            return;
        };
        live.is_applied = true;
        let (key, content) = (key(id), live.content.clone());
        let declares = |commit| {
            let declared = self.git.at(commit).declares.objects.get(&key);
            declared.and_then(|declared| declared.content()).as_ref() == Some(&content)
        };
        if !self.heads_of(who).any(|(_, commit)| declares(*commit)) {
            self.violated(format!(
                "{key} was applied as {content}, which no commit that the process had declares"
            ));
        }
    }
}
