//! The time from a tag's push to ECR until the tag is on the branch, and until the live object has it.
//!
//! The repository is `config-repo-example`, and the object is its Deployment `web`. Each push follows the agent's response to
//! the push before, after a pause: in practice, pushes to one image are not closer together. While the agent polls, the pauses
//! differ, so that the pushes fall on all phases of the period.

use crate::observer::{BranchObserver, ImageObserver};
use crate::percentiles::Percentiles;
use crate::scene::{Running, Scene, per};
use crate::table::Table;
use anyhow::{Context as _, Result};
use serde_json::json;
use std::path::Path;
use std::time::{Duration, Instant};
use tidegate_stack::relay::Direction;

const PUSHES: usize = 50;
const FAR_PUSHES: usize = 8;
/// The delay in one direction. A round trip takes twice this time.
const DISTANCE: Duration = Duration::from_millis(50);
const PAUSE: Duration = Duration::from_millis(250);
/// The images that the example names, with their tags in its files.
const PUSHED: [(&str, &str); 3] = [
    ("shop/web", "3f9c2ab"),
    ("shop/api", "1.2.3"),
    ("shop/storefront", "9b1d4e7"),
];

/// How the agent notices a push.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    /// `POST /v1/scan` with the repository's name, at the push.
    Event,
    /// The agent scans every second.
    Polling,
}

#[derive(Default)]
struct Legs {
    to_commit: Percentiles,
    to_object: Percentiles,
    whole: Percentiles,
}

pub async fn measure(scene: &Scene, table: &mut Table) -> Result<()> {
    for (repository, tag) in PUSHED {
        scene.ecr.push_tag(repository, tag)?;
    }
    scene
        .repo
        .seed_from_dir(&Path::new(env!("CARGO_MANIFEST_DIR")).join("config-repo-example"))?;
    let observers = Observers {
        branch: BranchObserver::open(scene.repo.path())?,
        images: ImageObserver::open(scene.client.clone(), "shop"),
    };
    woken(scene, &observers, table).await?;
    polled(scene, &observers, table).await
}

struct Observers {
    branch: BranchObserver,
    images: ImageObserver,
}

async fn woken(scene: &Scene, observers: &Observers, table: &mut Table) -> Result<()> {
    table.part(format!(
        "tag pushed -> object applied, {PUSHES} pushes, woken at the push"
    ));
    let mut running = scene.agent("", "").await?;
    push(scene, &running, observers, "warm", 3, By::Event).await?;
    let (audit, ecr) = (scene.cluster.audit_mark(), scene.ecr.mark());
    let (commands, connections) = (scene.git_commands(), scene.relay.connections());
    let bytes = |scene: &Scene| scene.relay.bytes(Direction::ToTarget) + scene.relay.bytes(Direction::ToClient);
    let sent = bytes(scene);
    let near = push(scene, &running, observers, "event", PUSHES, By::Event).await?;
    let requests = scene.requests(&audit).await?;
    let asked = usize::try_from(scene.ecr.requests_since(&ecr).total())?;
    let commands = scene.git_commands() - commands;
    let connections = scene.relay.connections() - connections;
    let sent = usize::try_from(bytes(scene) - sent)? / PUSHES;
    table.row(
        "p50 / p99 of tag -> commit",
        near.to_commit.to_string(),
        "0.43 / - s",
        "",
    );
    table.row(
        "commit -> object",
        near.to_object.to_string(),
        "0.56 / 0.76 s",
        "one apply: 0.003 s",
    );
    table.row(
        "tag -> object",
        near.whole.to_string(),
        "0.98 / 1.21 s",
        "p99 <= 0.25 s",
    );
    table.row(
        "requests to the API server for each",
        format!("{} ({})", per(requests.total(), PUSHES), requests.by_kind(PUSHES)),
        "2 for each object of the set, + 12",
        "1",
    );
    table.row("requests to ECR for each", per(asked, PUSHES), "2", "1");

    for direction in [Direction::ToTarget, Direction::ToClient] {
        scene.relay.set_latency(direction, DISTANCE);
    }
    let far = push(scene, &running, observers, "far", FAR_PUSHES, By::Event).await?;
    scene.relay.heal();
    let more = far.to_commit.median().saturating_sub(near.to_commit.median());
    table.row(
        "git over SSH for each",
        format!(
            "{} commands, {} round trips until the commit, {:.1} kB",
            per(commands, PUSHES),
            trips(more),
            kilo(sent)
        ),
        "two clones, a push",
        "1 command, 1 round trip",
    );
    table.row("SSH connections made meanwhile", connections.to_string(), "", "0");
    running.agent.stop().await.context("the agent does not end").map(drop)
}

fn trips(more: Duration) -> String {
    format!("{:.1}", more.as_secs_f64() / (2.0 * DISTANCE.as_secs_f64()))
}

#[expect(clippy::cast_precision_loss, reason = "a few thousand bytes")]
fn kilo(bytes: usize) -> f64 {
    bytes as f64 / 1000.0
}

async fn polled(scene: &Scene, observers: &Observers, table: &mut Table) -> Result<()> {
    table.part(format!(
        "tag pushed -> object applied, {PUSHES} pushes, found by polling every second"
    ));
    let mut running = scene.agent("1s", "").await?;
    let legs = push(scene, &running, observers, "poll", PUSHES, By::Polling).await?;
    table.row(
        "p50 / p99 of tag -> commit",
        legs.to_commit.to_string(),
        "32.5 / 59.7 s (every minute)",
        "",
    );
    table.row(
        "commit -> object",
        legs.to_object.to_string(),
        "13.8 / 63.4 s (every minute)",
        "",
    );
    table.row(
        "tag -> object",
        legs.whole.to_string(),
        "54.9 / 107.8 s (every minute)",
        "half a period, a period",
    );
    running.agent.stop().await.context("the agent does not end").map(drop)
}

/// Pushes `count` tags one after the other, and waits until each has arrived.
async fn push(
    scene: &Scene,
    running: &Running,
    observers: &Observers,
    name: &str,
    count: usize,
    by: By,
) -> Result<Legs> {
    let mut legs = Legs::default();
    let repository = format!("{}/shop/web", scene.ecr.default_host());
    for number in 0..count {
        let tag = format!("{name}-{number}");
        let head = observers.branch.head();
        let pushed = Instant::now();
        scene.ecr.push_tag("shop/web", &tag)?;
        let woken = (by == By::Event).then(|| running.wake_only("scan", json!({"repository": repository})));
        let committed = observers.branch.left(&head).await?;
        let applied = observers.images.has_tag("web", &tag).await?;
        legs.to_commit.add(committed - pushed);
        legs.to_object.add(applied.saturating_duration_since(committed));
        legs.whole.add(applied - pushed);
        if let Some(woken) = woken {
            woken.await??;
        }
        let phase = if by == By::Polling { number * 370 % 1000 } else { 0 };
        tokio::time::sleep(PAUSE + Duration::from_millis(u64::try_from(phase)?)).await;
    }
    Ok(legs)
}
