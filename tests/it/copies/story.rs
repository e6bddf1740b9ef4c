use super::scene::{Scene, create, delete, entry, holds, meta, patch, secret, uid};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::Api;
use serde_json::json;
use tidegate_stack::ControlPlane;

const CANARY: &[u8] = b"canary-\xff\x00\xfe-of-a-private-key";

#[tokio::test(flavor = "multi_thread")]
async fn copies_stand_where_the_rule_says_come_back_and_go_with_label_source_and_rule() {
    let cluster = ControlPlane::shared().await.unwrap();
    let mut scene = Scene::prepare(&cluster, "copystory").await;
    let from = scene.make_namespace("from", &[]).await;
    let label = scene.namespace("l");
    let shop = [("spread", &*label)];
    let first = scene.make_namespace("a", &shop).await;
    let outside = scene.make_namespace("x", &[]).await;
    let rule = format!("{{from: {from}/tls, selector: \"spread={label}\", labels: [team]}}");
    scene.rules(&rule, "");
    let labels = [("team", "shop"), ("app.kubernetes.io/managed-by", "Helm")];
    let annotations = [("kubectl.kubernetes.io/last-applied-configuration", "{}")];
    let source = secret(meta("tls", &labels, &annotations), &[("key", CANARY), ("empty", b"")]);
    create(&scene.secrets(&from), &source).await;
    scene.agent.run().await.unwrap();

    let copies = scene.secrets(&first);
    let copy = scene.becomes(copies.clone(), "tls", holds("key", CANARY)).await;
    assert_eq!(entry(&copy, "empty").as_deref(), Some(&b""[..]));
    let labels = copy.metadata.labels.as_ref().unwrap();
    assert_eq!(labels.get("team").map(String::as_str), Some("shop"));
    assert!(!labels.contains_key("app.kubernetes.io/managed-by"), "{labels:?}");
    let annotations: Vec<&String> = copy.metadata.annotations.as_ref().unwrap().keys().collect();
    assert_eq!(annotations, ["tidegate.dev/mirror-of"]);

    // A namespace that is made, and one that gets the label, while the agent runs.
    let second = scene.make_namespace("b", &shop).await;
    scene.becomes(scene.secrets(&second), "tls", holds("key", CANARY)).await;
    assert!(scene.secrets(&outside).get_opt("tls").await.unwrap().is_none());
    let namespaces: Api<Namespace> = Api::all(scene.client.clone());
    patch(
        &namespaces,
        &outside,
        json!({"metadata": {"labels": {"spread": label}}}),
    )
    .await;
    scene
        .becomes(scene.secrets(&outside), "tls", holds("key", CANARY))
        .await;
    patch(&namespaces, &outside, json!({"metadata": {"labels": {"spread": null}}})).await;
    scene.gone(scene.secrets(&outside), "tls").await;

    // A copy that is deleted, and one that is edited.
    delete(&copies, "tls").await;
    let again = scene.becomes(copies.clone(), "tls", holds("key", CANARY)).await;
    assert_ne!(uid(&again), uid(&copy));
    let edit =
        json!({"stringData": {"key": "other", "more": "x"}, "metadata": {"labels": {"team": "other", "own": "stays"}}});
    patch(&copies, "tls", edit).await;
    let is_repaired = |copy: &_| holds("key", CANARY)(copy) && entry(copy, "more").is_none();
    let repaired = scene.becomes(copies.clone(), "tls", is_repaired).await;
    assert_eq!(uid(&repaired), uid(&again));
    let labels = repaired.metadata.labels.unwrap();
    assert_eq!((&*labels["team"], &*labels["own"]), ("shop", "stays"));

    // The source changes, and loses an entry.
    patch(
        &scene.secrets(&from),
        "tls",
        json!({"data": {"key": "bmV3", "empty": null}}),
    )
    .await;
    for namespace in [&first, &second] {
        let is_new = |copy: &_| holds("key", b"new")(copy) && entry(copy, "empty").is_none();
        scene.becomes(scene.secrets(namespace), "tls", is_new).await;
    }
    let shown = scene.shown().await;
    assert!(
        !shown.contains("canary-") && !shown.contains("Y2FuYXJ5"),
        "a value is shown"
    );
    assert!(shown.contains("tidegate_mirror_copies{target=\"here\"} 2"));

    // The rule ends while the agent does not run, and the source goes.
    scene.rules("", "");
    scene.restart().await;
    scene.gone(scene.secrets(&first), "tls").await;
    scene.gone(scene.secrets(&second), "tls").await;
    scene.rules(&rule, "");
    scene.restart().await;
    scene.becomes(copies.clone(), "tls", holds("key", b"new")).await;
    delete(&scene.secrets(&from), "tls").await;
    scene.gone(copies, "tls").await;
    scene.says("here", "a rule copies it, and it does not exist").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn binary_and_text_of_a_configmap_keep_every_byte_under_chosen_keys_and_another_name() {
    let cluster = ControlPlane::shared().await.unwrap();
    let mut scene = Scene::prepare(&cluster, "copybytes").await;
    let from = scene.make_namespace("from", &[]).await;
    let to = scene.make_namespace("to", &[]).await;
    let every: Vec<u8> = (0..=255).collect();
    let text = "a\r\nb\ttrailing \u{feff}\u{1F600}\n\n";
    let source = ConfigMap {
        metadata: meta("trust", &[], &[]),
        data: Some(
            [
                ("ca.crt".to_owned(), text.to_owned()),
                ("not".to_owned(), "x".to_owned()),
            ]
            .into(),
        ),
        binary_data: Some([("store".to_owned(), ByteString(every.clone()))].into()),
        ..ConfigMap::default()
    };
    create(&scene.maps(&from), &source).await;
    scene.rules(
        &format!(
            "{{from: {from}/trust, kind: ConfigMap, namespaces: [{to}], name: bundle, keys: {{ca.crt: root.pem, store: store}}}}"
        ),
        "",
    );
    scene.agent.run().await.unwrap();
    let maps = scene.maps(&to);
    let copy = scene.becomes(maps.clone(), "bundle", |_| true).await;
    assert_eq!(
        copy.data.unwrap().into_iter().collect::<Vec<_>>(),
        [("root.pem".to_owned(), text.to_owned())]
    );
    assert_eq!(copy.binary_data.unwrap()["store"].0, every);
    // An entry moves from text to binary.
    let moved = json!({"data": {"ca.crt": null}, "binaryData": {"ca.crt": "/w=="}});
    patch(&scene.maps(&from), "trust", moved).await;
    let is_moved = |map: &ConfigMap| {
        let binary = map.binary_data.as_ref().and_then(|data| data.get("root.pem"));
        map.data.is_none() && binary.is_some_and(|bytes| bytes.0 == [0xff])
    };
    scene.becomes(maps.clone(), "bundle", is_moved).await;
    // An entry that the rule names is taken out of the source: the copy stays as it is.
    patch(&scene.maps(&from), "trust", json!({"binaryData": {"store": null}})).await;
    scene.says("here", "it has no entry store").await;
    let kept = maps.get("bundle").await.unwrap();
    assert_eq!(kept.binary_data.unwrap()["store"].0, every);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_there_before_and_what_others_made_is_never_written_and_never_deleted() {
    let cluster = ControlPlane::shared().await.unwrap();
    let mut scene = Scene::prepare(&cluster, "copyforeign").await;
    let from = scene.make_namespace("from", &[]).await;
    let to = scene.make_namespace("to", &[]).await;
    let other = scene.make_namespace("other", &[]).await;
    let source = create(&scene.secrets(&from), &secret(meta("tls", &[], &[]), &[("key", b"1")])).await;
    let before = create(&scene.secrets(&to), &secret(meta("tls", &[], &[]), &[("key", b"mine")])).await;
    // A copy of a copy, made by hand with everything on it.
    scene.rules(&format!("{{from: {from}/tls, namespaces: [{to}, {other}]}}"), "");
    scene.agent.run().await.unwrap();
    scene
        .says("here", &format!("Secret {to}/tls\":\"an object of this name is there"))
        .await;
    let mut stolen = scene.becomes(scene.secrets(&other), "tls", holds("key", b"1")).await;
    stolen.metadata.resource_version = None;
    stolen.metadata.uid = None;
    stolen.metadata.namespace = None;
    let elsewhere = scene.make_namespace("elsewhere", &[]).await;
    let by_hand = create(&scene.secrets(&elsewhere), &stolen).await;
    scene
        .says(
            "here",
            &format!("Secret {elsewhere}/tls\":\"it has the label of the agent's copies"),
        )
        .await;
    let now = scene.secrets(&to).get("tls").await.unwrap();
    assert_eq!((uid(&now), entry(&now, "key")), (uid(&before), Some(b"mine".to_vec())));
    // The rule ends: only the agent's own copy goes.
    scene.rules("", "");
    scene.restart().await;
    scene.gone(scene.secrets(&other), "tls").await;
    for (namespace, expected) in [(&from, &source), (&to, &before), (&elsewhere, &by_hand)] {
        let left = scene.secrets(namespace).get("tls").await.unwrap();
        assert_eq!(uid(&left), uid(expected), "{namespace}");
    }
}
