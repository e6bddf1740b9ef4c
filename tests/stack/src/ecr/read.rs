//! Operations that only look: DescribeRepositories, DescribeImages, ListImages, BatchGetImage.

use serde_json::{Value, json};

use super::{
    answer::{Failure, codes},
    pages::{Asked, Cursor, Page, Pages},
    store::{Image, Repository, Scope, Store, position},
    validate,
    wire::{ImageId, Input},
};

pub(super) fn describe_repositories(
    store: &Store,
    pages: &Pages,
    scope: &Scope,
    input: &Input,
) -> Result<Value, Failure> {
    if let Some(names) = &input.repository_names {
        let names = validate::count("repositoryNames", Some(names), 100)?;
        if input.max_results.is_some() || input.next_token.is_some() {
            return Err(Failure::invalid(
                "repositoryNames",
                "must not be used with maxResults or nextToken",
            ));
        }
        let described = names.iter().map(|name| {
            validate::repository_name(Some(name))?;
            store.repository(scope, name).map(repository)
        });
        return Ok(json!({ "repositories": described.collect::<Result<Vec<_>, _>>()? }));
    }
    let asked = asked(input, format!("repositories {scope:?}"));
    let after = pages.open(&asked)?;
    let mut all: Vec<_> = store
        .repositories(scope)
        .map(|found| (position(&found.name), found))
        .collect();
    all.sort_by(|(one, _), (other, _)| one.cmp(other));
    let items = all
        .into_iter()
        .map(|(position, found)| (Cursor::at(&position), repository(found)));
    Ok(paged("repositories", pages.cut(&asked, after.as_ref(), items)?))
}

pub(super) fn describe_images(store: &Store, pages: &Pages, scope: &Scope, input: &Input) -> Result<Value, Failure> {
    let name = validate::repository_name(input.repository_name.as_deref())?;
    let filter = ImageFilter::of(input)?;
    if let Some(ids) = &input.image_ids {
        let ids = validate::count("imageIds", Some(ids), 100)?;
        if input.max_results.is_some() || input.next_token.is_some() {
            return Err(Failure::invalid(
                "imageIds",
                "must not be used with maxResults or nextToken",
            ));
        }
        let repository = store.repository(scope, name)?;
        let mut found: Vec<&Image> = Vec::new();
        for id in ids {
            let image = find(repository, id).map_err(|missing| missing.of(repository, id))?;
            if filter.has(image) && !found.iter().any(|known| known.digest == image.digest) {
                found.push(image);
            }
        }
        return Ok(
            json!({ "imageDetails": found.into_iter().map(|image| detail(repository, image)).collect::<Vec<_>>() }),
        );
    }
    let asked = asked(input, format!("images {scope:?} {name} {filter:?}"));
    let after = pages.open(&asked)?;
    let repository = store.repository(scope, name)?;
    let images = repository
        .images_from(after.as_ref().map(|after| &after.position))
        .filter(|(_, image)| filter.has(image));
    let items = images.map(|(position, image)| (Cursor::at(position), detail(repository, image)));
    Ok(paged("imageDetails", pages.cut(&asked, after.as_ref(), items)?))
}

pub(super) fn list_images(store: &Store, pages: &Pages, scope: &Scope, input: &Input) -> Result<Value, Failure> {
    let name = validate::repository_name(input.repository_name.as_deref())?;
    let filter = ImageFilter::of(input)?;
    let asked = asked(input, format!("ids {scope:?} {name} {filter:?}"));
    let after = pages.open(&asked)?;
    let repository = store.repository(scope, name)?;
    let images = repository
        .images_from(after.as_ref().map(|after| &after.position))
        .filter(|(_, image)| filter.has(image));
    let items = images.flat_map(|(at, image)| {
        if image.tags.is_empty() {
            return vec![(Cursor::at(at), json!({ "imageDigest": image.digest }))];
        }
        let mut tags: Vec<_> = image.tags.iter().map(|tag| position(tag)).collect();
        tags.sort();
        let entry = |tag| json!({ "imageDigest": image.digest, "imageTag": tag });
        tags.into_iter()
            .map(|tag| (Cursor::at_tag(at, tag.clone()), entry(tag.1)))
            .collect()
    });
    Ok(paged("imageIds", pages.cut(&asked, after.as_ref(), items)?))
}

pub(super) fn batch_get_image(store: &Store, scope: &Scope, input: &Input) -> Result<Value, Failure> {
    let name = validate::repository_name(input.repository_name.as_deref())?;
    let ids = validate::count("imageIds", input.image_ids.as_deref(), 100)?;
    let repository = store.repository(scope, name)?;
    let accepts = |media_type: &String| {
        input
            .accepted_media_types
            .as_ref()
            .is_none_or(|accepted| accepted.iter().any(|one| one == media_type))
    };
    let (mut images, mut failures) = (Vec::new(), Vec::new());
    for id in ids {
        match find(repository, id) {
            Ok(image) if accepts(&image.parsed.media_type) => {
                let mut image_id = json!({ "imageDigest": image.digest });
                if let Some(tag) = &id.image_tag {
                    image_id["imageTag"] = json!(tag);
                }
                images.push(json!({
                    "registryId": scope.account, "repositoryName": name, "imageId": image_id,
                    "imageManifest": &*image.manifest, "imageManifestMediaType": image.parsed.media_type,
                }));
            }
            Ok(_) => failures.push(Missing::NotFound.failure(id)),
            Err(missing) => failures.push(missing.failure(id)),
        }
    }
    Ok(json!({ "images": images, "failures": failures }))
}

/// Why an image id finds nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    Nameless,
    BadDigest,
    BadTag,
    NotFound,
    Mismatch,
}

impl Missing {
    /// As an entry of `failures`.
    pub(super) fn failure(self, id: &ImageId) -> Value {
        let (code, reason) = match self {
            Self::Nameless => (
                "MissingDigestAndTag",
                "Invalid request parameters: both tag and digest cannot be null",
            ),
            Self::BadDigest => (
                "InvalidImageDigest",
                "Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'",
            ),
            Self::BadTag => ("InvalidImageTag", "Invalid request parameters: image tag is not valid"),
            Self::NotFound => ("ImageNotFound", "Requested image not found"),
            Self::Mismatch => (
                "ImageTagDoesNotMatchDigest",
                "Requested image tag does not point to the requested image digest",
            ),
        };
        json!({ "imageId": id_value(id), "failureCode": code, "failureReason": reason })
    }

    /// As the error of a call that fails as a whole.
    fn of(self, repository: &Repository, id: &ImageId) -> Failure {
        if matches!(self, Self::Nameless | Self::BadDigest | Self::BadTag) {
            return Failure::invalid("imageIds", "must name each image by a valid digest or tag");
        }
        let quoted = |name: &Option<String>| name.as_deref().unwrap_or("null").to_owned();
        let message = format!(
            "The image with imageId {{imageDigest:'{}', imageTag:'{}'}} does not exist within the repository with name '{}' \
             in the registry with id '{}'",
            quoted(&id.image_digest),
            quoted(&id.image_tag),
            repository.name,
            repository.scope.account
        );
        Failure::new(codes::IMAGE_NOT_FOUND, message)
    }
}

pub(super) fn find<'a>(repository: &'a Repository, id: &ImageId) -> Result<&'a Image, Missing> {
    if id
        .image_digest
        .as_deref()
        .is_some_and(|digest| !validate::is_digest(digest))
    {
        return Err(Missing::BadDigest);
    }
    if id
        .image_tag
        .as_deref()
        .is_some_and(|tag| validate::image_tag(tag).is_err())
    {
        return Err(Missing::BadTag);
    }
    match (id.image_digest.as_deref(), id.image_tag.as_deref()) {
        (None, None) => Err(Missing::Nameless),
        (Some(digest), None) => repository.by_digest(digest).ok_or(Missing::NotFound),
        (digest, Some(tag)) => match repository.by_tag(tag) {
            Some(image) if digest.is_some_and(|digest| digest != image.digest) => Err(Missing::Mismatch),
            found => found.ok_or(Missing::NotFound),
        },
    }
}

pub(super) fn id_value(id: &ImageId) -> Value {
    let mut value = json!({});
    for (key, part) in [("imageDigest", &id.image_digest), ("imageTag", &id.image_tag)] {
        if let Some(part) = part {
            value[key] = json!(part);
        }
    }
    value
}

pub(super) fn repository(found: &Repository) -> Value {
    json!({
        "repositoryArn": found.scope.arn(&found.name), "registryId": found.scope.account, "repositoryName": found.name,
        "repositoryUri": format!("{}/{}", found.scope.host(), found.name), "createdAt": found.created_at,
        "imageTagMutability": found.mutability, "imageScanningConfiguration": { "scanOnPush": false },
        "encryptionConfiguration": { "encryptionType": "AES256" },
    })
}

fn detail(repository: &Repository, image: &Image) -> Value {
    let mut value = json!({
        "registryId": repository.scope.account, "repositoryName": repository.name, "imageDigest": image.digest,
        "imageSizeInBytes": image.size, "imagePushedAt": image.pushed_at, "imageStatus": "ACTIVE",
        "imageManifestMediaType": image.parsed.media_type,
    });
    if !image.tags.is_empty() {
        value["imageTags"] = json!(image.tags);
    }
    if let Some(artifact_type) = &image.parsed.artifact_type {
        value["artifactMediaType"] = json!(artifact_type);
    }
    if let Some(subject) = &image.parsed.subject {
        value["subjectManifestDigest"] = json!(subject);
    }
    value
}

/// Which images a listing's filter lets through. Nothing here is ever archived.
#[derive(Debug)]
struct ImageFilter {
    tagged: Option<bool>,
    active: bool,
}

impl ImageFilter {
    fn of(input: &Input) -> Result<Self, Failure> {
        let filter = input.filter.as_ref();
        let tag_status = filter.and_then(|filter| filter.tag_status.as_deref());
        let tagged = match validate::one_of("filter.tagStatus", tag_status, &["ANY", "TAGGED", "UNTAGGED"])? {
            "TAGGED" => Some(true),
            "UNTAGGED" => Some(false),
            _ => None,
        };
        let status = filter.and_then(|filter| filter.image_status.as_deref());
        let names = ["ACTIVE", "ARCHIVED", "ACTIVATING", "ANY"];
        let active = matches!(
            validate::one_of("filter.imageStatus", status, &names)?,
            "ACTIVE" | "ANY"
        );
        Ok(Self { tagged, active })
    }

    fn has(&self, image: &Image) -> bool {
        self.active && self.tagged.is_none_or(|tagged| tagged != image.tags.is_empty())
    }
}

fn asked(input: &Input, listing: String) -> Asked<'_> {
    Asked {
        listing,
        max_results: input.max_results,
        next_token: input.next_token.as_deref(),
    }
}

fn paged(key: &str, page: Page<Value>) -> Value {
    let mut value = json!({ key: page.items });
    if let Some(next) = page.next {
        value["nextToken"] = json!(next);
    }
    value
}
