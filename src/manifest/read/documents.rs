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
            self.file.operations.extend(patches::operations(root));
            if self.file.encrypted || !self.values_file(index, root) {
                let message = "is a list or a text, not a Kubernetes object; skipped";
                self.report(Severity::Notice, at, None, message);
            }
            return;
        }
        let encrypted = root.walk(&["sops", "mac"]).is_some();
        self.file.encrypted |= encrypted;
        match head(self.path.file_name(), root) {
            Err(NotAnObject::Kustomization) => self.kustomization(index, root),
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
