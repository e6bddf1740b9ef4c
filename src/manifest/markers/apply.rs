use crate::manifest::document::{Holds, ImageField, Marker, MarkerPolicy, Slot};
use crate::manifest::read::images::{Counts, Images, Parts, Site, Spot, Trouble, compose, tag_and_digest};
use crate::manifest::yaml::cursor::{Path, Place, Step};
use crate::manifest::yaml::line_table::LineTable;
use crate::model::{Digest, FieldName, ImageRef, Position};
use regex::bytes::Regex;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::LazyLock;

/// What a marker's scalar holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Part {
    Whole,
    /// A tag, and the repository where the marker names it.
    Tag(Option<String>),
    Name,
    Digest,
}

/// A comment that says that its line's scalar is an image, or part of one.
#[derive(Debug, Clone)]
pub(crate) struct Comment {
    part: Part,
    policy: MarkerPolicy,
    position: Position,
    /// From the start of its line to its `#`, in bytes of the file.
    before: Range<usize>,
    /// Whether a value was found that it stands beside.
    used: bool,
}

const OURS: &str = "tidegate.dev/image:";
const OURS_TAG: &str = "tidegate.dev/tag of ";
const FLUX: &str = "\"$imagepolicy\"";
/// The image of a tag whose repository is told by another file.
const UNNAMED: &str = "imagepolicy.invalid/unnamed";
/// The longest name of a field by its way, in bytes.
const LONGEST_NAME: usize = 1024;
/// The field of a document that is a text and nothing else.
const WHOLE_DOCUMENT: &str = "value";
/// The keys whose values are a name, or a part of it, where a tag stands beside them.
const NAMES: [&str; 5] = ["registry", "repository", "image", "newName", "name"];
/// What is meant for a marker of ours behind a value, and is none.
const NEARLY: [&str; 2] = ["tidegate.dev/image", "tidegate.dev/tag"];

/// Whether a file can have markers at all.
pub(crate) fn any(bytes: &[u8]) -> bool {
    static SIGN: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r#"tidegate\.dev/|"\$imagepolicy""#).expect("the pattern is written here"));
    SIGN.is_match(bytes)
}

/// The markers of a text, of which `skipped` bytes of the file stand before it, and what is wrong with others.
pub(crate) fn find(text: &str, skipped: usize) -> (Vec<Comment>, Vec<Trouble>) {
    let (mut found, mut troubles) = (Vec::new(), Vec::new());
    let lines = LineTable::new(text);
    let mut start = 0;
    for line in text.split_inclusive(['\n', '\r']) {
        let hash = line.match_indices('#').find_map(|(at, _)| {
            let before = line.get(..at).unwrap_or_default();
            let rest = line.get(at + 1..).unwrap_or_default().trim();
            let ours = rest.starts_with(OURS) || rest.starts_with(OURS_TAG);
            let is = ours || is_nearly(before, rest) || rest.starts_with('{') && rest.contains(FLUX);
            (is && (before.is_empty() || before.ends_with([' ', '\t']))).then_some((at, rest))
        });
        if let Some((at, rest)) = hash {
            let position = lines.position(text, start + at);
            match read(rest) {
                Ok((part, policy)) => found.push(Comment {
                    part,
                    policy,
                    position,
                    before: start + skipped..start + skipped + at,
                    used: false,
                }),
                Err(message) => troubles.push(Trouble { position, message }),
            }
        }
        start += line.len();
    }
    (found, troubles)
}

/// Our name behind a value without what makes a marker of it; `tidegate.dev/image.web: …` is an annotation that somebody
/// put into a comment.
fn is_nearly(before: &str, text: &str) -> bool {
    let rest = NEARLY.iter().find_map(|name| text.strip_prefix(name));
    !before.trim().is_empty() && rest.is_some_and(|rest| !rest.starts_with(['.', '-']))
}

fn read(text: &str) -> Result<(Part, MarkerPolicy), String> {
    if let Some(policy) = text.strip_prefix(OURS) {
        return Ok((Part::Whole, MarkerPolicy::Text(policy.trim().to_owned())));
    }
    if let Some(rest) = text.strip_prefix(OURS_TAG) {
        let (repository, policy) = rest
            .split_once(": ")
            .or(rest.strip_suffix(':').map(|name| (name, "")))
            .ok_or("this marker has no policy; write # tidegate.dev/tag of <repository>: <policy>")?;
        let plain = ImageRef::parse(repository.trim())
            .ok()
            .filter(|image| image.tag().is_none() && image.digest().is_none())
            .ok_or_else(|| format!("{repository:?} in this marker is not a repository; write registry/name"))?;
        let policy = MarkerPolicy::Text(policy.trim().to_owned());
        return Ok((Part::Tag(Some(plain.name().to_owned())), policy));
    }
    if is_nearly("value", text) {
        return Err("this marker cannot be read; write # tidegate.dev/image: <policy>, or # tidegate.dev/tag of <repository>: <policy> beside a tag alone".to_owned());
    }
    let wrong = || {
        "this marker cannot be read; write # {\"$imagepolicy\": \"namespace:name\"}, with :tag, :name or :digest behind the name where the value is that part only".to_owned()
    };
    let marker: serde_json::Value = serde_json::from_str(text).map_err(|_| wrong())?;
    let value = marker
        .get("$imagepolicy")
        .and_then(|value| value.as_str())
        .ok_or_else(wrong)?;
    let (namespace, name, part) = match value.split(':').collect::<Vec<_>>()[..] {
        [namespace, name] => (namespace, name, Part::Whole),
        [namespace, name, "tag"] => (namespace, name, Part::Tag(None)),
        [namespace, name, "name"] => (namespace, name, Part::Name),
        [namespace, name, "digest"] => (namespace, name, Part::Digest),
        _ => return Err(wrong()),
    };
    if namespace.is_empty() || name.is_empty() {
        return Err(wrong());
    }
    let policy = MarkerPolicy::ImagePolicy {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    };
    Ok((part, policy))
}

/// What is wrong with markers that stand beside nothing.
pub(crate) fn unused(comments: &[Comment]) -> Vec<Trouble> {
    let unused = comments.iter().filter(|comment| !comment.used);
    unused
        .map(|comment| comment.trouble("stands beside no value that is written in one line; put it behind the value"))
        .collect()
}

/// Adds what markers below `root` say to its images: a policy to a field that is there already, or a field whose name is
/// the way to its scalar.
pub(crate) fn apply(root: &Place<'_>, tokens: &[Range<usize>], comments: &mut [Comment], images: &mut Images) {
    if comments.is_empty() {
        return;
    }
    let mut leaves = Leaves::default();
    leaves.collect(root);
    let mut marked: Vec<Marked<'_>> = Vec::new();
    for (at, beside) in beside(&leaves, tokens, comments) {
        let (Some(comment), Some(leaf)) = (comments.get_mut(at), leaves.found.get(beside.leaf)) else {
            continue;
        };
        let Some(spot) = Spot::of(&leaf.place, tokens) else {
            continue;
        };
        comment.used = true;
        let wrong = if leaf.place.path().is_longer_than(LONGEST_NAME) {
            Some("stands so deep, or below keys so long, that its value has no name; write it into a file of its own")
        } else if beside.several {
            Some("stands beside several values; give the one that is meant a line of its own")
        } else if names_the_object(root, leaf.place.path()) {
            Some("stands beside what names the object, which is no image; put it behind the image")
        } else {
            None
        };
        match wrong {
            Some(wrong) => images.mistakes.push(comment.trouble(wrong)),
            None => marked.push(Marked {
                comment: comment.clone(),
                place: leaf.place.clone(),
                holder: leaf.holder,
                spot,
            }),
        }
    }
    let mut known = HashMap::new();
    for (at, site) in images.sites.iter().enumerate() {
        if let Some(main) = site.main() {
            known.entry(main.event).or_insert(at);
        }
    }
    let mut pairs = HashMap::new();
    for one in &marked {
        let key = (one.holder, one.comment.part.clone(), &one.comment.policy);
        pairs.entry(key).or_insert(&one.spot);
    }
    for Marked {
        comment,
        place,
        holder,
        spot,
    } in &marked
    {
        let marker = Marker {
            policy: comment.policy.clone(),
            position: comment.position,
        };
        if let Some(site) = known.get(&spot.event).and_then(|at| images.sites.get_mut(*at)) {
            site.field.marker = Some(marker);
            continue;
        }
        let pair = |part: Part| pairs.get(&(*holder, part, &comment.policy)).copied();
        let holder = leaves.holders.get(*holder);
        let ours = matches!(comment.policy, MarkerPolicy::Text(_));
        let site = match &comment.part {
            Part::Whole if ours && is_tag(place.path()) => {
                Beside::of(holder, &comment.policy, None, None, tokens).and_then(|beside| tag(place, spot, beside))
            }
            Part::Whole => whole(holder, place, spot),
            Part::Tag(named) => {
                let name = pair(Part::Name).cloned();
                let beside = Beside::of(holder, &comment.policy, named.as_deref(), name, tokens);
                beside
                    .or_else(|problem| if ours { Err(problem) } else { Beside::of_policy() })
                    .and_then(|beside| tag(place, spot, beside))
            }
            Part::Digest if pair(Part::Tag(None)).is_none() => {
                let name = pair(Part::Name).cloned();
                let beside = Beside::of(holder, &comment.policy, None, name, tokens);
                beside
                    .or_else(|_| Beside::of_policy())
                    .and_then(|beside| digest(place, spot, beside))
            }
            Part::Digest | Part::Name => continue,
        };
        match site {
            Ok(mut site) => {
                site.field.marker = Some(marker);
                let beside = pair(Part::Digest).filter(|_| matches!(comment.part, Part::Tag(_)));
                if let Some(digest) = beside {
                    site.field.image = site
                        .field
                        .image
                        .with(site.field.image.tag().cloned(), Digest::parse(&digest.text).ok());
                    site.digest = Some(digest.clone());
                }
                images.names.insert(site.field.field.clone());
                if let Some(main) = site.main() {
                    known.insert(main.event, images.sites.len());
                }
                images.sites.push(site);
            }
            Err(message) => images.mistakes.push(comment.trouble(&message)),
        }
    }
    images.drop_names_of_others();
    images.settle(Counts::First);
}

impl Images {
    /// Takes marked images away whose scalar is the name of another field's image: a tag beside it has a place of its own.
    fn drop_names_of_others(&mut self) {
        let mut names = BTreeMap::new();
        for site in &self.sites {
            let main = site.main().map(|spot| spot.event);
            let parts = [&site.registry, &site.repository].into_iter().flatten();
            names.extend(
                parts
                    .filter(|spot| main != Some(spot.event))
                    .map(|spot| (spot.event, site.field.field.clone())),
            );
        }
        for site in std::mem::take(&mut self.sites) {
            let other = site.main().and_then(|spot| names.get(&spot.event));
            match (&site.field.marker, other) {
                (Some(marker), Some(other)) => self.mistakes.push(Trouble {
                    position: marker.position,
                    message: format!(
                        "this marker stands beside the name of the image {other}; put it behind the tag there"
                    ),
                }),
                _ => self.sites.push(site),
            }
        }
    }
}

impl Comment {
    /// What is wrong with it, at its place.
    pub(crate) fn trouble(&self, what: &str) -> Trouble {
        Trouble {
            position: self.position,
            message: format!("this marker {what}"),
        }
    }
}

fn whole(holder: Option<&Holder<'_>>, place: &Place<'_>, spot: &Spot) -> Result<Site, String> {
    let image = ImageRef::parse(&spot.text).map_err(|error| format!("stands beside what cannot be bumped: {error}"))?;
    let is_name = matches!(place.path().0.last(), Some(Step::Key(key)) if NAMES.contains(&&**key));
    if is_name && image.tag().is_none() && holder.is_some_and(|holder| holder.has_tag) {
        return Err(
            "stands beside the name of an image whose tag has a place of its own; put it behind the tag".to_owned(),
        );
    }
    Ok(Site {
        repository: Some(spot.clone()),
        ..site(place, spot, image, Holds::Reference)
    })
}

/// The repository of a tag or a digest that has a scalar of its own.
struct Beside {
    name: ImageRef,
    is_named: bool,
    registry: Option<Spot>,
    repository: Option<Spot>,
}

impl Beside {
    /// As the marker names it, or a marker beside it, or a text beside it as charts have it. A `name` beside a marker of
    /// Flux's is more often that of a variable than an image's, and the ImagePolicy knows better.
    fn of(
        holder: Option<&Holder<'_>>,
        policy: &MarkerPolicy,
        named: Option<&str>,
        marked: Option<Spot>,
        tokens: &[Range<usize>],
    ) -> Result<Self, String> {
        let beside = |key: &str| holder?.named.get(key).cloned();
        let spot = |place: &Place<'_>| Spot::of(place, tokens);
        let registry = beside("registry");
        let mut repository = ["repository", "image", "newName"].into_iter().find_map(beside);
        if matches!(policy, MarkerPolicy::Text(_)) {
            repository = repository.or_else(|| beside("name"));
        }
        let name = match (named, &marked, &repository) {
            (Some(named), ..) => named.to_owned(),
            (None, Some(marked), _) => marked.text.clone(),
            (None, None, Some(repository)) => {
                let parts = Parts {
                    registry: registry.clone(),
                    repository: repository.clone(),
                    tag: None,
                    digest: None,
                };
                compose(&parts)?.name().to_owned()
            }
            (None, None, None) => {
                return Err("is for a tag whose repository is not beside it; write # tidegate.dev/tag of <repository>: <policy>, or mark the name, too".to_owned());
            }
        };
        let own = named.is_none() && marked.is_none();
        Ok(Self {
            name: ImageRef::parse(&name).map_err(|error| error.to_string())?,
            is_named: true,
            registry: registry.filter(|_| own).and_then(|place| spot(&place)),
            repository: marked.or(repository.filter(|_| own).and_then(|place| spot(&place))),
        })
    }

    /// That of the ImagePolicy, which another file tells.
    fn of_policy() -> Result<Self, String> {
        Ok(Self {
            name: ImageRef::parse(UNNAMED).map_err(|error| error.to_string())?,
            is_named: false,
            registry: None,
            repository: None,
        })
    }
}

fn tag(place: &Place<'_>, spot: &Spot, beside: Beside) -> Result<Site, String> {
    let (tag, digest) =
        tag_and_digest(&spot.text).map_err(|error| format!("stands beside what cannot be bumped: {error}"))?;
    let mut site = site(place, spot, beside.name.with(Some(tag), digest), Holds::Tag);
    site.field.is_named = beside.is_named;
    Ok(Site {
        registry: beside.registry,
        repository: beside.repository,
        tag: Some(spot.clone()),
        ..site
    })
}

fn digest(place: &Place<'_>, spot: &Spot, beside: Beside) -> Result<Site, String> {
    let digest = Digest::parse(&spot.text).map_err(|error| format!("stands beside what cannot be bumped: {error}"))?;
    let mut site = site(place, spot, beside.name.with(None, Some(digest)), Holds::Digest);
    site.field.is_named = beside.is_named;
    Ok(Site {
        registry: beside.registry,
        repository: beside.repository,
        digest: Some(spot.clone()),
        name_alone: true,
        ..site
    })
}

fn site(place: &Place<'_>, spot: &Spot, image: ImageRef, holds: Holds) -> Site {
    Site {
        field: ImageField {
            field: FieldName(match place.path().0.is_empty() {
                true => WHOLE_DOCUMENT.to_owned(),
                false => place.path().to_string(),
            }),
            image,
            is_named: true,
            position: spot.position,
            slot: Slot {
                span: spot.span.clone(),
                style: spot.style,
                holds,
            },
            marker: None,
        },
        registry: None,
        repository: None,
        tag: None,
        digest: None,
        name_alone: false,
        name_matches: false,
    }
}

/// Whether a value says which object the one at `root` is: written anew it would be another.
fn names_the_object(root: &Place<'_>, path: &Path) -> bool {
    let keys: Option<Vec<&str>> = path
        .0
        .iter()
        .skip(root.path().0.len())
        .map(|step| match step {
            Step::Key(key) => Some(&**key),
            Step::Index(_) => None,
        })
        .collect();
    let named = matches!(
        keys.as_deref(),
        Some(["apiVersion" | "kind"] | ["metadata", "name" | "namespace"])
    );
    named && root.key("apiVersion").is_some() && root.key("kind").is_some()
}

/// Whether the key is what charts call a tag: `tag`, `newTag`, `imageTag`.
fn is_tag(path: &Path) -> bool {
    matches!(path.0.last(), Some(Step::Key(key)) if &**key == "tag" || key.ends_with("Tag"))
}

/// A list or a map, as what stands in it sees it.
#[derive(Default)]
struct Holder<'a> {
    /// The scalars under [`NAMES`].
    named: BTreeMap<String, Place<'a>>,
    /// Whether a tag has a scalar of its own.
    has_tag: bool,
}

/// A scalar, and where in [`Leaves::holders`] its list or map is.
struct Leaf<'a> {
    place: Place<'a>,
    holder: usize,
}

/// The scalars of a document in their order.
#[derive(Default)]
struct Leaves<'a> {
    found: Vec<Leaf<'a>>,
    holders: Vec<Holder<'a>>,
}

impl<'a> Leaves<'a> {
    fn collect(&mut self, root: &Place<'a>) {
        self.holders.push(Holder::default());
        self.add(root, 0);
    }

    fn add(&mut self, place: &Place<'a>, holder: usize) {
        if place.scalar().is_some() {
            self.found.push(Leaf {
                place: place.clone(),
                holder,
            });
            return;
        }
        let (entries, items) = (place.entries(), place.items());
        let holder = self.holders.len();
        let scalars = || entries.iter().filter(|(_, below)| below.scalar().is_some());
        self.holders.push(Holder {
            named: scalars()
                .filter(|(key, _)| NAMES.contains(&key.as_str()))
                .cloned()
                .collect(),
            has_tag: scalars().any(|(_, below)| is_tag(below.path())),
        });
        for below in entries.iter().map(|(_, below)| below).chain(&items) {
            self.add(below, holder);
        }
    }
}

/// The scalar that a comment stands beside.
struct Found {
    /// Where in [`Leaves::found`] it is.
    leaf: usize,
    event: usize,
    /// Whether another one stands there, too.
    several: bool,
}

/// What stands beside comments that nothing is known of yet, by their places among `comments`, which are in file order.
fn beside(leaves: &Leaves<'_>, tokens: &[Range<usize>], comments: &[Comment]) -> BTreeMap<usize, Found> {
    let mut found: BTreeMap<usize, Found> = BTreeMap::new();
    for (leaf, event) in leaves.found.iter().map(|leaf| leaf.place.event()).enumerate() {
        let Some(token) = tokens.get(event).filter(|token| !token.is_empty()) else {
            continue;
        };
        let at = comments.partition_point(|comment| comment.before.end < token.end);
        let Some(comment) = comments.get(at) else { continue };
        if comment.used || token.start < comment.before.start {
            continue;
        }
        let first = found.entry(at).or_insert(Found {
            leaf,
            event,
            several: false,
        });
        first.several |= first.event != event;
    }
    found
}

/// A marker and what it stands beside.
struct Marked<'a> {
    comment: Comment,
    place: Place<'a>,
    holder: usize,
    spot: Spot,
}
