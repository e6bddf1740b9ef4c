//! Random histories against the rules as sets over ancestors: slow, without states, without an order of reading.

use super::*;
use crate::model::{CommitId, FieldId, FieldName, ObjectId, Tag};
use jiff::Timestamp;
use proptest::prelude::*;
use std::collections::BTreeSet;

const FIELDS: usize = 2;
const TAGS: u8 = 4;

/// A commit: the tags of its fields (`None`: the field does not exist), the fields that it has a trailer for, what it resumes,
/// and the clock of its committer. It resumes one field, or all fields if the number is not the number of a field; and one
/// tag, or all tags if no tag is named.
#[derive(Debug, Clone)]
struct Drawn {
    parents: Vec<usize>,
    says: [Option<u8>; FIELDS],
    ours: [bool; FIELDS],
    resumes: Option<(usize, Option<u8>)>,
    clock: i64,
}

/// Commits, parents first; the last one is the tip and everybody's descendant.
#[derive(Debug)]
struct Dag(Vec<Drawn>);

/// A version, the commit that rejected it, and when.
type Rejections = BTreeSet<(u8, usize, i64)>;

impl Dag {
    /// Itself and all commits before it, as bits.
    fn ancestors(&self, commit: usize) -> u64 {
        let parents = self.0[commit].parents.iter();
        parents.fold(1 << commit, |known, parent| known | self.ancestors_of(*parent, known))
    }

    fn ancestors_of(&self, commit: usize, known: u64) -> u64 {
        if known >> commit & 1 == 1 {
            return 0;
        }
        self.ancestors(commit)
    }

    fn members(&self, set: u64) -> impl Iterator<Item = usize> {
        (0..self.0.len()).filter(move |commit| set >> commit & 1 == 1)
    }

    fn before(&self, commit: usize) -> u64 {
        self.ancestors(commit) & !(1 << commit)
    }

    fn says(&self, commit: usize, field: usize) -> Option<u8> {
        self.0[commit].says[field]
    }

    fn parents(&self, commit: usize) -> impl Iterator<Item = Option<usize>> {
        let parents = &self.0[commit].parents;
        let root = parents.is_empty().then_some(None);
        parents.iter().map(|parent| Some(*parent)).chain(root)
    }

    /// The lines from which a commit changes a field.
    fn changes(&self, commit: usize, field: usize) -> Vec<(Option<usize>, Option<u8>)> {
        let lines = self
            .parents(commit)
            .map(|parent| (parent, parent.and_then(|parent| self.says(parent, field))));
        lines.filter(|(_, from)| *from != self.says(commit, field)).collect()
    }

    fn bumps(&self, commit: usize, field: usize) -> bool {
        self.0[commit].ours[field] && self.says(commit, field).is_some() && !self.changes(commit, field).is_empty()
    }

    /// The commits at or before one that bumped a field to a tag.
    fn bumps_to(&self, commit: usize, field: usize, tag: u8) -> Vec<usize> {
        let bumps = self.members(self.ancestors(commit));
        bumps
            .filter(|bump| self.bumps(*bump, field) && self.says(*bump, field) == Some(tag))
            .collect()
    }

    fn knows(&self, commit: usize, field: usize, tag: Option<u8>) -> bool {
        tag.is_some_and(|tag| !self.bumps_to(commit, field, tag).is_empty())
    }

    fn resumes(&self, commit: usize, field: usize, tag: u8) -> bool {
        self.0[commit]
            .resumes
            .is_some_and(|(which, only)| which >= FIELDS || which == field && only.is_none_or(|only| only == tag))
    }

    fn lifts(&self, commit: usize, field: usize, tag: u8) -> bool {
        self.resumes(commit, field, tag)
            || self.says(commit, field) == Some(tag) && !self.changes(commit, field).is_empty()
    }

    /// The rejections before a commit that no commit of the set lifted.
    fn live(&self, rejected: &[(usize, u8)], commits: u64, field: usize) -> Vec<(usize, u8)> {
        let live = rejected.iter().copied().filter(|(by, tag)| {
            let mut lifters = self
                .members(commits)
                .filter(|lifter| self.before(*lifter) >> by & 1 == 1);
            commits >> by & 1 == 1 && !lifters.any(|lifter| self.lifts(lifter, field, *tag))
        });
        live.collect()
    }

    /// All that was ever rejected: by which commit, and what.
    fn rejections(&self, field: usize) -> Vec<(usize, u8)> {
        let mut rejected: Vec<(usize, u8)> = Vec::new();
        for commit in 0..self.0.len() {
            let to = self.says(commit, field);
            if self.bumps(commit, field) {
                continue;
            }
            let mut new = BTreeSet::new();
            for (line, from) in self.changes(commit, field) {
                let (Some(line), Some(tag)) = (line, from) else {
                    continue;
                };
                if !self.knows(line, field, from) || self.resumes(commit, field, tag) {
                    continue;
                }
                let excused = if self.0[commit].parents.len() == 1 {
                    let up = self.live(&rejected, self.ancestors(line), field);
                    let up: Vec<usize> = up
                        .iter()
                        .filter(|(_, held)| Some(*held) == to)
                        .map(|(by, _)| *by)
                        .collect();
                    let since = self.bumps_to(line, field, tag);
                    let since = since
                        .iter()
                        .any(|bump| up.iter().any(|by| self.before(*bump) >> by & 1 == 1));
                    !up.is_empty() && !since
                } else {
                    let known = self.live(&rejected, self.ancestors(commit), field);
                    known.iter().any(|(_, held)| *held == tag)
                        || self.0[commit].parents.iter().any(|other| {
                            let newer = self.knows(*other, field, to) && !self.knows(line, field, to);
                            self.says(*other, field) == to && (self.knows(*other, field, from) || newer)
                        })
                };
                if !excused {
                    new.insert((commit, tag));
                }
            }
            rejected.extend(new);
        }
        rejected
    }

    fn depth(&self, commit: usize) -> usize {
        let parents = self.0[commit].parents.iter();
        parents.map(|parent| self.depth(*parent) + 1).max().unwrap_or(0)
    }

    fn at(&self, commit: usize) -> i64 {
        let bumps = self
            .members(self.before(commit))
            .filter(|bump| self.0[*bump].ours.contains(&true));
        let bumps = bumps.map(|bump| self.0[bump].clock);
        bumps.fold(self.0[commit].clock, i64::max)
    }

    /// The held tags at a commit. If a tag was rejected several times, the rejection that is furthest along counts.
    fn held(&self, tip: usize, field: usize) -> Rejections {
        let live = self.live(&self.rejections(field), self.ancestors(tip), field);
        let furthest = |(by, tag): &(usize, u8)| {
            let rank = |commit: usize| (self.depth(commit), self.at(commit), commit);
            live.iter()
                .all(|(other, held)| held != tag || rank(*other) <= rank(*by))
        };
        let furthest = live.iter().filter(|rejection| furthest(rejection));
        furthest.map(|(by, tag)| (*tag, *by, self.at(*by))).collect()
    }

    /// The commit in the form that the reader passes to the index.
    fn step(&self, commit: usize) -> Commit {
        let here = &self.0[commit];
        let from = |line: Option<usize>| -> Vec<FieldChange> {
            let fields = (0..FIELDS).map(|field| FieldChange {
                field: field_id(field),
                from: version(line.and_then(|line| self.says(line, field))),
                to: version(here.says[field]),
                image_from: IMAGE.to_owned(),
                image_to: IMAGE.to_owned(),
                was: None,
            });
            fields.filter(|change| change.from != change.to).collect()
        };
        let mut lines = self.parents(commit).map(from);
        let bumps = (0..FIELDS).filter(|field| here.ours[*field]).filter_map(|field| {
            Some(Bump {
                field: field_id(field),
                image: IMAGE.to_owned(),
                new_image: None,
                old: None,
                new: version(here.says[field]).tag?,
                digest: None,
                pinned: false,
                old_digest: None,
            })
        });
        Commit {
            commit: id(commit),
            parents: here.parents.iter().map(|parent| id(*parent)).collect(),
            author: "Jo <jo@acme.example>".to_owned(),
            committed_at: Timestamp::from_second(here.clock).unwrap(),
            ours: bumps.collect(),
            resumes: here
                .resumes
                .map(|(which, only)| match version(only).tag {
                    _ if which >= FIELDS => Resume::All,
                    None => Resume::Field(field_id(which)),
                    Some(tag) => Resume::Tag(field_id(which), tag),
                })
                .into_iter()
                .collect(),
            changes: lines.next().unwrap_or_default(),
            merged: lines.collect(),
        }
    }
}

const IMAGE: &str = "registry.example/shop/web";

fn id(commit: usize) -> CommitId {
    CommitId::from_bytes([u8::try_from(commit).unwrap(); 20])
}

fn version(tag: Option<u8>) -> ImageVersion {
    ImageVersion {
        tag: tag.map(|tag| Tag::parse(&format!("t{tag}")).unwrap()),
        digest: None,
    }
}

fn field_id(field: usize) -> FieldId {
    FieldId {
        object: ObjectId::new("apps/v1", "Deployment", Some("shop"), "web"),
        field: FieldName(format!("c{field}")),
    }
}

fn rejections(index: &mut HoldIndex, field: usize) -> Rejections {
    let holds = index.holds();
    let rejected = holds
        .get(&field_id(field))
        .map(|hold| hold.rejected.as_slice())
        .unwrap_or_default();
    let rejections = rejected.iter().map(|rejected| {
        let tag: u8 = rejected.tag.as_str().trim_start_matches('t').parse().unwrap();
        let by = usize::from(rejected.commit.as_bytes()[0]);
        (tag, by, rejected.at.as_second())
    });
    rejections.collect()
}

/// The commits that a branch pointed to, one after the other.
fn tips(dag: &Dag) -> Vec<usize> {
    let mut tips = vec![dag.0.len() - 1];
    while let Some(first) = tips.last().and_then(|tip| dag.0[*tip].parents.first()) {
        tips.push(*first);
    }
    tips.reverse();
    tips
}

fn written(index: &HoldIndex) -> Vec<u8> {
    let mut form = Form::default();
    index.write(&mut form);
    form.into_bytes()
}

/// The index, written and read.
fn again(index: &HoldIndex) -> Option<HoldIndex> {
    let written = written(index);
    let mut bytes = Bytes::of(&written);
    HoldIndex::read(&mut bytes).filter(|_| bytes.is_at_end())
}

/// A commit as drawn: which parents, which kind, which field, which tag, which clock.
type Draw = ([u8; 3], u8, u8, u8, u8);

fn dag(draws: Vec<Draw>) -> Dag {
    let mut commits: Vec<Drawn> = Vec::new();
    for (index, (lines, kind, which, tag, clock)) in draws.iter().enumerate() {
        // Parents are near the end, so that lines are long and few.
        let near = |line: u8| index - 1 - usize::from(line % 4).min(index - 1);
        let mut parents: Vec<usize> = Vec::new();
        let parent_count = if index == 0 {
            0
        } else {
            [1, 1, 1, 1, 2, 2, 3][usize::from(kind / 16 % 7)]
        };
        for line in lines.iter().take(parent_count) {
            let parent = if parent_count == 1 && line % 8 < 5 {
                index - 1
            } else {
                near(*line)
            };
            if !parents.contains(&parent) {
                parents.push(parent);
            }
        }
        let mut commit = Drawn {
            says: parents.first().map_or([None; FIELDS], |parent| commits[*parent].says),
            ours: [false; FIELDS],
            resumes: None,
            clock: i64::from(*clock % 40) + i64::try_from(index).unwrap() * 10,
            parents,
        };
        let field = usize::from(*which) % FIELDS;
        let moves = match commit.parents.as_slice() {
            [_, other, ..] if kind % 16 < 13 => {
                // Mostly a merge takes each field from one of its lines.
                if kind % 2 == 0 {
                    commit.says[field] = commits[*other].says[field];
                }
                false
            }
            _ => kind % 16 != 15,
        };
        if moves {
            commit.says[field] = (tag % 9 != 8).then_some(tag % TAGS);
            commit.ours[field] = kind % 16 < 7 && commit.says[field].is_some();
        }
        if kind % 16 == 15 || tag % 32 == 31 {
            let only = (clock % 3 == 0).then_some(clock / 40 % TAGS);
            commit.resumes = Some((usize::from(*which) % (FIELDS + 1), only));
        }
        commits.push(commit);
    }
    // Only what the tip descends from.
    let all = Dag(commits);
    let Some(tip) = all.0.len().checked_sub(1) else {
        return all;
    };
    let kept: Vec<usize> = all.members(all.ancestors(tip)).collect();
    let new_index = |commit: &usize| kept.iter().position(|kept| kept == commit).unwrap();
    let renumbered = kept.iter().map(|commit| {
        let commit = all.0[*commit].clone();
        let parents = commit.parents.iter().map(new_index).collect();
        Drawn { parents, ..commit }
    });
    Dag(renumbered.collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(2000), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_histories_with_merges_hold_what_the_rules_say(draws in prop::collection::vec(any::<Draw>(), 1..28)) {
        let dag = dag(draws);
        let mut index = HoldIndex::default();
        (0..dag.0.len()).for_each(|commit| index.push(dag.step(commit)));
        for field in 0..FIELDS {
            prop_assert_eq!(rejections(&mut index, field), dag.held(dag.0.len() - 1, field), "field {} of {:#?}", field, dag);
        }
    }

    /// Processes that read on from each other's checkpoints, taken anywhere, know what one who read the whole history knows.
    #[test]
    fn a_history_read_on_from_checkpoints_says_what_it_says_as_a_whole(
        draws in prop::collection::vec(any::<Draw>(), 1..28),
        ends: [bool; 28],
        looks: [bool; 28],
    ) {
        let dag = dag(draws);
        let mut resumed = HoldIndex::default();
        let mut seen = 0;
        for tip in tips(&dag) {
            let all = dag.ancestors(tip);
            dag.members(all & !seen).for_each(|commit| resumed.push(dag.step(commit)));
            seen = all;
            if ends[tip] {
                resumed = again(&resumed).expect("what was written is read");
            }
            if looks[tip] || tip + 1 == dag.0.len() {
                let mut whole = HoldIndex::default();
                dag.members(all).for_each(|commit| whole.push(dag.step(commit)));
                prop_assert_eq!(resumed.holds(), whole.holds(), "at {} of {:#?}", tip, dag);
            }
        }
        let mut whole = HoldIndex::default();
        (0..dag.0.len()).for_each(|commit| whole.push(dag.step(commit)));
        for bump in (0..dag.0.len()).flat_map(|commit| dag.step(commit).ours) {
            prop_assert!(resumed.has_bump(&bump) && whole.has_bump(&bump));
        }
        let again = again(&whole).expect("what was written is read");
        prop_assert_eq!(again.written(), whole.written());
        prop_assert_eq!(written(&again), written(&whole));
    }

    /// Whoever watched every push knows what one who starts from nothing knows.
    #[test]
    fn a_history_read_piece_by_piece_says_what_it_says_as_a_whole(draws in prop::collection::vec(any::<Draw>(), 1..28)) {
        let dag = dag(draws);
        let mut watching = HoldIndex::default();
        let mut seen = 0;
        for tip in tips(&dag) {
            let all = dag.ancestors(tip);
            dag.members(all & !seen).for_each(|commit| watching.push(dag.step(commit)));
            seen = all;
            let mut fresh = HoldIndex::default();
            dag.members(all).for_each(|commit| fresh.push(dag.step(commit)));
            prop_assert_eq!(watching.holds(), fresh.holds(), "at {} of {:#?}", tip, dag);
        }
    }
}

proptest! {
    /// No bytes make a panic, whatever was done to them.
    #[test]
    fn a_damaged_checkpoint_is_read_or_refused(
        draws in prop::collection::vec(any::<Draw>(), 1..8),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        length: prop::sample::Index,
    ) {
        let dag = dag(draws);
        let mut index = HoldIndex::default();
        (0..dag.0.len()).for_each(|commit| index.push(dag.step(commit)));
        let mut bytes = written(&index);
        bytes.truncate(length.index(bytes.len() + 1));
        for (at, byte) in damage {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] ^= byte;
            }
        }
        if let Some(mut index) = HoldIndex::read(&mut Bytes::of(&bytes)) {
            index.holds();
        }
    }
}
