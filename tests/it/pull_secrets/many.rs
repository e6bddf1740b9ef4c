use super::scene::{HOST, Scene, has_login};
use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::ListParams;
use std::collections::BTreeMap;
use std::time::Duration;
use tidegate_stack::ControlPlane;
use tidegate_stack::control_plane::{AuditRequest, Options};

const NAMESPACES: usize = 500;

/// The agent's requests that write Secrets, by namespace: how many the server carried out, and how many it could not answer since
/// the agent was killed meanwhile. The server may have carried out those, too.
fn writes(requests: &[AuditRequest]) -> BTreeMap<&str, (usize, usize)> {
    let is_write = |request: &&AuditRequest| {
        request.user_agent.starts_with("tidegate/")
            && request.resource == "secrets"
            && ["create", "update", "patch", "delete"].contains(&request.verb.as_str())
    };
    let mut writes: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for request in requests.iter().filter(is_write) {
        let (done, unanswered) = writes.entry(&request.namespace).or_default();
        match request.code {
            200..300 => *done += 1,
            code => {
                assert!(code == 0 || code >= 499, "{request:?}");
                *unanswered += 1;
            }
        }
    }
    writes
}

async fn secrets(scene: &Scene) -> Vec<Secret> {
    let api: Api<Secret> = Api::all(scene.client.clone());
    let found = api.list(&ListParams::default()).await.unwrap().items;
    let is_ours = |secret: &Secret| secret.metadata.name.as_deref() == Some("ecr") && has_login(secret);
    found.into_iter().filter(is_ours).collect()
}

/// Waits until there are so many Secrets.
async fn has(scene: &Scene, count: usize) {
    let waiting = async {
        while secrets(scene).await.len() < count {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), waiting).await.unwrap();
}

/// Needs a control plane of its own: all requests are counted.
#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_namespaces_cost_one_token_and_one_write_each_with_a_kill_in_between() {
    let cluster = ControlPlane::start(Options::default()).await.unwrap();
    let mut scene = Scene::prepare(&cluster, "pullmany").await;
    scene.rules(&format!(
        "{{secret: ecr, registries: [{HOST}], namespaces: [\"{}\"]}}",
        scene.namespace("*")
    ));
    let names: Vec<String> = (0..NAMESPACES).map(|number| format!("n{number}")).collect();
    futures::stream::iter(&names)
        .for_each_concurrent(16, |name| async {
            scene.make_namespace(name, &[]).await;
        })
        .await;
    let (mark, asked) = (cluster.audit_mark(), scene.ecr.mark());
    scene.agent.start().unwrap();
    // Killed as soon as the first Secrets are there.
    has(&scene, 1).await;
    scene.agent.kill();
    let killed_at = secrets(&scene).await.len();
    assert_eq!(scene.ecr.requests_since(&asked).count("GetAuthorizationToken"), 1);
    let again = scene.ecr.mark();
    scene.agent.run().await.unwrap();
    has(&scene, NAMESPACES).await;
    println!("killed after {killed_at} Secrets");
    let tokens = scene.ecr.requests_since(&again).count("GetAuthorizationToken");
    assert_eq!(tokens, u64::from(killed_at < NAMESPACES));
    let requests = cluster.requests_since(&mark).await.unwrap();
    let writes_before = writes(&requests);
    assert_eq!(writes_before.len(), NAMESPACES);
    for (namespace, (done, unanswered)) in writes_before {
        let is_one = done == 1 || (done == 0 && unanswered == 1);
        assert!(is_one, "{namespace}: {done} writes, and {unanswered} without an answer");
    }

    // A start on what is there asks AWS for nothing and writes nothing; neither does a sync pass.
    let (mark, asked) = (cluster.audit_mark(), scene.ecr.mark());
    scene.restart().await;
    scene.agent.ask(&["sync"]).await.unwrap();
    let new = scene.make_namespace("last", &[]).await;
    scene.secret_where(&new, "ecr", has_login).await;
    let requests = cluster.requests_since(&mark).await.unwrap();
    let expected = BTreeMap::from([(new.as_str(), (1, 0))]);
    assert_eq!(writes(&requests), expected, "only the new namespace is written");
    assert_eq!(scene.ecr.requests_since(&asked).count("GetAuthorizationToken"), 1);
}
