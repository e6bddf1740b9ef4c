use super::desired::DesiredHash;
use super::health::Health;
use super::pod_template::ContainerImage;
use jiff::Timestamp;
use serde_json::json;
use std::fmt;

/// Which manifest of a workload was ready last, and since when the workload has run well with its images.
///
/// It says whether a rollout ever succeeded, and how long a tag has run. A process that starts takes it from the target's record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastReady {
    manifest: [u8; 8],
    images: [u8; 8],
    healthy_since: Option<Timestamp>,
}

impl LastReady {
    /// Whether it is this manifest that was ready last.
    pub fn is_of(&self, manifest: DesiredHash) -> bool {
        self.manifest == manifest.short()
    }

    /// Since when the workload has run with these images without failing. `None` if it fails, or if other images were ready
    /// last.
    pub fn healthy_since(&self, manifest: DesiredHash, images: &[ContainerImage]) -> Option<Timestamp> {
        self.healthy_since.filter(|_| self.images == key(manifest, images))
    }

    /// What is known after a look at the workload. `since`: since when the workload has this health. `own`: what the workload itself
    /// says about this time, at the first look of a process, which does not know what happened before.
    ///
    /// A workload that is ready, then scales or rolls out another manifest with the same images, has run well throughout: only
    /// a failure ends the time.
    #[must_use]
    pub fn after(
        before: Option<Self>,
        (manifest, images): (DesiredHash, &[ContainerImage]),
        health: &Health,
        since: Timestamp,
        own: Option<Timestamp>,
    ) -> Option<Self> {
        let images = key(manifest, images);
        let before_of_images = before.filter(|before| before.images == images);
        match (health, before_of_images) {
            (Health::Ready, same) => {
                let known = same.and_then(|same| same.healthy_since);
                let known = known.map(|known| own.map_or(known, |own| own.max(known)));
                Some(Self {
                    manifest: manifest.short(),
                    images,
                    healthy_since: Some(known.unwrap_or(since)),
                })
            }
            (Health::Failed(_), Some(same)) => Some(Self {
                healthy_since: None,
                ..same
            }),
            _ => before,
        }
    }

    /// Reads what [`LastReady`] displays.
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let mut bytes = || hex::decode(words.next()?).ok()?.try_into().ok();
        let (manifest, images) = (bytes()?, bytes()?);
        let healthy_since = match words.next()? {
            "-" => None,
            seconds => Some(Timestamp::from_second(seconds.parse().ok()?).ok()?),
        };
        Some(Self {
            manifest,
            images,
            healthy_since,
        })
    }
}

/// `MANIFEST IMAGES SECONDS`, with `-` in place of the seconds while the workload fails.
impl fmt::Display for LastReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", hex::encode(self.manifest), hex::encode(self.images))?;
        match self.healthy_since {
            Some(since) => write!(f, "{}", since.as_second()),
            None => f.write_str("-"),
        }
    }
}

/// Stands for the images of a workload, or for its manifest where it names none.
fn key(manifest: DesiredHash, images: &[ContainerImage]) -> [u8; 8] {
    if images.is_empty() {
        return manifest.short();
    }
    let images = images.iter().map(|image| json!([image.container, image.image]));
    DesiredHash::of(&images.collect()).short()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(text: &str) -> DesiredHash {
        DesiredHash::of(&json!(text))
    }

    fn images(tag: &str) -> Vec<ContainerImage> {
        vec![ContainerImage {
            container: "web".into(),
            image: format!("registry.example/web:{tag}"),
        }]
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn a_workload_runs_well_from_the_first_time_it_is_ready_with_its_images_until_it_fails() {
        let failed = Health::Failed("late".into());
        let progressing = Health::Progressing("1 of 2".into());
        let mut known = None;
        let mut look = |text: &str, tag: &str, health: &Health, seconds| {
            known = LastReady::after(known, (manifest(text), &images(tag)), health, at(seconds), None);
            known.and_then(|known| known.healthy_since(manifest(text), &images(tag)))
        };
        assert_eq!(look("a", "1", &progressing, 1), None, "unknown");
        assert_eq!(look("a", "1", &Health::Ready, 10), Some(at(10)));
        assert_eq!(look("a", "1", &progressing, 20), Some(at(10)), "it scales");
        assert_eq!(look("b", "1", &Health::Ready, 30), Some(at(10)), "another manifest");
        assert_eq!(look("c", "2", &progressing, 40), None, "other images");
        assert_eq!(look("c", "2", &failed, 50), None);
        assert_eq!(look("b", "1", &Health::Ready, 60), Some(at(10)), "back");
        assert_eq!(look("b", "1", &failed, 70), None);
        assert_eq!(look("b", "1", &Health::Ready, 80), Some(at(80)));
        let known = known.unwrap();
        assert!(known.is_of(manifest("b")) && !known.is_of(manifest("c")));
        assert_eq!(LastReady::parse(&known.to_string()), Some(known));
        assert_eq!(LastReady::parse("nonsense"), None);
    }

    #[test]
    fn what_a_workload_says_about_the_time_before_the_process_counts_where_it_is_later() {
        let before = LastReady::after(None, (manifest("a"), &images("1")), &Health::Ready, at(10), None);
        let look = |own| {
            let now = LastReady::after(before, (manifest("a"), &images("1")), &Health::Ready, at(99), own);
            now.and_then(|now| now.healthy_since(manifest("a"), &images("1")))
        };
        assert_eq!(look(Some(at(5))), Some(at(10)));
        assert_eq!(look(Some(at(50))), Some(at(50)), "it was not available meanwhile");
        assert_eq!(look(None), Some(at(10)));
    }
}
