use crate::manifest::{self, MAX_FILE_BYTES};
use crate::model::{Finding, RepoPath};
use crate::port::Rendering;
use crate::resource::{Object, Origin};
use std::sync::Arc;

/// The objects in the output of kustomize for a folder. Findings repeat what stands in the output only if it `is_plain`: nothing
/// of it was encrypted.
pub(super) fn objects(folder: &RepoPath, output: &[u8], is_plain: bool) -> Rendering {
    let mut rendering = Rendering::default();
    for part in parts(output) {
        let reading = manifest::read(folder, part);
        let objects = reading.documents.into_iter().map(|document| {
            let object = Arc::unwrap_or_clone(document.object);
            Arc::new(Object {
                origin: Origin::Rendered { folder: folder.clone() },
                ..object
            })
        });
        rendering.objects.extend(objects);
        // What concerns images is reported where the images stand in files.
        let errors = reading.findings.into_iter().filter(Finding::is_error);
        rendering.findings.extend(errors.map(|finding| Finding {
            position: None,
            message: match is_plain {
                true => format!("of what kustomize renders: {}", finding.message),
                false => "kustomize renders something of it that is no Kubernetes object".to_owned(),
            },
            ..finding
        }));
    }
    rendering
}

/// The output in parts of at most the size of a file, each with whole documents. Kustomize indents what is in a document, so that a
/// line of three hyphens stands between two documents.
fn parts(output: &[u8]) -> Vec<&[u8]> {
    const MARK: &[u8] = b"\n---\n";
    let (mut parts, mut start, mut end) = (Vec::new(), 0, 0);
    while end < output.len() {
        let next = output[end..].windows(MARK.len()).position(|window| window == MARK);
        let next = next.map_or(output.len(), |at| end + at + MARK.len());
        if next - start > MAX_FILE_BYTES && end > start {
            parts.push(&output[start..end]);
            start = end;
        }
        end = next;
    }
    if start < output.len() {
        parts.push(&output[start..]);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_output_is_read_in_parts_and_whole() {
        let fill = "x".repeat(MAX_FILE_BYTES / 3);
        let object =
            |name: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  a: {fill}\n");
        let output = ["a", "b", "c", "d"].map(object).join("---\n");
        assert_eq!(parts(output.as_bytes()).len(), 2);
        assert_eq!(parts(output.as_bytes()).concat(), output.as_bytes());
        let rendering = objects(&RepoPath::parse("prod").unwrap(), output.as_bytes(), true);
        let names: Vec<&str> = rendering.objects.iter().map(|object| &*object.id.name).collect();
        assert_eq!(names, ["a", "b", "c", "d"]);
        assert!(rendering.findings.is_empty(), "{:?}", rendering.findings);
        assert!(matches!(&rendering.objects[0].origin, Origin::Rendered { folder } if folder.as_str() == "prod"));
    }

    #[test]
    fn what_is_no_object_is_an_error_of_the_folder() {
        let rendering = objects(
            &RepoPath::parse("prod").unwrap(),
            b"apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n",
            true,
        );
        assert!(rendering.objects.is_empty());
        assert_eq!(rendering.findings.len(), 1);
        assert!(rendering.findings[0].position.is_none());
    }

    #[test]
    fn an_empty_output_declares_nothing() {
        let rendering = objects(&RepoPath::parse("prod").unwrap(), b"", true);
        assert!(rendering.objects.is_empty() && rendering.findings.is_empty());
    }
}
