//! What the size of a set costs: `SIZES=2000,10000` objects that are as declared, and one of them that changes.
//!
//! `PROGRAM=path` measures another build of the agent, so that two builds are measured in one run on one machine. Beside each
//! row stands the bare limit: a loop that watches and applies, or the time of the requests that cannot be left out.

use crate::idle;
use crate::manifests;
use crate::percentiles::Percentiles;
use crate::scene::{Running, Scene, per};
use crate::table::Table;
use anyhow::{Context as _, Result, ensure};
use futures::TryStreamExt as _;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Patch, PatchParams};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, ResourceExt as _};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};
use tokio::sync::watch;

const NAMESPACE: &str = "fleet";
const TIMES: usize = 40;
const PASSES: &str = "tidegate_loop_passes_total";
const TIMEOUT: Duration = Duration::from_secs(30);

pub async fn measure(table: &mut Table) -> Result<()> {
    let sizes = std::env::var("SIZES").unwrap_or_else(|_| "2000".to_owned());
    for size in sizes.split(',') {
        let size: usize = size.trim().parse().context("SIZES: numbers with commas between them")?;
        let scene = Scene::set().await?;
        of_size(&scene, size, table).await?;
    }
    Ok(())
}

fn config_map(number: usize, value: &str) -> (String, Value) {
    let name = format!("c-{number:05}");
    let body = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": NAMESPACE},
        "data": {"LOG_LEVEL": "info", "VALUE": value},
    });
    (name, body)
}

async fn of_size(scene: &Scene, size: usize, table: &mut Table) -> Result<()> {
    table.part(format!("{size} applied objects"));
    let copy = scene.repo.work_copy()?;
    copy.write(
        "namespaces/fleet.yaml",
        &serde_yaml::to_string(&manifests::namespace(NAMESPACE))?,
    )?;
    for number in 0..size {
        let (name, body) = config_map(number, "0");
        copy.write(
            &format!("workloads/{:02}/{name}.yaml", number % 100),
            &serde_yaml::to_string(&body)?,
        )?;
    }
    copy.commit("All objects")?;
    copy.push()?;
    let start = Instant::now();
    let mut running = scene.agent("1h", "1h").await?;
    table.row("first apply", format!("{:.1} s", start.elapsed().as_secs_f64()), "", "");
    let values = Values::open(scene.client.clone());
    tokio::time::sleep(Duration::from_secs(5)).await;

    let pid = running.agent.process()?.pid();
    table.row("resident memory", idle::memory(pid)?, "", "");
    drift(scene, &running, pid, &values, size, table).await?;
    under_fire(scene, pid, &values, size, table).await?;
    one_line(scene, &mut running, &copy, &values, table).await?;
    restart(scene, running, table).await
}

/// Somebody changes an object, one after another.
async fn drift(
    scene: &Scene,
    running: &Running,
    pid: i32,
    values: &Values,
    size: usize,
    table: &mut Table,
) -> Result<()> {
    let (mark, passes) = (scene.cluster.audit_mark(), passes(running).await?);
    let cpu = cpu_time(pid)?;
    let times = repairs(&scene.client, values, size).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let used = cpu_time(pid)? - cpu;
    let requests = scene.requests(&mark).await?;
    let bare = bare_repairs(scene).await?;
    let milliseconds = |time: Duration| time.as_secs_f64() * 1000.0 / TIMES as f64;
    let made = usize::try_from(self::passes(running).await? - passes)?;
    table.row(
        "drift -> repaired, p50 / p99",
        times.to_string(),
        "",
        format!("a bare loop: {bare}"),
    );
    table.row(
        "processor time of the agent for each",
        format!("{:.1} ms", milliseconds(used)),
        "",
        "",
    );
    table.row("passes for each", per(made, TIMES), "", "1");
    table.row("requests for each", requests.by_kind(TIMES), "", "1 apply");
    Ok(())
}

async fn repairs(client: &Client, values: &Values, size: usize) -> Result<Percentiles> {
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), NAMESPACE);
    let mut times = Percentiles::default();
    for number in 0..TIMES {
        let (name, _) = config_map(number * (size / TIMES), "");
        let declared = values.of(&name)?;
        let edit = json!({"data": {"VALUE": "edited by hand"}});
        api.patch(&name, &PatchParams::default(), &Patch::Merge(edit)).await?;
        let edited = Instant::now();
        values.has(&name, "edited by hand").await?;
        let repaired = values.has(&name, &declared).await?;
        times.add(repaired.saturating_duration_since(edited));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(times)
}

/// A loop that watches one object and applies it when the watch shows a change.
async fn bare_repairs(scene: &Scene) -> Result<Percentiles> {
    let client = scene.cluster.client_named("bare-loop").await?;
    let values = Values::open_in(client.clone(), "default");
    let api: Api<ConfigMap> = Api::namespaced(client, "default");
    let body = |value: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "bare"}, "data": {"VALUE": value}});
    let parameters = PatchParams::apply("bare-loop").force();
    let mut times = Percentiles::default();
    for number in 0..TIMES {
        let value = number.to_string();
        api.patch("bare", &parameters, &Patch::Apply(body(&value))).await?;
        values.has("bare", &value).await?;
        let edit = json!({"data": {"VALUE": "edited by hand"}});
        api.patch("bare", &PatchParams::default(), &Patch::Merge(edit)).await?;
        let edited = Instant::now();
        values.has("bare", "edited by hand").await?;
        api.patch("bare", &parameters, &Patch::Apply(body(&value))).await?;
        times.add(values.has("bare", &value).await?.saturating_duration_since(edited));
    }
    Ok(times)
}

/// Somebody writes the status of a Deployment all the time.
async fn under_fire(scene: &Scene, pid: i32, values: &Values, size: usize, table: &mut Table) -> Result<()> {
    let api: Api<ConfigMap> = Api::namespaced(scene.client.clone(), NAMESPACE);
    let fire = tokio::spawn(async move {
        let mut count = 0_usize;
        loop {
            let (name, _) = config_map(count % 7, "");
            let patch = json!({"metadata": {"annotations": {"example.com/beat": count.to_string()}}});
            if api
                .patch(&name, &PatchParams::default(), &Patch::Merge(patch))
                .await
                .is_err()
            {
                return count;
            }
            count += 1;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (cpu, start) = (cpu_time(pid)?, Instant::now());
    tokio::time::sleep(Duration::from_secs(5)).await;
    let share = (cpu_time(pid)? - cpu).as_secs_f64() / start.elapsed().as_secs_f64();
    let times = repairs(&scene.client, values, size).await?;
    fire.abort();
    table.row(
        "share of a core while others write all the time",
        format!("{:.1} %", share * 100.0),
        "",
        "",
    );
    table.row("drift -> repaired meanwhile", times.to_string(), "", "");
    Ok(())
}

async fn one_line(
    scene: &Scene,
    running: &mut Running,
    copy: &tidegate_stack::git::WorkCopy,
    values: &Values,
    table: &mut Table,
) -> Result<()> {
    let mark = scene.cluster.audit_mark();
    let mut times = Percentiles::default();
    for number in 0..TIMES / 2 {
        let value = format!("line {number}");
        let (name, body) = config_map(number * 3, &value);
        copy.write(
            &format!("workloads/{:02}/{name}.yaml", number * 3 % 100),
            &serde_yaml::to_string(&body)?,
        )?;
        copy.commit("One line")?;
        copy.push()?;
        let pushed = Instant::now();
        let report = running.wake_only("sync", json!({}));
        times.add(values.has(&name, &value).await?.saturating_duration_since(pushed));
        report.await??;
    }
    let requests = scene.requests(&mark).await?;
    table.row("one-line commit -> object, p50 / p99", times.to_string(), "", "");
    table.row(
        "requests for each",
        requests.by_kind(TIMES / 2),
        "",
        "1 apply, 1 record",
    );
    Ok(())
}

async fn restart(scene: &Scene, mut running: Running, table: &mut Table) -> Result<()> {
    // What was applied in the last half minute is written down by then.
    tokio::time::sleep(Duration::from_secs(35)).await;
    ensure!(running.agent.stop().await? == 0, "the agent ends well");
    running.agent.forget()?;
    let mark = scene.cluster.audit_mark();
    let start = Instant::now();
    running.agent.start()?;
    running.agent.ready().await?;
    let report = running.wake("sync", &json!({})).await?;
    let took = start.elapsed();
    ensure!(report["ok"] == true, "{report}");
    let requests = scene.requests(&mark).await?;
    table.row(
        "start on converged objects, no state on disk",
        format!("{:.2} s", took.as_secs_f64()),
        "",
        "",
    );
    table.row("requests of the start", requests.by_kind(1), "", "0 applies");
    let pid = running.agent.process()?.pid();
    table.row("resident memory after the start", idle::memory(pid)?, "", "");
    Ok(())
}

/// The values of the ConfigMaps of a namespace, and when the watch reported them.
struct Values {
    seen: watch::Receiver<BTreeMap<String, (String, Instant)>>,
    task: tokio::task::JoinHandle<()>,
}

impl Values {
    fn open(client: Client) -> Self {
        Self::open_in(client, NAMESPACE)
    }

    fn open_in(client: Client, namespace: &str) -> Self {
        let api: Api<ConfigMap> = Api::namespaced(client, namespace);
        let (sender, seen) = watch::channel(BTreeMap::new());
        let task = tokio::spawn(async move {
            let stream = watcher(api, watcher::Config::default())
                .default_backoff()
                .applied_objects();
            let mut stream = std::pin::pin!(stream);
            while let Ok(Some(map)) = stream.try_next().await {
                let value = map
                    .data
                    .as_ref()
                    .and_then(|data| data.get("VALUE"))
                    .cloned()
                    .unwrap_or_default();
                sender.send_modify(|known| drop(known.insert(map.name_any(), (value, Instant::now()))));
            }
        });
        Self { seen, task }
    }

    fn of(&self, name: &str) -> Result<String> {
        let seen = self.seen.borrow();
        Ok(seen.get(name).context("the object is not there")?.0.clone())
    }

    async fn has(&self, name: &str, value: &str) -> Result<Instant> {
        let mut seen = self.seen.clone();
        let has = |known: &BTreeMap<String, (String, Instant)>| known.get(name).is_some_and(|(is, _)| is == value);
        let found = tokio::time::timeout(TIMEOUT, seen.wait_for(has)).await;
        let found = found.with_context(|| format!("{name} did not become {value:?} in time"))??;
        Ok(found[name].1)
    }
}

impl Drop for Values {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn passes(running: &Running) -> Result<u64> {
    let (_, text) = running.agent.get("/metrics").await?;
    let lines = text
        .lines()
        .filter(|line| line.starts_with(PASSES) && line.contains("sync"));
    let counts = lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok());
    Ok(counts.sum())
}

/// The processor time of all threads of a process.
fn cpu_time(pid: i32) -> Result<Duration> {
    let mut total = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let text = fs::read_to_string(task?.path().join("schedstat")).unwrap_or_default();
        total += text
            .split(' ')
            .next()
            .and_then(|first| first.parse::<u64>().ok())
            .unwrap_or_default();
    }
    Ok(Duration::from_nanos(total))
}
