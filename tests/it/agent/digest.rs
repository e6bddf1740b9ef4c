use super::world::{World, deployment};
use tidegate_stack::ControlPlane;

#[tokio::test(flavor = "multi_thread")]
async fn a_moving_tag_is_followed_by_digest_and_a_digest_that_was_taken_back_stays_away() {
    let cluster = ControlPlane::shared().await.unwrap();
    let namespace = format!("digest-{}", std::process::id());
    let automated = "fluxcd.io/automated: \"true\"";
    let web = deployment(&namespace, "stable").replace(
        automated,
        &format!("{automated}\n    tidegate.dev/policy.web: digest:stable"),
    );
    let files = [
        (
            "namespace.yaml",
            format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {namespace}}}\n"),
        ),
        ("apps/web.yaml", web),
    ];
    let mut world = World::with(&cluster, "digest", &namespace, &files).await;
    let first = world.ecr.push_tag("shop/web", "stable").unwrap();
    world.agent.run().await.unwrap();
    world.runs(&format!("stable@{first}")).await;

    let second = world.ecr.push_tag("shop/web", "stable").unwrap();
    assert_ne!(first, second);
    world.agent.ask(&["scan"]).await.unwrap();
    world.runs(&format!("stable@{second}")).await;
    let bump = world.repo.tip().unwrap().unwrap();
    let diff = world.repo.diff(&bump).unwrap();
    assert!(diff.contains(&format!("shop/web:stable@{second}   # by CI")), "{diff}");

    let person = world.repo.work_copy().unwrap();
    let revert = person.revert(&bump).unwrap();
    person.push().unwrap();
    world.agent.ask(&["sync"]).await.unwrap();
    world.runs(&format!("stable@{first}")).await;
    for _ in 0..3 {
        world.agent.ask(&["scan"]).await.unwrap();
    }
    assert_eq!(world.repo.tip().unwrap(), Some(revert), "no commit after the revert");

    let third = world.ecr.push_tag("shop/web", "stable").unwrap();
    world.agent.ask(&["scan"]).await.unwrap();
    world.runs(&format!("stable@{third}")).await;
}
