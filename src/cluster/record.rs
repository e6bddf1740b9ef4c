use super::config_map::{read_config_map, write_config_map};
use super::connection::Connection;
use super::marks::{read_marks, write_marks};
use crate::model::{CommitId, ObjectId};
use crate::port::{ClusterFailure, Record, RecordStore};
use crate::resource::{
    AppliedMarks, CommitHealth, DesiredHash, GROUP_KINDS_ANNOTATION, GroupKind, ID_LABEL, LastReady, MemberKey,
    Members, ResourceVersion, Run, SetName, TOOLING_ANNOTATION, Waited, decode_keys, encode_keys,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Keeps records far below etcd's limit of 1.5 MB an object.
const PROBLEMS_LIMIT: usize = 32 * 1024;
/// A line has about 150 bytes.
const MAX_RUNS: usize = 2_000;
/// A line has about 60 bytes. What has no room is unknown after a restart.
const MAX_READY: usize = 4_000;

/// A target's record as a ConfigMap, which is the parent of its ApplySet (KEP-3659).
pub struct RecordMap {
    connection: Arc<Connection>,
    name: SetName,
    /// The version that was read or written last.
    seen: Mutex<ResourceVersion>,
}

/// No object has this version: a write that names it creates the record, or fails because there is one.
const NONE_YET: &str = "1";

impl RecordMap {
    /// The ConfigMap of this name on this server. Sends nothing yet.
    pub fn new(connection: Arc<Connection>, name: SetName) -> Self {
        Self {
            connection,
            name,
            seen: Mutex::new(ResourceVersion::new(NONE_YET)),
        }
    }

    fn seen(&self) -> MutexGuard<'_, ResourceVersion> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn body(&self, record: &Record) -> Value {
        let kinds: Vec<String> = record.kinds.iter().map(ToString::to_string).collect();
        json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": self.name.name,
                "namespace": self.name.namespace,
                "resourceVersion": self.seen().as_str(),
                "labels": {
                    ID_LABEL: self.name.id().as_str(),
                    "app.kubernetes.io/managed-by": "tidegate",
                },
                "annotations": {
                    TOOLING_ANNOTATION: concat!("tidegate/", env!("CARGO_PKG_VERSION")),
                    GROUP_KINDS_ANNOTATION: kinds.join(","),
                },
            },
            "data": self.data(record),
        })
    }

    /// The entries of the ConfigMap. The lists of keys are what permits deletions; see [`Members`].
    fn data(&self, record: &Record) -> Value {
        let mut data = json!({
            "waited": waited_text(&record.waited),
            "waited.objects": sets_text(&record.waited),
            "commit": record.commit.as_ref().map(ToString::to_string).unwrap_or_default(),
            "status": record.status,
            "health": record.health.map_or("", CommitHealth::as_str),
            "problems": bounded(&record.problems),
            "runs": written_runs(&record.runs),
            "ready": written_ready(&record.ready),
        });
        // Without these entries the next process knows that it does not know who made the objects.
        if let Some(members) = &record.members {
            data["members"] = encode_keys(&members.applied).into();
            data["members.enabled"] = encode_keys(&members.enabled).into();
            data["members.claimed"] = encode_keys(&members.claimed).into();
            data["members.unknown"] = encode_keys(&members.unknown).into();
        }
        data
    }
}

impl RecordStore for RecordMap {
    fn set(&self) -> &SetName {
        &self.name
    }

    async fn read_if_changed(&self) -> Result<Option<Record>, ClusterFailure> {
        let before = self.seen().clone();
        let read = self.read().await?;
        let is_same = read.is_some() && *self.seen() == before;
        Ok((!is_same).then(|| read.unwrap_or_default()))
    }

    async fn read(&self) -> Result<Option<Record>, ClusterFailure> {
        let Some(found) = read_config_map(&self.connection, &self.name.namespace, &self.name.name).await? else {
            *self.seen() = ResourceVersion::new(NONE_YET);
            return Ok(None);
        };
        *self.seen() = ResourceVersion::new(found.metadata.resource_version.unwrap_or_default());
        let annotations = found.metadata.annotations.unwrap_or_default();
        let mut data = found.data.unwrap_or_default();
        let kinds = annotations.get(GROUP_KINDS_ANNOTATION).map_or("", String::as_str);
        Ok(Some(Record {
            commit: data.get("commit").and_then(|text| CommitId::parse(text).ok()),
            kinds: kinds.split(',').filter_map(GroupKind::parse).collect(),
            members: members(&data),
            runs: data.remove("runs").map(|text| read_runs(&text)).unwrap_or_default(),
            ready: Arc::new(data.remove("ready").map(|text| read_ready(&text)).unwrap_or_default()),
            waited: waited(&data),
            status: data.remove("status").unwrap_or_default(),
            health: data.get("health").and_then(|text| CommitHealth::parse(text)),
            problems: data
                .remove("problems")
                .map(|text| text.lines().map(str::to_owned).collect())
                .unwrap_or_default(),
        }))
    }

    async fn write(&self, record: &Record) -> Result<(), ClusterFailure> {
        let (SetName { namespace, name }, body) = (&self.name, self.body(record));
        let applied = write_config_map(&self.connection, namespace, name, &body).await?;
        *self.seen() = applied.version;
        Ok(())
    }

    async fn read_marks(&self) -> Result<AppliedMarks, ClusterFailure> {
        read_marks(&self.connection, &self.name).await
    }

    async fn write_marks(&self, part: usize, parts: usize, marks: &AppliedMarks) -> Result<(), ClusterFailure> {
        write_marks(&self.connection, &self.name, part, parts, marks).await
    }
}

/// `None` if an older version wrote the record or somebody edited the lists.
fn members(data: &BTreeMap<String, String>) -> Option<Members> {
    let keys = |name: &str| decode_keys(data.get(name)?);
    Some(Members {
        applied: keys("members")?,
        enabled: keys("members.enabled")?,
        claimed: keys("members.claimed")?,
        unknown: keys("members.unknown")?,
    })
}

/// One line for each run: `Job.batch shop/migrate UID HASH finished`. A cluster-scoped object has no namespace before the `/`.
fn written_runs(runs: &BTreeMap<ObjectId, Run>) -> String {
    let mut text = String::new();
    for (id, run) in runs.iter().take(MAX_RUNS) {
        let kind = GroupKind::of(id);
        let namespace = id.namespace.as_deref().unwrap_or_default();
        let state = if run.is_finished { "finished" } else { "started" };
        text.push_str(&format!(
            "{kind} {namespace}/{} {} {} {state}\n",
            id.name, run.uid, run.hash
        ));
    }
    text
}

/// The inverse of [`written_runs`]. A line that does not read is left out.
fn read_runs(text: &str) -> BTreeMap<ObjectId, Run> {
    let read = |line: &str| {
        let mut words = line.split(' ');
        let kind = GroupKind::parse(words.next()?)?;
        let (namespace, name) = words.next()?.split_once('/')?;
        let id = ObjectId {
            group: kind.group,
            kind: kind.kind,
            namespace: Some(namespace.to_owned()).filter(|namespace| !namespace.is_empty()),
            name: name.to_owned(),
        };
        let run = Run {
            uid: words.next()?.to_owned(),
            hash: DesiredHash::parse(words.next()?)?,
            is_finished: words.next()? == "finished",
        };
        Some((id, run))
    };
    text.lines().filter_map(read).collect()
}

/// One line for each workload: `KEY MANIFEST IMAGES SECONDS`.
fn written_ready(ready: &BTreeMap<MemberKey, LastReady>) -> String {
    let lines = ready.iter().take(MAX_READY);
    lines.map(|(key, ready)| format!("{key} {ready}\n")).collect()
}

/// The inverse of [`written_ready`]. A line that does not read is left out.
fn read_ready(text: &str) -> BTreeMap<MemberKey, LastReady> {
    let lines = text.lines().filter_map(|line| {
        let (key, ready) = line.split_once(' ')?;
        Some((MemberKey::parse(key)?, LastReady::parse(ready)?))
    });
    lines.collect()
}

fn waited_text(waited: &Waited) -> String {
    let lines = waited.commits.iter().map(|(commit, key)| format!("{commit} {key}\n"));
    lines.collect()
}

fn sets_text(waited: &Waited) -> String {
    let lines = waited.sets.iter();
    lines
        .map(|(key, set)| format!("{key} {}\n", encode_keys(set)))
        .collect()
}

fn waited(data: &BTreeMap<String, String>) -> Waited {
    let lines = |name: &str| data.get(name).map_or("", String::as_str).lines();
    let commits = lines("waited").filter_map(|line| {
        let (commit, key) = line.split_once(' ')?;
        Some((CommitId::parse(commit).ok()?, MemberKey::parse(key)?))
    });
    let sets = lines("waited.objects").filter_map(|line| {
        let (key, set) = line.split_once(' ')?;
        Some((MemberKey::parse(key)?, decode_keys(set)?))
    });
    Waited {
        commits: commits.collect(),
        sets: sets.filter(|(key, set)| MemberKey::of_set(set) == *key).collect(),
    }
}

fn bounded(problems: &[String]) -> String {
    let mut text = String::new();
    for (index, problem) in problems.iter().enumerate() {
        if text.len() + problem.len() > PROBLEMS_LIMIT {
            text.push_str(&format!("… and {} more\n", problems.len() - index));
            break;
        }
        text.push_str(&problem.replace('\n', " "));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runs_read_back() {
        let job = |namespace, name: &str, is_finished| {
            let run = Run {
                hash: DesiredHash::of(&json!(name)),
                uid: format!("uid-{name}"),
                is_finished,
            };
            (ObjectId::new("batch/v1", "Job", namespace, name), run)
        };
        let runs = BTreeMap::from([job(Some("shop"), "migrate", true), job(None, "b", false)]);
        let text = written_runs(&runs);
        assert_eq!(text.lines().count(), 2);
        assert_eq!(read_runs(&text), runs);
        assert_eq!(read_runs("nonsense\n"), BTreeMap::new());
    }

    #[test]
    fn what_was_ready_reads_back() {
        let ready = LastReady::parse("0011223344556677 8899aabbccddeeff 1750000000").unwrap();
        let id = ObjectId::new("apps/v1", "Deployment", Some("shop"), "web");
        let all = BTreeMap::from([(MemberKey::of_identity(&id), ready)]);
        assert_eq!(read_ready(&written_ready(&all)), all);
        assert_eq!(read_ready("nonsense\n"), BTreeMap::new());
    }

    #[test]
    fn a_long_list_of_problems_is_cut_with_its_count() {
        let many: Vec<String> = (0..10_000).map(|n| format!("object {n}: refused")).collect();
        let text = bounded(&many);
        assert!(text.len() < PROBLEMS_LIMIT + 64);
        let last = text.lines().last().unwrap();
        let kept = text.lines().count() - 1;
        assert_eq!(last, format!("… and {} more", 10_000 - kept));
        assert_eq!(bounded(&["a\nb".into()]), "a b\n");
    }
}
