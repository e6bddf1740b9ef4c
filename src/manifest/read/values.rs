use crate::manifest::automation_intent::AutomationIntent;
use crate::manifest::document::Document;
use crate::manifest::markers::apply;
use crate::manifest::read::file::FileObject;
use crate::manifest::read::images::Images;
use crate::manifest::read::kustomize;
use crate::manifest::read::reader::Reader;
use crate::manifest::yaml::cursor::Cursor;
use crate::model::{ObjectId, Severity};
use crate::resource::{self, Intent};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The `apiVersion` of a kustomization that has none.
const DEFAULT_API_VERSION: &str = "kustomize.config.k8s.io/v1beta1";

impl Reader<'_> {
    /// Reads a kustomization. Its image fields belong to an object with the name of its folder, which sync never applies.
    pub(crate) fn kustomization(&mut self, index: usize, root: &Cursor<'_>) {
        let (kustomization, mut images) = kustomize::read(root, &self.tokens);
        apply::apply(root, &self.tokens, &mut self.comments, &mut images);
        self.report(
            Severity::Notice,
            Some(root.position()),
            None,
            "is a kustomization; skipped",
        );
        self.file.kustomization = Some(kustomization);
        let text = |key: &str| root.key(key).and_then(|cursor| cursor.text());
        let api_version = text("apiVersion").unwrap_or_else(|| DEFAULT_API_VERSION.to_owned());
        let kind = text("kind").unwrap_or_else(|| "Kustomization".to_owned());
        let folder = self.path.parent();
        let name = match folder.as_str() {
            "" => ".",
            folder => folder,
        };
        let object = ObjectId::new(&api_version, &kind, None, name);
        for key in ["replacements", "transformers"] {
            if let Some(list) = root.key(key).filter(|list| !list.items().is_empty()) {
                let message = format!(
                    "has {key}, which Tidegate does not evaluate; images that they set are not bumped, set them under images instead"
                );
                self.report(Severity::Notice, Some(list.position()), Some(&object), message);
            }
        }
        self.add_values(index, root, object, &api_version, images);
    }

    /// Reads a document that is not an object: its image fields are those that markers name. Returns whether it has
    /// markers.
    pub(crate) fn values_file(&mut self, index: usize, root: &Cursor<'_>) -> bool {
        let mut images = Images::default();
        apply::apply(root, &self.tokens, &mut self.comments, &mut images);
        if images.sites.is_empty() && images.mistakes.is_empty() {
            return false;
        }
        let name = match index {
            0 => self.path.as_str().to_owned(),
            _ => format!("{}#{}", self.path, index + 1),
        };
        self.add_values(index, root, ObjectId::new("", "File", None, &name), "", images);
        true
    }

    fn add_values(&mut self, index: usize, root: &Cursor<'_>, object: ObjectId, api_version: &str, images: Images) {
        let mut mistakes = images.mistakes;
        mistakes.sort_by_key(|problem| problem.position);
        for problem in &mistakes {
            self.report_problem(Severity::Warning, Some(&object), problem);
        }
        if !self.seen.insert(object.clone()) {
            self.file.duplicates.insert(object);
            return;
        }
        self.file.objects.push(FileObject {
            document: Document {
                object: Arc::new(resource::Object {
                    id: object,
                    api_version: api_version.to_owned(),
                    value: resource::Packed::of(&serde_json::Value::Null),
                    intent: Intent::default(),
                    origin: self.origin(root.position()),
                }),
                position: root.position(),
                images: images.sites.iter().map(|site| site.field_of(root.path())).collect(),
                automation: AutomationIntent::default(),
            },
            tree: index,
            sites: images.sites,
            names: images.names,
            unreadable: BTreeMap::new(),
            duplicate_names: images.duplicate_names,
            path: root.path().clone(),
            applied: false,
        });
    }
}
