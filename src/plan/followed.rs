use super::bump_plan::Outcome;
use crate::model::{ImageRef, ObjectId, Tag};
use crate::policy::Follow;
use crate::resource::{ContainerImage, DesiredHash, Health, LastReady};
use jiff::Timestamp;

/// An object that runs the image of a followed field, as its target's loop saw it last.
#[derive(Debug, Clone)]
pub struct FollowedObject {
    /// The object.
    pub object: ObjectId,
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
    for FollowedObject { object, seen } in objects {
        let waits = |why: &str| {
            Err((
                Outcome::Waiting,
                format!("waits for {tag} of {reference}: {object} {why}"),
            ))
        };
        let Some(seen) = seen else {
            return waits("is not known to be healthy");
        };
        if !runs(seen, image) {
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

/// An object without images, such as a HelmRelease, runs what its manifest says.
fn runs(seen: &SeenObject, image: &ImageRef) -> bool {
    let mut images = seen
        .images
        .iter()
        .filter_map(|image| ImageRef::parse(&image.image).ok());
    seen.images.is_empty() || images.any(|seen| seen.tag() == image.tag() && seen.digest() == image.digest())
}
