use crate::manifest::{TagChange, read, set_tags};
use crate::model::{RepoPath, Tag};
use std::path::{Path, PathBuf};

fn manifests(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("charts") {
            manifests(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            found.push(path);
        }
    }
}

#[test]
fn every_image_of_the_example_repository_is_found_and_can_be_bumped() {
    let root = super::checkout().join("config-repo-example");
    let mut files = Vec::new();
    manifests(&root, &mut files);
    let mut bumped = 0;
    for file in files {
        let path = RepoPath::parse(file.strip_prefix(&root).unwrap().to_str().unwrap()).unwrap();
        let bytes = std::fs::read(&file).unwrap();
        let reading = read(&path, &bytes);
        assert_eq!(reading.findings, [], "{path}");
        assert!(!reading.documents.is_empty(), "{path} declares nothing");
        let written = String::from_utf8_lossy(&bytes)
            .lines()
            .filter(|line| line.trim_start_matches(['-', ' ']).starts_with("image: "))
            .count();
        let found: Vec<_> = reading
            .documents
            .iter()
            .flat_map(|document| document.images.iter().map(move |image| (document, image)))
            .collect();
        assert!(
            found.len() >= written,
            "{path}: {written} images written, {} found",
            found.len()
        );
        for (document, image) in found {
            let change = TagChange {
                object: document.object.id.clone(),
                field: image.field.clone(),
                name: None,
                tag: Tag::parse("0123456").unwrap(),
                digest: None,
            };
            let edited = set_tags(&path, &bytes, &[change]).unwrap();
            let lines = |bytes: &[u8]| {
                String::from_utf8_lossy(bytes)
                    .lines()
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            };
            let changed = lines(&bytes)
                .iter()
                .zip(lines(&edited))
                .filter(|(old, new)| **old != *new)
                .count();
            assert_eq!(changed, 1, "{path}: {}", image.field);
            bumped += 1;
        }
    }
    assert!(bumped >= 3, "{bumped} images in the example");
}
