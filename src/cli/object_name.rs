use crate::manifest::Document;
use std::path::Path;

/// An object as users name it: `KIND[.GROUP]/NAME` or `KIND.VERSION.GROUP/NAME`, the kind in any case, in the singular, the
/// plural or as kubectl shortens it.
#[derive(Debug, Clone)]
pub(super) struct ObjectName {
    pub(super) kind: String,
    group: Option<String>,
    pub(super) name: String,
}

/// kubectl's short names of the kinds that have images.
const SHORT: [(&str, &str); 8] = [
    ("cj", "cronjob"),
    ("deploy", "deployment"),
    ("ds", "daemonset"),
    ("hr", "helmrelease"),
    // kubectl has no short name for a Job; the entry makes its plural known.
    ("job", "job"),
    ("po", "pod"),
    ("rs", "replicaset"),
    ("sts", "statefulset"),
];

/// The kind of `KIND[.GROUP]` in lower case, in the singular, and not shortened.
pub(super) fn singular_kind(text: &str) -> String {
    let kind = text.split_once('.').map_or(text, |(kind, _)| kind).to_ascii_lowercase();
    let known = SHORT
        .iter()
        .find(|(short, long)| *short == kind || kind.strip_suffix('s') == Some(*long));
    known.map_or(kind, |(_, long)| (*long).to_owned())
}

impl std::str::FromStr for ObjectName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, name) = text
            .split_once('/')
            .filter(|(kind, name)| !kind.is_empty() && !name.is_empty() && (has_path_name(kind) || !name.contains('/')))
            .ok_or("expected KIND/NAME, as in deployment/web")?;
        let (kind, group) = match kind.split_once('.') {
            Some((kind, group)) => (kind, Some(group.to_owned())),
            None => (kind, None),
        };
        Ok(Self {
            kind: singular_kind(kind),
            group,
            name: name.to_owned(),
        })
    }
}

impl ObjectName {
    /// Whether a document of `file` (an absolute path) is this object. Without `namespace`, any namespace matches.
    pub(super) fn matches(&self, document: &Document, namespace: Option<&str>, file: &Path) -> bool {
        let object = &document.object.id;
        let kind = object.kind.to_ascii_lowercase();
        (kind == self.kind || format!("{kind}s") == self.kind)
            && self.group.as_ref().is_none_or(|group| {
                *group == object.group || without_version(group).is_some_and(|group| group == object.group)
            })
            && (self.name == object.name || has_path_name(&kind) && self.is_at(&object.name, file))
            && namespace.is_none_or(|namespace| object.namespace.as_deref().unwrap_or_default() == namespace)
    }

    /// `tidegate images` names a kustomization by its folder and a values file by its path, each from the folder that was
    /// searched.
    fn is_at(&self, name: &str, file: &Path) -> bool {
        let document = |name: &str| name.rsplit_once('#').map(|(_, number)| number.to_owned());
        let path = self.name.rsplit_once('#').map_or(&*self.name, |(path, _)| path);
        match name {
            "." => file.parent().is_some_and(|folder| folder.ends_with(path)),
            _ => file.ends_with(path) && document(name) == document(&self.name),
        }
    }
}

/// Whether objects of this kind are named by a path, since their files give them no name.
fn has_path_name(kind: &str) -> bool {
    ["component", "file", "kustomization"].contains(&kind.to_ascii_lowercase().as_str())
}

/// The `apps` in kubectl's `v1.apps`. The version does not identify an object.
fn without_version(text: &str) -> Option<&str> {
    let (version, group) = text.split_once('.')?;
    let number = version.strip_prefix('v')?;
    number.starts_with(|c: char| c.is_ascii_digit()).then_some(group)
}
