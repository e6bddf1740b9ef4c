//! Deletions of what was rendered, when the folder is no longer what it was.

use super::fake::{Fake, commit, maps, pass};
use crate::model::RepoPath;
use crate::port::TargetState;
use crate::resource::{Object, Origin};
use crate::sync::Approval;
use std::sync::Arc;

fn path(text: &str) -> RepoPath {
    RepoPath::parse(text).unwrap()
}

/// The state with its objects rendered from a folder, and these folders as units.
fn rendered(mut state: TargetState, folder: Option<&str>, units: &[&str]) -> Arc<TargetState> {
    state.units = units.iter().map(|unit| path(unit)).collect();
    for object in &mut state.objects {
        let origin = match (folder, &object.origin) {
            (Some(folder), _) => Origin::Rendered { folder: path(folder) },
            (None, Origin::File { path: file, position }) => Origin::File {
                path: path(&format!("prod/{file}")),
                position: *position,
            },
            (None, other) => other.clone(),
        };
        *object = Arc::new(Object {
            origin,
            ..Object::clone(object)
        });
    }
    Arc::new(state)
}

#[tokio::test(start_paused = true)]
async fn what_a_folder_rendered_that_became_a_base_or_plain_manifests_waits_for_a_person() {
    let (all, fewer) = (maps(&["a", "b", "c", "d", "e", "f"]), maps(&["a", "b", "c", "d", "e"]));
    for (name, folder, units, waits) in [
        ("the kustomization renders less", Some("prod"), &["prod"][..], false),
        (
            "the folder became a base",
            Some("overlay"),
            &["overlay", "prod", "prod"],
            true,
        ),
        ("a kustomization came above it", Some(""), &["", "prod", "prod"], true),
        ("the kustomization went, and its parts stay", None, &[], true),
        ("the folder moved", Some("other"), &["other"], false),
    ] {
        let fake = Fake::new();
        let mut syncer = fake.syncer();
        let first = rendered(commit(1, &all), Some("prod"), &["prod"]);
        syncer.note_state(&first);
        pass(&mut syncer, &first).await;
        fake.deliver();
        let second = rendered(commit(2, &fewer), folder, units);
        syncer.note_state(&second);
        let preview = syncer.preview(&second, Approval::default()).await.unwrap();
        assert_eq!(preview.waiting.is_some(), waits, "{name}");
        let report = pass(&mut syncer, &second).await;
        assert_eq!(report.waiting.is_some(), waits, "{name}");
    }
}
