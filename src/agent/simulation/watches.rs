//! The watches of one process: lists and events arrive late, twice, or not at all.
//!
//! What a watch loses, the next list brings: as the real ones, these watches list anew after a while.

use super::api_server::ApiServer;
use super::cluster::Event;
use super::world::Sabotage;
use crate::port::{KindView, Notify};
use crate::resource::GroupKind;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};

/// What a watch does next.
enum Next {
    List,
    Deliver,
    /// The server closes the watch, or is away.
    Fail {
        is_away: bool,
    },
}

/// How far the watch of a kind has come: the number of events that it has seen; `None` before its list.
type Cursors = BTreeMap<GroupKind, Option<usize>>;

/// Follows the server until the process ends.
pub(super) async fn follow(api: Arc<ApiServer>) {
    let mut events = api.link.world.lock().cluster.subscribe();
    let mut watched = api.watched.subscribe();
    let mut cursors = Cursors::new();
    // When all kinds are listed anew, since events were left out.
    let mut relist = None;
    loop {
        let kinds = watched.borrow_and_update().clone();
        cursors.retain(|kind, _| kinds.contains(kind));
        for kind in kinds {
            cursors.entry(kind).or_default();
        }
        let count = *events.borrow_and_update();
        let now = Instant::now();
        if relist.is_some_and(|at| at <= now) {
            relist = None;
            cursors.values_mut().for_each(|cursor| *cursor = None);
        }
        let due: Vec<GroupKind> = cursors
            .iter()
            .filter(|(_, cursor)| cursor.is_none_or(|cursor| cursor < count))
            .map(|(kind, _)| kind.clone())
            .collect();
        for kind in due {
            let missed = step(&api, &kind, &mut cursors).await;
            if let Some(after) = missed {
                let at = Instant::now() + after;
                relist = Some(relist.map_or(at, |before: Instant| before.min(at)));
            }
        }
        let is_behind = {
            let count = *events.borrow();
            cursors
                .values()
                .any(|cursor| cursor.is_none_or(|cursor| cursor < count))
        };
        if is_behind {
            continue;
        }
        let far = Instant::now() + Duration::from_secs(86_400);
        tokio::select! {
            biased;
            changed = events.changed() => if changed.is_err() { return },
            changed = watched.changed() => if changed.is_err() { return },
            () = sleep_until(relist.unwrap_or(far)) => {}
        }
    }
}

/// One list, or some events, of one kind. Returns after which time to list anew, if events were left out.
async fn step(api: &ApiServer, kind: &GroupKind, cursors: &mut Cursors) -> Option<Duration> {
    let cursor = cursors.get(kind).copied().flatten();
    let (next, wait) = {
        let mut state = api.link.world.lock();
        let is_cut = state.now() < state.cut_until;
        let slow = if state.fails(50) { 5000 } else { 100 };
        let next = match cursor {
            _ if is_cut || state.fails(20) => Next::Fail {
                is_away: is_cut || state.random.chance(500),
            },
            None => Next::List,
            Some(_) => Next::Deliver,
        };
        (next, Duration::from_millis(1 + state.random.below(slow)))
    };
    sleep(wait).await;
    match next {
        Next::List => {
            let upto = list(api, kind);
            cursors.insert(kind.clone(), Some(upto));
            None
        }
        Next::Deliver => {
            let (upto, missed) = deliver(api, kind, cursor.unwrap_or_default());
            cursors.insert(kind.clone(), Some(upto));
            missed
        }
        Next::Fail { is_away } => {
            update(api, kind, |view| {
                view.synced = false;
                if is_away {
                    view.failing = Some("the API server is away".to_owned());
                    view.away = true;
                }
                is_away
            });
            cursors.insert(kind.clone(), None);
            sleep(wait * 2).await;
            None
        }
    }
}

/// Lists a kind, perhaps from a server that is behind. Returns up to which event.
fn list(api: &ApiServer, kind: &GroupKind) -> usize {
    let (upto, mut objects) = {
        let mut state = api.link.world.lock();
        let count = state.cluster.events.len();
        let behind = if state.fails(100) {
            state.random.below(3) as usize
        } else {
            0
        };
        let upto = count.saturating_sub(behind);
        (upto, state.cluster.listed(upto))
    };
    objects.retain(|id, _| GroupKind::of(id) == *kind);
    update(api, kind, |view| {
        view.replace(None, objects);
        view.set_synced();
        true
    });
    upto
}

/// Delivers events. Returns up to which one, and when to list anew if one was left out.
fn deliver(api: &ApiServer, kind: &GroupKind, from: usize) -> (usize, Option<Duration>) {
    let (events, missed, is_silent) = {
        let mut state = api.link.world.lock();
        let mut upto = state.cluster.events.len();
        if state.fails(200) {
            upto = from + 1 + state.random.below((upto - from) as u64) as usize;
        }
        let new = state.cluster.events[from..upto.min(state.cluster.events.len())].to_vec();
        let of_kind = |event: &&Event| GroupKind::of(&event.id) == *kind;
        let mut events: Vec<Event> = new.iter().filter(of_kind).cloned().collect();
        let missed = !events.is_empty() && state.fails(40);
        if missed {
            events.pop();
        } else if !events.is_empty() && state.fails(40) {
            // An old event of the same object arrives once more, and then the new one.
            let last = events[events.len() - 1].clone();
            let mut before = state.cluster.events[..from].iter().rev();
            let old = before.find(|event| event.id == last.id).cloned();
            events.extend(old);
            events.push(last);
        }
        let after = missed.then(|| Duration::from_millis(1000 + state.random.below(30_000)));
        let is_silent = state.sabotage == Some(Sabotage::LostWakeUp);
        ((events, upto), after, is_silent)
    };
    let (events, upto) = events;
    for event in events {
        api.store.update(|observed| match event.is_gone {
            true => {
                let view = observed.kinds.get_mut(kind);
                Notify::from(view.is_some_and(|view| view.remove(&event.id, event.object)) && !is_silent)
            }
            false => observed.put(kind, &event.id, event.object),
        });
    }
    (upto, missed)
}

fn update(api: &ApiServer, kind: &GroupKind, change: impl FnOnce(&mut KindView) -> bool) {
    api.store
        .update(|observed| observed.kinds.get_mut(kind).is_some_and(change));
}
