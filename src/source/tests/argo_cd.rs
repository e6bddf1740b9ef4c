use super::*;
use crate::model::Severity;

const APPLICATION: &str =
    "{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: web, namespace: argocd}}";
const SET: &str = "{apiVersion: argoproj.io/v1alpha1, kind: ApplicationSet, metadata: {name: all, namespace: argocd}}";

#[tokio::test]
async fn applications_of_argo_cd_are_applied_and_one_notice_says_what_to_do() {
    let mut commits = Commits {
        compares: true,
        ..Commits::default()
    };
    let first = commits.add(1, &[("a.yaml", WEB)]);
    let second = commits.add(2, &[("a.yaml", WEB), ("b.yaml", APPLICATION), ("c.yaml", SET)]);
    let third = commits.add(3, &[("a.yaml", WEB), ("b.yaml", API), ("c.yaml", SET)]);
    let mut reader = reader(Vec::new());
    for (commit, objects, at) in [
        (first, 1, None),
        (second, 3, Some("b.yaml")),
        (third, 3, Some("c.yaml")),
    ] {
        let declared = reader.read(&commits, commit).await.unwrap();
        assert_eq!(here(&declared).objects.len(), objects);
        let notices = declared
            .findings
            .iter()
            .filter(|finding| finding.severity == Severity::Notice);
        let paths: Vec<&str> = notices.map(|finding| finding.path.as_str()).collect();
        assert_eq!(paths, at.into_iter().collect::<Vec<_>>());
        assert_eq!(here(&declared).skipped().count(), 0, "the file is read as a manifest");
    }
}
