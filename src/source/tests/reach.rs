//! Which folders are rendered, and of which files.

use super::rendering::{names, rendering};
use super::*;
use crate::model::Severity;
use crate::port::UnitKind;

const BASE: &str = "resources: [web.yaml]";

fn named(text: &str) -> String {
    format!("resources: {text}")
}

async fn read(files: &[(&str, &str)], paths: &[&str]) -> (Arc<DeclaredState>, usize) {
    let mut commits = Commits::default();
    let commit = commits.add(1, files);
    let paths = paths.iter().map(|text| path(text)).collect();
    let (mut reader, renderings) = rendering(UnitKind::Kustomization, paths);
    let declared = reader.read(&commits, commit).await.unwrap();
    (declared, renderings.load(Ordering::SeqCst))
}

fn errors(declared: &DeclaredState) -> Vec<String> {
    let errors = declared
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error);
    errors.map(ToString::to_string).collect()
}

#[tokio::test]
async fn a_base_is_not_applied_by_itself_and_one_outside_of_the_paths_is_read() {
    let overlay = named("[../base]");
    let outside = named("[../../lib/base]");
    let files = [
        ("apps/base/kustomization.yaml", BASE),
        ("apps/base/web.yaml", WEB),
        ("apps/base/unused.yaml", API),
        ("apps/prod/kustomization.yaml", &*overlay),
        ("apps/stage/kustomization.yml", &*outside),
        ("lib/base/Kustomization", BASE),
        ("lib/base/web.yaml", WEB),
    ];
    let (declared, renderings) = read(&files, &["apps"]).await;
    assert_eq!(errors(&declared), [""; 0]);
    assert_eq!(renderings, 2, "the bases are not rendered");
    // Each overlay has its kustomization, that of the base, and the file that the base names.
    assert_eq!(names(&declared), ["of-3 apps/prod", "of-3 apps/stage"]);
}

#[tokio::test]
async fn a_change_renders_the_folders_that_reach_the_file_and_no_others() {
    let overlay = named("[../../lib/base]");
    let at = |value: &'static str, more: &'static str| {
        [
            ("apps/a/kustomization.yaml", overlay.clone()),
            ("apps/b/kustomization.yaml", BASE.to_owned()),
            ("apps/b/web.yaml", more.to_owned()),
            ("lib/base/kustomization.yaml", BASE.to_owned()),
            ("lib/base/web.yaml", value.to_owned()),
            ("lib/other.yaml", value.to_owned()),
        ]
    };
    let mut commits = Commits {
        compares: true,
        ..Commits::default()
    };
    let (mut reader, renderings) = rendering(UnitKind::Kustomization, vec![path("apps")]);
    let states = [
        (WEB, WEB, 2),
        (NEW_WEB, WEB, 3),
        (NEW_WEB, NEW_WEB, 4),
        (NEW_WEB, NEW_WEB, 4),
    ];
    for (number, (base, own, so_far)) in (1..).zip(states) {
        let files = at(base, own);
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, &**text)).collect();
        let commit = commits.add(number, &files);
        reader.read(&commits, commit).await.unwrap();
        assert_eq!(renderings.load(Ordering::SeqCst), so_far, "commit {number}");
    }
}

#[tokio::test]
async fn what_is_not_in_the_repository_is_refused_by_name_and_nothing_else_stops() {
    for (text, expected) in [
        ("[https://example.com/web.yaml]", "remote bases are not fetched"),
        ("[github.com/acme/base//deploy?ref=v1]", "remote bases are not fetched"),
        ("['git@github.com:acme/base.git']", "remote bases are not fetched"),
        ("[../../../etc]", "outside of the repository"),
        ("[/etc/passwd]", "an absolute path"),
        ("[../nowhere]", "has no such file or folder"),
        ("[../plain]", "a folder without a kustomization.yaml"),
    ] {
        let broken = named(text);
        let files = [
            ("apps/a/kustomization.yaml", &*broken),
            ("apps/b/kustomization.yaml", BASE),
            ("apps/b/web.yaml", WEB),
            ("apps/plain/web.yaml", API),
        ];
        let (declared, renderings) = read(&files, &["apps"]).await;
        let errors = errors(&declared);
        assert_eq!(errors.len(), 1, "{errors:?}");
        for part in ["apps/a", "apps/a/kustomization.yaml: resources names", expected] {
            assert!(errors[0].contains(part), "{part}: {errors:?}");
        }
        assert_eq!(names(&declared), ["of-2 apps/b", "api"]);
        assert_eq!(renderings, 1);
        assert!(!here(&declared).complete);
    }
}

#[tokio::test]
async fn folders_that_include_each_other_are_rendered_so_that_kustomize_refuses_them() {
    let (a, b) = (named("[../b]"), named("[../a]"));
    let files = [("a/kustomization.yaml", &*a), ("b/kustomization.yaml", &*b)];
    let (declared, renderings) = read(&files, &[]).await;
    assert_eq!((names(&declared), renderings), (vec!["of-2 a"], 1));
}

#[tokio::test]
async fn a_component_that_nobody_includes_is_a_notice() {
    let files = [
        ("a/kustomization.yaml", "kind: Component\nresources: [web.yaml]"),
        ("a/web.yaml", WEB),
    ];
    let (declared, renderings) = read(&files, &[]).await;
    assert_eq!((renderings, here(&declared).complete), (0, true));
    assert!(
        declared
            .findings
            .iter()
            .any(|finding| finding.severity == Severity::Notice)
    );
}
