use super::connection::Connection;
use crate::port::{ClusterFailure, Freshness, Kinds};
use crate::resource::{GroupKind, KindVersion, ServedKind};
use kube::client::{APIGroupDiscovery, APIGroupDiscoveryList};
use kube::discovery::{Discovery as ClassicDiscovery, Scope};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;

const DEADLINE: Duration = Duration::from_secs(20);

/// What the server serves, cached. The lock also keeps two callers from asking the server at the same time.
#[derive(Debug, Default)]
pub(super) struct Discovery {
    snapshot: Mutex<Option<Arc<Snapshot>>>,
    is_expired: AtomicBool,
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

    pub(super) async fn kinds(
        &self,
        connection: &Connection,
        requested: &BTreeSet<KindVersion>,
        freshness: Freshness,
    ) -> Result<Kinds, ClusterFailure> {
        let mut cached = self.snapshot.lock().await;
        let is_expired = self.is_expired.swap(false, Ordering::Relaxed);
        let snapshot = match cached.as_ref() {
            Some(known) if !is_expired && (freshness == Freshness::Cached || known.has_all(requested)) => known.clone(),
            _ => {
                let found = discover(connection).await.inspect_err(|_| self.expire())?;
                cached.insert(Arc::new(found)).clone()
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
                self.add(ServedKind {
                    kind: KindVersion {
                        kind: GroupKind::new(name.as_str(), kind),
                        version: version_name.clone(),
                    },
                    plural: resource.resource.unwrap_or_default(),
                    namespaced: resource.scope.as_deref() == Some("Namespaced"),
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
