use super::{Object, Reader};
use crate::manifest::document::{AutomationIntent, Document};
use crate::manifest::markers::apply;
use crate::manifest::read::images::{Images, Trouble};
use crate::manifest::read::kustomize;
use crate::manifest::yaml::cursor::Place;
use crate::model::{ObjectId, Severity};
use crate::resource::{self, Intent};
use std::sync::Arc;

impl Reader<'_> {
    /// A kustomization is an object of its folder's name, which nobody applies.
    pub(crate) fn kustomization(&mut self, index: usize, root: &Place<'_>) {
        let (kustomization, mut images) = kustomize::of(root, &self.tokens);
        apply::apply(root, &self.tokens, &mut self.comments, &mut images);
        self.find(
            Severity::Notice,
            Some(root.position()),
            None,
            "is a kustomization; passed over".to_owned(),
        );
        self.file.kustomization = Some(kustomization);
        let text = |key: &str| root.key(key).and_then(|place| place.text());
        let api_version = text("apiVersion").unwrap_or_else(|| "kustomize.config.k8s.io/v1beta1".to_owned());
        let folder = self.path.parent();
        let name = if folder.as_str().is_empty() {
            "."
        } else {
            folder.as_str()
        };
        let kind = text("kind").unwrap_or_else(|| "Kustomization".to_owned());
        let object = ObjectId::new(&api_version, &kind, None, name);
        for key in ["replacements", "transformers"] {
            if let Some(list) = root.key(key).filter(|list| !list.items().is_empty()) {
                let message = format!(
                    "has {key}, which are not followed; what they set in images is not bumped, say it under images instead"
                );
                self.find(Severity::Notice, Some(list.position()), Some(&object), message);
            }
        }
        self.values(index, root, object, &api_version, images);
    }

    /// What is no object at all holds the images that markers name; whether there are any.
    pub(crate) fn plain(&mut self, index: usize, root: &Place<'_>) -> bool {
        let mut images = Images::default();
        apply::apply(root, &self.tokens, &mut self.comments, &mut images);
        let any = !images.sites.is_empty() || !images.mistakes.is_empty();
        if any {
            let name = match index {
                0 => self.path.as_str().to_owned(),
                _ => format!("{}#{}", self.path, index + 1),
            };
            self.values(index, root, ObjectId::new("", "File", None, &name), "", images);
        }
        any
    }

    pub(crate) fn values(
        &mut self,
        index: usize,
        root: &Place<'_>,
        object: ObjectId,
        api_version: &str,
        images: Images,
    ) {
        let mut mistakes = images.mistakes;
        mistakes.sort_by_key(|trouble| trouble.position);
        for Trouble { position, message } in &mistakes {
            self.find(Severity::Warning, Some(*position), Some(&object), message.clone());
        }
        if !self.seen.insert(object.clone()) {
            self.file.doubled.insert(object);
            return;
        }
        self.file.objects.push(Object {
            document: Document {
                object: Arc::new(resource::Object {
                    id: object,
                    api_version: api_version.to_owned(),
                    value: serde_json::Value::Null,
                    intent: Intent::default(),
                    origin: self.origin(root.position()),
                }),
                position: root.position(),
                images: images.sites.iter().map(|site| site.field.clone()).collect(),
                automation: AutomationIntent::default(),
            },
            tree: index,
            sites: images.sites,
            names: images.names,
            troubles: mistakes,
            path: root.path().clone(),
            applied: false,
        });
    }
}
