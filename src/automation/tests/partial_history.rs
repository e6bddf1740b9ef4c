//! Random histories of which a part is there: what is decided is what the whole history says.

use crate::automation::decide_with_history::{decide_with_history, needs_whole_history};
use crate::automation::history_reader::HistoryReader;
use crate::history::{Bump, Resume};
use crate::model::{
    BlobId, CommitId, Digest, FieldId, FieldName, HoldUntil, ImageRef, ObjectId, Position, RepoPath, Tag,
};
use crate::plan::{self, AutomatedField, BumpPlan, Observed, Outcome, Tags};
use crate::policy::{Candidate, Policy};
use crate::port::{ConfigRepo, FileChange, HistoryCommit, NewCommit, PushOutcome, RepoFailure, TreeListing};
use jiff::Timestamp;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};

const FIELDS: usize = 3;
const TAGS: u8 = 5;
const IMAGE: &str = "registry.example/shop/web";
/// Everything happens within so many hours, and now is their end.
const HOURS: i64 = 1000;

/// What a field says: a tag, and for a field that follows a digest the digest behind it.
type Says = (u8, Option<u8>);

#[derive(Debug, Clone)]
struct Commit {
    parents: Vec<usize>,
    says: [Says; FIELDS],
    ours: [bool; FIELDS],
    resumes: Option<Resume>,
    hour: i64,
}

/// A repository of which commits are there that are less than `depth` steps below the tip.
#[derive(Debug)]
struct Known {
    commits: Vec<Commit>,
    depth: usize,
    whole: AtomicBool,
}

fn hours(hour: i64) -> Timestamp {
    Timestamp::from_second(1_750_000_000 + hour * 3600).unwrap()
}

fn id(commit: usize) -> CommitId {
    CommitId::from_bytes([u8::try_from(commit).unwrap(); 20])
}

fn tag(tag: u8) -> Tag {
    Tag::parse(&format!("t{tag}")).unwrap()
}

fn field_id(field: usize) -> FieldId {
    FieldId {
        object: ObjectId::new("apps/v1", "Deployment", Some("shop"), &format!("o{field}")),
        field: FieldName("main".to_owned()),
    }
}

fn image((name, at): Says) -> String {
    let at = at.map_or(String::new(), |at| format!("@{}", Digest::numbered(at.into())));
    format!("{IMAGE}:{}{at}", tag(name))
}

fn path(field: usize) -> RepoPath {
    RepoPath::parse(&format!("o{field}.yaml")).unwrap()
}

/// A file's content by its name: the field and what it says.
fn blob(field: usize, (name, at): Says) -> BlobId {
    let mut bytes = [0; 20];
    bytes[..3].copy_from_slice(&[u8::try_from(field).unwrap(), name, at.map_or(0, |at| at + 1)]);
    BlobId::from_bytes(bytes)
}

fn content(blob: &BlobId) -> Vec<u8> {
    let [field, name, at, ..] = *blob.as_bytes();
    let text = format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: o{field}, namespace: shop}}\nspec: {{template: {{spec: \
         {{containers: [{{name: main, image: \"{}\"}}]}}}}}}\n",
        image((name, at.checked_sub(1)))
    );
    text.into_bytes()
}

impl Known {
    /// The commits that are there; of the lowest ones the parents are not known.
    fn there(&self) -> (BTreeSet<usize>, BTreeSet<usize>) {
        let depth = if self.whole.load(Ordering::Relaxed) {
            usize::MAX
        } else {
            self.depth
        };
        let mut there = BTreeSet::new();
        let mut level = BTreeSet::from([self.commits.len() - 1]);
        for _ in 1..depth {
            let below = level.iter().flat_map(|commit| self.commits[*commit].parents.clone());
            let below: BTreeSet<usize> = below
                .filter(|commit| !there.contains(commit) && !level.contains(commit))
                .collect();
            there.append(&mut level);
            level = below;
            if level.is_empty() {
                break;
            }
        }
        let cut = level.clone();
        there.append(&mut level);
        (there, cut)
    }

    fn changes(&self, from: usize, to: usize) -> Vec<FileChange> {
        let (from, to) = (self.commits[from].says, self.commits[to].says);
        let changed = (0..FIELDS).filter(|field| from[*field] != to[*field]);
        let change = |field: usize| FileChange {
            path: path(field),
            before: Some(blob(field, from[field])),
            after: Some(blob(field, to[field])),
        };
        changed.map(change).collect()
    }

    fn message(&self, commit: usize) -> String {
        let commit = &self.commits[commit];
        let bumps = (0..FIELDS).filter(|field| commit.ours[*field]).map(|field| {
            let (name, at) = commit.says[field];
            let bump = Bump {
                field: field_id(field),
                image: IMAGE.to_owned(),
                new_image: None,
                old: None,
                new: tag(name),
                digest: at.map(|at| Digest::numbered(at.into())),
                pinned: at.is_some(),
                old_digest: None,
            };
            bump.trailer()
        });
        let trailers: Vec<String> = bumps.chain(commit.resumes.iter().map(Resume::trailer)).collect();
        format!("Subject\n\n{}\n", trailers.join("\n"))
    }
}

impl ConfigRepo for Known {
    async fn fetch(&self) -> Result<CommitId, RepoFailure> {
        Ok(id(self.commits.len() - 1))
    }

    async fn files(&self, _: CommitId, _: Vec<RepoPath>) -> Result<TreeListing, RepoFailure> {
        Ok(TreeListing::default())
    }

    async fn blobs(&self, ids: Vec<BlobId>, _: usize) -> Result<Vec<Option<Vec<u8>>>, RepoFailure> {
        Ok(ids.iter().map(|id| Some(content(id))).collect())
    }

    async fn history(&self, _: CommitId, _: Option<CommitId>, _: usize) -> Result<Vec<HistoryCommit>, RepoFailure> {
        let (there, cut) = self.there();
        let read = |number: &usize| {
            let commit = &self.commits[*number];
            let parents: &[usize] = if cut.contains(number) { &[] } else { &commit.parents };
            let mut lines = parents.iter().map(|parent| self.changes(*parent, *number));
            HistoryCommit {
                id: id(*number),
                parents: parents.iter().map(|parent| id(*parent)).collect(),
                author: "Jo <jo@acme.example>".to_owned(),
                committed_at: hours(commit.hour),
                message: self.message(*number),
                changes: lines.next().unwrap_or_default(),
                merged: lines.collect(),
            }
        };
        Ok(there.iter().rev().map(read).collect())
    }

    async fn is_ancestor(&self, _: CommitId, _: CommitId) -> Result<bool, RepoFailure> {
        Ok(true)
    }

    async fn is_whole(&self) -> Result<bool, RepoFailure> {
        Ok(self.whole.load(Ordering::Relaxed))
    }

    async fn unshallow(&self) -> Result<bool, RepoFailure> {
        let before = self.there();
        self.whole.store(true, Ordering::Relaxed);
        Ok(self.there() != before)
    }

    async fn commit_and_push(&self, _: Vec<NewCommit>) -> Result<PushOutcome, RepoFailure> {
        Ok(PushOutcome::Lost)
    }
}

/// A commit as drawn: parents, kind, field, tag, digest, clock.
type Draw = ([u8; 2], u8, u8, u8, u8, u16);
/// A candidate as drawn: whether it is listed, when it was pushed (if the registry reports the time), its digest.
type Listed = (bool, Option<u16>, u8);

fn commits(draws: &[Draw]) -> Vec<Commit> {
    let mut commits: Vec<Commit> = vec![Commit {
        parents: Vec::new(),
        says: [(0, None), (0, None), (0, Some(0))],
        ours: [false; FIELDS],
        resumes: None,
        hour: 0,
    }];
    for (index, (lines, kind, which, name, at, clock)) in draws.iter().enumerate() {
        let mut parents = vec![index];
        let other = index.saturating_sub(1 + usize::from(lines[0] % 4));
        if kind % 8 == 7 && other != index {
            parents.push(other);
        }
        let mut commit = commits[index].clone();
        let field = usize::from(*which) % FIELDS;
        if parents.len() == 2 && lines[1] % 2 == 0 {
            commit.says[field] = commits[other].says[field];
            commit.ours = [false; FIELDS];
        } else {
            let at = (field == FIELDS - 1).then_some(at % 4);
            let name = if field == FIELDS - 1 { 0 } else { name % TAGS };
            commit.says[field] = (name, at);
            commit.ours = [false; FIELDS];
            commit.ours[field] = kind % 8 < 4;
        }
        commit.resumes = (kind / 8 == 0).then(|| Resume::Field(field_id(field)));
        commit.parents = parents;
        // Mostly in order; some clocks lie by anything.
        commit.hour = match clock % 5 {
            0 => i64::from(clock / 5) % (2 * HOURS),
            _ => i64::try_from(index).unwrap() * HOURS / i64::try_from(draws.len() + 1).unwrap(),
        };
        commits.push(commit);
    }
    commits
}

struct Scene {
    fields: Vec<AutomatedField>,
    tags: BTreeMap<crate::model::Repository, Tags>,
}

fn scene(tip: &Commit, listed: &[Listed], policy: u8, until: bool) -> Scene {
    let policies = [
        ["glob:*", "numeric:^t([0-9]+)$", "alphabetical:^t(.*)$"][usize::from(policy) % 3],
        "glob:*",
        "digest:t0",
    ];
    let fields = (0..FIELDS).map(|field| AutomatedField {
        new_name: None,
        others: Vec::new(),
        path: path(field),
        field: field_id(field),
        image: ImageRef::parse(&image(tip.says[field])).unwrap(),
        position: Position { line: 1, column: 1 },
        policy: Ok(Policy::parse(policies[field]).unwrap()),
        lock: None,
        revert_on_failure: None,
        hold: (until && field == 0).then_some(HoldUntil::Resumed),
        groups: Vec::new(),
    });
    let fields: Vec<AutomatedField> = fields.collect();
    let candidates = listed.iter().enumerate().filter(|(_, (there, ..))| *there);
    let candidates = candidates.map(|(number, (_, pushed_at, at))| Candidate {
        tag: tag(u8::try_from(number).unwrap()),
        digest: Some(Digest::numbered(usize::from(at % 4))),
        pushed_at: pushed_at.map(|hour| hours(i64::from(hour) % HOURS)),
        media_type: None,
        pullable: true,
        unfit: None,
    });
    let tags = Tags::Listed(candidates.collect());
    Scene {
        tags: BTreeMap::from([(fields[0].image.repository(), tags)]),
        fields,
    }
}

async fn plan(commits: &[Commit], depth: usize, scene: &Scene) -> BumpPlan {
    let repo = Known {
        commits: commits.to_vec(),
        depth,
        whole: AtomicBool::new(false),
    };
    let tip = repo.fetch().await.unwrap();
    let fields = scene.fields.iter().map(|field| field.field.clone());
    let mut decided = BumpPlan::default();
    let reader = &mut HistoryReader::default();
    let reading = decide_with_history(&repo, tip, reader, |past, extent| {
        let since = fields.clone().map(|field| (field.clone(), extent.since(past, &field)));
        let observed = Observed {
            tags: &scene.tags,
            holds: &past.holds,
            since: &since.collect(),
            included: &|_| Box::new(|_| Ok(())),
            now: hours(HOURS),
            until: HoldUntil::Newer,
        };
        decided = plan::decide(&scene.fields, &observed);
        let outcomes = decided.decisions.iter().map(|decision| decision.outcome);
        outcomes.into_iter().any(needs_whole_history)
    });
    reading.await.unwrap();
    decided
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: ProptestConfig::default().cases.max(300),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_part_of_the_history_decides_nothing_that_the_whole_of_it_would_not(
        draws in prop::collection::vec(any::<Draw>(), 1..24),
        listed in prop::collection::vec(any::<Listed>(), usize::from(TAGS)),
        policy in any::<u8>(),
        until in any::<bool>(),
        depth in 1usize..12,
    ) {
        let commits = commits(&draws);
        let scene = scene(commits.last().unwrap(), &listed, policy, until);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (part, whole) = runtime.block_on(async {
            (plan(&commits, depth, &scene).await, plan(&commits, usize::MAX, &scene).await)
        });
        prop_assert_eq!(&part.bumps, &whole.bumps);
        for (part, whole) in part.decisions.iter().zip(&whole.decisions) {
            prop_assert_eq!((part.outcome, &part.reason), (whole.outcome, &whole.reason));
            if matches!(whole.outcome, Outcome::Bump | Outcome::Held) {
                prop_assert_eq!(&part.hold, &whole.hold);
            }
        }
    }
}
