//! A dry run of one object at a time says whether the ownership fingerprint is right: an object whose fingerprint is as the last apply
//! left it must be as declared. The two must never disagree; where they do, the object is applied, and the disagreement is reported.

use super::apply_cache::LastApply;
use super::field_audit::FieldAudit;
use super::report::SyncReport;
use super::syncer::Syncer;
use crate::model::ObjectId;
use crate::port::{ClusterFailure, Kinds, Mode, Observed, RecordStore, TargetApi};
use crate::resource::{Ignore, KindVersion, Object, ObservedObject, ServedKind, prepare};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Objects that are passed over in one go, since something is to be done about them anyway.
const PASSED_OVER: usize = 100;

/// An object that is at rest by its fingerprint.
struct AtRest {
    id: ObjectId,
    object: Arc<Object>,
    served: ServedKind,
    last: LastApply,
    live: ObservedObject,
}

impl<A: TargetApi, R: RecordStore> Syncer<A, R> {
    /// Compares an object in each pass, however soon the next pass follows. Each comparison is a request.
    pub fn auditing_in_each_pass(mut self) -> Self {
        self.field_audit = FieldAudit::in_each_pass();
        self
    }

    /// Compares one object with what an apply would make of it, if the time for that has come.
    pub(super) async fn audit_one(&mut self, kinds: &Kinds, report: &mut SyncReport) {
        if !self.field_audit.is_due(Instant::now()) {
            return;
        }
        let Some(found) = self.next_at_rest(kinds) else { return };
        match self.is_as_declared(&found).await {
            Ok(true) => {}
            Ok(false) => {
                self.cache.ask(&found.id);
                self.agenda.add(found.id.clone());
                report.disagreed = Some(found.id);
                report.wait_at_most(Duration::ZERO);
            }
            Err(failure) => tracing::debug!(object = %found.id, error = %failure, "not compared with a dry run"),
        }
    }

    /// The next object of which nobody has changed a field, by its fingerprint. Those before it are not looked at again before all
    /// others were.
    fn next_at_rest(&mut self, kinds: &Kinds) -> Option<AtRest> {
        let after = self.field_audit.last.take();
        let (last, found) = self.target.api.observed().read(|observed| {
            let mut looked_at = None;
            let next = self.cache.applied_after(after.as_ref()).take(PASSED_OVER);
            let mut next = next.inspect(|(id, _)| looked_at = Some((*id).clone()));
            let found = next.find_map(|(id, last)| self.at_rest(id, last, observed, kinds));
            drop(next);
            (looked_at, found)
        });
        self.field_audit.last = last;
        found
    }

    fn at_rest(&self, id: &ObjectId, last: &LastApply, observed: &Observed, kinds: &Kinds) -> Option<AtRest> {
        let (object, live) = (self.agenda.declared(id)?, observed.object(id)?);
        let is_plain = object.intent.ignore == Ignore::No && object.intent.ignore_fields.is_empty();
        // Where the kind counts changes, content that others changed is looked at by the pass itself.
        let is_left = last.left_fields_of(live) && last.generation == live.generation && !live.is_terminating;
        if !is_plain || !is_left {
            return None;
        }
        let version = KindVersion::new(&object.api_version, &object.id.kind);
        Some(AtRest {
            id: id.clone(),
            object: Arc::clone(object),
            served: kinds.served.get(&version)?.clone(),
            last: last.clone(),
            live: live.clone(),
        })
    }

    /// Whether an apply would change nothing. What somebody changes at this moment says nothing about the fingerprint.
    async fn is_as_declared(&self, found: &AtRest) -> Result<bool, ClusterFailure> {
        let api = &*self.target.api;
        let body = prepare(&found.object.value.value(), &found.id, &self.set);
        let foretold = api.apply(&found.served, &found.id, &body, Mode::DryRun).await?;
        let is_same = foretold.fingerprint == found.last.fingerprint && foretold.generation == found.live.generation;
        if is_same {
            return Ok(true);
        }
        let now = api.look(&found.served, &found.id).await?;
        Ok(now.is_none_or(|(_, version)| version != found.live.version))
    }
}
