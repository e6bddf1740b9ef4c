use super::failure::Failure;
use super::images::{read, read_all};
use super::object_name::ObjectName;
use super::output::print;
use crate::manifest::{self, Document, ImageChange, Reading};
use crate::model::{FieldName, ImageRef, RepoPath};
use anyhow::{Context, anyhow, bail};
use clap::{ArgAction, Args, Subcommand};
use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Edit a file
#[derive(Debug, Args)]
pub(super) struct Set {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Image(Image),
}

/// Write images into the image fields of a file, and change no other byte
///
/// Edits as the agent does: it reads the edited file again and checks that exactly the named fields differ. If an edit is not
/// certain to be right, the file stays as it is, the reason is printed, and the exit code is 1. Without -i, the edited file is
/// printed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tidegate set image --local -f web.yaml deployment/web web=registry.example/shop/web:0123abc
  tidegate set image --local -i -f web.yaml -n shop sts/db '*=registry.example/shop/db:1.2.3'")]
struct Image {
    /// Edit only the file; required, because no other way exists
    #[arg(long, required = true, action = ArgAction::SetTrue)]
    local: bool,

    /// File to edit; `-` is standard input
    #[arg(short, long = "filename", value_name = "FILE")]
    file: PathBuf,

    /// Write the edited file back instead of printing it
    #[arg(short, long)]
    in_place: bool,

    /// Namespace of the object, if the file has several objects of that name; '' stands for an object without a namespace
    #[arg(short, long, value_name = "NAMESPACE")]
    namespace: Option<String>,

    /// Object, e.g. deployment/web, sts/db, helmrelease.helm.fluxcd.io/shop, or kustomization/FOLDER and file/PATH as in
    /// the output of `tidegate images`
    #[arg(value_name = "KIND/NAME")]
    object: ObjectName,

    /// Image to write: the name of a container, or the alias of a HelmRelease, and the whole image reference. Its parts are
    /// written where the field keeps them. `*` stands for every field
    #[arg(required = true, value_name = "FIELD=REFERENCE")]
    changes: Vec<Change>,
}

/// One `FIELD=REFERENCE`.
#[derive(Debug, Clone)]
struct Change {
    field: String,
    image: ImageRef,
}

impl std::str::FromStr for Change {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (field, image) = text
            .split_once('=')
            .filter(|(field, _)| !field.is_empty())
            .ok_or("expected FIELD=REFERENCE, as in web=registry.example/shop/web:1.2.3")?;
        Ok(Self {
            field: field.to_owned(),
            image: ImageRef::parse(image).map_err(|error| error.to_string())?,
        })
    }
}

impl Set {
    pub(super) fn run(self) -> Result<(), Failure> {
        let Command::Image(image) = self.command;
        image.run()
    }
}

impl Image {
    fn run(self) -> Result<(), Failure> {
        let piped = self.file.as_os_str() == "-";
        if piped && self.in_place {
            return Err(Failure::usage("standard input cannot be edited in place; remove -i"));
        }
        let bytes = if piped {
            read_all(std::io::stdin(), &self.file)?
        } else {
            read(&self.file)?
        };
        let edited = self.edit(&bytes)?;
        if !self.in_place {
            return print(&edited);
        }
        if edited != bytes {
            replace(&self.file, &edited).with_context(|| format!("{} cannot be written", self.file.display()))?;
        }
        Ok(())
    }

    fn edit(&self, bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
        let file = self.file.display();
        let name = self.file.file_name().map(|name| name.to_string_lossy());
        let path = RepoPath::parse(&name.unwrap_or_default()).unwrap_or_default();
        let reading = manifest::read(&path, bytes);
        let document = self.document(&reading)?;
        let mut changes = Vec::new();
        for change in &self.changes {
            let fields = fields(
                document,
                manifest::image_fields(&path, bytes, &document.object.id),
                change,
            )
            .map_err(|reason| anyhow!("{file}:{}: not edited: {reason}", document.position))?;
            changes.extend(fields.into_iter().map(|field| ImageChange {
                object: document.object.id.clone(),
                field,
                image: change.image.clone(),
            }));
        }
        manifest::set_images(&path, bytes, &changes)
            .map_err(|refused| anyhow!("{file}:{}: not edited: {}", refused.position, refused.reason))
    }

    /// The one document that declares the object.
    fn document<'a>(&self, reading: &'a Reading) -> anyhow::Result<&'a Document> {
        let file = self.file.display();
        let on_disk = std::path::absolute(&self.file).unwrap_or_else(|_| self.file.clone());
        let documents = reading.documents.iter().chain(&reading.values);
        let found: Vec<&Document> = documents
            .filter(|document| self.object.matches(document, self.namespace.as_deref(), &on_disk))
            .collect();
        match found.as_slice() {
            [document] => Ok(document),
            [] => Err(self.absent(reading)),
            several => {
                let names: Vec<String> = several.iter().map(|document| document.object.id.to_string()).collect();
                bail!(
                    "{file}: not edited: it has {}; say which with --namespace ('' for the one without) or KIND.GROUP/NAME",
                    names.join(" and ")
                )
            }
        }
    }

    /// The object is not in the file, perhaps because the file has an error.
    fn absent(&self, reading: &Reading) -> anyhow::Error {
        let mut findings = reading.findings.iter();
        let error = findings.find(|finding| finding.is_error());
        let position = error.and_then(|finding| finding.position);
        let position = position.map(|position| format!(":{position}")).unwrap_or_default();
        let sync_only = ", until then nothing of this file is applied";
        let why = error.map(|finding| format!(": {}", finding.message.trim_end_matches(sync_only)));
        anyhow!(
            "{}{position}: not edited: there is no {}/{} in it{}",
            self.file.display(),
            self.object.kind,
            self.object.name,
            why.unwrap_or_default()
        )
    }
}

/// The fields that a change names. A field that cannot be read is included, since the editor says why it cannot be read.
fn fields(document: &Document, all: BTreeSet<FieldName>, change: &Change) -> Result<Vec<FieldName>, String> {
    let readable: Vec<FieldName> = document.images.iter().map(|image| image.field.clone()).collect();
    let named = FieldName(change.field.clone());
    match &*change.field {
        "*" if readable.is_empty() && all.is_empty() => Err(format!("{} has no image field", document.object.id)),
        "*" => {
            let mut rest = all;
            rest.retain(|field| !readable.contains(field));
            Ok(readable.into_iter().chain(rest).collect())
        }
        _ if all.is_empty() && readable.is_empty() => Ok(vec![named]),
        _ if all.contains(&named) || readable.contains(&named) => Ok(vec![named]),
        _ => {
            let all: Vec<String> = readable.iter().map(ToString::to_string).collect();
            let all = match all.is_empty() {
                true => "none that can be read".to_owned(),
                false => all.join(", "),
            };
            Err(format!(
                "{} has no image field {named}; it has {all}",
                document.object.id
            ))
        }
    }
}

/// Writes a new file and renames it to the old file's name, so that a reader sees the old file or the new one. A symbolic link
/// stays a symbolic link; permissions stay.
fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let path = path.canonicalize()?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    new.write_all(bytes)?;
    new.as_file().set_permissions(std::fs::metadata(&path)?.permissions())?;
    new.as_file().sync_all()?;
    new.persist(&path).map_err(|error| error.error)?;
    Ok(())
}
