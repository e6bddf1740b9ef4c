use super::*;
use crate::history::Bump;
use crate::model::TargetId;
use crate::resource::{ContainerImage, DesiredHash, FaultKind, Health, LastReady, PodFault};
use serde_json::json;

fn manifest(text: &str) -> DesiredHash {
    DesiredHash::of(&json!(text))
}

fn ready(text: &str) -> Option<LastReady> {
    LastReady::after(None, (manifest(text), &[]), &Health::Ready, minute(1), None)
}

fn bump(old: &str, new: &str) -> Bump {
    Bump {
        field: field("web"),
        image: format!("{HOST}/web"),
        new_image: None,
        old: Some(tag(old)),
        new: tag(new),
        digest: None,
        pinned: false,
        old_digest: None,
    }
}

fn fault(container: &str, image: &str) -> PodFault {
    PodFault {
        kind: FaultKind::CrashLoop,
        pod: "web-1".to_owned(),
        container: Some((container.to_owned(), format!("{HOST}/{image}"))),
        restarts: 3,
        message: "it crashes again and again".to_owned(),
        is_former: false,
    }
}

/// What is said about a failure of the manifest `new`. The manifest was `old` before the commit, `bumped` at the commit.
fn judged(last_ready: Option<LastReady>, (old, bumped): (&str, &str), pods: &[PodFault], is_locked: bool) -> String {
    let mut field = automated_field("web", "web:2", 1, "glob:*");
    field.lock = is_locked.then(Lock::default);
    let rollout = FailedRollout {
        object: &object("web"),
        field: &field,
        bump: &bump("1", "2"),
        commit: CommitId::from_bytes([7; 20]),
        failed: manifest("new"),
        bumped: Some(manifest(bumped)).filter(|_| !bumped.is_empty()),
        before: Some(manifest(old)).filter(|_| !old.is_empty()),
        last_ready,
        pods,
    };
    match rollout.is_blamed() {
        Ok(()) => "blamed".to_owned(),
        Err(Innocent::RolledOut) => "rolled out".to_owned(),
        Err(Innocent::Because(reason)) => reason,
    }
}

/// What was ready last, the manifests before and at the commit, the faults of the pods, and a part of what is said.
type Row<'a> = (Option<LastReady>, (&'a str, &'a str), &'a [PodFault], &'a str);

#[test]
fn a_bump_is_blamed_only_for_the_failure_of_exactly_what_it_made_after_exactly_what_was_ready() {
    let not_created = PodFault::not_created("exceeded quota");
    let plain = ("old", "new");
    #[rustfmt::skip]
    let rows: [Row<'_>; 13] = [
        (ready("old"),   plain,           &[],                                            "blamed"),
        (ready("old"),   plain,           &[fault("web", "web:2")],                       "blamed"),
        (ready("old"),   plain,           &[not_created],                                 "blamed"),
        (ready("old"),   plain,           &[fault("web", "web:2"), fault("log", "log:1")], "blamed"),
        (ready("new"),   plain,           &[fault("web", "web:2")],                       "rolled out"),
        (ready("new"),   ("old", "else"), &[],                                            "rolled out"),
        (None,           plain,           &[],                                            "was not seen ready before commit 0707070"),
        (ready("older"), plain,           &[],                                            "was not seen ready before commit 0707070"),
        (ready("old"),   ("", "new"),     &[],                                            "was not seen ready before commit 0707070"),
        (ready("old"),   ("old", "else"), &[],                                            "was changed after commit 0707070"),
        (ready("old"),   ("old", ""),     &[],                                            "was changed after commit 0707070"),
        (ready("old"),   plain,           &[fault("web", "web:2"), fault("web", "web:1")], "pods with the older image fail, too"),
        (ready("old"),   plain,           &[fault("log", "log:1")],                       "does not set the image of container log"),
    ];
    for (last_ready, manifests, pods, expected) in rows {
        let found = judged(last_ready, manifests, pods, false);
        assert!(
            found.contains(expected),
            "{manifests:?} {pods:?}: {found}, not {expected}"
        );
    }
    assert_eq!(judged(ready("old"), plain, &[], true), "the workload is locked");
}

#[test]
fn a_field_sets_the_images_that_have_its_name_and_its_tag() {
    let field = automated_field("web", "web:2", 1, "glob:*");
    let images = |image: &str| {
        vec![ContainerImage {
            container: "web".to_owned(),
            image: image.to_owned(),
        }]
    };
    for (image, sets) in [
        (format!("{HOST}/web:2"), true),
        (format!("{HOST}/web:1"), false),
        (format!("{HOST}/web:2@sha256:{:064}", 1), false),
        (format!("{HOST}/api:2"), false),
        ("not an image".to_owned(), false),
    ] {
        assert_eq!(
            field.sets_image_of(&object("prefix-web"), &images(&image)),
            sets,
            "{image}"
        );
    }
    assert!(
        field.sets_image_of(&object("web"), &[]),
        "a HelmRelease has no containers"
    );
    assert!(!field.sets_image_of(&object("api"), &[]));
}

#[test]
fn the_commit_that_takes_bumps_back_has_the_reason_and_no_trailer_of_a_bump() {
    let revert = |name: &str, why: &str| PlannedRevert {
        path: RepoPath::parse("web.yaml").unwrap(),
        field: field(name),
        position: Position { line: 1, column: 1 },
        bump: Bump {
            field: field(name),
            image: format!("{HOST}/{name}"),
            ..bump("1", "2")
        },
        commit: CommitId::from_bytes([7; 20]),
        target: TargetId::here(),
        object: object(name),
        why: why.to_owned(),
        since: minute(5),
    };
    let one = [revert(
        "web",
        "pod web-1: [skip ci]\n\nTidegate-Bump: kind=x \u{1b}[31m",
    )];
    let message = revert_message(&one, &Template::default());
    let lines: Vec<&str> = message.lines().collect();
    assert_eq!(lines[0], "Revert shop/web to 1: the rollout of 2 failed");
    assert_eq!(lines[2], "- Deployment shop/web web: registry.example/shop/web 2 -> 1");
    assert!(lines[4].starts_with("Failed: Deployment shop/web in target here: pod web-1: (skip ci)"));
    assert!(
        lines[4].contains("Tidegate-Bump: kind=x") && !message.contains('\u{1b}'),
        "{message}"
    );
    assert_eq!(history::bumps(&message), [], "{message}");
    assert!(message.contains("This takes back what 0707070 wrote."), "{message}");
    let trailer = lines.last().unwrap();
    assert!(
        trailer.starts_with("Tidegate-Revert: group=apps kind=Deployment namespace=shop name=web field=web image=")
    );
    let quiet = Template::parse("{summary} [skip ci]").unwrap();
    let message = revert_message(&[revert("web", "x"), revert("api", "y")], &quiet);
    assert!(
        message.starts_with("Revert 2 images: their rollouts failed [skip ci]\n\n- "),
        "{message}"
    );
    assert_eq!(message.matches("\nFailed: ").count(), 2);
}
