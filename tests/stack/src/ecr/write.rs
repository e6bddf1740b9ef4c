//! Operations that change something: CreateRepository, PutImage, BatchDeleteImage, and GetAuthorizationToken.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    answer::{Failure, codes},
    clock::epoch_now,
    manifest::{digest_of, parse},
    read::{self, find},
    store::{Image, Mutability, Repository, Scope, Store},
    tokens::Tokens,
    validate,
    wire::{Caller, ImageId, Input},
};

pub(super) fn create_repository(store: &mut Store, scope: &Scope, input: &Input) -> Result<Value, Failure> {
    let name = validate::repository_name(input.repository_name.as_deref())?;
    let mutability = validate::mutability(input.image_tag_mutability.as_deref())?;
    match store.create(scope, name, epoch_now(), mutability) {
        Some(created) => Ok(json!({ "repository": read::repository(created) })),
        None => {
            let account = &scope.account;
            let message =
                format!("The repository with name '{name}' already exists in the registry with id '{account}'");
            Err(Failure::new(codes::REPOSITORY_EXISTS, message))
        }
    }
}

pub(super) fn put_image(store: &mut Store, scope: &Scope, input: &Input, pushed_at: f64) -> Result<Value, Failure> {
    let name = validate::repository_name(input.repository_name.as_deref())?;
    let text = validate::manifest(input.image_manifest.as_deref())?;
    let tag = input.image_tag.as_deref();
    let repository = store.repository_mut(scope, name)?;
    let put = Put {
        text,
        media_type: input.image_manifest_media_type.as_deref(),
        tag,
        expected_digest: input.image_digest.as_deref(),
        pushed_at,
    };
    let digest = put.into_repository(repository)?;
    let media_type = repository
        .by_digest(&digest)
        .map(|image| image.parsed.media_type.clone());
    let image_id = read::id_value(&ImageId {
        image_digest: Some(digest),
        image_tag: tag.map(str::to_owned),
    });
    Ok(json!({ "image": {
        "registryId": scope.account, "repositoryName": name, "imageId": image_id,
        "imageManifest": text, "imageManifestMediaType": media_type,
    }}))
}

/// One manifest on its way into a repository.
#[derive(Debug)]
pub(super) struct Put<'a> {
    pub(super) text: &'a str,
    pub(super) media_type: Option<&'a str>,
    pub(super) tag: Option<&'a str>,
    pub(super) expected_digest: Option<&'a str>,
    pub(super) pushed_at: f64,
}

impl Put<'_> {
    /// Stores the image, moves the tag to it, and returns its digest. A digest that is here keeps its push time.
    pub(super) fn into_repository(self, repository: &mut Repository) -> Result<String, Failure> {
        self.tag.map_or(Ok(()), validate::image_tag)?;
        let parsed = parse(self.text, self.media_type)?;
        let digest = digest_of(self.text.as_bytes());
        if self.expected_digest.is_some_and(|expected| expected != digest) {
            let message = format!("Image digest does not match: the manifest's digest is '{digest}'");
            return Err(Failure::new(codes::DIGEST_MISMATCH, message));
        }
        let (name, account) = (&repository.name, &repository.scope.account);
        if let Some(known) = repository.by_digest(&digest)
            && self.tag.is_none_or(|tag| known.tags.contains(tag))
        {
            let tag = self.tag.unwrap_or("null");
            let message = format!(
                "Image with digest '{digest}' and tag '{tag}' already exists in the repository with name '{name}' \
                 in registry with id '{account}'"
            );
            return Err(Failure::new(codes::IMAGE_EXISTS, message));
        }
        if let Some(tag) = self.tag.filter(|tag| repository.by_tag(tag).is_some())
            && repository.mutability == Mutability::Immutable
        {
            let message = format!(
                "The image tag '{tag}' already exists in the '{name}' repository and cannot be overwritten \
                 because the repository is immutable."
            );
            return Err(Failure::new(codes::TAG_EXISTS, message));
        }
        let absent: Vec<_> = parsed
            .children
            .iter()
            .filter(|child| repository.by_digest(child).is_none())
            .collect();
        if !absent.is_empty() {
            let message = format!(
                "Images with digests '{absent:?}' required for pushing image into repository with name '{name}' \
                 in the registry with id '{account}' do not exist"
            );
            return Err(Failure::new(codes::REFERENCED_NOT_FOUND, message));
        }
        if repository.by_digest(&digest).is_none() {
            let largest_child = parsed
                .children
                .iter()
                .filter_map(|child| repository.by_digest(child))
                .map(|child| child.size)
                .max();
            repository.insert(Image {
                digest: digest.clone(),
                manifest: self.text.into(),
                size: largest_child.unwrap_or(parsed.size),
                parsed,
                pushed_at: self.pushed_at,
                tags: Default::default(),
            });
        }
        if let Some(tag) = self.tag {
            repository.point(tag, &digest);
        }
        Ok(digest)
    }
}

pub(super) fn batch_delete_image(store: &mut Store, scope: &Scope, input: &Input) -> Result<Value, Failure> {
    let name = validate::repository_name(input.repository_name.as_deref())?;
    let ids = validate::count("imageIds", input.image_ids.as_deref(), 100)?;
    let repository = store.repository_mut(scope, name)?;
    let (mut deleted, mut failures) = (Vec::new(), Vec::new());
    for id in ids {
        let digest = match find(repository, id) {
            Ok(image) => image.digest.clone(),
            Err(missing) => {
                failures.push(missing.failure(id));
                continue;
            }
        };
        let last_name =
            id.image_tag.is_none() || repository.by_digest(&digest).is_some_and(|image| image.tags.len() == 1);
        let naming = if last_name {
            repository.indexes_naming(&digest)
        } else {
            Vec::new()
        };
        if !naming.is_empty() {
            failures.push(json!({
                "imageId": read::id_value(id), "failureCode": "ImageReferencedByManifestList",
                "failureReason": format!("Requested image referenced by manifest list: [{}]", naming.join(", ")),
            }));
            continue;
        }
        match &id.image_tag {
            Some(tag) => {
                repository.remove_tag(tag);
                deleted.push(json!({ "imageDigest": digest, "imageTag": tag }));
            }
            None => {
                let tags = repository.remove(&digest).unwrap_or_default();
                if tags.is_empty() {
                    deleted.push(json!({ "imageDigest": digest }));
                }
                deleted.extend(tags.iter().map(|tag| json!({ "imageDigest": digest, "imageTag": tag })));
            }
        }
    }
    Ok(json!({ "imageIds": deleted, "failures": failures }))
}

pub(super) fn get_authorization_token(tokens: &mut Tokens, caller: &Caller, input: &Input) -> Result<Value, Failure> {
    let own = [caller.account.clone()];
    let accounts = match &input.registry_ids {
        Some(ids) => validate::count("registryIds", Some(ids), 10)?,
        None => &own,
    };
    let mut data = Vec::new();
    for account in accounts {
        validate::registry_id(Some(account))?;
        let (password, expires_at) = tokens.issue(&caller.account, &caller.region, epoch_now());
        let host = Scope {
            account: account.clone(),
            region: caller.region.clone(),
        }
        .host();
        data.push(json!({
            "authorizationToken": STANDARD.encode(format!("AWS:{password}")),
            "expiresAt": expires_at, "proxyEndpoint": format!("https://{host}"),
        }));
    }
    Ok(json!({ "authorizationData": data }))
}
