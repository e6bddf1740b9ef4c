use super::*;
use crate::driver::Shutdown;
use crate::model::SecretBytes;
use crate::port::{Branch, ClusterFailure, DeclaredSource as _, InputEntries, InputObjects};
use crate::release::SourceObject;
use crate::source::{Substitute, SubstituteFrom, publisher};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use std::sync::Mutex;

/// A cluster with ConfigMaps.
struct Maps {
    all: Mutex<BTreeMap<SourceObject, InputEntries>>,
    changes: watch::Sender<u64>,
}

impl Maps {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            all: Mutex::default(),
            changes: watch::Sender::new(0),
        })
    }

    fn put(&self, name: &str, entries: &[(&str, &str)]) {
        let object = SourceObject {
            is_secret: false,
            namespace: "agent".to_owned(),
            name: name.to_owned(),
        };
        let entries = entries
            .iter()
            .map(|(name, value)| ((*name).to_owned(), SecretBytes::new(*value)));
        self.all.lock().unwrap().insert(object, entries.collect());
        self.changes.send_modify(|count| *count += 1);
    }
}

impl InputObjects for Maps {
    fn namespace(&self) -> &str {
        "agent"
    }

    fn read<'a>(&'a self, object: &'a SourceObject) -> BoxFuture<'a, Result<Option<InputEntries>, ClusterFailure>> {
        let found = self.all.lock().unwrap().get(object).cloned();
        async { Ok(found) }.boxed()
    }

    fn running_flux(&self) -> BoxFuture<'_, Result<Option<String>, ClusterFailure>> {
        async { Ok(None) }.boxed()
    }

    fn follow(&self, _: &BTreeSet<SourceObject>) {}

    fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }
}

const MAP: &str = "{apiVersion: v1, kind: ConfigMap, metadata: {name: map}, data: {a: '${A}-x'}}";

fn substituting(maps: &Arc<Maps>, optional: bool) -> Reader {
    let settings = Substitute {
        from: vec![SubstituteFrom {
            is_secret: false,
            namespace: None,
            name: "settings".to_owned(),
            optional,
        }],
        variables: BTreeMap::from([("B".to_owned(), "b".to_owned())]),
        strict: true,
    };
    let paths = vec![path("apps")];
    reader(paths).substituting(settings, Some(Arc::<Maps>::clone(maps)))
}

fn a_of(state: &DeclaredState, name: &str) -> Option<String> {
    let objects = &here(state).objects;
    let object = objects.iter().find(|object| object.id.name == name)?;
    Some(object.value.value()["data"]["a"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn without_its_variables_nothing_is_pruned_and_only_what_needs_them_waits() {
    let mut commits = Commits::default();
    let head = commits.add(1, &[("apps/map.yaml", MAP), ("apps/web.yaml", WEB)]);
    let maps = Maps::new();
    let mut reader = substituting(&maps, false);
    let state = reader.read(&commits, head).await.unwrap();
    assert_eq!((a_of(&state, "map"), a_of(&state, "web")), (None, Some("b".to_owned())));
    assert!(!here(&state).complete);
    let [finding] = &*state.findings else {
        panic!("{:?}", state.findings)
    };
    let said = finding.to_string();
    assert!(
        said.contains("ConfigMap agent/settings does not exist; create it, or mark it optional"),
        "{said}"
    );

    let mut reader = substituting(&maps, true);
    let state = reader.read(&commits, head).await.unwrap();
    assert_eq!(a_of(&state, "map"), None);
    let said = state.findings[0].to_string();
    assert!(
        said.starts_with("apps/map.yaml:1") && said.contains("the variable A is not set"),
        "{said}"
    );
    assert!(!here(&state).complete);
}

#[tokio::test]
async fn a_commit_that_changes_one_file_keeps_the_objects_of_the_others() {
    let mut commits = Commits {
        compares: true,
        ..Commits::default()
    };
    let head = commits.add(1, &[("apps/map.yaml", MAP), ("apps/web.yaml", WEB)]);
    let next = commits.add(2, &[("apps/map.yaml", MAP), ("apps/web.yaml", NEW_WEB)]);
    let with_default = MAP.replace("${A}", "${C:-c}");
    let last = commits.add(3, &[("apps/map.yaml", &with_default), ("apps/web.yaml", NEW_WEB)]);
    let maps = Maps::new();
    maps.put("settings", &[("A", "1")]);
    let mut reader = substituting(&maps, false);
    let before = reader.read(&commits, head).await.unwrap();
    assert_eq!(a_of(&before, "map").as_deref(), Some("1-x"));
    let after = reader.read(&commits, next).await.unwrap();
    assert!(Arc::ptr_eq(&here(&before).objects[0], &here(&after).objects[0]));
    assert_eq!((parsed(&reader), a_of(&after, "web").as_deref()), (1, Some("c")));
    assert_eq!(commits.listings.load(Ordering::SeqCst), 1);
    let state = reader.read(&commits, last).await.unwrap();
    assert_eq!(a_of(&state, "map").as_deref(), Some("c-x"));
    assert!(here(&state).complete);
}

#[tokio::test]
async fn a_variable_that_changes_is_a_new_state_of_the_same_commit() {
    let mut commits = Commits::default();
    let head = commits.add(1, &[("apps/map.yaml", MAP)]);
    commits.head = Some(head);
    let branch = Branch::default();
    branch.fetch(&commits).await.unwrap();
    let maps = Maps::new();
    let (source, publisher) = publisher(substituting(&maps, false), Arc::new(commits), branch);
    let (woken, mut wakes) = watch::channel(0);
    let shutdown = Shutdown::default();
    let publisher = publisher.on_change(move || woken.send_modify(|count| *count += 1));
    let serving = tokio::spawn(publisher.run(shutdown.clone()));
    let mut published = source.published();
    let is = |text: Option<&str>| {
        let text = text.map(str::to_owned);
        move |state: &Option<Arc<DeclaredState>>| state.as_ref().is_some_and(|state| a_of(state, "map") == text)
    };
    published.wait_for(is(None)).await.unwrap();
    for value in ["1", "2"] {
        maps.put("settings", &[("A", value)]);
        published.wait_for(is(Some(&format!("{value}-x")))).await.unwrap();
        wakes.changed().await.unwrap();
    }
    shutdown.begin();
    serving.await.unwrap();
}
