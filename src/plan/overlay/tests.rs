use super::*;
use crate::manifest::{Reading, read};
use crate::model::RepoPath;
use crate::plan::automated;
use std::collections::BTreeMap;

const WEB: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: web, annotations: {tidegate.dev/automated: \"true\"}}
spec: {template: {spec: {containers: [{name: web, image: web:1}]}}}
";

/// The fields that are bumped: file, field and image.
fn found(files: &[(&str, &str)]) -> Vec<String> {
    let readings: Vec<(RepoPath, Reading)> = files
        .iter()
        .map(|(path, text)| {
            let path = RepoPath::parse(path).unwrap();
            let reading = read(&path, text.as_bytes());
            (path, reading)
        })
        .collect();
    let overlays = readings.iter().filter_map(|(path, reading)| {
        Some(Overlay {
            path,
            kustomization: reading.kustomization.as_ref()?,
            document: reading.values.first()?,
        })
    });
    let mut index = OverlayIndex {
        overlays: overlays.collect(),
        objects: BTreeMap::new(),
        operations: readings
            .iter()
            .map(|(path, reading)| (path, &*reading.operations))
            .collect(),
    };
    for (path, reading) in &readings {
        index.add(path, &reading.documents);
    }
    let fields = readings.iter().flat_map(|(path, reading)| {
        let documents = reading.documents.iter();
        documents
            .flat_map(|document| automated(path, document))
            .collect::<Vec<_>>()
    });
    let mut fields: Vec<String> = through_overlays(fields.collect(), &index)
        .iter()
        .map(|field| match &field.policy {
            Ok(_) => format!("{} {} {}", field.path, field.field.field, field.image),
            Err(reason) => format!("{} {reason}", field.path),
        })
        .collect();
    fields.sort();
    fields
}

#[test]
fn an_image_is_bumped_in_the_overlay_that_sets_it() {
    let files = [
        ("base/web.yaml", WEB),
        ("base/kustomization.yaml", "resources: [web.yaml]\n"),
        (
            "prod/kustomization.yaml",
            "resources: [../base]\nimages: [{name: web, newName: r.example/web, newTag: \"3\"}]\n",
        ),
    ];
    assert_eq!(found(&files), ["prod/kustomization.yaml web r.example/web:3"]);
}

#[test]
fn every_way_to_a_cluster_has_its_own_position() {
    let files = [
        ("base/web.yaml", WEB),
        ("base/kustomization.yaml", "resources: [./web.yaml]\n"),
        ("dev/kustomization.yaml", "bases: [../base/]\n"),
        (
            "prod/kustomization.yaml",
            "resources: [../base, https://git.example/more]\nimages: [{name: web, newTag: v3}]\n",
        ),
        (
            "prod-b/kustomization.yaml",
            "resources: [../prod]\nimages: [{name: web, newName: r.example/web}, {name: r.example/web, newTag: v4}]\n",
        ),
    ];
    let fields = found(&files);
    assert_eq!(
        fields,
        [
            "base/web.yaml web web:1",
            "prod-b/kustomization.yaml r.example/web r.example/web:v4"
        ]
    );
}

#[test]
fn an_entry_without_a_tag_leaves_the_tag_to_the_base_and_names_the_image() {
    let files = [
        ("app/web.yaml", WEB),
        (
            "app/kustomization.yaml",
            "resources: [web.yaml]\nimages: [{name: web, newName: r.example/web}]\n",
        ),
    ];
    assert_eq!(found(&files), ["app/web.yaml web r.example/web:1"]);
}

#[test]
fn a_components_entry_counts_and_the_kustomizations_own_comes_after() {
    let component = (
        "tags/kustomization.yaml",
        "kind: Component\nimages: [{name: web, newTag: v5}]\n",
    );
    let app = "resources: [web.yaml]\ncomponents: [../tags]\n";
    let files = [("app/web.yaml", WEB), component, ("app/kustomization.yaml", app)];
    assert_eq!(found(&files), ["tags/kustomization.yaml web web:v5"]);
    let app = format!("{app}images: [{{name: web, newTag: v6}}]\n");
    let files = [("app/web.yaml", WEB), component, ("app/kustomization.yaml", &*app)];
    assert_eq!(found(&files), ["app/kustomization.yaml web web:v6"]);
}

#[test]
fn patches_are_nobodys_and_circles_end() {
    let files = [
        ("app/patch.yaml", WEB),
        (
            "app/kustomization.yaml",
            "resources: [../other]\npatches: [{path: patch.yaml}]\n",
        ),
        ("other/kustomization.yaml", "resources: [../app, web.yaml]\n"),
        ("other/web.yaml", WEB),
    ];
    assert_eq!(found(&files), [""; 0]);
}

#[test]
fn one_object_in_two_files_is_bumped_in_both() {
    let files = [
        ("dev/web.yaml", WEB),
        ("dev/kustomization.yaml", "resources: [web.yaml]\n"),
        ("prod/web.yaml", WEB),
        ("prod/kustomization.yaml", "resources: [web.yaml]\n"),
    ];
    assert_eq!(found(&files), ["dev/web.yaml web web:1", "prod/web.yaml web web:1"]);
}

const BASE: (&str, &str) = ("base/kustomization.yaml", "resources: [web.yaml]\n");
const PATCH: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {template: {spec: {containers: [{name: web, image: r.example/web:7}]}}}
";

#[test]
fn an_image_is_bumped_in_the_patch_that_sets_it() {
    let ways = [
        "resources: [../base]\npatches: [{path: patch.yaml}]\n",
        "resources: [../base]\npatches: [{path: patch.yaml, target: {kind: Deployment, name: w.*}}]\n",
        "resources: [../base]\npatchesStrategicMerge: [patch.yaml]\n",
    ];
    for way in ways {
        let files = [
            ("base/web.yaml", WEB),
            BASE,
            ("prod/kustomization.yaml", way),
            ("prod/patch.yaml", PATCH),
        ];
        assert_eq!(found(&files), ["prod/patch.yaml web r.example/web:7"], "{way}");
    }
}

#[test]
fn an_entry_comes_after_the_patches_of_its_kustomization_and_before_those_above_it() {
    let entry = "resources: [../base]\npatches: [{path: patch.yaml}]\nimages: [{name: r.example/web, newTag: v9}]\n";
    let mut files = vec![
        ("base/web.yaml", WEB),
        BASE,
        ("prod/kustomization.yaml", entry),
        ("prod/patch.yaml", PATCH),
    ];
    assert_eq!(
        found(&files),
        ["prod/kustomization.yaml r.example/web r.example/web:v9"]
    );
    files.push((
        "top/kustomization.yaml",
        "resources: [../prod]\npatches: [{path: patch.yaml}]\n",
    ));
    files.push(("top/patch.yaml", PATCH));
    assert_eq!(found(&files), ["top/patch.yaml web r.example/web:7"]);
}

#[test]
fn a_patch_of_something_else_changes_nothing() {
    let other = PATCH.replace("name: web, image", "name: side, image");
    let ways = [
        ("patches: [{path: patch.yaml, target: {kind: StatefulSet}}]", PATCH),
        ("patches: [{path: patch.yaml, target: {name: api}}]", PATCH),
        ("patches: [{path: patch.yaml}]", &other),
        (
            "patches: [{path: patch.yaml}]",
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 3}\n",
        ),
        (
            "patches: [{path: patch.yaml, target: {kind: Deployment}}]",
            "- {op: replace, path: /spec/replicas, value: 3}\n",
        ),
        (
            "patches: [{path: patch.yaml, target: {kind: Deployment}}]",
            "- {op: replace, path: /spec/template/spec/containers/4/image, value: x}\n",
        ),
        (
            "patches: [{path: https://git.example/patch.yaml}, {path: gone.yaml}]",
            "",
        ),
    ];
    for (way, patch) in ways {
        let kustomization = format!("resources: [../base]\n{way}\n");
        let files = [
            ("base/web.yaml", WEB),
            BASE,
            ("prod/kustomization.yaml", &*kustomization),
            ("prod/patch.yaml", patch),
        ];
        assert_eq!(found(&files), ["base/web.yaml web web:1"], "{way}");
    }
}

#[test]
fn a_patch_that_cannot_be_followed_is_reported_with_its_position() {
    let operation = "- {op: replace, path: /spec/template/spec/containers/0/image, value: r.example/web:7}";
    let indented = PATCH.replace('\n', "\n    ");
    let ways = [
        (
            format!("patches:\n- patch: |\n    {indented}\n"),
            "prod/kustomization.yaml:3:3: the patch here sets",
        ),
        (
            format!("patches:\n- target: {{kind: Deployment}}\n  patch: |\n    {operation}\n"),
            "prod/kustomization.yaml:3:3: the patch here sets",
        ),
        (
            "patches: [{path: ops.yaml, target: {kind: Deployment, name: web}}]\n".to_owned(),
            "prod/kustomization.yaml:2:11: prod/ops.yaml sets the image by a JSON pointer",
        ),
        (
            "patchesJson6902: [{path: ops.yaml, target: {version: v1, kind: Deployment, name: web}}]\n".to_owned(),
            "prod/kustomization.yaml:2:19: prod/ops.yaml sets the image by a JSON pointer",
        ),
    ];
    for (way, expected) in ways {
        let kustomization = format!("resources: [../base]\n{way}");
        let files = [
            ("base/web.yaml", WEB),
            BASE,
            ("prod/kustomization.yaml", &*kustomization),
            ("prod/ops.yaml", operation),
        ];
        let fields = found(&files);
        assert!(fields.len() == 1 && fields[0].contains(expected), "{way}: {fields:?}");
    }
}

#[test]
fn a_release_is_bumped_in_the_patch_that_says_its_image_whole_and_never_by_images() {
    let release = "apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: web, annotations: {tidegate.dev/automated: \"true\"}}
spec: {values: {image: {repository: r.example/web, tag: \"1\"}}}
";
    let part = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web}\nspec: {values: {image: {tag: \"2\"}}}\n";
    let whole = part.replace("tag:", "repository: r.example/web, tag:");
    let images = "resources: [../base]\nimages: [{name: r.example/web, newTag: v9}]\n";
    let patches = "resources: [../base]\npatches: [{path: patch.yaml}]\n";
    let with = |kustomization: &str, patch: &str| {
        found(&[
            ("base/web.yaml", release),
            BASE,
            ("prod/kustomization.yaml", kustomization),
            ("prod/patch.yaml", patch),
        ])
    };
    assert_eq!(with(images, ""), ["base/web.yaml chart-image r.example/web:1"]);
    assert_eq!(with(patches, &whole), ["prod/patch.yaml chart-image r.example/web:2"]);
    let fields = with(patches, part);
    assert!(
        fields[0].contains("prod/patch.yaml sets a part of the image, which is not followed"),
        "{fields:?}"
    );
}
