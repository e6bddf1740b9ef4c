use super::rendering::{names, rendering};
use super::*;
use crate::model::Severity;
use crate::port::UnitKind;
use crate::resource::{Ignore, MemberKey};

fn kustomization(name: &str, spec: &str) -> String {
    format!(
        "{{apiVersion: kustomize.toolkit.fluxcd.io/v1, kind: Kustomization, metadata: {{name: {name}, namespace: flux-system}}, spec: \
         {{sourceRef: {{kind: GitRepository, name: flux-system}}, prune: true, {spec}}}}}"
    )
}

async fn read(files: &[(&str, &str)]) -> Arc<DeclaredState> {
    let mut commits = Commits::default();
    let commit = commits.add(1, files);
    let (reader, _) = rendering(UnitKind::Kustomization, vec![path("clusters/a")]);
    reader.carrying_out(None).read(&commits, commit).await.unwrap()
}

#[tokio::test]
async fn what_cannot_be_honoured_is_a_finding_with_its_file_and_nothing_of_it_is_applied_or_pruned() {
    for (spec, expected) in [
        (
            "path: ./apps, kubeConfig: {secretRef: {name: x}}",
            "spec.kubeConfig is not honoured",
        ),
        (
            "path: ./apps, serviceAccountName: x",
            "spec.serviceAccountName is not honoured",
        ),
        ("path: ./nowhere", "the repository has no file below nowhere"),
        ("path: ../apps", "is no path in the repository"),
        (
            "path: ./apps, dependsOn: [{name: other}]",
            "waits for Kustomization flux-system/other, which is not declared",
        ),
        ("path: ./apps, dependsOn: [{name: apps}]", "it waits for itself"),
        ("path: ./apps, components: [../gone]", "not carried out"),
        ("path: ./apps, decryption: {provider: other}", "write sops"),
        (
            "path: ./apps, decryption: {provider: sops, serviceAccountName: keys}",
            "spec.decryption.serviceAccountName is not honoured",
        ),
        (
            "path: ./apps, postBuild: {substituteFrom: [{kind: Secrets, name: x}]}",
            "names \"Secrets\" x, and variables come from a ConfigMap or a Secret",
        ),
        (
            "path: ./apps, postBuild: {substituteFrom: [{kind: Secret, name: x}]}",
            "there is no cluster to read Secret flux-system/x from",
        ),
        ("path: [1]", "its spec cannot be read"),
    ] {
        let text = kustomization("apps", spec);
        let state = read(&[("clusters/a/apps.yaml", &text), ("apps/web.yaml", WEB)]).await;
        assert!(!here(&state).complete, "{spec}");
        assert_eq!(names(&state), Vec::<&str>::new(), "{spec}");
        let said: Vec<String> = state.findings.iter().map(ToString::to_string).collect();
        let is_said = |said: &String| said.starts_with("clusters/a/apps.yaml:1") && said.contains(expected);
        assert!(said.iter().any(is_said), "{spec}: {said:?}");
    }
}

#[tokio::test]
async fn folders_are_rendered_once_in_whatever_way_kustomizations_declare_others() {
    let root = kustomization("flux-system", "path: ./clusters/a");
    let (apps, more) = (
        kustomization("apps", "path: ./apps"),
        kustomization("more", "path: apps/inner, healthCheckExprs: [x]"),
    );
    let state = read(&[
        ("clusters/a/sync.yaml", &root),
        ("clusters/a/apps.yaml", &apps),
        ("clusters/a/map.yaml", API),
        ("clusters/b/apps.yaml", &more),
        ("apps/web.yaml", WEB),
    ])
    .await;
    // The stand-in for kustomize makes one object of each unit, and so declares no other Kustomization.
    assert_eq!(names(&state), ["of-4 clusters/a"]);
    assert!(here(&state).complete, "{:?}", state.findings);

    let state = read(&[("clusters/a/more.yaml", &more), ("apps/inner/web.yaml", WEB)]).await;
    assert_eq!(names(&state), ["of-2 apps/inner"]);
    let [warning] = &*state.findings else {
        panic!("{:?}", state.findings)
    };
    assert_eq!(warning.severity, Severity::Warning);
    assert!(warning.message.contains("spec.healthCheckExprs is not honoured"));
    assert!(here(&state).complete);
}

#[tokio::test]
async fn what_changes_nothing_that_is_applied_is_a_warning_and_the_rest_is_carried_out() {
    for (spec, expected) in [
        ("healthCheckExprs: [x]", "spec.healthCheckExprs is not honoured"),
        ("unheardOf: 1", "spec.unheardOf is not honoured"),
        (
            "postBuild: {substitude: {a: b}}",
            "spec.postBuild: substitude is not honoured",
        ),
        (
            "healthChecks: [{kind: Deployment, name: web, inNamespace: a}]",
            "spec.healthChecks: inNamespace is not honoured",
        ),
        (
            "commonMetadata: {finalizers: [x]}",
            "spec.commonMetadata: finalizers is not honoured",
        ),
        ("deletionPolicy: Orphan", "spec.deletionPolicy: Orphan is not honoured"),
    ] {
        let text = kustomization("apps", &format!("path: ./apps, {spec}"));
        let state = read(&[("clusters/a/apps.yaml", &text), ("apps/web.yaml", WEB)]).await;
        let [warning] = &*state.findings else {
            panic!("{spec}: {:?}", state.findings)
        };
        assert_eq!(warning.severity, Severity::Warning, "{spec}");
        assert!(warning.message.contains(expected), "{spec}: {warning}");
        assert_eq!(names(&state), ["of-2 apps"], "{spec}");
        assert!(here(&state).complete, "{spec}");
    }
}

#[tokio::test]
async fn a_suspended_kustomization_keeps_its_own_objects_alone() {
    let text = kustomization("apps", "path: ./apps, suspend: true");
    let other = kustomization("other", "path: ./other");
    let state = read(&[
        ("clusters/a/apps.yaml", &text),
        ("clusters/a/other.yaml", &other),
        ("apps/web.yaml", WEB),
        ("other/api.yaml", API),
    ])
    .await;
    let state = here(&state);
    let ignored = state.objects.iter().map(|object| object.intent.ignore == Ignore::Yes);
    assert_eq!(ignored.collect::<Vec<_>>(), [true, false]);
    assert!(state.complete, "{:?}", state.findings);
    let holds = |name| state.suspended.holds(Some(MemberKey::of_kustomization(name)));
    assert!(holds("flux-system/apps") && !holds("flux-system/other"));
}

#[tokio::test]
async fn two_kustomizations_with_one_name_are_not_taken_for_one() {
    let text = kustomization("apps", "path: ./apps");
    let mut commits = Commits::default();
    let commit = commits.add(
        1,
        &[
            ("clusters/a/apps.yaml", &text),
            ("clusters/b/apps.yaml", &text),
            ("apps/web.yaml", WEB),
        ],
    );
    let (reader, _) = rendering(UnitKind::Kustomization, vec![path("clusters")]);
    let state = reader.carrying_out(None).read(&commits, commit).await.unwrap();
    assert!(!here(&state).complete);
    let said: Vec<String> = state.findings.iter().map(ToString::to_string).collect();
    let is_said =
        |said: &String| said.starts_with("clusters/b/apps.yaml:1") && said.contains("clusters/a/apps.yaml declares");
    assert!(said.iter().any(is_said), "{said:?}");
}
