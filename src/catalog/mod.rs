//! What the config repo declares at a commit: files read, objects and image fields found, once for all loops.
//!
//! Flow: the commit's files with their blob ids -> readings, from the cache where the same bytes were read before at the
//! same path -> [`Declared`]. A one-line commit parses one file and looks at no other. Chart folders are passed over with
//! a notice; a reading that is not whole says so, and then nothing may be concluded from what is absent. What is applied
//! has to be parsed; what is read for its images only (chart values, kustomize folders) is parsed where a scan of its
//! bytes finds a word of them, or anything to find fault with.
//!
//! Deliberately absent: deciding anything about what was read.

mod declared;
mod folders;
mod patch;

pub use declared::{Beside, Declared, DeclaredObject};
pub use folders::{images_only, manifests};

use folders::Folders;
use patch::Changed;

use crate::manifest::{self, Document, Kustomization};
use crate::model::{BlobId, CommitId, Finding, RepoPath, Severity};
use crate::port::{ConfigRepo, FileChange, RepoFailure, TreeFile};
use crate::telemetry::Metrics;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// The largest file that is read; etcd takes no object over 1.5 MiB, so this holds a few of them.
pub const MAX_FILE_BYTES: usize = manifest::MAX_FILE_BYTES;

/// What a file says.
#[derive(Debug)]
pub struct FileReading {
    /// Its documents, shared with every commit that has the file as it is: who remembers something of a document may know
    /// it again by its address.
    pub documents: Vec<Arc<Document>>,
    /// What it has that is no object but holds image fields.
    pub values: Vec<Arc<Document>>,
    /// What it is made of, if it is a kustomization.
    pub kustomization: Option<Arc<Kustomization>>,
    /// The images that it sets if it is a patch of operations, as JSON pointers.
    pub operations: Vec<String>,
    /// What could not be used.
    pub findings: Vec<Finding>,
}

impl FileReading {
    fn of(reading: manifest::Reading) -> Self {
        Self {
            documents: reading.documents.into_iter().map(Arc::new).collect(),
            values: reading.values.into_iter().map(Arc::new).collect(),
            kustomization: reading.kustomization.map(Arc::new),
            operations: reading.operations,
            findings: reading.findings,
        }
    }
}

/// Reads commits, remembering what it has read.
#[derive(Debug)]
pub struct Catalog {
    paths: Vec<RepoPath>,
    readings: HashMap<(RepoPath, BlobId), Arc<FileReading>>,
    latest: Option<Arc<Declared>>,
    folders: Folders,
    metrics: Metrics,
}

impl Catalog {
    /// A catalog of what lies below `paths` (of everything, if empty).
    pub fn new(paths: Vec<RepoPath>, metrics: Metrics) -> Self {
        Self {
            paths,
            readings: HashMap::new(),
            latest: None,
            folders: Folders::default(),
            metrics,
        }
    }

    /// What is declared at a commit.
    ///
    /// # Errors
    /// The repository could not be read; bad files are findings, not errors.
    pub async fn read(&mut self, repo: &impl ConfigRepo, commit: CommitId) -> Result<Arc<Declared>, RepoFailure> {
        if let Some(latest) = self.latest.as_ref().filter(|latest| latest.commit == commit) {
            return Ok(Arc::clone(latest));
        }
        if let Some(declared) = self.read_on(repo, commit).await? {
            self.latest = Some(Arc::clone(&declared));
            return Ok(declared);
        }
        let files = repo.files(commit, self.paths.clone()).await?;
        self.folders = Folders::of(files.iter().map(|file| &file.path));
        let mut findings = folders::vanished(&self.paths, &files);
        let (manifests, passed_over) = folders::manifests(&files, |file| &file.path);
        findings.extend(passed_over);
        let parsed = self.load(repo, &manifests, Wanted::Objects).await?;
        let images_only = folders::images_only(&files, |file| &file.path);
        let parsed = parsed + self.load(repo, &images_only, Wanted::Images).await?;
        let known = |files: &[TreeFile]| -> Vec<_> {
            let reading = |file: &TreeFile| self.readings.get(&(file.path.clone(), file.blob)).map(Arc::clone);
            files
                .iter()
                .filter_map(|file| Some((file.clone(), reading(file)?)))
                .collect()
        };
        let (readings, beside) = (known(&manifests), known(&images_only));
        let current: BTreeSet<_> = manifests
            .into_iter()
            .chain(images_only)
            .map(|file| (file.path, file.blob))
            .collect();
        self.readings.retain(|key, _| current.contains(key));
        let declared = Arc::new(Declared::gather(commit, &readings, &beside, findings, parsed));
        self.latest = Some(Arc::clone(&declared));
        Ok(declared)
    }

    /// The same from the latest commit that was read, looking at nothing but the files that differ: whoever races others
    /// for the branch has no time to look at twenty thousand. `None` where what differs concerns more than its own files.
    async fn read_on(
        &mut self,
        repo: &impl ConfigRepo,
        commit: CommitId,
    ) -> Result<Option<Arc<Declared>>, RepoFailure> {
        let Some(latest) = self.latest.clone() else {
            return Ok(None);
        };
        // A commit that is no longer in the mirror is not worth an error: all files are read then.
        let Ok(Some(changes)) = repo.changes(latest.commit, commit).await else {
            return Ok(None);
        };
        let wanted = |path: &RepoPath| self.paths.is_empty() || self.paths.iter().any(|wanted| path.is_within(wanted));
        let changes: Vec<FileChange> = changes.into_iter().filter(|change| wanted(&change.path)).collect();
        let is_local = |change: &FileChange| {
            let (is_new, is_gone) = (change.before.is_none(), change.after.is_none());
            let stays = !is_gone && (latest.complete || !is_new);
            stays && !Folders::is_told_by(&change.path) && self.folders.are_beside(&change.path)
        };
        if changes.len() > BATCH || !changes.iter().all(is_local) {
            return Ok(None);
        }
        let manifests: Vec<TreeFile> = changes
            .into_iter()
            .filter(|change| self.folders.has_manifest(&change.path))
            .filter_map(|change| {
                Some(TreeFile {
                    path: change.path,
                    blob: change.after?,
                })
            })
            .collect();
        let parsed = self.load(repo, &manifests, Wanted::Objects).await?;
        let mut changed = Vec::new();
        for file in manifests {
            let at = |blob| self.readings.get(&(file.path.clone(), blob)).map(Arc::clone);
            let before = latest.blobs.get(&file.path).and_then(|blob| at(*blob));
            let Some(after) = at(file.blob) else { return Ok(None) };
            changed.push(Changed { file, before, after });
        }
        let Some(declared) = latest.patched(commit, &changed, parsed) else {
            return Ok(None);
        };
        for Changed { file, .. } in &changed {
            if let Some(old) = latest.blobs.get(&file.path).filter(|old| **old != file.blob) {
                self.readings.remove(&(file.path.clone(), *old));
            }
        }
        Ok(Some(Arc::new(declared)))
    }

    /// Reads files that are not known yet; how many of them went through a parser.
    async fn load(&mut self, repo: &impl ConfigRepo, files: &[TreeFile], what: Wanted) -> Result<usize, RepoFailure> {
        let wanted: Vec<TreeFile> = files
            .iter()
            .filter(|file| !self.readings.contains_key(&(file.path.clone(), file.blob)))
            .cloned()
            .collect();
        let mut parsed = 0;
        for batch in wanted.chunks(BATCH) {
            let bytes = repo
                .blobs(batch.iter().map(|file| file.blob).collect(), MAX_FILE_BYTES)
                .await?;
            let batch = batch.to_vec();
            let read = tokio::task::spawn_blocking(move || read_all(batch, bytes, what)).await;
            let (readings, batch_parsed) = read.unwrap_or_default();
            self.readings.extend(readings);
            self.metrics.files_parsed(batch_parsed);
            parsed += batch_parsed;
        }
        Ok(parsed)
    }
}

/// What files are read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Objects,
    /// Image fields and what they are found by, nothing that is applied.
    Images,
}

/// Files held in memory at once: 256 of at most 4 MiB, in practice of a few kilobytes each.
const BATCH: usize = 256;

type Readings = Vec<((RepoPath, BlobId), Arc<FileReading>)>;

/// The files' readings, and how many of them took a parser.
fn read_all(files: Vec<TreeFile>, contents: Vec<Option<Vec<u8>>>, what: Wanted) -> (Readings, usize) {
    let mut parsed = 0;
    let readings = files.into_iter().zip(contents).map(|(file, content)| {
        let reading = match content {
            Some(bytes) if what == Wanted::Images && manifest::is_beside_images(&file.path, &bytes) => {
                FileReading::of(manifest::Reading::default())
            }
            Some(bytes) => {
                parsed += 1;
                let path = file.path.clone();
                std::panic::catch_unwind(move || FileReading::of(manifest::read(&path, &bytes)))
                    .unwrap_or_else(|_| unread(&file.path, "it made the reader fail; please report the file as a bug"))
            }
            None => unread(&file.path, "it is larger than 4 MiB; split it"),
        };
        ((file.path, file.blob), Arc::new(reading))
    });
    (readings.collect(), parsed)
}

fn unread(path: &RepoPath, why: &str) -> FileReading {
    let finding = Finding {
        path: path.clone(),
        position: None,
        object: None,
        severity: Severity::Error,
        message: format!("not read: {why}"),
    };
    FileReading {
        documents: Vec::new(),
        values: Vec::new(),
        kustomization: None,
        operations: Vec::new(),
        findings: vec![finding],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::{HistoryCommit, NewCommit, PushOutcome};
    use std::collections::BTreeMap;

    /// Commits as lists of paths and texts; equal texts are one blob.
    #[derive(Default)]
    struct Commits {
        files: BTreeMap<CommitId, Vec<TreeFile>>,
        blobs: BTreeMap<BlobId, Vec<u8>>,
        /// Whether two commits can be compared.
        compares: bool,
    }

    impl Commits {
        fn add(&mut self, number: u8, files: &[(&str, &str)]) -> CommitId {
            let commit = CommitId::from_bytes([number; 20]);
            let mut tree = Vec::new();
            for (path, text) in files {
                let known = self.blobs.iter().find(|(_, bytes)| bytes.as_slice() == text.as_bytes());
                let next = u8::try_from(self.blobs.len()).unwrap();
                let blob = known.map_or(BlobId::from_bytes([next; 20]), |(blob, _)| *blob);
                self.blobs.insert(blob, text.as_bytes().to_vec());
                let path = RepoPath::parse(path).unwrap();
                tree.push(TreeFile { path, blob });
            }
            self.files.insert(commit, tree);
            commit
        }
    }

    impl ConfigRepo for Commits {
        async fn fetch(&self) -> Result<CommitId, RepoFailure> {
            unreachable!("the catalog does not use the network")
        }

        async fn files(&self, commit: CommitId, paths: Vec<RepoPath>) -> Result<Vec<TreeFile>, RepoFailure> {
            let mut files = self.files.get(&commit).cloned().unwrap_or_default();
            files.retain(|file| paths.is_empty() || paths.iter().any(|path| file.path.is_within(path)));
            Ok(files)
        }

        async fn changes(&self, from: CommitId, to: CommitId) -> Result<Option<Vec<FileChange>>, RepoFailure> {
            let at = |commit| -> BTreeMap<&RepoPath, BlobId> {
                let files = self.files.get(&commit).into_iter().flatten();
                files.map(|file| (&file.path, file.blob)).collect()
            };
            let (before, after) = (at(from), at(to));
            let paths: BTreeSet<&RepoPath> = before.keys().chain(after.keys()).copied().collect();
            let change = |path: &RepoPath| FileChange {
                path: path.clone(),
                before: before.get(path).copied(),
                after: after.get(path).copied(),
            };
            let changes = paths.into_iter().map(change);
            Ok(self
                .compares
                .then(|| changes.filter(|change| change.before != change.after).collect()))
        }

        async fn blobs(&self, ids: Vec<BlobId>, _: usize) -> Result<Vec<Option<Vec<u8>>>, RepoFailure> {
            Ok(ids.iter().map(|id| self.blobs.get(id).cloned()).collect())
        }

        async fn history(&self, _: CommitId, _: Option<CommitId>, _: usize) -> Result<Vec<HistoryCommit>, RepoFailure> {
            Ok(Vec::new())
        }

        async fn is_ancestor(&self, _: CommitId, _: CommitId) -> Result<bool, RepoFailure> {
            Ok(true)
        }

        async fn commit_and_push(&self, _: Vec<NewCommit>) -> Result<PushOutcome, RepoFailure> {
            unreachable!("the catalog writes nothing")
        }
    }

    const WEB: &str = "{apiVersion: v1, kind: ConfigMap, metadata: {name: web}, data: {a: b}}";
    const NEW_WEB: &str = "{apiVersion: v1, kind: ConfigMap, metadata: {name: web}, data: {a: c}}";
    const API: &str = "{apiVersion: v1, kind: ConfigMap, metadata: {name: api}}";

    #[tokio::test]
    async fn a_commit_that_changes_one_file_parses_one_and_shares_the_documents_of_all_others() {
        let mut commits = Commits::default();
        let first = commits.add(1, &[("api.yaml", API), ("web.yaml", WEB)]);
        let second = commits.add(2, &[("api.yaml", API), ("web.yaml", NEW_WEB)]);
        let metrics = Metrics::new();
        let mut catalog = Catalog::new(Vec::new(), metrics.clone());
        let before = catalog.read(&commits, first).await.unwrap();
        let after = catalog.read(&commits, second).await.unwrap();
        assert_eq!((before.parsed, after.parsed), (2, 1));
        assert!(metrics.render().contains("tidegate_files_parsed_total 3\n"));
        let shared: Vec<bool> = before
            .objects
            .iter()
            .zip(&after.objects)
            .map(|(before, after)| Arc::ptr_eq(&before.document, &after.document))
            .collect();
        assert_eq!(shared, [true, false]);
    }

    const BROKEN: &str = "kind: [";
    const VALUES: &str = "image: app:1 # {\"$imagepolicy\": \"shop:app\"}\n";
    const TREES: [&[(&str, &str)]; 13] = [
        &[("api.yaml", API), ("web.yaml", WEB)],
        &[("api.yaml", API), ("web.yaml", NEW_WEB), ("notes.txt", "more")],
        &[("api.yaml", API), ("copy.yaml", WEB), ("web.yaml", WEB)],
        &[("api.yaml", BROKEN), ("web.yaml", WEB)],
        &[("api.yaml", API), ("both.yaml", "{}"), ("web.yaml", WEB)],
        &[("api.yaml", API)],
        &[("api.yaml", WEB), ("web.yaml", API)],
        &[("api.yaml", API), ("values.yaml", VALUES), ("web.yaml", WEB)],
        &[("Chart.yaml", "name: web"), ("api.yaml", API), ("web.yaml", WEB)],
        &[
            ("a/kustomization.yaml", "images: []"),
            ("a/web.yaml", WEB),
            ("api.yaml", API),
        ],
        &[
            ("a/kustomization.yaml", "images: []"),
            ("a/web.yaml", NEW_WEB),
            ("api.yaml", API),
        ],
        &[
            ("a/Chart.yaml", "name: web"),
            ("a/web.yaml", NEW_WEB),
            ("api.yaml", API),
        ],
        &[],
    ];

    fn told(declared: &Declared) -> String {
        let objects: Vec<_> = declared
            .objects
            .iter()
            .map(|object| (&object.path, &object.document))
            .collect();
        let Declared {
            commit,
            beside,
            findings,
            complete,
            blobs,
            has_twins,
            ..
        } = declared;
        format!("{commit:?} {objects:#?} {beside:#?} {findings:#?} {complete} {blobs:?} {has_twins}")
    }

    #[tokio::test]
    async fn reading_on_from_any_commit_says_what_reading_anew_does() {
        let mut commits = Commits::default();
        let ids: Vec<CommitId> = TREES
            .iter()
            .zip(1..)
            .map(|(tree, number)| commits.add(number, tree))
            .collect();
        for paths in [vec![], vec![RepoPath::parse("a").unwrap()]] {
            for from in &ids {
                for to in &ids {
                    commits.compares = true;
                    let mut on = Catalog::new(paths.clone(), Metrics::new());
                    on.read(&commits, *from).await.unwrap();
                    let on = on.read(&commits, *to).await.unwrap();
                    commits.compares = false;
                    let mut anew = Catalog::new(paths.clone(), Metrics::new());
                    let anew = anew.read(&commits, *to).await.unwrap();
                    assert_eq!(told(&on), told(&anew), "{from:?} -> {to:?}");
                }
            }
        }
    }

    #[tokio::test]
    async fn a_commit_beside_all_folders_is_read_without_a_look_at_the_other_files_and_leaves_nothing_behind() {
        let mut commits = Commits {
            compares: true,
            ..Commits::default()
        };
        let first = commits.add(1, TREES[0]);
        let second = commits.add(2, TREES[1]);
        let mut catalog = Catalog::new(Vec::new(), Metrics::new());
        catalog.read(&commits, first).await.unwrap();
        commits.files.insert(second, Vec::new());
        let gone = catalog.read(&commits, second).await.unwrap();
        assert!(gone.objects.is_empty(), "removals are read with all files");
        let third = commits.add(3, TREES[0]);
        catalog.read(&commits, third).await.unwrap();
        let fourth = commits.add(4, TREES[1]);
        let declared = catalog.read(&commits, fourth).await.unwrap();
        assert_eq!((declared.parsed, declared.objects.len()), (1, 2));
        assert_eq!(catalog.readings.len(), 2);
    }

    #[tokio::test]
    async fn what_is_read_for_its_images_is_not_parsed_without_a_word_of_them() {
        let mut commits = Commits::default();
        let kustomization = ("base/kustomization.yaml", "resources: [web.yaml, settings.yaml]");
        let deployment = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {template: {spec: {containers: [{name: web, image: a/b:1}]}}}}";
        let plain = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\ndata:\n  level: info\n";
        let twice = format!("{plain}  level: debug\n");
        let files = [
            kustomization,
            ("base/web.yaml", deployment),
            ("base/settings.yaml", plain),
            ("base/twice.yaml", &twice),
            ("settings.yaml", plain),
        ];
        let commit = commits.add(1, &files);
        let mut catalog = Catalog::new(Vec::new(), Metrics::new());
        let declared = catalog.read(&commits, commit).await.unwrap();
        assert_eq!(declared.parsed, 4, "all but base/settings.yaml");
        assert_eq!((declared.objects.len(), declared.beside.kustomizations.len()), (1, 1));
        let told = |finding: &&Finding| finding.path.as_str() == "base/twice.yaml";
        assert_eq!(
            declared.findings.iter().filter(told).count(),
            1,
            "a key that stands twice"
        );
    }
}
