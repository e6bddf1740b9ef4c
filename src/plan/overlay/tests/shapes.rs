//! Shapes that the comparison with `kustomize build` found, or that it cannot generate.

use super::{BASE, WEB, found};

/// What is found with an overlay `prod` on a base with one workload.
fn prod(workload: &str, kustomization: &str, more: &[(&str, &str)]) -> Vec<String> {
    let mut files = vec![
        ("base/web.yaml", workload),
        BASE,
        ("prod/kustomization.yaml", kustomization),
    ];
    files.extend(more);
    found(&files)
}

fn is_one_with(fields: &[String], text: &str) {
    assert!(fields.len() == 1 && fields[0].contains(text), "{text}: {fields:?}");
}

/// A Service of Knative. It has containers, and its kind has the name of another kind that has none.
const KNATIVE: &str = "apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: fn, annotations: {tidegate.dev/automated: \"true\"}}
spec: {template: {spec: {containers: [{image: web:1}]}}}
";

#[test]
fn a_kind_of_another_group_may_have_images_although_a_kind_of_that_name_has_none() {
    let overlay = "resources: [../base]\nimages: [{name: web, newTag: v9}]\n";
    assert_eq!(
        prod(KNATIVE, "resources: [../base]\n", &[]),
        ["base/web.yaml containers[0] web:1"]
    );
    assert_eq!(prod(KNATIVE, overlay, &[]), ["prod/kustomization.yaml web web:v9"]);
    let locked = KNATIVE.replace("automated", "locked");
    let more = [
        ("more/fn.yaml", &*locked),
        ("more/kustomization.yaml", "resources: [fn.yaml]\n"),
    ];
    let both = "resources: [../base, ../more]\nimages: [{name: web, newTag: v9}]\n";
    is_one_with(
        &prod(WEB, both, &more),
        "locked: the tag is also that of Service.serving.knative.dev fn",
    );
}

#[test]
fn a_patch_that_names_another_kind_than_its_target_has_is_never_passed_over() {
    let cron = WEB
        .replace("apps/v1", "batch/v1")
        .replace("Deployment", "CronJob")
        .replace(
            "{template: {spec: {containers: [{name: web, image: web:1}]}}}",
            "{jobTemplate: {spec: {template: {spec: {containers: [{name: web, image: web:1}]}}}}}",
        );
    let patch = "apiVersion: batch/v1
kind: Any
metadata: {name: any}
spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: web, image: web:2}]}}}}}
";
    let overlay = "resources: [../base]\npatches: [{path: patch.yaml, target: {kind: CronJob}}]\n";
    let fields = prod(&cron, overlay, &[("prod/patch.yaml", patch)]);
    is_one_with(
        &fields,
        "prod/patch.yaml sets the image where an object of the kind that is written there has none",
    );
    let indented = patch.replace('\n', "\n    ");
    let inline = format!("resources: [../base]\npatches:\n- target: {{kind: CronJob}}\n  patch: |\n    {indented}\n");
    is_one_with(
        &prod(&cron, &inline, &[]),
        "a patch inside a kustomization is not edited",
    );
}

#[test]
fn lists_of_a_version_that_kustomize_does_not_know_are_replaced() {
    let beta = WEB.replace("apps/v1", "apps/v1beta1").replace(
        "[{name: web, image: web:1}]",
        "[{name: web, image: web:1}, {name: side, image: side:1}]",
    );
    let patch = "apiVersion: apps/v1beta1
kind: Deployment
metadata: {name: web}
spec: {template: {spec: {containers: [{name: web, image: web:2}]}}}
";
    let overlay = "resources: [../base]\npatches: [{path: patch.yaml}]\n";
    assert_eq!(
        prod(&beta, overlay, &[("prod/patch.yaml", patch)]),
        ["prod/patch.yaml web web:2"]
    );
    let (known, patch) = (beta.replace("v1beta1", "v1"), patch.replace("v1beta1", "v1"));
    assert_eq!(
        prod(&known, overlay, &[("prod/patch.yaml", &patch)]),
        ["base/web.yaml side side:1", "prod/patch.yaml web web:2"]
    );
}

#[test]
fn a_tag_that_may_also_be_that_of_objects_which_are_not_read_is_left_to_markers() {
    let entry = "images: [{name: web, newTag: v9}]\n";
    let others = [
        (
            "resources: [../base, \"https://git.example/more?ref=v1\"]\n",
            "https://git.example/more?ref=v1",
        ),
        (
            "resources: [../base, gone.yaml]\n",
            "gone.yaml (prod/kustomization.yaml)",
        ),
        (
            "resources: [../base]\ncomponents: [../gone]\n",
            "../gone (prod/kustomization.yaml)",
        ),
        (
            "resources: [../base]\nhelmCharts: [{name: chart, repo: https://charts.example}]\n",
            "the helmCharts of prod/kustomization.yaml:2:13",
        ),
        (
            "resources: [../base]\ngenerators: [generator.yaml]\n",
            "the generators of prod/kustomization.yaml:2:13",
        ),
    ];
    for (parts, what) in others {
        let fields = prod(WEB, &format!("{parts}{entry}"), &[]);
        is_one_with(&fields, &format!("a new tag here may also change objects of {what}"));
        // A tag of the workload's own is the workload's.
        assert_eq!(prod(WEB, parts, &[]), ["base/web.yaml web web:1"], "{parts}");
        // So is an entry below them.
        let more = [("top/kustomization.yaml", &*parts.replace("../base", "../prod"))];
        let fields = prod(WEB, &format!("resources: [../base]\n{entry}"), &more);
        assert_eq!(fields, ["prod/kustomization.yaml web web:v9"], "{parts}");
    }
}

#[test]
fn an_object_that_kustomize_leaves_out_is_not_bumped() {
    let local = WEB.replace(
        "annotations: {",
        "annotations: {config.kubernetes.io/local-config: \"true\", ",
    );
    assert_eq!(prod(&local, "resources: [../base]\n", &[]), [""; 0]);
    let kept = local.replace("local-config: \"true\"", "local-config: \"false\"");
    assert_eq!(prod(&kept, "resources: [../base]\n", &[]), ["base/web.yaml web web:1"]);
}

#[test]
fn a_schema_of_ones_own_stops_what_patches_were_merged_into() {
    let patch = (
        "prod/patch.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {template: {spec: {containers: [{name: web, args: [run]}]}}}\n",
    );
    let patched = "resources: [../base]\npatches: [{path: patch.yaml}]\n";
    assert_eq!(prod(WEB, patched, &[patch]), ["base/web.yaml web web:1"]);
    let schema = "openapi: {path: schema.json}\n";
    assert_eq!(
        prod(WEB, &format!("resources: [../base]\n{schema}"), &[]),
        ["base/web.yaml web web:1"]
    );
    is_one_with(
        &prod(WEB, &format!("{patched}{schema}"), &[patch]),
        "prod/kustomization.yaml:3:17: openapi may change",
    );
    let top = (
        "top/kustomization.yaml",
        "resources: [../prod]\nopenapi: {path: schema.json}\n",
    );
    let fields = prod(WEB, patched, &[patch, top]);
    is_one_with(&fields, "top/kustomization.yaml:2:17: openapi may change");
}

#[test]
fn a_configuration_works_on_all_kustomizations_above() {
    let more = [
        (
            "more/kustomization.yaml",
            "resources: [../base]\nconfigurations: [config.yaml]\nnamePrefix: more-\n",
        ),
        ("top/web.yaml", &*WEB.replace("name: web,", "name: top,")),
        ("top/kustomization.yaml", "resources: [../more, web.yaml]\n"),
    ];
    let fields = prod(WEB, "resources: [../base]\n", &more);
    assert_eq!(fields.len(), 2, "{fields:?}");
    let is = |field: &String| field.contains("more/kustomization.yaml:2:17: configurations may change the image");
    assert!(fields.iter().all(is), "{fields:?}");
}

#[test]
fn a_target_with_empty_parts_is_for_all() {
    let overlay =
        "resources: [../base]\npatches: [{path: patch.yaml, target: {group: \"\", name: \"\", kind: Deployment}}]\n";
    let patch = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: any}\nspec: {template: {spec: {containers: [{name: web, image: web:2}]}}}\n";
    assert_eq!(
        prod(WEB, overlay, &[("prod/patch.yaml", patch)]),
        ["prod/patch.yaml web web:2"]
    );
}

const RELEASE: &str = "apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: web, annotations: {tidegate.dev/automated: \"true\"}}
spec: {values: {image: r.example/web, tag: \"1\", replicas: 1}}
";

/// What is found with a patch of the values of a HelmRelease.
fn patched(release: &str, values: &str) -> Vec<String> {
    let patch = format!(
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{name: web}}\nspec: {{values: {values}}}\n"
    );
    let overlay = "resources: [../base]\npatches: [{path: patch.yaml}]\n";
    prod(release, overlay, &[("prod/patch.yaml", &patch)])
}

/// What is found with an operation on a HelmRelease.
fn operated(operation: &str) -> Vec<String> {
    let overlay =
        format!("resources: [../base]\npatches: [{{target: {{kind: HelmRelease}}, patch: '[{operation}]'}}]\n");
    prod(RELEASE, &overlay, &[])
}

#[test]
fn a_tag_of_a_release_is_bumped_where_the_rendered_values_have_it_from() {
    let base = ["base/web.yaml chart-image r.example/web:1"];
    assert_eq!(patched(RELEASE, "{replicas: 2}"), base);
    assert_eq!(patched(RELEASE, "{worker: {tag: \"2\"}}"), base);
    // The tag of the base counts, not the one behind the name.
    assert_eq!(patched(RELEASE, "{image: \"r.example/web:2\"}"), base);
    assert_eq!(
        patched(RELEASE, "{image: r.example/other}"),
        ["base/web.yaml chart-image r.example/other:1"]
    );
    assert_eq!(
        patched(RELEASE, "{worker: {image: \"side:2\"}}"),
        [
            "base/web.yaml chart-image r.example/web:1",
            "prod/patch.yaml worker side:2"
        ]
    );
    is_one_with(
        &patched(RELEASE, "{tag: \"2\"}"),
        "prod/patch.yaml sets a part of the image",
    );
    assert_eq!(patched(RELEASE, "{image: null}"), [""; 0]);
}

#[test]
fn a_tag_that_a_patch_leaves_behind_in_a_name_is_not_moved() {
    let whole = RELEASE.replace("image: r.example/web, tag: \"1\"", "image: \"r.example/web:1\"");
    let patch = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web}\nspec: {values: {tag: \"2\"}}\n";
    let files = [
        ("dev/kustomization.yaml", "resources: [../base]\n"),
        ("prod/patch.yaml", patch),
    ];
    let fields = prod(&whole, "resources: [../base]\npatches: [{path: patch.yaml}]\n", &files);
    assert_eq!(fields.len(), 2, "{fields:?}");
    assert!(fields[0].contains("has no field of its own"), "{fields:?}");
    assert!(
        fields[1].contains("prod/patch.yaml sets a part of the image"),
        "{fields:?}"
    );
}

#[test]
fn operations_on_the_values_of_a_release_are_followed() {
    let base = ["base/web.yaml chart-image r.example/web:1"];
    let followed = [
        "{op: replace, path: /spec/values/replicas, value: 3}",
        "{op: add, path: /spec/values/worker, value: {tag: \"2\"}}",
        "{op: add, path: /metadata/labels, value: {a: b}}",
    ];
    for operation in followed {
        assert_eq!(operated(operation), base, "{operation}");
    }
    let set = [
        "{op: replace, path: /spec/values/tag, value: \"2\"}",
        "{op: replace, path: /spec/values, value: {image: \"r.example/web:2\"}}",
        "{op: add, path: /spec/values, value: {image: {repository: r.example/web, tag: 2}}}",
    ];
    for operation in set {
        is_one_with(&operated(operation), "a patch inside a kustomization is not edited");
    }
    let fields = operated("{op: add, path: /spec/values/worker, value: {image: \"side:2\"}}");
    assert_eq!(fields.len(), 2, "{fields:?}");
    assert!(
        fields[1].contains("a patch inside a kustomization is not edited"),
        "{fields:?}"
    );
    assert_eq!(operated("{op: remove, path: /spec/values/image}"), [""; 0]);
}

#[test]
fn a_digest_of_a_release_keeps_its_place_through_patches() {
    let digest = format!("sha256:{}", "a".repeat(64));
    let pinned = RELEASE.replace("tag: \"1\"", &format!("digest: \"{digest}\""));
    let fields = patched(&pinned, "{replicas: 2}");
    assert_eq!(fields, [format!("base/web.yaml chart-image r.example/web@{digest}")]);
    let fields = patched(&pinned, "{image: \"r.example/other:2\"}");
    is_one_with(
        &fields,
        "a kustomization changes the image in a way that is not followed",
    );
}

#[test]
fn a_patch_may_use_the_name_between_prefix_and_suffix() {
    let files = [
        (
            "top/kustomization.yaml",
            "resources: [../prod]\npatchesStrategicMerge: [patch.yaml]\n",
        ),
        (
            "top/patch.yaml",
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: pre-web}\nspec: {template: {spec: {containers: [{name: web, image: web:2}]}}}\n",
        ),
    ];
    let fields = prod(
        WEB,
        "resources: [../base]\nnamePrefix: pre-\nnameSuffix: -suf\n",
        &files,
    );
    assert_eq!(fields, ["top/patch.yaml web web:2"]);
}

#[test]
fn a_directive_for_a_list_that_the_object_does_not_have_leaves_no_image() {
    let part = |list: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec: {{template: {{spec: {{containers: {list}}}}}}}\n"
        )
    };
    let (none, list) = (part("null"), part("[{name: web, image: web:2}, {$patch: replace}]"));
    let overlay = "resources: [../base]\npatches: [{path: none.yaml}, {path: patch.yaml}]\n";
    let files = [("prod/none.yaml", &*none), ("prod/patch.yaml", &*list)];
    assert_eq!(prod(WEB, overlay, &files), [""; 0]);
    let plain = list.replace(", {$patch: replace}", ", {name: side, $patch: delete}");
    assert_eq!(
        prod(WEB, overlay, &[files[0], ("prod/patch.yaml", &plain)]),
        ["prod/patch.yaml web web:2"]
    );
}

#[test]
fn a_container_that_operations_copy_counts_once() {
    let copy = |list: &str, more: &str| {
        format!(
            "resources: [../base]\npatches:\n- target: {{kind: Deployment}}\n  patch: |\n    - {{op: add, path: \
             /spec/template/spec/initContainers, value: []}}\n    - {{op: copy, from: /spec/template/spec/containers/0, path: \
             /spec/template/spec/{list}}}\n{more}"
        )
    };
    assert_eq!(
        prod(WEB, &copy("initContainers/-", ""), &[]),
        ["base/web.yaml web web:1"]
    );
    // Two containers of one name with images of their own cannot be told apart.
    let other = "    - {op: replace, path: /spec/template/spec/initContainers/0/image, value: side:1}\n";
    let entry = "images: [{name: side, newTag: \"9\"}]\n";
    let fields = prod(WEB, &format!("{}{entry}", copy("initContainers/-", other)), &[]);
    assert_eq!(fields, ["base/web.yaml web web:1"]);
}

#[test]
fn an_image_that_a_replacement_sets_may_be_that_of_any_entry_above() {
    let replaced = "resources: [../base, ../more]\nreplacements: [{source: {kind: ConfigMap, fieldPath: data.image}, targets: [{select: \
                    {kind: StatefulSet}, fieldPaths: [\"spec.template.spec.containers.0.image\"]}]}]\n";
    let set = WEB
        .replace("Deployment", "StatefulSet")
        .replace("name: web, ann", "name: set, ann")
        .replace("web:1", "other:1");
    let files = [
        ("more/set.yaml", &*set.replace("automated", "locked")),
        ("more/kustomization.yaml", "resources: [set.yaml]\n"),
        (
            "top/kustomization.yaml",
            "resources: [../prod]\nimages: [{name: web, newTag: v9}]\n",
        ),
    ];
    let fields = prod(WEB, replaced, &files);
    is_one_with(
        &fields,
        "may also change images that the replacements of prod/kustomization.yaml:2:16 set",
    );
}

#[test]
fn an_operation_finds_annotations_where_the_object_has_none() {
    let plain = WEB.replace(", annotations: {tidegate.dev/automated: \"true\"}", "");
    let overlay = "resources: [../base]
patches:
- path: ops.yaml
  target: {kind: Deployment}
images: [{name: side, newTag: \"9\"}]
";
    let operations = "- {op: add, path: /spec/template/spec/containers/-, value: {name: side, image: side:1}}
- {op: replace, path: /metadata/annotations/tidegate.dev~1automated, value: \"true\"}
";
    assert_eq!(
        prod(&plain, overlay, &[("prod/ops.yaml", operations)]),
        ["base/web.yaml web web:1", "prod/kustomization.yaml side side:9"]
    );
}
