use crate::manifest::image_field::{ImageField, SlotContent};
use crate::manifest::read::image_site::{ImageSite, Problem, ScalarSpan};
use crate::manifest::yaml::cursor::Cursor;
use crate::manifest::yaml::events::Style;
use crate::manifest::yaml::value;
use crate::model::{Digest, FieldName, ImageRef, Position, Tag};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// The image fields of one object.
#[derive(Debug, Clone, Default)]
pub(crate) struct Images {
    pub sites: Vec<ImageSite>,
    /// The names of all fields that were found, including those whose image cannot be used.
    pub names: BTreeSet<FieldName>,
    /// Problems that matter only if the object is automated.
    pub if_automated: Vec<Problem>,
    /// Fields whose image cannot be read, and why.
    pub unreadable: Vec<(FieldName, Problem)>,
    /// Fields of which nobody knows where their tag is written, and why. Reported only if the object is automated.
    pub ambiguous: Vec<(FieldName, Problem)>,
    /// Names that several fields have, with the position of the second of these fields.
    pub duplicate_names: BTreeMap<FieldName, Position>,
    /// Problems that always matter.
    pub mistakes: Vec<Problem>,
}

/// The values that the parts of one image are written in.
pub(crate) struct ImageParts<'a> {
    pub registry: Option<Cursor<'a>>,
    pub repository: Cursor<'a>,
    pub tag: Option<Cursor<'a>>,
    pub digest: Option<Cursor<'a>>,
}

impl<'a> ImageParts<'a> {
    /// The parts of a reference that is written in one scalar.
    pub(crate) fn whole(reference: Cursor<'a>) -> Self {
        Self {
            registry: None,
            repository: reference,
            tag: None,
            digest: None,
        }
    }

    /// The digest of an image that has no tag: then the digest alone is written.
    pub(crate) fn lone_digest(&self) -> Option<&Cursor<'a>> {
        let digest = self.digest.as_ref()?;
        let is_written = digest.written().is_some_and(|text| !text.is_empty());
        (is_written && self.tag.is_none() && self.has_plain_name()).then_some(digest)
    }

    /// Whether the name has neither a tag nor a digest.
    pub(crate) fn has_plain_name(&self) -> bool {
        let name = self.repository.written().and_then(|name| ImageRef::parse(name).ok());
        name.is_some_and(|name| name.tag().is_none() && name.digest().is_none())
    }

    /// All values of the image.
    pub(crate) fn cursors(&self) -> impl Iterator<Item = &Cursor<'a>> {
        let optional = [&self.registry, &self.tag, &self.digest].into_iter().flatten();
        optional.chain([&self.repository])
    }
}

/// Which of several fields with one name is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Precedence {
    First,
    Last,
}

impl Images {
    /// Adds a field, or the reason why its image cannot be read. A tag is taken as written: `1.10` without quotes is
    /// 1.10, not 1.1.
    pub(crate) fn add(&mut self, field: FieldName, parts: &ImageParts<'_>, tokens: &[Range<usize>]) {
        let span = |cursor: &Option<Cursor<'_>>| cursor.as_ref().and_then(|cursor| ScalarSpan::of(cursor, tokens));
        let (cursor, content) = match (&parts.tag, parts.lone_digest()) {
            (Some(tag), _) => (tag, SlotContent::Tag),
            (None, Some(digest)) => (digest, SlotContent::Digest),
            (None, None) => (&parts.repository, SlotContent::Reference),
        };
        let (Some(scalar), Some(repository), Some(main)) = (
            cursor.scalar(),
            ScalarSpan::of(&parts.repository, tokens),
            ScalarSpan::of(cursor, tokens),
        ) else {
            return;
        };
        self.names.insert(field.clone());
        let image = match compose(parts) {
            Ok(image) => image,
            Err(reason) => {
                let advice = match content {
                    SlotContent::Tag => "write a tag here and registry/name as its repository",
                    SlotContent::Digest => "write a digest here and registry/name as its repository",
                    SlotContent::Reference => "write registry/name:tag",
                };
                let problem = Problem {
                    position: cursor.position(),
                    message: match scalar.value.contains("${") || reason.contains("${") {
                        true => format!(
                            "it holds a variable (${{...}}), and bumps need the tag itself; {advice}, or change the variable"
                        ),
                        false => format!("{reason}; {advice}"),
                    },
                };
                return self.unreadable.push((field, problem));
            }
        };
        if content == SlotContent::Tag && scalar.style == Style::Plain && scalar.tag.is_none() {
            self.check_unquoted_tag(&field, cursor, &scalar.value);
        }
        let site = ImageSite::new(field, image, &main, content.clone());
        self.sites.push(ImageSite {
            registry: span(&parts.registry),
            repository: Some(repository),
            tag: parts.tag.is_some().then_some(main),
            digest: span(&parts.digest).filter(|digest| digest.style != Style::Empty),
            name_alone: content == SlotContent::Digest,
            ..site
        });
    }

    /// Reports an unquoted tag that Helm reads as a number or a boolean and then prints in another form.
    fn check_unquoted_tag(&mut self, field: &FieldName, cursor: &Cursor<'_>, written: &str) {
        let Some(scalar) = cursor.scalar() else { return };
        let printed = match value::json(scalar) {
            Ok(serde_json::Value::Number(number)) => number.as_f64().map_or(number.to_string(), value::printed_by_go),
            Ok(serde_json::Value::Bool(read)) => read.to_string(),
            _ => return,
        };
        if printed != written {
            self.if_automated.push(Problem {
                position: cursor.position(),
                message: format!(
                    "the tag of the image {field} has no quotes, so that Helm reads {written} as {printed}; write \"{written}\""
                ),
            });
        }
    }

    /// Takes away the fields whose scalar is a part of another field: a new tag there would change the name of the other image.
    pub(crate) fn drop_overlapping(&mut self) {
        let mut parts = BTreeMap::new();
        for site in &self.sites {
            let main = site.main().map(|scalar| scalar.event);
            let others = site.scalars().filter(|scalar| Some(scalar.event) != main);
            parts.extend(others.map(|scalar| (scalar.event, site.field.field.clone())));
        }
        for site in std::mem::take(&mut self.sites) {
            match site.main().and_then(|scalar| parts.get(&scalar.event)) {
                None => self.sites.push(site),
                Some(other) => {
                    let message = format!("its text is a part of the image {other}; name the scalar of its own tag");
                    let position = site.field.position;
                    self.ambiguous.push((site.field.field, Problem { position, message }));
                }
            }
        }
    }

    /// Sorts the fields by their order in the file. Of several fields with one name, keeps one.
    pub(crate) fn sort_and_deduplicate(&mut self, precedence: Precedence) {
        let mut sites = std::mem::take(&mut self.sites);
        let advice = match precedence {
            Precedence::First => "only the first is used, rename one",
            Precedence::Last => {
                sites.reverse();
                "only the last is used, remove this one"
            }
        };
        let mut seen = BTreeSet::new();
        for site in sites {
            let ImageField { field, position, .. } = &site.field;
            if seen.insert(field.clone()) {
                self.sites.push(site);
                continue;
            }
            self.mistakes.push(Problem {
                position: *position,
                message: format!("there are two images with the name {field}; {advice}"),
            });
            if precedence == Precedence::First {
                self.duplicate_names.entry(field.clone()).or_insert(*position);
            }
        }
        self.sites
            .sort_by(|a, b| (a.field.position, &a.field.field).cmp(&(b.field.position, &b.field.field)));
    }
}

/// Composes a reference of its parts.
///
/// # Errors
/// A part cannot be read, or two parts contradict each other.
pub(crate) fn compose(parts: &ImageParts<'_>) -> Result<ImageRef, String> {
    let part = |cursor: &Option<Cursor<'_>>| {
        cursor
            .as_ref()
            .and_then(Cursor::written)
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
                "the name has the digest {digest}, but the tag has a field of its own"
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

/// Parses `tag` or `tag@digest`, as a scalar without the image's name contains it.
pub(crate) fn tag_and_digest(text: &str) -> Result<(Tag, Option<Digest>), String> {
    let (tag, digest) = match text.split_once('@') {
        Some((tag, digest)) => (tag, Some(Digest::parse(digest).map_err(|error| error.to_string())?)),
        None => (text, None),
    };
    let tag = Tag::parse(tag).map_err(|error| error.to_string())?;
    Ok((tag, digest))
}
