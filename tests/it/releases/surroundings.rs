//! Failures for which neither the chart nor the values are to blame.

use super::scene::{Scene, chart, release};
use std::fs;
use tidegate_stack::ControlPlane;

const TESTED: &str = "  rollback: {enable: true}\n  test: {enable: true}\n";

#[tokio::test]
async fn a_helm_that_cannot_write_its_folder_counts_for_no_input_and_rolls_nothing_back() {
    let cluster = ControlPlane::shared().await.unwrap();
    let mut scene = Scene::start(&cluster, "rel-folder", chart(&[]), "  values: {text: one}\n").await;
    scene.settled("Succeeded", "one").await;
    scene.declare("  values: {text: two}\n");
    scene.settled("Succeeded", "two").await;
    // As on a full disk: nothing can be made in the folder of helm's runs.
    let folder = scene.agent.state_dir().join("releases");
    fs::remove_dir_all(&folder).unwrap();
    fs::write(&folder, "").unwrap();

    // The same chart and values, now with tests.
    scene.declare(&format!("{TESTED}  values: {{text: two}}\n"));
    let status = scene.settled("TestFailed", "two").await;
    assert!(status.to_string().contains("the folder for helm cannot be written"));
    assert_ne!(
        status["tries"]["testsFailed"], true,
        "the release is not to blame: {status}"
    );
    assert_eq!(status["tries"]["tested"], serde_json::Value::Null, "{status}");

    scene.declare(&format!("{TESTED}  values: {{text: three}}\n"));
    let status = scene.settled("ChartFetchFailed", "two").await;
    assert_eq!(status["tries"]["failures"], 0, "{status}");

    fs::remove_file(&folder).unwrap();
    let again = release(&scene.namespace, &format!("{TESTED}  values: {{text: three}}\n"));
    let again = again.replace(
        "  name: web\n",
        "  name: web\n  annotations: {tidegate.dev/retry: now}\n",
    );
    scene.commit(&[("web.yaml", &again)]);
    scene.settled("Succeeded", "three").await;
    let words: Vec<String> = scene
        .history()
        .into_iter()
        .map(|(number, status)| format!("{number} {status}"))
        .collect();
    assert_eq!(
        words,
        ["1 superseded", "2 superseded", "3 deployed"],
        "nothing is rolled back"
    );
}
