use super::{Answer, Folder, Image, Object, Told};
use crate::cli::table;
use crate::manifest::{Document, ImageField, MarkerPolicy, Reading};
use crate::model::{Digest, ImageRef, Position, Severity, Tag};
use crate::plan::{self, AutomatedField, ImagePolicies, Layers, Overlay};
use crate::policy::Policy;
use std::collections::{BTreeMap, BTreeSet};

impl Answer {
    pub(super) fn add(&mut self, file: &str, reading: &Reading, policies: &ImagePolicies<'_>) {
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
            for written in document.automation.policies.values().filter(|policy| policy.is_text) {
                if let Err(error) = Policy::parse(&written.text) {
                    let message = format!("{}: {}: {error}", document.object.id, written.annotation);
                    self.findings
                        .push(told(Some(written.position), Severity::Warning, message));
                }
            }
            for marker in document.images.iter().filter_map(|image| image.marker.as_ref()) {
                if let Some((severity, problem)) = problem(policies, &marker.policy) {
                    let message = format!("{}: {problem}", document.object.id);
                    self.findings.push(told(Some(marker.position), severity, message));
                }
            }
            for image in &document.images {
                let Some(marker) = &image.marker else { continue };
                if problem(policies, &marker.policy).is_none()
                    && let Some(Err(problem)) = repository(image, policies)
                {
                    let message = format!("{}: {problem}", document.object.id);
                    self.findings
                        .push(told(Some(marker.position), Severity::Warning, message));
                }
            }
            self.images.extend(images(file, document, policies));
        }
    }

    /// What workloads in bases of kustomizations ask for is done in the overlays that say their images.
    pub(super) fn follow(&mut self, folder: &Folder) {
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
        let files: BTreeMap<_, _> = folder.iter().map(|(file, path, _)| (path, file)).collect();
        let mut rows: BTreeMap<_, _> = self
            .images
            .iter_mut()
            .map(|row| ((row.file.clone(), row.line, row.column, row.field.clone()), row))
            .collect();
        for field in plan::through_overlays(asked, &layers) {
            let Some(file) = files.get(&field.path) else {
                continue;
            };
            let (line, column) = (field.position.line, field.position.column);
            let row = rows.get_mut(&((*file).clone(), line, column, field.field.field.clone()));
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
                    file: (*file).clone(),
                    line: Some(line),
                    column: Some(column),
                    message: format!("{}: {reason}", field.field),
                    severity: Severity::Warning,
                });
            }
        }
    }

    pub(super) fn for_people(&self) -> String {
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
        api_version: document.object.api_version.clone(),
        kind: document.object.id.kind.clone(),
        namespace: document.object.id.namespace.clone(),
        name: document.object.id.name.clone(),
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
            automated: document.automation.automated || image.marker.is_some(),
            locked: document.automation.lock.is_some(),
            policy: match &image.marker {
                Some(marker) => said(&marker.policy),
                None => document
                    .automation
                    .policy(&image.field)
                    .map(|policy| policy.text.clone()),
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
