//! Sees when things happen: the branch of a bare repository moving, the image of a live Deployment changing.

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

/// Whatever is measured takes seconds at most; this long means that it does not happen.
const PATIENCE: Duration = Duration::from_secs(60);
/// The branch's file is looked at this often: the error of every time that ends or begins with a commit.
const GLANCE: Duration = Duration::from_millis(1);

/// Watches `main` of a bare repository, by its file.
pub struct BranchObserver {
    moved: watch::Receiver<(String, Instant)>,
    over: Arc<AtomicBool>,
}

impl BranchObserver {
    /// From now on.
    pub fn open(repo: &Path) -> Result<Self> {
        let file = repo.join("refs/heads/main");
        let read = move || std::fs::read_to_string(&file).map(|text| text.trim_end().to_owned());
        let (sender, moved) = watch::channel((read().context("the branch is unborn")?, Instant::now()));
        let over = Arc::new(AtomicBool::new(false));
        let is_over = Arc::clone(&over);
        std::thread::spawn(move || {
            while !is_over.load(Ordering::Relaxed) {
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
                std::thread::sleep(GLANCE);
            }
        });
        Ok(Self { moved, over })
    }

    /// The tip now.
    pub fn tip(&self) -> String {
        self.moved.borrow().0.clone()
    }

    /// When the branch left this tip.
    pub async fn left(&self, tip: &str) -> Result<Instant> {
        let mut moved = self.moved.clone();
        let seen = tokio::time::timeout(PATIENCE, moved.wait_for(|known| known.0 != tip)).await;
        Ok(seen.context("the branch does not move")??.1)
    }
}

impl Drop for BranchObserver {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

/// Watches the Deployments of a namespace: which image each has, and since when that is known.
pub struct ImageObserver {
    images: watch::Receiver<BTreeMap<String, (String, Instant)>>,
    task: JoinHandle<()>,
}

impl ImageObserver {
    /// From now on.
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

    /// When the watch saw this Deployment with this tag.
    pub async fn has_tag(&self, name: &str, tag: &str) -> Result<Instant> {
        let mut images = self.images.clone();
        let ending = format!(":{tag}");
        let seen = |known: &BTreeMap<String, (String, Instant)>| {
            let (image, at) = known.get(name)?;
            image.ends_with(&ending).then_some(*at)
        };
        let found = tokio::time::timeout(PATIENCE, images.wait_for(|known| seen(known).is_some())).await;
        let found = found.with_context(|| format!("{name} does not get the tag {tag}"))??;
        seen(&found).context("it was there")
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
