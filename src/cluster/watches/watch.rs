use super::ending::{Ending, FIRST_LIST, FIRST_RETRY, FORBIDDEN_RETRY, LAST_RETRY, code};
use super::reduce::{Reduced, reduce_metadata, reduce_object};
use crate::cluster::discovery::Discovery;
use crate::cluster::resource_path::{api, api_resource};
use crate::model::{Backoff, ObjectId};
use crate::port::{KindView, ObservedStore};
use crate::resource::{Allocations, Health, MissingRight, ObservedObject, Run, ServedKind};
use futures::StreamExt as _;
use futures::stream::{BoxStream, select_all};
use kube::api::DynamicObject;
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::time::Instant;

/// The events of one list: of the whole cluster, or of one namespace.
type ListEvents = BoxStream<'static, Result<Event<Reduced>, watcher::Error>>;
/// The events of all lists, each with the index of its list.
type Events = BoxStream<'static, (usize, Result<Event<Reduced>, watcher::Error>)>;

/// The watch of one kind.
pub(super) struct Watch {
    pub(super) client: Client,
    pub(super) url: String,
    pub(super) served: ServedKind,
    pub(super) selector: String,
    pub(super) discovery: Arc<Discovery>,
    pub(super) store: Arc<ObservedStore>,
    /// The namespaces that are listed; empty: the whole cluster.
    pub(super) namespaces: Arc<[String]>,
}

impl Watch {
    /// Follows the kind until the task is aborted, and starts over after each failure.
    pub(super) async fn run(self) {
        let mut streaming = true;
        let mut backoff = Backoff::new(FIRST_RETRY, FORBIDDEN_RETRY);
        loop {
            let (ending, had_list) = self.follow(self.events(streaming), streaming).await;
            let (message, longest, away) = match ending {
                Ending::NoStreaming => {
                    streaming = false;
                    continue;
                }
                Ending::Expired => {
                    self.list_again(had_list, &mut backoff).await;
                    continue;
                }
                Ending::Forbidden(message) => (self.explain_forbidden(message), FORBIDDEN_RETRY, false),
                Ending::Away(message) => {
                    if !self.served.kind.kind.is_built_in() {
                        self.discovery.suspect();
                    }
                    (message, LAST_RETRY, true)
                }
                Ending::Failed(message) => (message, LAST_RETRY, false),
            };
            tracing::debug!(kind = %self.served.kind.kind, error = %message, "watch ended, listing again");
            self.update(|view| {
                view.synced = false;
                view.failing = Some(message);
                view.away = away;
                true
            });
            if had_list {
                backoff.succeeded();
            }
            tokio::time::sleep(backoff.failed().min(longest)).await;
        }
    }

    /// The objects count as unknown until the next list. Nothing failed, so that nothing is reported.
    async fn list_again(&self, had_list: bool, backoff: &mut Backoff) {
        self.update(|view| {
            view.synced = false;
            false
        });
        match had_list {
            true => backoff.succeeded(),
            false => tokio::time::sleep(backoff.failed().min(LAST_RETRY)).await,
        }
    }

    /// Adds the value of the chart that grants the right, unless the agent works in namespaces and the kind is cluster-wide.
    fn explain_forbidden(&self, message: String) -> String {
        if !self.namespaces.is_empty() && !self.served.namespaced {
            return message;
        }
        let right = MissingRight::of_kind(&self.served.kind.kind.group, &self.served.plural);
        format!("{message}; add to the chart's values: {right}")
    }

    /// The namespace of each list; `None`: one list of the whole cluster.
    fn scopes(&self) -> Vec<Option<&str>> {
        if self.namespaces.is_empty() || !self.served.namespaced {
            return vec![None];
        }
        self.namespaces.iter().map(|name| Some(name.as_str())).collect()
    }

    fn events(&self, streaming: bool) -> Events {
        let lists = self.scopes().into_iter().enumerate();
        let streams = lists.map(|(index, scope)| {
            let events = self.list_events(scope, streaming);
            events.map(move |event| (index, event)).boxed()
        });
        select_all(streams).boxed()
    }

    /// Whole objects for kinds of which more than the metadata counts, metadata alone for the others.
    fn list_events(&self, namespace: Option<&str>, streaming: bool) -> ListEvents {
        let mut config = watcher::Config::default().labels(&self.selector);
        if streaming {
            config = config.streaming_lists();
        }
        let resource = api_resource(&self.served);
        let kind = self.served.kind.kind.clone();
        if Health::has_rule(&kind) || Run::has_end(&kind) || Allocations::has_rule(&kind) {
            let api: Api<DynamicObject> = api(self.client.clone(), namespace, &resource);
            watcher(api, config)
                .map(move |event| event.map(|event| reduce_event(event, |object| reduce_object(&kind, object))))
                .boxed()
        } else {
            let api: Api<PartialObjectMeta<DynamicObject>> = api(self.client.clone(), namespace, &resource);
            let reduce = move |object: PartialObjectMeta<DynamicObject>| {
                reduce_metadata(&kind, &object.metadata, Health::Unknown)
            };
            watcher(api, config)
                .map(move |event| event.map(|event| reduce_event(event, &reduce)))
                .boxed()
        }
    }

    /// Follows the lists until one of them ends. Returns why it ended, and whether all lists had been delivered.
    async fn follow(&self, mut events: Events, streaming: bool) -> (Ending, bool) {
        let deadline = Instant::now() + FIRST_LIST;
        let mut lists: BTreeMap<usize, BTreeMap<ObjectId, ObservedObject>> = BTreeMap::new();
        let scopes = self.scopes();
        let mut awaited: BTreeSet<usize> = (0..scopes.len()).collect();
        loop {
            let complete = awaited.is_empty();
            let next = if complete {
                events.next().await
            } else {
                match tokio::time::timeout_at(deadline, events.next()).await {
                    Ok(next) => next,
                    Err(_) if streaming => return (Ending::NoStreaming, false),
                    Err(_) => return (Ending::Failed("the first list took too long".to_owned()), false),
                }
            };
            let Some((index, event)) = next else {
                return (Ending::Failed("the stream ended".to_owned()), complete);
            };
            match event {
                Err(error) => {
                    if code(&error) == Some(404) {
                        self.discovery.expire();
                    }
                    return (Ending::of(&self.url, &error, streaming), complete);
                }
                Ok(Event::Init) => drop(lists.insert(index, BTreeMap::new())),
                Ok(Event::InitApply((id, object))) => {
                    if let Some(list) = lists.get_mut(&index) {
                        let last_written = Vec::new();
                        list.insert(id, ObservedObject { last_written, ..object });
                    }
                }
                Ok(Event::InitDone) => {
                    awaited.remove(&index);
                    let namespace = scopes.get(index).copied().flatten();
                    self.replace(namespace, lists.remove(&index).unwrap_or_default(), awaited.is_empty());
                }
                Ok(Event::Apply(object)) => self.put(object),
                Ok(Event::Delete(object)) => self.remove(object),
            }
        }
    }

    /// Replaces the objects of one list. `synced`: no other list is awaited.
    fn replace(&self, namespace: Option<&str>, objects: BTreeMap<ObjectId, ObservedObject>, synced: bool) {
        self.update(|view| {
            view.replace(namespace, objects);
            if synced {
                view.set_synced();
            }
            synced
        });
    }

    fn put(&self, (id, object): Reduced) {
        self.store
            .update(|observed| observed.put(&self.served.kind.kind, &id, object));
    }

    fn remove(&self, (id, object): Reduced) {
        self.update(|view| view.remove(&id, object));
    }

    fn update(&self, change: impl FnOnce(&mut KindView) -> bool) {
        self.store
            .update(|observed| match observed.kinds.get_mut(&self.served.kind.kind) {
                Some(view) => change(view),
                None => false,
            });
    }
}

/// Reduces the objects of an event.
fn reduce_event<K>(event: Event<K>, mut reduce: impl FnMut(K) -> Reduced) -> Event<Reduced> {
    match event {
        Event::Apply(object) => Event::Apply(reduce(object)),
        Event::Delete(object) => Event::Delete(reduce(object)),
        Event::Init => Event::Init,
        Event::InitApply(object) => Event::InitApply(reduce(object)),
        Event::InitDone => Event::InitDone,
    }
}
