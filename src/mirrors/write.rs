use crate::port::{ClusterFailure, MirrorCopies};
use crate::spread::{MirrorAction, MirrorContent, MirrorFacts, MirrorMark, MirrorWrite, ObjectPlace};
use std::collections::BTreeMap;

/// The most tries of a write. A try fails only if another client wrote in between.
const ATTEMPTS: usize = 4;

/// Why a write failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum WriteError {
    #[error(
        "an object of this name is there that the agent did not make; delete it, or name the copies otherwise in the rule"
    )]
    Foreign,
    #[error(
        "kubed made this copy of the same source; end kubed, and write adopt: true in the rule, so that the agent takes the copy over"
    )]
    Kubed,
    #[error(transparent)]
    Cluster(#[from] ClusterFailure),
}

/// Carries out an action. Returns what was done. `sources` has what the sources hold.
pub(super) async fn carry_out(
    cluster: &impl MirrorCopies,
    set: &str,
    action: &MirrorAction,
    sources: &BTreeMap<ObjectPlace, MirrorContent>,
) -> Result<Option<&'static str>, WriteError> {
    match action {
        MirrorAction::Remove { place, copy } => match cluster.delete(place, copy).await {
            Ok(()) => Ok(Some("deleted")),
            // The watch shows what the copy is now.
            Err(ClusterFailure::Conflict { .. }) => Ok(None),
            Err(failure) => Err(failure.into()),
        },
        MirrorAction::Write(write) => match sources.get(&write.source) {
            // The source is gone since the plan, and the watch shows that.
            None => Ok(None),
            // An entry is gone since the plan, and the watch shows that, too.
            Some(content) if write.keys.keys().any(|key| !content.entries.contains_key(key)) => Ok(None),
            Some(content) => write_copy(cluster, set, write, &content.chosen(&write.keys)).await,
        },
    }
}

async fn write_copy(
    cluster: &impl MirrorCopies,
    set: &str,
    write: &MirrorWrite,
    content: &MirrorContent,
) -> Result<Option<&'static str>, WriteError> {
    let place = &write.place;
    let mark = MirrorMark::new(set, place, &write.source);
    let mut copy = write.copy.clone();
    for attempt in 1..=ATTEMPTS {
        let written = match &copy {
            None => cluster.create(set, write, &mark, content).await.map(|()| "created"),
            Some(copy) if copy.mark.is_none() && !write.adopts => return Err(foreign(copy, write)),
            Some(copy) if copy.mark.is_none() && !copy.is_kubed_copy_of(&write.source) => {
                return Err(WriteError::Foreign);
            }
            Some(copy) if must_be_replaced(copy, content) => match cluster.delete(place, copy).await {
                Ok(()) => cluster.create(set, write, &mark, content).await.map(|()| "replaced"),
                Err(failure) => Err(failure),
            },
            Some(copy) => {
                let done = if copy.mark.is_none() { "adopted" } else { "changed" };
                cluster.change(set, write, copy, &mark, content).await.map(|()| done)
            }
        };
        match written {
            Ok(done) => return Ok(Some(done)),
            Err(ClusterFailure::Conflict { .. }) if attempt < ATTEMPTS => {
                let live = cluster.read(place).await?;
                copy = live.map(|live| MirrorFacts::read(set, place, &live));
            }
            Err(failure) => return Err(failure.into()),
        }
    }
    Ok(None)
}

fn foreign(copy: &MirrorFacts, write: &MirrorWrite) -> WriteError {
    match copy.is_kubed_copy_of(&write.source) {
        true => WriteError::Kubed,
        false => WriteError::Foreign,
    }
}

/// The type of a Secret cannot change, and nothing of an immutable object.
fn must_be_replaced(copy: &MirrorFacts, content: &MirrorContent) -> bool {
    copy.type_name != content.type_name || copy.is_immutable
}
