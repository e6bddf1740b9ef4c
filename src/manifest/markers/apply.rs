use crate::manifest::image_field::MarkerPolicy;
use crate::manifest::markers::comment::{MarkerComment, Part};
use crate::manifest::markers::names::Names;
use crate::manifest::markers::repository::TagRepository;
use crate::manifest::markers::scalars::{Scalars, is_tag};
use crate::manifest::markers::site;
use crate::manifest::read::image_site::{ImageSite, Problem, ScalarSpan};
use crate::manifest::read::images::{Images, Precedence};
use crate::manifest::yaml::cursor::Cursor;
use crate::manifest::yaml::path::{Path, Step};
use crate::model::Digest;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

/// The longest path of a marked value, in bytes. The path is the name of the value's image field.
const MAX_PATH: usize = 1024;

/// A marker, and the scalar that it stands behind.
struct Marked {
    comment: MarkerComment,
    /// The index of the scalar's list or map.
    parent: usize,
    span: ScalarSpan,
}

/// Applies the markers below `root` to its image fields: gives a policy to a field that was found already, or adds a
/// field with the path of its scalar as its name. Marks the comments that it used.
pub(crate) fn apply(root: &Cursor<'_>, tokens: &[Range<usize>], comments: &mut [MarkerComment], images: &mut Images) {
    if comments.is_empty() {
        return;
    }
    let scalars = Scalars::of(root);
    let marked = marked_scalars(&scalars, tokens, comments, images);
    let builder = SiteBuilder {
        scalars: &scalars,
        tokens,
        by_part: by_part(&marked),
    };
    // The index of each image field, by the event of its scalar.
    let mut known = HashMap::new();
    for (at, site) in images.sites.iter().enumerate() {
        if let Some(main) = site.main() {
            known.entry(main.event).or_insert(at);
        }
    }
    let mut names = Names::of(marked.iter().map(|one| (one.span.event, &one.comment)));
    for one in marked.iter().filter(|one| one.comment.part != Part::Name) {
        if let Some(site) = known.get(&one.span.event).and_then(|at| images.sites.get_mut(*at)) {
            site.field.marker = Some(names.marker(&one.comment, site));
            continue;
        }
        match builder.site(one) {
            None => {}
            Some(Ok(mut site)) => {
                site.field.marker = Some(names.marker(&one.comment, &site));
                images.names.insert(site.field.field.clone());
                if let Some(main) = site.main() {
                    known.insert(main.event, images.sites.len());
                }
                images.sites.push(site);
            }
            Some(Err(reason)) => images.mistakes.push(one.comment.problem(&reason)),
        }
    }
    images.mistakes.extend(names.unused());
    drop_names_of_others(images);
    images.sort_and_deduplicate(Precedence::First);
}

/// Finds the scalars of the comments, and reports the comments that no image field can come of.
fn marked_scalars(
    scalars: &Scalars<'_>,
    tokens: &[Range<usize>],
    comments: &mut [MarkerComment],
    images: &mut Images,
) -> Vec<Marked> {
    let mut marked = Vec::new();
    for (at, target) in scalars.targets(tokens, comments) {
        let (Some(comment), Some(leaf)) = (comments.get_mut(at), scalars.leaves.get(target.leaf)) else {
            continue;
        };
        let Some(span) = ScalarSpan::of(&leaf.cursor, tokens) else {
            continue;
        };
        comment.used = true;
        let problem = if span.path.is_longer_than(MAX_PATH) {
            Some(format!(
                "is for a value whose path is longer than {MAX_PATH} bytes; move the value to a file of its own"
            ))
        } else if target.ambiguous {
            Some("is behind several values; write its value on a line of its own".to_owned())
        } else if names_an_object(&span.path) {
            Some(
                "is behind an apiVersion, a kind or a part of metadata, not behind an image; move it behind the image"
                    .to_owned(),
            )
        } else {
            None
        };
        match problem {
            Some(reason) => images.mistakes.push(comment.problem(&reason)),
            None => marked.push(Marked {
                comment: comment.clone(),
                parent: leaf.parent,
                span,
            }),
        }
    }
    marked
}

/// Whether a value is an `apiVersion`, a `kind` or a part of `metadata`, at whatever depth and in whatever document. Such a
/// value says what an object is and how it is found, so that another value would make it another object.
fn names_an_object(path: &Path) -> bool {
    let mut steps = path.0.iter();
    steps.any(|step| matches!(step, Step::Key(key) if matches!(&**key, "apiVersion" | "kind" | "metadata")))
}

/// The marked scalars of one list or map with the same policy, by the part of the image that they contain.
type ByPart<'m> = HashMap<(usize, Part, &'m MarkerPolicy), &'m ScalarSpan>;

fn by_part(marked: &[Marked]) -> ByPart<'_> {
    let mut by_part = HashMap::new();
    for one in marked {
        let key = (one.parent, one.comment.part.clone(), &one.comment.policy);
        by_part.entry(key).or_insert(&one.span);
    }
    by_part
}

/// Builds image fields for marked scalars.
struct SiteBuilder<'m, 'a> {
    scalars: &'m Scalars<'a>,
    tokens: &'m [Range<usize>],
    by_part: ByPart<'m>,
}

impl SiteBuilder<'_, '_> {
    /// The image field of a marked scalar; `None` for a scalar that is a part of another field.
    fn site(&self, marked: &Marked) -> Option<Result<ImageSite, String>> {
        let Marked { comment, parent, span } = marked;
        let sibling = |part: Part| self.by_part.get(&(*parent, part, &comment.policy)).copied();
        let repository = |named: Option<&str>, marked: Option<ScalarSpan>| {
            let parent = self.scalars.parents.get(*parent);
            TagRepository::in_file(parent, &comment.policy, named, marked, self.tokens)
        };
        let site = match &comment.part {
            Part::Whole if comment.is_ours() && is_tag(&span.path) => {
                repository(None, None).and_then(|repository| site::tag(span, repository))
            }
            Part::Whole => site::whole(self.scalars.parents.get(*parent), span),
            Part::Tag(named) => {
                let name = sibling(Part::Name).or_else(|| self.name_elsewhere(marked));
                let repository = match repository(named.as_deref(), name.cloned()) {
                    Err(reason) if comment.is_ours() => Err(reason),
                    repository => repository.or_else(|_| TagRepository::of_policy()),
                };
                let site = repository.and_then(|repository| site::tag(span, repository));
                site.map(|site| with_digest(site, sibling(Part::Digest)))
            }
            Part::Digest if sibling(Part::Tag(None)).is_none() => {
                let repository = repository(None, sibling(Part::Name).cloned());
                let repository = repository.or_else(|_| TagRepository::of_policy());
                repository.and_then(|repository| site::digest(span, repository))
            }
            Part::Digest | Part::Name => return None,
        };
        Some(site)
    }
}

impl SiteBuilder<'_, '_> {
    /// The marked name of a tag that has no name in its own map, such as the values of two variables: the document has one such
    /// tag with this policy, and one name without a tag.
    fn name_elsewhere(&self, tag: &Marked) -> Option<&ScalarSpan> {
        if tag.comment.is_ours() {
            return None;
        }
        let of_policy = |kind: Part, other: Part| {
            let parts = self.by_part.iter().filter(move |((parent, part, policy), _)| {
                let without = !self.by_part.contains_key(&(*parent, other.clone(), *policy));
                *part == kind && **policy == tag.comment.policy && without
            });
            parts.map(|(_, span)| *span)
        };
        let mut names = of_policy(Part::Name, Part::Tag(None));
        let name = names.next()?;
        let is_only = names.next().is_none() && of_policy(Part::Tag(None), Part::Name).count() == 1;
        is_only.then_some(name)
    }
}

/// The image field of a tag, with the digest that has a marker of its own in the same map.
fn with_digest(mut site: ImageSite, digest: Option<&ScalarSpan>) -> ImageSite {
    let Some(digest) = digest else { return site };
    let tag = site.field.image.tag().cloned();
    site.field.image = site.field.image.with(tag, Digest::parse(&digest.text).ok());
    site.digest = Some(digest.clone());
    site
}

/// Drops marked fields whose scalar is the name of another field's image. Its tag has a field of its own.
fn drop_names_of_others(images: &mut Images) {
    let mut names = BTreeMap::new();
    for site in &images.sites {
        let main = site.main().map(|span| span.event);
        let parts = [&site.registry, &site.repository].into_iter().flatten();
        names.extend(
            parts
                .filter(|span| main != Some(span.event))
                .map(|span| (span.event, site.field.field.clone())),
        );
    }
    for site in std::mem::take(&mut images.sites) {
        let other = site.main().and_then(|span| names.get(&span.event));
        match (&site.field.marker, other) {
            (Some(marker), Some(other)) => images.mistakes.push(Problem {
                position: marker.position,
                message: format!(
                    "this marker is behind the name of the image {other}; move it behind that image's tag"
                ),
            }),
            _ => images.sites.push(site),
        }
    }
}
