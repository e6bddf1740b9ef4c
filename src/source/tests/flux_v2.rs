use super::*;
use crate::model::{BranchName, ConfigBranch, Remote, Severity};

fn kustomization(spec: &str) -> String {
    format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: apps, namespace: flux-system}}\nspec: \
         {{sourceRef: {{kind: GitRepository, name: flux-system}}, {spec}}}\n"
    )
}

fn files(kustomization: &str) -> [(&'static str, &str); 3] {
    [
        ("apps/prod/web.yaml", WEB),
        ("clusters/prod.yaml", kustomization),
        ("other/api.yaml", API),
    ]
}

fn applied(state: &TargetState) -> Vec<String> {
    let objects = state.objects.iter();
    objects.map(|object| object.origin.path().to_string()).collect()
}

#[tokio::test]
async fn nothing_of_a_folder_is_applied_that_flux_v2_applies_with_changes() {
    for spec in [
        "path: ./apps/prod, targetNamespace: shop",
        "path: apps, namePrefix: blue-",
        "path: /apps/prod/, patches: [{patch: x}]",
        "path: ./apps/prod, postBuild: {substitute: {a: b}}",
    ] {
        let mut commits = Commits::default();
        let text = kustomization(spec);
        let commit = commits.add(1, &files(&text));
        let state = reader(Vec::new()).read(&commits, commit).await.unwrap();
        let state = here(&state);
        assert_eq!(applied(state), ["clusters/prod.yaml", "other/api.yaml"], "{spec}");
        assert!(!state.complete && state.findings.len() == 1, "{:?}", state.findings);
        assert_eq!(state.findings[0].severity, Severity::Error);
        let message = &state.findings[0].message;
        assert!(message.contains("clusters/prod.yaml:1:1"), "{message}");
    }
}

#[tokio::test]
async fn a_folder_is_applied_that_flux_v2_applies_as_it_is_or_that_is_of_another_repository() {
    for spec in [
        "path: ./apps/prod, targetNamespace: \"\", patches: []",
        "path: ./elsewhere, targetNamespace: shop",
    ] {
        let mut commits = Commits::default();
        let text = kustomization(spec);
        let commit = commits.add(1, &files(&text));
        let state = reader(Vec::new()).read(&commits, commit).await.unwrap();
        assert_eq!(here(&state).objects.len(), 3, "{spec}");
        assert!(here(&state).complete);
    }
}

#[tokio::test]
async fn a_change_of_a_kustomization_or_of_its_folder_is_seen() {
    let mut commits = Commits {
        compares: true,
        ..Commits::default()
    };
    let (plain, changed) = (
        kustomization("path: ./apps/prod"),
        kustomization("path: ./apps/prod, targetNamespace: shop"),
    );
    let first = commits.add(1, &files(&plain));
    let second = commits.add(2, &files(&changed));
    let third = commits.add(
        3,
        &[("apps/prod/web.yaml", NEW_WEB), files(&changed)[1], files(&changed)[2]],
    );
    let mut reader = reader(Vec::new());
    for (commit, expected) in [(first, 3), (second, 2), (third, 2), (first, 3)] {
        let state = reader.read(&commits, commit).await.unwrap();
        assert_eq!(here(&state).objects.len(), expected);
    }
}

fn reader_of(url: &str, branch: &str) -> Reader {
    reader(Vec::new()).of_branch(ConfigBranch {
        remote: Remote::parse(url),
        branch: BranchName::parse(branch).unwrap(),
    })
}

fn git_repository(namespace: &str, spec: &str) -> String {
    format!(
        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {{name: flux-system{namespace}}}\nspec: \
         {{{spec}}}\n---\n"
    )
}

#[tokio::test]
async fn a_git_repository_is_compared_with_the_config_repo_and_its_branch() {
    let own = ", namespace: flux-system";
    #[rustfmt::skip]
    let rows = [
        (own, "url: \"ssh://git@github.com/acme/fleet.git\", ref: {branch: main}",                 true),
        (own, "url: \"https://github.com/acme/fleet\", ref: {branch: main}",                      true),
        (own, "url: \"git@GitHub.com:acme/fleet.git\", ref: {branch: main}",                      true),
        (own, "url: \"ssh://deploy@github.com:22/acme/fleet/\", ref: {name: refs/heads/main}",    true),
        ("",  "url: \"https://github.com/acme/fleet.git\", ref: {branch: main}",                  true),
        (own, "url: \"https://github.com/acme/fleet\", ref: {tag: v1}",                           true),
        (own, "url: \"https://github.com/acme/fleet\", ref: {branch: main, commit: 0123abc}",     true),
        (own, "url: \"oddly://fleet\", ref: {branch: main}",                                      true),
        (own, "url: \"https://github.com/acme/other\", ref: {branch: main}",                      false),
        (own, "url: \"https://git.acme.example/acme/fleet\", ref: {branch: main}",                false),
        (own, "url: \"https://github.com/acme/other\", ref: {semver: 1.x}",                       false),
        (own, "url: \"https://github.com/acme/fleet\", ref: {branch: staging}",                   false),
        (own, "url: \"https://github.com/acme/fleet\", ref: {name: refs/heads/staging, branch: main}", false),
        (own, "url: \"https://github.com/acme/fleet\"",                                           false),
        (", namespace: other", "url: \"https://github.com/acme/other\", ref: {branch: main}",     true),
    ];
    for (namespace, spec, ours) in rows {
        let mut commits = Commits::default();
        let text = git_repository(namespace, spec) + &kustomization("path: ./apps/prod, targetNamespace: shop");
        let commit = commits.add(1, &files(&text));
        let mut reader = reader_of("ssh://git@github.com/acme/fleet.git", "main");
        let state = reader.read(&commits, commit).await.unwrap();
        let state = here(&state);
        assert_eq!(state.complete, !ours, "{spec}: {:?}", state.findings);
        assert_eq!(
            applied(state).contains(&"apps/prod/web.yaml".to_owned()),
            !ours,
            "{spec}"
        );
    }
}

#[tokio::test]
async fn a_change_of_the_git_repository_is_seen() {
    let mut commits = Commits {
        compares: true,
        ..Commits::default()
    };
    let kustomization = kustomization("path: ./apps/prod, targetNamespace: shop");
    let source = |url: &str| {
        git_repository(
            ", namespace: flux-system",
            &format!("url: {url}, ref: {{branch: main}}"),
        )
    };
    let (other, ours) = (
        source("https://github.com/acme/other"),
        source("https://github.com/acme/fleet"),
    );
    let with = |source| {
        let [web, kustomization, api] = files(&kustomization);
        [web, kustomization, api, ("clusters/source.yaml", source)]
    };
    let first = commits.add(1, &with(&other));
    let second = commits.add(2, &with(&ours));
    let mut reader = reader_of("https://github.com/acme/fleet", "main");
    for (commit, complete) in [(first, true), (second, false), (first, true)] {
        let state = reader.read(&commits, commit).await.unwrap();
        assert_eq!(here(&state).complete, complete);
    }
}
