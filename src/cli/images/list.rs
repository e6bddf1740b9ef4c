use super::files::File;
use super::finding::Finding;
use super::overlays;
use super::row::{self, Row};
use crate::manifest::{Document, ImageField, MarkerPolicy};
use crate::model::{ObjectId, Position, Severity, table};
use crate::plan::{self, ImagePolicies};
use crate::policy::Policy;
use serde::Serialize;

/// The output of `tidegate images`.
#[derive(Serialize, Default)]
pub(super) struct List {
    images: Vec<Row>,
    pub(super) findings: Vec<Finding>,
}

impl List {
    /// Adds the files of all PATHs; the files of one PATH are one config repo.
    pub(super) fn add(&mut self, folders: &[Vec<File>]) {
        let files = || folders.iter().flatten();
        let documents = files().flat_map(|file| file.reading.documents.iter().map(move |one| (&file.name, one)));
        let policies = ImagePolicies::among(documents.map(|(name, document)| (name.as_str(), document)));
        for file in files() {
            self.add_file(file, &policies);
        }
        for folder in folders {
            overlays::apply(folder, &mut self.images, &mut self.findings);
        }
        self.findings.sort();
        self.findings.dedup();
    }

    fn add_file(&mut self, file: &File, policies: &ImagePolicies<'_>) {
        for finding in &file.reading.findings {
            let object = finding.object.as_ref();
            self.find(
                file,
                finding.position,
                object,
                finding.severity,
                finding.message.clone(),
            );
        }
        for document in file.reading.documents.iter().chain(&file.reading.values) {
            for written in document
                .automation
                .policies
                .iter()
                .map(|(_, policy)| policy)
                .filter(|policy| policy.is_text)
            {
                if let Err(error) = Policy::parse(&written.text) {
                    let message = format!("{}: {error}", written.annotation);
                    let object = Some(&document.object.id);
                    self.find(file, Some(written.position), object, Severity::Warning, message);
                }
            }
            for image in &document.images {
                if let Some((position, severity, problem)) = marker_problem(image, policies) {
                    self.find(file, Some(position), Some(&document.object.id), severity, problem);
                }
            }
            self.add_rows(file, document, policies);
        }
    }

    fn add_rows(&mut self, file: &File, document: &Document, policies: &ImagePolicies<'_>) {
        self.images.extend(row::of_document(&file.name, document, policies));
    }

    fn find(
        &mut self,
        file: &File,
        position: Option<Position>,
        object: Option<&ObjectId>,
        severity: Severity,
        message: String,
    ) {
        self.findings.push(Finding {
            path: file.name.clone(),
            position,
            object: object.cloned(),
            severity,
            message,
        });
    }

    /// Whether no image field was found.
    pub(super) fn is_empty(&self) -> bool {
        self.images.is_empty()
    }

    /// The rows for people; empty without rows.
    pub(super) fn table(&self) -> String {
        if self.images.is_empty() {
            return String::new();
        }
        let mut rows = vec![["FIELD", "IMAGE", "STATE", "POLICY", "PLACE"].map(str::to_owned)];
        rows.extend(self.images.iter().map(Row::cells));
        table(&rows)
    }
}

/// Why the marker of an image field cannot be used.
fn marker_problem(image: &ImageField, policies: &ImagePolicies<'_>) -> Option<(Position, Severity, String)> {
    let marker = image.marker.as_ref()?;
    let problem = policy_problem(policies, &marker.policy).or_else(|| {
        let repository = row::repository(image, policies).and_then(Result::err);
        let problem = repository.or_else(|| plan::new_name(image, policies).err());
        Some((Severity::Warning, problem?))
    });
    let (severity, problem) = problem?;
    Some((marker.position, severity, problem))
}

/// Why a marker's policy cannot be used. An ImagePolicy may be in a file that the user did not name; that is no mistake.
fn policy_problem(policies: &ImagePolicies<'_>, policy: &MarkerPolicy) -> Option<(Severity, String)> {
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
