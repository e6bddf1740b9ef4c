use super::*;
use crate::model::Severity;

const PATCH_UPDATED: &str =
    "{version: 1, patchUpdated: {generators: [{command: 'kustomize build .'}], patchFile: flux-patch.yaml}}";
const COMMAND_UPDATED: &str =
    "{version: 1, commandUpdated: {generators: [{command: 'cat ./tmpl/web.yaml | envsubst > out.yaml'}]}}";

async fn read(paths: &[&str], files: &[(&str, &str)]) -> (Vec<String>, Vec<(String, Severity)>) {
    let mut commits = Commits::default();
    let commit = commits.add(1, files);
    let paths = paths.iter().map(|text| path(text)).collect();
    let state = reader(paths).read(&commits, commit).await.unwrap();
    let target = here(&state);
    let objects = target.objects.iter().map(|object| object.origin.path().to_string());
    let findings = target
        .findings
        .iter()
        .map(|finding| (finding.path.to_string(), finding.severity));
    (objects.collect(), findings.collect())
}

#[tokio::test]
async fn what_a_flux_config_names_is_no_manifest_and_what_it_generates_is_missing() {
    for (paths, files, objects, at) in [
        (
            &[][..],
            [
                (".flux.yaml", PATCH_UPDATED),
                ("flux-patch.yaml", WEB),
                ("api.yaml", API),
            ],
            &["api.yaml"][..],
            ".flux.yaml",
        ),
        (
            &[],
            [
                ("a/.flux.yaml", PATCH_UPDATED),
                ("a/prod/flux-patch.yaml", WEB),
                ("b/flux-patch.yaml", API),
            ],
            &["b/flux-patch.yaml"],
            "a/.flux.yaml",
        ),
        (
            &["a/prod"],
            [
                (".flux.yaml", PATCH_UPDATED),
                ("a/prod/flux-patch.yaml", WEB),
                ("a/prod/api.yaml", API),
            ],
            &["a/prod/api.yaml"],
            "a/prod",
        ),
        (
            &["a"],
            [
                ("a/.flux.yaml", COMMAND_UPDATED),
                ("a/tmpl/web.yaml", WEB),
                ("a/out.yaml", API),
            ],
            &[],
            "a/.flux.yaml",
        ),
        (
            &["a"],
            [("a/.flux.yaml", "kind: ["), ("a/api.yaml", API), ("a/web.yaml", WEB)],
            &["a/api.yaml", "a/web.yaml"],
            "a/.flux.yaml",
        ),
    ] {
        let (found, findings) = read(paths, &files).await;
        assert_eq!(found, objects, "{files:?}");
        assert!(findings.contains(&(at.to_owned(), Severity::Error)), "{findings:?}");
    }
}

#[tokio::test]
async fn a_flux_config_without_commands_and_one_beside_the_paths_hinder_nothing() {
    let (found, findings) = read(
        &[],
        &[(".flux.yaml", "{version: 1, scanForFiles: {}}"), ("web.yaml", WEB)],
    )
    .await;
    assert_eq!(
        (found, findings),
        (
            vec!["web.yaml".to_owned()],
            vec![(".flux.yaml".to_owned(), Severity::Notice)]
        )
    );
    let (found, findings) = read(&["a"], &[("b/.flux.yaml", PATCH_UPDATED), ("a/flux-patch.yaml", WEB)]).await;
    assert_eq!((found.len(), findings), (1, Vec::new()));
}

#[tokio::test]
async fn a_flux_config_that_comes_or_goes_is_seen_by_a_reading_of_the_changes() {
    let mut commits = Commits {
        compares: true,
        ..Commits::default()
    };
    let without = [("a/flux-patch.yaml", WEB), ("a/api.yaml", API)];
    let first = commits.add(1, &without);
    let second = commits.add(2, &[&[(".flux.yaml", PATCH_UPDATED)][..], &without].concat());
    let mut reader = reader(vec![path("a")]);
    for (commit, objects) in [(first, 2), (second, 1), (first, 2)] {
        let state = reader.read(&commits, commit).await.unwrap();
        assert_eq!(
            (here(&state).objects.len(), here(&state).complete),
            (objects, objects == 2)
        );
    }
}
