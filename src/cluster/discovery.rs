use super::connection::Connection;
use crate::model::Backoff;
use crate::port::{ClusterFailure, Freshness, Kinds};
use crate::resource::{GroupKind, KindVersion, ServedKind};
use kube::client::{APIGroupDiscovery, APIGroupDiscoveryList};
use kube::discovery::{Discovery as ClassicDiscovery, Scope};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

const DEADLINE: Duration = Duration::from_secs(20);

/// Definitions and API services come and go without a word. Two requests in ten minutes notice what nothing else does.
const MAX_AGE: Duration = Duration::from_secs(600);
/// While the server behind a group does not answer.
const FIRST_RETRY: Duration = Duration::from_secs(2);
const LAST_RETRY: Duration = Duration::from_secs(60);
/// A request that failed as if the server behind its group were away is followed by a question at most this often.
const SUSPICION: Duration = Duration::from_secs(5);

/// What the server serves, cached. The lock also keeps two callers from asking the server at the same time.
#[derive(Debug, Default)]
pub(super) struct Discovery {
    cached: Mutex<Cached>,
    is_expired: AtomicBool,
    is_suspect: AtomicBool,
}

#[derive(Debug, Default)]
struct Cached {
    snapshot: Option<Arc<Snapshot>>,
    refresh: Refresh,
}

/// When the server is asked again.
#[derive(Debug)]
struct Refresh {
    asked: Option<Instant>,
    next: Option<Instant>,
    backoff: Backoff,
}

impl Default for Refresh {
    fn default() -> Self {
        Self {
            asked: None,
            next: None,
            backoff: Backoff::new(FIRST_RETRY, LAST_RETRY),
        }
    }
}

impl Refresh {
    /// `is_suspect`: a request has failed since the server was asked.
    fn is_due(&self, is_suspect: bool, now: Instant) -> bool {
        let is_old = self.next.is_none_or(|next| now >= next);
        is_old || (is_suspect && self.asked.is_none_or(|asked| now >= asked + SUSPICION))
    }

    fn note_answer(&mut self, all_groups_answer: bool, now: Instant) {
        let pause = match all_groups_answer {
            true => {
                self.backoff.succeeded();
                MAX_AGE
            }
            false => self.backoff.failed(),
        };
        self.asked = Some(now);
        self.next = Some(now + pause);
    }
}

#[derive(Debug, Default)]
struct Snapshot {
    served: BTreeMap<KindVersion, ServedKind>,
    preferred: BTreeMap<GroupKind, ServedKind>,
    unanswered: BTreeSet<String>,
}

impl Discovery {
    /// Makes the next call of [`Discovery::kinds`] ask the server: the server did not know a kind of the cached answer.
    pub(super) fn expire(&self) {
        self.is_expired.store(true, Ordering::Relaxed);
    }

    /// Makes a later call of [`Discovery::kinds`] ask the server: a request has failed as it does when the server behind a group
    /// is away.
    pub(super) fn suspect(&self) {
        self.is_suspect.store(true, Ordering::Relaxed);
    }

    pub(super) async fn kinds(
        &self,
        connection: &Connection,
        requested: &BTreeSet<KindVersion>,
        freshness: Freshness,
    ) -> Result<Kinds, ClusterFailure> {
        let mut cached = self.cached.lock().await;
        let is_suspect = self.is_suspect.load(Ordering::Relaxed);
        let is_due =
            self.is_expired.swap(false, Ordering::Relaxed) || cached.refresh.is_due(is_suspect, Instant::now());
        let snapshot = match cached.snapshot.as_ref() {
            Some(known) if !is_due && (freshness == Freshness::Cached || known.has_all(requested)) => known.clone(),
            _ => {
                self.is_suspect.store(false, Ordering::Relaxed);
                let found = discover(connection).await.inspect_err(|_| self.expire())?;
                cached.refresh.note_answer(found.unanswered.is_empty(), Instant::now());
                cached.snapshot.insert(Arc::new(found)).clone()
            }
        };
        drop(cached);
        let served = requested
            .iter()
            .filter_map(|kind| Some((kind.clone(), snapshot.served.get(kind)?.clone())));
        Ok(Kinds {
            served: served.collect(),
            preferred: snapshot.preferred.clone(),
            unanswered: snapshot.unanswered.clone(),
        })
    }
}

/// Two requests, whatever the number of groups. Servers before 1.26 are asked group by group.
async fn discover(connection: &Connection) -> Result<Snapshot, ClusterFailure> {
    let (groups, core) = tokio::join!(
        connection.within(DEADLINE, connection.client.list_api_groups_aggregated()),
        connection.within(DEADLINE, connection.client.list_core_api_versions_aggregated()),
    );
    match (groups, core) {
        (Ok(groups), Ok(core)) if !groups.items.is_empty() && !core.items.is_empty() => {
            Ok(Snapshot::read([core, groups]))
        }
        (Err(failure), _) | (_, Err(failure)) if failure.is_outage() => Err(failure),
        _ => {
            let classic = ClassicDiscovery::new(connection.client.clone()).run();
            Ok(Snapshot::read_classic(&connection.within(DEADLINE, classic).await?))
        }
    }
}

impl Snapshot {
    fn has_all(&self, requested: &BTreeSet<KindVersion>) -> bool {
        requested.iter().all(|kind| self.served.contains_key(kind))
    }

    fn read(lists: [APIGroupDiscoveryList; 2]) -> Self {
        let mut snapshot = Self::default();
        for group in lists.into_iter().flat_map(|list| list.items) {
            snapshot.add_group(group);
        }
        snapshot
    }

    fn add_group(&mut self, group: APIGroupDiscovery) {
        let name = group.metadata.and_then(|metadata| metadata.name).unwrap_or_default();
        for version in group.versions {
            if version.freshness.as_deref() == Some("Stale") || version.resources.is_empty() {
                self.unanswered.insert(name.clone());
            }
            let Some(version_name) = version.version else { continue };
            for resource in version.resources {
                let Some(kind) = resource.response_kind.and_then(|kind| kind.kind) else {
                    continue;
                };
                let can = |verb: &str| resource.verbs.iter().any(|has| has == verb);
                if !can("patch") || !can("list") || !can("watch") {
                    continue;
                }
                let is_scale = |name: &Option<String>| name.as_deref() == Some("scale");
                let scales = resource.subresources.iter().any(|part| is_scale(&part.subresource));
                self.add(ServedKind {
                    kind: KindVersion {
                        kind: GroupKind::new(name.as_str(), kind),
                        version: version_name.clone(),
                    },
                    plural: resource.resource.unwrap_or_default(),
                    namespaced: resource.scope.as_deref() == Some("Namespaced"),
                    scales,
                });
            }
        }
    }

    fn read_classic(discovery: &ClassicDiscovery) -> Self {
        let mut snapshot = Self::default();
        for group in discovery.groups() {
            for version in group.versions() {
                for (resource, capabilities) in group.versioned_resources(version) {
                    snapshot.add(ServedKind {
                        kind: KindVersion {
                            kind: GroupKind::new(resource.group, resource.kind),
                            version: resource.version,
                        },
                        plural: resource.plural,
                        namespaced: capabilities.scope == Scope::Namespaced,
                        scales: capabilities.subresources.iter().any(|(part, _)| part.plural == "scale"),
                    });
                }
            }
        }
        snapshot
    }

    /// The first version of a kind that is added counts as the preferred one: servers list it first.
    fn add(&mut self, served: ServedKind) {
        self.preferred
            .entry(served.kind.kind.clone())
            .or_insert_with(|| served.clone());
        self.served.entry(served.kind.clone()).or_insert(served);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_that_does_not_answer_is_asked_for_ever_more_slowly_and_a_complete_answer_expires() {
        let start = Instant::now();
        let mut refresh = Refresh::default();
        assert!(refresh.is_due(false, start));
        let mut pauses = Vec::new();
        for _ in 0..8 {
            refresh.note_answer(false, start);
            let pause = refresh.next.unwrap() - start;
            assert!(!refresh.is_due(false, start + pause - Duration::from_millis(1)));
            assert!(refresh.is_due(false, start + pause));
            pauses.push(pause);
        }
        assert_eq!(pauses.first(), Some(&FIRST_RETRY));
        assert!(pauses.is_sorted() && pauses.last() == Some(&LAST_RETRY));
        refresh.note_answer(true, start);
        assert!(!refresh.is_due(false, start + LAST_RETRY) && refresh.is_due(false, start + MAX_AGE));
        assert!(!refresh.is_due(true, start) && refresh.is_due(true, start + SUSPICION));
        refresh.note_answer(false, start);
        assert!(
            refresh.is_due(false, start + FIRST_RETRY),
            "a new failure starts from the beginning"
        );
    }
}
