use crate::agent::world::{SOON, World};
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tidegate_stack::ControlPlane;
use tidegate_stack::agent::NAMESPACE;
use tidegate_stack::git::Access;

/// A world whose agent keeps its key in a Secret, let in and running.
async fn with_secret(cluster: &ControlPlane, name: &str) -> (World, String) {
    let mut world = World::prepare(cluster, name, "1111aaa").await;
    world.ecr.push_tag("shop/web", "1111aaa").unwrap();
    let secret = format!("{{secret: {name}-key}}");
    world.agent.configure(|options| options.key = secret).unwrap();
    let key = world.agent.identity().await.unwrap();
    world.git.authorize(&key, Access::ReadWrite).unwrap();
    world.agent.run().await.unwrap();
    world.runs("1111aaa").await;
    (world, key)
}

fn fingerprint(line: &str) -> String {
    let key = ssh_key::PublicKey::from_openssh(line).unwrap();
    key.fingerprint(ssh_key::HashAlg::Sha256).to_string()
}

async fn entries(world: &World, name: &str) -> Vec<String> {
    let api: Api<Secret> = Api::namespaced(world.client.clone(), NAMESPACE);
    let secret = api.get(&format!("{name}-key")).await.unwrap();
    secret.data.unwrap_or_default().into_keys().collect()
}

async fn said(world: &World, words: &str) {
    let deadline = tokio::time::Instant::now() + SOON;
    while !world.agent.log().contains(words) {
        let log = world.agent.log();
        assert!(tokio::time::Instant::now() < deadline, "never said {words:?}:\n{log}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_steps_change_the_key_while_every_commit_goes_on_being_applied() {
    let name = "rotate";
    let cluster = ControlPlane::shared().await.unwrap();
    let (world, old) = with_secret(&cluster, name).await;
    assert_eq!(entries(&world, name).await, ["identity"]);

    let ended = AtomicBool::new(false);
    let commits = async {
        let copy = world.repo.work_copy().unwrap();
        let (mut applied, mut slowest) = (0, Duration::ZERO);
        while !ended.load(Ordering::Relaxed) {
            let text = copy.read("apps/web.yaml").unwrap();
            let (head, rest) = text.split_once("replicas: ").unwrap();
            let (_, rest) = rest.split_once('\n').unwrap();
            copy.write("apps/web.yaml", &format!("{head}replicas: {applied}\n{rest}"))
                .unwrap();
            if applied > 0 {
                copy.commit("Scale").unwrap();
                copy.push().unwrap();
            }
            let pushed = Instant::now();
            world.agent.ask(&["sync"]).await.unwrap();
            let live = world.deployments().get("web").await.unwrap();
            assert_eq!(live.spec.replicas, Some(applied));
            slowest = slowest.max(pushed.elapsed());
            applied += 1;
        }
        (applied, slowest)
    };
    let steps = async {
        let next = world.agent.ask(&["identity", "--rotate"]).await.unwrap();
        let next = next.trim().to_owned();
        assert_ne!(next, old);
        assert_eq!(entries(&world, name).await, ["identity", "identity.next"]);

        // The forge does not have the key yet: nothing changes, and the agent reports why.
        let early = world.agent.call(&["identity", "--rotate"]).await.unwrap();
        let early = String::from_utf8(early.stderr).unwrap();
        assert!(
            early.contains("does not work yet") && early.contains("stays in use"),
            "{early}"
        );
        said(&world, "the next deploy key does not work yet").await;
        let current = world.agent.identity().await.unwrap();
        assert_eq!(current, old);

        // Reading is not enough.
        world.git.authorize(&next, Access::ReadOnly).unwrap();
        let early = world.agent.call(&["identity", "--rotate"]).await.unwrap();
        let early = String::from_utf8(early.stderr).unwrap();
        assert!(early.contains("may read but not write"), "{early}");

        world.git.authorize(&next, Access::ReadWrite).unwrap();
        let done = world.agent.call(&["identity", "--rotate"]).await.unwrap();
        let (out, err) = (
            String::from_utf8(done.stdout).unwrap(),
            String::from_utf8(done.stderr).unwrap(),
        );
        assert!(done.status.success(), "{err}");
        assert_eq!(out.trim(), next);
        assert!(err.contains("remove the one before") && err.contains(&old), "{err}");

        // At once: whoever logs in has to do so with the new key.
        world.git.deauthorize(&old).unwrap();
        world.agent.ask(&["sync"]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(500)).await;
        ended.store(true, Ordering::Relaxed);
        next
    };
    let ((applied, slowest), next) = tokio::join!(commits, steps);
    println!("{applied} commits applied, the slowest in {slowest:?}");
    assert!(applied >= 5, "{applied}");
    assert_eq!(world.agent.identity().await.unwrap(), next);
    assert_eq!(entries(&world, name).await, ["identity"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_changes_over_by_itself_and_the_second_run_names_what_to_remove() {
    let name = "rotate-auto";
    let cluster = ControlPlane::shared().await.unwrap();
    let (mut world, old) = with_secret(&cluster, name).await;
    let next = world.agent.ask(&["identity", "--rotate"]).await.unwrap();
    let next = next.trim().to_owned();
    world.git.authorize(&next, Access::ReadWrite).unwrap();
    said(&world, "the next deploy key works and is in use from now on").await;
    world.git.deauthorize(&old).unwrap();
    world.git.stop();
    world.git.resume().unwrap();
    world.ecr.push_tag("shop/web", "2222bbb").unwrap();
    world.agent.ask(&["scan"]).await.unwrap();
    world.runs("2222bbb").await;
    assert_eq!(entries(&world, name).await, ["identity", "identity.previous.pub"]);
    // The next one may have been, before it was let in.
    let log = world.agent.log();
    let refused = format!("does not accept our key {}", fingerprint(&old));
    assert!(!log.contains(&refused), "{log}");

    let told = world.agent.call(&["identity", "--rotate"]).await.unwrap();
    let (out, err) = (
        String::from_utf8(told.stdout).unwrap(),
        String::from_utf8(told.stderr).unwrap(),
    );
    assert!(told.status.success(), "{err}");
    assert_eq!(out.trim(), next);
    assert!(err.contains(&old), "{err}");
    assert_eq!(entries(&world, name).await, ["identity"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_next_key_can_be_given_up_and_a_key_that_was_replaced_by_hand_is_taken_up() {
    let name = "rotate-not";
    let cluster = ControlPlane::shared().await.unwrap();
    let (mut world, old) = with_secret(&cluster, name).await;
    world.agent.ask(&["identity", "--rotate"]).await.unwrap();
    assert_eq!(world.agent.ask(&["identity", "--abandon"]).await.unwrap().trim(), old);
    assert_eq!(entries(&world, name).await, ["identity"]);

    let by_hand = world.git.new_key().unwrap();
    let text = std::fs::read_to_string(&by_hand.path).unwrap();
    let api: Api<Secret> = Api::namespaced(world.client.clone(), NAMESPACE);
    let patch = serde_json::json!({"stringData": {"identity": text}});
    api.patch(
        &format!("{name}-key"),
        &kube::api::PatchParams::default(),
        &kube::api::Patch::Merge(patch),
    )
    .await
    .unwrap();
    world.git.authorize(&by_hand.public, Access::ReadWrite).unwrap();
    world.git.deauthorize(&old).unwrap();
    world.git.stop();
    world.git.resume().unwrap();
    // Refused, looked up, and logged in with the other one, without a restart.
    world.ecr.push_tag("shop/web", "2222bbb").unwrap();
    let _ = world.agent.call(&["sync"]).await.unwrap();
    said(&world, "the deploy key was changed").await;
    world.agent.ask(&["sync"]).await.unwrap();
    world.agent.ask(&["scan"]).await.unwrap();
    world.runs("2222bbb").await;
}
