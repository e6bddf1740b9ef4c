use tidegate::manifest::{AutomationIntent, Reading, can_skip_for_images, may_hold_images, read, set_tags};
use tidegate::model::RepoPath;
use tidegate::resource::Intent;

/// Findings of one file: the limit of the room, and one finding with the number of the others.
const MAX_FINDINGS: usize = 101;
/// Longest message, in characters. A message that quotes a long text is cut.
const MAX_MESSAGE: usize = 1000;

/// The input is a file. Properties: the file is read within the limits; every position of the reading is in the file; an
/// edit without changes returns the same bytes; the prefilter misses nothing.
pub fn document(data: &[u8]) {
    for name in ["in.yaml", "kustomization.yaml"] {
        let path = path(name);
        let reading = read(&path, data);
        positions_are_in_the_file(data, &reading);
        assert!(reading.findings.len() <= MAX_FINDINGS);
        for finding in &reading.findings {
            assert!(finding.message.chars().count() <= MAX_MESSAGE);
            assert!(!finding.message.chars().any(char::is_control), "{:?}", finding.message);
        }
        assert_eq!(set_tags(&path, data, &[]).as_deref(), Ok(data));
        prefilter_misses_nothing(&path, data, &reading);
    }
}

fn prefilter_misses_nothing(path: &RepoPath, data: &[u8], reading: &Reading) {
    if !may_hold_images(path, data) {
        assert!(
            reading.values.is_empty()
                && reading.kustomization.is_none()
                && reading
                    .operations
                    .iter()
                    .all(|operation| !operation.path.ends_with("/image"))
        );
        for document in &reading.documents {
            assert!(document.images.is_empty() && document.automation == AutomationIntent::default());
            assert!(document.object.intent == Intent::default());
            assert!(!document.object.api_version.starts_with("image.toolkit."));
        }
        let mut findings = reading.findings.iter();
        assert!(!findings.any(|finding| finding.message.contains("this marker") || finding.message.contains("SOPS")));
    }
    if can_skip_for_images(path, data) {
        assert!(!may_hold_images(path, data));
        assert!(reading.findings.is_empty(), "{:?}", reading.findings);
    }
}

fn positions_are_in_the_file(data: &[u8], reading: &Reading) {
    let text = String::from_utf8_lossy(data);
    let lines = 1 + text.matches(['\n', '\r']).count();
    for document in &reading.documents {
        assert!(document.position.line <= lines, "{}", document.position);
        for image in &document.images {
            assert!(image.position.line <= lines, "{}", image.position);
            let written = text.get(image.slot.span.clone());
            assert!(written.is_some(), "{:?} cuts a character", image.slot);
        }
    }
}

pub fn path(name: &str) -> RepoPath {
    RepoPath::parse(name).expect("a plain file name is a path")
}
