use super::world::{SOON, World, image};
use kube::api::{Patch, PatchParams};
use std::time::Duration;
use tidegate_stack::ControlPlane;
use tidegate_stack::control_plane::{AuditRequest, Options};

const OBJECTS: usize = 200;
const PASSES: usize = 5;

fn files(namespace: &str) -> Vec<(String, String)> {
    let mut files = vec![(
        "namespace.yaml".to_owned(),
        format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {namespace}}}\n"),
    )];
    for number in 0..OBJECTS / 2 {
        files.push((
            format!("config/{number}.yaml"),
            format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{number}, namespace: {namespace}}}\ndata: {{a: b}}\n"),
        ));
        let text = super::world::deployment(namespace, "1111aaa")
            .replace("name: web\n  namespace", &format!("name: d{number}\n  namespace"))
            .replace("automated: \"true\"", "automated: \"false\"");
        files.push((format!("apps/{number}.yaml"), text));
    }
    files
}

/// Requests of the agent that concern a member of the set; its watches concern kinds, not members.
fn of_members(requests: &[AuditRequest], namespace: &str) -> Vec<AuditRequest> {
    requests
        .iter()
        .filter(|request| request.user_agent.starts_with("tidegate/") && request.namespace == namespace)
        .cloned()
        .collect()
}

/// Needs a control plane of its own: all requests of the user agent are counted.
#[tokio::test(flavor = "multi_thread")]
async fn a_converged_set_costs_no_request_and_a_changed_image_costs_one() {
    let cluster = ControlPlane::start(Options::default()).await.unwrap();
    let namespace = "idle";
    let files = files(namespace);
    let files: Vec<(&str, String)> = files.iter().map(|(path, text)| (path.as_str(), text.clone())).collect();
    let mut world = World::with(&cluster, "idle", namespace, &files).await;
    world.agent.run().await.unwrap();
    let told = world.agent.ask(&["sync"]).await.unwrap();
    assert!(told.contains(&format!("{} objects declared", OBJECTS + 1)), "{told}");

    let mark = cluster.audit_mark();
    for _ in 0..PASSES {
        world.agent.ask(&["sync"]).await.unwrap();
    }
    let requests = cluster.requests_since(&mark).await.unwrap();
    let ours: Vec<_> = requests
        .iter()
        .filter(|request| request.user_agent.starts_with("tidegate/"))
        .collect();
    let members = of_members(&requests, namespace);
    println!(
        "{PASSES} passes over {OBJECTS} objects: {} requests for objects, {} requests in all{}",
        members.len(),
        ours.len(),
        ours.iter()
            .map(|request| format!("\n  {} {}", request.verb, request.uri))
            .collect::<String>()
    );
    assert_eq!(members, []);
    assert!(ours.len() < 10, "what is left does not grow with objects");

    let mark = cluster.audit_mark();
    let api = world.deployments();
    let declared = image(&api.get("d7").await.unwrap());
    let patch =
        serde_json::json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "nginx:1"}]}}}});
    api.patch("d7", &PatchParams::default(), &Patch::Strategic(patch))
        .await
        .unwrap();
    let deadline = tokio::time::Instant::now() + SOON;
    while image(&api.get("d7").await.unwrap()) != declared {
        assert!(tokio::time::Instant::now() < deadline, "not put back");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // Whatever else the repair brings about comes with the next pass.
    world.agent.ask(&["sync"]).await.unwrap();
    let members = of_members(&cluster.requests_since(&mark).await.unwrap(), namespace);
    let sent: Vec<_> = members
        .iter()
        .map(|request| (request.verb.as_str(), request.name.as_str()))
        .collect();
    assert_eq!(sent, [("patch", "d7")]);
    assert!(world.agent.log().contains("drift repaired"));
}
