use super::candidate::Candidate;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use tidegate::manifest::{Document, TagChange, set_tags};
use tidegate::model::{Digest, Tag};
use tidegate_stack::Tools;

/// An image that a kustomization renders.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Image {
    pub(super) top: String,
    pub(super) object: String,
    /// The container; `None` for a text where no image field is.
    pub(super) field: Option<String>,
    pub(super) name: String,
    /// The tag, with what kustomize appends to it.
    pub(super) tag: String,
    pub(super) digest: Option<Digest>,
    pub(super) automated: bool,
    pub(super) locked: bool,
    pub(super) immutable: bool,
    pub(super) policy: Option<String>,
    /// Whether the object has the image more often than it has fields: a second container of one name.
    pub(super) is_doubled: bool,
}

/// What kustomize renders from candidates.
pub(super) struct Outcome {
    /// The images of each candidate; `None` for one that breaks the build.
    pub(super) reached: Vec<Option<Vec<Image>>>,
    /// The images that come from no candidate.
    pub(super) others: Vec<Image>,
}

/// The files with the tags of candidates. A candidate that Tidegate cannot edit is left as it is.
pub(super) fn edited(files: &BTreeMap<String, String>, candidates: &[&Candidate]) -> BTreeMap<String, String> {
    let mut files = files.clone();
    for candidate in candidates {
        let text = files.get_mut(candidate.path.as_str()).unwrap();
        let change = TagChange {
            object: candidate.field.object.clone(),
            field: candidate.field.field.clone(),
            name: None,
            tag: Tag::parse(&candidate.tag).unwrap(),
            digest: candidate.digest.clone(),
        };
        if let Ok(edited) = set_tags(&candidate.path, text.as_bytes(), &[change]) {
            *text = String::from_utf8(edited).unwrap();
        }
    }
    files
}

/// The images of a rendered object.
pub(super) fn images_of(top: &str, document: &Document) -> Vec<Image> {
    let automation = &document.automation;
    let value = document.object.value.value();
    let text = |pointer: &str| value.pointer(pointer).and_then(|value| value.as_str());
    let is_job = text("/apiVersion") == Some("batch/v1") && text("/kind") == Some("Job");
    let is_recreated = text("/metadata/annotations/tidegate.dev~1recreate") == Some("true");
    let image = |field: Option<&str>, name: &str, tag: &str, digest: Option<Digest>, policy: Option<String>| Image {
        top: top.to_owned(),
        object: document.object.id.to_string(),
        field: field.map(str::to_owned),
        name: name.to_owned(),
        tag: tag.to_owned(),
        digest,
        automated: automation.automated,
        locked: automation.lock.is_some(),
        immutable: is_job && !is_recreated,
        policy,
        is_doubled: false,
    };
    let known = document.images.iter().map(|found| {
        let tag = found.image.tag().map(Tag::as_str).unwrap_or_default();
        let policy = automation.policy(&found.field).map(|policy| policy.text.clone());
        let digest = found.image.digest().cloned();
        image(Some(&found.field.0), found.image.name(), tag, digest, policy)
    });
    let mut found: Vec<Image> = known.collect();
    let text = document.object.value.value().to_string();
    for part in text.split('"') {
        let Some((name, rest)) = part.split_once(":9.") else {
            continue;
        };
        let tag = format!("9.{}", rest.split('@').next().unwrap_or_default());
        if !found.iter().any(|image| image.name == name && image.tag == tag) {
            found.push(image(None, name, &tag, None, None));
        }
    }
    for image in &mut found {
        let written = text.matches(&format!("\"{}:{}", image.name, image.tag)).count();
        let fields = document.images.iter().filter(|field| {
            field.image.name() == image.name && field.image.tag().is_some_and(|tag| tag.as_str() == image.tag)
        });
        image.is_doubled = written > fields.count();
    }
    found
}

/// What kustomize renders for each top; `None` if it fails for one of them.
pub(super) fn build(files: &BTreeMap<String, String>, tops: &[String]) -> Option<Vec<(String, String)>> {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let programs: Vec<Child> = tops.iter().map(|top| kustomize(&folder.path().join(top))).collect();
    let outputs: Vec<Output> = programs
        .into_iter()
        .map(|program| program.wait_with_output().unwrap())
        .collect();
    let texts = outputs.into_iter().map(|output| {
        if !output.status.success() && std::env::var_os("TIDEGATE_SHOW_ERRORS").is_some() {
            println!("{}", String::from_utf8_lossy(&output.stderr));
        }
        let text = || String::from_utf8(output.stdout).unwrap();
        output.status.success().then(text)
    });
    let rendered = tops.iter().cloned().zip(texts);
    rendered.map(|(top, text)| Some((top, text?))).collect()
}

/// Starts the program on a folder, with the rules of Flux. Its output is small enough for a pipe that is read later.
fn kustomize(folder: &Path) -> Child {
    Command::new(Tools::get("kustomize").unwrap())
        .args(["build", "--load-restrictor", "LoadRestrictionsNone"])
        .arg(folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The lines of an output that differ from those before; `None` if there are more or fewer.
pub(super) fn changed_lines(before: &[(String, String)], after: &[(String, String)]) -> Option<Vec<String>> {
    let mut changed = Vec::new();
    for ((_, before), (_, after)) in before.iter().zip(after) {
        if before.lines().count() != after.lines().count() {
            return None;
        }
        let pairs = before.lines().zip(after.lines());
        changed.extend(
            pairs
                .filter(|(before, after)| before != after)
                .map(|(_, after)| after.to_owned()),
        );
    }
    Some(changed)
}
