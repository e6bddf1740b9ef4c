//! The loop on a cluster and an AWS that are made of values, with paused time.

use super::{Parts, PullSecretLoop, PullSecretReport};
use crate::driver::{self, Activator, Health, Loop, Shutdown, Wake};
use crate::model::{Secret, TargetId, Wildcard};
use crate::notice::Reporter;
use crate::port::{
    AccountFacts, ClusterFailure, PullSecretCluster, PullSecretView, PullToken, PullTokens, SecretName, TokenFailure,
};
use crate::resource::ResourceVersion;
use crate::spread::{
    LabelSelector, LiveSecret, LoginFacts, NamespaceFacts, NamespaceRule, Owner, PullRule, PullSecretFacts, SecretForm,
    SecretPatch,
};
use crate::telemetry::Metrics;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

const HOST: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";
const SET: &str = "applyset-ours";
const HOUR: Duration = Duration::from_secs(3600);

fn start() -> Timestamp {
    "2026-03-01T00:00:00Z".parse().unwrap()
}

/// The clock of paused time.
fn clock(began: Instant) -> impl Fn() -> Timestamp + Send + Sync {
    move || start() + SignedDuration::try_from(began.elapsed()).unwrap()
}

struct Aws {
    began: Instant,
    is_away: AtomicBool,
    requests: AtomicUsize,
    made: AtomicUsize,
    /// What it says about the end of a login; `None`: in twelve hours.
    end: Mutex<Option<Option<Timestamp>>>,
}

impl PullTokens for Aws {
    fn key(&self, _: &str) -> Option<String> {
        Some("agent/eu-west-1".to_owned())
    }

    async fn token(&self, _: &str) -> Result<PullToken, TokenFailure> {
        self.requests.fetch_add(1, Ordering::SeqCst);
        if self.is_away.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_secs(60)).await;
            return Err(TokenFailure {
                message: "AWS is away".to_owned(),
            });
        }
        let number = self.made.fetch_add(1, Ordering::SeqCst);
        let twelve = clock(self.began)() + 12.hours();
        Ok(PullToken {
            user: "AWS".to_owned(),
            password: Secret::new(format!("password-{number}")),
            expires: self.end.lock().unwrap().unwrap_or(Some(twelve)),
        })
    }
}

#[derive(Default)]
struct State {
    namespaces: BTreeMap<String, NamespaceFacts>,
    secrets: BTreeMap<(String, String), LiveSecret>,
    writes: usize,
    requests: usize,
    version: usize,
    /// The next write loses a race against somebody who adds a label.
    loses_race: bool,
}

struct Cluster {
    state: Mutex<State>,
    changes: watch::Sender<u64>,
}

impl Cluster {
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.state.lock().unwrap());
        self.changes.send_modify(|count| *count += 1);
        result
    }
}

fn place(name: &SecretName) -> (String, String) {
    (name.namespace.clone(), name.name.clone())
}

fn conflict() -> ClusterFailure {
    ClusterFailure::Conflict {
        message: "somebody else was faster".to_owned(),
    }
}

impl PullSecretCluster for Cluster {
    fn set(&self) -> &str {
        SET
    }

    fn start(&self, _: bool) {}

    fn view(&self) -> PullSecretView {
        let state = self.state.lock().unwrap();
        let facts = state.secrets.iter().map(|((namespace, name), live)| {
            let owner = Owner {
                set: SET,
                namespace,
                name,
            };
            ((namespace.clone(), name.clone()), PullSecretFacts::read(owner, live))
        });
        let facts: BTreeMap<_, _> = facts.collect();
        PullSecretView {
            is_complete: true,
            namespaces: Arc::new(state.namespaces.clone()),
            secrets: Arc::new(facts),
            ..PullSecretView::default()
        }
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    async fn has_marked(&self) -> Result<bool, ClusterFailure> {
        self.change(|state| state.requests += 1);
        Ok(!self.state.lock().unwrap().secrets.is_empty())
    }

    async fn read(&self, name: &SecretName) -> Result<Option<LiveSecret>, ClusterFailure> {
        let mut state = self.state.lock().unwrap();
        state.requests += 1;
        Ok(state.secrets.get(&place(name)).cloned())
    }

    async fn create(&self, name: &SecretName, form: SecretForm, content: &SecretPatch) -> Result<(), ClusterFailure> {
        self.change(|state| {
            state.requests += 1;
            if state.secrets.contains_key(&place(name)) {
                return Err(conflict());
            }
            state.version += 1;
            state.writes += 1;
            let mut live = LiveSecret {
                uid: format!("uid-{}", state.version),
                version: ResourceVersion::new(state.version.to_string()),
                type_name: form.type_name().to_owned(),
                is_immutable: false,
                is_owned: false,
                labels: BTreeMap::new(),
                annotations: BTreeMap::new(),
                data: BTreeMap::new(),
            };
            merge(&mut live, content);
            state.secrets.insert(place(name), live);
            Ok(())
        })
    }

    async fn patch(&self, name: &SecretName, read: &LiveSecret, patch: &SecretPatch) -> Result<(), ClusterFailure> {
        self.change(|state| {
            state.requests += 1;
            state.version += 1;
            let version = ResourceVersion::new(state.version.to_string());
            let live = state.secrets.get_mut(&place(name)).ok_or_else(conflict)?;
            if std::mem::take(&mut state.loses_race) {
                live.labels.insert("raced".to_owned(), "yes".to_owned());
                live.version = version;
                return Err(conflict());
            }
            if live.version != read.version || live.uid != read.uid {
                return Err(conflict());
            }
            merge(live, patch);
            live.version = version;
            state.writes += 1;
            Ok(())
        })
    }

    async fn delete(&self, name: &SecretName, _: &LiveSecret) -> Result<(), ClusterFailure> {
        self.change(|state| {
            state.writes += 1;
            state.secrets.remove(&place(name));
        });
        Ok(())
    }

    async fn set_account(
        &self,
        _: &str,
        _: &str,
        _: &AccountFacts,
        _: &[String],
        _: &BTreeSet<String>,
    ) -> Result<(), ClusterFailure> {
        Ok(())
    }
}

fn merge(live: &mut LiveSecret, patch: &SecretPatch) {
    fn into<T: Clone>(all: &mut BTreeMap<String, T>, patch: &BTreeMap<String, Option<T>>) {
        for (key, value) in patch {
            match value {
                Some(value) => drop(all.insert(key.clone(), value.clone())),
                None => drop(all.remove(key)),
            }
        }
    }
    into(&mut live.labels, &patch.labels);
    into(&mut live.annotations, &patch.annotations);
    into(&mut live.data, &patch.data);
}

struct Scene {
    aws: Arc<Aws>,
    cluster: Arc<Cluster>,
    began: Instant,
    loops: Vec<Running>,
}

struct Running {
    activator: Activator<PullSecretReport>,
    shutdown: Shutdown,
}

impl Scene {
    fn new(namespaces: usize) -> Self {
        let began = Instant::now();
        let names = (0..namespaces).map(|number| (format!("n{number}"), NamespaceFacts::default()));
        Self {
            aws: Arc::new(Aws {
                began,
                is_away: AtomicBool::new(false),
                requests: AtomicUsize::new(0),
                made: AtomicUsize::new(0),
                end: Mutex::new(None),
            }),
            cluster: Arc::new(Cluster {
                state: Mutex::new(State {
                    namespaces: names.collect(),
                    ..State::default()
                }),
                changes: watch::Sender::new(0),
            }),
            began,
            loops: Vec::new(),
        }
    }

    /// Starts an agent. One that ran before is gone.
    async fn start(&mut self, rules: Vec<PullRule>) {
        for running in self.loops.drain(..) {
            running.shutdown.begin();
        }
        let (this, activator) = Loop::new("pull-secrets", HOUR / 12, HOUR / 12, &Health::default());
        let shutdown = Shutdown::default();
        let wake = Wake::from(&activator);
        let mut changes = self.cluster.changes();
        let (woken, ended) = (wake.clone(), shutdown.clone());
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = ended.begun() => return,
                    changed = changes.changed() => match changed {
                        Ok(()) => woken.wake(),
                        Err(_) => return,
                    }
                }
            }
        });
        let work = PullSecretLoop::new(Parts {
            target: TargetId::here(),
            cluster: Arc::clone(&self.cluster),
            source: Arc::clone(&self.aws),
            rules: rules.into(),
            reporter: Reporter::new(Vec::new()),
            metrics: Metrics::new(),
            wake,
            clock: Arc::new(clock(self.began)),
            jitter: || 0.0,
        });
        tokio::spawn(driver::run(this, work, shutdown.clone(), || 0.0, |_, _, _| {}));
        self.loops.push(Running { activator, shutdown });
        self.pass(Duration::from_secs(1)).await;
    }

    /// Lets time pass.
    async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    fn report(&self) -> PullSecretReport {
        let status = self.loops.last().unwrap().activator.status();
        let status = status.borrow();
        status.last.as_ref().unwrap().report.clone()
    }

    fn secret(&self, namespace: &str) -> LiveSecret {
        self.cluster.state.lock().unwrap().secrets[&(namespace.to_owned(), "ecr".to_owned())].clone()
    }

    fn password(&self, namespace: &str) -> String {
        let secret = self.secret(namespace);
        let text = String::from_utf8(secret.data[".dockerconfigjson"].expose().to_vec()).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        value["auths"][HOST]["password"].as_str().unwrap().to_owned()
    }

    /// The time for which the login of a Secret is still good.
    fn rest_of_life(&self, namespace: &str) -> SignedDuration {
        let key = (namespace.to_owned(), "ecr".to_owned());
        let view = self.cluster.view();
        let LoginFacts::Own { times, .. } = &view.secrets[&key].logins[HOST] else {
            panic!("the login is not the agent's");
        };
        clock(self.began)().duration_until(times.expires)
    }

    fn writes(&self) -> usize {
        self.cluster.change(|state| std::mem::take(&mut state.writes))
    }

    fn asked(&self) -> usize {
        self.aws.requests.swap(0, Ordering::SeqCst)
    }
}

fn rule() -> PullRule {
    PullRule {
        secret: "ecr".to_owned(),
        form: SecretForm::DockerConfigJson,
        hosts: BTreeMap::from([(HOST.to_owned(), "agent/eu-west-1".to_owned())]),
        namespaces: NamespaceRule {
            names: vec![Wildcard::new("n*")],
            except: Vec::new(),
            selector: LabelSelector::default(),
        },
        service_accounts: BTreeSet::new(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_week_costs_two_tokens_and_two_writes_a_day_for_each_namespace() {
    let mut scene = Scene::new(3);
    scene.start(vec![rule()]).await;
    assert_eq!((scene.asked(), scene.writes()), (1, 3));
    let uid = scene.secret("n0").uid;
    for day in 0..7 {
        for hour in 0..24 {
            scene.pass(HOUR).await;
            assert!(
                scene.rest_of_life("n2") > SignedDuration::from_hours(5),
                "day {day}, hour {hour}"
            );
        }
        assert_eq!((scene.asked(), scene.writes()), (4, 12), "day {day}");
    }
    assert_eq!(scene.secret("n0").uid, uid);
    let requests = scene.cluster.state.lock().unwrap().requests;
    assert_eq!(requests, 3 + 7 * 12 * 2, "an idle pass sends nothing");
}

#[tokio::test(start_paused = true)]
async fn eleven_hours_without_aws_leave_every_secret_good_and_new_namespaces_served() {
    let mut scene = Scene::new(2);
    scene.start(vec![rule()]).await;
    scene.pass(HOUR / 2).await;
    let first = scene.password("n0");
    scene.aws.is_away.store(true, Ordering::SeqCst);
    scene.asked();
    for hour in 0..11 {
        scene.pass(HOUR).await;
        assert_eq!(scene.password("n0"), first);
        assert!(scene.rest_of_life("n0") > SignedDuration::ZERO, "hour {hour}");
        let name = format!("new-of-hour-{hour}");
        scene
            .cluster
            .change(|state| state.namespaces.insert(name.clone(), NamespaceFacts::default()));
        scene.pass(Duration::from_secs(1)).await;
        assert_eq!(scene.password(&name), first, "a new namespace gets the last good login");
        let deleted = ("n1".to_owned(), "ecr".to_owned());
        scene.cluster.change(|state| state.secrets.remove(&deleted));
        scene.pass(Duration::from_secs(1)).await;
        assert_eq!(scene.password("n1"), first, "a deleted Secret comes back");
    }
    let asked = scene.asked();
    assert!(
        (10..100).contains(&asked),
        "{asked} requests in five hours of outage after half-life"
    );
    assert!(scene.report().problems["login agent/eu-west-1"].contains("AWS is away"));
    scene.aws.is_away.store(false, Ordering::SeqCst);
    scene.pass(HOUR / 8).await;
    assert_ne!(scene.password("n0"), first);
    assert_eq!(scene.report().problems, BTreeMap::new());
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_starts_without_aws_or_with_it_changes_no_fresh_secret() {
    let mut scene = Scene::new(50);
    scene.start(vec![rule()]).await;
    assert_eq!((scene.asked(), scene.writes()), (1, 50));
    scene.start(vec![rule()]).await;
    assert_eq!((scene.asked(), scene.writes()), (0, 0));
    // The next one starts during an outage, after half-life.
    scene.aws.is_away.store(true, Ordering::SeqCst);
    scene.pass(HOUR * 7).await;
    let before = scene.password("n0");
    scene.start(vec![rule()]).await;
    scene.pass(HOUR * 6).await;
    assert_eq!(
        (scene.password("n0"), scene.writes()),
        (before, 0),
        "an expired login is not taken away"
    );
    scene.aws.is_away.store(false, Ordering::SeqCst);
    scene.pass(HOUR / 6).await;
    assert_eq!(scene.writes(), 50);
    // Without rules, everything goes.
    scene.start(Vec::new()).await;
    assert!(scene.cluster.state.lock().unwrap().secrets.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_strange_end_of_life_makes_no_storm_of_requests_and_no_gap() {
    for (end, most) in [
        (Some("2015-01-01T00:00:00Z".parse().unwrap()), 49),
        (None, 49),
        (Some("2126-01-01T00:00:00Z".parse().unwrap()), 4),
    ] {
        let mut scene = Scene::new(1);
        *scene.aws.end.lock().unwrap() = Some(end);
        scene.start(vec![rule()]).await;
        assert_eq!(scene.password("n0"), "password-0");
        scene.pass(HOUR * 24).await;
        let asked = scene.asked();
        assert!((3..=most + 1).contains(&asked), "{end:?}: {asked}");
        assert!(scene.rest_of_life("n0") > SignedDuration::ZERO, "{end:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_race_is_won_at_the_next_try_and_what_the_other_wrote_stays() {
    let mut scene = Scene::new(1);
    scene.start(vec![rule()]).await;
    scene.cluster.change(|state| state.loses_race = true);
    scene.pass(HOUR * 7).await;
    assert_eq!(scene.password("n0"), "password-1");
    assert_eq!(scene.secret("n0").labels["raced"], "yes");
}

#[tokio::test(start_paused = true)]
async fn somebody_who_changes_the_secret_back_each_time_does_not_make_the_agent_run_hot() {
    let mut scene = Scene::new(2);
    scene.start(vec![rule()]).await;
    scene.writes();
    let mut rounds = 0;
    for _ in 0..600 {
        scene.cluster.change(|state| {
            let secret = state.secrets.get_mut(&("n0".to_owned(), "ecr".to_owned())).unwrap();
            secret
                .data
                .insert(".dockerconfigjson".to_owned(), crate::model::SecretBytes::new("{}"));
            state.version += 1;
            secret.version = ResourceVersion::new(state.version.to_string());
        });
        scene.pass(Duration::from_secs(1)).await;
        rounds += scene.writes();
    }
    assert!((10..=60).contains(&rounds), "{rounds} writes in ten minutes");
    let problem = &scene.report().problems["Secret n0/ecr"];
    assert!(problem.contains("changes it back again and again"), "{problem}");
}
