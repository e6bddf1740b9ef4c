use super::build::Build;
use super::consent::{Affected, asked, both};
use super::index::{Overlay, OverlayIndex};
use super::members::{Member, members};
use super::sources::{Source, Sources};
use crate::manifest::{Document, ImageField};
use crate::model::{FieldId, FieldName, ImageRef, Position, RepoPath};
use crate::plan::field::{AutomatedField, automated};
use crate::plan::group::groups;
use std::collections::{BTreeMap, BTreeSet};

/// The image fields of folders with kustomizations.
#[derive(Debug, Clone, Default)]
pub struct OverlayFields {
    /// The fields that set the tags of automated workloads, and the images that cannot be bumped, with the reason.
    pub automated: Vec<AutomatedField>,
    /// What a new tag in a field would change, for each field that anything is rendered from.
    pub affected: BTreeMap<(RepoPath, FieldId), Affected>,
    /// The entries of `images`, by the name that they are for.
    entries: BTreeMap<String, Vec<(RepoPath, Position)>>,
    /// The files of the folders.
    files: BTreeSet<RepoPath>,
}

impl OverlayFields {
    /// A field with a marker, after everybody was asked whom a new tag or a new name in the field would move.
    pub fn asked(&self, mut field: AutomatedField) -> AutomatedField {
        if let (Ok(_), Err(reason)) = (&field.policy, self.keeps_entries(&field)) {
            field.policy = Err(reason);
        }
        let Some(affected) = self.affected.get(&(field.path.clone(), field.field.clone())) else {
            return field;
        };
        let mut others = affected.images.clone();
        others.retain(|other| other.repository() != field.image.repository());
        AutomatedField {
            others,
            policy: affected.agrees_with(field.policy),
            lock: field.lock.or_else(|| affected.lock.clone()),
            hold: field.hold.max(affected.hold),
            revert_on_failure: both(field.revert_on_failure, affected.revert_on_failure),
            groups: affected.groups.clone(),
            ..field
        }
    }
}

impl OverlayFields {
    /// Whether a new name leaves every entry of `images` with the images that it is for. Kustomize finds these by their names.
    fn keeps_entries(&self, field: &AutomatedField) -> Result<(), String> {
        let Some(new_name) = field.new_name.as_ref().filter(|_| self.files.contains(&field.path)) else {
            return Ok(());
        };
        for name in [field.image.name(), new_name.name()] {
            let entries = self.entries.get(name).into_iter().flatten();
            let mut others = entries.filter(|(path, position)| (path, *position) != (&field.path, field.position));
            if let Some((path, position)) = others.next() {
                return Err(format!(
                    "{}:{}: the marker asks for the name {}, and the entry of images at {path}:{position} is for the name \
                     {name}, so that it would apply to other images than now; put the marker into that entry, behind its \
                     newName and its newTag",
                    field.path,
                    field.position,
                    new_name.name()
                ));
            }
        }
        Ok(())
    }

    /// Remembers the entries and the files of an index.
    fn index(&mut self, index: &OverlayIndex<'_>) {
        self.files = index.files.keys().map(|path| (*path).clone()).collect();
        for Overlay {
            path, kustomization, ..
        } in &index.overlays
        {
            self.files.insert((*path).clone());
            for entry in &kustomization.images {
                let entries = self.entries.entry(entry.name.clone()).or_default();
                entries.push(((*path).clone(), entry.position));
            }
        }
    }
}

/// The automated fields of folders with kustomizations: for each workload that asks for bumps, the scalar that its rendered tag
/// comes from. The kustomizations are built in memory, with a mark in place of each tag; the mark that an image ends up with
/// names its scalar. Every kustomization that no other one builds on is built.
///
/// A tag may reach several workloads. All of them are asked: a lock of one of them locks the field, their policies must agree,
/// and a workload that does not ask for bumps must not be moved. Where kustomize does what is not evaluated here, and where the
/// scalar is none that Tidegate edits, the policy of the field says so.
pub fn overlay_fields(index: &OverlayIndex<'_>) -> OverlayFields {
    let mut build = Build::new(index);
    let mut groups: BTreeMap<usize, Vec<Member<'_>>> = BTreeMap::new();
    for top in build.tops() {
        for object in build.top(top) {
            for member in members(&object, &mut build.sources) {
                let group = groups.entry(member.source).or_default();
                if group.len() < MOST_MEMBERS {
                    group.push(member);
                } else {
                    build.sources.refuse(member.source, || {
                        format!(
                            "the tag reaches more than {MOST_MEMBERS} workloads; give some of them a tag of their own"
                        )
                    });
                }
            }
        }
    }
    if build.is_exhausted() {
        return too_large(index);
    }
    let mut found = OverlayFields::default();
    found.index(index);
    for (source, members) in groups {
        add(&mut found, source, &members, &build.sources, &index.overlays);
    }
    found
        .automated
        .sort_by(|a, b| (&a.path, a.position, &a.field).cmp(&(&b.path, b.position, &b.field)));
    found
}

/// The most rendered images that may get their tag from one scalar.
const MOST_MEMBERS: usize = 10_000;

fn too_large(index: &OverlayIndex<'_>) -> OverlayFields {
    let files = index.files.iter();
    let fields = files.flat_map(|(path, file)| file.documents.iter().flat_map(|document| automated(path, document)));
    let refused = fields.map(|field| AutomatedField {
        policy: Err("the kustomizations of the repository hold more objects than fit into memory, so that the image is not followed; \
                     split the repository, or keep large objects out of folders with kustomizations"
            .to_owned()),
        ..field
    });
    OverlayFields {
        automated: refused.collect(),
        ..OverlayFields::default()
    }
}

/// Adds the field of a source.
fn add(
    found: &mut OverlayFields,
    source: usize,
    members: &[Member<'_>],
    sources: &Sources<'_>,
    overlays: &[Overlay<'_>],
) {
    let Some(written) = sources.all.get(source) else { return };
    if let Source::NotEditable { path, position, reason } = written {
        return found.automated.extend(not_editable(path, *position, reason, members));
    }
    let Some(place) = place(written, overlays) else { return };
    if let Some(reason) = &place.problem {
        return found
            .automated
            .extend(not_editable(place.path, place.position, reason, members));
    }
    let mut affected = asked(&place.location(), members);
    let refused = sources.refused.get(&source).cloned();
    affected.refusal = refused.or(affected.refusal);
    let objection = sources.objections.get(&source);
    let objection = objection.map(|reason| format!("{}: {reason}", place.location()));
    affected.objection = affected.objection.or(objection);
    let is_marked = place.image.is_some_and(|image| image.marker.is_some());
    if !is_marked && let Some(first) = members.iter().find(|member| member.is_automated()) {
        found.automated.extend(place.field(first, &affected));
    }
    found.affected.insert((place.path.clone(), place.id.clone()), affected);
}

/// Images that are set where Tidegate does not edit: one field for each workload.
fn not_editable(path: &RepoPath, position: Position, reason: &str, members: &[Member<'_>]) -> Vec<AutomatedField> {
    let mut seen = BTreeSet::new();
    let automated = members.iter().filter(|member| member.is_automated());
    let fields = automated.filter_map(|member| {
        let field = FieldId {
            object: member.document.object.id.clone(),
            field: member.field.clone()?,
        };
        seen.insert(field.clone()).then_some(AutomatedField {
            path: path.clone(),
            image: ImageRef::parse(&member.name).ok()?,
            new_name: None,
            others: Vec::new(),
            position,
            policy: Err(reason.to_owned()),
            lock: member.intent.lock.clone(),
            hold: member.intent.hold,
            revert_on_failure: member.intent.revert_on_failure,
            groups: groups(member.path, &member.intent, &field.field).0,
            field,
        })
    });
    fields.collect()
}

/// The scalar of a source.
struct Place<'a> {
    path: &'a RepoPath,
    id: FieldId,
    position: Position,
    /// The image field; `None` if the scalar cannot be edited.
    image: Option<&'a ImageField>,
    /// Why the scalar cannot be edited, if it cannot.
    problem: Option<String>,
}

fn place<'a>(source: &Source<'a>, overlays: &[Overlay<'a>]) -> Option<Place<'a>> {
    let id = |document: &Document, field: &FieldName| FieldId {
        object: document.object.id.clone(),
        field: field.clone(),
    };
    match source {
        Source::Field { path, document, image } => Some(Place {
            path,
            id: id(document, &image.field),
            position: image.position,
            image: Some(image),
            problem: None,
        }),
        Source::Entry { overlay, entry } => {
            let Overlay { path, document, .. } = overlays.get(*overlay)?;
            let name = FieldName(entry.name.clone());
            let mut images = document.images.iter();
            let image = images.find(|image| image.field == name);
            let own = image.filter(|image| image.position == entry.position);
            let problem = match (image, own) {
                (_, Some(_)) => None,
                (Some(_), None) => Some("two entries of images are for the name"),
                (None, None) => Some("the entry of images cannot be read"),
            };
            Some(Place {
                path,
                id: id(document, &name),
                position: entry.position,
                image: own,
                problem: problem.map(|problem| {
                    format!(
                        "{path}:{}: {problem} {}, so that this one is not edited; correct it",
                        entry.position, entry.name
                    )
                }),
            })
        }
        Source::NotEditable { .. } => None,
    }
}

impl Place<'_> {
    fn location(&self) -> String {
        format!("{}:{}", self.path, self.position)
    }

    /// The field that sets the tag of a workload.
    fn field(&self, member: &Member<'_>, affected: &Affected) -> Option<AutomatedField> {
        let name = ImageRef::parse(&member.name).ok()?;
        let written = &self.image?.image;
        let image = name.with(written.tag().cloned(), written.digest().cloned());
        let mut others = affected.images.clone();
        others.retain(|other| other.repository() != image.repository());
        Some(AutomatedField {
            path: self.path.clone(),
            field: self.id.clone(),
            image,
            new_name: None,
            others,
            position: self.position,
            policy: affected.policy(),
            lock: affected.lock.clone(),
            hold: affected.hold,
            revert_on_failure: affected.revert_on_failure,
            groups: affected.groups.clone(),
        })
    }
}
