//! Copies of one Secret in a thousand namespaces: made, changed and left alone, beside a bare loop that writes the same copies with as
//! many requests at once.

use crate::percentiles::Percentiles;
use crate::scene::Scene;
use crate::table::Table;
use anyhow::{Context as _, Result};
use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::api::{ObjectMeta, Patch, PatchParams, PostParams};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client};
use serde_json::json;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tidegate_stack::agent::{self, Agent};
use tidegate_stack::git::Access;

const NAMESPACES: usize = 1000;
/// The agent's requests at the same time.
const AT_ONCE: usize = 16;
const MINUTE: Duration = Duration::from_secs(60);

pub async fn measure(table: &mut Table) -> Result<()> {
    let scene = Scene::set().await?;
    table.part("a Secret mirrored to 1,000 namespaces");
    make(&scene.client, &namespace("from")).await?;
    put(&scene.client, "from", "tls", "first").await?;
    let names: Vec<String> = (0..NAMESPACES).map(|number| format!("to-{number}")).collect();
    each(&names, async |name| make(&scene.client, &namespace(name)).await).await?;

    let bare = Instant::now();
    each(&names, async |name| put(&scene.client, name, "bare", "first").await).await?;
    let bare = bare.elapsed();

    let mut agent = prepare(&scene).await?;
    let mark = scene.cluster.audit_mark();
    let begin = Instant::now();
    agent.start()?;
    let made = seen(&scene.client, "first", begin).await?;
    table.row(
        "start -> last copy, and in relation to the bare loop",
        format!(
            "{:.2} s ({:.2}x)",
            made.at(1.0).as_secs_f64(),
            ratio(made.at(1.0), bare)
        ),
        "",
        format!("bare loop: {:.2} s", bare.as_secs_f64()),
    );
    let requests = scene.requests(&mark).await?;
    table.row(
        "requests for the copies",
        requests.on_objects.to_string(),
        "",
        "1,000 and 1 read",
    );

    let bare = Instant::now();
    each(&names, async |name| change(&scene.client, name, "bare", "second").await).await?;
    let bare = bare.elapsed();
    let mark = scene.cluster.audit_mark();
    let begin = Instant::now();
    change(&scene.client, "from", "tls", "second").await?;
    let changed = seen(&scene.client, "second", begin).await?;
    table.row(
        "p50 / p99 of edit of the source -> copy",
        changed.to_string(),
        "",
        format!("bare loop, all: {:.2} s", bare.as_secs_f64()),
    );
    table.row(
        "edit of the source -> last copy, and in relation to the bare loop",
        format!(
            "{:.2} s ({:.2}x)",
            changed.at(1.0).as_secs_f64(),
            ratio(changed.at(1.0), bare)
        ),
        "",
        "",
    );
    let requests = scene.requests(&mark).await?;
    table.row(
        "requests for it",
        requests.on_objects.to_string(),
        "",
        "1,000 and 1 read",
    );

    let mark = scene.cluster.audit_mark();
    tokio::time::sleep(MINUTE).await;
    let requests = scene.requests(&mark).await?;
    table.row(
        "requests in an idle minute",
        format!("{} ({})", requests.total(), requests.by_kind(1)),
        "",
        "0",
    );
    let pid = agent.process()?.pid();
    table.row("resident memory", crate::idle::memory(pid)?, "", "");
    agent.stop().await?;
    Ok(())
}

async fn prepare(scene: &Scene) -> Result<Agent> {
    scene.repo.seed(&[("README.md", "Nothing is declared.\n")])?;
    let agent = Agent::prepare(agent::Options {
        program: std::env::var_os("PROGRAM").map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_tidegate")), Into::into),
        repo_url: scene.repo.url().to_owned(),
        known_hosts: scene.git.known_hosts_lines(),
        kubeconfig: Some(scene.cluster.kubeconfig().to_owned()),
        more: "automation: {enabled: false}\nreleases: {enabled: false}\nmirrors: [{from: from/tls, namespaces: [\"to-*\"]}]\n".to_owned(),
        ..agent::Options::default()
    })?;
    scene.git.authorize(&agent.identity().await?, Access::ReadWrite)?;
    Ok(agent)
}

async fn each(names: &[String], work: impl AsyncFn(&str) -> Result<()>) -> Result<()> {
    futures::stream::iter(names)
        .map(Ok)
        .try_for_each_concurrent(AT_ONCE, async |name: &String| work(name).await)
        .await
}

fn namespace(name: &str) -> Namespace {
    Namespace {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            ..ObjectMeta::default()
        },
        ..Namespace::default()
    }
}

async fn make(client: &Client, namespace: &Namespace) -> Result<()> {
    Api::all(client.clone())
        .create(&PostParams::default(), namespace)
        .await?;
    Ok(())
}

async fn put(client: &Client, namespace: &str, name: &str, value: &str) -> Result<()> {
    let secret = Secret {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            ..ObjectMeta::default()
        },
        data: Some([("key".to_owned(), ByteString(value.as_bytes().to_vec()))].into()),
        ..Secret::default()
    };
    let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
    api.create(&PostParams::default(), &secret).await?;
    Ok(())
}

async fn change(client: &Client, namespace: &str, name: &str, value: &str) -> Result<()> {
    let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let patch = Patch::Merge(json!({"stringData": {"key": value}}));
    api.patch(name, &PatchParams::default(), &patch).await?;
    Ok(())
}

/// When each copy had this value, since `begin`.
async fn seen(client: &Client, value: &str, begin: Instant) -> Result<Percentiles> {
    let api: Api<Secret> = Api::all(client.clone());
    let config = watcher::Config::default().labels("tidegate.dev/mirror");
    let watch = watcher(api, config).applied_objects();
    let mut watch = std::pin::pin!(watch);
    let mut times = std::collections::BTreeMap::new();
    while times.len() < NAMESPACES {
        let secret = watch.try_next().await?.context("the watch ended")?;
        let data = secret.data.unwrap_or_default();
        if data.get("key").is_some_and(|found| found.0 == value.as_bytes()) {
            times
                .entry(secret.metadata.namespace)
                .or_insert_with(|| begin.elapsed());
        }
    }
    let mut all = Percentiles::default();
    times.into_values().for_each(|time| all.add(time));
    Ok(all)
}

fn ratio(time: Duration, bare: Duration) -> f64 {
    time.as_secs_f64() / bare.as_secs_f64()
}
