use super::bump_plan::Outcome;
use crate::model::{ImageRef, ObjectId, Tag};
use crate::policy::Follow;
use crate::resource::{ContainerImage, DesiredHash, Health, LastReady};
use jiff::Timestamp;

/// An object that is declared with the image of a followed field, and how its target's loop saw the object last.
#[derive(Debug, Clone)]
pub struct FollowedObject {
    /// The object.
    pub object: ObjectId,
    /// The manifest that the head declares.
    pub manifest: DesiredHash,
    /// The images of this manifest.
    pub images: Vec<ContainerImage>,
    /// What is known of it; `None`: nothing.
    pub seen: Option<SeenObject>,
}

/// How an object was seen.
#[derive(Debug, Clone)]
pub struct SeenObject {
    /// The manifest that is applied.
    pub manifest: DesiredHash,
    /// Its images.
    pub images: Vec<ContainerImage>,
    /// Its health.
    pub health: Health,
    /// Which manifest was ready last.
    pub last_ready: Option<LastReady>,
}

/// The tag that a follower takes now.
///
/// # Errors
/// What the follower waits for, in one sentence. What is unknown is not healthy.
pub fn followed_tag(
    follow: &Follow,
    image: &ImageRef,
    objects: &[FollowedObject],
    written: Timestamp,
    now: Timestamp,
) -> Result<Tag, (Outcome, String)> {
    let reference = follow.reference();
    let Some(tag) = image.tag() else {
        return Err((Outcome::Waiting, format!("{reference} has no tag")));
    };
    let mut since = written.min(now);
    if objects.is_empty() {
        let reason = format!("it is not known which objects run {tag} of {reference}");
        return Err((Outcome::Waiting, reason));
    }
    for followed in objects {
        let FollowedObject { object, seen, .. } = followed;
        let waits = |why: &str| {
            Err((
                Outcome::Waiting,
                format!("waits for {tag} of {reference}: {object} {why}"),
            ))
        };
        let Some(seen) = seen else {
            return waits("is not known to be healthy");
        };
        if !followed.is_run(seen) {
            return waits("does not run it yet");
        }
        if let Health::Failed(why) = &seen.health {
            return waits(&format!("fails: {why}"));
        }
        let ready = seen.last_ready;
        match ready.and_then(|ready| ready.healthy_since(seen.manifest, &seen.images)) {
            Some(ready) => since = since.max(ready),
            None => return waits("was not ready with it yet"),
        }
    }
    match since.checked_add(follow.after) {
        Ok(until) if until <= now => Ok(tag.clone()),
        Ok(until) => Err((
            Outcome::Waiting,
            format!("waits for {tag} of {reference}, which has been healthy since {since}, until {until}"),
        )),
        Err(_) => Err((Outcome::Waiting, format!("waits for {tag} of {reference}"))),
    }
}

impl FollowedObject {
    /// Whether each container that was seen has the image that the head declares. Another container may have the same tag, so
    /// that one image with the tag proves nothing. An object without images, such as a HelmRelease, runs what its manifest says.
    fn is_run(&self, seen: &SeenObject) -> bool {
        match self.images.is_empty() {
            true => seen.manifest == self.manifest,
            false => seen.images == self.images,
        }
    }
}
