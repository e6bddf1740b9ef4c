//! The judgement: pure.

use std::collections::{BTreeMap, BTreeSet};

use super::bump::{BUMP, Bump, RESUME, REVERT, tag_in};
use super::{Entry, Fate, Fault, History, Hunk, Kind, Pushed, Verdict};

/// A field, by its file and its image's name.
type Field = (String, String);

/// What happened to one field so far.
#[derive(Debug, Default)]
struct Past {
    value: Option<String>,
    /// By whom a tag was set: the agent, or a person.
    by_agent: BTreeMap<String, String>,
    by_hand: BTreeMap<String, String>,
    /// Tags of the agent's that a person moved the field away from, and with which commit.
    rejected: BTreeMap<String, (String, i64)>,
}

/// One change of a field.
struct Move<'a> {
    path: &'a str,
    image: String,
    from: Option<String>,
    to: String,
}

struct Judge<'a> {
    agent: &'a str,
    pushed: &'a [Pushed],
    ranks: BTreeMap<(&'a str, &'a str), usize>,
    pasts: BTreeMap<Field, Past>,
    verdict: Verdict,
}

impl History {
    /// Judges what `agent` (`Name <address>`) did, given all tags in the order of their pushes.
    #[must_use]
    pub fn judge(&self, agent: &str, pushed: &[Pushed]) -> Verdict {
        let ranks = pushed.iter().enumerate();
        let mut judge = Judge {
            agent,
            pushed,
            ranks: ranks
                .map(|(rank, tag)| ((tag.image.as_str(), tag.tag.as_str()), rank))
                .collect(),
            pasts: BTreeMap::new(),
            verdict: Verdict::default(),
        };
        for commit in &self.commits {
            judge.take(commit);
        }
        judge.end(self);
        judge.verdict
    }
}

impl<'a> Judge<'a> {
    fn fault(&mut self, kind: Kind, text: String) {
        self.verdict.faults.push(Fault { kind, text });
    }

    fn take(&mut self, commit: &'a Entry) {
        self.verdict.commits += 1;
        if commit.author == self.agent {
            self.verdict.of_the_agent += 1;
            match commit.trailers.iter().any(|line| line.starts_with(REVERT)) {
                true => self.of_a_failed_rollout(commit),
                false => self.of_the_agent(commit),
            }
        } else {
            self.of_a_person(commit);
        }
        if commit.message.lines().any(|line| line.starts_with(RESUME)) {
            self.pasts.values_mut().for_each(|past| {
                past.rejected.clear();
                past.by_agent.clear();
            });
        }
    }

    fn of_the_agent(&mut self, commit: &'a Entry) {
        let short = short(&commit.id).to_owned();
        let mut wrong = Vec::new();
        if commit.parents.len() != 1 {
            wrong.push(format!("{} parents", commit.parents.len()));
        }
        if commit.committer != commit.author {
            wrong.push(format!("its committer is {}", commit.committer));
        }
        let resumes = commit.trailers.iter().any(|line| line.starts_with(RESUME));
        if commit.changes.is_empty() && !resumes {
            wrong.push("it is empty".to_owned());
        }
        let mut bumps = Vec::new();
        for value in commit.trailers.iter().filter_map(|line| line.strip_prefix(BUMP)) {
            match Bump::parse(value) {
                Ok(bump) => bumps.push(bump),
                Err(why) => wrong.push(format!("a trailer does not parse: {why}")),
            }
        }
        let written = commit.message.lines().filter(|line| line.starts_with(BUMP)).count();
        if written != bumps.len() || (bumps.is_empty() && !resumes) {
            wrong.push(format!(
                "git reads {} trailers of bumps, the message has {written}",
                bumps.len()
            ));
        }
        let (moves, unplanned) = planned(commit, bumps);
        wrong.extend(unplanned);
        for why in wrong {
            self.fault(Kind::Malformed, format!("{short}: {why}"));
        }
        for change in moves {
            self.bump(commit, change);
        }
    }

    /// A commit that takes bumps back rejects their tags, as a person's would.
    fn of_a_failed_rollout(&mut self, commit: &'a Entry) {
        for why in super::sound::faults(commit) {
            self.fault(Kind::Malformed, format!("{}: {why}", short(&commit.id)));
        }
        self.of_a_person(commit);
    }

    fn bump(&mut self, commit: &Entry, change: Move<'_>) {
        let new = change.to;
        let short = short(&commit.id);
        let what = format!("{short}: {} {} to {new}", change.path, change.image);
        let rank = |tag: &str| self.ranks.get(&(change.image.as_str(), tag)).copied();
        let (old_rank, new_rank) = (change.from.as_deref().and_then(rank), rank(&new));
        let pushed_at = new_rank.and_then(|rank| Some(self.pushed.get(rank)?.at));
        let past = self
            .pasts
            .entry((change.path.to_owned(), change.image.clone()))
            .or_default();
        let mut faults = Vec::new();
        match new_rank {
            None => faults.push((Kind::Stale, format!("{what}, which was never pushed"))),
            Some(new_rank) if old_rank.is_some_and(|old| old >= new_rank) => {
                faults.push((Kind::Stale, format!("{what}, down from {:?}", change.from)));
            }
            Some(_) => {}
        }
        if let Some(before) = past.by_agent.insert(new.clone(), short.to_owned()) {
            faults.push((Kind::Doubled, format!("{what}, as {before} did before")));
        }
        for (rejected, (by, at)) in &past.rejected {
            if *rejected == new || pushed_at.is_some_and(|pushed_at| pushed_at < *at) {
                faults.push((Kind::Stale, format!("{what}, though {by} took {rejected} back")));
            }
        }
        past.value = Some(new);
        for (kind, text) in faults {
            self.fault(kind, text);
        }
    }

    fn of_a_person(&mut self, commit: &'a Entry) {
        let short = short(&commit.id);
        let images: BTreeSet<&str> = self.pushed.iter().map(|tag| tag.image.as_str()).collect();
        for change in &commit.changes {
            for image in &images {
                let last = |of: fn(&Hunk) -> &Vec<String>| {
                    let lines = change.hunks.iter().flat_map(of);
                    lines.filter_map(|line| tag_in(line, image)).next_back()
                };
                let (from, to) = (last(|hunk| &hunk.removed), last(|hunk| &hunk.added));
                if from == to {
                    continue;
                }
                let past = self
                    .pasts
                    .entry((change.path.clone(), (*image).to_owned()))
                    .or_default();
                if let Some(tag) = from.filter(|tag| past.by_agent.contains_key(tag)) {
                    past.rejected.insert(tag, (short.to_owned(), commit.committed));
                }
                if let Some(tag) = &to {
                    past.rejected.remove(tag);
                    past.by_hand.insert(tag.clone(), short.to_owned());
                }
                past.value = to;
            }
        }
    }

    fn end(&mut self, history: &History) {
        let mut fields: BTreeMap<Field, Option<String>> = self
            .pasts
            .iter()
            .map(|(field, past)| (field.clone(), past.value.clone()))
            .collect();
        for line in &history.standing {
            for image in self.pushed.iter().map(|tag| tag.image.as_str()) {
                let field = (line.path.clone(), image.to_owned());
                if let Some(tag) = tag_in(&line.text, image) {
                    let moved_to = fields.insert(field, Some(tag.clone())).flatten();
                    if let Some(moved_to) = moved_to.filter(|moved_to| *moved_to != tag) {
                        let text = format!("{} has {image}:{tag}, its commits end at {moved_to}", line.path);
                        self.fault(Kind::Malformed, text);
                    }
                }
            }
        }
        for (rank, tag) in self.pushed.iter().enumerate() {
            let of_this: Vec<(Field, Option<String>)> = fields
                .iter()
                .filter(|((_, image), _)| *image == tag.image)
                .map(|(field, value)| (field.clone(), value.clone()))
                .collect();
            for (field, value) in &of_this {
                let fate = self.fate(field, value.as_deref(), rank, tag);
                if fate == Fate::Lost {
                    let text = format!(
                        "{}:{} never came to {}, which has {value:?}",
                        tag.image, tag.tag, field.0
                    );
                    self.fault(Kind::Lost, text);
                }
                self.verdict.fates.push((tag.clone(), fate));
            }
            if of_this.is_empty() {
                self.fault(Kind::Lost, format!("no field has the image {}", tag.image));
            }
        }
    }

    fn fate(&self, field: &Field, value: Option<&str>, rank: usize, tag: &Pushed) -> Fate {
        let nothing = Past::default();
        let past = self.pasts.get(field).unwrap_or(&nothing);
        if let Some(commit) = past.by_agent.get(&tag.tag) {
            return Fate::Landed(commit.clone());
        }
        if let Some(commit) = past.by_hand.get(&tag.tag) {
            return Fate::ByHand(commit.clone());
        }
        if value == Some(&tag.tag) {
            return Fate::ByHand("the beginning".to_owned());
        }
        let rank_of = |other: &str| self.ranks.get(&(tag.image.as_str(), other)).copied();
        let newer = |other: &str| rank_of(other).is_some_and(|other| other > rank);
        let ever = past.by_agent.keys().chain(past.by_hand.keys());
        if let Some(newer) = ever.map(String::as_str).chain(value).find(|other| newer(other)) {
            return Fate::Superseded(newer.to_owned());
        }
        let held = past.rejected.values().find(|(_, at)| *at >= tag.at);
        held.map_or(Fate::Lost, |(by, _)| Fate::Held(by.clone()))
    }
}

/// The change of each bump, and the faults: changes without a bump, and bumps without a change.
fn planned(commit: &Entry, mut bumps: Vec<Bump>) -> (Vec<Move<'_>>, Vec<String>) {
    let (mut moves, mut wrong) = (Vec::new(), Vec::new());
    for change in &commit.changes {
        let path = change.path.as_str();
        wrong.extend(change.others.iter().map(|other| format!("{path}: {other}")));
        for Hunk { removed, added } in &change.hunks {
            if removed.len() != added.len() {
                wrong.push(format!("{path}: {} lines became {}", removed.len(), added.len()));
            }
            for (removed, added) in removed.iter().zip(added) {
                match bumps.iter().position(|bump| bump.explains(removed, added)) {
                    Some(index) => {
                        let bump = bumps.swap_remove(index);
                        moves.push(Move {
                            path,
                            from: tag_in(removed, &bump.image),
                            to: bump.new,
                            image: bump.image,
                        });
                    }
                    None => wrong.push(format!("{path}: no trailer records {removed:?} -> {added:?}")),
                }
            }
        }
    }
    wrong.extend(bumps.iter().map(|bump| format!("{bump:?} was not made")));
    (moves, wrong)
}

fn short(id: &str) -> &str {
    id.get(..10).unwrap_or(id)
}
