//! What the sync loops know about the health of what they applied, for loops that decide by health.

use crate::model::{CommitId, ObjectId, TargetId};
use crate::resource::{CommitHealth, ContainerImage, DesiredHash, Health, LastReady, PodFault};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// The health of the targets and of their workloads, as the sync loops saw them last. Nothing here is older than the last pass of
/// its loop. What is absent is unknown, and what is unknown is not healthy. A clone shares the same values.
#[derive(Debug, Clone, Default)]
pub struct ObjectHealths(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    targets: Mutex<BTreeMap<TargetId, TargetHealth>>,
    /// Moves when the state of a target or of an object moves, not with each message.
    changed: watch::Sender<u64>,
    /// Whether somebody decides by what was ready before; `None` until that is known.
    is_history_used: Mutex<Option<bool>>,
}

/// The health of one target.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TargetHealth {
    /// The commit of the last pass that ran to its end, with its state.
    pub commit: Option<(CommitId, CommitHealth)>,
    /// Since when the commit is in this state.
    pub since: Option<Timestamp>,
    /// The workloads that are applied as a commit declares them.
    pub objects: BTreeMap<ObjectId, ObjectHealth>,
}

/// The health of one workload: an object that runs pods, or whose kind is no built-in one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectHealth {
    /// The first commit with this manifest of the object that this process applied. Later commits may have the same manifest.
    pub commit: CommitId,
    /// The manifest's hash: the health is that of this manifest.
    pub manifest: DesiredHash,
    /// The images that the applied manifest names in pods, in the order of the manifest. The health is that of these images. Empty for
    /// objects without a pod template, as a HelmRelease is.
    pub images: Vec<ContainerImage>,
    /// The health of this manifest. `Failed` also for a rollout that takes longer than its deadline. `Progressing` until the controller
    /// of the object has seen the manifest.
    pub health: Health,
    /// Since when the object is in this state. From the conditions of the object where it has some, so that a restart of the agent
    /// does not move the time; otherwise from the first time that this process saw the state. Never too early.
    pub since: Timestamp,
    /// Which manifest of the object was ready last, if one ever was.
    pub last_ready: Option<LastReady>,
    /// What is wrong with the pods, while the object is not ready and somebody has looked at them.
    pub pods: Vec<PodFault>,
}

impl ObjectHealths {
    /// The health of an object in a target, in its final namespace.
    pub fn object(&self, target: &TargetId, id: &ObjectId) -> Option<ObjectHealth> {
        self.lock().get(target)?.objects.get(id).cloned()
    }

    /// The health of an object in each target that has it. `object` is named as in the file: without a namespace, any namespace is
    /// meant.
    pub fn of(&self, object: &ObjectId) -> Vec<(TargetId, ObjectHealth)> {
        let targets = self.lock();
        let found = targets.iter().flat_map(|(target, health)| {
            let objects = health.objects.iter().filter(|(id, _)| object.names(id));
            objects.map(|(_, health)| (target.clone(), health.clone()))
        });
        found.collect()
    }

    /// The commit that a target is at, its state, and since when it has that state.
    pub fn commit(&self, target: &TargetId) -> Option<(CommitId, CommitHealth, Timestamp)> {
        let targets = self.lock();
        let health = targets.get(target)?;
        let (commit, state) = health.commit?;
        Some((commit, state, health.since?))
    }

    /// The objects whose health is [`Health::Failed`].
    pub fn failed(&self) -> Vec<(TargetId, ObjectId, ObjectHealth)> {
        let targets = self.lock();
        let found = targets.iter().flat_map(|(target, health)| {
            let failed = health.objects.iter();
            let failed = failed.filter(|(_, health)| matches!(health.health, Health::Failed(_)));
            failed.map(|(id, health)| (target.clone(), id.clone(), health.clone()))
        });
        found.collect()
    }

    /// Says whether decisions rest on what was ready before. Then the targets' records keep it.
    pub fn use_history(&self, is_used: bool) {
        let before = self.history_use().replace(is_used);
        if is_used && before != Some(true) {
            // Whoever waits for news may have passed over what came before.
            self.0.changed.send_modify(|count| *count = count.wrapping_add(1));
        }
    }

    /// Whether decisions rest on what was ready before; `None` until somebody has said it.
    pub fn is_history_used(&self) -> Option<bool> {
        *self.history_use()
    }

    fn history_use(&self) -> MutexGuard<'_, Option<bool>> {
        self.0.is_history_used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes when the state of a target or of an object changes. The value is a counter without meaning.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.0.changed.subscribe()
    }

    /// Changes what is known of a target. `change` returns whether a state has changed, and so whether the subscribers are woken.
    pub fn change(&self, target: &TargetId, change: impl FnOnce(&mut TargetHealth) -> bool) {
        let is_news = change(self.lock().entry(target.clone()).or_default());
        if is_news {
            self.0.changed.send_modify(|count| *count = count.wrapping_add(1));
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<TargetId, TargetHealth>> {
        self.0.targets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ObjectHealth {
    /// The image of a container.
    pub fn image(&self, container: &str) -> Option<&str> {
        let mut images = self.images.iter();
        images
            .find(|image| image.container == container)
            .map(|image| &*image.image)
    }

    /// Since when the object has been ready; `None` while it is not.
    pub fn ready_since(&self) -> Option<Timestamp> {
        (self.health == Health::Ready).then_some(self.since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn web(health: Health) -> ObjectHealth {
        ObjectHealth {
            commit: CommitId::from_bytes([1; 20]),
            manifest: DesiredHash::of(&serde_json::Value::Null),
            images: vec![ContainerImage {
                container: "web".into(),
                image: "registry.example/web:1".into(),
            }],
            health,
            since: Timestamp::UNIX_EPOCH,
            last_ready: None,
            pods: Vec::new(),
        }
    }

    #[test]
    fn health_is_found_by_the_name_in_the_file_in_each_target_and_news_wake_subscribers() {
        let healths = ObjectHealths::default();
        let (here, there) = (TargetId::here(), TargetId::new("there"));
        let id = ObjectId::new("apps/v1", "Deployment", Some("shop"), "web");
        let unnamed = ObjectId::new("apps/v1", "Deployment", None, "web");
        let mut changes = healths.subscribe();
        assert_eq!(healths.object(&here, &id), None, "unknown");
        for target in [&here, &there] {
            healths.change(target, |known| {
                known.objects.insert(id.clone(), web(Health::Ready)).is_none()
            });
        }
        assert!(changes.has_changed().unwrap());
        changes.mark_unchanged();
        healths.change(&here, |_| false);
        assert!(!changes.has_changed().unwrap());
        assert_eq!(healths.of(&unnamed).len(), 2);
        assert_eq!(
            healths.of(&ObjectId::new("apps/v1", "Deployment", Some("other"), "web")),
            []
        );
        let found = healths.object(&there, &id).unwrap();
        assert_eq!(found.image("web"), Some("registry.example/web:1"));
        assert_eq!(found.image("other"), None);
        assert_eq!(found.ready_since(), Some(Timestamp::UNIX_EPOCH));
        assert_eq!(web(Health::Progressing("x".into())).ready_since(), None);
    }
}
