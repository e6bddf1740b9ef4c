//! Filling a server without the wire: repositories, images, tags.

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
    /// Makes a repository with movable tags; one that is there stays as it is.
    ///
    /// # Errors
    /// When the name is not a repository name.
    pub fn create_repository(&self, account: &str, region: &str, name: &str) -> Result<()> {
        self.create_repository_with(account, region, name, Mutability::Mutable)
    }

    /// As [`create_repository`](Self::create_repository), with the mutability of its tags.
    ///
    /// # Errors
    /// When the name is not a repository name.
    pub fn create_repository_with(&self, account: &str, region: &str, name: &str, tags: Mutability) -> Result<()> {
        Ok(self.shared.lock().ensure(&Scope::of(account, region), name, tags)?)
    }

    /// Pushes a new image under this tag, which moves if another image has it; makes the repository where there is none.
    /// Returns the image's digest.
    ///
    /// # Errors
    /// When repository or tag are malformed, or the tag is immutable and taken.
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

    /// [`push`](Self::push) to the default account and region, now.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn push_tag(&self, repository: &str, tag: &str) -> Result<String> {
        self.push_tag_at(repository, tag, PushTime::now())
    }

    /// [`push`](Self::push) to the default account and region at a chosen time.
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
    /// When the repository's name is malformed.
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

    /// Pushes this manifest, with a tag or without; makes the repository where there is none. Returns its digest.
    /// A digest that is here keeps its push time, as in ECR.
    ///
    /// # Errors
    /// For all that makes PutImage fail, such as the same digest under the same tag again.
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

    /// Gives an image of the default account and region one more tag; its push time stays what it was.
    ///
    /// # Errors
    /// When no such image is here, or the tag is malformed, or is immutable and taken.
    pub fn retag(&self, repository: &str, digest: &str, tag: &str) -> Result<()> {
        let scope = Scope::of(&self.options.account, &self.options.region);
        Ok(self.shared.lock().retag(&scope, repository, digest, tag)?)
    }

    /// Takes a tag away, and its image if that was the last one.
    ///
    /// # Errors
    /// When there is no such repository or tag.
    pub fn delete_tag(&self, account: &str, region: &str, repository: &str, tag: &str) -> Result<()> {
        let mut world = self.shared.lock();
        let found = world.store.repository_mut(&Scope::of(account, region), repository)?;
        found
            .remove_tag(tag)
            .map(drop)
            .with_context(|| format!("no tag {tag} in {repository}"))
    }

    /// Lets the principals of another account at a repository, as a repository policy would.
    ///
    /// # Errors
    /// When there is no such repository.
    pub fn share(&self, account: &str, region: &str, repository: &str, with_account: &str) -> Result<()> {
        let mut world = self.shared.lock();
        let found = world.store.repository_mut(&Scope::of(account, region), repository)?;
        found.shared_with.insert(with_account.to_owned());
        Ok(())
    }
}

impl World {
    /// Makes the repository unless it is there.
    pub(super) fn ensure(&mut self, scope: &Scope, name: &str, tags: Mutability) -> Result<(), Failure> {
        validate::repository_name(Some(name))?;
        self.store.create(scope, name, epoch_now(), tags);
        Ok(())
    }

    /// Pushes an image that no other push has, with its config blob.
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
