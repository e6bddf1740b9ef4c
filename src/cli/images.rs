use super::{Failure, Output, print, print_json, table};
use crate::catalog;
use crate::manifest::{self, Document, ImageField, MAX_FILE_BYTES, MarkerPolicy, Reading};
use crate::model::{Digest, FieldName, ImageRef, Position, RepoPath, Severity, Tag};
use crate::plan::{self, AutomatedField, ImagePolicies, Layers, Overlay};
use crate::policy::Policy;
use anyhow::Context;
use clap::Args;
use serde::Serialize;
use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};

/// List every image field that files hold: where it is, its image, and what its annotations ask for
///
/// Reads as the agent does; needs neither a cluster nor a registry. A file is always read, whatever its name; of a folder,
/// the .yaml, .yml and .json files, Helm chart folders left out.
///
/// What cannot be used is told beside the list: on standard error, or in the JSON, which also has what was passed over. Exits 0 also then, and 1 where a PATH
/// cannot be read.
#[derive(Debug, Args)]
pub(super) struct Images {
    /// Files and folders
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Go into the folders' folders
    #[arg(short = 'R', long)]
    recursive: bool,

    /// The form of the answer
    #[arg(short, long, default_value = "text", value_name = "FORMAT")]
    output: Output,
}

#[derive(Serialize, Default)]
struct Answer {
    images: Vec<Image>,
    findings: Vec<Told>,
}

#[derive(Serialize)]
struct Image {
    file: String,
    line: usize,
    column: usize,
    object: Object,
    field: FieldName,
    /// The name as written, without tag and digest; that of its ImagePolicy's repository, where only that tells it and is among
    /// the files.
    image: Option<String>,
    tag: Option<Tag>,
    digest: Option<Digest>,
    automated: bool,
    locked: bool,
    policy: Option<String>,
}

#[derive(Serialize, Clone)]
#[serde(rename_all = "camelCase")]
struct Object {
    api_version: String,
    kind: String,
    namespace: Option<String>,
    name: String,
}

#[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
struct Told {
    file: String,
    line: Option<usize>,
    column: Option<usize>,
    message: String,
    /// Told to people only where somebody has to act.
    #[serde(skip)]
    severity: Severity,
}

/// The files below one PATH: as the user would write them, as the config repo would call them, and what they say.
type Folder = Vec<(String, RepoPath, Reading)>;

/// A file to read: as the user would write it, and as the config repo would call it.
#[derive(Debug, Clone)]
struct Found {
    place: PathBuf,
    path: RepoPath,
}

impl Images {
    pub(super) fn run(self) -> Result<(), Failure> {
        let mut answer = Answer::default();
        let mut seen = BTreeSet::new();
        let mut folders = Vec::new();
        for path in &self.paths {
            let (files, passed_over) = find(path, self.recursive)?;
            answer.findings.extend(passed_over);
            let mut folder: Folder = Vec::new();
            for file in files {
                if seen.insert(file.place.clone()) {
                    let bytes = read(&file.place)?;
                    let reading = match manifest::is_beside_images(&file.path, &bytes) {
                        true => Reading::default(),
                        false => manifest::read(&file.path, &bytes),
                    };
                    folder.push((shown(&file.place), file.path, reading));
                }
            }
            folders.push(folder);
        }
        let readings = || folders.iter().flatten();
        let policies = ImagePolicies::among(readings().flat_map(|(_, _, reading)| &reading.documents));
        for (file, _, reading) in readings() {
            answer.add(file, reading, &policies);
        }
        for folder in &folders {
            answer.follow(folder);
        }
        answer.findings.sort();
        answer.findings.dedup();
        match self.output {
            Output::Json => print_json(&answer),
            Output::Text => {
                print(answer.for_people().as_bytes())?;
                for told in answer.findings.iter().filter(|told| told.severity != Severity::Notice) {
                    let at = |number: Option<usize>| number.map(|number| format!(":{number}")).unwrap_or_default();
                    eprintln!("{}{}{}: {}", told.file, at(told.line), at(told.column), told.message);
                }
                Ok(())
            }
        }
    }
}

/// The files below a path, by name.
fn find(path: &Path, recursive: bool) -> Result<(Vec<Found>, Vec<Told>), Failure> {
    let unreadable = || format!("{} cannot be read", path.display());
    let metadata = std::fs::metadata(path).with_context(unreadable)?;
    if !metadata.is_dir() {
        let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        let file = Found {
            place: path.to_owned(),
            path: RepoPath::parse(&name).unwrap_or_default(),
        };
        return Ok((vec![file], Vec::new()));
    }
    let mut files = Vec::new();
    let mut folders = vec![(path.to_owned(), String::new())];
    while let Some((folder, below)) = folders.pop() {
        let unreadable = || format!("{} cannot be read", folder.display());
        for entry in std::fs::read_dir(&folder).with_context(unreadable)? {
            let entry = entry.with_context(unreadable)?;
            let kind = entry.file_type().with_context(unreadable)?;
            let name = format!("{below}{}", entry.file_name().to_string_lossy());
            if kind.is_dir() && recursive && entry.file_name() != ".git" {
                folders.push((entry.path(), format!("{name}/")));
            } else if kind.is_file()
                && let Ok(path) = RepoPath::parse(&name)
            {
                files.push(Found {
                    place: entry.path(),
                    path,
                });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let images_only = catalog::images_only(&files, |file| &file.path);
    let (mut files, passed_over) = catalog::manifests(&files, |file| &file.path);
    files.extend(images_only);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let told = |finding: crate::model::Finding| Told {
        file: shown(&path.join(finding.path.as_str())),
        line: None,
        column: None,
        message: finding.message,
        severity: finding.severity,
    };
    Ok((files, passed_over.into_iter().map(told).collect()))
}

/// One byte more than is read into manifests, so that they can tell that there is more.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let file = std::fs::File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    read_all(file, path)
}

/// As [`read`], from what is open already; `path` is what it is called.
pub(super) fn read_all(from: impl Read, path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(MAX_FILE_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    from.take(limit)
        .read_to_end(&mut bytes)
        .with_context(|| format!("{} cannot be read", path.display()))?;
    Ok(bytes)
}

fn shown(path: &Path) -> String {
    let text = path.display().to_string();
    let text = text.strip_prefix("./").unwrap_or(&text);
    match text.trim_end_matches('/') {
        "" => ".".to_owned(),
        text => text.to_owned(),
    }
}

impl Answer {
    fn add(&mut self, file: &str, reading: &Reading, policies: &ImagePolicies<'_>) {
        let told = |position: Option<Position>, severity, message: String| Told {
            file: file.to_owned(),
            line: position.map(|position| position.line),
            column: position.map(|position| position.column),
            message,
            severity,
        };
        for finding in &reading.findings {
            let about = finding.object.as_ref().map(|object| format!("{object}: "));
            let about = about.unwrap_or_default();
            self.findings.push(told(
                finding.position,
                finding.severity,
                format!("{about}{}", finding.message),
            ));
        }
        for document in reading.documents.iter().chain(&reading.values) {
            for written in document.intent.policies.values() {
                if let Err(error) = Policy::parse(&written.text) {
                    let message = format!("{}: {}: {error}", document.object, written.annotation);
                    self.findings
                        .push(told(Some(written.position), Severity::Warning, message));
                }
            }
            for marker in document.images.iter().filter_map(|image| image.marker.as_ref()) {
                if let Some((severity, problem)) = problem(policies, &marker.policy) {
                    let message = format!("{}: {problem}", document.object);
                    self.findings.push(told(Some(marker.position), severity, message));
                }
            }
            for image in &document.images {
                let Some(marker) = &image.marker else { continue };
                if problem(policies, &marker.policy).is_none()
                    && let Some(Err(problem)) = repository(image, policies)
                {
                    let message = format!("{}: {problem}", document.object);
                    self.findings
                        .push(told(Some(marker.position), Severity::Warning, message));
                }
            }
            self.images.extend(images(file, document, policies));
        }
    }

    /// What workloads in bases of kustomizations ask for is done in the overlays that say their images.
    fn follow(&mut self, folder: &Folder) {
        let mut layers = Layers::default();
        for (_, path, reading) in folder {
            layers.add(path, &reading.documents);
            layers.operations.insert(path, &reading.operations);
            let overlay = reading.kustomization.as_ref().zip(reading.values.first());
            layers.overlays.extend(overlay.map(|(kustomization, document)| Overlay {
                path,
                kustomization,
                document,
            }));
        }
        let documents = folder
            .iter()
            .flat_map(|(_, path, reading)| reading.documents.iter().map(move |document| (path, document)));
        let asked: Vec<AutomatedField> = documents
            .flat_map(|(path, document)| plan::automated(path, document))
            .collect();
        let told: BTreeSet<String> = asked.iter().filter_map(|field| field.policy.clone().err()).collect();
        for field in plan::through_overlays(asked, &layers) {
            let Some((file, ..)) = folder.iter().find(|(_, path, _)| *path == field.path) else {
                continue;
            };
            let at = (file, field.position.line, field.position.column);
            let mut rows = self.images.iter_mut();
            let row = rows.find(|row| (&row.file, row.line, row.column) == at && row.field == field.field.field);
            if let Some(row) = row.filter(|row| !row.automated) {
                row.automated = true;
                row.locked = field.lock.is_some();
                let policy = field
                    .policy
                    .as_ref()
                    .ok()
                    .filter(|policy| **policy != Policy::default());
                row.policy = policy.map(ToString::to_string);
            }
            if let Some(reason) = field.policy.err().filter(|reason| !told.contains(reason)) {
                self.findings.push(Told {
                    file: file.clone(),
                    line: Some(field.position.line),
                    column: Some(field.position.column),
                    message: format!("{}: {reason}", field.field),
                    severity: Severity::Warning,
                });
            }
        }
    }

    fn for_people(&self) -> String {
        let mut rows: Vec<[String; 5]> = Vec::new();
        for image in &self.images {
            let object = &image.object;
            let namespace = object
                .namespace
                .as_ref()
                .map(|name| format!("{name}/"))
                .unwrap_or_default();
            let reference = [
                (":", image.tag.as_ref().map(Tag::as_str)),
                ("@", image.digest.as_ref().map(Digest::as_str)),
            ]
            .iter()
            .filter_map(|(sign, part)| part.map(|part| format!("{sign}{part}")))
            .fold(image.image.clone().unwrap_or_else(|| "?".to_owned()), |text, part| {
                text + &part
            });
            let state = match (image.automated, image.locked) {
                (true, true) => "automated, locked",
                (true, false) => "automated",
                (false, true) => "locked",
                (false, false) => "-",
            };
            rows.push([
                format!("{} {namespace}{} {}", object.kind, object.name, image.field),
                reference,
                state.to_owned(),
                image.policy.clone().unwrap_or_else(|| "-".to_owned()),
                format!("{}:{}:{}", image.file, image.line, image.column),
            ]);
        }
        if rows.is_empty() {
            return String::new();
        }
        rows.insert(0, ["FIELD", "IMAGE", "STATE", "POLICY", "PLACE"].map(str::to_owned));
        table(&rows)
    }
}

fn images(file: &str, document: &Document, policies: &ImagePolicies<'_>) -> Vec<Image> {
    let object = Object {
        api_version: document.api_version.clone(),
        kind: document.object.kind.clone(),
        namespace: document.object.namespace.clone(),
        name: document.object.name.clone(),
    };
    document
        .images
        .iter()
        .map(|image| Image {
            file: file.to_owned(),
            line: image.position.line,
            column: image.position.column,
            object: object.clone(),
            field: image.field.clone(),
            image: match repository(image, policies) {
                None => Some(image.image.name().to_owned()),
                Some(found) => found.ok().map(|repository| repository.name().to_owned()),
            },
            tag: image.image.tag().cloned(),
            digest: image.image.digest().cloned(),
            automated: document.intent.automated || image.marker.is_some(),
            locked: document.intent.lock.is_some(),
            policy: match &image.marker {
                Some(marker) => said(&marker.policy),
                None => document.intent.policy(&image.field).map(|policy| policy.text.clone()),
            },
        })
        .collect()
}

/// Why a marker's policy cannot be used. An ImagePolicy may stand in a file that was not named, which is no mistake.
fn problem(policies: &ImagePolicies<'_>, policy: &MarkerPolicy) -> Option<(Severity, String)> {
    match policy {
        MarkerPolicy::Text(text) if text.is_empty() => None,
        MarkerPolicy::Text(text) => Some((Severity::Warning, Policy::parse(text).err()?.to_string())),
        MarkerPolicy::ImagePolicy { namespace, name } if !policies.has(namespace, name) => Some((
            Severity::Notice,
            format!("the ImagePolicy {namespace}/{name} is in none of the files"),
        )),
        MarkerPolicy::ImagePolicy { namespace, name } => {
            Some((Severity::Warning, policies.policy(namespace, name).err()?))
        }
    }
}

/// The repository of an image that only its marker's ImagePolicy tells.
fn repository(image: &ImageField, policies: &ImagePolicies<'_>) -> Option<Result<ImageRef, String>> {
    match &image.marker.as_ref().filter(|_| !image.is_named)?.policy {
        MarkerPolicy::ImagePolicy { namespace, name } => Some(policies.repository(namespace, name)),
        MarkerPolicy::Text(_) => None,
    }
}

/// A marker's policy, where it says one.
fn said(policy: &MarkerPolicy) -> Option<String> {
    match policy {
        MarkerPolicy::Text(text) => (!text.is_empty()).then(|| text.clone()),
        MarkerPolicy::ImagePolicy { namespace, name } => Some(format!("ImagePolicy {namespace}/{name}")),
    }
}
