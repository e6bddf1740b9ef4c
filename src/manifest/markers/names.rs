use crate::manifest::image_field::{MarkedName, Marker, SlotContent};
use crate::manifest::markers::comment::{MarkerComment, Part};
use crate::manifest::read::image_site::{ImageSite, Problem};
use std::collections::{BTreeMap, HashSet};

/// The names of images with a marker of their own, by the event of their scalar.
pub(crate) struct Names<'m> {
    comments: BTreeMap<usize, &'m MarkerComment>,
    /// The events of the names that belong to the tag or digest of an image field.
    used: HashSet<usize>,
}

impl<'m> Names<'m> {
    /// The names among marked scalars. Each comment comes with the event of its scalar.
    pub(crate) fn of(marked: impl Iterator<Item = (usize, &'m MarkerComment)>) -> Self {
        Self {
            comments: marked.filter(|(_, comment)| comment.part == Part::Name).collect(),
            used: HashSet::new(),
        }
    }

    /// The marker of an image field. Its name follows the ImagePolicy if the marker is behind the whole image, or if the
    /// name has a marker with the same policy.
    pub(crate) fn marker(&mut self, comment: &MarkerComment, site: &ImageSite) -> Marker {
        let name = site.repository.as_ref().map(|name| name.event);
        let marked = name.and_then(|event| Some((event, self.comments.get(&event)?)));
        let own = marked.filter(|(_, name)| name.policy == comment.policy);
        self.used.extend(own.map(|(event, _)| event));
        let is_whole = comment.part == Part::Whole && site.field.slot.content == SlotContent::Reference;
        let name = match (own, is_whole && !comment.is_ours()) {
            (None, false) => MarkedName::Stays,
            (Some(_), _) if site.name_matches => MarkedName::Fixed(
                "its name selects the images that the entry is for; add a newName and put the marker of the name behind it"
                    .to_owned(),
            ),
            (None | Some(_), _) => MarkedName::Follows,
        };
        Marker {
            policy: comment.policy.clone(),
            position: comment.position,
            name,
        }
    }

    /// The problems with names that belong to no tag.
    pub(crate) fn unused(&self) -> impl Iterator<Item = Problem> {
        let unused = self.comments.iter().filter(|(event, _)| !self.used.contains(event));
        unused.map(|(_, comment)| {
            comment.problem(
                "is behind a name alone, and a name is only written together with its tag; put a marker with the same policy \
                 and :tag behind the tag in the same map, or {\"$imagepolicy\": \"namespace:name\"} behind the whole image",
            )
        })
    }
}
