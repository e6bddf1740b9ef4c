use super::*;
use crate::model::{Finding, Severity};
use std::sync::Arc;

#[tokio::test]
async fn a_commit_that_changes_one_file_parses_one_and_shares_the_documents_of_all_others() {
    let mut commits = Commits::default();
    let first = commits.add(1, &[("api.yaml", API), ("web.yaml", WEB)]);
    let second = commits.add(2, &[("api.yaml", API), ("web.yaml", NEW_WEB)]);
    let metrics = Metrics::new();
    let mut reader = Reader::new(vec![TargetPaths::here(Vec::new())], Vec::new(), metrics.clone());
    let before = reader.read(&commits, first).await.unwrap();
    assert_eq!(parsed(&reader), 2);
    let after = reader.read(&commits, second).await.unwrap();
    assert_eq!(parsed(&reader), 1);
    assert!(metrics.render().contains("tidegate_files_parsed_total 3\n"));
    let shared: Vec<bool> = here(&before)
        .objects
        .iter()
        .zip(&here(&after).objects)
        .map(|(before, after)| Arc::ptr_eq(before, after))
        .collect();
    assert_eq!(shared, [true, false]);
}

#[tokio::test]
async fn a_large_repository_is_read_in_batches() {
    let mut commits = Commits::default();
    let files: Vec<(String, String)> = (0..200)
        .map(|n| (format!("{n}.yaml"), WEB.replace("name: web", &format!("name: web-{n}"))))
        .collect();
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    let commit = commits.add(1, &files);
    // The repository asserts the size of each batch.
    let mut reader = reader(Vec::new());
    assert_eq!(here(&reader.read(&commits, commit).await.unwrap()).objects.len(), 200);
}

#[tokio::test]
async fn what_does_not_fit_into_memory_is_an_error_until_it_is_taken_out() {
    let mut commits = Commits::default();
    let many = "{apiVersion: v1, kind: List, items: [".to_owned()
        + &"{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}, ".repeat(100)
        + "]}";
    let names: Vec<String> = (0..60).map(|number| format!("{number}.yaml")).collect();
    let mut files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), many.as_str())).collect();
    files.push(("web.yaml", WEB));
    let without = commits.add(1, &[("web.yaml", WEB)]);
    let with = commits.add(2, &files);
    let after = commits.add(3, &[("web.yaml", NEW_WEB)]);
    for compares in [true, false] {
        commits.compares = compares;
        let mut reader = reader(Vec::new()).with_room(1_000_000);
        assert!(here(&reader.read(&commits, without).await.unwrap()).complete);
        let large = reader.read(&commits, with).await.unwrap();
        assert!(!here(&large).complete);
        let error = large
            .findings
            .iter()
            .find(|finding| finding.message.contains("too much memory"));
        assert!(
            error.is_some_and(|finding| finding.severity == Severity::Error),
            "{:?}",
            large.findings
        );
        let held: usize = reader.files.values().map(|reading| reading.weight).sum();
        assert!(held <= 1_000_000, "{held}");
        let small = reader.read(&commits, after).await.unwrap();
        assert!(
            here(&small).complete && small.findings.is_empty(),
            "{:?}",
            small.findings
        );
        assert_eq!(here(&small).objects.len(), 1);
    }
}

const VALUES: &str = "image: app:1 # {\"$imagepolicy\": \"shop:app\"}\n";
const TREES: [&[(&str, &str)]; 14] = [
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
    &[("a/web.yaml", WEB), ("api.yaml", API)],
    &[],
];

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
                let mut on = reader(paths.clone());
                on.read(&commits, *from).await.unwrap();
                let on = on.read(&commits, *to).await.unwrap();
                commits.compares = false;
                let mut anew = reader(paths.clone());
                let anew = anew.read(&commits, *to).await.unwrap();
                assert_eq!(format!("{on:#?}"), format!("{anew:#?}"), "{from:?} -> {to:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_commit_outside_all_folders_is_read_without_reading_the_other_files_and_leaves_nothing_behind() {
    let mut commits = Commits {
        compares: true,
        ..Commits::default()
    };
    let first = commits.add(1, TREES[0]);
    let second = commits.add(2, TREES[1]);
    let mut reader = super::reader(Vec::new());
    reader.read(&commits, first).await.unwrap();
    commits.files.insert(second, Vec::new());
    let gone = reader.read(&commits, second).await.unwrap();
    assert_eq!(gone.objects(), 0, "removals are read with all files");
    let third = commits.add(3, TREES[0]);
    reader.read(&commits, third).await.unwrap();
    let fourth = commits.add(4, TREES[1]);
    let declared = reader.read(&commits, fourth).await.unwrap();
    assert_eq!((parsed(&reader), declared.objects()), (1, 2));
    assert_eq!(reader.files.len(), 2);
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
    let mut reader = super::reader(Vec::new());
    let declared = reader.read(&commits, commit).await.unwrap();
    assert_eq!(parsed(&reader), 4, "all but base/settings.yaml");
    assert_eq!((declared.objects(), declared.images.kustomizations.len()), (1, 1));
    let of_the_file = |finding: &&Finding| finding.path.as_str() == "base/twice.yaml";
    assert_eq!(
        declared.findings.iter().filter(of_the_file).count(),
        1,
        "a key that stands twice"
    );
}

#[tokio::test]
async fn a_parser_task_that_ends_is_an_error_and_no_empty_reading() {
    let mut commits = Commits::default();
    let commit = commits.add(1, &[("web.yaml", WEB)]);
    let mut reader = reader(Vec::new());
    reader.parse = |_, _, _, _| panic!("a bug");
    let failure = reader.read(&commits, commit).await.unwrap_err();
    assert!(failure.message.contains("web.yaml"), "{failure}");
    assert!(reader.latest.is_none());
}

#[tokio::test]
async fn a_file_without_a_reading_is_an_error_and_not_left_out() {
    let mut commits = Commits::default();
    let commit = commits.add(1, &[("api.yaml", API), ("web.yaml", WEB)]);
    // The repository gives fewer contents than it was asked for.
    commits.blobs.pop_last();
    let mut reader = reader(Vec::new());
    let failure = reader.read(&commits, commit).await.unwrap_err();
    assert!(failure.message.contains("web.yaml"), "{failure}");
    assert!(reader.latest.is_none());
}

#[tokio::test]
async fn a_file_that_was_read_for_its_images_is_parsed_when_it_becomes_a_manifest() {
    let mut commits = Commits::default();
    let with = commits.add(1, &[("a/kustomization.yaml", "images: []"), ("a/web.yaml", WEB)]);
    let without = commits.add(2, &[("a/web.yaml", WEB)]);
    let mut reader = reader(Vec::new());
    assert_eq!(reader.read(&commits, with).await.unwrap().objects(), 0);
    assert_eq!(reader.read(&commits, without).await.unwrap().objects(), 1);
}
