use super::*;
use crate::model::{Finding, ObjectId, Severity};
use crate::port::{RenderFailure, Renderer, Rendering, Unit, UnitKind};
use crate::resource::{Intent, Object, Origin};
use futures::FutureExt as _;
use futures::future::BoxFuture;

/// Makes one object of each unit, named after the number of the unit's files.
struct Counting {
    kind: UnitKind,
    version: &'static str,
    may_pass: bool,
    renderings: Arc<AtomicUsize>,
}

impl Renderer for Counting {
    fn version(&self) -> &str {
        self.version
    }

    fn takes(&self, kind: UnitKind) -> bool {
        kind == self.kind
    }

    fn render(&self, unit: Unit) -> BoxFuture<'_, Result<Rendering, RenderFailure>> {
        self.renderings.fetch_add(1, Ordering::SeqCst);
        let may_pass = self.may_pass;
        let broken = unit.files.iter().any(|(_, bytes)| bytes == BROKEN.as_bytes());
        let object = Object {
            id: ObjectId::new(
                "v1",
                "ConfigMap",
                None,
                &format!("of-{} {}", unit.files.len(), unit.path),
            ),
            api_version: "v1".into(),
            value: crate::resource::Packed::of(&serde_json::Value::Null),
            intent: Intent::default(),
            origin: Origin::Rendered { folder: unit.path },
        };
        async move {
            match broken {
                true => Err(RenderFailure {
                    message: "it is broken".into(),
                    may_pass,
                }),
                false => Ok(Rendering {
                    objects: vec![Arc::new(object)],
                    findings: Vec::new(),
                }),
            }
        }
        .boxed()
    }
}

pub(super) fn rendering(kind: UnitKind, paths: Vec<RepoPath>) -> (Reader, Arc<AtomicUsize>) {
    failing(kind, paths, true)
}

fn failing(kind: UnitKind, paths: Vec<RepoPath>, may_pass: bool) -> (Reader, Arc<AtomicUsize>) {
    let renderings = Arc::new(AtomicUsize::new(0));
    let renderer = Counting {
        kind,
        version: "counting 1",
        may_pass,
        renderings: Arc::clone(&renderings),
    };
    let targets = vec![TargetPaths::here(paths)];
    (
        Reader::new(targets, vec![Arc::new(renderer)], Metrics::new()),
        renderings,
    )
}

pub(super) fn names(declared: &DeclaredState) -> Vec<&str> {
    let objects = here(declared).objects.iter();
    objects.map(|object| object.id.name.as_str()).collect()
}

const ENCRYPTED: &str = "{apiVersion: v1, kind: Secret, metadata: {name: web}, sops: {mac: x}}";
const NEWLY_ENCRYPTED: &str = "{apiVersion: v1, kind: Secret, metadata: {name: web}, sops: {mac: y}}";
const KUSTOMIZATION: (&str, &str) = ("a/kustomization.yaml", "resources: [web.yaml]");

#[tokio::test]
async fn a_folder_is_rendered_when_one_of_its_files_changes_and_only_then() {
    let mut commits = Commits::default();
    let first = commits.add(1, &[KUSTOMIZATION, ("a/web.yaml", WEB), ("api.yaml", API)]);
    let second = commits.add(2, &[KUSTOMIZATION, ("a/web.yaml", WEB), ("web.yaml", WEB)]);
    let third = commits.add(3, &[KUSTOMIZATION, ("a/web.yaml", NEW_WEB), ("web.yaml", WEB)]);
    let (mut reader, renderings) = rendering(UnitKind::Kustomization, Vec::new());
    for (commit, expected, so_far) in [
        (first, ["of-2 a", "api"], 1),
        (second, ["of-2 a", "web"], 1),
        (third, ["of-2 a", "web"], 2),
    ] {
        let declared = reader.read(&commits, commit).await.unwrap();
        assert_eq!(names(&declared), expected);
        assert_eq!(renderings.load(Ordering::SeqCst), so_far);
        let errors = declared.findings.iter();
        assert_eq!(errors.filter(|finding| finding.severity == Severity::Error).count(), 0);
        assert!(here(&declared).complete);
    }
}

#[tokio::test]
async fn a_unit_that_is_not_rendered_leaves_its_targets_incomplete_and_is_tried_again() {
    let mut commits = Commits::default();
    let first = commits.add(1, &[KUSTOMIZATION, ("a/web.yaml", BROKEN)]);
    let again = commits.add(2, &[KUSTOMIZATION, ("a/web.yaml", BROKEN), ("b.yaml", API)]);
    let (mut reader, renderings) = rendering(UnitKind::Kustomization, Vec::new());
    let declared = reader.read(&commits, first).await.unwrap();
    assert!(!here(&declared).complete);
    let is_reported = |finding: &Finding| finding.path == path("a") && finding.message.contains("it is broken");
    assert!(declared.findings.iter().any(is_reported), "{:?}", declared.findings);
    reader.read(&commits, again).await.unwrap();
    assert_eq!(renderings.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_unit_that_cannot_be_rendered_is_not_tried_again_until_it_changes() {
    let mut commits = Commits::default();
    let first = commits.add(1, &[KUSTOMIZATION, ("a/web.yaml", BROKEN)]);
    let same = commits.add(2, &[KUSTOMIZATION, ("a/web.yaml", BROKEN), ("b.yaml", API)]);
    let mended = commits.add(3, &[KUSTOMIZATION, ("a/web.yaml", WEB), ("b.yaml", API)]);
    let (mut reader, renderings) = failing(UnitKind::Kustomization, Vec::new(), false);
    for (commit, complete, so_far) in [(first, false, 1), (same, false, 1), (mended, true, 2)] {
        let declared = reader.read(&commits, commit).await.unwrap();
        assert_eq!(here(&declared).complete, complete);
        assert_eq!(renderings.load(Ordering::SeqCst), so_far);
    }
}

#[tokio::test]
async fn an_encrypted_file_goes_to_its_renderer_and_is_no_plain_manifest() {
    let mut commits = Commits {
        compares: true,
        ..Commits::default()
    };
    let first = commits.add(1, &[("a/secret.yaml", ENCRYPTED), ("api.yaml", API)]);
    let second = commits.add(2, &[("a/secret.yaml", NEWLY_ENCRYPTED), ("api.yaml", API)]);
    let (mut reader, renderings) = rendering(UnitKind::Encrypted, Vec::new());
    for (commit, so_far) in [(first, 1), (second, 2)] {
        let declared = reader.read(&commits, commit).await.unwrap();
        assert_eq!(names(&declared), ["of-1 a/secret.yaml", "api"]);
        assert_eq!(renderings.load(Ordering::SeqCst), so_far);
    }
}
