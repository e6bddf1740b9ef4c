//! What the registries hold: accounts and regions, repositories, images, tags, and the order of listings.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    hash::{DefaultHasher, Hash, Hasher},
    ops::Bound,
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::{answer::Failure, manifest::Parsed};

/// Whether a tag may be moved to another image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Mutability {
    /// A put moves the tag.
    #[default]
    Mutable,
    /// A put of another image under the tag is refused.
    Immutable,
}

/// One registry: an account in a region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Scope {
    pub(super) account: String,
    pub(super) region: String,
}

impl Scope {
    pub(super) fn of(account: &str, region: &str) -> Self {
        Self {
            account: account.to_owned(),
            region: region.to_owned(),
        }
    }

    /// The registry's host by the rules of the region's partition.
    pub(super) fn host(&self) -> String {
        let Self { account, region } = self;
        format!("{account}.dkr.ecr.{region}.{}", suffix(region))
    }

    pub(super) fn arn(&self, repository: &str) -> String {
        let Self { account, region } = self;
        format!(
            "arn:{}:ecr:{region}:{account}:repository/{repository}",
            partition(region)
        )
    }
}

pub(super) fn partition(region: &str) -> &'static str {
    match region.split('-').next() {
        Some("cn") => "aws-cn",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        Some("eusc") => "aws-eusc",
        _ => "aws",
    }
}

fn suffix(region: &str) -> &'static str {
    match partition(region) {
        "aws-cn" => "amazonaws.com.cn",
        "aws-eusc" => "amazonaws.eu",
        _ => "amazonaws.com",
    }
}

/// A position in a listing. A hash orders the listing, so that the order depends on neither age nor name.
pub(super) type Position = (u64, String);

pub(super) fn position(name: &str) -> Position {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    (hasher.finish(), name.to_owned())
}

#[derive(Debug)]
pub(super) struct Image {
    pub(super) digest: String,
    pub(super) manifest: Arc<str>,
    pub(super) parsed: Parsed,
    pub(super) size: u64,
    pub(super) pushed_at: f64,
    pub(super) tags: BTreeSet<String>,
}

#[derive(Debug)]
pub(super) struct Repository {
    pub(super) scope: Scope,
    pub(super) name: String,
    pub(super) created_at: f64,
    pub(super) mutability: Mutability,
    /// Accounts besides the owner's that the repository policy lets in.
    pub(super) shared_with: BTreeSet<String>,
    images: HashMap<String, Image>,
    order: BTreeSet<Position>,
    tags: BTreeMap<String, String>,
    blobs: HashMap<String, Arc<str>>,
}

impl Repository {
    pub(super) fn new(scope: Scope, name: &str, created_at: f64, mutability: Mutability) -> Self {
        Self {
            scope,
            name: name.to_owned(),
            created_at,
            mutability,
            shared_with: BTreeSet::new(),
            images: HashMap::new(),
            order: BTreeSet::new(),
            tags: BTreeMap::new(),
            blobs: HashMap::new(),
        }
    }

    pub(super) fn by_digest(&self, digest: &str) -> Option<&Image> {
        self.images.get(digest)
    }

    pub(super) fn by_tag(&self, tag: &str) -> Option<&Image> {
        self.images.get(self.tags.get(tag)?)
    }

    pub(super) fn blob(&self, digest: &str) -> Option<&Arc<str>> {
        self.blobs.get(digest)
    }

    /// Tags in byte order, as the registry's `/v2/` API lists them.
    pub(super) fn tags_after(&self, last: Option<&str>) -> impl Iterator<Item = &str> {
        let start = last.map_or(Bound::Unbounded, Bound::Excluded);
        self.tags
            .range::<str, _>((start, Bound::Unbounded))
            .map(|(tag, _)| tag.as_str())
    }

    /// The images in listing order, from this position on (inclusive).
    pub(super) fn images_from(&self, position: Option<&Position>) -> impl Iterator<Item = (&Position, &Image)> {
        let start = position.map_or(Bound::Unbounded, Bound::Included);
        self.order
            .range((start, Bound::Unbounded))
            .filter_map(|position| self.images.get(&position.1).map(|image| (position, image)))
    }

    pub(super) fn indexes_naming(&self, digest: &str) -> Vec<&str> {
        let naming = self
            .images
            .values()
            .filter(|image| image.parsed.children.iter().any(|child| child == digest));
        naming.map(|image| image.digest.as_str()).collect()
    }

    pub(super) fn insert(&mut self, image: Image) {
        self.order.insert(position(&image.digest));
        self.images.insert(image.digest.clone(), image);
    }

    pub(super) fn add_blob(&mut self, digest: String, text: &str) {
        self.blobs.insert(digest, text.into());
    }

    /// Points the tag at an image that is here; the image that had it keeps its other tags, if only as an untagged one.
    pub(super) fn point(&mut self, tag: &str, digest: &str) {
        let before = self.tags.insert(tag.to_owned(), digest.to_owned());
        if let Some(image) = before.and_then(|before| self.images.get_mut(&before)) {
            image.tags.remove(tag);
        }
        if let Some(image) = self.images.get_mut(digest) {
            image.tags.insert(tag.to_owned());
        }
    }

    /// Takes the tag away, and the image with it if that was its last; says which image it was.
    pub(super) fn remove_tag(&mut self, tag: &str) -> Option<String> {
        let digest = self.tags.remove(tag)?;
        if let Some(image) = self.images.get_mut(&digest) {
            image.tags.remove(tag);
            if image.tags.is_empty() {
                self.remove(&digest);
            }
        }
        Some(digest)
    }

    /// Takes the image away with all its tags, which are returned.
    pub(super) fn remove(&mut self, digest: &str) -> Option<BTreeSet<String>> {
        let image = self.images.remove(digest)?;
        self.order.remove(&position(digest));
        for tag in &image.tags {
            self.tags.remove(tag);
        }
        Some(image.tags)
    }
}

/// All registries.
#[derive(Debug, Default)]
pub(super) struct Store(BTreeMap<Scope, BTreeMap<String, Repository>>);

impl Store {
    pub(super) fn repository(&self, scope: &Scope, name: &str) -> Result<&Repository, Failure> {
        let found = self.0.get(scope).and_then(|registry| registry.get(name));
        found.ok_or_else(|| Failure::no_repository(name, &scope.account))
    }

    pub(super) fn repository_mut(&mut self, scope: &Scope, name: &str) -> Result<&mut Repository, Failure> {
        let found = self.0.get_mut(scope).and_then(|registry| registry.get_mut(name));
        found.ok_or_else(|| Failure::no_repository(name, &scope.account))
    }

    pub(super) fn repositories(&self, scope: &Scope) -> impl Iterator<Item = &Repository> {
        self.0.get(scope).into_iter().flat_map(BTreeMap::values)
    }

    /// Adds the repository unless one of that name is there.
    pub(super) fn create(
        &mut self,
        scope: &Scope,
        name: &str,
        now: f64,
        mutability: Mutability,
    ) -> Option<&Repository> {
        let registry = self.0.entry(scope.clone()).or_default();
        if registry.contains_key(name) {
            return None;
        }
        Some(
            registry
                .entry(name.to_owned())
                .or_insert_with(|| Repository::new(scope.clone(), name, now, mutability)),
        )
        .map(|repository| &*repository)
    }
}
