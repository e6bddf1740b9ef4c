use tidegate_stack::Gitea;
use tidegate_stack::git::Access;
use tidegate_stack::gitea::How;

#[tokio::test(flavor = "multi_thread")]
async fn gitea_takes_keys_requests_and_merges() {
    let gitea = Gitea::start().await.unwrap();
    let project = gitea.create_repo("fleet").await.unwrap();
    project.seed(&[("a.txt", "one\n")]).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let key = tidegate_stack::git::SshKey::generate(&folder.path().join("key"), "ed25519").unwrap();
    project.deploy_key(&key.public, Access::ReadOnly).await.unwrap();
    let copy = project
        .git()
        .work_copy_over_ssh(&key, &gitea.known_hosts_lines().unwrap())
        .unwrap();
    copy.write("a.txt", "two\n").unwrap();
    copy.commit("two").unwrap();
    assert!(copy.push().is_err(), "the key may only read");
    project.remove_deploy_keys().await.unwrap();
    project.deploy_key(&key.public, Access::ReadWrite).await.unwrap();
    project.protect("main").await.unwrap();
    let refused = copy.push().unwrap_err().to_string();
    assert!(refused.contains("protected branch"), "{refused}");
    copy.git(&["push", "-q", "origin", "HEAD:side"]).unwrap();
    let new = serde_json::json!({"title": "two", "head": "side", "base": "main"});
    project.call("POST", "/pulls", Some(new)).await.unwrap();
    project.merge(1, How::Squash).await.unwrap();
    let pulls = project.pulls().await.unwrap();
    assert!(pulls[0].merged && !pulls[0].open, "{pulls:?}");
    assert_eq!(project.git().file_at("main", "a.txt").unwrap(), "two\n");
}
