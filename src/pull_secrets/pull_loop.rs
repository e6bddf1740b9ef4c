use super::accounts;
use super::parts::Parts;
use super::report::PullSecretReport;
use super::tokens::Tokens;
use super::write::{Desired, WriteError, Written, write};
use crate::driver::{Outcome, Pass};
use crate::notice::{PullSecretEvent, Topic};
use crate::port::{ClusterFailure, PullSecretCluster, PullSecretView, PullTokens, SecretName};
use crate::spread::{LoginKey, PullAction, Rests, World, due_logins, plan};
use futures::StreamExt as _;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Writes at the same time. A small API server answers sixteen in the time of a few.
const AT_ONCE: usize = 16;

type Place = (String, String);

/// The work of the loop.
pub struct PullSecretLoop<C, T> {
    parts: Parts<C, T>,
    tokens: Tokens<T>,
    rests: Rests<Place>,
    /// Whether the watches run, or may run.
    is_started: bool,
    /// Whether it is known that there is nothing to do and nothing to take away.
    is_idle: bool,
}

/// What a pass has come to.
struct Looked {
    report: PullSecretReport,
    /// When the next pass is due.
    due: Option<Timestamp>,
    /// Whether the API server was away.
    is_away: bool,
}

impl Looked {
    fn nothing() -> Self {
        Self {
            report: PullSecretReport::default(),
            due: None,
            is_away: false,
        }
    }
}

impl<C: PullSecretCluster, T: PullTokens> PullSecretLoop<C, T> {
    /// A loop that has done nothing yet.
    pub fn new(parts: Parts<C, T>) -> Self {
        Self {
            tokens: Tokens::new(Arc::clone(&parts.source), parts.wake.clone(), parts.jitter),
            parts,
            rests: Rests::default(),
            is_started: false,
            is_idle: false,
        }
    }

    async fn look(&mut self) -> Looked {
        if let Some(end) = self.begin().await {
            return end;
        }
        let with_accounts =
            self.parts.rules.is_empty() || self.parts.rules.iter().any(|r| !r.service_accounts.is_empty());
        self.parts.cluster.start(with_accounts);
        let view = self.parts.cluster.view();
        if let Some(problem) = view.problem.clone() {
            return self.off(problem);
        }
        if !view.is_complete {
            // The list wakes the loop.
            return Looked::nothing();
        }
        let now = (self.parts.clock)();
        let (logins, failures) = self.tokens.take_answers(now);
        self.parts.metrics.pull_tokens(logins, failures);
        let states = self.tokens.states();
        let rules = Arc::clone(&self.parts.rules);
        let world = World {
            rules: &rules,
            namespaces: &view.namespaces,
            secrets: &view.secrets,
            logins: &states,
            now,
        };
        let needed = due_logins(world);
        self.tokens.ask(&self.hosts_of(&needed), now);
        let actions = self.rests.ready(plan(world), place, now);
        let is_away = self.carry_out(actions, &view, now).await;
        let mut problems = self.problems(now, &needed);
        problems.extend(self.complete_accounts().await);
        let after = self.parts.cluster.view();
        let world = World {
            secrets: &after.secrets,
            ..world
        };
        self.parts.metrics.pull_secrets(&world.ages());
        let rests = self.rests.first_end().into_iter();
        let due = rests.chain(world.next_due()).chain(self.tokens.next_try(&needed, now));
        let due = due.min();
        self.present(&problems);
        Looked {
            report: PullSecretReport {
                secrets: after.secrets.len(),
                problems,
                off: None,
            },
            due,
            is_away,
        }
    }

    /// Without rules, asks once whether anything was left behind. Returns how the pass ends, if it ends here.
    async fn begin(&mut self) -> Option<Looked> {
        if self.is_started || !self.parts.rules.is_empty() {
            self.is_started = true;
            return None;
        }
        if self.is_idle {
            return Some(Looked::nothing());
        }
        match self.parts.cluster.has_marked().await {
            Ok(true) => {
                self.is_started = true;
                None
            }
            // An agent that may not look has no rules and wrote nothing.
            Ok(false) | Err(ClusterFailure::Denied { .. } | ClusterFailure::Refused { .. }) => {
                self.is_idle = true;
                Some(Looked::nothing())
            }
            Err(failure) => {
                tracing::debug!(error = %failure, "not known whether pull secrets were left behind");
                Some(Looked {
                    is_away: true,
                    ..Looked::nothing()
                })
            }
        }
    }

    /// A host for each login.
    fn hosts_of(&self, needed: &BTreeSet<LoginKey>) -> BTreeMap<LoginKey, String> {
        let hosts = self.parts.rules.iter().flat_map(|rule| &rule.hosts);
        let hosts = hosts.filter(|(_, login)| needed.contains(*login));
        hosts.map(|(host, login)| (login.clone(), host.clone())).collect()
    }

    /// Carries out the actions. Returns whether the API server was away.
    async fn carry_out(&mut self, actions: Vec<PullAction>, view: &PullSecretView, now: Timestamp) -> bool {
        let cluster = Arc::clone(&self.parts.cluster);
        let desired: Vec<Desired> = actions.into_iter().map(|action| self.desired(action, now)).collect();
        let writes = desired.into_iter().map(|desired| {
            let place = (desired.name.namespace.clone(), desired.name.name.clone());
            let (cluster, is_known) = (Arc::clone(&cluster), view.secrets.contains_key(&place));
            async move {
                let written = write(&*cluster, &desired, is_known).await;
                (place, written)
            }
        });
        let mut ended = futures::stream::iter(writes).buffer_unordered(AT_ONCE);
        let (mut counts, mut is_away) = (BTreeMap::<&'static str, usize>::new(), false);
        while let Some((place, written)) = ended.next().await {
            match written {
                Ok(written) => {
                    self.rests.settled(&place);
                    self.wrote(place, written, now, &mut counts);
                }
                Err(WriteError::Cluster(failure)) if failure.is_outage() => is_away = true,
                Err(WriteError::Cluster(failure)) if failure.is_about_ending_namespace() => {}
                Err(error) => {
                    *counts.entry("failed").or_default() += 1;
                    self.rests.failed(place, error.to_string(), now);
                }
            }
        }
        for (outcome, count) in &counts {
            self.parts.metrics.pull_secret_writes(outcome, *count);
        }
        let done: BTreeMap<&'static str, usize> =
            counts.into_iter().filter(|(outcome, _)| *outcome != "failed").collect();
        if !done.is_empty() {
            let event = PullSecretEvent::Written { counts: done };
            self.parts.reporter.happened((self.parts.target.clone(), event));
        }
        is_away
    }

    fn wrote(&mut self, place: Place, written: Written, now: Timestamp, counts: &mut BTreeMap<&'static str, usize>) {
        let outcome = match &written {
            Written::Nothing => return,
            Written::Created => "created",
            Written::Changed(_) => "changed",
            Written::Deleted => "deleted",
        };
        *counts.entry(outcome).or_default() += 1;
        if let Written::Changed(adopted) = &written
            && !adopted.is_empty()
        {
            let event = PullSecretEvent::Adopted {
                secret: title(&place),
                hosts: adopted.clone(),
            };
            self.parts.reporter.happened((self.parts.target.clone(), event));
        }
        self.rests.wrote(place, now);
    }

    fn desired(&self, action: PullAction, now: Timestamp) -> Desired {
        match action {
            PullAction::Write {
                namespace,
                name,
                form,
                hosts,
            } => Desired {
                name: SecretName { namespace, name },
                form: Some(form),
                hosts: hosts
                    .into_iter()
                    .map(|(host, login)| (host, (login.clone(), self.tokens.login(&login, now))))
                    .collect(),
            },
            PullAction::Release { namespace, name } => Desired {
                name: SecretName { namespace, name },
                form: None,
                hosts: BTreeMap::new(),
            },
        }
    }

    /// Completes ServiceAccounts, as the cluster is after the writes. Returns what failed.
    async fn complete_accounts(&self) -> BTreeMap<String, String> {
        let planned = accounts::plan(&self.parts.rules, &self.parts.cluster.view());
        let (mut changes, mut problems) = (Vec::new(), BTreeMap::new());
        for planned in planned {
            match planned {
                Ok(change) => changes.push(change),
                Err((title, problem)) => drop(problems.insert(title, problem)),
            }
        }
        problems.extend(accounts::apply(&*self.parts.cluster, changes).await);
        problems
    }

    fn problems(&self, now: Timestamp, needed: &BTreeSet<LoginKey>) -> BTreeMap<String, String> {
        let resting = self.rests.problems(now);
        let resting = resting.map(|(place, problem)| (title(place), problem.to_owned()));
        let tokens = self.tokens.problems(needed).into_iter();
        let tokens = tokens.map(|(key, problem)| (format!("login {key}"), problem));
        resting.chain(tokens).collect()
    }

    fn present(&self, problems: &BTreeMap<String, String>) {
        let target = &self.parts.target;
        let events = problems.iter().map(|(about, message)| {
            let event = PullSecretEvent::Problem {
                about: about.clone(),
                message: message.clone(),
            };
            (target.clone(), event)
        });
        self.parts.reporter.present(Topic::PullSecrets(target.clone()), events);
    }

    fn off(&self, reason: String) -> Looked {
        let target = &self.parts.target;
        let event = PullSecretEvent::Off { reason: reason.clone() };
        let topic = Topic::PullSecrets(target.clone());
        self.parts.reporter.present(topic, [(target.clone(), event)]);
        Looked {
            report: PullSecretReport {
                off: Some(reason),
                ..PullSecretReport::default()
            },
            ..Looked::nothing()
        }
    }
}

fn place(action: &PullAction) -> Place {
    match action {
        PullAction::Write { namespace, name, .. } | PullAction::Release { namespace, name } => {
            (namespace.clone(), name.clone())
        }
    }
}

fn title((namespace, name): &Place) -> String {
    format!("Secret {namespace}/{name}")
}

impl<C: PullSecretCluster, T: PullTokens> Pass for PullSecretLoop<C, T> {
    type Report = PullSecretReport;

    async fn pass(&mut self) -> Outcome<PullSecretReport> {
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

    fn timed_out(&self, deadline: Duration) -> PullSecretReport {
        PullSecretReport {
            off: Some(format!("the pass did not end within {} s", deadline.as_secs())),
            ..PullSecretReport::default()
        }
    }

    fn is_partial(report: &PullSecretReport) -> bool {
        report.off.is_some() || !report.problems.is_empty()
    }
}
