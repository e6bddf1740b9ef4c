use super::rendering::{names, rendering};
use super::*;
use crate::model::Severity;
use crate::port::UnitKind;

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
async fn a_suspended_kustomization_keeps_everything() {
    let text = kustomization("apps", "path: ./apps, suspend: true");
    let state = read(&[("clusters/a/apps.yaml", &text), ("apps/web.yaml", WEB)]).await;
    assert_eq!(here(&state).objects[0].intent.ignore, crate::resource::Ignore::Yes);
    assert!(!here(&state).complete);
}
