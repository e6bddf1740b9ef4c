//! Kustomizations of some kilobytes that would take all memory: nothing is followed then, and the finding says why.

use super::tests::found;

const WEB: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, annotations: {tidegate.dev/automated: \"true\"}}\n\
                   spec: {template: {spec: {containers: [{name: web, image: web:1}]}}}\n";

/// An object of about 10 MB in memory. Kustomize may find images in an object of any kind.
fn large() -> String {
    let maps = "{a: 1}, ".repeat(15_000);
    format!("apiVersion: example.com/v1\nkind: Large\nmetadata: {{name: large}}\nspec: [{maps}]\n")
}

fn is_followed(files: &[(String, String)]) -> bool {
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (&**path, &**text)).collect();
    let found = found(&files);
    let is_refused = |line: &String| line.contains("more objects than fit into memory");
    assert!(!found.is_empty());
    assert!(
        found.iter().all(is_refused) || !found.iter().any(is_refused),
        "{found:?}"
    );
    !found.iter().any(is_refused)
}

fn file(path: &str, text: impl Into<String>) -> (String, String) {
    (path.to_owned(), text.into())
}

/// A base with a large object, and `levels` kustomizations, each of which builds on the one before and changes every object.
fn chain(levels: usize) -> Vec<(String, String)> {
    let mut files = vec![
        file("0/web.yaml", WEB),
        file("0/large.yaml", large()),
        file("0/kustomization.yaml", "resources: [web.yaml, large.yaml]\n"),
    ];
    for level in 1..=levels {
        let text = format!("resources: [../{}]\nnamespace: n{level}\n", level - 1);
        files.push(file(&format!("{level}/kustomization.yaml"), text));
    }
    files
}

#[test]
fn a_chain_that_copies_a_large_object_at_each_level_is_followed_as_far_as_memory_allows() {
    assert!(is_followed(&chain(4)));
    assert!(!is_followed(&chain(20)));
}

#[test]
fn kustomizations_that_nobody_builds_on_use_the_memory_one_after_another() {
    let mut files = chain(0);
    for top in 1..=30 {
        let text = format!("resources: [../0]\nnamespace: n{top}\n");
        files.push(file(&format!("{top}/kustomization.yaml"), text));
    }
    assert!(is_followed(&files));
}

#[test]
fn large_files_that_no_kustomization_names_are_not_copied() {
    let mut files = chain(1);
    files.extend((0..20).map(|number| file(&format!("0/unused{number}.yaml"), large())));
    assert!(is_followed(&files));
}

#[test]
fn copies_of_copies_end_where_memory_ends() {
    let with = |copies: usize| {
        let copy = |at: usize| format!("    - {{op: copy, from: /spec, path: /spec/c{at}}}\n");
        let copies: String = (0..copies).map(copy).collect();
        let text = format!("resources: [web.yaml]\npatches:\n- target: {{kind: Deployment}}\n  patch: |\n{copies}");
        vec![file("0/web.yaml", WEB), file("0/kustomization.yaml", text)]
    };
    assert!(is_followed(&with(3)));
    assert!(!is_followed(&with(40)));
}

#[test]
fn a_large_patch_of_many_objects_is_followed_as_far_as_memory_allows() {
    let with = |objects: usize| {
        let object = |at: usize| format!("---\n{}", WEB.replace("name: web,", &format!("name: web{at},")));
        let maps = "{a: 1}, ".repeat(15_000);
        let patch =
            format!("apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: any}}\nspec: {{more: [{maps}]}}\n");
        vec![
            file("0/web.yaml", (0..objects).map(object).collect::<String>()),
            file("0/patch.yaml", patch),
            file(
                "0/kustomization.yaml",
                "resources: [web.yaml]\npatches: [{path: patch.yaml, target: {kind: Deployment}}]\n",
            ),
        ]
    };
    assert!(is_followed(&with(3)));
    assert!(!is_followed(&with(100)));
}
