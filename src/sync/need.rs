use super::apply_cache::{Entry, LastApply};
use crate::model::ObjectId;
use crate::port::{KindView, Observed};
use crate::resource::{DesiredHash, Object, ObservedObject, Run, is_other_content};
use serde::Serialize;
use tokio::time::Instant;

/// Why an object is applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Reason {
    /// This process has not applied the object yet.
    First,
    /// The manifest changed.
    Manifest,
    /// A field of the agent was changed, by this manager where the server names one.
    Drift(Option<String>),
    /// The object was deleted.
    Gone,
    /// The last apply failed.
    Again,
    /// The object has changed since the last apply, and only another process of the agent can have written it, or somebody who
    /// changed the order of a list.
    Doubt,
    /// The agent's own fields look untouched, and yet the object has to be looked at: its generation moved, as it does when
    /// somebody changes the order of a list, or an earlier process applied it. An apply that finds nothing to change writes
    /// nothing. The manager is the one, other than the agent, that wrote last.
    Look(Option<String>),
}

/// Whether an object has to be applied.
pub(super) enum Need {
    Nothing,
    /// Not before this time. A failure is then retried, or a view of the watch counts again.
    NothingUntil(Instant),
    Apply(Reason),
}

/// Whether the object has run to its end and is gone. `entry` is what this process knows of the object, `run` its latest run.
/// An object that removes itself when it has run, and that no process saw go, counts as finished.
pub(super) fn has_run(
    entry: Option<&Entry>,
    run: Option<&Run>,
    object: &Object,
    hash: DesiredHash,
    live: Option<&ObservedObject>,
) -> bool {
    let was_away = entry.is_none_or(|entry| entry.applied.is_none());
    let is_over = |run: &Run| run.is_finished || (was_away && Run::removes_itself(&object.value.value()));
    live.is_none() && run.is_some_and(|run| run.hash == hash && is_over(run))
}

/// Decides from the cache and the watches. Drift is not weighed here: the manifest says what to do about it.
/// `view` is what the watch of the object's kind shows, `observed` what all watches show.
pub(super) fn need(
    entry: Option<&Entry>,
    hash: DesiredHash,
    id: &ObjectId,
    view: Option<&KindView>,
    observed: &Observed,
    now: Instant,
) -> Need {
    let view = view.filter(|view| view.synced);
    let Some(entry) = entry else {
        return Need::Apply(Reason::First);
    };
    if let Some(failure) = &entry.failure {
        let is_same = view.is_none_or(|view| view.objects().get(id).map(|live| &live.uid) == failure.seen.as_ref());
        let is_free = !failure.waits_for.is_empty() && failure.waits_for.iter().all(|id| observed.object(id).is_none());
        return match failure.hash == hash && is_same && !is_free && now < failure.next {
            true => Need::NothingUntil(failure.next),
            false => Need::Apply(Reason::Again),
        };
    }
    match &entry.applied {
        None => Need::Apply(Reason::First),
        Some(last) if last.hash != hash => Need::Apply(Reason::Manifest),
        Some(last) => match view.map_or(Need::Nothing, |view| compare(last, view, id, now)) {
            Need::Nothing if entry.is_asked => {
                let live = view.and_then(|view| view.objects().get(id));
                live.filter(|live| !live.is_terminating).map_or(Need::Nothing, look)
            }
            need => need,
        },
    }
}

/// Whether the live object is as the last apply left it. A view older than that apply says nothing.
fn compare(last: &LastApply, view: &KindView, id: &ObjectId, now: Instant) -> Need {
    let catching_up = now < last.catch_up_until;
    match view.objects().get(id) {
        None if catching_up && !view.latest.is_at_least(&last.version) => Need::NothingUntil(last.catch_up_until),
        None => Need::Apply(Reason::Gone),
        Some(live) if catching_up && live.version.is_older_than(&last.version) => {
            Need::NothingUntil(last.catch_up_until)
        }
        Some(live) if live.is_terminating => Need::Nothing,
        Some(live) if last.left_fields_of(live) => {
            // An entry of `managedFields` has whole seconds, and does not have the values.
            let is_other = is_other_content((last.generation, &last.version), (live.generation, &live.version));
            match is_other {
                true if !live.has_later_writer && now < last.doubt_until => Need::NothingUntil(last.doubt_until),
                true if !live.has_later_writer => Need::Apply(Reason::Doubt),
                true if has_moved(last.generation, live.generation) => look(live),
                _ => Need::Nothing,
            }
        }
        Some(live) => Need::Apply(Reason::Drift(live.last_writer.clone())),
    }
}

fn look(live: &ObservedObject) -> Need {
    Need::Apply(Reason::Look(live.last_writer.clone()))
}

/// Whether something of the object changed that is no field of the agent, or the order of the agent's own: ownership knows no
/// order. The server counts such changes, for objects that have a generation.
fn has_moved(last: Option<i64>, live: Option<i64>) -> bool {
    matches!((last, live), (Some(last), Some(live)) if last != live)
}
