use super::Board;
use super::board::Told;
use crate::port::{ListFailure, Registry};
use futures::StreamExt;

/// Manifests under way at once: only images that are about to be taken are asked after, one for each bump at most.
const IN_FLIGHT: usize = 4;

/// Reads the platforms that the board asks for, also those whose reading failed before if `again`. True if the
/// automation has to look again.
pub async fn inspect(registry: &impl Registry, board: &Board, again: bool) -> bool {
    let mut answers = futures::stream::iter(board.to_inspect(again))
        .map(|image| async move {
            let told = told(registry.platforms(&image.0, &image.1).await);
            (image, told)
        })
        .buffer_unordered(IN_FLIGHT);
    let mut changed = false;
    while let Some((image, told)) = answers.next().await {
        let (repository, digest) = &image;
        let new = board.tell(&image, told.clone());
        match told {
            Told::Platforms(built) => tracing::debug!(%repository, %digest, ?built, "platforms read"),
            Told::Nothing(Some(reason)) if new => {
                tracing::warn!(%repository, %digest, %reason, "an image is taken without a look at its platforms");
            }
            Told::Later(error) if new => tracing::warn!(%repository, %digest, %error, "platforms not read"),
            Told::Nothing(_) | Told::Later(_) => {}
        }
        changed |= new;
    }
    changed
}

/// What a registry does not let us see, it does not tell; what went wrong on the way is asked again.
fn told(answer: Result<Option<Vec<crate::policy::Platform>>, ListFailure>) -> Told {
    match answer {
        Ok(Some(built)) => Told::Platforms(built),
        Ok(None) => Told::Nothing(None),
        Err(
            failure @ (ListFailure::Denied { .. } | ListFailure::NotFound { .. } | ListFailure::Unsupported { .. }),
        ) => Told::Nothing(Some(failure.to_string())),
        Err(failure @ (ListFailure::Throttled { .. } | ListFailure::Failed { .. })) => Told::Later(failure.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Digest, Repository};
    use crate::policy::Platform;
    use crate::port::Listing;
    use std::sync::Mutex;

    /// Gives these answers, the last one first.
    struct Answers(Mutex<Vec<Result<Option<Vec<Platform>>, ListFailure>>>);

    impl Registry for Answers {
        async fn list(&self, repository: &Repository) -> Result<Listing, ListFailure> {
            Ok(Listing {
                repository: repository.clone(),
                images: Vec::new(),
                requests: 1,
            })
        }

        async fn platforms(&self, _: &Repository, _: &Digest) -> Result<Option<Vec<Platform>>, ListFailure> {
            self.0.lock().unwrap().pop().expect("no further question")
        }
    }

    #[tokio::test]
    async fn what_failed_is_asked_again_and_what_is_known_is_not() {
        let repository = Repository {
            host: "111122223333.dkr.ecr.eu-west-1.amazonaws.com".to_owned(),
            path: "shop/web".to_owned(),
        };
        let digest = Digest::parse(&format!("sha256:{:064}", 1)).unwrap();
        let built = vec![Platform::parse("linux/amd64").unwrap()];
        let broken = || ListFailure::Failed {
            message: "no answer".to_owned(),
        };
        let registry = Answers(Mutex::new(vec![Ok(Some(built.clone())), Err(broken()), Err(broken())]));
        let board = Board::default();
        board.want([repository.clone()].into());
        let image = (repository, digest);

        assert!(board.inspect([image.clone()].into()));
        assert!(inspect(&registry, &board, false).await);
        assert_eq!(board.platforms()[&image], Told::Later("no answer".to_owned()));
        assert!(!board.inspect([image.clone()].into()), "nothing new is wanted");
        assert!(!inspect(&registry, &board, false).await, "not asked in the same pass");
        assert!(!inspect(&registry, &board, true).await, "the same failure is no news");
        assert!(inspect(&registry, &board, true).await);
        assert_eq!(board.platforms()[&image], Told::Platforms(built));
        assert!(!inspect(&registry, &board, true).await, "known once and for all");

        board.want([].into());
        assert!(board.platforms().is_empty(), "forgotten with its repository");
    }

    #[test]
    fn what_may_not_be_seen_is_not_told() {
        let denied = ListFailure::Denied {
            message: "allow ecr:BatchGetImage".to_owned(),
        };
        assert_eq!(
            told(Err(denied)),
            Told::Nothing(Some("allow ecr:BatchGetImage".to_owned()))
        );
        assert_eq!(told(Ok(None)), Told::Nothing(None));
    }
}
