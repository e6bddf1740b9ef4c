//! The fields of a HelmRelease that become flags of helm.

use super::scene::{Scene, chart};
use tidegate_stack::ControlPlane;

#[tokio::test]
async fn each_field_is_a_flag_that_helm_takes() {
    let cluster = ControlPlane::shared().await.unwrap();
    let test = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: tested\n  annotations: {helm.sh/hook: test}\ndata: {by: helm}\n";
    let chart = chart(&[("templates/tests/map.yaml", test)]);
    let all = "  maxHistory: 2\n  timeout: 60\n  wait: true\n  skipCRDs: true\n  disableOpenAPIValidation: true\n";
    let spec = format!("{all}  test: {{enable: true}}\n  values: {{text: one}}\n");
    let mut scene = Scene::start(&cluster, "rel-flags", chart, &spec).await;
    let status = scene.settled("Succeeded", "one").await;
    assert_eq!(status["tries"]["tested"], 1);
    assert!(
        scene.maps().get_opt("tested").await.unwrap().is_some(),
        "the test has run"
    );
    scene.declare(&format!(
        "{all}  atomic: true\n  forceUpgrade: true\n  values: {{text: two}}\n"
    ));
    scene.settled("Succeeded", "two").await;
    scene.declare(&format!("{all}  resetValues: false\n  values: {{other: three}}\n"));
    let other = async |scene: &Scene| scene.live("other").await;
    scene
        .until("the new value", other, |text| text.as_deref() == Some("three"))
        .await;
    scene.settled("Succeeded", "two").await;
    assert_eq!(scene.history().len(), 2, "Helm keeps two revisions");
}
