//! The record as the syncer reads and writes it, while another process of the agent may write it too.

use super::authors::Authors;
use super::sync_plan::SyncPlan;
use super::syncer::Syncer;
use crate::port::{ClusterFailure, Record, RecordStore, TargetApi};
use crate::resource::{AppliedMarks, MemberKey, Members};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How often a write of the record is repeated that another process has overtaken.
const RACES: u32 = 4;

/// For so long the record is taken to be as this process left it. Another process of the same set may have written it since.
const RECORD_KNOWN: Duration = Duration::from_secs(60);

impl<A: TargetApi, R: RecordStore> Syncer<A, R> {
    /// Writes the record that `next` makes of the stored record and of what this process knows, unless it is the stored one. If
    /// another process has written the record, reads it, adds what it says, and tries again.
    pub(super) async fn write_record(
        &mut self,
        next: impl Fn(&Record, &Members) -> Record,
    ) -> Result<(), ClusterFailure> {
        let store = Arc::clone(&self.target.record);
        let mut races = 0;
        loop {
            let record = self.record().await?.clone();
            let next = next(&record, self.authors.members());
            let written = match next == record {
                true => Ok(()),
                false => store.write(&next).await,
            };
            match written {
                Ok(()) => {
                    if next.members.as_ref() == Some(self.authors.members()) {
                        self.authors.note_recorded();
                    }
                    if next != record {
                        self.record_seen = Some(Instant::now());
                    }
                    self.record = Some(next);
                    return Ok(());
                }
                Err(ClusterFailure::Conflict { .. }) if races < RACES => {
                    races += 1;
                    self.read_record_again().await?;
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    async fn read_record_again(&mut self) -> Result<(), ClusterFailure> {
        let record = self.target.record.read().await?.unwrap_or_default();
        self.take_in(record);
        Ok(())
    }

    /// Another process has written the record.
    fn take_in(&mut self, record: Record) {
        self.authors.join(record.members.as_ref());
        self.cache.add_runs(&record.runs);
        for (key, ready) in &*record.ready {
            if !self.ready.contains_key(key) {
                Arc::make_mut(&mut self.ready).insert(*key, *ready);
            }
        }
        self.agenda.forget();
        self.record = Some(record);
        self.record_seen = Some(Instant::now());
    }

    /// Reads the record after a while, although this process has nothing to write: another process may have written the record. A pass
    /// that writes learns that from the conflict.
    pub(super) async fn look_at_record(&mut self) -> Result<(), ClusterFailure> {
        if self.record_seen.is_some_and(|seen| seen.elapsed() < RECORD_KNOWN) {
            return Ok(());
        }
        let changed = self.target.record.read_if_changed().await?;
        self.record_seen = Some(Instant::now());
        if let Some(changed) = changed.filter(|changed| self.record.as_ref() != Some(changed)) {
            self.take_in(changed);
        }
        Ok(())
    }

    /// Reads the record again if the watches show objects that another process may have recorded. During an update of the
    /// agent two processes run at once, and a partition may keep the old one.
    pub(super) async fn read_what_others_recorded(&mut self) -> Result<(), ClusterFailure> {
        let (authors, agenda) = (&mut self.authors, &mut self.agenda);
        let has_strangers = self.target.api.observed().read(|observed| {
            let news = agenda.news(observed);
            if let Some(news) = &news {
                authors.note_seen(observed, news);
            }
            authors.has_strangers(observed, news.as_ref())
        });
        match has_strangers {
            true => self.read_record_again().await,
            false => Ok(()),
        }
    }

    /// Whether the record names another commit than at the beginning of the pass: another process has applied it. Whether this
    /// pass may delete was decided by the old one.
    pub(super) fn is_overtaken(&self) -> bool {
        self.record.as_ref().and_then(|record| record.commit) != self.began_with
    }

    /// Writes the identities of objects that the pass may create into the record, also of those that somebody deleted, before any
    /// of them is applied: a process that ends before it can record their UIDs must still be able to tell its objects from
    /// copies.
    pub(super) async fn claim_objects(&mut self, plan: &SyncPlan) -> Result<(), ClusterFailure> {
        let applied = plan.applies().map(|step| &step.id);
        let observed = self.target.api.observed();
        let absent = observed.read(|observed| Authors::absent(applied, observed));
        self.claim_identities(absent).await
    }

    /// Writes identities into the record that are about to be created.
    pub(super) async fn claim_identities(&mut self, identities: Vec<MemberKey>) -> Result<(), ClusterFailure> {
        self.authors.claim(identities);
        let claimed = self.authors.members().claimed.clone();
        let recorded = self.record().await?.members.as_ref();
        // What a pass before this one claimed may not be in the record: the write may have failed.
        if recorded.is_some_and(|recorded| claimed.is_subset(&recorded.claimed)) || claimed.is_empty() {
            return Ok(());
        }
        self.write_record(|record, members| Record {
            members: Some(members.clone()),
            ..record.clone()
        })
        .await
    }

    /// Reads once what an earlier process knew of its applies. Without it each object is applied.
    pub(super) async fn restore_marks(&mut self) -> Result<(), ClusterFailure> {
        if self.restored.is_read {
            return Ok(());
        }
        // A record that names no members was lost, or never was: then nothing is known about the objects either.
        let is_known = self.record().await?.members.is_some();
        let read = match is_known {
            true => self.target.record.read_marks().await,
            false => Ok(AppliedMarks::new()),
        };
        let marks = match read {
            Ok(marks) => marks,
            Err(failure) if failure.is_outage() => return Err(failure),
            Err(failure) => {
                tracing::debug!(sync_target = %self.target.id, error = %failure, "what was applied before cannot be read: each object is applied once");
                AppliedMarks::new()
            }
        };
        self.restored.is_read = true;
        self.cache.restore(marks.clone());
        self.marks.restore(marks);
        Ok(())
    }
}
