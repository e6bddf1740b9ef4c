use super::path;
use crate::manifest::*;
use crate::model::{Digest, FieldName, ImageRef, ObjectId, RepoPath, Tag};
use crate::resource::Intent;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn cases() -> Vec<PathBuf> {
    let root = super::checkout().join("tests/fixtures/manifest");
    let mut cases: Vec<PathBuf> = std::fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    cases.sort();
    cases
}

/// The input file of a case, and its name in the config repo.
fn input(case: &Path) -> (RepoPath, Vec<u8>) {
    ["in.yaml", "in.json", "Chart.yaml", "kustomization.yaml"]
        .iter()
        .find_map(|name| Some((path(name), std::fs::read(case.join(name)).ok()?)))
        .unwrap_or_else(|| panic!("{} has no input", case.display()))
}

/// The edit of a case. The file `change` has lines `<object> | <field> | <tag>` or `… | <tag>@<digest>`, with a new name and
/// a blank before the tag if the name changes; the file `image`
/// has lines `<object> | <field> | <reference>`; the file `annotate` has lines `<object> | <key> | <value>`, without a
/// value for an annotation that is removed.
fn edit(case: &Path, name: &RepoPath, bytes: &[u8], reading: &Reading) -> Option<Result<Vec<u8>, Refused>> {
    let rows = |file: &str| -> Option<Vec<(ObjectId, Vec<String>)>> {
        let text = std::fs::read_to_string(case.join(file)).ok()?;
        let row = |line: &str| {
            let mut cells: Vec<String> = line.split(" | ").map(str::to_owned).collect();
            let object = cells.remove(0);
            let mut documents = reading.documents.iter().chain(&reading.values);
            let found = documents.find(|document| document.object.id.to_string() == object);
            (
                found.map_or_else(|| unknown(&object), |document| document.object.id.clone()),
                cells,
            )
        };
        Some(text.lines().filter(|line| !line.is_empty()).map(row).collect())
    };
    if let Some(rows) = rows("change") {
        let change = |(object, cells): (ObjectId, Vec<String>)| {
            let (name, version) = match cells[1].split_once(' ') {
                Some((name, version)) => (Some(ImageRef::parse(name).unwrap()), version),
                None => (None, &*cells[1]),
            };
            let (tag, digest) = match version.split_once('@') {
                Some((tag, digest)) => (tag, Some(Digest::parse(digest).unwrap())),
                None => (version, None),
            };
            TagChange {
                object,
                field: FieldName(cells[0].clone()),
                name,
                tag: Tag::parse(tag).unwrap(),
                digest,
            }
        };
        let changes: Vec<TagChange> = rows.into_iter().map(change).collect();
        return Some(set_tags(name, bytes, &changes));
    }
    if let Some(rows) = rows("annotate") {
        let annotated = rows.iter().try_fold(bytes.to_vec(), |bytes, (object, cells)| {
            annotate(name, &bytes, object, &[(&cells[0], cells.get(1).map(String::as_str))])
        });
        return Some(annotated);
    }
    let change = |(object, cells): (ObjectId, Vec<String>)| ImageChange {
        object,
        field: FieldName(cells[0].clone()),
        image: ImageRef::parse(&cells[1]).unwrap(),
    };
    let changes: Vec<ImageChange> = rows("image")?.into_iter().map(change).collect();
    Some(set_images(name, bytes, &changes))
}

/// The identity of an object that the file does not declare, from `Kind namespace/name`.
fn unknown(text: &str) -> ObjectId {
    let (kind, name) = text.split_once(' ').unwrap();
    let (namespace, name) = name.split_once('/').unwrap_or(("", name));
    ObjectId::new("apps/v1", kind, Some(namespace), name)
}

fn policy_text(policy: &MarkerPolicy) -> String {
    match policy {
        MarkerPolicy::Text(text) => format!("{text:?}"),
        MarkerPolicy::ImagePolicy { namespace, name } => format!("ImagePolicy {namespace}/{name}"),
    }
}

fn describe(bytes: &[u8], reading: &Reading) -> String {
    let mut text = String::new();
    for (at, document) in reading.documents.iter().chain(&reading.values).enumerate() {
        let applied = if at < reading.documents.len() {
            ""
        } else {
            ", only its images"
        };
        let head = format!(
            "{} {} at {}{applied}",
            document.object.api_version, document.object.id, document.position
        );
        writeln!(text, "{}", head.trim_start()).unwrap();
        let plain = Intent::default();
        let (intent, automation) = (&document.object.intent, &document.automation);
        if automation.automated {
            writeln!(text, "  automated").unwrap();
        }
        if let Some(lock) = &automation.lock {
            writeln!(text, "  locked by {:?}, reason {:?}", lock.by, lock.reason).unwrap();
        }
        if *intent != plain {
            writeln!(
                text,
                "  ignore {:?}, keep {}, drift {:?}",
                intent.ignore, intent.keep, intent.drift
            )
            .unwrap();
        }
        for (field, policy) in automation.policies.iter() {
            let field = field.as_ref().map_or("all fields", |field| &*field.0);
            writeln!(
                text,
                "  policy for {field}: {} ({} at {})",
                policy.text, policy.annotation, policy.position
            )
            .unwrap();
        }
        for image in &document.images {
            let written = String::from_utf8_lossy(&bytes[image.slot.span.clone()]);
            writeln!(
                text,
                "  {} = {} at {}, {:?} {:?} `{written}`",
                image.field, image.image, image.position, image.slot.style, image.slot.content
            )
            .unwrap();
            match &image.marker {
                None => {}
                Some(marker) => {
                    let name = match &marker.name {
                        MarkedName::Stays => String::new(),
                        MarkedName::Follows => ", with the name".to_owned(),
                        MarkedName::Fixed(reason) => format!(", with the name, but {reason}"),
                    };
                    let policy = policy_text(&marker.policy);
                    writeln!(text, "    marked at {}: {policy}{name}", marker.position).unwrap();
                }
            }
        }
    }
    if let Some(kustomization) = &reading.kustomization {
        writeln!(
            text,
            "resources {:?}, components {:?}",
            kustomization.resources, kustomization.components
        )
        .unwrap();
        for patch in &kustomization.patches {
            let file = patch.file.as_deref().unwrap_or("here");
            writeln!(
                text,
                "  patch at {} in {file} for {:?}: {:?}",
                patch.position, patch.target, patch.inline
            )
            .unwrap();
        }
        for image in &kustomization.images {
            let name = image.new_name.as_deref().unwrap_or(&image.name);
            writeln!(
                text,
                "  {} becomes {name}, sets tag: {}",
                image.name,
                image.sets_tag || image.sets_digest
            )
            .unwrap();
        }
    }
    if !reading.operations.is_empty() {
        writeln!(text, "operations {:?}", reading.operations).unwrap();
    }
    for finding in &reading.findings {
        writeln!(text, "{:?} {finding}", finding.severity).unwrap();
    }
    text
}

/// Each folder has an input file. `reading` is the expected reading, `change` the tags to write, and `out.yaml` the file
/// after the edit or `refused` the refusal. `BLESS=1` writes the results; read them before you commit them.
#[test]
fn golden_folders_read_and_edit_as_expected() {
    let bless = std::env::var_os("BLESS").is_some();
    let mut wrong = Vec::new();
    let mut compare = |file: PathBuf, found: &[u8]| {
        if bless {
            std::fs::write(&file, found).unwrap();
        } else if std::fs::read(&file).unwrap_or_default() != found {
            wrong.push(format!("{}:\n{}", file.display(), String::from_utf8_lossy(found)));
        }
    };
    let cases = cases();
    assert!(cases.len() >= 120, "{} cases", cases.len());
    for case in cases {
        let (name, bytes) = input(&case);
        let reading = read(&name, &bytes);
        compare(case.join("reading"), describe(&bytes, &reading).as_bytes());
        let Some(edit) = edit(&case, &name, &bytes, &reading) else {
            continue;
        };
        let edited_file = case.join(format!("out.{}", name.as_str().rsplit('.').next().unwrap()));
        let refused_file = case.join("refused");
        let other = match edit {
            Ok(edited) => {
                compare(edited_file, &edited);
                refused_file
            }
            Err(refused) => {
                compare(refused_file, format!("{refused}\n").as_bytes());
                edited_file
            }
        };
        assert!(!other.exists(), "{} should not be there", other.display());
    }
    assert!(
        wrong.is_empty(),
        "other results than in the golden folders:\n{}",
        wrong.join("\n")
    );
}
