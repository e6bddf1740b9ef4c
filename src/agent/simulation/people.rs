//! What people do: on the branch, at the registry, and in the cluster.

use super::cluster::{Maker, id, key};
use super::git_server::{AGENT, PERSON, Tree};
use super::manifests::{Declared, version};
use super::scenario::Act;
use super::world::State;
use crate::history::Resume;
use crate::model::{BlobId, CommitId, FieldId, FieldName, ObjectId, RepoPath};
use serde_json::json;

const REPOSITORIES: [&str; 2] = ["shop/web", "shop/api"];

fn path(text: &str) -> RepoPath {
    RepoPath::parse(text).expect("a path")
}

fn at<T>(items: &[T], pick: u64) -> Option<&T> {
    let index = pick.checked_rem(items.len() as u64)?;
    items.get(index as usize)
}

/// A person writes the first commit and pushes the first tags.
pub(super) fn begin(state: &mut State) {
    let clock = state.clock();
    for repository in REPOSITORIES {
        state.registry.push(repository, "1.0.0", clock);
        state.registry.push(repository, "latest", clock);
    }
    let mut tree = Tree::new();
    for (name, repository) in [("web", REPOSITORIES[0]), ("api", REPOSITORIES[1])] {
        let workload = Declared::Workload {
            name: name.to_owned(),
            repository: repository.to_owned(),
            tag: "1.0.0".to_owned(),
            locked: false,
        };
        let blob = state.git.blob(workload.text().into_bytes());
        tree.insert(path(&format!("{name}.yaml")), blob);
    }
    for number in 0..6 {
        let blob = state.git.blob(settings(number, 0).text().into_bytes());
        tree.insert(path(&format!("settings-{number}.yaml")), blob);
    }
    let first = state.git.add(None, PERSON, "Begin\n".to_owned(), clock, tree);
    state.git.set_head(first);
}

fn settings(number: u64, value: u64) -> Declared {
    Declared::Settings {
        name: format!("settings-{number}"),
        value: value.to_string(),
    }
}

impl State {
    fn tree(&self) -> Tree {
        self.git.at(self.git.head()).tree.clone()
    }

    /// The files of the head with what they declare.
    fn files(&self, keep: impl Fn(&Declared) -> bool) -> Vec<(RepoPath, Declared)> {
        let files = self.tree().into_iter();
        let read = files.map(|(path, blob): (RepoPath, BlobId)| (path, self.git.declared(&blob).clone()));
        read.filter(|(_, declared)| keep(declared)).collect()
    }

    /// A person commits and pushes. People push on what is there.
    pub(super) fn person_commits(&mut self, message: &str, tree: Tree) {
        let (head, clock) = (self.git.head(), self.clock());
        let id = self.git.add(Some(head), PERSON, format!("{message}\n"), clock, tree);
        self.git.set_head(id);
    }

    fn write(&mut self, message: &str, path: RepoPath, declared: &Declared) {
        let mut tree = self.tree();
        let blob = self.git.blob(declared.text().into_bytes());
        tree.insert(path, blob);
        self.person_commits(message, tree);
    }

    fn remove_files(&mut self, count: usize, pick: u64) {
        let mut tree = self.tree();
        for number in 0..count {
            let paths: Vec<RepoPath> = tree.keys().cloned().collect();
            if let Some(path) = at(&paths, pick.wrapping_add(number as u64 * 7)) {
                tree.remove(path);
            }
        }
        self.person_commits("Remove", tree);
    }

    /// Changes one workload.
    fn change_workload(&mut self, pick: u64, message: &str, change: impl Fn(&mut String, &mut bool)) {
        let files = self.files(|declared| matches!(declared, Declared::Workload { .. }));
        if let Some((path, workload)) = at(&files, pick) {
            let mut workload = workload.clone();
            if let Declared::Workload { tag, locked, .. } = &mut workload {
                change(tag, locked);
            }
            self.write(message, path.clone(), &workload);
        }
    }

    /// `git revert` of the newest commit of the agent.
    fn revert(&mut self, pick: u64) {
        let head = self.git.head();
        let ours = self.git.line(Some(head)).filter(|(_, commit)| commit.author == AGENT);
        let ours: Vec<_> = ours.take(2).map(|(id, commit)| (id, commit.clone())).collect();
        let Some((id, commit)) = ours.get(usize::from(pick.is_multiple_of(3))) else {
            return;
        };
        let (changes, subject) = (
            commit.changes.clone(),
            commit.message.lines().next().unwrap_or_default(),
        );
        let message = format!("Revert \"{subject}\"\n\nThis reverts commit {id}.");
        let mut tree = self.tree();
        let mut has_changed = false;
        for change in changes {
            // What was changed since then would be a conflict.
            if tree.get(&change.path) == change.after.as_ref()
                && let Some(before) = change.before
            {
                tree.insert(change.path, before);
                has_changed = true;
            }
        }
        if has_changed {
            self.person_commits(&message, tree);
        }
    }

    fn release(&mut self, pick: u64) {
        let files = self.files(|declared| matches!(declared, Declared::Workload { .. }));
        let Some((_, workload)) = at(&files, pick / 2) else {
            return;
        };
        let resume = match pick % 2 {
            0 => Resume::All,
            _ => Resume::Field(FieldId {
                object: id(&workload.key().unwrap_or_default()),
                field: FieldName("app".to_owned()),
            }),
        };
        let tree = self.tree();
        self.person_commits(&format!("Release\n\n{}", resume.trailer()), tree);
    }

    fn break_or_mend(&mut self, pick: u64, breaks: bool) {
        let files = self.files(|declared| (*declared == Declared::Broken) != breaks);
        let Some((path, _)) = at(&files, pick) else { return };
        if breaks {
            self.write("Break", path.clone(), &Declared::Broken);
            return;
        }
        let head = self.git.head();
        let versions = self.git.line(Some(head));
        let good = versions
            .filter_map(|(_, commit)| commit.tree.get(path).copied())
            .find(|blob| *self.git.declared(blob) != Declared::Broken);
        if let Some(good) = good {
            let mut tree = self.tree();
            tree.insert(path.clone(), good);
            self.person_commits("Mend", tree);
        }
    }

    /// A forced push to an older commit.
    fn reset(&mut self, pick: u64) {
        let line: Vec<CommitId> = self.git.line(Some(self.git.head())).map(|(id, _)| id).take(6).collect();
        if let Some(older) = at(&line, pick) {
            self.git.set_head(*older);
        }
    }

    fn tag(&mut self, act: Act, pick: u64) {
        let repository = REPOSITORIES[(pick % 2) as usize];
        let clock = self.clock();
        let (major, minor, patch) = self.registry.newest(repository);
        let tags = self
            .registry
            .tags
            .get(repository)
            .map(|tags| tags.keys().cloned().collect::<Vec<_>>());
        let tags = tags.unwrap_or_default();
        match (act, at(&tags, pick / 2)) {
            (Act::PushTag, _) => self
                .registry
                .push(repository, &format!("{major}.{}.0", minor + 1), clock),
            (Act::PushOldTag, _) if minor > 0 => {
                let tag = format!("{major}.{}.{}", minor - 1, patch + 1 + pick % 5);
                self.registry.push(repository, &tag, clock);
            }
            (Act::MoveTag, Some(tag)) => self.registry.push(repository, tag, clock),
            (Act::DeleteTag, Some(tag)) => {
                if let Some(tags) = self.registry.tags.get_mut(repository) {
                    tags.remove(tag);
                }
            }
            _ => {}
        }
    }

    fn live(&self, pick: u64) -> Option<ObjectId> {
        let live: Vec<&ObjectId> = self.cluster.live.keys().collect();
        at(&live, pick).map(|id| ObjectId::clone(id))
    }

    fn edit_object(&mut self, pick: u64) {
        let Some(id) = self.live(pick) else { return };
        self.cluster.put(&id, |live| {
            live.content = format!("edited {}", pick % 100);
            live.fields = live
                .fields
                .take()
                .map(|fields| format!("{fields} without {}", pick % 100));
            live.last_writer = Some("kubectl-edit".to_owned());
        });
    }

    /// Somebody changes the order of a list: the fields of the agent stay the agent's, and the generation moves.
    fn reorder(&mut self, pick: u64) {
        let Some(id) = self.live(pick) else { return };
        if id.kind == "Deployment" {
            self.cluster.put(&id, |live| {
                live.content = format!("{} in another order", live.content);
                live.last_writer = Some("kubectl-replace".to_owned());
            });
        }
    }

    /// A backup restores an object, under its name or under another one.
    fn restore(&mut self, pick: u64) {
        let Some(from) = self.live(pick) else { return };
        let copy = self.cluster.live[&from].clone();
        let to = match pick % 3 {
            0 => {
                self.cluster.remove(&from);
                from
            }
            _ => id(&format!("{}-copy", key(&from))),
        };
        if self.cluster.live.contains_key(&to) {
            return;
        }
        self.cluster.put(&to, |live| {
            let uid = live.uid.clone();
            *live = copy;
            live.uid = uid;
            live.maker = Maker::Backup;
            live.is_applied = false;
        });
    }

    /// A person makes an object by hand, perhaps one that a commit will declare.
    fn make_foreign(&mut self, pick: u64) {
        let id = id(&format!("ConfigMap/settings-{}", pick % 12));
        if self.cluster.live.contains_key(&id) {
            return;
        }
        self.cluster.put(&id, |live| {
            live.content = "by hand".to_owned();
            live.last_writer = Some("kubectl-create".to_owned());
            live.entries = vec![json!({
                "manager": "kubectl-create", "operation": "Update", "apiVersion": "v1",
                "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {".": {}, "f:value": {}}},
            })];
        });
    }

    /// Somebody does something that needs no process of the agent.
    pub(super) fn act(&mut self, act: Act, pick: u64) {
        let newest = self.registry.newest(REPOSITORIES[0]);
        match act {
            Act::AddWorkload => {
                let name = format!("more-{}", pick % 4);
                let workload = Declared::Workload {
                    name: name.clone(),
                    repository: REPOSITORIES[(pick % 2) as usize].to_owned(),
                    tag: "1.0.0".to_owned(),
                    locked: false,
                };
                self.write("Add", path(&format!("{name}.yaml")), &workload);
            }
            Act::AddSettings => {
                let number = pick % 12;
                self.write(
                    "Add",
                    path(&format!("settings-{number}.yaml")),
                    &settings(number, pick % 97),
                );
            }
            Act::RemoveFile => self.remove_files(1, pick),
            Act::RemoveManyFiles => self.remove_files(4 + (pick % 8) as usize, pick),
            Act::EditSettings => {
                let files = self.files(|declared| matches!(declared, Declared::Settings { .. }));
                if let Some((path, Declared::Settings { name, .. })) = at(&files, pick) {
                    let (name, value) = (name.clone(), (pick % 89).to_string());
                    self.write("Edit", path.clone(), &Declared::Settings { name, value });
                }
            }
            Act::BumpByHand => self.change_workload(pick, "Bump by hand", |tag, _| {
                *tag = format!("{}.{}.0", newest.0, newest.1 + pick % 2);
            }),
            Act::SetBackByHand => self.change_workload(pick, "Set back", |tag, _| {
                let (major, minor, _) = version(tag).unwrap_or_default();
                *tag = format!("{major}.{}.0", minor.saturating_sub(1 + pick % 2));
            }),
            Act::Revert => self.revert(pick),
            Act::Release => self.release(pick),
            Act::Lock => self.change_workload(pick, "Lock", |_, locked| *locked = true),
            Act::Unlock => self.change_workload(pick, "Unlock", |_, locked| *locked = false),
            Act::BreakFile => self.break_or_mend(pick, true),
            Act::MendFile => self.break_or_mend(pick, false),
            Act::Reset => self.reset(pick),
            Act::PushTag | Act::PushOldTag | Act::MoveTag | Act::DeleteTag => self.tag(act, pick),
            Act::DeleteObject => {
                if let Some(id) = self.live(pick) {
                    self.cluster.remove(&id);
                }
            }
            Act::EditObject => self.edit_object(pick),
            Act::ReorderObject => self.reorder(pick),
            Act::RestoreCopy => self.restore(pick),
            Act::MakeForeign => self.make_foreign(pick),
            Act::Cut => self.cut_until = self.now() + 1000 + pick % 60_000,
            Act::Confirm | Act::Crash | Act::Linger | Act::EndLinger => {}
        }
        let head = self.git.head();
        self.note(
            0,
            "person",
            format_args!("{act:?} {}: head {}", pick % 1000, head.short()),
        );
    }
}
