use crate::manifest::read::head::{NotAnObject, head};
use crate::manifest::read::identity::{Head, identity};
use crate::manifest::read::patches;
use crate::manifest::read::reader::Reader;
use crate::manifest::yaml::cursor::Cursor;
use crate::model::Severity;

impl Reader<'_> {
    /// Reads one document: an object, a list of objects, a kustomization, or a file of values with markers.
    pub(crate) fn document(&mut self, index: usize, root: &Cursor<'_>) {
        if root.is_null() {
            return;
        }
        let at = Some(root.position());
        if !root.is_mapping() {
            return self.text_or_list(index, root);
        }
        if is_error_page(root) {
            let message = "is the answer of a web server and not a Kubernetes object; put the manifest back";
            return self.report(Severity::Error, at, None, message);
        }
        let encrypted = root.walk(&["sops", "mac"]).is_some();
        self.file.encrypted |= encrypted;
        match head(self.path.file_name(), root) {
            Err(NotAnObject::Kustomization) => self.kustomization(index, root),
            Err(NotAnObject::Other(..)) if encrypted && is_encrypted_text(root) => {
                let message = "is a text that is encrypted with SOPS as a whole, so that nobody knows whether it holds \
                               manifests; encrypt it as YAML, or leave it out of repo.paths";
                self.report(Severity::Error, at, None, message);
            }
            Err(NotAnObject::Other(..)) if encrypted => {
                self.report(Severity::Notice, at, None, "is encrypted with SOPS; skipped");
            }
            Err(NotAnObject::Other(severity, message)) => {
                if self.file.encrypted || !self.values_file(index, root) {
                    self.report(severity, at, None, message);
                }
            }
            Ok(head) if encrypted => {
                let object = identity(root, &head).ok();
                let message = "is encrypted with SOPS; not applied";
                self.report(Severity::Error, at, object.as_ref(), message);
            }
            Ok(head) => self.object_or_list(index, root, &head),
        }
    }

    /// Reads a document that is no map. A text is an error, since it may stand where a manifest stood: a Git LFS pointer, an
    /// encrypted file, a web page.
    fn text_or_list(&mut self, index: usize, root: &Cursor<'_>) {
        let at = Some(root.position());
        if self.file.operations.is_empty() {
            self.file.operations = patches::operations(root);
        }
        let is_values = !self.file.encrypted && self.values_file(index, root);
        if let Some(text) = root.scalar() {
            let message = format!("is {}", text_problem(&text.value));
            self.report(Severity::Error, at, None, message);
        } else if root.items().iter().any(is_like_an_object) {
            let message = "is a list with Kubernetes objects, which kubectl does not read; separate the objects with lines \
                           of ---, or make them the items of a List";
            self.report(Severity::Error, at, None, message);
        } else if !is_values {
            self.report(
                Severity::Notice,
                at,
                None,
                "is a list, not a Kubernetes object; skipped",
            );
        }
    }

    fn object_or_list(&mut self, index: usize, root: &Cursor<'_>, head: &Head) {
        let is_list = head.kind == "List" || root.walk(&["metadata", "name"]).is_none();
        let items = root
            .key("items")
            .filter(|items| head.kind.ends_with("List") && (items.is_sequence() || is_list && items.is_null()));
        let Some(items) = items else {
            return self.object(index, root, head);
        };
        let item_kind = head.kind.strip_suffix("List").filter(|kind| !kind.is_empty());
        for item in items.items() {
            self.item(index, &item, head, item_kind);
        }
    }

    /// Reads an item of a list. An item of a typed list may omit `apiVersion` and `kind`; the list's apply then.
    fn item(&mut self, index: usize, item: &Cursor<'_>, list: &Head, kind: Option<&str>) {
        let bare = item.key("apiVersion").is_none() && item.key("kind").is_none();
        match kind.filter(|_| bare && item.is_mapping()) {
            Some(kind) => {
                let head = Head {
                    api_version: list.api_version.clone(),
                    kind: kind.to_owned(),
                };
                self.object(index, item, &head);
            }
            None => self.document(index, item),
        }
    }
}

/// What a text is that stands where a manifest is expected, and what to do. The answer continues the sentence "the
/// document is …".
fn text_problem(text: &str) -> String {
    let known = [
        (
            "version https://git-lfs.github.com/spec/",
            "a pointer of Git LFS, whose file is not fetched; commit the manifest itself",
        ),
        (
            "$ANSIBLE_VAULT;",
            "encrypted with ansible-vault, and is not decrypted; commit the manifest in plain text",
        ),
        (
            "-----BEGIN ",
            "an encrypted or signed text, and is not decrypted; commit the manifest in plain text",
        ),
        (
            "age-encryption.org/",
            "encrypted with age, and is not decrypted; commit the manifest in plain text",
        ),
        (
            "<",
            "a web page or another XML text, not a Kubernetes object; put the manifest back",
        ),
    ];
    let mut known = known.into_iter();
    let problem = known.find_map(|(start, problem)| text.starts_with(start).then_some(problem));
    let unknown = "a text, not a Kubernetes object; put the manifest back, or remove the document";
    problem.unwrap_or(unknown).to_owned()
}

/// Whether an item of a list looks like an object.
fn is_like_an_object(item: &Cursor<'_>) -> bool {
    item.key("apiVersion").is_some() && item.key("kind").is_some()
}

/// Whether a map is the text of an HTTP error that somebody saved: `404: Not Found`.
fn is_error_page(root: &Cursor<'_>) -> bool {
    let entries = root.entries();
    let is_status =
        |key: &str| key.len() == 3 && key.starts_with(['4', '5']) && key.bytes().all(|b| b.is_ascii_digit());
    matches!(&entries[..], [(key, value)] if is_status(key) && value.text().is_some())
}

/// Whether SOPS encrypted a text and not a map: then it writes the text to the key `data`, and nothing else.
fn is_encrypted_text(root: &Cursor<'_>) -> bool {
    let is_text = root.text_at("data").is_some_and(|data| data.starts_with("ENC["));
    is_text && root.entries().iter().all(|(key, _)| key == "data" || key == "sops")
}
