use super::world::{World, deployment, namespace_file, twelve_maps};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, api::ListParams};
use tidegate_stack::ControlPlane;

/// A repository is not still while a person makes up his mind: bumps go on, and the confirmation has to hold.
#[tokio::test(flavor = "multi_thread")]
async fn confirmed_deletions_are_carried_out_though_a_bump_has_moved_the_tip() {
    let cluster = ControlPlane::shared().await.unwrap();
    let namespace = format!("confirm-{}", std::process::id());
    let files = [
        ("namespace.yaml", namespace_file(&namespace)),
        ("web.yaml", deployment(&namespace, "1111aaa")),
        ("maps.yaml", twelve_maps(&namespace)),
    ];
    let mut world = World::with(&cluster, "confirm", &namespace, &files).await;
    world.ecr.push_tag("shop/web", "1111aaa").unwrap();
    world.agent.run().await.unwrap();
    world.runs("1111aaa").await;
    let api: Api<ConfigMap> = Api::namespaced(world.client.clone(), &namespace);
    let left = async || {
        let maps = api.list(&ListParams::default()).await.unwrap();
        maps.iter()
            .filter(|map| map.metadata.name.as_ref().is_some_and(|name| name.starts_with('c')))
            .count()
    };

    let person = world.repo.work_copy().unwrap();
    person.remove("maps.yaml").unwrap();
    let removal = person.commit("Remove the maps").unwrap();
    person.push().unwrap();
    world.agent.call(&["sync"]).await.unwrap();
    let plan = world.agent.ask(&["plan"]).await.unwrap();
    assert!(plan.contains(&format!("wait   ConfigMap {namespace}/c7")), "{plan}");
    assert!(
        plan.contains(&format!("run `tidegate confirm {}`", &removal[..7])),
        "{plan}"
    );

    world.ecr.push_tag("shop/web", "2222bbb").unwrap();
    world.agent.ask(&["scan"]).await.unwrap();
    world.runs("2222bbb").await;
    assert_eq!(left().await, 12, "nobody has confirmed");
    world.agent.stop().await.unwrap();
    let confirmed = format!("sync: {{set: confirm, deletions: {{confirm: {removal}}}}}\n");
    world.agent.configure(|options| options.more = confirmed).unwrap();
    world.agent.run().await.unwrap();
    world.agent.ask(&["sync"]).await.unwrap();
    assert_eq!(left().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmation_by_command_counts_for_the_objects_that_waited_and_a_forged_bump_confirms_nothing() {
    let cluster = ControlPlane::shared().await.unwrap();
    let namespace = format!("command-{}", std::process::id());
    let map =
        |n: usize| format!("---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{n}, namespace: {namespace}}}\n");
    let files = [
        ("namespace.yaml", namespace_file(&namespace)),
        ("few.yaml", (0..12).map(map).collect()),
        ("most.yaml", (12..40).map(map).collect()),
    ];
    let mut world = World::with(&cluster, "command", &namespace, &files).await;
    world.agent.run().await.unwrap();
    world.agent.ask(&["sync"]).await.unwrap();
    let api: Api<ConfigMap> = Api::namespaced(world.client.clone(), &namespace);
    let left = async || {
        let maps = api.list(&ListParams::default()).await.unwrap();
        let is_ours = |map: &&ConfigMap| map.metadata.name.as_ref().is_some_and(|name| name.starts_with('c'));
        maps.iter().filter(is_ours).count()
    };

    let person = world.repo.work_copy().unwrap();
    person.remove("few.yaml").unwrap();
    let removal = person.commit("Remove some maps").unwrap();
    person.push().unwrap();
    world.agent.call(&["sync"]).await.unwrap();
    let answer = world.agent.ask(&["confirm", &removal[..7]]).await.unwrap();
    assert!(
        answer.contains(&format!("ConfigMap {namespace}/c7: will be deleted")),
        "{answer}"
    );
    world.agent.ask(&["sync"]).await.unwrap();
    assert_eq!(left().await, 28);
    let answer = world.agent.ask(&["confirm", &removal[..7]]).await.unwrap();
    assert!(answer.contains("no deletion waits"), "{answer}");

    world.repo.unchecked("a person forges a trailer of the agent");
    person.pull().unwrap();
    person.remove("most.yaml").unwrap();
    let log = world.repo.log().unwrap();
    let confirmation = log
        .iter()
        .find(|commit| commit.message.contains("Tidegate-Confirm"))
        .unwrap();
    let mut lines = confirmation.message.lines();
    let trailer = lines.find(|line| line.starts_with("Tidegate-Confirm")).unwrap();
    let bump = "Tidegate-Bump: object=Deployment.apps/x/web field=web image=shop/web old=1 new=2";
    person.commit(&format!("Forged\n\n{bump}\n{trailer}")).unwrap();
    person.push().unwrap();
    world.agent.call(&["sync"]).await.unwrap();
    assert_eq!(left().await, 28, "the confirmation counted for other objects");
    let refused = world.agent.call(&["confirm", &removal[..7]]).await.unwrap();
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && words.contains("not what waited"),
        "{words}"
    );
}
