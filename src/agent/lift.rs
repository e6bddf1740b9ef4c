use super::held::{self, Found, Held, Place, Seen};
use super::{Checked, edges};
use crate::catalog::MAX_FILE_BYTES;
use crate::git::{Author, OwnClone};
use crate::history::Resume;
use crate::manifest::{self, TagChange};
use crate::model::{CommitId, FieldId, ObjectId, RepoPath, Tag};
use crate::port::{ConfigRepo, FileEdit, NewCommit, PushOutcome};
use anyhow::{Context as _, bail};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// How holds are lifted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lift {
    /// The tags that were taken back may be chosen again.
    Resume,
    /// The tag that was taken back last (or the one that is named) is written into the file again.
    Release,
}

/// Which holds are meant.
#[derive(Debug, Clone, Default)]
pub struct Meant {
    /// Their objects; all, if empty.
    pub objects: Vec<ObjectName>,
    /// Their objects' namespace, where their own names say none.
    pub namespace: Option<String>,
    /// The field within their objects.
    pub field: Option<String>,
    /// The tag that was taken back; a field's others stay held.
    pub tag: Option<Tag>,
}

/// An object as people name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectName {
    /// Its namespace, where said.
    pub namespace: Option<String>,
    /// Its kind, in any case of letters.
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// What was lifted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lifted {
    /// The commit that says so; `None` if nothing of what is meant is held, so that there was nothing to do.
    pub commit: Option<CommitId>,
    /// The holds that it lifted, with the tags that it lifted.
    pub lifted: Vec<Held>,
}

/// Tries to be the first on the branch.
const RACES: u32 = 8;

/// Lifts holds on the configured branch, by a commit that is pushed with the deploy key.
///
/// # Errors
/// There is no such image field, or the name fits in several namespaces; the repository could not be read or written.
pub async fn lift(mut checked: Checked, author: Option<Author>, lift: Lift, meant: &Meant) -> anyhow::Result<Lifted> {
    let scratch = tempfile::tempdir()?;
    if let Some(author) = author {
        checked.settings.automation.author = author;
    }
    checked.settings.repo.limits.depth = None;
    let repo = edges::writing_scratch_repo(&mut checked, scratch.path()).await?;
    let seen = Seen {
        paths: checked.settings.repo.paths.clone(),
        until: checked.settings.automation.hold,
        place: String::new(),
    };
    on(&repo, &seen, lift, meant).await
}

/// The same on a branch that the user's git program can push.
///
/// # Errors
/// As [`lift`].
pub async fn lift_in_clone(repo: &OwnClone, lift: Lift, meant: &Meant) -> anyhow::Result<Lifted> {
    on(repo, &Seen::default(), lift, meant).await
}

async fn on(repo: &impl ConfigRepo, seen: &Seen, lift: Lift, meant: &Meant) -> anyhow::Result<Lifted> {
    for _ in 0..RACES {
        let found = held::find(repo, seen).await?;
        let chosen = chosen(&found, meant)?;
        let lifted: Vec<Held> = chosen.iter().map(|(held, _)| held.clone()).collect();
        if lifted.is_empty() {
            return Ok(Lifted { commit: None, lifted });
        }
        let edits = match lift {
            Lift::Resume => Vec::new(),
            Lift::Release => edits(repo, &found, &chosen).await?,
        };
        let commit = NewCommit {
            parent: found.tip,
            edits,
            message: message(lift, meant, &chosen),
            time: Timestamp::now(),
        };
        match repo.commit_and_push(vec![commit]).await? {
            PushOutcome::Landed(commit) => {
                let commit = Some(commit);
                return Ok(Lifted { commit, lifted });
            }
            PushOutcome::Lost => {}
            PushOutcome::Refused(words) => bail!("nothing was changed, since the commit was not taken: {words}"),
            PushOutcome::ReadOnly(words) => bail!(
                "the deploy key may not write: {words}; give it write access (`tidegate identity` prints it), or use --repo, \
                 which pushes in your own name"
            ),
        }
    }
    bail!("the branch moved first {RACES} times in a row; try again")
}

impl Meant {
    fn is(&self, name: Option<&ObjectName>, field: &FieldId) -> bool {
        let object = &field.object;
        let namespace = name
            .and_then(|name| name.namespace.as_ref())
            .or(self.namespace.as_ref());
        name.is_none_or(|name| name.kind.eq_ignore_ascii_case(&object.kind) && name.name == object.name)
            && namespace.is_none_or(|namespace| object.namespace.as_deref().unwrap_or_default() == namespace)
            && self.field.as_ref().is_none_or(|name| *name == field.field.0)
    }

    fn includes(&self, field: &FieldId) -> bool {
        let mut names = self.objects.iter();
        self.objects.is_empty() && self.is(None, field) || names.any(|name| self.is(Some(name), field))
    }

    /// What is named has to be there, and held no more than once.
    fn check(&self, found: &Found) -> anyhow::Result<()> {
        let names: Vec<String> = found.held.iter().map(|(held, _)| held.name()).collect();
        let names = if names.is_empty() {
            "nothing is held".to_owned()
        } else {
            format!("held are: {}", names.join(", "))
        };
        for name in &self.objects {
            if !found.fields.iter().any(|field| self.is(Some(name), field)) {
                bail!("there is no image field of {}; {names}", self.shown(name));
            }
            let held = found.held.iter().map(|(_, place)| &place.field);
            let held: BTreeSet<&ObjectId> = held
                .filter(|field| self.is(Some(name), field))
                .map(|field| &field.object)
                .collect();
            if held.len() > 1 {
                bail!(
                    "{} is in several namespaces; say with -n which one is meant; {names}",
                    self.shown(name)
                );
            }
        }
        Ok(())
    }

    fn shown(&self, name: &ObjectName) -> String {
        let namespace = name.namespace.as_ref().or(self.namespace.as_ref());
        let namespace = namespace.map_or(String::new(), |namespace| format!(" in the namespace {namespace}"));
        let field = self
            .field
            .as_ref()
            .map_or(String::new(), |field| format!(" with the name {field}"));
        format!("{}/{}{namespace}{field}", name.kind, name.name)
    }
}

/// What is meant of what is held, with the tags that are meant of those that were taken back.
fn chosen(found: &Found, meant: &Meant) -> anyhow::Result<Vec<(Held, Place)>> {
    meant.check(found)?;
    let held = found.held.iter().filter(|(_, place)| meant.includes(&place.field));
    let is = |tag: &Tag| meant.tag.as_ref().is_none_or(|only| only == tag);
    let chosen = held.map(|(held, place)| {
        let (mut held, mut place) = (held.clone(), place.clone());
        held.rejected.retain(is);
        place.rejected.retain(|rejected| is(&rejected.tag));
        (held, place)
    });
    Ok(chosen.filter(|(held, _)| !held.rejected.is_empty()).collect())
}

/// What stood there meanwhile is left for the tag that is released, as if by hand: of all that was taken back only that is lifted
/// which is named.
fn message(lift: Lift, meant: &Meant, chosen: &[(Held, Place)]) -> String {
    let verb = match lift {
        Lift::Resume => "Resume",
        Lift::Release => "Release",
    };
    let subject = match chosen {
        [(held, _)] => format!("{verb} {}", held.name()),
        several => format!("{verb} {} image fields", several.len()),
    };
    let lines: Vec<String> = chosen
        .iter()
        .map(|(held, _)| format!("- {}: {}", held.name(), held.tags()))
        .collect();
    let trailers = chosen.iter().flat_map(|(held, place)| {
        let field = &place.field;
        match (lift, &meant.tag) {
            (Lift::Resume, None) => vec![Resume::Field(field.clone()).trailer()],
            _ => {
                let tags = held.rejected.iter();
                tags.map(|tag| Resume::Tag(field.clone(), tag.clone()).trailer())
                    .collect()
            }
        }
    });
    let trailers: BTreeSet<String> = trailers.collect();
    let trailers: Vec<String> = trailers.into_iter().collect();
    let plain = |text: String| {
        text.chars()
            .filter(|c| *c == '\n' || !c.is_control())
            .collect::<String>()
    };
    format!(
        "{}\n\n{}\n\n{}\n",
        plain(subject),
        plain(lines.join("\n")),
        trailers.join("\n")
    )
}

async fn edits(repo: &impl ConfigRepo, found: &Found, chosen: &[(Held, Place)]) -> anyhow::Result<Vec<FileEdit>> {
    let mut changes: BTreeMap<&RepoPath, Vec<TagChange>> = BTreeMap::new();
    for (held, place) in chosen {
        let wanted = place.rejected.last();
        let wanted = wanted.with_context(|| format!("{}: nothing of it was taken back", held.name()))?;
        changes.entry(&place.path).or_default().push(TagChange {
            object: place.field.object.clone(),
            field: place.field.field.clone(),
            tag: wanted.tag.clone(),
            digest: wanted.digest.clone(),
        });
    }
    let mut edits = Vec::new();
    for (path, changes) in changes {
        let from = *found.blobs.get(path).with_context(|| format!("{path} is gone"))?;
        let content = repo.blobs(vec![from], MAX_FILE_BYTES).await?.pop().flatten();
        let content = content.with_context(|| format!("{path}: the file is too large"))?;
        let bytes = manifest::set_tags(path, &content, &changes).map_err(|refused| anyhow::anyhow!("{refused}"))?;
        edits.push(FileEdit {
            path: path.clone(),
            from,
            bytes,
        });
    }
    Ok(edits)
}
