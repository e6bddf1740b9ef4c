use super::*;
use crate::driver::Shutdown;
use crate::model::Finding;
use crate::notice::Reporter;
use crate::port::{Branch, DeclaredSource as _};
use crate::source::{publisher, watch_findings};
use std::sync::Arc;

/// A branch whose head is this commit.
async fn branch_at(commits: &Commits) -> Branch {
    let branch = Branch::default();
    branch.fetch(commits).await.unwrap();
    branch
}

#[tokio::test]
async fn requests_for_one_commit_are_one_reading_and_the_head_is_published() {
    let mut commits = Commits::default();
    let head = commits.add(1, &[("web.yaml", WEB)]);
    commits.head = Some(head);
    let branch = branch_at(&commits).await;
    let repo = Arc::new(commits);
    let (source, publisher) = publisher(reader(Vec::new()), Arc::clone(&repo), branch);
    let shutdown = Shutdown::default();
    let serving = tokio::spawn(publisher.run(shutdown.clone()));
    let asked = (0..10).map(|_| source.at(head));
    let states = futures::future::try_join_all(asked).await.unwrap();
    assert!(states.iter().all(|state| Arc::ptr_eq(state, &states[0])));
    assert_eq!(repo.listings.load(Ordering::SeqCst), 1);
    let mut published = source.published();
    let state = published.wait_for(Option::is_some).await.unwrap().clone().unwrap();
    assert!(Arc::ptr_eq(&state, &states[0]));
    shutdown.begin();
    serving.await.unwrap();
    assert!(
        source.at(CommitId::from_bytes([9; 20])).await.is_err(),
        "nobody reads any more"
    );
}

#[tokio::test]
async fn a_published_commit_is_served_while_another_one_is_being_read() {
    let mut commits = Commits::default();
    let head = commits.add(1, &[("web.yaml", WEB)]);
    let other = commits.add(2, &[("web.yaml", NEW_WEB)]);
    let (open, gate) = watch::channel(false);
    commits.gate = Some((other, gate));
    commits.head = Some(head);
    let branch = branch_at(&commits).await;
    let (source, publisher) = publisher(reader(Vec::new()), Arc::new(commits), branch);
    let shutdown = Shutdown::default();
    let serving = tokio::spawn(publisher.run(shutdown.clone()));
    source.at(head).await.unwrap();
    let slow = tokio::spawn({
        let source = source.clone();
        async move { source.at(other).await }
    });
    tokio::task::yield_now().await;
    assert_eq!(source.at(head).await.unwrap().commit, head);
    assert!(!slow.is_finished());
    open.send_replace(true);
    assert_eq!(slow.await.unwrap().unwrap().commit, other);
    let published = source.published().borrow().as_ref().map(|state| state.commit);
    assert_eq!(published, Some(head), "only heads are published");
    shutdown.begin();
    serving.await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_used_at_the_head_is_reported_without_any_other_loop() {
    let mut commits = Commits::default();
    let head = commits.add(1, &[("web.yaml", "kind: [\n")]);
    commits.head = Some(head);
    let branch = branch_at(&commits).await;
    let (source, publisher) = publisher(reader(Vec::new()), Arc::new(commits), branch);
    let shutdown = Shutdown::default();
    let serving = tokio::spawn(publisher.run(shutdown.clone()));
    let (metrics, reporter) = (Metrics::new(), Reporter::new(Vec::new()));
    let (status, mut seen) = watch::channel(Arc::default());
    let watching = watch_findings(Arc::new(source), reporter, metrics.clone(), status, shutdown.clone());
    let watching = tokio::spawn(watching);
    let findings = seen
        .wait_for(|findings: &Arc<[Finding]>| !findings.is_empty())
        .await
        .unwrap()
        .clone();
    assert!(findings[0].to_string().starts_with("web.yaml:"), "{findings:?}");
    assert!(metrics.render().contains("tidegate_findings{severity=\"error\"} 1\n"));
    shutdown.begin();
    serving.await.unwrap();
    watching.await.unwrap();
}
