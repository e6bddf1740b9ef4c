//! Observes when the branch of a bare repository moves, and when the image of a live Deployment changes.

use anyhow::{Context as _, Result};
use futures::TryStreamExt as _;
use k8s_openapi::api::apps::v1::Deployment;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, ResourceExt as _};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The longest wait for an event. Every measured event takes seconds at most.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The period at which the branch's file is read. It is the error of each time that begins or ends with a commit.
const PERIOD: Duration = Duration::from_millis(1);

/// Observes `main` of a bare repository, by its file.
pub struct BranchObserver {
    moved: watch::Receiver<(String, Instant)>,
    stopped: Arc<AtomicBool>,
}

impl BranchObserver {
    /// Starts to observe the branch.
    pub fn open(repo: &Path) -> Result<Self> {
        let file = repo.join("refs/heads/main");
        let read = move || std::fs::read_to_string(&file).map(|text| text.trim_end().to_owned());
        let (sender, moved) = watch::channel((read().context("the branch does not exist")?, Instant::now()));
        let stopped = Arc::new(AtomicBool::new(false));
        let is_stopped = Arc::clone(&stopped);
        std::thread::spawn(move || {
            while !is_stopped.load(Ordering::Relaxed) {
                if let Ok(tip) = read() {
                    let now = Instant::now();
                    sender.send_if_modified(|known| {
                        let moved = known.0 != tip;
                        if moved {
                            *known = (tip, now);
                        }
                        moved
                    });
                }
                std::thread::sleep(PERIOD);
            }
        });
        Ok(Self { moved, stopped })
    }

    /// The current head of the branch.
    pub fn head(&self) -> String {
        self.moved.borrow().0.clone()
    }

    /// Waits until the branch has left `head`, and returns when this was.
    pub async fn left(&self, head: &str) -> Result<Instant> {
        let mut moved = self.moved.clone();
        let seen = tokio::time::timeout(TIMEOUT, moved.wait_for(|known| known.0 != head)).await;
        Ok(seen.context("the branch did not move in time")??.1)
    }
}

impl Drop for BranchObserver {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
    }
}

/// Observes the Deployments of a namespace: the image of each, and when the watch reported it.
pub struct ImageObserver {
    images: watch::Receiver<BTreeMap<String, (String, Instant)>>,
    task: JoinHandle<()>,
}

impl ImageObserver {
    /// Starts to observe the namespace.
    pub fn open(client: Client, namespace: &str) -> Self {
        let api: Api<Deployment> = Api::namespaced(client, namespace);
        let (sender, images) = watch::channel(BTreeMap::new());
        let task = tokio::spawn(async move {
            let mut stream = std::pin::pin!(
                watcher(api, watcher::Config::default())
                    .default_backoff()
                    .applied_objects()
            );
            while let Ok(Some(deployment)) = stream.try_next().await {
                let now = Instant::now();
                let (name, image) = (deployment.name_any(), image(&deployment).to_owned());
                sender.send_if_modified(|known| {
                    let is_new = known.get(&name).is_none_or(|(before, _)| *before != image);
                    if is_new {
                        known.insert(name, (image, now));
                    }
                    is_new
                });
            }
        });
        Self { images, task }
    }

    /// Waits until a Deployment has a tag, and returns when the watch reported it.
    pub async fn has_tag(&self, name: &str, tag: &str) -> Result<Instant> {
        let mut images = self.images.clone();
        let ending = format!(":{tag}");
        let seen = |known: &BTreeMap<String, (String, Instant)>| {
            let (image, at) = known.get(name)?;
            image.ends_with(&ending).then_some(*at)
        };
        let found = tokio::time::timeout(TIMEOUT, images.wait_for(|known| seen(known).is_some())).await;
        let found = found.with_context(|| format!("{name} did not get the tag {tag} in time"))??;
        seen(&found).context("the image disappeared")
    }
}

impl Drop for ImageObserver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn image(deployment: &Deployment) -> &str {
    let pod = deployment.spec.template.spec.as_ref();
    pod.and_then(|pod| pod.containers.first())
        .and_then(|container| container.image.as_deref())
        .unwrap_or_default()
}
