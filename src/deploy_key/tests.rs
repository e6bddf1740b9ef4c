use super::entries;
use super::error::Error;
use super::*;
use crate::driver::{Outcome, Pass, Shutdown};
use crate::model::{Secret, SecretBytes};
use crate::notice::{Event, KeyEvent, Notice, Reporter, Sink};
use crate::port::{
    AccessProbe, ClusterFailure, HomeSecrets, KeyFailure, KeyPair, KeyedRepo, RepoFailure, RepoProblem, SecretEntries,
    SecretName, SignerList,
};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// A key whose private half is its name.
struct Key {
    text: Secret,
    user: Option<String>,
}

static MADE: AtomicUsize = AtomicUsize::new(0);

impl KeyPair for Key {
    type Kind = ();

    fn generate((): ()) -> Result<Self, KeyFailure> {
        Self::parse(&format!("key-{}", MADE.fetch_add(1, Ordering::Relaxed)), None)
    }

    fn parse(text: &str, user: Option<String>) -> Result<Self, KeyFailure> {
        if !text.starts_with("key-") {
            return Err(KeyFailure::new("not a key"));
        }
        Ok(Self {
            text: Secret::new(text),
            user,
        })
    }

    fn load(path: &Path) -> Result<Self, KeyFailure> {
        Self::parse(&path.display().to_string(), None)
    }

    fn load_or_create(path: &Path, (): ()) -> Result<Self, KeyFailure> {
        Self::load(path)
    }

    fn private_text(&self) -> &Secret {
        &self.text
    }

    fn fingerprint(&self) -> String {
        format!("SHA256:{}", self.text.expose())
    }

    fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    fn public_line(&self, comment: &str) -> String {
        format!("ssh-test {} {comment}", self.text.expose())
    }

    fn allowed_signer_line(&self, principal: &str) -> String {
        format!("{principal} {}", self.text.expose())
    }
}

fn key(name: &str) -> Key {
    Key::parse(name, None).unwrap()
}

/// One Secret in memory.
#[derive(Default)]
struct Memory(Mutex<SecretEntries>);

impl HomeSecrets for Memory {
    fn namespace(&self) -> &str {
        "tidegate"
    }

    async fn read(&self, _: &SecretName) -> Result<SecretEntries, ClusterFailure> {
        Ok(self.0.lock().unwrap().clone())
    }

    async fn change<E: From<ClusterFailure>>(
        &self,
        _: &SecretName,
        mut change: impl FnMut(&mut SecretEntries) -> Result<bool, E> + Send,
    ) -> Result<SecretEntries, E> {
        let mut entries = self.0.lock().unwrap();
        change(&mut entries)?;
        Ok(entries.clone())
    }
}

/// A git server that lets some keys in, and some of these keys push.
#[derive(Default)]
struct Server {
    readers: Mutex<Vec<String>>,
    writers: Mutex<Vec<String>>,
    in_use: Mutex<Vec<String>>,
}

impl Server {
    fn allow(&self, key: &Key) {
        self.writers.lock().unwrap().push(key.fingerprint());
    }
}

impl AccessProbe<Key> for Server {
    async fn probe(&self, key: Arc<Key>) -> Result<Option<String>, RepoFailure> {
        let key = key.fingerprint();
        if self.writers.lock().unwrap().contains(&key) {
            Ok(None)
        } else if self.readers.lock().unwrap().contains(&key) {
            Ok(Some("read only.".into()))
        } else {
            Err(RepoFailure {
                problem: RepoProblem::KeyRefused,
                message: "permission denied".into(),
            })
        }
    }
}

impl KeyedRepo<Key> for Server {
    fn use_keys(&self, key: Arc<Key>, _: Option<Arc<Key>>) {
        self.in_use.lock().unwrap().push(key.fingerprint());
    }

    async fn key_rejected(&self) {
        std::future::pending().await
    }
}

struct Listed(&'static str);

impl SignerList<Key> for Listed {
    fn has(&self, key: &Key) -> Result<bool, String> {
        Ok(key.text.expose() == self.0)
    }
}

/// Keeps the names of the events that are news.
#[derive(Clone, Default)]
struct News(Arc<Mutex<Vec<KeyEvent>>>);

impl Sink for News {
    fn receive(&self, notice: Notice<'_>) {
        if let (Event::Key(event), true) = (notice.event, notice.phase.is_news()) {
            self.0.lock().unwrap().push(event.clone());
        }
    }
}

impl News {
    fn take(&self) -> Vec<KeyEvent> {
        self.0.lock().unwrap().drain(..).collect()
    }
}

fn name() -> SecretName {
    SecretName {
        namespace: "tidegate".into(),
        name: "deploy-key".into(),
    }
}

fn store(secrets: &Arc<Memory>) -> KeyStore<Memory, Key> {
    let location = KeyLocation::Secret {
        secrets: Arc::clone(secrets),
        name: name(),
    };
    KeyStore::new(location, ())
}

fn readiness(server: &Arc<Server>) -> Readiness<Key, Server> {
    Readiness {
        probe: Arc::clone(server),
        must_write: true,
        signers: None,
    }
}

fn keys(entries: &SecretEntries) -> Keys<Key> {
    Keys::read(entries).unwrap().unwrap()
}

#[test]
fn a_rotation_keeps_a_working_key_in_place_at_every_step() {
    let (old, new) = (key("key-old"), key("key-new"));
    let mut all = SecretEntries::from([("known_hosts".to_owned(), SecretBytes::new("kept"))]);
    assert!(Keys::<Key>::read(&all).unwrap().is_none());
    assert!(entries::first(&mut all, &old) && !entries::first(&mut all, &new));
    assert!(
        entries::begin(&mut all, &new) && !entries::begin(&mut all, &key("key-third")),
        "one at a time"
    );
    let both = keys(&all);
    assert_eq!(both.current.fingerprint(), old.fingerprint());
    assert_eq!(both.next.unwrap().fingerprint(), new.fingerprint());

    assert!(!entries::promote(&mut all, &old, &key("key-third")).unwrap());
    assert!(!entries::promote(&mut all, &new, &new).unwrap());
    entries::name_next(&mut all, "APKA2");
    assert!(entries::promote(&mut all, &old, &new).unwrap());
    let after = keys(&all);
    assert_eq!(after.current.fingerprint(), new.fingerprint());
    assert_eq!(after.current.user(), Some("APKA2"));
    assert!(after.next.is_none());
    assert_eq!(after.previous.as_deref(), Some(old.public_line("tidegate").as_str()));
    assert!(
        !all.values().any(|bytes| bytes.expose() == b"key-old"),
        "the old private half is gone"
    );

    assert!(entries::finish(&mut all) && !entries::finish(&mut all));
    let names: Vec<_> = all.keys().collect();
    assert_eq!(names, ["identity", "identity.user", "known_hosts"]);
}

#[test]
fn an_abandoned_rotation_removes_the_next_key_and_nothing_else() {
    let mut all = SecretEntries::new();
    entries::first(&mut all, &key("key-old"));
    entries::begin(&mut all, &key("key-new"));
    assert!(entries::abandon(&mut all) && !entries::abandon(&mut all));
    assert_eq!(keys(&all).current.fingerprint(), "SHA256:key-old");
}

#[tokio::test]
async fn a_rotation_by_command_waits_for_the_server_to_take_the_next_key() {
    let (secrets, server) = (Arc::new(Memory::default()), Arc::new(Server::default()));
    let (store, readiness) = (store(&secrets), readiness(&server));
    assert!(matches!(
        rotate(&store, &readiness, None).await,
        Err(Error::NothingToRotate { .. })
    ));
    let old = store.read_or_create().await.unwrap().current;
    let Rotation::Begun { next, current } = rotate(&store, &readiness, None).await.unwrap() else {
        panic!("not begun");
    };
    assert_eq!(current.fingerprint(), old.fingerprint());
    let Err(error) = rotate(&store, &readiness, None).await else {
        panic!("the server does not take the key");
    };
    assert!(matches!(error, Error::NotReady { .. }), "{error}");
    server.allow(&next);
    let Rotation::Done { current, previous } = rotate(&store, &readiness, None).await.unwrap() else {
        panic!("not done");
    };
    assert_eq!(current.fingerprint(), next.fingerprint());
    assert_eq!(previous, old.public_line("tidegate"));
    assert_eq!(store.reread().await.unwrap().current.fingerprint(), next.fingerprint());
}

#[tokio::test]
async fn a_next_key_must_be_an_allowed_signer_where_it_signs() {
    let server = Arc::new(Server::default());
    server.allow(&key("key-a"));
    let readiness = Readiness {
        signers: Some(Arc::new(Listed("key-b"))),
        ..readiness(&server)
    };
    let problem = readiness.problem(Arc::new(key("key-a"))).await.unwrap();
    assert!(problem.ends_with("add the line: tidegate key-a"), "{problem}");
}

/// The loop on the Secret and the server, with the changes that it announced.
struct World {
    secrets: Arc<Memory>,
    server: Arc<Server>,
    news: News,
    changes: Arc<AtomicUsize>,
}

impl World {
    fn new() -> Self {
        Self {
            secrets: Arc::default(),
            server: Arc::default(),
            news: News::default(),
            changes: Arc::default(),
        }
    }

    async fn rotation_loop(
        &self,
    ) -> RotationLoop<Memory, Key, Server, Server, impl Fn() + Send + Sync + 'static + use<>> {
        let store = store(&self.secrets);
        let reporter = Reporter::new(vec![Box::new(self.news.clone())]);
        let page = CredentialPage::DeployKey {
            page: "https://forge.example/keys".into(),
            remedy: "add the line",
        };
        let server = Arc::clone(&self.server);
        let changes = Arc::clone(&self.changes);
        RotationLoop {
            in_use: store.read_or_create().await.unwrap().current,
            store,
            repo: Arc::clone(&server),
            readiness: readiness(&server),
            access: AccessCheck::new(server, "git@forge.example:a/b".into(), page, true, reporter.clone()),
            signer: None,
            changed: move || {
                changes.fetch_add(1, Ordering::Relaxed);
            },
            reporter,
            shutdown: Shutdown::default(),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_loop_reports_each_state_once_and_takes_up_a_next_key_that_works() {
    let world = World::new();
    let mut work = world.rotation_loop().await;
    let old = work.in_use.fingerprint();
    assert!(
        matches!(work.pass().await, Outcome::Again(_, _)),
        "refused: look again soon"
    );
    assert!(matches!(world.news.take()[..], [KeyEvent::AccessFound { .. }]));
    work.pass().await;
    assert_eq!(world.news.take(), [], "the same answer is no news");

    world.server.allow(&work.in_use);
    let Outcome::Done(report) = work.pass().await else {
        panic!("the key may do all");
    };
    assert_eq!((report.key.as_ref(), report.may_write), (Some(&old), Some(true)));
    assert_eq!(world.changes.load(Ordering::Relaxed), 1);
    world.news.take();

    let Rotation::Begun { next, .. } = rotate(&work.store, &work.readiness, None).await.unwrap() else {
        panic!("not begun");
    };
    work.pass().await;
    let news = world.news.take();
    assert!(
        matches!(news[..], [KeyEvent::NextFound { .. }, KeyEvent::NextNotReady { .. }]),
        "{news:?}"
    );
    world.server.allow(&next);
    work.pass().await;
    let news = world.news.take();
    assert!(
        matches!(news[..], [KeyEvent::Rotated { .. }, KeyEvent::AccessFound { .. }]),
        "{news:?}"
    );
    assert_eq!(work.in_use.fingerprint(), next.fingerprint());
    assert_eq!(world.server.in_use.lock().unwrap().last(), Some(&next.fingerprint()));
}

#[tokio::test(start_paused = true)]
async fn the_loop_uses_a_key_that_a_person_replaced() {
    let world = World::new();
    let mut work = world.rotation_loop().await;
    let replaced = SecretEntries::from([("identity".to_owned(), SecretBytes::new("key-by-hand"))]);
    *world.secrets.0.lock().unwrap() = replaced;
    work.pass().await;
    assert_eq!(work.in_use.fingerprint(), "SHA256:key-by-hand");
    assert!(matches!(
        world.news.take()[..],
        [KeyEvent::Changed { .. }, KeyEvent::AccessFound { .. }]
    ));

    world.secrets.0.lock().unwrap().clear();
    work.pass().await;
    assert!(matches!(world.news.take()[..], [KeyEvent::Unreadable { .. }]));
    assert_eq!(
        work.in_use.fingerprint(),
        "SHA256:key-by-hand",
        "the key that was read stays in use"
    );
}

#[tokio::test(start_paused = true)]
async fn a_key_that_may_only_read_is_reported_and_enough_without_automation() {
    let server = Arc::new(Server::default());
    let key = Arc::new(key("key-r"));
    server.readers.lock().unwrap().push(key.fingerprint());
    for must_write in [true, false] {
        let news = News::default();
        let reporter = Reporter::new(vec![Box::new(news.clone())]);
        let page = CredentialPage::Login { remedy: "ask" };
        let mut check = AccessCheck::new(Arc::clone(&server), "repo".into(), page, must_write, reporter);
        assert_eq!(check.check(&key, || panic!("it may not push")).await, !must_write);
        let news = news.take();
        let [KeyEvent::AccessFound { access, .. }] = &news[..] else {
            panic!("{news:?}");
        };
        let words = "read only".to_owned();
        let is_enough = !must_write;
        assert_eq!(*access, crate::notice::Access::ReadOnly { words, is_enough });
    }
}
