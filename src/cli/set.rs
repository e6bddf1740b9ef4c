use super::images::{read, read_all};
use super::{Failure, print};
use crate::manifest::{self, Document, ImageChange};
use crate::model::{FieldName, ImageRef, RepoPath};
use anyhow::{Context, anyhow, bail};
use clap::{ArgAction, Args, Subcommand};
use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Change what a file says
#[derive(Debug, Args)]
pub(super) struct Set {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Image(Image),
}

/// Write other images into a file's image fields, and change no other byte
///
/// Edits as the agent does: the edited file is read again, and exactly the named fields must differ. An edit that cannot be
/// made with certainty is refused with its reason and exit code 1, and the file stays as it was. Without -i the edited file
/// is printed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tidegate set image --local -f web.yaml deployment/web web=registry.example/shop/web:0123abc
  tidegate set image --local -i -f web.yaml -n shop sts/db '*=registry.example/shop/db:1.2.3'")]
struct Image {
    /// Work on the file alone; nothing else is possible, a cluster is never asked
    #[arg(long, required = true, action = ArgAction::SetTrue)]
    local: bool,

    /// The file; `-` is standard input
    #[arg(short, long = "filename", value_name = "FILE")]
    file: PathBuf,

    /// Edit the file in place instead of printing it
    #[arg(short, long)]
    in_place: bool,

    /// The object's namespace, where the file has several of one name; '' is that of one without
    #[arg(short, long, value_name = "NAMESPACE")]
    namespace: Option<String>,

    /// The object: deployment/web, sts/db, helmrelease.helm.fluxcd.io/shop; kustomization/FOLDER and file/PATH as
    /// `tidegate images` names them
    #[arg(value_name = "KIND/NAME")]
    object: Target,

    /// What to write: a container's name, or a HelmRelease's alias, and the whole image reference, whose parts go where the
    /// field keeps them; `*` is every field
    #[arg(required = true, value_name = "FIELD=REFERENCE")]
    changes: Vec<Change>,
}

/// `KIND[.GROUP]/NAME` or `KIND.VERSION.GROUP/NAME`, the kind in any case, also in the plural or as kubectl shortens it.
#[derive(Debug, Clone)]
struct Target {
    kind: String,
    group: Option<String>,
    name: String,
}

/// One `FIELD=REFERENCE`.
#[derive(Debug, Clone)]
struct Change {
    field: String,
    image: ImageRef,
}

/// kubectl's short names of the kinds that name images.
const SHORT: [(&str, &str); 7] = [
    ("cj", "cronjob"),
    ("deploy", "deployment"),
    ("ds", "daemonset"),
    ("hr", "helmrelease"),
    ("po", "pod"),
    ("rs", "replicaset"),
    ("sts", "statefulset"),
];

impl std::str::FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, name) = text
            .split_once('/')
            .filter(|(kind, name)| !kind.is_empty() && !name.is_empty() && (is_placed(kind) || !name.contains('/')))
            .ok_or("KIND/NAME is wanted, as in deployment/web")?;
        let (kind, group) = match kind.split_once('.') {
            Some((kind, group)) => (kind, Some(group.to_owned())),
            None => (kind, None),
        };
        let kind = kind.to_ascii_lowercase();
        let long = SHORT
            .iter()
            .find(|(short, _)| *short == kind)
            .map(|(_, long)| (*long).to_owned());
        Ok(Self {
            kind: long.unwrap_or(kind),
            group,
            name: name.to_owned(),
        })
    }
}

impl std::str::FromStr for Change {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (field, image) = text
            .split_once('=')
            .filter(|(field, _)| !field.is_empty())
            .ok_or("FIELD=REFERENCE is wanted, as in web=registry.example/shop/web:1.2.3")?;
        Ok(Self {
            field: field.to_owned(),
            image: ImageRef::parse(image).map_err(|error| error.to_string())?,
        })
    }
}

impl Target {
    fn is(&self, document: &Document, namespace: Option<&str>, file: &Path) -> bool {
        let object = &document.object.id;
        let kind = object.kind.to_ascii_lowercase();
        (kind == self.kind || format!("{kind}s") == self.kind)
            && self.group.as_ref().is_none_or(|group| {
                *group == object.group || without_version(group).is_some_and(|group| group == object.group)
            })
            && (self.name == object.name || is_placed(&kind) && self.is_at(&object.name, file))
            && namespace.is_none_or(|namespace| object.namespace.as_deref().unwrap_or_default() == namespace)
    }
}

impl Target {
    /// `tidegate images` names a kustomization by its folder and a values file by its path, from wherever it looked.
    fn is_at(&self, name: &str, file: &Path) -> bool {
        let document = |name: &str| name.rsplit_once('#').map(|(_, number)| number.to_owned());
        let path = self.name.rsplit_once('#').map_or(&*self.name, |(path, _)| path);
        match name {
            "." => file.parent().is_some_and(|folder| folder.ends_with(path)),
            _ => file.ends_with(path) && document(name) == document(&self.name),
        }
    }
}

/// Kinds of what has no name of its own, and goes by its place.
fn is_placed(kind: &str) -> bool {
    ["component", "file", "kustomization"].contains(&kind.to_ascii_lowercase().as_str())
}

/// `apps` of kubectl's `v1.apps`: which version a file writes says nothing about which object it is.
fn without_version(text: &str) -> Option<&str> {
    let (version, group) = text.split_once('.')?;
    let number = version.strip_prefix('v')?;
    number.starts_with(|c: char| c.is_ascii_digit()).then_some(group)
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
            return Err(Failure::Usage(
                "standard input cannot be edited in place; leave -i out".to_owned(),
            ));
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
        let name = self
            .file
            .file_name()
            .map(|name| name.to_string_lossy())
            .unwrap_or_default();
        let path = RepoPath::parse(&name).unwrap_or_default();
        let reading = manifest::read(&path, bytes);
        let place = std::path::absolute(&self.file).unwrap_or_else(|_| self.file.clone());
        let found: Vec<&Document> = reading
            .documents
            .iter()
            .chain(&reading.values)
            .filter(|document| self.object.is(document, self.namespace.as_deref(), &place))
            .collect();
        let document = match found.as_slice() {
            [document] => *document,
            [] => {
                let problem = reading
                    .findings
                    .iter()
                    .find(|finding| finding.severity == crate::model::Severity::Error);
                let at = problem.and_then(|finding| finding.position);
                let at = at.map(|position| format!(":{position}")).unwrap_or_default();
                let applied = ", until then nothing of this file is applied";
                let why = problem
                    .map(|finding| format!(": {}", finding.message.trim_end_matches(applied)))
                    .unwrap_or_default();
                bail!(
                    "{file}{at}: not edited: there is no {}/{} in it{why}",
                    self.object.kind,
                    self.object.name
                )
            }
            several => {
                let names: Vec<String> = several.iter().map(|document| document.object.id.to_string()).collect();
                bail!(
                    "{file}: not edited: it has {}; say which with --namespace ('' for the one without) or KIND.GROUP/NAME",
                    names.join(" and ")
                )
            }
        };
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
}

/// The fields that a change names. One of which nothing can be read is left to the editor, who says why.
fn fields(document: &Document, all: BTreeSet<FieldName>, change: &Change) -> Result<Vec<FieldName>, String> {
    let readable: Vec<FieldName> = document.images.iter().map(|image| image.field.clone()).collect();
    let wanted = FieldName(change.field.clone());
    match &*change.field {
        "*" if readable.is_empty() && all.is_empty() => Err(format!("{} has no image field", document.object.id)),
        "*" => {
            let mut rest = all;
            rest.retain(|field| !readable.contains(field));
            Ok(readable.into_iter().chain(rest).collect())
        }
        _ if all.is_empty() && readable.is_empty() => Ok(vec![wanted]),
        _ if all.contains(&wanted) || readable.contains(&wanted) => Ok(vec![wanted]),
        _ => {
            let all: Vec<String> = readable.iter().map(ToString::to_string).collect();
            let all = match all.is_empty() {
                true => "none that can be read".to_owned(),
                false => all.join(", "),
            };
            Err(format!(
                "{} has no image field {wanted}; it has {all}",
                document.object.id
            ))
        }
    }
}

/// Writes beside the file and renames over it, so that whoever reads sees the old file or the new one. A symbolic link stays
/// one; permissions stay.
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
