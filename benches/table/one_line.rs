//! A commit by a person changes one line in one of a thousand applied manifests. A call wakes the agent, as the webhook of a
//! push would.

use crate::first_apply::NAMESPACE;
use crate::manifests;
use crate::observer::{BranchObserver, ImageObserver};
use crate::percentiles::Percentiles;
use crate::scene::{Running, Scene, per};
use crate::table::Table;
use anyhow::Result;
use serde_json::json;
use std::time::Duration;

const COMMITS: usize = 20;
const PAUSE: Duration = Duration::from_millis(250);
const PARSED: &str = "tidegate_files_parsed_total";

pub async fn measure(scene: &Scene, running: &mut Running, table: &mut Table) -> Result<()> {
    table.part(format!(
        "a one-line commit in 1,000 applied manifests, {COMMITS} commits"
    ));
    let copy = scene.repo.work_copy()?;
    let branch = BranchObserver::open(scene.repo.path())?;
    let images = ImageObserver::open(scene.client.clone(), NAMESPACE);
    images.has_tag("app-000", manifests::FIRST).await?;
    let (mark, parsed) = (scene.cluster.audit_mark(), running.counter(PARSED).await?);
    let mut times = Percentiles::default();
    for number in 0..COMMITS {
        let tag = format!("line-{number}");
        let manifest = manifests::deployment(NAMESPACE, number, &tag);
        copy.write(&manifest.path, &manifest.text()?)?;
        copy.commit("One line")?;
        let head = branch.head();
        copy.push()?;
        let committed = branch.left(&head).await?;
        let report = running.wake_only("sync", json!({}));
        times.add(
            images
                .has_tag(&manifest.name, &tag)
                .await?
                .saturating_duration_since(committed),
        );
        report.await??;
        tokio::time::sleep(PAUSE).await;
    }
    let requests = scene.requests(&mark).await?;
    let parsed = usize::try_from(running.counter(PARSED).await? - parsed)?;
    table.row(
        "p50 / p99 of commit -> object",
        times.to_string(),
        "4.0, 4.1 s after a fetch of 1.1 s",
        "one apply: 0.003 s",
    );
    table.row(
        "requests for each",
        format!("{} ({})", per(requests.total(), COMMITS), requests.by_kind(COMMITS)),
        "2,012",
        "1",
    );
    table.row("files parsed for each", per(parsed, COMMITS), "all", "1");
    Ok(())
}
