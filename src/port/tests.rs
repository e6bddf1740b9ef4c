//! The races of [`Branch`]. A fake repository moves the branch while a request is under way.
//!
//! Commit 2 is a child of commit 1, commit 3 of commit 2, and so on. Commits from 100 on are on another line: their only
//! ancestors are the commits from 100 on with a smaller number.

use super::branch::Branch;
use super::repo::{
    ConfigRepo, HistoryCommit, NewCommit, PushOutcome, RepoFailure, RepoProblem, TreeListing, VerifiedHead,
};
use crate::model::{BlobId, CommitId, RepoPath};
use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

const UNSIGNED: &str = "the tip has no signature";

/// The reply to a fetch or a push, and what happens to the branch before the reply arrives.
struct Reply {
    race: BoxFuture<'static, ()>,
    outcome: Result<PushOutcome, RepoFailure>,
}

#[derive(Default)]
struct FakeRepo {
    replies: Mutex<VecDeque<Reply>>,
    /// The newest verified commit; `None` if all commits are verified. `Some(0)`: no commit is verified.
    verified: Option<u8>,
    /// Whether the question about ancestors fails.
    ancestors_fail: bool,
    requests: AtomicUsize,
}

impl FakeRepo {
    /// Replies to the next request with a tip, after the race.
    fn reply_after(self, race: impl Future<Output = ()> + Send + 'static, tip: u8) -> Self {
        self.reply_with(race, Ok(PushOutcome::Landed(commit(tip))))
    }

    fn reply(self, tip: u8) -> Self {
        self.reply_after(ready(()), tip)
    }

    fn reply_with(
        self,
        race: impl Future<Output = ()> + Send + 'static,
        outcome: Result<PushOutcome, RepoFailure>,
    ) -> Self {
        let race = race.boxed();
        self.replies.lock().unwrap().push_back(Reply { race, outcome });
        self
    }

    fn verified_up_to(self, newest: u8) -> Self {
        Self {
            verified: Some(newest),
            ..self
        }
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    async fn next(&self) -> Result<PushOutcome, RepoFailure> {
        self.requests.fetch_add(1, Ordering::SeqCst);
        let reply = self.replies.lock().unwrap().pop_front();
        let Reply { race, outcome } = reply.expect("the test has a reply for each request");
        race.await;
        outcome
    }
}

impl ConfigRepo for FakeRepo {
    async fn fetch(&self) -> Result<CommitId, RepoFailure> {
        match self.next().await? {
            PushOutcome::Landed(tip) => Ok(tip),
            other => panic!("{other:?} is no reply to a fetch"),
        }
    }

    async fn files(&self, _: CommitId, _: Vec<RepoPath>) -> Result<TreeListing, RepoFailure> {
        Ok(TreeListing::default())
    }

    async fn blobs(&self, _: Vec<BlobId>, _: usize) -> Result<Vec<Option<Vec<u8>>>, RepoFailure> {
        Ok(Vec::new())
    }

    async fn history(&self, _: CommitId, _: Option<CommitId>, _: usize) -> Result<Vec<HistoryCommit>, RepoFailure> {
        Ok(Vec::new())
    }

    async fn is_ancestor(&self, ancestor: CommitId, descendant: CommitId) -> Result<bool, RepoFailure> {
        if self.ancestors_fail {
            return Err(unreachable());
        }
        let (ancestor, descendant) = (number(ancestor), number(descendant));
        Ok(ancestor <= descendant && (ancestor < 100) == (descendant < 100))
    }

    async fn verified_head(&self, tip: CommitId) -> Result<VerifiedHead, RepoFailure> {
        let newest = self.verified.map_or(number(tip), |newest| newest.min(number(tip)));
        Ok(VerifiedHead {
            commit: (newest > 0).then(|| commit(newest)),
            problem: (newest < number(tip)).then(|| UNSIGNED.to_owned()),
        })
    }

    async fn commit_and_push(&self, _: Vec<NewCommit>) -> Result<PushOutcome, RepoFailure> {
        self.next().await
    }
}

fn commit(number: u8) -> CommitId {
    CommitId::from_bytes([number; 20])
}

fn number(commit: CommitId) -> u8 {
    commit.as_bytes()[0]
}

fn unreachable() -> RepoFailure {
    RepoFailure {
        problem: RepoProblem::Unreachable,
        message: "no connection".to_owned(),
    }
}

/// Another fetch of the same branch, which is complete at once.
async fn fetched(branch: Branch, tip: u8) {
    branch.fetch(&FakeRepo::default().reply(tip)).await.unwrap();
}

/// Another push to the same branch, which is complete at once.
async fn pushed(branch: Branch, landed: u8) {
    let repo = FakeRepo::default().reply(landed);
    branch.push(&repo, Vec::new()).await.unwrap();
}

async fn at(head: u8) -> Branch {
    let branch = Branch::default();
    fetched(branch.clone(), head).await;
    branch
}

#[tokio::test]
async fn a_fetch_moves_the_head_to_the_tip_and_reports_whether_the_head_moved() {
    let branch = Branch::default();
    assert_eq!(branch.head(), None);

    let repo = FakeRepo::default().reply(1).reply(1).reply(2);

    assert_eq!(branch.fetch(&repo).await.unwrap(), (commit(1), true));
    assert_eq!(branch.fetch(&repo).await.unwrap(), (commit(1), false));
    assert_eq!(branch.fetch(&repo).await.unwrap(), (commit(2), true));
    assert_eq!((branch.head(), repo.requests()), (Some(commit(2)), 3));
}

#[tokio::test]
async fn a_fetch_that_fails_leaves_the_head() {
    let branch = at(1).await;
    let repo = FakeRepo::default().reply_with(ready(()), Err(unreachable()));

    branch.fetch(&repo).await.unwrap_err();

    assert_eq!(branch.head(), Some(commit(1)));
}

#[tokio::test]
async fn a_verified_tip_that_is_older_than_the_head_is_the_new_head() {
    let branch = at(3).await;

    fetched(branch.clone(), 1).await;

    assert_eq!(branch.head(), Some(commit(1)), "somebody reset the branch");
}

#[tokio::test]
async fn an_overtaken_answer_is_asked_for_again() {
    let branch = at(1).await;
    let repo = FakeRepo::default().reply_after(fetched(branch.clone(), 3), 2).reply(3);

    assert_eq!(branch.fetch(&repo).await.unwrap(), (commit(3), false));

    assert_eq!((branch.head(), repo.requests()), (Some(commit(3)), 2));
}

#[tokio::test]
async fn an_overtaken_answer_that_names_the_same_head_is_taken() {
    let branch = at(1).await;
    let repo = FakeRepo::default().reply_after(fetched(branch.clone(), 2), 2);

    assert_eq!(branch.fetch(&repo).await.unwrap(), (commit(2), false));

    assert_eq!((branch.head(), repo.requests()), (Some(commit(2)), 1));
}

#[tokio::test]
async fn a_head_that_moved_away_and_back_during_a_fetch_overtakes_the_answer() {
    let branch = at(1).await;
    let other = branch.clone();
    let race = async move {
        fetched(other.clone(), 2).await;
        fetched(other, 1).await;
    };
    let repo = FakeRepo::default().reply_after(race, 3).reply(1);

    branch.fetch(&repo).await.unwrap();

    assert_eq!((branch.head(), repo.requests()), (Some(commit(1)), 2));
}

#[tokio::test]
async fn a_push_that_lands_during_a_fetch_is_not_taken_back_by_the_answer() {
    let branch = at(1).await;
    let mut heads = branch.heads();
    heads.mark_unchanged();
    let repo = FakeRepo::default().reply_after(pushed(branch.clone(), 2), 1).reply(2);

    assert_eq!(branch.fetch(&repo).await.unwrap(), (commit(2), false));

    assert_eq!((branch.head(), repo.requests()), (Some(commit(2)), 2));
    assert_eq!(*heads.borrow_and_update(), Some(commit(2)));
}

#[tokio::test]
async fn a_fetch_asks_at_most_4_times_and_leaves_the_head_that_others_set() {
    let branch = at(1).await;
    let mut repo = FakeRepo::default();
    for overtaking in 11..=14 {
        repo = repo.reply_after(fetched(branch.clone(), overtaking), 2);
    }

    assert_eq!(branch.fetch(&repo).await.unwrap(), (commit(2), false));

    assert_eq!((branch.head(), repo.requests()), (Some(commit(14)), 4));
}

#[tokio::test]
async fn the_fourth_answer_is_taken_if_nothing_overtakes_it() {
    let branch = at(1).await;
    let mut repo = FakeRepo::default();
    for overtaking in 11..=13 {
        repo = repo.reply_after(fetched(branch.clone(), overtaking), 2);
    }
    let repo = repo.reply(15);

    assert_eq!(branch.fetch(&repo).await.unwrap(), (commit(15), true));

    assert_eq!((branch.head(), repo.requests()), (Some(commit(15)), 4));
}

#[tokio::test]
async fn the_head_of_an_unverified_tip_is_the_newest_verified_commit() {
    let branch = at(1).await;
    let repo = FakeRepo::default().reply(3).verified_up_to(2);

    assert_eq!(branch.fetch(&repo).await.unwrap(), (commit(3), true));

    assert_eq!(branch.head(), Some(commit(2)));
    assert_eq!(branch.unverified().as_deref(), Some(UNSIGNED));

    fetched(branch.clone(), 3).await;

    assert_eq!((branch.head(), branch.unverified()), (Some(commit(3)), None));
}

#[tokio::test]
async fn an_unverified_tip_does_not_take_the_head_back() {
    let branch = at(2).await;
    for (newest, case) in [(1, "the list of signers is shorter"), (0, "no commit is verified")] {
        let repo = FakeRepo::default().reply(3).verified_up_to(newest);

        assert_eq!(branch.fetch(&repo).await.unwrap(), (commit(3), false), "{case}");

        assert_eq!(branch.head(), Some(commit(2)), "{case}");
        assert_eq!(branch.unverified().as_deref(), Some(UNSIGNED), "{case}");
    }
    let other_line = FakeRepo::default().reply(102).verified_up_to(101);

    branch.fetch(&other_line).await.unwrap();

    assert_eq!(branch.head(), Some(commit(2)), "the branch was reset to another line");
}

#[tokio::test]
async fn without_a_verified_commit_there_is_no_head() {
    let branch = Branch::default();
    let repo = FakeRepo::default().reply(1).verified_up_to(0);

    assert_eq!(branch.fetch(&repo).await.unwrap(), (commit(1), false));

    assert_eq!((branch.head(), branch.unverified().as_deref()), (None, Some(UNSIGNED)));
}

#[tokio::test]
async fn the_problem_of_an_overtaken_answer_is_not_published() {
    let branch = at(1).await;
    let mut problems = branch.verification();
    problems.mark_unchanged();
    let mut repo = FakeRepo::default().verified_up_to(2);
    for overtaking in 11..=14 {
        repo = repo.reply_after(fetched(branch.clone(), overtaking), 3);
    }

    branch.fetch(&repo).await.unwrap();

    assert_eq!(branch.unverified(), None);
    assert!(!problems.has_changed().unwrap());
}

#[tokio::test]
async fn an_unverified_answer_that_a_push_overtakes_is_asked_for_again() {
    let branch = at(1).await;
    let repo = FakeRepo::default()
        .reply_after(pushed(branch.clone(), 4), 3)
        .reply(5)
        .verified_up_to(2);

    assert_eq!(branch.fetch(&repo).await.unwrap(), (commit(5), false));

    assert_eq!((branch.head(), repo.requests()), (Some(commit(4)), 2));
    assert_eq!(branch.unverified().as_deref(), Some(UNSIGNED));
}

#[tokio::test]
async fn a_commit_that_lands_is_the_head() {
    let branch = at(1).await;
    let repo = FakeRepo::default().reply(2);

    let outcome = branch.push(&repo, Vec::new()).await.unwrap();

    assert_eq!(outcome, PushOutcome::Landed(commit(2)));
    assert_eq!(branch.head(), Some(commit(2)));
}

#[tokio::test]
async fn a_push_that_does_not_land_leaves_the_head() {
    let branch = at(1).await;
    let outcomes = [
        PushOutcome::Lost,
        PushOutcome::Refused("by a hook".to_owned()),
        PushOutcome::ReadOnly("no write access".to_owned()),
    ];
    for outcome in outcomes {
        let repo = FakeRepo::default().reply_with(ready(()), Ok(outcome.clone()));

        assert_eq!(branch.push(&repo, Vec::new()).await.unwrap(), outcome);

        assert_eq!(branch.head(), Some(commit(1)), "{outcome:?}");
    }
    let repo = FakeRepo::default().reply_with(ready(()), Err(unreachable()));

    branch.push(&repo, Vec::new()).await.unwrap_err();

    assert_eq!(branch.head(), Some(commit(1)));
}

/// The head before the push is 1, and the push lands commit 2.
#[tokio::test]
async fn a_landed_commit_replaces_a_head_that_does_not_hold_it() {
    for (fetched_meanwhile, head, case) in [
        (1, 2, "the fetch did not see the push"),
        (2, 2, "the fetch saw the push"),
        (3, 3, "the fetch saw a commit on top of the push"),
        (101, 2, "the fetch saw another line"),
    ] {
        let branch = at(1).await;
        let repo = FakeRepo::default().reply_after(fetched(branch.clone(), fetched_meanwhile), 2);

        let outcome = branch.push(&repo, Vec::new()).await.unwrap();

        assert_eq!(outcome, PushOutcome::Landed(commit(2)), "{case}");
        assert_eq!(branch.head(), Some(commit(head)), "{case}");
    }
}

#[tokio::test]
async fn a_landed_commit_is_the_head_even_if_the_history_cannot_be_read() {
    let branch = at(1).await;
    let repo = FakeRepo {
        ancestors_fail: true,
        ..FakeRepo::default().reply_after(fetched(branch.clone(), 3), 2)
    };

    let outcome = branch.push(&repo, Vec::new()).await.unwrap();

    assert_eq!(outcome, PushOutcome::Landed(commit(2)));
    assert_eq!(branch.head(), Some(commit(2)));
}

#[tokio::test]
async fn the_first_head_is_waited_for() {
    let branch = Branch::default();
    let first = tokio::spawn({
        let branch = branch.clone();
        async move { branch.first_head().await }
    });
    tokio::task::yield_now().await;
    assert!(!first.is_finished());

    fetched(branch.clone(), 1).await;

    assert_eq!(first.await.unwrap(), commit(1));
    assert_eq!(branch.first_head().await, commit(1));
}
