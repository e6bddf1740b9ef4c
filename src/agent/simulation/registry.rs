//! The registry as one process of the agent reads it.

use super::link::{Link, NoAnswer};
use crate::model::{Digest, Repository};
use crate::policy::Platform;
use crate::port::{ListFailure, Listing, Registry};

/// The registry behind the network.
pub(super) struct RemoteRegistry(pub(super) Link);

fn no_answer(NoAnswer: NoAnswer) -> ListFailure {
    ListFailure::Failed {
        message: "the registry did not answer in time".to_owned(),
    }
}

impl Registry for RemoteRegistry {
    async fn list(&self, repository: &Repository) -> Result<Listing, ListFailure> {
        let (who, repository) = (self.0.who, repository.clone());
        let listed = self.0.request("list", move |state| {
            let faults = state.faults;
            let listed = state.registry.list(&repository, &mut state.random, faults);
            let tags = listed.as_ref().map(|listing| listing.images.len());
            state.note(who, "list", format_args!("{repository}: {tags:?}"));
            listed
        });
        listed.await.map_err(no_answer)?
    }

    async fn platforms(&self, _: &Repository, _: &Digest) -> Result<Option<Vec<Platform>>, ListFailure> {
        let asked = self.0.request("platforms", |_| vec![Platform::parse("linux/amd64")]);
        let platforms = asked.await.map_err(no_answer)?;
        Ok(Some(platforms.into_iter().filter_map(Result::ok).collect()))
    }
}
