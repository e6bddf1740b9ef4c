use std::time::Duration;

use tidegate_stack::git::{Access, GitServer};

#[test]
fn an_authorized_key_clones_commits_and_pushes_over_ssh() {
    let server = GitServer::start().unwrap();
    let repo = server.create_repo("fleet").unwrap();
    let first = repo.seed(&[("app.yaml", "image: app:1\n")]).unwrap();
    let key = server.new_key().unwrap();
    server.authorize(&key.public, Access::ReadWrite).unwrap();

    let copy = repo.work_copy_over_ssh(&key, &server.known_hosts_lines()).unwrap();
    assert_eq!(copy.read("app.yaml").unwrap(), "image: app:1\n");
    copy.write("app.yaml", "image: app:2\n").unwrap();
    let second = copy.commit("Use app 2\n\nBecause.").unwrap();
    copy.push().unwrap();

    assert_eq!(repo.tip().unwrap(), Some(second.clone()));
    let log = repo.log().unwrap();
    let [newest, oldest] = log.as_slice() else {
        panic!("{log:?}")
    };
    assert_eq!((&newest.id, &oldest.id), (&second, &first));
    assert_eq!(newest.parents, [first]);
    assert_eq!(
        (newest.subject.as_str(), newest.message.as_str()),
        ("Use app 2", "Use app 2\n\nBecause.")
    );
    assert_eq!(newest.author, "Operator <operator@example.com>");
    let diff = repo.diff(&second).unwrap();
    assert!(diff.contains("\n-image: app:1\n+image: app:2"), "{diff}");
    assert_eq!(repo.file_at("main~1", "app.yaml").unwrap(), "image: app:1\n");
}

#[test]
fn a_read_only_key_fetches_and_is_refused_a_push_in_words() {
    let server = GitServer::start().unwrap();
    let repo = server.create_repo("fleet").unwrap();
    let tip = repo.seed(&[("a", "1\n")]).unwrap();
    let key = server.new_key().unwrap();
    server.authorize(&key.public, Access::ReadOnly).unwrap();

    let copy = repo.work_copy_over_ssh(&key, &server.known_hosts_lines()).unwrap();
    copy.write("a", "2\n").unwrap();
    copy.commit("Change").unwrap();
    let error = format!("{:#}", copy.push().unwrap_err());
    assert!(error.contains("marked as read only"), "{error}");
    assert_eq!(repo.tip().unwrap(), Some(tip));
}

#[test]
fn unknown_keys_and_changed_host_keys_are_refused() {
    let server = GitServer::start().unwrap();
    let repo = server.create_repo("fleet").unwrap();
    repo.seed(&[("a", "1\n")]).unwrap();
    let key = server.new_key().unwrap();
    let known = server.known_hosts_lines();
    let error = format!("{:#}", repo.work_copy_over_ssh(&key, &known).unwrap_err());
    assert!(error.contains("Permission denied (publickey)"), "{error}");

    server.authorize(&key.public, Access::ReadWrite).unwrap();
    repo.work_copy_over_ssh(&key, &known).unwrap();
    server.swap_host_keys().unwrap();
    let error = format!("{:#}", repo.work_copy_over_ssh(&key, &known).unwrap_err());
    assert!(error.contains("Host key verification failed"), "{error}");
    repo.work_copy_over_ssh(&key, &server.known_hosts_lines()).unwrap();

    server.deauthorize(&key.public).unwrap();
    let error = format!(
        "{:#}",
        repo.work_copy_over_ssh(&key, &server.known_hosts_lines()).unwrap_err()
    );
    assert!(error.contains("Permission denied (publickey)"), "{error}");
}

#[test]
fn a_hook_refuses_a_push_in_its_own_words() {
    let server = GitServer::start().unwrap();
    let repo = server.create_repo("fleet").unwrap();
    let tip = repo.seed(&[("a", "1\n")]).unwrap();
    repo.hook("pre-receive", "#!/bin/sh\necho 'main is frozen until Monday'\nexit 1\n")
        .unwrap();
    let copy = repo.work_copy().unwrap();
    copy.write("a", "2\n").unwrap();
    copy.commit("Change").unwrap();
    let error = format!("{:#}", copy.push().unwrap_err());
    assert!(error.contains("main is frozen until Monday"), "{error}");
    assert_eq!(repo.tip().unwrap(), Some(tip));
    repo.remove_hook("pre-receive").unwrap();
    copy.push().unwrap();
}

#[tokio::test]
async fn a_revert_by_another_person_is_seen_as_a_new_tip() {
    let server = GitServer::start().unwrap();
    let repo = server.create_repo("fleet").unwrap();
    let first = repo.seed(&[("a", "1\n")]).unwrap();
    let copy = repo.work_copy().unwrap();
    copy.write("a", "2\n").unwrap();
    let second = copy.commit("Change").unwrap();
    copy.push().unwrap();
    assert_eq!(
        repo.wait_for_tip_change(Some(&first), Duration::from_secs(60))
            .await
            .unwrap(),
        second
    );
    let other = repo.work_copy().unwrap();
    let third = other.revert(&second).unwrap();
    other.push().unwrap();
    assert_eq!(
        repo.wait_for_tip_change(Some(&second), Duration::from_secs(60))
            .await
            .unwrap(),
        third
    );
    assert_eq!(repo.file_at("main", "a").unwrap(), "1\n");
    let error = repo
        .wait_for_tip_change(Some(&third), Duration::from_millis(20))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("still points at"), "{error}");
    copy.pull().unwrap();
    assert_eq!(copy.head().unwrap(), third);
}

#[test]
fn a_stopped_server_comes_back_on_the_same_address() {
    let server = GitServer::start().unwrap();
    server.stop();
    assert!(std::net::TcpStream::connect(server.addr()).is_err());
    server.resume().unwrap();
    std::net::TcpStream::connect(server.addr()).unwrap();
}
