//! The holds of a thousand fields after a hundred thousand commits: read without a cache, and again after one more commit.
//!
//! One commit in fifty is a bump by the agent. Every hundredth bump is reverted by the next commit. All other commits are by
//! people, and half of them change manifests. Then the same for histories of bumps alone, and what a process reads that starts
//! from a checkpoint.

use crate::percentiles::Percentiles;
use crate::table::Table;
use anyhow::{Context as _, Result};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;
use tidegate::automation::HistoryReader;
use tidegate::git::Local;
use tidegate::history::Bump;
use tidegate::model::{BlobId, CommitId, FieldId, FieldName, ObjectId, RepoPath, Tag};
use tidegate::port::{ConfigRepo, HistoryCommit, NewCommit, PushOutcome, RepoFailure, TreeListing};
use tidegate_stack::GitServer;
use tidegate_stack::git::Repo;
use tidegate_stack::process::memory_kib;

const COMMITS: usize = 100_000;
const FIELDS: usize = 1_000;
const BUMP_EVERY: usize = 50;
/// Histories of the agent's own commits.
const OWN: [usize; 2] = [5_000, 40_000];
const BACK_EVERY: usize = 20;
const MORE: usize = 20;

pub async fn measure(table: &mut Table) -> Result<()> {
    let server = GitServer::start()?;
    let repo = server.create_repo("fleet")?;
    let mut past = Past::default();
    let begin = Instant::now();
    past.import(&repo, COMMITS)?;
    eprintln!(
        "a history of {COMMITS} commits took {:.1} s",
        begin.elapsed().as_secs_f64()
    );
    table.part(format!("holds of {FIELDS} fields in a history of {COMMITS} commits"));
    let local = local(repo.path())?;
    let mut history_reader = HistoryReader::default();
    let before = memory();
    let begin = Instant::now();
    let held = history_reader.read(&local, tip(&repo)?).await?.holds.len();
    let took = begin.elapsed();
    let reads = history_reader.reads();
    table.row(
        "from nothing",
        format!(
            "{:.1} s; {} commits read, {} files parsed; {held} fields held; {:.0} MB more memory",
            took.as_secs_f64(),
            reads.commits,
            reads.files,
            memory() - before,
        ),
        "",
        "",
    );
    let mut times = Percentiles::default();
    for _ in 0..MORE {
        past.import(&repo, 1)?;
        let tip = tip(&repo)?;
        let begin = Instant::now();
        history_reader.read(&local, tip).await?;
        times.add(begin.elapsed());
    }
    let now = history_reader.reads();
    table.row(
        "after one more commit, p50 / p99",
        format!(
            "{times}; {} commits read, {} files parsed in {MORE}",
            now.commits - reads.commits,
            now.files - reads.files
        ),
        "",
        "",
    );
    Ok(())
}

pub async fn measure_own(table: &mut Table) -> Result<()> {
    let server = GitServer::start()?;
    for commits in OWN {
        own_commits(table, &server, commits).await?;
    }
    Ok(())
}

async fn own_commits(table: &mut Table, server: &GitServer, commits: usize) -> Result<()> {
    let repo = server.create_repo(&format!("own-{commits}"))?;
    let mut past = Past {
        bump_every: 1,
        ..Past::default()
    };
    past.import(&repo, commits)?;
    table.part(format!(
        "holds of {FIELDS} fields in a history of {commits} commits of the agent"
    ));
    let local = Checkpointed {
        local: local(repo.path())?,
        kept: Mutex::new(None),
    };
    for start in ["from nothing", "from a checkpoint"] {
        let mut reader = HistoryReader::default();
        let (before, begin, cpu) = (memory(), Instant::now(), cpu_seconds());
        let held = reader.read(&local, tip(&repo)?).await?.holds.len();
        table.row(
            start,
            format!(
                "{:.2} s; {:.2} s of processor time; {} commits read; {held} fields held; {:.0} MB more memory; checkpoint \
                 of {:.1} MB",
                begin.elapsed().as_secs_f64(),
                cpu_seconds() - cpu,
                reader.reads().commits,
                memory() - before,
                local.size(),
            ),
            "",
            "",
        );
    }
    Ok(())
}

/// A local repository that keeps a checkpoint in memory.
struct Checkpointed {
    local: Local,
    kept: Mutex<Option<Vec<u8>>>,
}

impl Checkpointed {
    /// The checkpoint in MB.
    fn size(&self) -> f64 {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().map_or(0.0, |bytes| bytes.len() as f64 / 1e6)
    }
}

impl ConfigRepo for Checkpointed {
    async fn fetch(&self) -> Result<CommitId, RepoFailure> {
        self.local.fetch().await
    }

    async fn files(&self, commit: CommitId, paths: Vec<RepoPath>) -> Result<TreeListing, RepoFailure> {
        self.local.files(commit, paths).await
    }

    async fn blobs(&self, ids: Vec<BlobId>, limit: usize) -> Result<Vec<Option<Vec<u8>>>, RepoFailure> {
        self.local.blobs(ids, limit).await
    }

    async fn history(
        &self,
        tip: CommitId,
        until: Option<CommitId>,
        limit: usize,
    ) -> Result<Vec<HistoryCommit>, RepoFailure> {
        self.local.history(tip, until, limit).await
    }

    async fn history_ids(
        &self,
        tip: CommitId,
        until: Option<CommitId>,
        limit: usize,
    ) -> Result<Vec<CommitId>, RepoFailure> {
        self.local.history_ids(tip, until, limit).await
    }

    async fn commits(&self, ids: Vec<CommitId>) -> Result<Vec<HistoryCommit>, RepoFailure> {
        self.local.commits(ids).await
    }

    async fn is_ancestor(&self, ancestor: CommitId, descendant: CommitId) -> Result<bool, RepoFailure> {
        self.local.is_ancestor(ancestor, descendant).await
    }

    async fn checkpoint(&self) -> Option<Vec<u8>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn keep_checkpoint(&self, bytes: Vec<u8>) {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(bytes);
    }

    async fn commit_and_push(&self, _: Vec<NewCommit>) -> Result<PushOutcome, RepoFailure> {
        Ok(PushOutcome::Lost)
    }
}

fn local(path: &Path) -> Result<Local> {
    Local::open(path, Some("main")).context("cannot read the repository")
}

fn tip(repo: &Repo) -> Result<CommitId> {
    Ok(CommitId::parse(&repo.tip()?.context("the branch does not exist")?)?)
}

/// The anonymous memory of this process, without mapped files, in MB.
fn memory() -> f64 {
    memory_kib("self", "RssAnon").unwrap_or_default() as f64 / 1000.0
}

/// The processor time of this process, in seconds.
fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Writes the history by the rule of this file's header.
struct Past {
    commits: usize,
    bump_every: usize,
    bumps: usize,
    /// The tag of each field, and the field and tag that the next commit restores.
    tags: Vec<String>,
    replicas: Vec<usize>,
    back: Option<(usize, String)>,
}

impl Default for Past {
    fn default() -> Self {
        Self {
            commits: 0,
            bump_every: BUMP_EVERY,
            bumps: 0,
            tags: Vec::new(),
            replicas: Vec::new(),
            back: None,
        }
    }
}

impl Past {
    fn import(&mut self, repo: &Repo, count: usize) -> Result<()> {
        let mut stream = String::new();
        if self.commits == 0 {
            self.tags = vec!["old".to_owned(); FIELDS];
            self.replicas = vec![0; FIELDS];
            commit(&mut stream, PERSON, 0, "Import", None)?;
            for field in 0..FIELDS {
                file(&mut stream, &path(field), &self.manifest(field))?;
            }
            self.commits = 1;
        }
        for _ in 0..count {
            self.next(&mut stream)?;
        }
        repo.git_bytes(&["fast-import", "--quiet", "--force"], stream.as_bytes())?;
        Ok(())
    }

    fn next(&mut self, stream: &mut String) -> Result<()> {
        self.commits += 1;
        let number = self.commits;
        // The first commit of a stream has the current head as its parent.
        let from = (stream.is_empty()).then_some("refs/heads/main^0");
        let field = ((number * 2_654_435_761) >> 12) % FIELDS;
        if let Some((field, before)) = self.back.take() {
            commit(stream, PERSON, number, "Revert \"Bump\"", from)?;
            self.set(stream, field, before)
        } else if number.is_multiple_of(self.bump_every) {
            self.bumps += 1;
            let (old, new) = (self.tag(field), format!("tag-{number:06}"));
            let message = format!("Bump\n\n{}\n", bump(field, &old, &new)?.trailer());
            commit(stream, "Tidegate <tidegate@localhost>", number, &message, from)?;
            if self.bumps.is_multiple_of(BACK_EVERY) {
                self.back = Some((field, old));
            }
            self.set(stream, field, new)
        } else if number.is_multiple_of(2) {
            commit(stream, PERSON, number, "Scale", from)?;
            if let Some(replicas) = self.replicas.get_mut(field) {
                *replicas = number;
            }
            file(stream, &path(field), &self.manifest(field))
        } else {
            commit(stream, PERSON, number, "Note", from)?;
            file(
                stream,
                &format!("notes/{:03}.txt", number % 200),
                &format!("{number}\n"),
            )
        }
    }

    fn set(&mut self, stream: &mut String, field: usize, tag: String) -> Result<()> {
        if let Some(known) = self.tags.get_mut(field) {
            *known = tag;
        }
        file(stream, &path(field), &self.manifest(field))
    }

    fn tag(&self, field: usize) -> String {
        self.tags.get(field).cloned().unwrap_or_default()
    }

    fn manifest(&self, field: usize) -> String {
        let replicas = self.replicas.get(field).copied().unwrap_or_default();
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: app-{field:04}\n  namespace: shop\nspec:\n  replicas: {replicas}\n  \
             template:\n    spec:\n      containers:\n      - name: app\n        image: {}:{}\n",
            image(field),
            self.tag(field)
        )
    }
}

const PERSON: &str = "Operator <operator@example.com>";
const START: usize = 1_700_000_000;

fn commit(stream: &mut String, who: &str, number: usize, message: &str, from: Option<&str>) -> Result<()> {
    let at = START + number * 60;
    writeln!(
        stream,
        "commit refs/heads/main\nauthor {who} {at} +0000\ncommitter {who} {at} +0000"
    )?;
    writeln!(stream, "data {}\n{message}", message.len())?;
    if let Some(from) = from {
        writeln!(stream, "from {from}")?;
    }
    Ok(())
}

fn file(stream: &mut String, path: &str, text: &str) -> Result<()> {
    Ok(writeln!(stream, "M 100644 inline {path}\ndata {}\n{text}", text.len())?)
}

fn path(field: usize) -> String {
    format!("apps/team-{:02}/app-{field:04}.yaml", field / 20)
}

fn image(field: usize) -> String {
    format!("registry.example/shop/app-{field:04}")
}

fn bump(field: usize, old: &str, new: &str) -> Result<Bump> {
    Ok(Bump {
        field: FieldId {
            object: ObjectId::new("apps/v1", "Deployment", Some("shop"), &format!("app-{field:04}")),
            field: FieldName("app".to_owned()),
        },
        image: image(field),
        new_image: None,
        old: Some(Tag::parse(old)?),
        new: Tag::parse(new)?,
        digest: None,
        pinned: false,
        old_digest: None,
    })
}
