//! The six chapters.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;

use super::look::{WITHIN, deployments, image, rolled_out, services, until};
use super::scene::{Scene, report};

pub(super) async fn run(scene: &Scene) -> Result<()> {
    let old = "3f9c2ab";
    until(
        deployments(&scene.client),
        "web",
        "the example's Deployment rolled out",
        rolled_out,
    )
    .await?;

    chapter(1, "A tag is pushed to ECR: shop/web:a1b2c3d");
    let bump = bumped(scene, "shop/web", "a1b2c3d").await?;
    running(scene, "a1b2c3d").await?;

    chapter(2, "Somebody sets another image on the live Deployment");
    edited(scene).await.context("chapter 2")?;

    chapter(3, "Somebody deletes a Service");
    deleted(scene).await.context("chapter 3")?;

    chapter(4, "The bump is taken back by git revert");
    reverted(scene, &bump, old).await.context("chapter 4")?;

    chapter(5, "A newer tag is pushed: shop/web:e4f5a6b");
    bumped(scene, "shop/web", "e4f5a6b").await?;
    running(scene, "e4f5a6b").await?;

    chapter(
        6,
        "A new tag for the image in a HelmRelease's values: shop/storefront:77e01d2",
    );
    released(scene, "77e01d2").await.context("chapter 6")?;
    Ok(())
}

/// A bump of a HelmRelease: committed, released by helm, running.
async fn released(scene: &Scene, tag: &str) -> Result<()> {
    let name = "storefront";
    until(
        deployments(&scene.client),
        name,
        "the example's HelmRelease rolled out",
        rolled_out,
    )
    .await?;
    bumped(scene, "shop/storefront", tag).await?;
    let start = Instant::now();
    let ending = format!(":{tag}");
    let has_tag = |live: &Deployment| image(live).ends_with(&ending);
    until(deployments(&scene.client), name, "an upgrade of the release", has_tag).await?;
    report(start, "upgraded: helm has set the image of Deployment shop/storefront");
    let runs = |live: &Deployment| has_tag(live) && rolled_out(live);
    until(deployments(&scene.client), name, "the release rolled out", runs).await?;
    report(start, "rolled out: all pods run it");
    let history = scene.helm(&["history", name, "--namespace", "shop"]).await?;
    for line in history.lines() {
        println!("            {line}");
    }
    let last = history.lines().last().unwrap_or_default();
    ensure!(last.starts_with('2'), "the release should be at revision 2:\n{history}");
    Ok(())
}

fn chapter(number: u32, title: &str) {
    println!("\n{number}  {title}");
}

/// Pushes a tag and waits for the commit; shows its hash and its diff, which must be of one line.
async fn bumped(scene: &Scene, repository: &str, tag: &str) -> Result<String> {
    let before = scene.repo.tip()?;
    let start = Instant::now();
    scene.ecr.push_tag(repository, tag)?;
    let commit = scene
        .repo
        .wait_for_tip_change(before.as_deref(), WITHIN)
        .await
        .with_context(|| format!("no commit for {repository}:{tag}"))?;
    let subject = scene.repo.git(&["log", "-1", "--format=%s", &commit])?;
    report(start, &format!("committed {}: {}", &commit[..7], subject.trim()));
    let diff = scene.repo.diff(&commit)?;
    let changed: Vec<&str> = diff
        .lines()
        .filter(|line| line.starts_with(['+', '-']) && !line.starts_with("+++") && !line.starts_with("---"))
        .collect();
    for line in &changed {
        println!("            {line}");
    }
    ensure!(
        changed.len() == 2 && changed.iter().any(|line| line.starts_with('+') && line.contains(tag)),
        "the commit should change one line, to {tag}; its diff is:\n{diff}"
    );
    Ok(commit)
}

/// Waits for the Deployment to have the tag, then for its pods.
async fn running(scene: &Scene, tag: &str) -> Result<()> {
    let start = Instant::now();
    let ending = format!(":{tag}");
    let api = || deployments(&scene.client);
    until(api(), "web", &format!("Deployment web with {tag}"), |live| {
        image(live).ends_with(&ending)
    })
    .await?;
    report(start, "applied: Deployment shop/web has the image");
    let what = format!("Deployment web rolled out with {tag}");
    until(api(), "web", &what, |live| {
        image(live).ends_with(&ending) && rolled_out(live)
    })
    .await?;
    report(start, "rolled out: all pods run it");
    Ok(())
}

async fn edited(scene: &Scene) -> Result<()> {
    let api = deployments(&scene.client);
    let declared = image(&api.get("web").await?).to_owned();
    let patch = json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "nginx:handmade"}]}}}});
    let start = Instant::now();
    let patched = api
        .patch("web", &PatchParams::default(), &Patch::Strategic(patch))
        .await?;
    println!("            kubectl set image: {}", image(&patched));
    until(api, "web", "the declared image back", |live| image(live) == declared).await?;
    report(start, "put back");
    Ok(())
}

async fn deleted(scene: &Scene) -> Result<()> {
    let api = services(&scene.client);
    let gone = api.get("web").await?.metadata.uid;
    let start = Instant::now();
    api.delete("web", &DeleteParams::default()).await?;
    until(api, "web", "the Service back", |live| live.metadata.uid != gone).await?;
    report(start, "back, with all its fields");
    Ok(())
}

async fn reverted(scene: &Scene, bump: &str, old: &str) -> Result<()> {
    scene.person.pull()?;
    let start = Instant::now();
    let revert = scene.person.revert(bump)?;
    scene.person.push()?;
    report(start, &format!("reverted and pushed: {}", &revert[..7]));
    running(scene, old).await?;
    let start = Instant::now();
    for _ in 0..3 {
        scene.agent.ask(&["scan"]).await?;
    }
    let live = deployments(&scene.client).get("web").await?;
    ensure!(
        image(&live).ends_with(old),
        "after three scans the image is {}",
        image(&live)
    );
    ensure!(
        scene.repo.tip()?.as_deref() == Some(revert.as_str()),
        "after three scans the branch has moved on"
    );
    report(start, &format!("three more scans: {old} still runs, no further commit"));
    let plan: serde_json::Value = serde_json::from_str(&scene.agent.ask(&["plan", "-o", "json"]).await?)?;
    let fields = plan["fields"].as_array().context("the plan has no fields")?;
    let held = fields
        .iter()
        .find(|field| field["outcome"] == "held")
        .with_context(|| format!("tidegate plan shows no held field: {plan}"))?;
    println!("            {}", held["reason"].as_str().unwrap_or_default());
    Ok(())
}
