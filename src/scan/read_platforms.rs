use crate::notice::{Reporter, ScanEvent};
use crate::policy::Platform;
use crate::port::{ListFailure, PlatformAnswer, Registry, ScanState};
use futures::StreamExt;

/// Requests in flight. A request is sent only for an image that is about to be taken: at most one for each bump.
const IN_FLIGHT: usize = 4;

/// Reads the platforms of the images that `state` names. With `retry_failed`, requests that failed before are repeated.
/// Returns true if an answer is new, so that the automation loop must decide again.
pub async fn read_platforms(
    registry: &impl Registry,
    state: &ScanState,
    reporter: &Reporter,
    retry_failed: bool,
) -> bool {
    let mut answers = futures::stream::iter(state.unread_images(retry_failed))
        .map(|image| async move {
            let answer = classify(registry.platforms(&image.0, &image.1).await);
            (image, answer)
        })
        .buffer_unordered(IN_FLIGHT);
    let mut changed = false;
    while let Some((image, answer)) = answers.next().await {
        let new = state.record_platforms(&image, answer.clone());
        let (repository, digest) = image;
        match answer {
            PlatformAnswer::Known(platforms) => tracing::debug!(%repository, %digest, ?platforms, "platforms read"),
            PlatformAnswer::Unavailable(Some(reason)) if new => {
                reporter.happened(ScanEvent::PlatformsUnavailable {
                    repository,
                    digest,
                    reason,
                });
            }
            PlatformAnswer::Failed(error) if new => {
                reporter.happened(ScanEvent::PlatformsNotRead {
                    repository,
                    digest,
                    error,
                });
            }
            PlatformAnswer::Unavailable(_) | PlatformAnswer::Failed(_) => {}
        }
        changed |= new;
    }
    changed
}

/// A refusal is an answer: the platforms are unavailable. After any other failure the request is repeated.
fn classify(answer: Result<Option<Vec<Platform>>, ListFailure>) -> PlatformAnswer {
    match answer {
        Ok(Some(platforms)) => PlatformAnswer::Known(platforms),
        Ok(None) => PlatformAnswer::Unavailable(None),
        Err(
            failure @ (ListFailure::Denied { .. } | ListFailure::NotFound { .. } | ListFailure::Unsupported { .. }),
        ) => PlatformAnswer::Unavailable(Some(failure.to_string())),
        Err(failure @ (ListFailure::Throttled { .. } | ListFailure::Failed { .. })) => {
            PlatformAnswer::Failed(failure.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Digest, Repository};
    use crate::port::{Listing, TagList};
    use std::sync::{Arc, Mutex};

    /// Gives these answers, the last one first.
    struct Answers(Mutex<Vec<Result<Option<Vec<Platform>>, ListFailure>>>);

    impl Registry for Answers {
        async fn list(&self, repository: &Repository) -> Result<Listing, ListFailure> {
            Ok(Listing {
                repository: repository.clone(),
                images: TagList::default(),
                requests: 1,
            })
        }

        async fn platforms(&self, _: &Repository, _: &Digest) -> Result<Option<Vec<Platform>>, ListFailure> {
            self.0.lock().unwrap().pop().expect("no further request")
        }
    }

    #[tokio::test]
    async fn a_failed_request_is_repeated_and_a_known_answer_is_kept() {
        let repository = Repository {
            host: "111122223333.dkr.ecr.eu-west-1.amazonaws.com".to_owned(),
            path: "shop/web".to_owned(),
        };
        let digest = Digest::parse(&format!("sha256:{:064}", 1)).unwrap();
        let platforms = vec![Platform::parse("linux/amd64").unwrap()];
        let broken = || ListFailure::Failed {
            message: "no answer".to_owned(),
        };
        let registry = Answers(Mutex::new(vec![
            Ok(Some(platforms.clone())),
            Err(broken()),
            Err(broken()),
        ]));
        let (state, reporter) = (ScanState::default(), Reporter::new(Vec::new()));
        state.set_repositories(Arc::new([repository.clone()].into()));
        let image = (repository, digest);

        assert!(state.set_images([image.clone()].into()));
        assert!(read_platforms(&registry, &state, &reporter, false).await);
        assert_eq!(
            state.platforms_of(&image),
            Some(PlatformAnswer::Failed("no answer".to_owned()))
        );
        assert!(!state.set_images([image.clone()].into()), "the image is not new");
        assert!(
            !read_platforms(&registry, &state, &reporter, false).await,
            "not repeated in the same pass"
        );
        assert!(
            !read_platforms(&registry, &state, &reporter, true).await,
            "the same failure is not a change"
        );
        assert!(read_platforms(&registry, &state, &reporter, true).await);
        assert_eq!(state.platforms_of(&image), Some(PlatformAnswer::Known(platforms)));
        assert!(
            !read_platforms(&registry, &state, &reporter, true).await,
            "a known answer is not requested again"
        );

        state.set_repositories(Arc::new([].into()));
        assert_eq!(state.platforms_of(&image), None, "dropped with its repository");
    }

    #[test]
    fn a_refusal_makes_the_platforms_unavailable() {
        let denied = ListFailure::Denied {
            message: "allow ecr:BatchGetImage".to_owned(),
        };
        assert_eq!(
            classify(Err(denied)),
            PlatformAnswer::Unavailable(Some("allow ecr:BatchGetImage".to_owned()))
        );
        assert_eq!(classify(Ok(None)), PlatformAnswer::Unavailable(None));
    }
}
