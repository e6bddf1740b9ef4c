use super::*;
use crate::driver::Shutdown;
use crate::model::{CommitId, Finding, ObjectId, RepoPath, Severity, TargetId};
use crate::notice::{ObjectChange, RepoEvent, Reporter, SyncEvent, Topic};
use crate::port::{
    AnnouncedStore, ClusterFailure, DeliveryFailure, Message, Messenger, NotificationKind, NotificationSeverity, Retry,
};
use crate::telemetry::Metrics;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A receiver that keeps what it takes, and refuses as it is asked to.
#[derive(Default)]
struct Chat {
    taken: Mutex<Vec<Message>>,
    tries: Mutex<u64>,
    refusals: Mutex<VecDeque<Retry>>,
    refuses_all: Mutex<bool>,
}

impl Messenger for Chat {
    fn deliver<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<(), DeliveryFailure>> {
        async {
            *self.tries.lock().unwrap() += 1;
            let refusal = self.refusals.lock().unwrap().pop_front();
            let refusal = refusal.or(self.refuses_all.lock().unwrap().then_some(Retry::Later));
            match refusal {
                Some(retry) => Err(DeliveryFailure {
                    message: "refused".to_owned(),
                    retry,
                }),
                None => {
                    self.taken.lock().unwrap().push(message.clone());
                    Ok(())
                }
            }
        }
        .boxed()
    }
}

impl Chat {
    fn taken(&self) -> Vec<Message> {
        std::mem::take(&mut *self.taken.lock().unwrap())
    }

    /// The texts of all messages.
    fn texts(&self) -> Vec<String> {
        let messages = self.taken();
        messages
            .into_iter()
            .flat_map(|message| message.notifications)
            .map(|one| one.text)
            .collect()
    }
}

/// The store outlives the agents of a test.
#[derive(Default)]
struct Kept(Mutex<BTreeMap<String, String>>);

impl AnnouncedStore for Kept {
    fn load(&self) -> BoxFuture<'_, Result<BTreeMap<String, String>, ClusterFailure>> {
        std::future::ready(Ok(self.0.lock().unwrap().clone())).boxed()
    }

    fn save(&self, texts: BTreeMap<String, String>) -> BoxFuture<'_, Result<(), ClusterFailure>> {
        *self.0.lock().unwrap() = texts;
        std::future::ready(Ok(())).boxed()
    }
}

fn rule(name: &str) -> Rule {
    Rule {
        name: name.to_owned(),
        kinds: BTreeSet::new(),
        paths: None,
        targets: Vec::new(),
        severity: NotificationSeverity::Info,
        template: Template::default(),
        group: Duration::from_secs(5),
    }
}

/// A running agent with one rule.
struct Agent {
    reporter: Reporter,
    metrics: Metrics,
    shutdown: Shutdown,
    task: tokio::task::JoinHandle<()>,
}

impl Agent {
    fn start(rule: Rule, chat: &Arc<Chat>, kept: &Arc<Kept>) -> Self {
        let metrics = Metrics::new();
        let (sink, outboxes) = Notifications::new(vec![rule], &metrics);
        let outboxes = outboxes
            .into_iter()
            .map(|outbox| (outbox, Arc::clone(chat) as Arc<dyn Messenger>));
        let shutdown = Shutdown::default();
        let store: Arc<dyn AnnouncedStore> = Arc::clone(kept) as _;
        let origin = Origin::default();
        let task = tokio::spawn(Outbox::run_all(
            outboxes.collect(),
            store,
            origin,
            shutdown.clone(),
            || 0.0,
        ));
        Self {
            reporter: Reporter::new(vec![Box::new(sink)]),
            metrics,
            shutdown,
            task,
        }
    }

    async fn stop(self) {
        self.shutdown.begin();
        drop(self.reporter);
        self.task.await.unwrap();
    }

    fn commit(&self, number: u8, is_healthy: bool) {
        let (commit, here) = (CommitId::from_bytes([number; 20]), TargetId::here);
        let applied = SyncEvent::CommitApplied {
            commit,
            objects: 3,
            changed: 1,
            pruned: 0,
            requests: 4,
            problems: None,
        };
        self.reporter.present(Topic::Commit(here()), [(here(), applied)]);
        let judged = SyncEvent::CommitJudged {
            commit,
            is_healthy,
            took_time: true,
            faults: if is_healthy {
                Vec::new()
            } else {
                vec!["web crashes".to_owned()]
            },
        };
        self.reporter.present(Topic::Health(here()), [(here(), judged)]);
    }

    fn problems(&self, messages: &[&str]) {
        let problems = messages.iter().map(|message| {
            let message = (*message).to_owned();
            (TargetId::here(), SyncEvent::Problem { message })
        });
        self.reporter.present(Topic::Problems(TargetId::here()), problems);
    }
}

/// Time passes for everybody: the paused clock goes on when all tasks wait.
async fn later() {
    tokio::time::sleep(Duration::from_secs(60)).await;
}

fn repaired(n: usize) -> (TargetId, SyncEvent) {
    let event = SyncEvent::ObjectApplied {
        id: ObjectId::new("v1", "ConfigMap", Some("shop"), &format!("c{n}")),
        path: RepoPath::parse(&format!("maps/c{n}.yaml")).unwrap(),
        change: ObjectChange::Repaired,
        by: Some("kubectl-edit".to_owned()),
        removed: Vec::new(),
    };
    (TargetId::here(), event)
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_a_thousand_events_is_one_message_that_counts_them_all() {
    let (chat, kept) = (Arc::new(Chat::default()), Arc::default());
    let agent = Agent::start(rule("chat"), &chat, &kept);
    for n in 0..1000 {
        agent.reporter.happened(repaired(n));
    }
    agent.problems(&["web is refused"]);
    later().await;
    let messages = chat.taken();
    let [message] = messages.as_slice() else {
        panic!("{messages:#?}")
    };
    assert_eq!((message.count(), message.notifications.len()), (1001, 50));
    assert_eq!(message.rest(), "and 951 more: 951 driftRepaired");
    let kinds: BTreeSet<_> = message.notifications.iter().map(|one| one.kind).collect();
    assert!(kinds.contains(&NotificationKind::Problem), "what is severe is listed");
    let sent = "tidegate_notifications_sent_total{name=\"chat\"} 1001";
    assert!(agent.metrics.render().contains(sent), "{}", agent.metrics.render());
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_dead_receiver_delays_nobody_and_what_is_lost_is_counted() {
    let (chat, kept) = (Arc::new(Chat::default()), Arc::default());
    let agent = Agent::start(rule("chat"), &chat, &kept);
    *chat.refuses_all.lock().unwrap() = true;
    for n in 0..1000 {
        agent.reporter.happened(repaired(n));
    }
    agent.problems(&["web is refused"]);
    tokio::time::sleep(Duration::from_secs(1000)).await;
    let tries = *chat.tries.lock().unwrap();
    assert!((5..40).contains(&tries), "{tries} tries in a thousand seconds");
    let dropped = "tidegate_notifications_dropped_total{name=\"chat\"} 1001";
    assert!(agent.metrics.render().contains(dropped), "{}", agent.metrics.render());
    *chat.refuses_all.lock().unwrap() = false;
    tokio::time::sleep(Duration::from_secs(1000)).await;
    assert_eq!(
        chat.texts(),
        ["here: web is refused"],
        "what still holds is announced in the end"
    );
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_message_is_tried_again_with_the_same_id_and_one_that_never_fits_is_not() {
    let (chat, kept) = (Arc::new(Chat::default()), Arc::default());
    let agent = Agent::start(rule("chat"), &chat, &kept);
    chat.refusals
        .lock()
        .unwrap()
        .extend([Retry::Later, Retry::After(Duration::from_secs(30)), Retry::Later]);
    agent.reporter.happened(repaired(1));
    later().await;
    later().await;
    assert_eq!((chat.texts().len(), *chat.tries.lock().unwrap()), (1, 4));
    chat.refusals.lock().unwrap().push_back(Retry::Never);
    agent.reporter.happened(repaired(2));
    later().await;
    assert_eq!((chat.texts().len(), *chat.tries.lock().unwrap()), (0, 5));
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_announced_again_after_a_restart_and_the_end_of_a_condition_is() {
    let (chat, kept) = (Arc::new(Chat::default()), Arc::default());
    let agent = Agent::start(rule("chat"), &chat, &kept);
    agent.commit(1, true);
    agent.problems(&["web is refused", "api is refused"]);
    later().await;
    assert_eq!(chat.texts().len(), 4);
    agent.commit(1, true);
    agent.problems(&["web is refused", "api is refused"]);
    agent.stop().await;

    let agent = Agent::start(rule("chat"), &chat, &kept);
    agent.commit(1, true);
    agent.problems(&["web is refused", "api is refused"]);
    later().await;
    assert_eq!(chat.texts(), [""; 0]);
    agent.problems(&["api is refused"]);
    agent.commit(2, false);
    later().await;
    let texts = chat.texts();
    assert_eq!(texts.len(), 3, "{texts:#?}");
    assert!(texts.contains(&"over: here: web is refused".to_owned()), "{texts:#?}");
    assert!(
        texts.contains(&"here: 0202020 is degraded: web crashes".to_owned()),
        "{texts:#?}"
    );
    agent.problems(&["api is refused", "web is refused"]);
    later().await;
    assert_eq!(chat.texts(), ["here: web is refused"], "it came again");
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_condition_that_ended_while_no_agent_ran_is_news_when_it_comes_again() {
    let (chat, kept) = (Arc::new(Chat::default()), Arc::default());
    let agent = Agent::start(rule("chat"), &chat, &kept);
    agent.problems(&["web is refused"]);
    later().await;
    assert_eq!(chat.texts().len(), 1);
    agent.stop().await;

    let agent = Agent::start(rule("chat"), &chat, &kept);
    agent.commit(1, true);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(chat.texts().len(), 2, "applied and healthy");
    agent.problems(&["web is refused"]);
    later().await;
    assert_eq!(chat.texts(), ["here: web is refused"]);
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_comes_and_goes_within_a_group_is_not_announced_and_its_end_is_if_it_was_on_its_way() {
    let (chat, kept) = (Arc::new(Chat::default()), Arc::default());
    let agent = Agent::start(rule("chat"), &chat, &kept);
    agent.problems(&["web is refused"]);
    agent.problems(&[]);
    later().await;
    assert_eq!(chat.texts(), [""; 0]);
    chat.refusals
        .lock()
        .unwrap()
        .push_back(Retry::After(Duration::from_secs(30)));
    agent.problems(&["web is refused"]);
    tokio::time::sleep(Duration::from_secs(10)).await;
    agent.problems(&[]);
    later().await;
    later().await;
    assert_eq!(chat.texts(), ["here: web is refused", "over: here: web is refused"]);
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_rule_for_what_is_wrong_hears_when_a_commit_is_healthy_again() {
    let (chat, kept) = (Arc::new(Chat::default()), Arc::default());
    let errors = Rule {
        severity: NotificationSeverity::Error,
        ..rule("chat")
    };
    let agent = Agent::start(errors, &chat, &kept);
    for (number, is_healthy) in [(1, true), (2, false), (2, true), (2, false), (3, true), (4, true)] {
        agent.commit(number, is_healthy);
        later().await;
    }
    assert_eq!(
        chat.texts(),
        [
            "here: 0202020 is degraded: web crashes",
            "over: here: 0202020 is healthy",
            "here: 0202020 is degraded: web crashes",
            "over: here: 0303030 is healthy"
        ]
    );
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn paths_and_targets_restrict_events_that_have_them() {
    let (chat, kept) = (Arc::new(Chat::default()), Arc::default());
    let glob = globset::GlobBuilder::new("maps/c[0-4].yaml")
        .literal_separator(true)
        .build()
        .unwrap();
    let shop = Rule {
        paths: Some(globset::GlobSet::builder().add(glob).build().unwrap()),
        targets: vec![crate::model::Wildcard::new("he*")],
        ..rule("shop")
    };
    let agent = Agent::start(shop, &chat, &kept);
    (0..10).for_each(|n| agent.reporter.happened(repaired(n)));
    let (_, elsewhere) = repaired(1);
    agent.reporter.happened((TargetId::new("prod-b"), elsewhere));
    let finding = |path: &str| {
        RepoEvent::Finding(Finding {
            path: RepoPath::parse(path).unwrap(),
            position: None,
            object: None,
            severity: Severity::Warning,
            message: "odd".into(),
        })
    };
    agent
        .reporter
        .present(Topic::Findings, [finding("maps/c1.yaml"), finding("other.yaml")]);
    agent.commit(1, true);
    later().await;
    let texts = chat.texts();
    assert_eq!(texts.len(), 5 + 1 + 2, "{texts:#?}");
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_happens_at_the_end_is_sent_before_the_agent_ends() {
    let (chat, kept) = (Arc::new(Chat::default()), Arc::default());
    let agent = Agent::start(rule("chat"), &chat, &kept);
    agent.reporter.happened(repaired(1));
    agent.stop().await;
    assert_eq!(chat.texts().len(), 1);
}

#[test]
fn a_template_names_its_placeholders_and_no_others() {
    let mut about = test_message("x", &Origin::default()).notifications.remove(0);
    about.path = Some("a.yaml".into());
    for (template, expected) in [
        (
            "{event}: {text} [{path}{object}]",
            "test: this is a test of the notification x [a.yaml]",
        ),
        ("{{literal}} {severity}", "{literal} info"),
    ] {
        assert_eq!(Template::parse(template).unwrap().fill(&about), expected);
    }
    for template in ["{image}", "{", "a } b", "{text", "", "{Text}"] {
        assert!(Template::parse(template).is_err(), "{template}");
    }
    let error = Template::parse("{image}").unwrap_err();
    assert!(
        error.contains("{image} is no placeholder; write {text}, {event}"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_was_sent_is_in_no_text() {
    crate::telemetry::remember_token(&crate::model::Secret::new("notification-secret-1"));
    let (chat, kept) = (Arc::new(Chat::default()), Arc::default());
    let agent = Agent::start(rule("chat"), &chat, &kept);
    agent.problems(&["denied: Authorization: notification-secret-1\nline two"]);
    later().await;
    assert_eq!(chat.texts(), ["here: denied: Authorization: <hidden> line two"]);
    agent.stop().await;
}
