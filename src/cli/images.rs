mod answer;
mod files;

pub(super) use files::{read, read_all};

use super::{Failure, Output, print, print_json};
use crate::manifest::{self, Reading};
use crate::model::{Digest, FieldName, RepoPath, Severity, Tag};
use crate::plan::ImagePolicies;
use clap::Args;
use files::{find, shown, unread};
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::PathBuf;

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
                    let bytes = match read(&file.place) {
                        Err(failure) if file.place != *path => {
                            answer.findings.push(unread(&file.place, &failure));
                            continue;
                        }
                        bytes => bytes?,
                    };
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
        let documents = readings().flat_map(|(file, _, reading)| reading.documents.iter().map(move |one| (file, one)));
        let policies = ImagePolicies::among(documents);
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
