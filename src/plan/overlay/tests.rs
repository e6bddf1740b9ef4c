mod names;
mod shapes;

use super::*;
use crate::manifest::{Reading, read};
use crate::model::RepoPath;

const WEB: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: web, annotations: {tidegate.dev/automated: \"true\"}}
spec: {template: {spec: {containers: [{name: web, image: web:1}]}}}
";

/// The fields that are bumped: file, field and image.
pub(super) fn found(files: &[(&str, &str)]) -> Vec<String> {
    let readings: Vec<(RepoPath, Reading)> = files
        .iter()
        .map(|(path, text)| {
            let path = RepoPath::parse(path).unwrap();
            let reading = read(&path, text.as_bytes());
            (path, reading)
        })
        .collect();
    let mut fields: Vec<String> = overlay_fields(&OverlayIndex::of(
        readings.iter().map(|(path, reading)| (path, reading)),
    ))
    .automated
    .iter()
    .map(|field| match &field.policy {
        Ok(_) if field.lock.is_some() => {
            let reason = field.lock.as_ref().and_then(|lock| lock.reason.clone());
            format!("{} locked: {}", field.path, reason.unwrap_or_default())
        }
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
            "resources: [../base]\nimages: [{name: web, newTag: v3}]\n",
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
    let ways = [
        ("patches: [{path: patch.yaml, target: {kind: StatefulSet}}]", PATCH),
        ("patches: [{path: patch.yaml, target: {name: api}}]", PATCH),
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

const SHARED: &str = "resources: [../base]\nimages: [{name: web, newTag: v9}]\n";

/// A second workload with the same image.
fn second(annotations: &str) -> String {
    WEB.replace(
        "name: web, annotations: {tidegate.dev/automated: \"true\"}",
        &format!("name: other, annotations: {{{annotations}}}"),
    )
}

fn shared(annotations: &str) -> Vec<String> {
    found(&[
        ("base/web.yaml", WEB),
        ("base/other.yaml", &second(annotations)),
        ("base/kustomization.yaml", "resources: [web.yaml, other.yaml]\n"),
        ("prod/kustomization.yaml", SHARED),
    ])
}

#[test]
fn everybody_whom_a_new_tag_would_move_is_asked() {
    let automated = "tidegate.dev/automated: \"true\"";
    assert_eq!(shared(automated), ["prod/kustomization.yaml web web:v9"]);
    for annotations in [
        "tidegate.dev/locked: \"true\"",
        &format!("{automated}, fluxcd.io/locked: \"true\""),
    ] {
        let fields = shared(annotations);
        assert_eq!(
            fields,
            ["prod/kustomization.yaml locked: the tag is also that of Deployment other, which is locked"]
        );
    }
    let fields = shared(&format!("{automated}, tidegate.dev/policy: semver:~1"));
    assert!(
        fields.len() == 1 && fields[0].contains("different policies"),
        "{fields:?}"
    );
    for annotations in [
        "",
        "tidegate.dev/policy: semver:~1",
        "tidegate.dev/automated: \"false\"",
    ] {
        let fields = shared(annotations);
        let is = fields[0].contains("a new tag here would also change Deployment other, which is not automated");
        assert!(fields.len() == 1 && is, "{annotations}: {fields:?}");
    }
}

#[test]
fn a_lock_that_an_overlay_adds_counts_where_the_overlay_gets_its_tag() {
    let lock = "resources: [../base]\ncommonAnnotations: {tidegate.dev/locked: \"true\", tidegate.dev/locked-reason: frozen}\n";
    let fields = found(&[
        ("base/web.yaml", WEB),
        BASE,
        ("dev/kustomization.yaml", "resources: [../base]\n"),
        ("prod/kustomization.yaml", lock),
        (
            "beside/kustomization.yaml",
            &format!("{lock}images: [{{name: web, newTag: v9}}]\n"),
        ),
    ]);
    assert_eq!(
        fields,
        [
            "base/web.yaml locked: frozen",
            "beside/kustomization.yaml locked: frozen"
        ]
    );
}

#[test]
fn an_inline_patch_in_one_overlay_does_not_stop_the_others() {
    let indented = PATCH.replace('\n', "\n    ");
    let fields = found(&[
        ("base/web.yaml", WEB),
        BASE,
        ("dev/kustomization.yaml", "resources: [../base]\n"),
        (
            "prod/kustomization.yaml",
            &format!("resources: [../base]\npatches:\n- patch: |\n    {indented}\n"),
        ),
    ]);
    assert_eq!(fields.len(), 2, "{fields:?}");
    assert_eq!(fields[0], "base/web.yaml web web:1");
    assert!(fields[1].starts_with("prod/kustomization.yaml prod/kustomization.yaml:3:3: the patch here sets"));
}

#[test]
fn an_entry_of_images_takes_a_tag_that_operations_set() {
    let operation = "- {op: replace, path: /spec/template/spec/containers/0/image, value: r.example/web:7}\n";
    let fields = found(&[
        ("base/web.yaml", WEB),
        BASE,
        ("prod/ops.yaml", operation),
        (
            "prod/kustomization.yaml",
            "resources: [../base]\npatches: [{path: ops.yaml, target: {kind: Deployment}}]\nimages: [{name: r.example/web, newTag: v9}]\n",
        ),
    ]);
    assert_eq!(fields, ["prod/kustomization.yaml r.example/web r.example/web:v9"]);
}

#[test]
fn a_tag_that_gets_a_suffix_is_not_written() {
    let fields = found(&[
        ("base/web.yaml", WEB),
        BASE,
        (
            "prod/kustomization.yaml",
            "resources: [../base]\nimages: [{name: web, tagSuffix: -alpine}]\n",
        ),
    ]);
    assert!(
        fields.len() == 1 && fields[0].contains("appends the tagSuffix \"-alpine\""),
        "{fields:?}"
    );
}

#[test]
fn a_suffix_does_not_count_for_a_digest_which_it_removes() {
    let digest = format!("sha256:{}", "b".repeat(64));
    let inner = format!("resources: [../base]\nimages: [{{name: web, digest: \"{digest}\"}}]\n");
    let suffixed = "resources: [../inner]\nimages: [{name: web, newName: r.example/web, tagSuffix: -alpine}]\n";
    let fields = found(&[
        ("base/web.yaml", WEB),
        BASE,
        ("inner/kustomization.yaml", &inner),
        ("dev/kustomization.yaml", "resources: [../inner]\n"),
        ("prod/kustomization.yaml", suffixed),
    ]);
    assert_eq!(fields.len(), 2, "{fields:?}");
    assert_eq!(fields[0], format!("inner/kustomization.yaml web web@{digest}"));
    let is_said = fields[1].contains("prod/kustomization.yaml:2:10: the tagSuffix \"-alpine\" is the whole tag");
    assert!(is_said, "{fields:?}");
    let pinned = WEB.replace("web:1", &format!("web@{digest}"));
    let fields = found(&[
        ("base/web.yaml", &pinned),
        BASE,
        ("dev/kustomization.yaml", "resources: [../base]\n"),
        ("prod/kustomization.yaml", &suffixed.replace("inner", "base")),
    ]);
    // An edit gives the image a tag, and then the suffix has something to be appended to.
    assert!(
        fields.len() == 1 && fields[0].contains("appends the tagSuffix"),
        "{fields:?}"
    );
}

#[test]
fn a_patch_that_is_not_read_stops_what_it_may_be_for() {
    for patch in ["https://git.example/patch.yaml", "gone.yaml"] {
        let kustomization = format!("resources: [../base]\npatches: [{{path: \"{patch}\", target: {{name: web}}}}]\n");
        let fields = found(&[
            ("base/web.yaml", WEB),
            BASE,
            ("prod/kustomization.yaml", &kustomization),
        ]);
        assert!(fields.len() == 1 && fields[0].contains("is not read"), "{fields:?}");
    }
}

#[test]
fn what_is_not_evaluated_stops_the_objects_that_it_may_change() {
    let of = |replacement: &str| {
        found(&[
            ("base/web.yaml", WEB),
            BASE,
            (
                "prod/kustomization.yaml",
                &format!("resources: [../base]\n{replacement}\n"),
            ),
        ])
    };
    let image = "replacements: [{source: {kind: ConfigMap, fieldPath: data.tag}, targets: [{select: {kind: Deployment}, \
                 fieldPaths: [\"spec.template.spec.containers.[name=web].image\"]}]}]";
    let fields = of(image);
    assert!(
        fields.len() == 1 && fields[0].contains("replacements may change the image"),
        "{fields:?}"
    );
    for other in [
        image.replace("kind: Deployment", "kind: Job"),
        image.replace("[name=web].image", "[name=web].env.[name=A].value"),
    ] {
        assert_eq!(of(&other), ["base/web.yaml web web:1"]);
    }
    assert!(of("transformers: [prefix.yaml]")[0].contains("transformers may change the image"));
}

#[test]
fn the_image_of_a_job_is_not_bumped_unless_the_job_is_recreated() {
    let job = WEB.replace("apps/v1", "batch/v1").replace("Deployment", "Job");
    let with = |job: &str| {
        found(&[
            ("app/job.yaml", job),
            ("app/kustomization.yaml", "resources: [job.yaml]\n"),
        ])
    };
    let fields = with(&job);
    assert!(
        fields.len() == 1 && fields[0].contains("the template of a Job cannot change"),
        "{fields:?}"
    );
    let recreated = job.replace("annotations: {", "annotations: {tidegate.dev/recreate: \"true\", ");
    assert_eq!(with(&recreated), ["app/job.yaml web web:1"]);
}

#[test]
fn a_tag_with_two_names_must_exist_under_both() {
    let overlay = |name: &str| format!("resources: [../base]\nimages: [{{name: web, newName: {name}}}]\n");
    let readings: Vec<(RepoPath, Reading)> = [
        ("base/web.yaml", WEB.to_owned()),
        ("base/kustomization.yaml", BASE.1.to_owned()),
        ("eu/kustomization.yaml", overlay("eu.example/web")),
        ("us/kustomization.yaml", overlay("us.example/web")),
    ]
    .into_iter()
    .map(|(path, text)| {
        let path = RepoPath::parse(path).unwrap();
        let reading = read(&path, text.as_bytes());
        (path, reading)
    })
    .collect();
    let fields = overlay_fields(&OverlayIndex::of(
        readings.iter().map(|(path, reading)| (path, reading)),
    ))
    .automated;
    let names = |field: &crate::plan::AutomatedField| -> Vec<String> {
        field.repositories().iter().map(ToString::to_string).collect()
    };
    assert_eq!(fields.len(), 1);
    assert_eq!(names(&fields[0]), ["eu.example/web", "us.example/web"]);
}
