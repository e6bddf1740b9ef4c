use super::scene::{SOON, Scene, create, holds, meta, patch, secret};
use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::ListParams;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;
use tidegate_stack::ControlPlane;
use tidegate_stack::control_plane::{AuditRequest, Options};

const NAMESPACES: usize = 300;

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

/// Waits until so many copies hold the value, and returns how many do.
async fn have(scene: &Scene, count: usize, value: &'static [u8]) -> usize {
    let api: Api<Secret> = Api::all(scene.client.clone());
    let waiting = async {
        loop {
            let found = api
                .list(&ListParams::default().labels("tidegate.dev/mirror"))
                .await
                .unwrap();
            let current = found.items.iter().filter(|secret| holds("key", value)(secret)).count();
            if current >= count {
                return current;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(SOON, waiting).await.unwrap()
}

/// Needs a control plane of its own: all requests are counted.
#[tokio::test(flavor = "multi_thread")]
async fn three_hundred_copies_cost_one_write_each_with_kills_in_between() {
    let cluster = ControlPlane::start(Options::default()).await.unwrap();
    let mut scene = Scene::prepare(&cluster, "copymany").await;
    let from = scene.make_namespace("from", &[]).await;
    create(&scene.secrets(&from), &secret(meta("tls", &[], &[]), &[("key", b"1")])).await;
    scene.rules(
        &format!("{{from: {from}/tls, namespaces: [\"{}\"]}}", scene.namespace("n*")),
        "",
    );
    let names: Vec<String> = (0..NAMESPACES).map(|number| format!("n{number}")).collect();
    futures::stream::iter(&names)
        .for_each_concurrent(16, |name| async {
            scene.make_namespace(name, &[]).await;
        })
        .await;
    for (value, next) in [(&b"1"[..], None), (b"2", Some("Mg=="))] {
        let mark = cluster.audit_mark();
        if let Some(next) = next {
            patch(&scene.secrets(&from), "tls", json!({"data": {"key": next}})).await;
        }
        scene.agent.start().unwrap();
        // Killed as soon as the first copies are there.
        let at_kill = have(&scene, 1, value).await;
        scene.agent.kill();
        scene.agent.run().await.unwrap();
        have(&scene, NAMESPACES, value).await;
        println!("killed after {at_kill} copies");
        scene.agent.stop().await.unwrap();
        let requests = cluster.requests_since(&mark).await.unwrap();
        let mut writes = writes(&requests);
        // Without the agent's own Secrets.
        writes.retain(|namespace, _| namespace.contains("-n"));
        assert_eq!(writes.len(), NAMESPACES);
        for (namespace, (done, unanswered)) in writes {
            let is_one = done == 1 || (done == 0 && unanswered == 1);
            assert!(is_one, "{namespace}: {done} writes, and {unanswered} without an answer");
        }
    }

    // A start on copies that are right writes nothing.
    let mark = cluster.audit_mark();
    scene.agent.run().await.unwrap();
    scene.agent.ask(&["sync"]).await.unwrap();
    let new = scene.make_namespace("nlast", &[]).await;
    scene.becomes(scene.secrets(&new), "tls", holds("key", b"2")).await;
    let requests = cluster.requests_since(&mark).await.unwrap();
    let writes: Vec<(&str, (usize, usize))> = writes(&requests).into_iter().collect();
    assert_eq!(writes, [(&*new, (1, 0))], "only the new namespace is written");
}
