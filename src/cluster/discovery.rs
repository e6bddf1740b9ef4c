use super::ApiServer;
use crate::port::{ClusterFailure, Freshness, Kinds};
use crate::resource::{GroupKind, KindVersion, ServedKind};
use kube::client::{APIGroupDiscovery, APIGroupDiscoveryList};
use kube::discovery::{Discovery, Scope};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;

const DEADLINE: Duration = Duration::from_secs(20);

/// The cached answer; the lock also keeps two callers from asking at once.
#[derive(Debug, Default)]
pub(super) struct Table {
    snapshot: Mutex<Option<Arc<Snapshot>>>,
    is_doubtful: AtomicBool,
}

impl Table {
    /// The server did not know a kind that the cached answer holds: the next look-up asks again.
    pub(super) fn doubt(&self) {
        self.is_doubtful.store(true, Ordering::Relaxed);
    }
}

#[derive(Debug, Default)]
struct Snapshot {
    served: BTreeMap<KindVersion, ServedKind>,
    preferred: BTreeMap<GroupKind, ServedKind>,
    unanswered: BTreeSet<String>,
}

impl ApiServer {
    pub(super) async fn look_up(
        &self,
        wanted: &BTreeSet<KindVersion>,
        freshness: Freshness,
    ) -> Result<Kinds, ClusterFailure> {
        let mut table = self.table.snapshot.lock().await;
        let is_doubtful = self.table.is_doubtful.swap(false, Ordering::Relaxed);
        let snapshot = match table.as_ref() {
            Some(known) if !is_doubtful && (freshness == Freshness::Cached || known.has_all(wanted)) => known.clone(),
            _ => {
                let found = self.discover().await.inspect_err(|_| self.table.doubt())?;
                table.insert(Arc::new(found)).clone()
            }
        };
        drop(table);
        let served = wanted
            .iter()
            .filter_map(|kind| Some((kind.clone(), snapshot.served.get(kind)?.clone())));
        Ok(Kinds {
            served: served.collect(),
            preferred: snapshot.preferred.clone(),
            unanswered: snapshot.unanswered.clone(),
        })
    }

    /// Two requests, whatever the number of groups; servers before 1.26 are asked group by group.
    async fn discover(&self) -> Result<Snapshot, ClusterFailure> {
        let (groups, core) = tokio::join!(
            self.within(DEADLINE, self.client.list_api_groups_aggregated()),
            self.within(DEADLINE, self.client.list_core_api_versions_aggregated()),
        );
        match (groups, core) {
            (Ok(groups), Ok(core)) if !groups.items.is_empty() && !core.items.is_empty() => {
                Ok(Snapshot::read([core, groups]))
            }
            (Err(failure), _) | (_, Err(failure)) if failure.is_outage() => Err(failure),
            _ => {
                let discovery = self.within(DEADLINE, Discovery::new(self.client.clone()).run()).await?;
                Ok(Snapshot::read_classic(&discovery))
            }
        }
    }
}

impl Snapshot {
    fn has_all(&self, wanted: &BTreeSet<KindVersion>) -> bool {
        wanted.iter().all(|kind| self.served.contains_key(kind))
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

    fn read_classic(discovery: &Discovery) -> Self {
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

    fn add(&mut self, served: ServedKind) {
        self.preferred
            .entry(served.kind.kind.clone())
            .or_insert_with(|| served.clone());
        self.served.entry(served.kind.clone()).or_insert(served);
    }
}
