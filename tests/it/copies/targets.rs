use super::scene::{Scene, create, delete, holds, make_namespace, meta, patch, secret, uid};
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};
use serde_json::json;
use tidegate_stack::control_plane::Options;
use tidegate_stack::relay::{Direction, Ending};
use tidegate_stack::{ControlPlane, Relay};

fn secrets(client: &Client, namespace: &str) -> Api<Secret> {
    Api::namespaced(client.clone(), namespace)
}

/// Stores the way to a cluster where the agent reads it.
async fn store_kubeconfig(scene: &Scene, name: &str, kubeconfig: String) {
    let object = secret(meta(name, &[], &[]), &[("kubeconfig", kubeconfig.as_bytes())]);
    create(&scene.secrets("tidegate"), &object).await;
}

const TARGETS: &str = "targets:\n- {name: here, paths: [home]}\n- {name: b, paths: [b], kubeconfig: {secret: cluster-b}}\n\
                       - {name: again, paths: [c], kubeconfig: {secret: cluster-again}}\n\
                       - {name: self, paths: [d], kubeconfig: {secret: cluster-self}}\n";

#[tokio::test(flavor = "multi_thread")]
async fn copies_in_another_cluster_follow_their_source_and_stay_when_it_is_deleted() {
    let (home, b) = tokio::join!(
        ControlPlane::start(Options::default()),
        ControlPlane::start(Options::default())
    );
    let (home, b) = (home.unwrap(), b.unwrap());
    let in_b = b.client_named("somebody").await.unwrap();
    // Both agents have the same names.
    let mut scene = Scene::prepare(&home, "hub").await;
    let mut other = Scene::prepare(&b, "hub").await;
    for (client, namespace) in [
        (&scene.client, "certs"),
        (&scene.client, "shop"),
        (&in_b, "certs"),
        (&in_b, "shop"),
    ] {
        make_namespace(client, namespace, &[]).await;
    }
    let relay = Relay::start(b.address()).unwrap();
    let kubeconfig = std::fs::read_to_string(b.kubeconfig()).unwrap();
    let relayed = kubeconfig.replace(&b.address().to_string(), &relay.addr().to_string());
    store_kubeconfig(&scene, "cluster-b", relayed).await;
    store_kubeconfig(&scene, "cluster-again", kubeconfig).await;
    store_kubeconfig(
        &scene,
        "cluster-self",
        std::fs::read_to_string(home.kubeconfig()).unwrap(),
    )
    .await;

    let sources = scene.secrets("certs");
    create(&sources, &secret(meta("tls", &[], &[]), &[("key", b"1")])).await;
    let annotation = [("kubed.appscode.com/sync-contexts", "b")];
    create(&sources, &secret(meta("asking", &[], &annotation), &[("key", b"1")])).await;
    // The agent of the other cluster has mirrors of its own.
    create(
        &secrets(&in_b, "certs"),
        &secret(meta("own", &[], &[]), &[("key", b"own")]),
    )
    .await;
    other.rules("{from: certs/own, namespaces: [shop]}", "");
    other.agent.run().await.unwrap();

    scene.rules(
        "{from: certs/tls, namespaces: [shop], targets: [here, b]}, {annotated: [certs], targets: [b]}",
        TARGETS,
    );
    scene.agent.run().await.unwrap();
    let (at_home, at_b) = (scene.secrets("shop"), secrets(&in_b, "shop"));
    scene.becomes(at_home.clone(), "tls", holds("key", b"1")).await;
    scene.becomes(at_b.clone(), "tls", holds("key", b"1")).await;
    // By annotation, with kubed's meaning: in the namespace of the source's name.
    scene
        .becomes(secrets(&in_b, "certs"), "asking", holds("key", b"1"))
        .await;

    // A copy there is deleted; and the source changes while the cluster is away.
    delete(&at_b, "tls").await;
    let copy = scene.becomes(at_b.clone(), "tls", holds("key", b"1")).await;
    relay.cut_every(Direction::ToTarget, 0, Ending::Reset);
    relay.reset();
    patch(&sources, "tls", json!({"data": {"key": "Mg=="}})).await;
    scene.becomes(at_home.clone(), "tls", holds("key", b"2")).await;
    assert!(holds("key", b"1")(&at_b.get("tls").await.unwrap()));
    relay.heal();
    let changed = scene.becomes(at_b.clone(), "tls", holds("key", b"2")).await;
    assert_eq!(uid(&changed), uid(&copy));

    // The source goes: so does the copy beside it. The one in the other cluster stays.
    delete(&sources, "tls").await;
    delete(&sources, "asking").await;
    scene.gone(at_home, "tls").await;
    scene.says("b", "a rule copies it, and it does not exist").await;
    // What proves that the loop of that cluster has seen the deletion: it serves another source.
    create(&sources, &secret(meta("next", &[], &annotation), &[("key", b"3")])).await;
    scene.becomes(secrets(&in_b, "certs"), "next", holds("key", b"3")).await;
    assert_eq!(uid(&at_b.get("tls").await.unwrap()), uid(&copy));
    assert!(secrets(&in_b, "certs").get_opt("asking").await.unwrap().is_some());
    // Its annotation goes: the source takes itself back.
    patch(
        &sources,
        "next",
        json!({"metadata": {"annotations": {"kubed.appscode.com/sync-contexts": null}}}),
    )
    .await;
    scene.gone(secrets(&in_b, "certs"), "next").await;

    // The agent there has left all this alone, and this agent what is of the other one.
    other.restart().await;
    other.becomes(at_b.clone(), "own", holds("key", b"own")).await;
    let new = secret(meta("fresh", &[], &[]), &[("key", b"4")]);
    create(&secrets(&in_b, "certs"), &new).await;
    other.rules(
        "{from: certs/own, namespaces: [shop]}, {from: certs/fresh, namespaces: [shop]}",
        "",
    );
    other.restart().await;
    other.becomes(at_b.clone(), "fresh", holds("key", b"4")).await;
    assert_eq!(uid(&at_b.get("tls").await.unwrap()), uid(&copy));

    // One cluster under two names, and the agent's own under another address.
    scene.rules(
        "{from: certs/next, namespaces: [shop], targets: [here, b, again, self]}",
        TARGETS,
    );
    scene.restart().await;
    scene
        .says("self", "the target is the agent's own cluster under another address")
        .await;
    let deadline = tokio::time::Instant::now() + super::scene::SOON;
    loop {
        let said = format!("{}{}", scene.mirrors("b").await, scene.mirrors("again").await);
        if said.contains("the same cluster as target") {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "{said}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    scene.becomes(scene.secrets("shop"), "next", holds("key", b"3")).await;
    scene.becomes(at_b.clone(), "next", holds("key", b"3")).await;
    assert!(
        scene.secrets("certs").get_opt("next").await.unwrap().is_some(),
        "the source stands"
    );

    // Without rules the agent takes back what it left there, also what a deleted source left.
    scene.rules("", TARGETS);
    scene.restart().await;
    scene.gone(at_b.clone(), "next").await;
    scene.gone(at_b.clone(), "tls").await;
    assert!(at_b.get_opt("own").await.unwrap().is_some());
}
