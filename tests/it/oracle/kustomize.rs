//! Where images of generated kustomize repositories are edited, against what `kustomize build` makes of the edit.
//!
//! All image fields of a repository get a tag of their own at once. The tag that a rendered image then has names the field that
//! the image comes from, and from that follows which fields may be bumped: those whose tag reaches automated workloads that are
//! not locked and agree on a policy, and nothing else.

mod generator;

use super::Random;
use generator::{Repository, generate};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use tidegate::manifest::{Document, Reading, TagChange, read, set_tags};
use tidegate::model::{Digest, FieldId, RepoPath, Tag};
use tidegate::plan::{AutomatedField, Overlay, OverlayFile, OverlayIndex, overlay_fields};
use tidegate_stack::Tools;

/// Repositories of a usual run. `TIDEGATE_REPOSITORIES` sets another number.
const REPOSITORIES: usize = 40;

#[test]
fn an_edit_changes_what_kustomize_renders_for_the_workload_and_nothing_else() {
    let count = std::env::var("TIDEGATE_REPOSITORIES").map_or(REPOSITORIES, |count| count.parse().unwrap());
    let mut random = Random::seeded();
    let (mut built, mut bumped, mut refused) = (0, 0, BTreeMap::new());
    for _ in 0..count * 10 {
        if built == count {
            break;
        }
        let repository = generate(&mut random);
        let Some(case) = Case::new(repository) else { continue };
        built += 1;
        bumped += case.check(&mut refused);
    }
    println!("{built} repositories, {bumped} fields that are bumped, refused: {refused:#?}");
    assert_eq!(built, count, "too many generated repositories do not build");
    assert!(bumped > count / 2, "only {bumped} fields are bumped");
}

/// A repository that kustomize builds.
struct Case {
    repository: Repository,
    readings: Vec<(RepoPath, Reading)>,
}

/// An image field that can be edited, and the tag that it gets.
struct Candidate {
    path: RepoPath,
    field: FieldId,
    tag: String,
    /// Written behind the tag where the field has a digest.
    digest: Option<Digest>,
}

impl Candidate {
    fn reaches(&self, image: &Image) -> bool {
        image.tag.starts_with(&self.tag) || self.digest.is_some() && image.digest == self.digest
    }
}

/// An image that a kustomization renders with the tag of a candidate.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Image {
    top: String,
    object: String,
    /// The container; `None` for a text where no image field is.
    field: Option<String>,
    name: String,
    /// The tag, with what kustomize appends to it.
    tag: String,
    digest: Option<Digest>,
    automated: bool,
    locked: bool,
    policy: Option<String>,
}

impl Case {
    fn new(repository: Repository) -> Option<Self> {
        build(&repository.files, &repository.tops)?;
        let readings = repository.files.iter().map(|(path, text)| {
            let path = RepoPath::parse(path).unwrap();
            let reading = read(&path, text.as_bytes());
            (path, reading)
        });
        Some(Self {
            readings: readings.collect(),
            repository,
        })
    }

    /// Compares the fields with the oracle. Returns how many are bumped.
    fn check(&self, refused: &mut BTreeMap<String, usize>) -> usize {
        let fields = self.fields();
        let candidates = self.candidates();
        let images = self.rendered(&candidates);
        let mut bumped = 0;
        for candidate in &candidates {
            let reached: Vec<&Image> = images.iter().filter(|image| candidate.reaches(image)).collect();
            let mut own = fields.iter();
            let own = own.find(|field| (&field.path, &field.field) == (&candidate.path, &candidate.field));
            let is_bumped = own.is_some_and(|field| field.policy.is_ok() && field.lock.is_none());
            let is_right = may_be_bumped(&reached, candidate);
            let context = || {
                format!(
                    "{} {}:\nours {}\nreached {reached:#?}\n{}",
                    candidate.path,
                    candidate.field,
                    own.map_or("nothing".to_owned(), |own| format!(
                        "{} {:?} {:?} {:?}",
                        own.image, own.others, own.policy, own.lock
                    )),
                    self.repository
                )
            };
            assert_eq!(is_bumped, is_right, "{}", context());
            if let Some(field) = own.filter(|_| is_bumped) {
                let mut names: BTreeSet<String> = field.others.iter().map(|image| image.name().to_owned()).collect();
                names.insert(field.image.name().to_owned());
                let rendered: BTreeSet<String> = reached.iter().map(|image| image.name.clone()).collect();
                assert_eq!(names, rendered, "{}", context());
                bumped += 1;
            } else if reached.iter().any(|image| image.automated && image.field.is_some()) {
                let field = own.unwrap_or_else(|| panic!("not refused: {}", context()));
                let reason = reason(field);
                check_reason(&reason, &reached, &context);
                *refused.entry(kind(&reason)).or_default() += 1;
            }
        }
        self.check_others(&fields, &candidates, &images, refused);
        bumped
    }

    /// Automated images whose tag comes from none of the candidates must be refused, too.
    fn check_others(
        &self,
        fields: &[AutomatedField],
        candidates: &[Candidate],
        images: &BTreeSet<Image>,
        refused: &mut BTreeMap<String, usize>,
    ) {
        for image in images
            .iter()
            .filter(|image| image.automated && !candidates.iter().any(|candidate| candidate.reaches(image)))
        {
            let name = image.field.as_deref().unwrap_or_default();
            let mut refusals = fields
                .iter()
                .filter(|field| field.policy.is_err() || field.lock.is_some());
            let field = refusals.find(|field| field.field.field.0 == name);
            let field = field.unwrap_or_else(|| panic!("nothing is said about {image:#?}\n{}", self.repository));
            *refused.entry(kind(&reason(field))).or_default() += 1;
        }
    }

    fn fields(&self) -> Vec<AutomatedField> {
        let mut index = OverlayIndex::default();
        for (path, reading) in &self.readings {
            let file = OverlayFile {
                documents: reading.documents.iter().collect(),
                operations: &reading.operations,
                is_incomplete: !reading.is_complete(),
            };
            index.files.insert(path, file);
            let overlay = reading.kustomization.as_ref().zip(reading.values.first());
            index.overlays.extend(overlay.map(|(kustomization, document)| Overlay {
                path,
                kustomization,
                document,
            }));
        }
        overlay_fields(&index).automated
    }

    fn candidates(&self) -> Vec<Candidate> {
        let mut found = Vec::new();
        for (path, reading) in &self.readings {
            for document in reading.documents.iter().chain(&reading.values) {
                for image in &document.images {
                    found.push(Candidate {
                        path: path.clone(),
                        field: FieldId {
                            object: document.object.id.clone(),
                            field: image.field.clone(),
                        },
                        tag: format!("9.{}.9", found.len()),
                        digest: image
                            .image
                            .digest()
                            .map(|_| Digest::parse(&format!("sha256:{:064x}", found.len())).unwrap()),
                    });
                }
            }
        }
        found
    }

    /// What kustomize renders when each candidate has its tag. A candidate whose tag kustomize does not accept is refused.
    fn rendered(&self, candidates: &[Candidate]) -> BTreeSet<Image> {
        let mut files = self.repository.files.clone();
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
        let rendered = build(&files, &self.repository.tops);
        let rendered = rendered.unwrap_or_else(|| panic!("an edit breaks the build:\n{}", self.repository));
        let mut images = BTreeSet::new();
        for (top, text) in rendered {
            let reading = read(&RepoPath::parse("rendered.yaml").unwrap(), text.as_bytes());
            for document in &reading.documents {
                images.extend(images_of(&top, document));
            }
        }
        images
    }
}

/// Whether a tag reaches automated workloads only, which are not locked and have one policy.
fn may_be_bumped(reached: &[&Image], candidate: &Candidate) -> bool {
    let policies: BTreeSet<&Option<String>> = reached.iter().map(|image| &image.policy).collect();
    let is_whole =
        |image: &Image| image.tag == candidate.tag || image.tag.is_empty() && image.digest == candidate.digest;
    let is_free = |image: &&Image| image.field.is_some() && image.automated && !image.locked && is_whole(image);
    !reached.is_empty() && reached.iter().all(is_free) && policies.len() == 1
}

fn images_of(top: &str, document: &Document) -> Vec<Image> {
    let automation = &document.automation;
    let image = |field: Option<&str>, name: &str, tag: &str, digest: Option<Digest>, policy: Option<String>| Image {
        top: top.to_owned(),
        object: document.object.id.to_string(),
        field: field.map(str::to_owned),
        name: name.to_owned(),
        tag: tag.to_owned(),
        digest,
        automated: automation.automated,
        locked: automation.lock.is_some(),
        policy,
    };
    let known = document.images.iter().map(|found| {
        let tag = found.image.tag().map(Tag::as_str).unwrap_or_default();
        let policy = automation.policy(&found.field).map(|policy| policy.text.clone());
        image(
            Some(&found.field.0),
            found.image.name(),
            tag,
            found.image.digest().cloned(),
            policy,
        )
    });
    let mut found: Vec<Image> = known.collect();
    let text = document.object.value.to_string();
    for part in text.split('"') {
        let Some((name, rest)) = part.split_once(":9.") else {
            continue;
        };
        let tag = format!("9.{}", rest.split('@').next().unwrap_or_default());
        if !found.iter().any(|image| image.name == name && image.tag == tag) {
            found.push(image(None, name, &tag, None, None));
        }
    }
    found
}

fn reason(field: &AutomatedField) -> String {
    match (&field.policy, &field.lock) {
        (Err(reason), _) => reason.clone(),
        (_, Some(lock)) => format!("locked: {lock:?}"),
        _ => panic!("not refused: {field:?}"),
    }
}

/// Whether what a refusal says is so.
fn check_reason(reason: &str, reached: &[&Image], context: &impl Fn() -> String) {
    let any = |is: fn(&&&Image) -> bool| reached.iter().find(is).is_some();
    let is_true = if reason.starts_with("locked") {
        any(|image| image.locked)
    } else if reason.contains("not automated") {
        any(|image| !image.automated || image.field.is_none())
    } else if reason.contains("different policies") {
        reached.iter().any(|image| image.policy != reached[0].policy)
    } else if reason.contains("tagSuffix") {
        any(|image| image.tag.matches('.').count() != 2 || image.tag.contains('-'))
    } else {
        true
    };
    assert!(is_true, "not a true reason: {reason}\n{}", context());
}

/// The words of a reason that do not change from one repository to the next.
fn kind(reason: &str) -> String {
    let kinds = [
        "locked",
        "not automated",
        "different policies",
        "tagSuffix",
        "JSON pointer",
        "inside a kustomization",
        "two entries",
        "test operation",
        "two containers",
        "cannot be read",
    ];
    kinds
        .iter()
        .find(|kind| reason.contains(**kind))
        .map_or(reason.to_owned(), |kind| (*kind).to_owned())
}

/// What kustomize renders for each top; `None` if it fails for one of them.
fn build(files: &BTreeMap<String, String>, tops: &[String]) -> Option<Vec<(String, String)>> {
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
        output
            .status
            .success()
            .then(|| String::from_utf8(output.stdout).unwrap())
    });
    tops.iter()
        .cloned()
        .zip(texts)
        .map(|(top, text)| Some((top, text?)))
        .collect()
}

/// Starts the program on a folder. Its output is small enough for a pipe that is read later.
fn kustomize(folder: &Path) -> Child {
    Command::new(Tools::get("kustomize").unwrap())
        .arg("build")
        .arg(folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}
