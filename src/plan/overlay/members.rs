use super::mark::{each_image, marks, parse};
use super::object::{Object, automation_annotations};
use super::release;
use super::sources::{Source, Sources};
use crate::manifest::{AutomationIntent, Document, automation_of};
use crate::model::{FieldName, ObjectId, RepoPath};
use crate::plan::field::immutable;
use crate::resource::pod_spec_path;
use serde_json::Value;
use std::rc::Rc;

/// An image of a rendered object, and the source of its tag.
pub(super) struct Member<'a> {
    pub(super) source: usize,
    /// The name of the image, as rendered.
    pub(super) name: String,
    /// What an entry of `images` appends to the tag.
    pub(super) suffix: String,
    /// The file that declares the object.
    pub(super) path: &'a RepoPath,
    /// The document that declares the object.
    pub(super) document: &'a Document,
    /// Why the images of the object cannot be followed, if they cannot.
    pub(super) refusal: Option<Rc<str>>,
    /// Why the images of the object cannot change, if they cannot.
    pub(super) immutable: Option<String>,
    /// The image field; `None` for an image where Tidegate knows no field.
    pub(super) field: Option<FieldName>,
    /// What the rendered annotations ask of automation.
    pub(super) intent: Rc<AutomationIntent>,
    /// The object as rendered, for messages.
    pub(super) label: String,
}

impl Member<'_> {
    /// Whether the workload asks for bumps of the image.
    pub(super) fn is_automated(&self) -> bool {
        self.field.is_some() && self.intent.automated
    }
}

/// The images of a rendered object whose tags come from known sources.
pub(super) fn members<'a>(object: &Object<'a>, sources: &mut Sources<'a>) -> Vec<Member<'a>> {
    let intent = Rc::new(intent(object));
    let identity = object.identity();
    let label = ObjectId {
        group: identity.group,
        kind: identity.kind,
        namespace: identity.namespace,
        name: identity.name,
    };
    let label = label.to_string();
    let member = |field: Option<&str>, name: &str, source: usize, suffix: &str| Member {
        source,
        name: name.to_owned(),
        suffix: suffix.to_owned(),
        path: object.path,
        document: object.document,
        refusal: object.refusal.clone(),
        immutable: immutable(&object.value),
        field: field.map(|field| FieldName(field.to_owned())),
        intent: Rc::clone(&intent),
        label: label.clone(),
    };
    let mut found: Vec<Member<'a>> = Vec::new();
    if object.is_release() {
        let images = release::images(&object.value).into_iter();
        found.extend(images.map(|image| {
            let source = image.source.unwrap_or_else(|| sources.add(elsewhere(object)));
            member(Some(&image.field.0), &image.name, source, "")
        }));
        // A tag that is rendered where no image field has it from would change, too.
        let known: Vec<usize> = found.iter().map(|member| member.source).collect();
        let others = release::sources(&object.value).into_iter();
        let others = others.filter(|source| !known.contains(source));
        found.extend(others.map(|source| member(None, "", source, "")));
    }
    let mut value = Value::clone(&object.value);
    let kind = value.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
    let spec = pod_spec_path(&kind)
        .iter()
        .try_fold(&mut value, |value, key| value.get_mut(key));
    if let Some(spec) = spec.filter(|_| !object.is_release()) {
        let mut seen: Vec<(String, String)> = Vec::new();
        each_image(spec, &mut |field, image| {
            let written = image.clone();
            if let Some((name, source, suffix)) = parse(&written) {
                let mut others = seen.iter().filter(|(other, _)| other == field);
                // Of two containers with one name, the first has the name's field. The other one may be a copy.
                match others.next() {
                    None => found.push(member(Some(field), name, source, suffix)),
                    Some((_, first)) if *first == written => {}
                    Some(_) => found.push(member(None, name, source, suffix)),
                }
                image.clear();
            }
            seen.push((field.to_owned(), written));
        });
    }
    found.extend(marks(&value).into_iter().map(|source| member(None, "", source, "")));
    found
}

/// The source of an image of a HelmRelease whose tag is set where nobody looks for one.
fn elsewhere<'a>(object: &Object<'a>) -> Source<'a> {
    Source::NotEditable {
        path: object.path,
        position: object.document.position,
        reason: format!(
            "{}:{}: a kustomization changes the image in a way that is not followed; write the whole image in a patch in a \
             file of its own",
            object.path, object.document.position
        ),
    }
}

/// What the rendered annotations ask of automation. Overlays may have changed the annotations of the file.
fn intent(object: &Object<'_>) -> AutomationIntent {
    let document = object.document;
    let rendered = automation_annotations(&object.value);
    match *object.written == *rendered {
        true => document.automation.clone(),
        false => automation_of(rendered, document.position),
    }
}
