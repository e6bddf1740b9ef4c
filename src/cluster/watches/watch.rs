use super::ending::{Ending, code};
use super::reduce::{Reduced, is_relevant, reduce_event, reduce_metadata, reduce_object};
use crate::cluster::discovery::Discovery;
use crate::cluster::resource_path::api_resource;
use crate::model::ObjectId;
use crate::port::{KindView, ObservedStore};
use crate::resource::{Health, ObservedObject, ServedKind};
use futures::StreamExt as _;
use futures::stream::BoxStream;
use kube::api::DynamicObject;
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// A complete first list that takes longer comes from a server that does not stream lists, or from no server at all.
const FIRST_LIST: Duration = Duration::from_secs(30);
const FIRST_RETRY: Duration = Duration::from_millis(250);
/// How long a server that comes back waits at most for a watch of the agent.
const LAST_RETRY: Duration = Duration::from_secs(5);
/// Rights do not change from one second to the next.
const FORBIDDEN_RETRY: Duration = Duration::from_secs(60);

type Events = BoxStream<'static, Result<Event<Reduced>, watcher::Error>>;

/// The watch of one kind.
pub(super) struct Watch {
    pub(super) client: Client,
    pub(super) url: String,
    pub(super) served: ServedKind,
    pub(super) selector: String,
    pub(super) discovery: Arc<Discovery>,
    pub(super) store: Arc<ObservedStore>,
}

impl Watch {
    /// Follows the kind until the task is aborted, and starts over after each failure.
    pub(super) async fn run(self) {
        let mut streaming = true;
        let mut pause = FIRST_RETRY;
        loop {
            let (ending, had_list) = self.follow(self.events(streaming), streaming).await;
            let (message, longest, away) = match ending {
                Ending::NoStreaming => {
                    streaming = false;
                    continue;
                }
                Ending::Forbidden(message) => (message, FORBIDDEN_RETRY, false),
                Ending::Away(message) => (message, LAST_RETRY, true),
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
                pause = FIRST_RETRY;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(longest);
        }
    }

    /// Whole objects for kinds with a health rule, metadata alone for the others.
    fn events(&self, streaming: bool) -> Events {
        let mut config = watcher::Config::default().labels(&self.selector);
        if streaming {
            config = config.streaming_lists();
        }
        let resource = api_resource(&self.served);
        let kind = self.served.kind.kind.clone();
        if Health::has_rule(&kind) {
            let api = Api::<DynamicObject>::all_with(self.client.clone(), &resource);
            watcher(api, config)
                .map(move |event| event.map(|event| reduce_event(event, |object| reduce_object(&kind, object))))
                .boxed()
        } else {
            let api = Api::<PartialObjectMeta<DynamicObject>>::all_with(self.client.clone(), &resource);
            let reduce = move |object: PartialObjectMeta<DynamicObject>| {
                reduce_metadata(&kind, &object.metadata, Health::Unknown)
            };
            watcher(api, config)
                .map(move |event| event.map(|event| reduce_event(event, &reduce)))
                .boxed()
        }
    }

    /// Follows one stream to its end. Returns why it ended, and whether it had delivered a complete list.
    async fn follow(&self, mut events: Events, streaming: bool) -> (Ending, bool) {
        let deadline = Instant::now() + FIRST_LIST;
        let mut list: Option<BTreeMap<ObjectId, ObservedObject>> = None;
        let mut complete = false;
        loop {
            let next = if complete {
                events.next().await
            } else {
                match tokio::time::timeout_at(deadline, events.next()).await {
                    Ok(next) => next,
                    Err(_) if streaming => return (Ending::NoStreaming, false),
                    Err(_) => return (Ending::Failed("the first list took too long".to_owned()), false),
                }
            };
            match next {
                None => return (Ending::Failed("the stream ended".to_owned()), complete),
                Some(Err(error)) => {
                    if code(&error) == Some(404) {
                        self.discovery.expire();
                    }
                    return (Ending::of(&self.url, &error, streaming), complete);
                }
                Some(Ok(Event::Init)) => list = Some(BTreeMap::new()),
                Some(Ok(Event::InitApply((id, object)))) => {
                    if let Some(list) = &mut list {
                        list.insert(id, object);
                    }
                }
                Some(Ok(Event::InitDone)) => {
                    complete = true;
                    self.replace(list.take().unwrap_or_default());
                }
                Some(Ok(Event::Apply(object))) => self.put(object),
                Some(Ok(Event::Delete(object))) => self.remove(object),
            }
        }
    }

    fn replace(&self, objects: BTreeMap<ObjectId, ObservedObject>) {
        self.update(|view| {
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

    fn put(&self, (id, object): Reduced) {
        self.update(|view| {
            view.advance(&object.version);
            let relevant = view.objects.get(&id).is_none_or(|before| is_relevant(before, &object));
            view.objects.insert(id, object);
            relevant
        });
    }

    fn remove(&self, (id, object): Reduced) {
        self.update(|view| {
            view.advance(&object.version);
            view.objects.remove(&id).is_some()
        });
    }

    fn update(&self, change: impl FnOnce(&mut KindView) -> bool) {
        self.store
            .update(|observed| match observed.kinds.get_mut(&self.served.kind.kind) {
                Some(view) => change(view),
                None => false,
            });
    }
}
