use super::sync_loop::SyncEnd;
use crate::driver::{Activator, NoAnswer};
use crate::model::TargetId;
use std::time::Duration;

/// Wakes the sync loops of all targets.
#[derive(Debug, Clone, Default)]
pub struct Activators {
    loops: Vec<(TargetId, Activator<SyncEnd>)>,
}

impl Activators {
    /// Adds the loop of a target.
    pub fn add(&mut self, target: TargetId, activator: Activator<SyncEnd>) {
        self.loops.push((target, activator));
    }

    /// The loops, each with its target.
    pub fn loops(&self) -> impl Iterator<Item = &(TargetId, Activator<SyncEnd>)> {
        self.loops.iter()
    }

    /// Asks each loop for a pass that begins after this call.
    pub fn activate(&self) {
        for (_, activator) in &self.loops {
            activator.activate();
        }
    }

    /// Asks each loop for a pass that begins after this call, and waits until all have ended.
    ///
    /// # Errors
    /// The first loop that does not answer, see `Activator::activate_and_wait`.
    pub async fn activate_and_wait(&self, deadline: Duration) -> Result<Vec<(TargetId, SyncEnd)>, NoAnswer> {
        let passes = self.loops.iter().map(|(target, activator)| async move {
            let end = activator.activate_and_wait(deadline).await?;
            Ok((target.clone(), end))
        });
        futures::future::try_join_all(passes).await
    }
}
