use super::error::Error;
use super::*;
use crate::history::{Hold, Rejected};
use crate::model::{BlobId, CommitId, FieldId, FieldName, HoldUntil, ImageRef, ObjectId, RepoPath, Tag};
use crate::port::{
    ConfigRepo, FileEdit, HistoryCommit, NewCommit, PushOutcome, RepoFailure, TreeListing, VerifiedHead,
};
use std::sync::Mutex;

const FILE: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\nspec:\n  template:\n    \
                    spec:\n      containers:\n      - name: main\n        image: web:a\n";

fn tag(name: &str) -> Tag {
    Tag::parse(name).unwrap()
}

fn field(namespace: &str, name: &str) -> FieldId {
    FieldId {
        object: ObjectId::new("apps/v1", "Deployment", Some(namespace), name),
        field: FieldName("main".into()),
    }
}

fn hold(tags: &[&str]) -> Hold {
    let rejected = tags.iter().map(|name| Rejected {
        tag: tag(name),
        digest: None,
        image: "web".into(),
        commit: CommitId::from_bytes([7; 20]),
        author: "Jo <jo@acme.example>".into(),
        at: jiff::Timestamp::UNIX_EPOCH,
        with_name: false,
        passed_by: Vec::new(),
    });
    Hold {
        rejected: rejected.collect(),
    }
}

/// A branch with fields at `web:a`, each with the tags that were taken back.
struct Branch {
    fields: Vec<(FieldId, &'static [&'static str])>,
    answers: Mutex<Vec<PushOutcome>>,
    pushed: Mutex<Vec<NewCommit>>,
    unverified: Option<String>,
}

fn branch(fields: Vec<(FieldId, &'static [&'static str])>, answers: Vec<PushOutcome>) -> Branch {
    Branch {
        fields,
        answers: Mutex::new(answers),
        pushed: Mutex::default(),
        unverified: None,
    }
}

impl HoldReader for Branch {
    async fn read(&self) -> Result<Reading, RepoFailure> {
        let path = RepoPath::parse("web.yaml").unwrap();
        let fields = self.fields.iter().map(|(field, _)| ImageField {
            path: path.clone(),
            field: field.clone(),
            image: ImageRef::parse("web:a").unwrap(),
            bumped_name: "web".into(),
            until: None,
        });
        let held = self.fields.iter().filter(|(_, tags)| !tags.is_empty());
        Ok(Reading {
            tip: CommitId::from_bytes([1; 20]),
            blobs: [(path.clone(), BlobId::from_bytes([2; 20]))].into(),
            fields: fields.collect(),
            holds: held.map(|(field, tags)| (field.clone(), hold(tags))).collect(),
        })
    }
}

impl ConfigRepo for Branch {
    async fn fetch(&self) -> Result<CommitId, RepoFailure> {
        Ok(CommitId::from_bytes([1; 20]))
    }

    async fn files(&self, _: CommitId, _: Vec<RepoPath>) -> Result<TreeListing, RepoFailure> {
        Ok(TreeListing::default())
    }

    async fn blobs(&self, ids: Vec<BlobId>, _: usize) -> Result<Vec<Option<Vec<u8>>>, RepoFailure> {
        Ok(ids.iter().map(|_| Some(FILE.as_bytes().to_vec())).collect())
    }

    async fn history(&self, _: CommitId, _: Option<CommitId>, _: usize) -> Result<Vec<HistoryCommit>, RepoFailure> {
        Ok(Vec::new())
    }

    async fn is_ancestor(&self, _: CommitId, _: CommitId) -> Result<bool, RepoFailure> {
        Ok(true)
    }

    async fn verified_head(&self, _: CommitId) -> Result<VerifiedHead, RepoFailure> {
        Ok(VerifiedHead {
            commit: None,
            problem: self.unverified.clone(),
        })
    }

    async fn commit_and_push(&self, commits: Vec<NewCommit>) -> Result<PushOutcome, RepoFailure> {
        self.pushed.lock().unwrap().extend(commits);
        Ok(self.answers.lock().unwrap().remove(0))
    }
}

async fn lifted(branch: &Branch, mode: LiftMode, selector: HoldSelector) -> Result<Lifted, Error> {
    lift(branch, branch, &HoldQuery::default(), mode, &selector, None).await
}

fn landed() -> PushOutcome {
    PushOutcome::Landed(CommitId::from_bytes([9; 20]))
}

fn named(name: &str) -> HoldSelector {
    HoldSelector {
        objects: vec![ObjectName {
            namespace: None,
            kind: "deployment".into(),
            name: name.into(),
        }],
        ..HoldSelector::default()
    }
}

#[tokio::test]
async fn the_list_has_each_held_field_with_its_remedy() {
    let branch = branch(
        vec![(field("shop", "web"), &["b", "c"]), (field("shop", "api"), &[])],
        vec![],
    );
    let query = HoldQuery {
        until: HoldUntil::default(),
        repo_arguments: " --repo x".into(),
    };
    let held = list(&branch, &query).await.unwrap();
    assert_eq!(held.len(), 1);
    assert_eq!(held[0].name(), "Deployment shop/web main");
    assert_eq!(held[0].tags(), "b,c");
    assert!(held[0].resume.ends_with(" --repo x"), "{}", held[0].resume);
}

#[tokio::test]
async fn a_resume_is_a_commit_without_edits_and_a_lost_race_runs_again() {
    let branch = branch(vec![(field("shop", "web"), &["b"])], vec![PushOutcome::Lost, landed()]);
    let lifted = lifted(&branch, LiftMode::Resume, HoldSelector::default())
        .await
        .unwrap();
    assert_eq!(lifted.commit, Some(CommitId::from_bytes([9; 20])));
    let pushed = branch.pushed.lock().unwrap();
    assert_eq!(pushed.len(), 2);
    assert_eq!(pushed[1].edits, Vec::<FileEdit>::new());
    assert!(
        pushed[1].message.starts_with("Resume Deployment shop/web main\n\n"),
        "{}",
        pushed[1].message
    );
}

#[tokio::test]
async fn nothing_is_committed_on_a_tip_that_may_not_be_applied() {
    let mut branch = branch(vec![(field("shop", "web"), &["b"])], vec![landed()]);
    branch.unverified = Some("commit 7 by Eve is not applied: it has no signature".to_owned());
    for mode in [LiftMode::Resume, LiftMode::Release] {
        let error = lifted(&branch, mode, HoldSelector::default()).await.unwrap_err();
        assert!(error.to_string().contains("by Eve is not applied"), "{error}");
    }
    assert_eq!(*branch.pushed.lock().unwrap(), Vec::new());
    assert_eq!(
        list(&branch, &HoldQuery::default()).await.unwrap().len(),
        1,
        "a list commits nothing"
    );
}

#[tokio::test]
async fn a_release_writes_the_tag_that_was_taken_back_last() {
    let branch = branch(vec![(field("shop", "web"), &["b", "c"])], vec![landed()]);
    lifted(&branch, LiftMode::Release, named("web")).await.unwrap();
    let pushed = branch.pushed.lock().unwrap();
    let text = String::from_utf8(pushed[0].edits[0].bytes.clone()).unwrap();
    assert_eq!(text, FILE.replace("web:a", "web:c"));
}

/// A branch whose field has the name from before a bump, and would get another name.
struct Moved(Branch);

impl HoldReader for Moved {
    async fn read(&self) -> Result<Reading, RepoFailure> {
        let mut reading = self.0.read().await?;
        for field in &mut reading.fields {
            field.bumped_name = "new.example/web".into();
        }
        for rejected in reading.holds.values_mut().flat_map(|hold| &mut hold.rejected) {
            (rejected.image, rejected.with_name) = ("new.example/web".into(), true);
        }
        Ok(reading)
    }
}

#[tokio::test]
async fn a_release_writes_the_name_that_was_taken_back_with_the_tag() {
    for tags in [&["b"][..], &["a"]] {
        let moved = Moved(branch(vec![(field("shop", "web"), tags)], vec![landed()]));
        let held = list(&moved, &HoldQuery::default()).await.unwrap();
        assert!(held[0].reason.starts_with("new.example/web:"), "{}", held[0].reason);
        let query = HoldQuery::default();
        lift(&moved.0, &moved, &query, LiftMode::Release, &named("web"), None)
            .await
            .unwrap();
        let pushed = moved.0.pushed.lock().unwrap();
        let text = String::from_utf8(pushed[0].edits[0].bytes.clone()).unwrap();
        assert_eq!(text, FILE.replace("web:a", &format!("new.example/web:{}", tags[0])));
    }
}

#[tokio::test]
async fn a_selector_that_fits_nothing_held_makes_no_commit() {
    let branch = branch(vec![(field("shop", "web"), &["b"])], vec![]);
    let selector = HoldSelector {
        tag: Some(tag("z")),
        ..HoldSelector::default()
    };
    let lifted = lifted(&branch, LiftMode::Resume, selector).await.unwrap();
    assert_eq!((lifted.commit, lifted.lifted), (None, Vec::new()));
}

#[tokio::test]
async fn a_name_must_exist_and_be_held_in_one_namespace() {
    let fields: Vec<(FieldId, &'static [&'static str])> =
        vec![(field("shop", "web"), &["b"]), (field("test", "web"), &["b"])];
    let branch = branch(fields, vec![]);
    let unknown = lifted(&branch, LiftMode::Resume, named("api")).await.unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "there is no image field of deployment/api; held are: Deployment shop/web main, Deployment test/web main"
    );
    let several = lifted(&branch, LiftMode::Resume, named("web")).await.unwrap_err();
    assert!(matches!(several, Error::SeveralNamespaces { .. }), "{several}");
}
