use super::error::Error;
use super::list::{Found, Held, HeldField};
use crate::model::{FieldId, ObjectId, Tag};
use std::collections::BTreeSet;

/// Which holds are to be lifted.
#[derive(Debug, Clone, Default)]
pub struct HoldSelector {
    /// The objects; all, if empty.
    pub objects: Vec<ObjectName>,
    /// The namespace of objects whose own name has none.
    pub namespace: Option<String>,
    /// The field within the objects; all, if `None`.
    pub field: Option<String>,
    /// The tag that was taken back; the field's other tags stay held.
    pub tag: Option<Tag>,
}

/// An object as people name it on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectName {
    /// The namespace, if the name has one.
    pub namespace: Option<String>,
    /// The kind, in any case of letters.
    pub kind: String,
    /// The name.
    pub name: String,
}

impl ObjectName {
    /// Whether an object has this name. `namespace`: that of names that have none.
    pub fn names(&self, object: &ObjectId, namespace: Option<&String>) -> bool {
        let namespace = self.namespace.as_ref().or(namespace);
        self.kind.eq_ignore_ascii_case(&object.kind)
            && self.name == object.name
            && namespace.is_none_or(|namespace| object.namespace.as_deref().unwrap_or_default() == namespace)
    }
}

impl HoldSelector {
    /// The selected holds, each with its selected tags.
    pub(super) fn choose(&self, found: &Found) -> Result<Vec<(Held, HeldField)>, Error> {
        self.check(found)?;
        // A field that moved on is not among "all": only who names the object means it.
        let is_meant = |at: &HeldField| at.is_active || !self.objects.is_empty();
        let held = found
            .held
            .iter()
            .filter(|(_, at)| self.includes(&at.field) && is_meant(at));
        let is_selected = |tag: &Tag| self.tag.as_ref().is_none_or(|only| only == tag);
        let chosen = held.map(|(held, at)| {
            let (mut held, mut at) = (held.clone(), at.clone());
            held.rejected.retain(is_selected);
            at.rejected.retain(|rejected| is_selected(&rejected.tag));
            (held, at)
        });
        Ok(chosen.filter(|(held, _)| !held.rejected.is_empty()).collect())
    }

    fn includes(&self, field: &FieldId) -> bool {
        let mut names = self.objects.iter();
        self.objects.is_empty() && self.fits(None, field) || names.any(|name| self.fits(Some(name), field))
    }

    fn fits(&self, name: Option<&ObjectName>, field: &FieldId) -> bool {
        let (object, namespace) = (&field.object, self.namespace.as_ref());
        let is_named = match name {
            Some(name) => name.names(object, namespace),
            None => namespace.is_none_or(|namespace| object.namespace.as_deref().unwrap_or_default() == namespace),
        };
        is_named && self.field.as_ref().is_none_or(|name| *name == field.field.0)
    }

    /// Each named object must have an image field, and must not be held in several namespaces.
    fn check(&self, found: &Found) -> Result<(), Error> {
        for name in &self.objects {
            if !found.fields.iter().any(|field| self.fits(Some(name), field)) {
                return Err(Error::NoField {
                    object: self.describe(name),
                    held: all_names(found),
                });
            }
            let held = found.held.iter().map(|(_, at)| &at.field);
            let held: BTreeSet<&ObjectId> = held
                .filter(|field| self.fits(Some(name), field))
                .map(|field| &field.object)
                .collect();
            if held.len() > 1 {
                return Err(Error::SeveralNamespaces {
                    object: self.describe(name),
                    held: all_names(found),
                });
            }
        }
        Ok(())
    }

    fn describe(&self, name: &ObjectName) -> String {
        let namespace = name.namespace.as_ref().or(self.namespace.as_ref());
        let namespace = namespace.map_or(String::new(), |namespace| format!(" in the namespace {namespace}"));
        let field = self
            .field
            .as_ref()
            .map_or(String::new(), |field| format!(" with the name {field}"));
        format!("{}/{}{namespace}{field}", name.kind, name.name)
    }
}

fn all_names(found: &Found) -> String {
    let held = found.held.iter().filter(|(_, at)| at.is_active);
    let names: Vec<String> = held.map(|(held, _)| held.name()).collect();
    match &*names {
        [] => "nothing is held".to_owned(),
        names => format!("held are: {}", names.join(", ")),
    }
}
