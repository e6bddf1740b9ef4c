use crate::git::budget::Budget;
use crate::git::objects::history;
use crate::git::objects::ids::commit_id;
use crate::git::objects::tree::Selection;
use crate::model::CommitId;
use git2::{Repository, Signature, Time};
use std::time::Duration;

/// A line of commits with these messages, oldest first.
fn line(repo: &Repository, messages: &[&str]) -> Vec<CommitId> {
    let tree = repo.treebuilder(None).unwrap().write().unwrap();
    let tree = repo.find_tree(tree).unwrap();
    let author = Signature::new("A", "a@example.com", &Time::new(1_700_000_000, 0)).unwrap();
    let mut ids = Vec::new();
    for message in messages {
        let parent = ids.last().map(|id| repo.find_commit(*id).unwrap());
        let parents: Vec<_> = parent.iter().collect();
        ids.push(repo.commit(None, &author, &author, message, &tree, &parents).unwrap());
    }
    ids.into_iter().map(commit_id).collect()
}

#[test]
fn long_messages_are_read_in_parts_and_only_those_with_trailers_of_ours_are_kept_whole() {
    let folder = tempfile::tempdir().unwrap();
    let repo = Repository::init_bare(folder.path()).unwrap();
    let budget = Budget::of(Duration::from_secs(3600));
    let long = "a line of a message\n".repeat(150_000);
    let ours = format!("{long}\n\nTidegate-Bump: x\n");
    let ids = line(&repo, &[&long, &ours, &ours, &ours, &ours, "last"]);

    let first = history::commits(&repo, &ids, Selection::ALL, &budget).unwrap();
    assert!((1..ids.len()).contains(&first.len()), "{}", first.len());
    assert!(first[0].message.len() < 100_000, "{}", first[0].message.len());
    assert!(first[1].message.len() > 2 << 20, "{}", first[1].message.len());
    let mut read: Vec<CommitId> = first.iter().map(|commit| commit.id).collect();
    while read.len() < ids.len() {
        let more = history::commits(&repo, &ids[read.len()..], Selection::ALL, &budget).unwrap();
        assert!(!more.is_empty());
        read.extend(more.iter().map(|commit| commit.id));
    }
    assert_eq!(read, ids);

    let tip = ids[ids.len() - 1];
    let newest_first = history::ids(&repo, &"here", tip, Some(ids[1]), 100, &budget).unwrap();
    assert_eq!(newest_first, ids[2..].iter().rev().copied().collect::<Vec<_>>());
    let whole = history::history(&repo, &"here", tip, None, 100, &budget).unwrap();
    let text: usize = whole.iter().map(|commit| commit.message.len()).sum();
    assert_eq!(whole.len(), ids.len());
    assert!(text < 12 << 20, "{text}");
}
