use super::*;
use crate::model::{Finding, Severity};
use crate::port::UnreadKind;

async fn read(files: &[(&str, &str)], unread: &[(&str, UnreadKind)]) -> (bool, Vec<Finding>) {
    let mut commits = Commits::default();
    let commit = commits.add(1, files);
    let unread = unread.iter().map(|(at, kind)| UnreadEntry {
        path: path(at),
        kind: kind.clone(),
    });
    commits.unread.insert(commit, unread.collect());
    let state = reader(vec![path("apps")]).read(&commits, commit).await.unwrap();
    (here(&state).complete, here(&state).findings.clone())
}

fn odd_name(name: &str, is_folder: bool) -> UnreadKind {
    UnreadKind::Name {
        name: name.to_owned(),
        is_folder,
    }
}

const TO_FILE: UnreadKind = UnreadKind::Link { to_file: true };
const ELSEWHERE: UnreadKind = UnreadKind::Link { to_file: false };

#[tokio::test]
async fn an_entry_that_may_hold_a_manifest_and_is_not_read_is_an_error() {
    for (at, kind) in [
        ("apps/api.yaml", TO_FILE),
        ("apps/api.json", ELSEWHERE),
        ("apps/shop", ELSEWHERE),
        ("apps/kustomization.yaml", TO_FILE),
        ("apps/Kustomization", TO_FILE),
        ("apps/lib", UnreadKind::Submodule),
        ("apps", odd_name("caf\u{fffd}.yml", false)),
        ("apps/deep", odd_name("\u{fffd}", true)),
        ("apps/api.yaml", UnreadKind::Mode("140644".to_owned())),
        ("apps/api", UnreadKind::Mode("000000".to_owned())),
    ] {
        let (complete, findings) = read(&[("apps/web.yaml", WEB)], &[(at, kind.clone())]).await;
        assert!(!complete, "{at} {kind:?}");
        let [finding] = &findings[..] else {
            panic!("{at} {kind:?}: {findings:?}")
        };
        assert_eq!((&finding.path, finding.severity), (&path(at), Severity::Error));
        assert!(finding.message.starts_with("not read: "), "{}", finding.message);
    }
}

#[tokio::test]
async fn an_entry_that_cannot_hold_a_plain_manifest_is_passed_over() {
    for (at, kind) in [
        ("apps/README.md", TO_FILE),
        ("apps/.web.yaml", TO_FILE),
        ("apps/.hidden", ELSEWHERE),
        (".github/actions/web.yaml", ELSEWHERE),
        ("apps", odd_name("caf\u{fffd}.jpg", false)),
        ("apps/chart/templates/web.yaml", TO_FILE),
        ("apps/chart/charts/common", UnreadKind::Submodule),
    ] {
        let files = [("apps/chart/Chart.yaml", "name: web"), ("apps/web.yaml", WEB)];
        let (complete, findings) = read(&files, &[(at, kind.clone())]).await;
        assert!(complete, "{at} {kind:?}: {findings:?}");
    }
}
