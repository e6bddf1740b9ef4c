use crate::driver::Wake;
use crate::model::{Backoff, Secret};
use crate::port::{PullToken, PullTokens, TokenFailure};
use crate::spread::{LoginKey, LoginState, Times, login_text};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;

const FIRST_RETRY: Duration = Duration::from_secs(2);
/// An outage of AWS of many hours costs a request in each such time.
const LONGEST_RETRY: Duration = Duration::from_secs(300);
/// The client has deadlines of its own, which say more.
const DEADLINE: Duration = Duration::from_secs(90);
/// How long a login is used of which nobody knows how long it lasts, or whose end is past by the clock of this node.
const UNKNOWN_LIFE: SignedDuration = SignedDuration::from_hours(1);
/// ECR's logins last twelve hours. A later end is not believed.
const LONGEST_LIFE: SignedDuration = SignedDuration::from_hours(12);

/// A login in use.
#[derive(Clone)]
pub(super) struct Login {
    /// As a docker configuration holds it.
    pub(super) text: Secret,
    pub(super) times: Times,
}

struct Known {
    login: Option<Login>,
    backoff: Backoff,
    next_try: Timestamp,
    is_asked: bool,
    problem: Option<String>,
}

type Answer = (LoginKey, Result<PullToken, TokenFailure>);

/// One login for each identity and region.
pub(super) struct Tokens<T> {
    source: Arc<T>,
    known: BTreeMap<LoginKey, Known>,
    requests: JoinSet<()>,
    answers: Arc<Mutex<Vec<Answer>>>,
    wake: Wake,
    jitter: fn() -> f64,
}

impl<T: PullTokens> Tokens<T> {
    pub(super) fn new(source: Arc<T>, wake: Wake, jitter: fn() -> f64) -> Self {
        Self {
            source,
            known: BTreeMap::new(),
            requests: JoinSet::new(),
            answers: Arc::default(),
            wake,
            jitter,
        }
    }

    /// Takes the answers that have come. Returns how many were logins, and how many failures.
    pub(super) fn take_answers(&mut self, now: Timestamp) -> (usize, usize) {
        while self.requests.try_join_next().is_some() {}
        let answers = std::mem::take(&mut *self.answers.lock().unwrap_or_else(PoisonError::into_inner));
        let (mut logins, mut failures) = (0, 0);
        for (key, answer) in answers {
            let Some(known) = self.known.get_mut(&key) else {
                continue;
            };
            known.is_asked = false;
            match answer {
                Ok(token) => {
                    let (expires, problem) = believed(token.expires, now);
                    known.login = Some(Login {
                        text: login_text(&token.user, &token.password),
                        times: Times::of(now, expires),
                    });
                    known.problem = problem;
                    known.backoff.succeeded();
                    logins += 1;
                }
                Err(failure) => {
                    let delay = known.backoff.failed_with_jitter((self.jitter)());
                    known.next_try = later(now, delay);
                    known.problem = Some(failure.message);
                    failures += 1;
                }
            }
        }
        (logins, failures)
    }

    /// Asks for the logins that are due. `needed` has a host for each.
    pub(super) fn ask(&mut self, needed: &BTreeMap<LoginKey, String>, now: Timestamp) {
        for (key, host) in needed {
            let known = self.known.entry(key.clone()).or_insert_with(|| Known {
                login: None,
                backoff: Backoff::new(FIRST_RETRY, LONGEST_RETRY),
                next_try: now,
                is_asked: false,
                problem: None,
            });
            let is_good = known.login.as_ref().is_some_and(|login| login.times.renew > now);
            if is_good || known.is_asked || known.next_try > now {
                continue;
            }
            known.is_asked = true;
            let (source, answers, wake) = (Arc::clone(&self.source), Arc::clone(&self.answers), self.wake.clone());
            let (key, host) = (key.clone(), host.clone());
            // A panic of a client must not leave the login asked for and never answered.
            let request = tokio::spawn(async move {
                let answer = tokio::time::timeout(DEADLINE, source.token(&host)).await;
                answer.unwrap_or_else(|_| {
                    Err(TokenFailure {
                        message: format!("{host}: no answer within {} s", DEADLINE.as_secs()),
                    })
                })
            });
            self.requests.spawn(async move {
                let answer = request.await.unwrap_or_else(|error| {
                    Err(TokenFailure {
                        message: format!("the request ended early: {error}"),
                    })
                });
                answers
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push((key, answer));
                wake.wake();
            });
        }
    }

    /// The logins, without their passwords.
    pub(super) fn states(&self) -> BTreeMap<LoginKey, LoginState> {
        let known = self.known.iter();
        let states = known.filter_map(|(key, known)| {
            let times = known.login.as_ref()?.times;
            Some((key.clone(), LoginState { times }))
        });
        states.collect()
    }

    /// A login that is not expired.
    pub(super) fn login(&self, key: &LoginKey, now: Timestamp) -> Option<Login> {
        let login = self.known.get(key)?.login.as_ref()?;
        (login.times.expires > now).then(|| login.clone())
    }

    /// Why the needed logins cannot be made.
    pub(super) fn problems(&self, needed: &BTreeSet<LoginKey>) -> BTreeMap<LoginKey, String> {
        let known = self.known.iter().filter(|(key, _)| needed.contains(*key));
        let problems = known.filter_map(|(key, known)| Some((key.clone(), known.problem.clone()?)));
        problems.collect()
    }

    /// When the next request is due, of the needed logins.
    pub(super) fn next_try(&self, needed: &BTreeSet<LoginKey>, now: Timestamp) -> Option<Timestamp> {
        let known = self.known.iter().filter(|(key, _)| needed.contains(*key));
        let waiting = known.filter(|(_, known)| !known.is_asked && known.next_try > now);
        waiting.map(|(_, known)| known.next_try).min()
    }
}

/// The end of a login's life, and why that end cannot be right.
fn believed(expires: Option<Timestamp>, now: Timestamp) -> (Timestamp, Option<String>) {
    let after = |life: SignedDuration| now.saturating_add(life).unwrap_or(now);
    match expires {
        Some(expires) if expires <= now => {
            let problem = format!(
                "AWS says that the new login expired at {expires}, and the clock of this node shows {now}; correct the clock. \
                 The login is used for an hour"
            );
            (after(UNKNOWN_LIFE), Some(problem))
        }
        Some(expires) => (expires.min(after(LONGEST_LIFE)), None),
        None => (after(UNKNOWN_LIFE), None),
    }
}

fn later(now: Timestamp, delay: Duration) -> Timestamp {
    now.saturating_add(delay).unwrap_or(now)
}
