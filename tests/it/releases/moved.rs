//! HelmReleases that name another release than before.

use super::scene::{Scene, chart};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use tidegate_stack::ControlPlane;

#[tokio::test]
async fn a_release_that_gets_another_name_or_namespace_leaves_nothing_behind() {
    let cluster = ControlPlane::shared().await.unwrap();
    let mut scene = Scene::start(&cluster, "rel-moved", chart(&[]), "  values: {text: one}\n").await;
    scene.settled("Succeeded", "one").await;
    let other = format!("{}-b", scene.namespace);
    let namespace = format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {other}}}\n");
    let spec = format!("  targetNamespace: {other}\n  values: {{text: two}}\n");
    scene.commit(&[
        ("other.yaml", &namespace),
        ("web.yaml", &super::scene::release(&scene.namespace, &spec)),
    ]);
    let maps: Api<ConfigMap> = Api::namespaced(scene.client.clone(), &other);
    let look = async |scene: &Scene| {
        let map = maps.get_opt("web").await.unwrap();
        let text = map.and_then(|map| map.data?.get("text").cloned());
        (
            scene.status().await["phase"].clone(),
            text,
            scene.live("text").await,
            scene.history().len(),
        )
    };
    scene
        .until(
            "the release in the other namespace alone",
            look,
            |(phase, new, old, revisions)| {
                phase == "Succeeded" && new.as_deref() == Some("two") && old.is_none() && *revisions == 0
            },
        )
        .await;
    let status = scene.status().await;
    assert_eq!(status["releaseNamespace"], other.as_str());
    assert_eq!(status["helmRevision"], 1);

    let text = super::scene::release(&scene.namespace, "  values: {text: three}\n")
        .replace("releaseName: web", "releaseName: shop");
    scene.commit(&[("web.yaml", &text)]);
    let look = async |scene: &Scene| {
        let here = scene.maps().get_opt("shop").await.unwrap().is_some();
        (
            here,
            maps.get_opt("web").await.unwrap().is_some(),
            scene.status().await["phase"].clone(),
        )
    };
    scene
        .until("the release under its new name alone", look, |seen| {
            *seen == (true, false, "Succeeded".into())
        })
        .await;
}
