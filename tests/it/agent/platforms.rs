use super::world::World;
use tidegate_stack::ControlPlane;
use tidegate_stack::ecr::PushTime;

const ACCOUNT: &str = "111122223333";
const REGION: &str = "eu-west-1";

impl World {
    /// Pushes an image index for these platforms.
    fn push_index(&self, tag: &str, platforms: &[(&str, &str)]) -> String {
        let entries: Vec<serde_json::Value> = platforms
            .iter()
            .map(|(os, architecture)| {
                let child = self
                    .ecr
                    .push_untagged(ACCOUNT, REGION, "shop/web", PushTime::now())
                    .unwrap();
                serde_json::json!({
                    "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": child, "size": 1,
                    "platform": {"os": os, "architecture": architecture},
                })
            })
            .collect();
        let index = serde_json::json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": entries,
        });
        self.ecr
            .push_manifest(
                ACCOUNT,
                REGION,
                "shop/web",
                Some(tag),
                &index.to_string(),
                PushTime::now(),
            )
            .unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_for_another_platform_is_skipped_where_its_index_lists_platforms() {
    let cluster = ControlPlane::shared().await.unwrap();
    let mut world = World::prepare(&cluster, "platforms", "1111aaa").await;
    world.ecr.push_tag("shop/web", "1111aaa").unwrap();
    world.push_index("2222bbb", &[("linux", "amd64"), ("unknown", "unknown")]);
    world.push_index("3333ccc", &[("windows", "amd64")]);
    let mark = world.ecr.mark();
    world.agent.run().await.unwrap();
    world.runs("2222bbb").await;
    assert!(world.bumps_to("3333ccc").is_empty());
    let told = world.agent.ask(&["scan"]).await.unwrap();
    assert!(!told.contains("3333ccc: "), "{told}");
    let requests = world.ecr.requests_since(&mark);
    assert_eq!(
        requests.count("BatchGetImage"),
        2,
        "each index once, and only those that would be taken"
    );

    world.push_index("4444ddd", &[("windows", "amd64"), ("linux", "arm64")]);
    world.agent.ask(&["scan"]).await.unwrap();
    world.runs("4444ddd").await;
}
