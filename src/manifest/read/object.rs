use crate::manifest::document::Document;
use crate::manifest::markers::apply;
use crate::manifest::read::file::FileObject;
use crate::manifest::read::identity::{Head, complete, identity};
use crate::manifest::read::image_site::Problem;
use crate::manifest::read::images::Images;
use crate::manifest::read::reader::Reader;
use crate::manifest::read::{annotations, helm, pod};
use crate::manifest::yaml::cursor::Cursor;
use crate::manifest::yaml::json::DuplicateKey;
use crate::model::{ObjectId, Severity};
use crate::resource;
use std::sync::Arc;

/// Signs of a placeholder that another program replaces before the object is applied.
const PLACEHOLDERS: [&str; 3] = ["{{", "${", "$("];

impl Reader<'_> {
    /// Reads an object: its value, its image fields and its annotations.
    pub(crate) fn object(&mut self, index: usize, cursor: &Cursor<'_>, head: &Head) {
        let object = match identity(cursor, head) {
            Ok(object) => object,
            Err(problem) => return self.report_problem(Severity::Error, None, &problem),
        };
        if !self.seen.insert(object.clone()) {
            self.file.duplicates.insert(object.clone());
            let message =
                "is declared twice in this file, and the second declaration is ignored; remove one of the two";
            return self.report(Severity::Error, Some(cursor.position()), Some(&object), message);
        }
        let Some(value) = self.value(cursor, head, &object) else {
            return;
        };
        let annotations = annotations::annotations(cursor);
        let mut images = match &*head.kind {
            "HelmRelease" => helm::image_fields(cursor, &annotations, &self.tokens),
            kind => pod::pod_spec(cursor, kind)
                .map(|spec| pod::image_fields(&spec, &self.tokens))
                .unwrap_or_default(),
        };
        apply::apply(cursor, &self.tokens, &mut self.comments, &mut images);
        let (intent, automation, mut problems) = annotations::intent(&annotations, &images);
        problems.append(&mut images.mistakes);
        problems.extend(annotations::not_a_map(cursor));
        if automation.automated {
            problems.append(&mut images.if_automated);
        }
        self.report_problems(&object, problems, &mut images, automation.automated);
        let Images {
            sites,
            names,
            unreadable,
            duplicate_names,
            ..
        } = images;
        self.file.objects.push(FileObject {
            document: Document {
                object: Arc::new(resource::Object {
                    id: object,
                    api_version: head.api_version.clone(),
                    value: resource::Packed::of(&value),
                    intent,
                    origin: self.origin(cursor.position()),
                }),
                position: cursor.position(),
                images: sites.iter().map(|site| site.field_of(cursor.path())).collect(),
                automation,
            },
            tree: index,
            sites,
            names,
            // Of several fields with one name, the first is kept.
            unreadable: unreadable.into_iter().rev().collect(),
            duplicate_names,
            path: cursor.path().clone(),
            applied: true,
        });
    }

    /// The object as kubectl would send it; `None` if it has no JSON form.
    fn value(&mut self, cursor: &Cursor<'_>, head: &Head, object: &ObjectId) -> Option<serde_json::Value> {
        let mut duplicates = Vec::new();
        match cursor.json(&mut duplicates) {
            Ok(value) => {
                for DuplicateKey { position, key } in duplicates {
                    let message = format!(
                        "the key {key} is twice in this map, and the last value is used; remove one of the two"
                    );
                    self.report(Severity::Warning, Some(position), Some(object), message);
                }
                Some(complete(value, head))
            }
            Err(error) => {
                self.report(Severity::Error, error.position, Some(object), error.reason);
                None
            }
        }
    }

    /// Reports the problems of an object in the order of the file. Afterwards ambiguous fields count as unreadable.
    fn report_problems(&mut self, object: &ObjectId, problems: Vec<Problem>, images: &mut Images, automated: bool) {
        let known = images.unreadable.len();
        images.unreadable.append(&mut images.ambiguous);
        let reported = if automated { images.unreadable.len() } else { known };
        let warnings = problems.into_iter().map(|problem| (Severity::Warning, problem));
        let unreadable = images
            .unreadable
            .iter()
            .take(reported)
            .map(|(field, Problem { position, message })| {
                let message = format!("the image {field} is not bumped: {message}");
                let is_placeholder = !automated && PLACEHOLDERS.iter().any(|sign| message.contains(sign));
                let severity = match is_placeholder {
                    true => Severity::Notice,
                    false => Severity::Warning,
                };
                let position = *position;
                (severity, Problem { position, message })
            });
        let mut all: Vec<(Severity, Problem)> = warnings.chain(unreadable).collect();
        all.sort_by_key(|(_, problem)| problem.position);
        for (severity, problem) in all {
            self.report_problem(severity, Some(object), &problem);
        }
    }
}
