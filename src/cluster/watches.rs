use super::apply::{api_resource, ownership};
use super::discovery::Table;
use super::failure::classify;
use crate::model::ObjectId;
use crate::port::{ClusterFailure, KindView, Kinds, ObservedStore};
use crate::resource::{
    GroupKind, Health, ObservedObject, PART_OF_LABEL, PruneWish, ResourceVersion, ServedKind, SetId,
};
use futures::StreamExt as _;
use futures::stream::BoxStream;
use kube::api::{DynamicObject, ObjectMeta};
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;

/// A complete first reading that takes longer comes from a server that does not stream lists, or from none.
const FIRST_READING: Duration = Duration::from_secs(30);
const FIRST_RETRY: Duration = Duration::from_millis(250);
/// What a server that comes back waits at most for a watch of ours.
const LAST_RETRY: Duration = Duration::from_secs(5);
/// Rights are not granted from one second to the next.
const FORBIDDEN_RETRY: Duration = Duration::from_secs(60);

/// One watch for each kind; ends with its owner.
pub(super) struct Watches {
    client: Client,
    url: String,
    selector: String,
    table: Arc<Table>,
    running: Mutex<BTreeMap<GroupKind, JoinHandle<()>>>,
}

impl Watches {
    pub(super) fn new(client: Client, url: String, set: SetId, table: Arc<Table>) -> Self {
        Self {
            client,
            url,
            selector: format!("{PART_OF_LABEL}={set}"),
            table,
            running: Mutex::default(),
        }
    }

    /// Starts the watches that are missing (or have died) and ends those of kinds that are no longer asked for or served.
    pub(super) fn keep(&self, kinds: &BTreeSet<GroupKind>, served: &Kinds, store: &Arc<ObservedStore>) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let is_wanted = |kind: &&GroupKind| kinds.contains(*kind) && served.preferred.contains_key(*kind);
        let unwanted: Vec<GroupKind> = running.keys().filter(|kind| !is_wanted(kind)).cloned().collect();
        for kind in unwanted {
            if let Some(task) = running.remove(&kind) {
                task.abort();
            }
            store.update(|observed| observed.kinds.remove(&kind).is_some());
        }
        for kind in kinds {
            if running.get(kind).is_some_and(|task| !task.is_finished()) {
                continue;
            }
            let Some(served) = served.preferred.get(kind) else {
                continue;
            };
            store.update(|observed| {
                observed.kinds.entry(kind.clone()).or_default().synced = false;
                true
            });
            let watch = Watch {
                api: self.client.clone(),
                url: self.url.clone(),
                served: served.clone(),
                selector: self.selector.clone(),
                table: self.table.clone(),
                store: store.clone(),
            };
            running.insert(kind.clone(), tokio::spawn(watch.run()));
        }
    }
}

impl Drop for Watches {
    fn drop(&mut self) {
        let running = self.running.get_mut().unwrap_or_else(PoisonError::into_inner);
        for task in running.values() {
            task.abort();
        }
    }
}

type Seen = (ObjectId, ObservedObject);
type Events = BoxStream<'static, Result<Event<Seen>, watcher::Error>>;

struct Watch {
    api: Client,
    url: String,
    served: ServedKind,
    selector: String,
    table: Arc<Table>,
    store: Arc<ObservedStore>,
}

impl Watch {
    async fn run(self) {
        let mut streaming = true;
        let mut pause = FIRST_RETRY;
        loop {
            let (reason, had_reading) = self.follow(self.events(streaming), streaming).await;
            if matches!(reason, End::NoStreaming) {
                streaming = false;
                continue;
            }
            let away = matches!(reason, End::Away(_));
            let (message, longest) = match reason {
                End::NoStreaming => continue,
                End::Forbidden(message) => (message, FORBIDDEN_RETRY),
                End::Away(message) | End::Failed(message) => (message, LAST_RETRY),
            };
            tracing::debug!(kind = %self.served.kind.kind, error = %message, "watch ended, reading anew");
            self.change(|view| {
                view.synced = false;
                view.failing = Some(message);
                view.away = away;
                true
            });
            if had_reading {
                pause = FIRST_RETRY;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(longest);
        }
    }

    fn events(&self, streaming: bool) -> Events {
        let mut config = watcher::Config::default().labels(&self.selector);
        if streaming {
            config = config.streaming_lists();
        }
        let resource = api_resource(&self.served);
        let kind = self.served.kind.kind.clone();
        if Health::is_told_by(&kind) {
            let api = Api::<DynamicObject>::all_with(self.api.clone(), &resource);
            watcher(api, config)
                .map(move |event| event.map(|event| convert(event, |object| whole(&kind, object))))
                .boxed()
        } else {
            let api = Api::<PartialObjectMeta<DynamicObject>>::all_with(self.api.clone(), &resource);
            watcher(api, config)
                .map(move |event| {
                    event.map(|event| convert(event, |object| reduce(&kind, &object.metadata, Health::Unknown)))
                })
                .boxed()
        }
    }

    /// Follows one stream to its end; tells why it ended and whether a complete reading had been had.
    async fn follow(&self, mut events: Events, streaming: bool) -> (End, bool) {
        let started = tokio::time::Instant::now();
        let mut reading: Option<BTreeMap<ObjectId, ObservedObject>> = None;
        let mut complete = false;
        loop {
            let next = if complete {
                events.next().await
            } else {
                match tokio::time::timeout_at(started + FIRST_READING, events.next()).await {
                    Ok(next) => next,
                    Err(_) if streaming => return (End::NoStreaming, false),
                    Err(_) => return (End::Failed("the first reading took too long".to_owned()), false),
                }
            };
            match next {
                None => return (End::Failed("the stream ended".to_owned()), complete),
                Some(Err(error)) => {
                    if code(&error) == Some(404) {
                        self.table.doubt();
                    }
                    let end = match code(&error) {
                        Some(400 | 422) if streaming => End::NoStreaming,
                        Some(403) => End::Forbidden(words(&error)),
                        _ => self.end(&error),
                    };
                    return (end, complete);
                }
                Some(Ok(Event::Init)) => reading = Some(BTreeMap::new()),
                Some(Ok(Event::InitApply((id, object)))) => {
                    if let Some(reading) = &mut reading {
                        reading.insert(id, object);
                    }
                }
                Some(Ok(Event::InitDone)) => {
                    complete = true;
                    self.replace(reading.take().unwrap_or_default());
                }
                Some(Ok(Event::Apply((id, object)))) => self.change(|view| {
                    view.advance(&object.version);
                    let matters = view.objects.get(&id).is_none_or(|before| differs(before, &object));
                    view.objects.insert(id, object);
                    matters
                }),
                Some(Ok(Event::Delete((id, object)))) => self.change(|view| {
                    view.advance(&object.version);
                    view.objects.remove(&id).is_some()
                }),
            }
        }
    }

    fn end(&self, error: &watcher::Error) -> End {
        match error {
            watcher::Error::WatchStartFailed(cause)
            | watcher::Error::InitialListFailed(cause)
            | watcher::Error::WatchFailed(cause) => match classify(&self.url, cause) {
                ClusterFailure::Unavailable { message } => End::Away(message),
                other => End::Failed(other.to_string()),
            },
            other => End::Failed(words(other)),
        }
    }

    fn replace(&self, objects: BTreeMap<ObjectId, ObservedObject>) {
        self.change(|view| {
            for object in objects.values() {
                view.advance(&object.version);
            }
            view.objects = objects;
            view.synced = true;
            view.failing = None;
            view.away = false;
            true
        });
    }

    fn change(&self, change: impl FnOnce(&mut KindView) -> bool) {
        self.store
            .update(|observed| match observed.kinds.get_mut(&self.served.kind.kind) {
                Some(view) => change(view),
                None => false,
            });
    }
}

enum End {
    NoStreaming,
    Forbidden(String),
    Away(String),
    Failed(String),
}

/// The server's own words, or what the client met.
fn words(error: &watcher::Error) -> String {
    match error {
        watcher::Error::WatchError(status) => status.message.clone(),
        watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status)) => status.message.clone(),
        other => other.to_string(),
    }
}

fn code(error: &watcher::Error) -> Option<u16> {
    match error {
        watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status))
        | watcher::Error::WatchError(status) => Some(status.code),
        _ => None,
    }
}

/// Whether a loop could decide otherwise by it: the version and who wrote last alone change nothing.
fn differs(before: &ObservedObject, after: &ObservedObject) -> bool {
    before.uid != after.uid
        || before.fingerprint != after.fingerprint
        || before.is_terminating != after.is_terminating
        || before.is_owned != after.is_owned
        || before.prune != after.prune
        || before.health != after.health
}

fn convert<K>(event: Event<K>, mut reduce: impl FnMut(K) -> Seen) -> Event<Seen> {
    match event {
        Event::Apply(object) => Event::Apply(reduce(object)),
        Event::Delete(object) => Event::Delete(reduce(object)),
        Event::Init => Event::Init,
        Event::InitApply(object) => Event::InitApply(reduce(object)),
        Event::InitDone => Event::InitDone,
    }
}

fn whole(kind: &GroupKind, object: DynamicObject) -> Seen {
    let DynamicObject { metadata, mut data, .. } = object;
    let mut take = |key: &str| data.get_mut(key).map(Value::take).unwrap_or_default();
    let read = json!({
        "metadata": {"generation": metadata.generation},
        "spec": take("spec"),
        "status": take("status"),
    });
    reduce(kind, &metadata, Health::of(kind, &read))
}

fn reduce(kind: &GroupKind, metadata: &ObjectMeta, health: Health) -> Seen {
    let id = ObjectId {
        group: kind.group.clone(),
        kind: kind.kind.clone(),
        namespace: metadata.namespace.clone(),
        name: metadata.name.clone().unwrap_or_default(),
    };
    let ownership = ownership(metadata.managed_fields.as_deref());
    let annotations = metadata.annotations.iter().flatten();
    let object = ObservedObject {
        uid: metadata.uid.clone().unwrap_or_default(),
        version: ResourceVersion::new(metadata.resource_version.clone().unwrap_or_default()),
        generation: metadata.generation,
        fingerprint: ownership.fingerprint,
        last_writer: ownership.last_writer,
        is_owned: metadata
            .owner_references
            .as_ref()
            .is_some_and(|owners| !owners.is_empty()),
        is_terminating: metadata.deletion_timestamp.is_some(),
        prune: PruneWish::read(annotations.map(|(key, value)| (key.as_str(), value.as_str()))),
        health,
    };
    (id, object)
}
