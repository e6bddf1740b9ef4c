//! Two replicas: one works, the other takes over.

use super::world::{SOON, World};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::PostParams;
use serde_json::json;
use std::path::PathBuf;
use std::time::Duration;
use tidegate_stack::ControlPlane;
use tidegate_stack::agent::{self, Agent, NAMESPACE};
use tidegate_stack::git::Access;

/// How often the leader is killed; `make kill` does it more often.
const KILLS: usize = 2;

/// What two replicas share: the set, the Lease, and the key, which lies in a Secret.
fn replica(cluster: &ControlPlane, world: &World, name: &str, number: usize) -> Agent {
    let mut env = world.ecr.env();
    env.push(("POD_NAME".to_owned(), pod_name(name, number)));
    Agent::prepare(agent::Options {
        program: PathBuf::from(env!("CARGO_BIN_EXE_tidegate")),
        repo_url: world.repo.url().to_owned(),
        known_hosts: world.git.known_hosts_lines(),
        kubeconfig: Some(cluster.kubeconfig().to_owned()),
        env,
        key: format!("{{secret: {name}-key}}"),
        more: format!("sync: {{set: {name}}}\nleaderElection: {{enabled: true, lease: {name}}}\n"),
        ..agent::Options::default()
    })
    .unwrap()
}

fn pod_name(name: &str, number: usize) -> String {
    format!("{name}-{number}-{}", std::process::id())
}

async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let ended = tokio::time::timeout(SOON, waiting).await;
    ended.unwrap_or_else(|_| panic!("{what}"));
}

struct Scene {
    world: World,
    replicas: [Agent; 2],
    name: String,
}

impl Scene {
    async fn start(cluster: &ControlPlane, name: &str) -> Scene {
        let world = World::prepare(cluster, name, "v0").await;
        world.ecr.push_tag("shop/web", "v0").unwrap();
        let mut replicas = [0, 1].map(|number| replica(cluster, &world, name, number));
        let key = replicas[0].identity().await.unwrap();
        world.git.authorize(&key, Access::ReadWrite).unwrap();
        let pods: Api<Pod> = Api::namespaced(world.client.clone(), NAMESPACE);
        // The mark of the one that leads comes once the server takes it.
        replicas[0].run().await.unwrap();
        let mut scene = Scene {
            world,
            replicas,
            name: name.to_owned(),
        };
        scene.holds(0).await;
        for number in [0, 1] {
            let pod = json!({"metadata": {"name": pod_name(name, number)},
                "spec": {"containers": [{"name": "tidegate", "image": "tidegate"}]}});
            let pod: Pod = serde_json::from_value(pod).unwrap();
            pods.create(&PostParams::default(), &pod).await.unwrap();
        }
        scene.leads(0).await;
        scene.replicas[1].run().await.unwrap();
        scene
    }

    /// Waits until this replica holds the Lease.
    async fn holds(&self, number: usize) {
        let leases: Api<Lease> = Api::namespaced(self.world.client.clone(), NAMESPACE);
        let holder = format!("{}_", pod_name(&self.name, number));
        until("the replica does not hold the Lease", async || {
            let lease = leases.get_opt(&self.name).await.unwrap();
            let found = lease.and_then(|lease| lease.spec?.holder_identity);
            found.is_some_and(|found| found.starts_with(&holder))
        })
        .await;
    }

    /// Waits until this replica holds the Lease, and its pod is marked.
    async fn leads(&self, number: usize) {
        self.holds(number).await;
        let pods: Api<Pod> = Api::namespaced(self.world.client.clone(), NAMESPACE);
        let pod = pod_name(&self.name, number);
        until("the pod is not marked", async || {
            let labels = pods.get(&pod).await.unwrap().metadata.labels.unwrap_or_default();
            labels.get("tidegate.dev/leader").is_some_and(|mark| mark == "true")
        })
        .await;
    }

    async fn bumped(&self, tag: &str) {
        until("the tag is not bumped", async || !self.world.bumps_to(tag).is_empty()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_replicas_one_works_and_the_other_says_whom_to_ask() {
    let cluster = ControlPlane::shared().await.unwrap();
    let mut scene = Scene::start(&cluster, "pair").await;
    let leader = pod_name("pair", 0);
    let expected = format!("this replica stands by: {leader} leads; ask that pod");
    for command in [&["sync"][..], &["scan"], &["plan"], &["holds"], &["why", "deploy/web"]] {
        let refused = scene.replicas[1].call(command).await.unwrap();
        let words = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(
            !refused.status.success() && words.contains(&expected),
            "{command:?}: {words}"
        );
    }
    let status = scene.replicas[1].call(&["status"]).await.unwrap();
    let words = String::from_utf8_lossy(&status.stdout).into_owned();
    assert!(!status.status.success() && words.contains(&expected), "{words}");
    let (alive, _) = scene.replicas[1].get("/healthz").await.unwrap();
    let (ready, _) = scene.replicas[1].get("/readyz").await.unwrap();
    assert_eq!(
        (alive, ready),
        (200, 200),
        "a rollout counts the replica that stands by"
    );

    // The leader works as ever.
    scene.world.ecr.push_tag("shop/web", "v1").unwrap();
    scene.replicas[0].ask(&["scan"]).await.unwrap();
    assert_eq!(scene.world.bumps_to("v1").len(), 1);

    // A leader that is stopped gives the Lease back, and the other one does not wait until it is over.
    assert_eq!(scene.replicas[0].stop().await.unwrap(), 0);
    scene.leads(1).await;
    scene.replicas[1].ready().await.unwrap();
    let log = scene.replicas[1].log();
    assert!(log.contains("this replica leads"), "{log}");
    // One that stands by is stopped as any other.
    scene.replicas[0].run().await.unwrap();
    assert_eq!(scene.replicas[0].stop().await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_killed_is_followed_and_each_tag_lands_once() {
    let kills = std::env::var("KILLS")
        .ok()
        .and_then(|kills| kills.parse().ok())
        .unwrap_or(KILLS);
    let cluster = ControlPlane::shared().await.unwrap();
    let mut scene = Scene::start(&cluster, "heirs").await;
    let mut slowest = Duration::ZERO;
    for kill in 0..kills {
        let (leader, heir) = (kill % 2, (kill + 1) % 2);
        let tag = format!("v{}", kill + 1);
        scene.replicas[leader].kill();
        let killed = tokio::time::Instant::now();
        scene.world.ecr.push_tag("shop/web", &tag).unwrap();
        scene.leads(heir).await;
        slowest = slowest.max(killed.elapsed());
        scene.bumped(&tag).await;
        scene.replicas[leader].run().await.unwrap();
    }
    println!("{kills} leaders killed; the slowest takeover took {slowest:.1?}");
    for kill in 0..kills {
        assert_eq!(scene.world.bumps_to(&format!("v{}", kill + 1)).len(), 1);
    }
    assert_eq!(scene.world.repo.log().unwrap().len(), kills + 1, "no other commit");
}

/// Somebody takes the Lease away while the leader lives: the leader ends, and a container that is started again stands by.
#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_has_lost_the_lease_ends() {
    let cluster = ControlPlane::shared().await.unwrap();
    let mut scene = Scene::start(&cluster, "robbed").await;
    let leases: Api<Lease> = Api::namespaced(scene.world.client.clone(), NAMESPACE);
    let taken = json!({"spec": {"holderIdentity": "somebody_0", "renewTime": "2126-01-01T00:00:00.000000Z", "leaseDurationSeconds": 3600}});
    let patch = kube::api::Patch::Merge(taken);
    leases.patch("robbed", &Default::default(), &patch).await.unwrap();
    let code = scene.replicas[0].process().unwrap().exited(SOON).await.unwrap();
    let log = scene.replicas[0].log();
    assert!(
        code == 1 && log.contains("leader election: somebody leads now"),
        "{code}: {log}"
    );
    let refused = scene.replicas[1].call(&["sync"]).await.unwrap();
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(words.contains("stands by"), "{words}");
}
