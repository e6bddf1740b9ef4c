use super::path;
use crate::manifest::{ImageChange, Reading, read, set_images};
use crate::model::{FieldName, ImageRef};

/// A release with annotations and values.
fn release(annotations: &str, values: &str) -> String {
    format!(
        "apiVersion: helm.fluxcd.io/v1\nkind: HelmRelease\nmetadata:\n  name: edge\n  annotations: {{tidegate.dev/automated: \"true\"{annotations}}}\n\
         spec:\n  values: {values}\n"
    )
}

fn reading(text: &str) -> Reading {
    read(&path("edge.yaml"), text.as_bytes())
}

/// The image fields: name, image and the text that a new tag is written into.
fn fields(text: &str) -> Vec<String> {
    let reading = reading(text);
    let images = reading.documents[0].images.iter();
    images
        .map(|image| format!("{} {} in {}", image.field, image.image, &text[image.slot.span.clone()]))
        .collect()
}

#[test]
fn a_name_whose_tag_may_be_beside_it_is_no_field_without_an_alias() {
    for values in [
        "{image: r.example/edge, imageTag: v1.7}",
        "{image: r.example/edge, version: v1.7}",
        "{app: {image: r.example/edge, image_tag: v1.7}}",
        "{image: {repository: r.example/edge, version: \"1.7\"}}",
    ] {
        let text = release("", values);
        assert_eq!(fields(&text), [""; 0], "{values}");
        let findings = reading(&text).findings;
        assert!(
            findings
                .iter()
                .any(|finding| finding.message.contains("may be the tag")),
            "{findings:?}"
        );
        let change = ImageChange {
            object: reading(&text).documents[0].object.id.clone(),
            field: FieldName(
                if values.starts_with("{app") {
                    "app"
                } else {
                    "chart-image"
                }
                .to_owned(),
            ),
            image: ImageRef::parse("r.example/edge:v2").unwrap(),
        };
        let refused = set_images(&path("edge.yaml"), text.as_bytes(), &[change]).unwrap_err();
        assert!(refused.reason.contains("may be the tag"), "{values}: {refused:?}");
        let quiet = reading(&text.replace("\"true\"", "\"false\""));
        assert!(quiet.findings.is_empty(), "{:?}", quiet.findings);
    }
}

#[test]
fn an_alias_and_a_field_that_is_found_by_shape_are_one_field() {
    let both = ", repository.fluxcd.io/edge: image, tag.fluxcd.io/edge: imageTag";
    let text = release(both, "{image: r.example/edge, imageTag: v1.7}");
    assert_eq!(fields(&text), ["edge r.example/edge:v1.7 in v1.7"]);
    let text = release(
        ", tidegate.dev/image.edge: image.repository",
        "{image: {repository: r.example/edge, tag: v1.7}}",
    );
    assert_eq!(fields(&text), ["edge r.example/edge:v1.7 in v1.7"]);
    let text = release(
        ", tidegate.dev/image.edge: image",
        "{image: r.example/edge, tag: v1.7, registry: r.example:5000}",
    );
    assert_eq!(fields(&text), ["edge r.example:5000/r.example/edge:v1.7 in v1.7"]);
}

#[test]
fn what_a_failed_alias_names_is_not_found_by_shape() {
    let typing_error = ", repository.fluxcd.io/edge: image, tag.fluxcd.io/edge: imagTag";
    for values in [
        "{image: r.example/edge, imageTag: v1.7}",
        "{image: r.example/edge, release: v1.7}",
    ] {
        let text = release(typing_error, values);
        assert_eq!(fields(&text), [""; 0], "{values}");
        let findings = reading(&text).findings;
        assert!(
            findings.iter().any(|finding| finding.message.contains("no text there")),
            "{findings:?}"
        );
    }
}

#[test]
fn two_aliases_of_one_name_are_not_both_written() {
    let aliases = ", tidegate.dev/image.a: image, tidegate.dev/image.b: image, tidegate.dev/image-tag.b: label";
    let text = release(aliases, "{image: r.example/edge, label: v1.7}");
    assert_eq!(fields(&text), ["b r.example/edge:v1.7 in v1.7"]);
}

#[test]
fn a_digest_beside_an_untagged_name_is_the_fields_text() {
    let digest = format!("sha256:{}", "a".repeat(64));
    let text = release("", &format!("{{image: r.example/edge, digest: \"{digest}\"}}"));
    assert_eq!(
        fields(&text),
        [format!("chart-image r.example/edge@{digest} in {digest}")]
    );
}
