//! Adds repositories, images and tags to a server without HTTP.

use anyhow::{Context, Result};

use super::{
    EcrServer, Mutability, PushTime,
    answer::{Failure, codes},
    clock::epoch_now,
    manifest::{digest_of, make_up, media_type_of},
    server::World,
    store::Scope,
    validate,
    write::Put,
};

impl EcrServer {
    /// Creates a repository with mutable tags. An existing repository stays unchanged.
    ///
    /// # Errors
    /// When the name is not a valid repository name.
    pub fn create_repository(&self, account: &str, region: &str, name: &str) -> Result<()> {
        self.create_repository_with(account, region, name, Mutability::Mutable)
    }

    /// As [`create_repository`](Self::create_repository), with the mutability of its tags.
    ///
    /// # Errors
    /// When the name is not a valid repository name.
    pub fn create_repository_with(&self, account: &str, region: &str, name: &str, tags: Mutability) -> Result<()> {
        Ok(self.shared.lock().ensure(&Scope::of(account, region), name, tags)?)
    }

    /// Pushes a new image with a tag. The tag moves if another image has it. Creates the repository if it does not exist. Returns
    /// the image's digest.
    ///
    /// # Errors
    /// When the repository or the tag is malformed, or the tag exists and is immutable.
    pub fn push(
        &self,
        account: &str,
        region: &str,
        repository: &str,
        tag: &str,
        pushed_at: impl Into<PushTime>,
    ) -> Result<String> {
        let scope = Scope::of(account, region);
        Ok(self
            .shared
            .lock()
            .push_made_up(&scope, repository, Some(tag), pushed_at.into())?)
    }

    /// As [`push`](Self::push), to the default account and region, with the current time.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn push_tag(&self, repository: &str, tag: &str) -> Result<String> {
        self.push_tag_at(repository, tag, PushTime::now())
    }

    /// As [`push`](Self::push), to the default account and region, with a chosen time.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn push_tag_at(&self, repository: &str, tag: &str, pushed_at: impl Into<PushTime>) -> Result<String> {
        let (account, region) = (&self.options.account, &self.options.region);
        self.push(account, region, repository, tag, pushed_at)
    }

    /// Pushes a new image without a tag. Returns its digest.
    ///
    /// # Errors
    /// When the name of the repository is malformed.
    pub fn push_untagged(
        &self,
        account: &str,
        region: &str,
        repository: &str,
        pushed_at: impl Into<PushTime>,
    ) -> Result<String> {
        let scope = Scope::of(account, region);
        Ok(self
            .shared
            .lock()
            .push_made_up(&scope, repository, None, pushed_at.into())?)
    }

    /// Pushes a manifest, with or without a tag. Creates the repository if it does not exist. Returns the digest. An existing
    /// digest keeps its push time, as in ECR.
    ///
    /// # Errors
    /// For every reason for which PutImage fails, for example the same digest with the same tag again.
    pub fn push_manifest(
        &self,
        account: &str,
        region: &str,
        repository: &str,
        tag: Option<&str>,
        manifest: &str,
        pushed_at: impl Into<PushTime>,
    ) -> Result<String> {
        let scope = Scope::of(account, region);
        let mut world = self.shared.lock();
        world.ensure(&scope, repository, Mutability::Mutable)?;
        let pushed_at = pushed_at.into().settle(&mut world.clock);
        let media_type = media_type_of(manifest);
        Ok(world.put(
            &scope,
            repository,
            Put {
                text: manifest,
                media_type,
                tag,
                expected_digest: None,
                pushed_at,
            },
        )?)
    }

    /// Adds a tag to an image of the default account and region. The push time stays unchanged.
    ///
    /// # Errors
    /// When the image does not exist, the tag is malformed, or the tag exists and is immutable.
    pub fn retag(&self, repository: &str, digest: &str, tag: &str) -> Result<()> {
        let scope = Scope::of(&self.options.account, &self.options.region);
        Ok(self.shared.lock().retag(&scope, repository, digest, tag)?)
    }

    /// Deletes a tag, and its image if this was the last tag.
    ///
    /// # Errors
    /// When the repository or the tag does not exist.
    pub fn delete_tag(&self, account: &str, region: &str, repository: &str, tag: &str) -> Result<()> {
        let mut world = self.shared.lock();
        let found = world.store.repository_mut(&Scope::of(account, region), repository)?;
        found
            .remove_tag(tag)
            .map(drop)
            .with_context(|| format!("no tag {tag} in {repository}"))
    }

    /// Gives the principals of another account access to a repository, as a repository policy would.
    ///
    /// # Errors
    /// When the repository does not exist.
    pub fn share(&self, account: &str, region: &str, repository: &str, with_account: &str) -> Result<()> {
        let mut world = self.shared.lock();
        let found = world.store.repository_mut(&Scope::of(account, region), repository)?;
        found.shared_with.insert(with_account.to_owned());
        Ok(())
    }
}

impl World {
    /// Creates the repository if it does not exist.
    pub(super) fn ensure(&mut self, scope: &Scope, name: &str, tags: Mutability) -> Result<(), Failure> {
        validate::repository_name(Some(name))?;
        self.store.create(scope, name, epoch_now(), tags);
        Ok(())
    }

    /// Pushes a unique image, with its config blob.
    pub(super) fn push_made_up(
        &mut self,
        scope: &Scope,
        repository: &str,
        tag: Option<&str>,
        pushed_at: PushTime,
    ) -> Result<String, Failure> {
        self.ensure(scope, repository, Mutability::Mutable)?;
        self.serial += 1;
        let pushed_at = pushed_at.settle(&mut self.clock);
        let made = make_up(repository, tag.unwrap_or_default(), pushed_at, self.serial);
        let put = Put {
            text: &made.manifest,
            media_type: None,
            tag,
            expected_digest: None,
            pushed_at,
        };
        let digest = self.put(scope, repository, put)?;
        let found = self.store.repository_mut(scope, repository)?;
        found.add_blob(digest_of(made.config.as_bytes()), &made.config);
        Ok(digest)
    }

    pub(super) fn retag(&mut self, scope: &Scope, repository: &str, digest: &str, tag: &str) -> Result<(), Failure> {
        let image = self.store.repository(scope, repository)?.by_digest(digest);
        let (text, media_type, pushed_at) = image
            .map(|image| (image.manifest.clone(), image.parsed.media_type.clone(), image.pushed_at))
            .ok_or_else(|| Failure::new(codes::IMAGE_NOT_FOUND, format!("no image {digest} in {repository}")))?;
        let (media_type, tag) = (Some(media_type.as_str()), Some(tag));
        let put = Put {
            text: &text,
            media_type,
            tag,
            expected_digest: Some(digest),
            pushed_at,
        };
        self.put(scope, repository, put).map(drop)
    }

    fn put(&mut self, scope: &Scope, repository: &str, put: Put<'_>) -> Result<String, Failure> {
        put.into_repository(self.store.repository_mut(scope, repository)?)
    }
}
