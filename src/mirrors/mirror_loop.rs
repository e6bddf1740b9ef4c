use super::claims::NotAnother;
use super::parts::Parts;
use super::report::MirrorReport;
use super::sources::{AT_ONCE, contents, look_up};
use super::write::{WriteError, carry_out};
use crate::driver::{Outcome, Pass};
use crate::notice::{MirrorEvent, Topic};
use crate::port::{ClusterFailure, CopyView, MirrorCopies, MirrorSources, SourceView};
use crate::spread::{
    Lookup, MirrorAction, MirrorContent, MirrorKind, MirrorPlan, MirrorRule, MirrorSource, MirrorWorld, ObjectPlace,
    Rests, mirror_plan,
};
use futures::StreamExt as _;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

const REPLACED: &str =
    "another cluster than at the start answers at the target's address; restart the agent to keep mirrors there";

/// The work of the loop.
pub struct MirrorLoop<S, C> {
    parts: Parts<S, C>,
    rests: Rests<ObjectPlace>,
    /// The kinds whose copies are watched, once that is known. Empty: there is nothing to do and nothing to take away.
    kinds: Option<BTreeSet<MirrorKind>>,
    /// What the agent's marks name in the cluster of the copies, once that is known.
    set: Option<String>,
}

/// What a pass has come to.
#[derive(Default)]
struct Looked {
    report: MirrorReport,
    /// When the next pass is due.
    due: Option<Timestamp>,
    /// Whether an API server was away.
    is_away: bool,
}

impl Looked {
    fn away() -> Self {
        Self {
            is_away: true,
            ..Self::default()
        }
    }
}

impl<S: MirrorSources, C: MirrorCopies> MirrorLoop<S, C> {
    /// A loop that has done nothing yet.
    pub fn new(parts: Parts<S, C>) -> Self {
        Self {
            parts,
            rests: Rests::default(),
            kinds: None,
            set: None,
        }
    }

    async fn look(&mut self) -> Looked {
        let set = match self.begin().await {
            Ok(set) => set,
            Err(end) => return end,
        };
        let (sources, copies) = (self.parts.sources.view(), self.parts.cluster.view());
        if let Some(problem) = sources.problem.clone().or_else(|| copies.problem.clone()) {
            return self.off(problem);
        }
        if !sources.is_complete || !copies.is_complete {
            // The list wakes the loop.
            return Looked::default();
        }
        let now = (self.parts.clock)();
        let (plan, is_doubtful) = self.plan(&set, &sources, &copies).await;
        let actions = self.rests.ready(plan.actions, |action| action.place().clone(), now);
        let mut is_away = is_doubtful;
        if !actions.is_empty() {
            // Another cluster may stand behind the address since the watches began.
            match self.find_set().await {
                Ok(found) if found == set => {}
                Ok(_) => return self.off(REPLACED.to_owned()),
                Err(problem) => return self.without_cluster(&problem),
            }
            let contents = contents(&*self.parts.sources, &self.parts.set, &actions).await;
            is_away |= contents.is_unread;
            is_away |= self.carry_out(&set, actions, &contents.answers, now).await;
        }
        let mut problems = plan.problems;
        problems.extend(missing_sources(&self.parts.rules, &sources));
        let resting = self.rests.problems(now);
        problems.extend(resting.map(|(place, problem)| (place.to_string(), problem.to_owned())));
        self.present(&problems);
        let copies = self.parts.cluster.view().copies;
        let copies = copies.values().filter(|copy| copy.mark.is_some()).count();
        self.parts.metrics.mirror_copies(&self.parts.target, copies);
        Looked {
            report: MirrorReport {
                copies,
                problems,
                off: None,
            },
            due: self.rests.first_end(),
            is_away,
        }
    }

    /// What the agent's marks name in the cluster of the copies.
    async fn find_set(&self) -> Result<String, NotAnother> {
        let parts = &self.parts;
        match parts.is_home {
            true => Ok(parts.set.clone()),
            false => {
                let home = &*parts.sources;
                let set = parts.claims.set_of(&parts.target, &parts.set, home, &*parts.cluster);
                set.await
            }
        }
    }

    /// Starts the watches, where there is something to do. Returns the set, or how the pass ends here.
    async fn begin(&mut self) -> Result<String, Looked> {
        if self.kinds.as_ref().is_some_and(BTreeSet::is_empty) {
            return Err(Looked::default());
        }
        let ruled: BTreeSet<MirrorKind> = self.parts.rules.iter().flat_map(MirrorRule::kinds).collect();
        let found = match &self.set {
            Some(set) => Ok(set.clone()),
            None => self.find_set().await,
        };
        let set = match found {
            Ok(set) => set,
            // Without rules nobody asks for this cluster.
            Err(problem) if ruled.is_empty() && !problem.is_outage() => {
                self.kinds = Some(BTreeSet::new());
                return Err(Looked::default());
            }
            Err(_) if ruled.is_empty() => return Err(Looked::away()),
            Err(problem) => return Err(self.without_cluster(&problem)),
        };
        self.set = Some(set.clone());
        if self.kinds.is_none() {
            self.kinds = Some(self.kinds_of(&set, ruled).await.ok_or_else(Looked::away)?);
        }
        match self.kinds.as_ref().filter(|kinds| !kinds.is_empty()) {
            None => Err(Looked::default()),
            Some(kinds) => {
                self.parts.sources.start();
                self.parts.cluster.start(&set, kinds);
                Ok(set)
            }
        }
    }

    /// The kinds that rules name, and those of copies that were left behind. `None`: the server was away.
    async fn kinds_of(&self, set: &str, mut kinds: BTreeSet<MirrorKind>) -> Option<BTreeSet<MirrorKind>> {
        for kind in MirrorKind::ALL {
            if kinds.contains(&kind) {
                continue;
            }
            match self.parts.cluster.has_marked(set, kind).await {
                Ok(true) => drop(kinds.insert(kind)),
                // An agent that may not look has no rules for the kind.
                Ok(false) | Err(ClusterFailure::Denied { .. } | ClusterFailure::Refused { .. }) => {}
                Err(failure) => {
                    tracing::debug!(error = %failure, "not known whether copies were left behind");
                    return None;
                }
            }
        }
        Some(kinds)
    }

    /// What has to be done. Sources that no watch shows are looked up before their copies go. Returns also whether that failed.
    async fn plan(&self, set: &str, sources: &SourceView, copies: &CopyView) -> (MirrorPlan, bool) {
        let parts = &self.parts;
        let plan_with = |looked_up: &BTreeMap<ObjectPlace, Lookup>| {
            mirror_plan(MirrorWorld {
                target: &parts.target,
                is_home: parts.is_home,
                rules: &parts.rules,
                all_targets: &parts.all_targets,
                namespaces: &copies.namespaces,
                sources: &sources.sources,
                unread: &sources.unread,
                looked_up,
                copies: &copies.copies,
            })
        };
        let plan = plan_with(&BTreeMap::new());
        if plan.doubts.is_empty() {
            return (plan, false);
        }
        let looked_up = look_up(&*parts.sources, set, plan.doubts).await;
        (plan_with(&looked_up.answers), looked_up.is_unread)
    }

    /// Carries out the actions. Returns whether the API server was away.
    async fn carry_out(
        &mut self,
        set: &str,
        actions: Vec<MirrorAction>,
        sources: &BTreeMap<ObjectPlace, MirrorContent>,
        now: Timestamp,
    ) -> bool {
        let cluster = Arc::clone(&self.parts.cluster);
        let writes = actions.into_iter().map(|action| {
            let cluster = Arc::clone(&cluster);
            async move {
                let written = carry_out(&*cluster, set, &action, sources).await;
                (action.place().clone(), written)
            }
        });
        let mut ended = futures::stream::iter(writes).buffer_unordered(AT_ONCE);
        let (mut counts, mut failed, mut is_away) = (BTreeMap::<&'static str, usize>::new(), 0, false);
        while let Some((place, written)) = ended.next().await {
            match written {
                Ok(done) => {
                    self.rests.settled(&place);
                    if let Some(done) = done {
                        *counts.entry(done).or_default() += 1;
                        self.rests.wrote(place, now);
                    }
                }
                Err(WriteError::Cluster(failure)) if failure.is_outage() => is_away = true,
                Err(WriteError::Cluster(failure)) if failure.is_about_ending_namespace() => {}
                Err(error) => {
                    failed += 1;
                    self.rests.failed(place, error.to_string(), now);
                }
            }
        }
        for (outcome, count) in counts.iter().chain([(&"failed", &failed)]) {
            self.parts.metrics.mirror_writes(&self.parts.target, outcome, *count);
        }
        if !counts.is_empty() {
            let event = MirrorEvent::Written { counts };
            self.parts.reporter.happened((self.parts.target.clone(), event));
        }
        is_away
    }

    fn present(&self, problems: &BTreeMap<String, String>) {
        let target = &self.parts.target;
        let events = problems.iter().map(|(about, message)| {
            let event = MirrorEvent::Problem {
                about: about.clone(),
                message: message.clone(),
            };
            (target.clone(), event)
        });
        self.parts.reporter.present(Topic::Mirrors(target.clone()), events);
    }

    fn without_cluster(&self, problem: &NotAnother) -> Looked {
        let is_away = problem.is_outage();
        Looked {
            is_away,
            ..self.off(problem.to_string())
        }
    }

    fn off(&self, reason: String) -> Looked {
        let target = &self.parts.target;
        let event = MirrorEvent::Off { reason: reason.clone() };
        let topic = Topic::Mirrors(target.clone());
        self.parts.reporter.present(topic, [(target.clone(), event)]);
        Looked {
            report: MirrorReport {
                off: Some(reason),
                ..MirrorReport::default()
            },
            ..Looked::default()
        }
    }
}

/// The sources that rules name and that do not exist.
fn missing_sources(rules: &[MirrorRule], view: &SourceView) -> BTreeMap<String, String> {
    let named = rules.iter().filter_map(|rule| match &rule.from {
        MirrorSource::Object(place) => Some(place),
        MirrorSource::Annotated(..) => None,
    });
    let missing = named.filter(|place| !view.sources.contains_key(*place) && !view.unread.contains_key(*place));
    let message = "a rule copies it, and it does not exist; create it, or remove the rule";
    missing.map(|place| (place.to_string(), message.to_owned())).collect()
}

impl<S: MirrorSources, C: MirrorCopies> Pass for MirrorLoop<S, C> {
    type Report = MirrorReport;

    async fn pass(&mut self) -> Outcome<MirrorReport> {
        let looked = self.look().await;
        if looked.is_away {
            return Outcome::Retry(looked.report);
        }
        let now = (self.parts.clock)();
        match looked.due {
            None => Outcome::Done(looked.report),
            Some(due) => {
                let wait = Duration::try_from(now.duration_until(due)).unwrap_or_default();
                Outcome::Again(looked.report, wait.max(Duration::from_millis(100)))
            }
        }
    }

    fn timed_out(&self, deadline: Duration) -> MirrorReport {
        MirrorReport {
            off: Some(format!("the pass did not end within {} s", deadline.as_secs())),
            ..MirrorReport::default()
        }
    }

    fn is_partial(report: &MirrorReport) -> bool {
        report.off.is_some() || !report.problems.is_empty()
    }
}
