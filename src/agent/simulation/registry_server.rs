//! The registry: tags that people push, move and delete.

use super::manifests::{Version, version};
use super::random::Random;
use crate::model::{Digest, Repository, Tag};
use crate::port::{ListFailure, Listing, TaggedImage};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// A tag.
#[derive(Debug, Clone)]
pub(super) struct Image {
    digest: u64,
    pub(super) pushed_at: Timestamp,
    pub(super) pullable: bool,
}

/// The registry.
#[derive(Default)]
pub(super) struct RegistryServer {
    /// The tags of each repository.
    pub(super) tags: BTreeMap<String, BTreeMap<String, Image>>,
    /// Every tag that there has ever been, with the time of its last push.
    pub(super) ever: BTreeMap<(String, String), Timestamp>,
    pushes: u64,
}

impl RegistryServer {
    /// Somebody pushes an image under a tag, perhaps over another image.
    pub(super) fn push(&mut self, repository: &str, tag: &str, at: Timestamp) {
        self.pushes += 1;
        let image = Image {
            digest: self.pushes,
            pushed_at: at,
            pullable: true,
        };
        self.ever.insert((repository.to_owned(), tag.to_owned()), at);
        self.tags
            .entry(repository.to_owned())
            .or_default()
            .insert(tag.to_owned(), image);
    }

    /// The highest version of a repository.
    pub(super) fn newest(&self, repository: &str) -> Version {
        let tags = self.ever.keys().filter(|(of, _)| of == repository);
        tags.filter_map(|(_, tag)| version(tag)).max().unwrap_or((1, 0, 0))
    }

    /// Answers a listing. With faults, the registry throttles, fails, or leaves tags out.
    pub(super) fn list(
        &self,
        repository: &Repository,
        random: &mut Random,
        faults: bool,
    ) -> Result<Listing, ListFailure> {
        if faults && random.chance(80) {
            return Err(match random.below(3) {
                0 => ListFailure::Throttled {
                    message: "429 Too Many Requests".to_owned(),
                    after: Some(Duration::from_secs(random.below(20))),
                },
                1 => ListFailure::Throttled {
                    message: "ThrottlingException".to_owned(),
                    after: None,
                },
                _ => ListFailure::Failed {
                    message: "page 2 of 3 was not answered".to_owned(),
                },
            });
        }
        let Some(tags) = self.tags.get(&repository.path) else {
            return Err(ListFailure::NotFound {
                message: "RepositoryNotFoundException".to_owned(),
            });
        };
        // A registry whose index is behind leaves tags out and does not say so.
        let is_behind = faults && random.chance(60);
        let images = tags.iter().filter(|_| !(is_behind && random.chance(300)));
        let images = images.map(|(tag, image)| TaggedImage {
            tag: Tag::parse(tag).expect("a tag"),
            digest: Digest::parse(&format!("sha256:{:064x}", image.digest)).ok(),
            pushed_at: Some(image.pushed_at),
            media_type: None,
            pullable: image.pullable,
        });
        Ok(Listing {
            repository: repository.clone(),
            images: images.collect(),
            requests: 1,
        })
    }
}
