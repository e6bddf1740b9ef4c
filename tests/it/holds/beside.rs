//! Holds of images that no applied object says: entries of overlays, patches, values files with markers.

use super::command::{holds, tidegate};
use serde_json::Value;
use tidegate::history::Bump;
use tidegate::model::{FieldId, FieldName, ObjectId, Tag};
use tidegate_stack::GitServer;
use tidegate_stack::git::{Repo, WorkCopy};

const FILES: &[(&str, &str)] = &[
    ("base/kustomization.yaml", "resources: [web.yaml, api.yaml]\n"),
    (
        "base/web.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  annotations: {tidegate.dev/automated: \"true\"}\nspec:\n  \
         template:\n    spec:\n      containers:\n      - name: main\n        image: registry.example/shop/web:0\n",
    ),
    (
        "base/api.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: api\n  annotations: {tidegate.dev/automated: \"true\"}\nspec:\n  \
         template:\n    spec:\n      containers:\n      - name: main\n        image: registry.example/shop/api:0\n",
    ),
    (
        "prod/kustomization.yaml",
        "resources: [../base]\npatches:\n- path: api.yaml\nimages:\n- name: registry.example/shop/web\n  newTag: a # by CI\n",
    ),
    (
        "prod/api.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: api}\nspec:\n  template:\n    spec:\n      containers:\n      \
         - name: main\n        image: registry.example/shop/api:a # by CI\n",
    ),
    (
        "settings/values.yaml",
        "image: registry.example/shop/job:a # tidegate.dev/image:\nother:\n  version: a # {\"$imagepolicy\": \"flux-system:mail:tag\"}\n",
    ),
    (
        "policies.yaml",
        "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImagePolicy\nmetadata: {name: mail, namespace: flux-system}\nspec: \
         {imageRepositoryRef: {name: mail}, policy: {alphabetical: {}}}\n---\napiVersion: image.toolkit.fluxcd.io/v1\nkind: \
         ImageRepository\nmetadata: {name: mail, namespace: flux-system}\nspec: {image: registry.example/shop/mail}\n",
    ),
];

/// The files with an image, and how each says its tag.
const SAID: [(&str, &str); 4] = [
    ("prod/kustomization.yaml", "newTag: {} # by CI"),
    ("prod/api.yaml", "shop/api:{} # by CI"),
    ("settings/values.yaml", "shop/job:{} #"),
    ("settings/values.yaml", "version: {} #"),
];

/// The fields as bumps name them: object, field, image.
fn fields() -> [(ObjectId, &'static str, &'static str); 4] {
    let values = || ObjectId::new("", "File", None, "settings/values.yaml");
    [
        (
            ObjectId::new("kustomize.config.k8s.io/v1beta1", "Kustomization", None, "prod"),
            "registry.example/shop/web",
            "web",
        ),
        (ObjectId::new("apps/v1", "Deployment", None, "api"), "main", "api"),
        (values(), "image", "job"),
        (values(), "other.version", "mail"),
    ]
}

struct Scene {
    bare: Repo,
    copy: WorkCopy,
}

impl Scene {
    /// Everything bumped from `a` to `b` in one commit of the agent's, as its trailers record.
    fn bumped(server: &GitServer) -> Self {
        let bare = server.create_repo("fleet").unwrap();
        bare.seed(FILES).unwrap();
        let copy = bare.work_copy().unwrap();
        let scene = Self { bare, copy };
        for (file, said) in SAID {
            scene.replace(file, &said.replace("{}", "a"), &said.replace("{}", "b"));
        }
        let tag = |text| Tag::parse(text).unwrap();
        let trailers = fields().map(|(object, field, image)| {
            let field = FieldName(field.to_owned());
            let bump = Bump {
                field: FieldId { object, field },
                image: format!("registry.example/shop/{image}"),
                new_image: None,
                old: Some(tag("a")),
                new: tag("b"),
                digest: None,
                pinned: false,
                old_digest: None,
            };
            bump.trailer()
        });
        scene
            .copy
            .commit(&format!("Bump 4 images\n\n{}\n", trailers.join("\n")))
            .unwrap();
        scene
    }

    fn replace(&self, file: &str, old: &str, new: &str) {
        let text = self.copy.read(file).unwrap();
        assert!(text.contains(old), "{file} has no {old:?}:\n{text}");
        self.copy.write(file, &text.replace(old, new)).unwrap();
    }

    async fn held(&self) -> Vec<String> {
        let held = holds(&self.copy.path().display().to_string(), &[]).await;
        let shown = |held: &Value| {
            let text = |pointer| held.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
            assert_eq!(held["rejected"], serde_json::json!(["b"]), "{held}");
            let (image, tag) = text("/image").rsplit_once(':').unwrap();
            assert_eq!(tag, "a", "the image as the file has it: {held}");
            format!(
                "{} {} {} {image}",
                text("/object/kind"),
                text("/object/name"),
                text("/field")
            )
        };
        held.as_array().unwrap().iter().map(shown).collect()
    }
}

fn all(folder: &str, values: &str) -> [String; 4] {
    [
        "Deployment api main registry.example/shop/api".to_owned(),
        format!("Kustomization {folder} registry.example/shop/web registry.example/shop/web"),
        format!("File {values} image registry.example/shop/job"),
        format!("File {values} other.version registry.example/shop/mail"),
    ]
}

#[tokio::test]
async fn what_was_taken_back_in_overlays_and_values_files_is_held_wherever_they_move() {
    let server = GitServer::start().unwrap();
    let scene = Scene::bumped(&server);
    assert_eq!(scene.held().await, Vec::<String>::new());
    let bump = scene.copy.head().unwrap();
    scene.copy.revert(&bump).unwrap();
    let mut held = scene.held().await;
    held.sort();
    let mut want = all("prod", "settings/values.yaml");
    want.sort();
    assert_eq!(held, want);

    scene.copy.git(&["mv", "prod", "live"]).unwrap();
    scene.copy.git(&["mv", "settings", "values"]).unwrap();
    scene.copy.commit("Other folders").unwrap();
    let mut held = scene.held().await;
    held.sort();
    let mut want = all("live", "values/values.yaml");
    want.sort();
    assert_eq!(held, want, "after a move");
}

#[tokio::test]
async fn one_image_of_an_overlay_or_a_values_file_is_taken_back_by_hand_and_released_in_its_file() {
    let server = GitServer::start().unwrap();
    let scene = Scene::bumped(&server);
    for (file, said) in [SAID[1], SAID[3]] {
        scene.replace(file, &said.replace("{}", "b"), &said.replace("{}", "a"));
    }
    scene.copy.commit("Back by hand").unwrap();
    scene.copy.push().unwrap();
    let names = all("prod", "settings/values.yaml");
    assert_eq!(scene.held().await, [names[0].clone(), names[3].clone()]);

    let copy = scene.copy.path().display().to_string();
    let me = "Ann <ann@acme.example>";
    let output = tidegate(&["release", "--all", "--repo", &copy, "--author", me]).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(scene.held().await, Vec::<String>::new());
    for (file, said) in SAID {
        let text = scene.bare.file_at("main", file).unwrap();
        assert!(text.contains(&said.replace("{}", "b")), "{file}:\n{text}");
    }
    assert!(
        scene
            .bare
            .file_at("main", "base/api.yaml")
            .unwrap()
            .contains("shop/api:0")
    );
}
