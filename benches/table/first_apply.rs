//! The agent applies a thousand new manifests. A bare loop sends the same apply requests and does nothing else.
//!
//! The agent runs and is in sync with a repository that declares a namespace. Then a commit adds the thousand manifests, and a
//! call wakes the agent. The time runs from the call to its response: fetch, parsing, apply requests, record. The bare loop
//! has its request bodies ready.

use crate::manifests::{self, COUNT, Manifest};
use crate::scene::{Running, Scene, per};
use crate::table::Table;
use anyhow::{Result, ensure};
use futures::{StreamExt as _, TryStreamExt as _};
use kube::Client;
use kube::api::{Patch, PatchParams};
use kube::core::Request;
use serde_json::json;
use std::time::{Duration, Instant};

/// The namespace that the agent applies to.
pub const NAMESPACE: &str = "fleet";
/// Requests in flight, as in the agent.
const IN_FLIGHT: usize = 16;

pub async fn measure(scene: &Scene, table: &mut Table) -> Result<Running> {
    table.part(format!("{COUNT} new manifests, {IN_FLIGHT} requests in flight"));
    let copy = scene.repo.work_copy()?;
    copy.write(
        "namespaces/fleet.yaml",
        &serde_yaml::to_string(&manifests::namespace(NAMESPACE))?,
    )?;
    copy.commit("A namespace")?;
    copy.push()?;
    let running = scene.agent("1m", "30s").await?;
    for manifest in manifests::all(NAMESPACE) {
        manifest.write_below(copy.path())?;
    }
    copy.commit("A thousand manifests")?;

    let before = bare_loop(scene, "bare-before").await?;
    copy.push()?;
    let mark = scene.cluster.audit_mark();
    let start = Instant::now();
    let report = running.wake("sync", &json!({})).await?;
    let took = start.elapsed();
    ensure!(report["ok"] == true, "{report}");
    let requests = scene.requests(&mark).await?;
    let after = bare_loop(scene, "bare-after").await?;

    let bare = (before + after) / 2;
    table.row(
        "wall",
        format!("{:.2} s", took.as_secs_f64()),
        "7.0-7.8 s",
        format!("bare loop: {:.2}, {:.2} s", before.as_secs_f64(), after.as_secs_f64()),
    );
    table.row(
        "against the bare loop",
        format!("{:.2}x", took.as_secs_f64() / bare.as_secs_f64()),
        "3.9-4.3x",
        "1.15x",
    );
    table.row(
        "requests",
        format!("{} ({})", requests.total(), requests.by_kind(1)),
        "3,016",
        "1,000",
    );
    table.row("requests for each object", per(requests.on_objects, COUNT), "3", "1");
    Ok(running)
}

/// The apply requests alone, in another namespace.
async fn bare_loop(scene: &Scene, namespace: &str) -> Result<Duration> {
    let client = scene.cluster.client_named("bare-loop").await?;
    let bodies = manifests::all(namespace);
    let room = Manifest {
        path: String::new(),
        api: "api/v1",
        plural: "namespaces",
        name: namespace.to_owned(),
        body: manifests::namespace(namespace),
    };
    apply(&client, &room, "").await?;
    let middle = format!("namespaces/{namespace}/");
    let start = Instant::now();
    futures::stream::iter(&bodies)
        .map(|manifest| apply(&client, manifest, &middle))
        .buffer_unordered(IN_FLIGHT)
        .try_collect::<()>()
        .await?;
    Ok(start.elapsed())
}

async fn apply(client: &Client, manifest: &Manifest, middle: &str) -> Result<()> {
    let path = format!("/{}/{middle}{}", manifest.api, manifest.plural);
    let parameters = PatchParams::apply("bare-loop").force();
    let request = Request::new(path).patch(&manifest.name, &parameters, &Patch::Apply(&manifest.body))?;
    client.request_text(request).await?;
    Ok(())
}
