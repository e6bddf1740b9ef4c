use crate::manifest::document::{Holds, ImageField, Slot, Style};
use crate::manifest::yaml::cursor::{Path, Place};
use crate::manifest::yaml::value;
use crate::model::{Digest, FieldName, ImageRef, Position, Tag};
use std::collections::BTreeSet;
use std::ops::Range;

/// An image field and the scalars that its image is written in.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    pub field: ImageField,
    pub registry: Option<Spot>,
    /// The name, with tag and digest where no scalar of their own has them; nowhere for a tag whose image is told by a
    /// comment.
    pub repository: Option<Spot>,
    pub tag: Option<Spot>,
    pub digest: Option<Spot>,
    /// The repository's scalar never has tag or digest in it.
    pub name_alone: bool,
    /// The name says which images are meant and must stay (`images` of a kustomization).
    pub name_matches: bool,
}

impl Site {
    /// The scalar that the field's position is that of.
    pub(crate) fn main(&self) -> Option<&Spot> {
        match self.field.slot.holds {
            Holds::Reference => self.repository.as_ref(),
            Holds::Tag => self.tag.as_ref(),
            Holds::Digest => self.digest.as_ref(),
        }
    }
}

/// One scalar, and how to find it again.
#[derive(Debug, Clone)]
pub(crate) struct Spot {
    /// The way from the file's document to it.
    pub path: Path,
    /// Its event.
    pub event: usize,
    pub text: String,
    pub position: Position,
    /// The bytes of its content, within its quotes.
    pub span: Range<usize>,
    pub style: Style,
}

impl Spot {
    pub(crate) fn of(place: &Place<'_>, tokens: &[Range<usize>]) -> Option<Self> {
        let scalar = place.scalar()?;
        let token = tokens.get(place.event()).cloned().unwrap_or_default();
        let (style, span) = match scalar.style {
            Style::SingleQuoted | Style::DoubleQuoted => {
                (scalar.style, token.start + 1..token.end.max(token.start + 2) - 1)
            }
            Style::Plain if place.is_null() => (Style::Empty, token),
            style => (style, token),
        };
        Some(Self {
            path: place.path().clone(),
            event: place.event(),
            text: scalar.value.clone(),
            position: place.position(),
            span,
            style,
        })
    }
}

/// Something about an object's images that cannot be used; it matters if the object is automated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub position: Position,
    pub message: String,
}

/// The image fields of one object.
#[derive(Debug, Clone, Default)]
pub(crate) struct Images {
    pub sites: Vec<Site>,
    /// The names of all fields that were found, also of those whose image cannot be used.
    pub names: BTreeSet<FieldName>,
    /// Matters to automated objects only.
    pub troubles: Vec<Trouble>,
    /// What is no image that can be read.
    pub unreadable: Vec<Trouble>,
    /// Matters always.
    pub mistakes: Vec<Trouble>,
}

/// Where the parts of one image stand.
pub(crate) struct Parts<'a> {
    pub registry: Option<Place<'a>>,
    pub repository: Place<'a>,
    pub tag: Option<Place<'a>>,
    pub digest: Option<Place<'a>>,
}

impl<'a> Parts<'a> {
    pub(crate) fn whole(reference: Place<'a>) -> Self {
        Self {
            registry: None,
            repository: reference,
            tag: None,
            digest: None,
        }
    }

    /// The scalar that a new tag is written into.
    pub(crate) fn main(&self) -> &Place<'a> {
        self.tag.as_ref().unwrap_or(&self.repository)
    }
}

/// Which of several fields with one name is the one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counts {
    First,
    Last,
}

impl Images {
    /// Adds a field, or the trouble with it. Tags are taken as written: `1.10` without quotes is 1.10, not 1.1.
    pub(crate) fn add(&mut self, field: FieldName, parts: &Parts<'_>, tokens: &[Range<usize>]) {
        let spot = |place: &Option<Place<'_>>| place.as_ref().and_then(|place| Spot::of(place, tokens));
        let (place, holds) = match &parts.tag {
            Some(tag) => (tag, Holds::Tag),
            None => (&parts.repository, Holds::Reference),
        };
        let (Some(scalar), Some(repository), Some(main)) = (
            place.scalar(),
            Spot::of(&parts.repository, tokens),
            Spot::of(place, tokens),
        ) else {
            return;
        };
        self.names.insert(field.clone());
        let image = match compose(parts) {
            Ok(image) => image,
            Err(problem) => {
                let wanted = match holds {
                    Holds::Tag => "a tag here and registry/name beside it",
                    _ => "registry/name:tag",
                };
                let message = format!("{field} is not bumped: {problem}; write {wanted}");
                return self.unreadable.push(Trouble {
                    position: place.position(),
                    message,
                });
            }
        };
        if holds == Holds::Tag && scalar.style == Style::Plain && scalar.tag.is_none() {
            self.compare_with_reader(&field, place, &scalar.value);
        }
        self.sites.push(Site {
            field: ImageField {
                field,
                image,
                is_named: true,
                position: main.position,
                slot: Slot {
                    span: main.span.clone(),
                    style: main.style,
                    holds,
                },
                marker: None,
            },
            registry: spot(&parts.registry),
            repository: Some(repository),
            tag: parts.tag.is_some().then_some(main),
            digest: spot(&parts.digest).filter(|digest| digest.style != Style::Empty),
            name_alone: false,
            name_matches: false,
        });
    }

    fn compare_with_reader(&mut self, field: &FieldName, place: &Place<'_>, written: &str) {
        let Some(scalar) = place.scalar() else { return };
        let read = match value::scalar(scalar) {
            Ok(serde_json::Value::Number(number)) => number.as_f64().map_or(number.to_string(), value::printed_by_go),
            Ok(serde_json::Value::Bool(read)) => read.to_string(),
            _ => return,
        };
        if read != written {
            let message = format!(
                "the tag of {field} stands without quotes, so that Helm writes {read} for {written}; write \"{written}\""
            );
            self.troubles.push(Trouble {
                position: place.position(),
                message,
            });
        }
    }

    /// Puts the fields into file order and drops all but one of those with one name.
    pub(crate) fn settle(&mut self, counts: Counts) {
        let mut sites = std::mem::take(&mut self.sites);
        let which = match counts {
            Counts::First => "only the first is looked at, rename one",
            Counts::Last => {
                sites.reverse();
                "only the last of them counts, remove this one"
            }
        };
        let mut seen = BTreeSet::new();
        for site in sites {
            let name = &site.field.field;
            if seen.insert(name.clone()) {
                self.sites.push(site);
            } else {
                self.mistakes.push(Trouble {
                    position: site.field.position,
                    message: format!("there are two images with the name {name}; {which}"),
                });
            }
        }
        self.sites
            .sort_by(|a, b| (a.field.position, &a.field.field).cmp(&(b.field.position, &b.field.field)));
    }
}

pub(crate) fn compose(parts: &Parts<'_>) -> Result<ImageRef, String> {
    let part = |place: &Option<Place<'_>>| {
        place
            .as_ref()
            .and_then(Place::written)
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    let name = parts.repository.written().unwrap_or_default();
    let name = match part(&parts.registry) {
        Some(registry) => format!("{}/{}", registry.trim_end_matches('/'), name.trim_start_matches('/')),
        None => name.to_owned(),
    };
    let mut image = ImageRef::parse(&name).map_err(|error| error.to_string())?;
    if let Some(tag) = part(&parts.tag) {
        if let Some(digest) = image.digest() {
            return Err(format!(
                "the name has the digest {digest}, and the tag after it stands by itself"
            ));
        }
        let (tag, digest) = tag_and_digest(&tag)?;
        image = image.with(Some(tag), digest);
    }
    if let Some(digest) = part(&parts.digest).filter(|_| image.digest().is_none()) {
        let digest = Digest::parse(&digest).map_err(|error| error.to_string())?;
        image = image.with(image.tag().cloned(), Some(digest));
    }
    Ok(image)
}

/// `tag` or `tag@digest`, as a scalar of its own holds it.
pub(crate) fn tag_and_digest(text: &str) -> Result<(Tag, Option<Digest>), String> {
    let (tag, digest) = match text.split_once('@') {
        Some((tag, digest)) => (tag, Some(Digest::parse(digest).map_err(|error| error.to_string())?)),
        None => (text, None),
    };
    let tag = Tag::parse(tag).map_err(|error| error.to_string())?;
    Ok((tag, digest))
}

/// The pod spec of a workload: of a Pod, of a CronJob, and of whatever has a pod template. A part of one, as patches are, may
/// have nothing but ephemeral containers or volumes.
pub(crate) fn pod_spec<'a>(object: &Place<'a>, kind: &str) -> Option<Place<'a>> {
    match kind {
        "Pod" => object.key("spec"),
        "CronJob" => object.walk(&["spec", "jobTemplate", "spec", "template", "spec"]),
        "PodTemplate" => object.walk(&["template", "spec"]),
        _ => object.walk(&["spec", "template", "spec"]),
    }
    .filter(|spec| {
        ["containers", "initContainers", "ephemeralContainers", "volumes"]
            .iter()
            .any(|list| spec.key(list).is_some_and(|list| list.is_sequence()))
    })
}

/// The images of a pod spec: containers first, so that they win over init containers of the same name. The image of a
/// volume is the field `volume.<name>`, since a container's name has no dot; a container that has no name, as the only one
/// of a Knative Service may, goes by its place: `containers[0]`.
pub(crate) fn of_pod(spec: &Place<'_>, tokens: &[Range<usize>]) -> Images {
    let mut images = Images::default();
    for list in ["containers", "initContainers", "ephemeralContainers"] {
        let containers = spec.key(list).map(|list| list.items()).unwrap_or_default();
        for (at, container) in containers.into_iter().enumerate() {
            let Some(image) = container.key("image").filter(|image| !image.is_null()) else {
                continue;
            };
            let name = container.key("name").and_then(|name| name.text());
            let name = name.unwrap_or_else(|| format!("{list}[{at}]"));
            images.add(FieldName(name), &Parts::whole(image), tokens);
        }
    }
    for volume in spec.key("volumes").map(|list| list.items()).unwrap_or_default() {
        let reference = volume.walk(&["image", "reference"]).filter(|image| !image.is_null());
        if let (Some(name), Some(reference)) = (volume.key("name").and_then(|name| name.text()), reference) {
            images.add(FieldName(format!("volume.{name}")), &Parts::whole(reference), tokens);
        }
    }
    images.settle(Counts::First);
    images
}
