use super::*;
use crate::model::{Finding, TargetId};
use crate::port::{HistoryCommit, NewCommit, PushOutcome, TargetState};
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

/// The files that the last reading parsed.
fn parsed(catalog: &Catalog) -> usize {
    catalog.latest.as_ref().unwrap().parsed
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
    assert_eq!(parsed(&catalog), 2);
    let after = catalog.read(&commits, second).await.unwrap();
    assert_eq!(parsed(&catalog), 1);
    assert!(metrics.render().contains("tidegate_files_parsed_total 3\n"));
    let shared: Vec<bool> = here(&before)
        .objects
        .iter()
        .zip(&here(&after).objects)
        .map(|(before, after)| Arc::ptr_eq(before, after))
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

fn here(declared: &DeclaredState) -> &TargetState {
    declared.target(&TargetId::here()).unwrap()
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
                assert_eq!(format!("{on:#?}"), format!("{anew:#?}"), "{from:?} -> {to:?}");
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
    assert_eq!(gone.objects(), 0, "removals are read with all files");
    let third = commits.add(3, TREES[0]);
    catalog.read(&commits, third).await.unwrap();
    let fourth = commits.add(4, TREES[1]);
    let declared = catalog.read(&commits, fourth).await.unwrap();
    assert_eq!((parsed(&catalog), declared.objects()), (1, 2));
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
    assert_eq!(parsed(&catalog), 4, "all but base/settings.yaml");
    assert_eq!((declared.objects(), declared.images.kustomizations.len()), (1, 1));
    let told = |finding: &&Finding| finding.path.as_str() == "base/twice.yaml";
    assert_eq!(
        declared.findings.iter().filter(told).count(),
        1,
        "a key that stands twice"
    );
}
