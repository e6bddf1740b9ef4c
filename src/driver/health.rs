use super::loop_status::PassResult;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The health of the process: whether a loop is stuck, and whether every loop has what it needs.
#[derive(Clone, Default)]
pub struct Health {
    state: Arc<Mutex<State>>,
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Health").finish_non_exhaustive()
    }
}

/// Says why something counts as stuck at a time. Empty if nothing does.
type Check = Arc<dyn Fn(Instant) -> Vec<String> + Send + Sync>;

#[derive(Default)]
struct State {
    checks: Vec<Check>,
    loops: BTreeMap<Arc<str>, LoopState>,
    conditions: BTreeMap<Arc<str>, Result<(), String>>,
}

#[derive(Debug)]
struct LoopState {
    running_since: Option<Instant>,
    deadline: Duration,
    /// Whether the last pass did a part of its work only.
    is_partial: bool,
}

/// Records when a pass of one loop begins and ends.
#[derive(Debug)]
pub struct Liveness {
    name: Arc<str>,
    health: Health,
}

/// A condition that must be met before the agent is ready.
#[derive(Debug, Clone)]
pub struct Condition {
    name: Arc<str>,
    health: Health,
}

impl Health {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a loop. A pass that runs longer than `deadline` makes the process count as stuck.
    pub fn liveness(&self, name: impl Into<Arc<str>>, deadline: Duration) -> Liveness {
        let name = name.into();
        self.lock().loops.insert(
            Arc::clone(&name),
            LoopState {
                running_since: None,
                deadline,
                is_partial: false,
            },
        );
        Liveness {
            name,
            health: self.clone(),
        }
    }

    /// Registers a condition of readiness. It is unmet, for `reason`, until it is set.
    pub fn condition(&self, name: impl Into<Arc<str>>, reason: &str) -> Condition {
        let name = name.into();
        self.lock().conditions.insert(Arc::clone(&name), Err(reason.to_owned()));
        Condition {
            name,
            health: self.clone(),
        }
    }

    /// Registers what else may be stuck, such as a thread that the loops wait for.
    pub fn check(&self, check: impl Fn(Instant) -> Vec<String> + Send + Sync + 'static) {
        self.lock().checks.push(Arc::new(check));
    }

    /// What is stuck at `now`: loops whose pass is past its deadline, and what the checks name. Empty if nothing is stuck.
    pub fn stuck(&self, now: Instant) -> Vec<String> {
        let checks = self.lock().checks.clone();
        let mut stuck: Vec<String> = checks.iter().flat_map(|check| check(now)).collect();
        stuck.extend(self.late_loops(now));
        stuck
    }

    fn late_loops(&self, now: Instant) -> Vec<String> {
        self.lock()
            .loops
            .iter()
            .filter_map(|(name, state)| {
                let age = now.saturating_duration_since(state.running_since?);
                (age > state.deadline).then(|| format!("{name}: its pass has been running for {} s", age.as_secs()))
            })
            .collect()
    }

    /// The conditions that are not met, with their reasons. Empty if the agent is ready.
    pub fn not_ready(&self) -> BTreeMap<Arc<str>, String> {
        self.lock()
            .conditions
            .iter()
            .filter_map(|(name, state)| Some((Arc::clone(name), state.as_ref().err()?.clone())))
            .collect()
    }

    /// The loops whose last pass did a part of its work only. The agent is ready all the same: what is wrong is in the config
    /// repo, and an agent that is not ready gets no push event for the commit that corrects it.
    pub fn partial(&self) -> Vec<String> {
        let state = self.lock();
        let loops = state.loops.iter().filter(|(_, state)| state.is_partial);
        loops.map(|(name, _)| name.to_string()).collect()
    }
}

impl Liveness {
    pub(super) fn begin(&self, now: Instant) {
        if let Some(state) = self.health.lock().loops.get_mut(&self.name) {
            state.running_since = Some(now);
        }
    }

    pub(super) fn end(&self, result: PassResult) {
        if let Some(state) = self.health.lock().loops.get_mut(&self.name) {
            state.running_since = None;
            state.is_partial = result == PassResult::Partial;
        }
    }
}

impl Condition {
    /// The condition is met.
    pub fn met(&self) {
        self.health.lock().conditions.insert(Arc::clone(&self.name), Ok(()));
    }

    /// The condition is not met, for this reason.
    pub fn unmet(&self, reason: impl Into<String>) {
        self.health
            .lock()
            .conditions
            .insert(Arc::clone(&self.name), Err(reason.into()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_past_its_deadline_is_stuck_until_it_ends() {
        let health = Health::default();
        let liveness = health.liveness("sync", Duration::from_secs(60));
        let start = Instant::now();
        liveness.begin(start);
        assert!(health.stuck(start + Duration::from_secs(59)).is_empty());
        assert_eq!(
            health.stuck(start + Duration::from_secs(61)),
            ["sync: its pass has been running for 61 s"]
        );
        liveness.end(PassResult::Partial);
        assert!(health.stuck(start + Duration::from_secs(999)).is_empty());
        assert_eq!(health.partial(), ["sync"]);
        liveness.end(PassResult::Ok);
        assert!(health.partial().is_empty());
    }

    #[test]
    fn what_a_check_names_counts_as_stuck() {
        let health = Health::default();
        let start = Instant::now();
        health.check(move |now| match now > start {
            true => vec!["git-reader: it has made no progress for 90 s".to_owned()],
            false => Vec::new(),
        });
        assert!(health.stuck(start).is_empty());
        let later = start + Duration::from_secs(1);
        assert_eq!(health.stuck(later), ["git-reader: it has made no progress for 90 s"]);
    }

    #[test]
    fn readiness_names_the_unmet_conditions() {
        let health = Health::default();
        let git = health.condition("git", "not fetched yet");
        assert_eq!(health.not_ready(), [("git".into(), "not fetched yet".into())].into());
        git.met();
        assert!(health.not_ready().is_empty());
        git.unmet("the server does not answer");
        assert_eq!(
            health.not_ready(),
            [("git".into(), "the server does not answer".into())].into()
        );
    }
}
