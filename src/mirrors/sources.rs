use crate::port::{ClusterFailure, MirrorSources};
use crate::spread::{LiveObject, Lookup, MirrorAction, MirrorContent, MirrorFacts, MirrorWrite, ObjectPlace};
use futures::StreamExt as _;
use std::collections::{BTreeMap, BTreeSet};

/// Requests at the same time. A small API server answers sixteen in the time of a few.
pub(super) const AT_ONCE: usize = 16;

/// What was read of some sources. One that could not be read is in no answer.
pub(super) struct Readings<T> {
    pub(super) answers: BTreeMap<ObjectPlace, T>,
    /// Whether a source could not be read.
    pub(super) is_unread: bool,
}

/// What the sources of these actions hold, each read once. One that is gone or has become a copy is in no answer.
pub(super) async fn contents(
    sources: &impl MirrorSources,
    set: &str,
    actions: &[MirrorAction],
) -> Readings<MirrorContent> {
    let needed = actions.iter().filter_map(|action| match action {
        MirrorAction::Write(MirrorWrite { source, .. }) => Some(source.clone()),
        MirrorAction::Remove { .. } => None,
    });
    let read = read_all(sources, needed.collect()).await;
    let answers = read.answers.into_iter().filter_map(|(place, live)| {
        let live = live.filter(|live| !live.is_ending && !MirrorFacts::read(set, &place, live).says_copy)?;
        Some((place, live.content))
    });
    Readings {
        answers: answers.collect(),
        is_unread: read.is_unread,
    }
}

/// What the server says of sources that no watch shows.
pub(super) async fn look_up(
    sources: &impl MirrorSources,
    set: &str,
    doubts: BTreeSet<ObjectPlace>,
) -> Readings<Lookup> {
    let read = read_all(sources, doubts).await;
    let answers = read.answers.into_iter().map(|(place, live)| {
        let facts = live.map(|live| MirrorFacts::read(set, &place, &live));
        let answer = match facts {
            None => Lookup::Gone,
            Some(facts) if facts.ask.is_none() => Lookup::AsksNothing,
            Some(_) => Lookup::Asks,
        };
        (place, answer)
    });
    Readings {
        answers: answers.collect(),
        is_unread: read.is_unread,
    }
}

async fn read_all(sources: &impl MirrorSources, places: BTreeSet<ObjectPlace>) -> Readings<Option<LiveObject>> {
    let reads = places.into_iter().map(|place| async move {
        let read: Result<Option<LiveObject>, ClusterFailure> = sources.read(&place).await;
        (place, read)
    });
    let mut reads = futures::stream::iter(reads).buffer_unordered(AT_ONCE);
    let mut readings = Readings {
        answers: BTreeMap::new(),
        is_unread: false,
    };
    while let Some((place, read)) = reads.next().await {
        match read {
            Ok(live) => drop(readings.answers.insert(place, live)),
            Err(failure) => {
                tracing::debug!(error = %failure, object = %place, "source not read");
                readings.is_unread = true;
            }
        }
    }
    readings
}
