use super::scene::{HOST, JSON_ENTRY, JSON_TYPE, Scene, has_login, logins, uid};
use serde_json::json;
use tidegate_stack::ControlPlane;
use tidegate_stack::ecr::Fault;

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_cannot_be_written_without_a_loss_stays_and_the_others_are_served() {
    let cluster = ControlPlane::shared().await.unwrap();
    let mut scene = Scene::prepare(&cluster, "pullrefuse").await;
    let typed = scene.make_namespace("a", &[]).await;
    let broken = scene.make_namespace("b", &[]).await;
    let frozen = scene.make_namespace("c", &[]).await;
    let good = scene.make_namespace("d", &[]).await;
    let canary = "canary-of-somebody";
    let other = scene.make_secret(&typed, "ecr", "Opaque", "config.json", canary).await;
    let text = format!("{{\"auths\": {{\"x\": \"{canary}\"}}, \"auths\": [\"{canary}\"]}}");
    scene.make_secret(&broken, "ecr", JSON_TYPE, JSON_ENTRY, &text).await;
    scene
        .make_secret(&frozen, "ecr", JSON_TYPE, JSON_ENTRY, "{\"auths\": {}}")
        .await;
    scene.patch(&frozen, "ecr", json!({"immutable": true})).await;
    scene.rules(&format!(
        "{{secret: ecr, registries: [{HOST}], namespaces: [\"{}\"]}}",
        scene.namespace("*")
    ));
    scene.agent.run().await.unwrap();
    scene.secret_where(&good, "ecr", has_login).await;
    for (namespace, part) in [
        (
            &typed,
            "it has type Opaque, and the rule asks for kubernetes.io/dockerconfigjson",
        ),
        (&broken, "auths in .dockerconfigjson is no JSON object"),
        (&frozen, "it is immutable"),
    ] {
        let problems = scene.problem_with(part).await;
        assert!(problems.contains(&format!("Secret {namespace}/ecr")), "{problems}");
    }
    let left = scene.secrets(&typed).get("ecr").await.unwrap();
    assert_eq!(left.metadata.resource_version, other.metadata.resource_version);
    assert!(!scene.shown().await.contains(canary));
    // The way that the message names.
    scene.delete_secret(&frozen, "ecr").await;
    scene.secret_where(&frozen, "ecr", has_login).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_aws_refuses_the_last_good_login_stays_and_the_reason_is_shown() {
    let cluster = ControlPlane::shared().await.unwrap();
    let mut scene = Scene::prepare(&cluster, "pullaway").await;
    let namespace = scene.make_namespace("n1", &[]).await;
    let pattern = scene.namespace("n*");
    scene.rules(&format!(
        "{{secret: ecr, registries: [{HOST}], namespaces: [\"{pattern}\"]}}"
    ));
    scene.ecr.fault(Fault::denied().on("GetAuthorizationToken"));
    scene.agent.run().await.unwrap();
    let problems = scene.problem_with("AccessDenied").await;
    assert!(problems.contains("allow ecr:GetAuthorizationToken on *"), "{problems}");
    assert!(scene.secrets(&namespace).get_opt("ecr").await.unwrap().is_none());
    scene.ecr.clear_faults();
    let first = scene.secret_where(&namespace, "ecr", has_login).await;

    // With AWS away, a new namespace and a deleted Secret get the login that is there.
    scene.ecr.fault(Fault::server_error(500).on("GetAuthorizationToken"));
    let new = scene.make_namespace("n2", &[]).await;
    let second = scene.secret_where(&new, "ecr", has_login).await;
    assert_eq!(logins(&first, JSON_ENTRY), logins(&second, JSON_ENTRY));
    scene.delete_secret(&namespace, "ecr").await;
    let again = scene.secret_where(&namespace, "ecr", has_login).await;
    assert_eq!(logins(&first, JSON_ENTRY), logins(&again, JSON_ENTRY));
    // A start without AWS changes nothing in what is there.
    scene.restart().await;
    scene.agent.ask(&["sync"]).await.unwrap();
    let left = scene.secrets(&new).get("ecr").await.unwrap();
    assert_eq!(uid(&left), uid(&second));
    assert_eq!(left.metadata.resource_version, second.metadata.resource_version);
}
