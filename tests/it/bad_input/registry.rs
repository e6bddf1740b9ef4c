//! A repository in ECR that may not be read or does not exist: the agent reports its field, and bumps the other fields.

use super::scene::{AUTOMATED, HOST, Scene, logged, says, told, warnings, workload};
use tidegate_stack::ControlPlane;
use tidegate_stack::ecr::{DEFAULT_ACCOUNT, DEFAULT_REGION, Fault};

const ANY: &str = "tidegate.dev/policy: semver:*";

/// Two automated workloads: `web` on a repository without fault, `api` on the one in question.
async fn scene(name: &str) -> Scene {
    let cluster = ControlPlane::shared().await.unwrap();
    let web = workload(name, "web", "shop/web:1.0.0", &[AUTOMATED, ANY]);
    let api = workload(name, "api", "shop/api:1.0.0", &[AUTOMATED, ANY]);
    let scene = Scene::set(&cluster, name, &[("web.yaml", web), ("api.yaml", api)]).await;
    scene.pushed("shop/web", "1.0.0");
    scene
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_repository_is_reported_with_the_right_that_is_missing_and_the_others_are_bumped() {
    let scene = scene("bad-denied").await;
    scene.pushed("shop/api", "1.1.0");
    scene.ecr.fault(Fault::denied().repository("shop/api"));
    let mut agent = scene.running().await;
    let line = logged(&mut agent, &["scan failed", "shop/api"]).await;
    says(
        &line,
        &[
            &format!("{HOST}/shop/api"),
            "AccessDeniedException",
            "allow ecr:DescribeImages on arn:aws:ecr:eu-west-1:111122223333:repository/shop/api",
        ],
    );
    scene.pushed("shop/web", "1.1.0");
    scene.committed("web.yaml", "shop/web:1.1.0").await;
    scene.runs("web", "1.1.0").await;

    let (code, scan) = told(&agent, &["scan"]).await;
    assert_eq!(code, 1, "{scan}");
    says(
        &scan,
        &[
            "2 scanned, 1 failed",
            "shop/api: ECR reported",
            "allow ecr:DescribeImages",
            "shop/web: 2 tags",
        ],
    );
    let (code, plan) = told(&agent, &["plan"]).await;
    assert_eq!(code, 1, "it could not look: {plan}");
    says(&plan, &["error  ", "bad-denied/api", "allow ecr:DescribeImages"]);
    let loud = warnings(&agent, "AccessDeniedException");
    assert_eq!(loud.len(), 1, "told once: {loud:#?}");

    scene.ecr.clear_faults();
    agent.call(&["scan"]).await.unwrap();
    scene.committed("api.yaml", "shop/api:1.1.0").await;
    scene.runs("api", "1.1.0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_is_not_there_is_named_and_found_once_it_is() {
    let scene = scene("bad-missing").await;
    let mut agent = scene.running().await;
    let line = logged(&mut agent, &["scan failed", "shop/api"]).await;
    says(
        &line,
        &[
            &format!("{HOST}/shop/api: the repository does not exist in account 111122223333 in eu-west-1"),
            "RepositoryNotFoundException",
            "create it, or correct the image's name in the config repo",
        ],
    );
    scene.pushed("shop/web", "1.1.0");
    scene.committed("web.yaml", "shop/web:1.1.0").await;
    let (code, scan) = told(&agent, &["scan", &format!("{HOST}/shop/api")]).await;
    assert_eq!(code, 1, "{scan}");
    says(&scan, &["the repository does not exist"]);
    assert_eq!(
        warnings(&agent, "RepositoryNotFoundException").len(),
        1,
        "{}",
        agent.log()
    );

    scene
        .ecr
        .create_repository(DEFAULT_ACCOUNT, DEFAULT_REGION, "shop/api")
        .unwrap();
    scene.pushed("shop/api", "1.1.0");
    agent.call(&["scan"]).await.unwrap();
    scene.committed("api.yaml", "shop/api:1.1.0").await;
}
