use super::files::{File, find, read, shown, unread};
use super::list::List;
use crate::cli::failure::Failure;
use crate::cli::output::{Output, print, print_json};
use crate::manifest::{self, Reading};
use crate::model::Severity;
use clap::Args;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// List the image fields of files: where each one is, its image, and what its annotations ask for
///
/// Reads files as the agent does, without a cluster or a registry. A file that is named is read whatever its name is. In a
/// folder and the folders below it, the .yaml, .yml and .json files are read; Helm chart folders are left out.
///
/// Problems are printed on standard error; the JSON output contains them, and also names the files that were left out. The exit
/// code is 0 with problems as well, and 1 if a PATH cannot be read.
#[derive(Debug, Args)]
pub(in crate::cli) struct Images {
    /// Files and folders
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Accepted for older scripts: the folders below are always read
    #[arg(short = 'R', long, hide = true)]
    recursive: bool,

    /// Output format
    #[arg(short, long, default_value = "text", value_name = "FORMAT")]
    output: Output,
}

impl Images {
    pub(in crate::cli) fn run(self) -> Result<(), Failure> {
        let mut list = List::default();
        let mut seen = BTreeSet::new();
        let mut folders = Vec::new();
        for path in &self.paths {
            folders.push(self.read(path, &mut seen, &mut list)?);
        }
        list.add(&folders);
        let files: usize = folders.iter().map(Vec::len).sum();
        match self.output {
            Output::Json => print_json(&list),
            Output::Text => {
                print(list.table().as_bytes())?;
                if list.is_empty() {
                    eprintln!("no image fields in {files} file{}", if files == 1 { "" } else { "s" });
                }
                let problems = list.findings.iter();
                for finding in problems.filter(|finding| finding.severity != Severity::Notice) {
                    eprintln!("{finding}");
                }
                Ok(())
            }
        }
    }

    /// The files of one PATH. What cannot be read below a folder becomes a finding.
    fn read(&self, path: &Path, seen: &mut BTreeSet<PathBuf>, list: &mut List) -> Result<Vec<File>, Failure> {
        let (found, left_out) = find(path)?;
        list.findings.extend(left_out);
        let mut files = Vec::new();
        for file in found {
            if !seen.insert(file.on_disk.clone()) {
                continue;
            }
            let bytes = match read(&file.on_disk) {
                Ok(bytes) => bytes,
                Err(error) if file.on_disk == *path => return Err(error.into()),
                Err(error) => {
                    list.findings.push(unread(&file.on_disk, &error));
                    continue;
                }
            };
            let reading = match manifest::can_skip_for_images(&file.path, &bytes) {
                true => Reading::default(),
                false => manifest::read(&file.path, &bytes),
            };
            files.push(File {
                name: shown(&file.on_disk),
                path: file.path,
                reading,
            });
        }
        Ok(files)
    }
}
