use super::field::AutomatedField;
use crate::history::Bump;
use crate::model::{CommitId, Digest, ImageRef, ObjectId, Tag};
use crate::resource::{ContainerImage, DesiredHash, LastReady, PodFault};

/// An object whose rollout failed, and the bump of ours that the object's image comes from.
pub struct FailedRollout<'a> {
    /// The object.
    pub object: &'a ObjectId,
    /// The field that sets the image.
    pub field: &'a AutomatedField,
    /// The bump that wrote the field.
    pub bump: &'a Bump,
    /// The commit of the bump.
    pub commit: CommitId,
    /// The manifest that failed.
    pub failed: DesiredHash,
    /// The object's manifest at the commit; `None` if the commit does not declare the object.
    pub bumped: Option<DesiredHash>,
    /// The object's manifest before the commit; `None` if the object was not declared.
    pub before: Option<DesiredHash>,
    /// Which manifest of the object was ready last.
    pub last_ready: Option<LastReady>,
    /// What is wrong with its pods.
    pub pods: &'a [PodFault],
}

/// Why a failure does not take a bump back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Innocent {
    /// The rollout succeeded once: what fails now came later.
    RolledOut,
    /// Another reason, in one sentence.
    Because(String),
}

impl FailedRollout<'_> {
    /// Whether the bump is to blame: nobody changed the object since, the object was ready before, and what fails is the image that
    /// the bump wrote.
    ///
    /// # Errors
    /// Why the bump stays.
    pub fn is_blamed(&self) -> Result<(), Innocent> {
        let because = |reason: String| Err(Innocent::Because(reason));
        let (object, commit, new) = (self.object, self.commit.short(), &self.bump.new);
        if self.last_ready.is_some_and(|ready| ready.is_of(self.failed)) {
            return Err(Innocent::RolledOut);
        }
        if self.field.lock.is_some() {
            return because("the workload is locked".to_owned());
        }
        if self.bumped != Some(self.failed) {
            return because(format!(
                "{object} was changed after commit {commit}, so that the failure may not be that of {new}"
            ));
        }
        if self.before == self.bumped {
            return because(format!("commit {commit} does not change {object}"));
        }
        let was_ready = |before| self.last_ready.is_some_and(|ready| ready.is_of(before));
        if !self.before.is_some_and(was_ready) {
            return because(format!("{object} was not seen ready before commit {commit}"));
        }
        self.is_at_fault()
    }

    /// Whether the containers that fail are those whose image the bump changed. Pods that do not come into being, or that no node
    /// takes, blame no container.
    fn is_at_fault(&self) -> Result<(), Innocent> {
        let faults = self
            .pods
            .iter()
            .filter_map(|fault| Some((fault, fault.container.as_ref()?)));
        let mut others = Vec::new();
        let mut is_new = false;
        for (fault, (container, image)) in faults {
            if self.is_image(image, self.bump.old.as_ref(), self.bump.old_digest.as_ref()) {
                return Err(Innocent::Because(format!(
                    "pods with the older image fail, too: {fault}"
                )));
            }
            let after = self.bump.after();
            match self.is_image(image, after.tag.as_ref(), after.digest.as_ref()) {
                true => is_new = true,
                false => others.push((container, fault)),
            }
        }
        match others.first().filter(|_| !is_new) {
            Some((container, fault)) => Err(Innocent::Because(format!(
                "the bump does not set the image of container {container}, which fails: {fault}"
            ))),
            None => Ok(()),
        }
    }

    fn is_image(&self, image: &str, tag: Option<&Tag>, digest: Option<&Digest>) -> bool {
        let Ok(image) = ImageRef::parse(image) else {
            return false;
        };
        let is_named = self.field.repositories().contains(&image.repository())
            || image.repository() == self.field.image.repository();
        is_named && image.tag() == tag && image.digest() == digest
    }
}

impl AutomatedField {
    /// Whether the field sets an image of an object with these images. An object without images, such as a HelmRelease, has the
    /// fields of its own manifest.
    pub fn sets_image_of(&self, object: &ObjectId, images: &[ContainerImage]) -> bool {
        if images.is_empty() {
            return self.field.object.names(object);
        }
        let mut found = images.iter().filter_map(|image| ImageRef::parse(&image.image).ok());
        found.any(|image| {
            let repository = image.repository();
            let is_named = repository == self.image.repository()
                || self.others.iter().any(|other| other.repository() == repository);
            is_named && image.tag() == self.image.tag() && image.digest() == self.image.digest()
        })
    }
}
