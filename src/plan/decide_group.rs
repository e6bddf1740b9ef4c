use super::bump_plan::{Decision, Outcome};
use super::connected::connected;
use super::field::AutomatedField;
use super::group::GroupMove;
use super::observed::DecidedField;
use crate::model::Tag;
use crate::policy::{Eligibility, TagPart, Verdict};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Whether a tag fits the group.
pub type Fits<'a> = dyn Fn(&Tag) -> bool + 'a;

/// Answers about one member of a group.
pub trait AskMember {
    /// Decides about a member as if its repositories had only the tags that fit.
    fn decide(&mut self, member: usize, fits: &Fits<'_>) -> DecidedField;

    /// All tags that a member may move to, the first one first.
    fn eligible(&mut self, member: usize) -> Vec<Tag>;

    /// What is said about the first tag of a member that fits; `None` if there is none.
    fn verdict(&mut self, member: usize, fits: &Fits<'_>) -> Option<Verdict>;
}

/// The fields that are decided together, by their places: those that groups join. A group of one field joins nothing.
pub fn units(fields: &[&AutomatedField]) -> Vec<Vec<usize>> {
    let names = |field: &&'_ AutomatedField| field.groups.iter().map(|group| group.name.clone()).collect();
    let mut units = connected(fields.iter().map(names));
    units.retain(|unit| unit.len() > 1);
    units
}

/// The most moves of a group that are tried. A move that its parts allow fails only where a tag is written for several
/// repositories that do not agree.
const MOST_TRIES: usize = 16;

/// Decides about the fields of a group together, from what was decided about each alone. Either all of them move to tags that
/// fit each other, or stay where they are if they fit already; or none moves, and each that could move alone says for which
/// field it waits.
///
/// A group does not move while one of its fields is locked, pinned, unknown or without a usable policy. A field that is held
/// keeps the group back until the field itself may move.
pub fn decide_group(fields: &[&AutomatedField], alone: &[DecidedField], ask: &mut dyn AskMember) -> Vec<DecidedField> {
    let mut unit = Unit::new(fields, alone);
    if let Some(obstacle) = unit.obstacle() {
        return unit.wait_for(&obstacle);
    }
    unit.learn(ask);
    let mut failed = None;
    for part in unit.common_parts().into_iter().take(MOST_TRIES) {
        match unit.move_to(&part, ask) {
            Ok(moved) => return unit.moved(moved, &part, ask),
            Err(obstacle) if obstacle.outcome == Outcome::Unknown => return unit.wait_for(&obstacle),
            Err(obstacle) => drop(failed.get_or_insert(obstacle)),
        }
    }
    let decided = alone.iter().enumerate().map(|(at, alone)| match &alone.bump {
        Some(_) => unit.waiting(at, &unit.obstacle_of(at, failed.as_ref(), ask)),
        None => alone.clone(),
    });
    decided.collect()
}

/// What keeps a group from a move: a member, and what is said about it.
struct Obstacle {
    member: usize,
    outcome: Outcome,
    reason: String,
}

/// The members of a group, with what was decided about each alone.
struct Unit<'a> {
    fields: &'a [&'a AutomatedField],
    alone: &'a [DecidedField],
    /// The expression of each member that finds the part to compare; `None` where the whole tag counts.
    expressions: Vec<Option<&'a TagPart>>,
    /// A member without an expression among several others.
    without: Option<usize>,
    /// The parts that each member may move to.
    options: Vec<BTreeSet<String>>,
    /// The parts that the first member may move to, the first one first.
    first: Vec<String>,
    /// The part of the current tag, where the member may stay at this tag while others move.
    current: Vec<Option<String>>,
}

impl<'a> Unit<'a> {
    fn new(fields: &'a [&'a AutomatedField], alone: &'a [DecidedField]) -> Self {
        let own = fields
            .iter()
            .map(|field| field.groups.first().and_then(|group| group.part.as_ref()));
        let mut expressions: Vec<Option<&TagPart>> = own.collect();
        let mut different: Vec<&TagPart> = Vec::new();
        for expression in expressions.iter().flatten() {
            if !different.contains(expression) {
                different.push(expression);
            }
        }
        let without = match *different {
            [] => None,
            [only] => {
                expressions.fill(Some(only));
                None
            }
            _ => expressions.iter().position(Option::is_none),
        };
        Self {
            fields,
            alone,
            expressions,
            without,
            options: Vec::new(),
            first: Vec::new(),
            current: Vec::new(),
        }
    }

    /// Asks which tags each member may have.
    fn learn(&mut self, ask: &mut dyn AskMember) {
        for member in 0..self.fields.len() {
            let eligible = ask.eligible(member);
            let parts: Vec<String> = eligible.iter().filter_map(|tag| self.part(member, tag)).collect();
            self.options.push(parts.iter().cloned().collect());
            self.current.push(self.current(member));
            if member == 0 {
                self.first = parts;
            }
        }
    }

    /// The part of a tag of a member that must be equal in the whole group.
    fn part(&self, member: usize, tag: &Tag) -> Option<String> {
        match self.expressions[member] {
            Some(expression) => expression.of(tag.as_str()),
            None => Some(tag.as_str().to_owned()),
        }
    }

    fn current(&self, member: usize) -> Option<String> {
        let may_stay = !self.alone[member].decision.is_held();
        let tag = self.fields[member].image.tag().filter(|_| may_stay)?;
        self.part(member, tag)
    }

    /// The member that keeps the group back whatever the tags are.
    fn obstacle(&self) -> Option<Obstacle> {
        let is_stuck = |decided: &DecidedField| {
            use Outcome::{InvalidPolicy, Locked, Pinned, Unknown};
            matches!(decided.decision.outcome, InvalidPolicy | Locked | Pinned | Unknown)
        };
        if let Some(member) = self.alone.iter().position(is_stuck) {
            let Decision { outcome, reason, .. } = &*self.alone[member].decision;
            return Some(Obstacle {
                member,
                outcome: *outcome,
                reason: reason.clone(),
            });
        }
        self.without.map(|member| Obstacle {
            member,
            outcome: Outcome::InvalidPolicy,
            reason: "the group has several group.match annotations, and the workload has none; give the workload one"
                .to_owned(),
        })
    }

    /// The parts that every member can have after the move of at least one member, in the order of the first member.
    fn common_parts(&self) -> Vec<String> {
        let mut seen = BTreeSet::new();
        let all = self.first.iter().chain(&self.current[0]);
        let can_have = |part: &String| {
            let mut members = self.options.iter().zip(&self.current);
            members.all(|(options, current)| options.contains(part) || current.as_ref() == Some(part))
        };
        let moves = |part: &String| self.options.iter().any(|options| options.contains(part));
        let parts = all.filter(|part| seen.insert(*part) && moves(part) && can_have(part));
        parts.cloned().collect()
    }

    /// What is decided about each member if the tags must have this part.
    fn move_to(&self, part: &str, ask: &mut dyn AskMember) -> Result<Vec<DecidedField>, Obstacle> {
        let mut moved = Vec::new();
        for member in 0..self.fields.len() {
            let decided = ask.decide(member, &self.fits(member, part));
            let Decision { outcome, reason, .. } = &*decided.decision;
            let stays = self.current[member].as_deref() == Some(part) && *outcome != Outcome::Unknown;
            if decided.bump.is_none() && !stays {
                return Err(Obstacle {
                    member,
                    outcome: *outcome,
                    reason: reason.clone(),
                });
            }
            moved.push(decided);
        }
        match moved.iter().any(|decided| decided.bump.is_some()) {
            true => Ok(moved),
            false => Err(Obstacle {
                member: 0,
                outcome: Outcome::Waiting,
                reason: format!("nothing moves to {part}"),
            }),
        }
    }

    fn fits(&self, member: usize, part: &str) -> impl Fn(&Tag) -> bool {
        move |tag| self.part(member, tag).as_deref() == Some(part)
    }

    /// The decisions about a group that moves.
    fn moved(&self, moved: Vec<DecidedField>, part: &str, ask: &mut dyn AskMember) -> Vec<DecidedField> {
        let members = moved.into_iter().enumerate();
        let decided = members.map(|(at, decided)| match decided.bump.is_some() {
            true => self.bumped(at, decided, part, ask),
            false if self.alone[at].bump.is_some() => self.waiting(at, &self.obstacle_of(at, None, ask)),
            false => self.alone[at].clone(),
        });
        decided.collect()
    }

    fn bumped(&self, at: usize, mut decided: DecidedField, part: &str, ask: &mut dyn AskMember) -> DecidedField {
        let alone = &self.alone[at];
        let name = self.name(at);
        let Some(bump) = &mut decided.bump else { return decided };
        bump.reason = match &alone.bump {
            Some(newest) if newest.to != bump.to => {
                let after = bump
                    .from
                    .as_ref()
                    .map_or(String::new(), |from| format!(", after {from}"));
                let waits = self.waiting(at, &self.obstacle_of(at, None, ask));
                format!(
                    "{} is the newest tag that fits the group {name}{after}; {}",
                    bump.to, waits.decision.reason
                )
            }
            _ => format!("{}; the group {name} moves together", bump.reason),
        };
        bump.group = Some(GroupMove {
            name: name.to_owned(),
            part: part.to_owned(),
        });
        let decision = Arc::make_mut(&mut decided.decision);
        decision.reason.clone_from(&bump.reason);
        decision.newest.clone_from(&alone.decision.newest);
        decided.rests_on_since |= alone.rests_on_since;
        decided
    }

    /// The decisions about a group in which nothing moves, because of one member.
    fn wait_for(&self, obstacle: &Obstacle) -> Vec<DecidedField> {
        let decided = (0..self.fields.len()).map(|at| match &self.alone[at].bump {
            Some(_) => self.waiting(at, obstacle),
            None => self.alone[at].clone(),
        });
        decided.collect()
    }

    /// What keeps a member from the tag that it would take alone.
    fn obstacle_of(&self, at: usize, failed: Option<&Obstacle>, ask: &mut dyn AskMember) -> Obstacle {
        let tag = self.alone[at].bump.as_ref().map(|bump| &bump.to);
        let Some(part) = tag.and_then(|tag| self.part(at, tag)) else {
            let expression = self.expressions[at].map_or("", TagPart::as_str);
            return Obstacle {
                member: at,
                outcome: Outcome::Waiting,
                reason: format!("{expression} finds no part in it, so that nothing says which tags fit it"),
            };
        };
        let lacks = |other: &usize| {
            let can_have = self.options[*other].contains(&part) || self.current[*other].as_ref() == Some(&part);
            *other != at && !can_have
        };
        if let Some(other) = (0..self.fields.len()).find(lacks) {
            return self.explain(other, &part, ask);
        }
        match failed {
            Some(Obstacle {
                member,
                outcome,
                reason,
            }) => Obstacle {
                member: *member,
                outcome: *outcome,
                reason: reason.clone(),
            },
            None => Obstacle {
                member: 0,
                outcome: Outcome::Waiting,
                reason: "its policy puts another tag first".to_owned(),
            },
        }
    }

    /// Why a member cannot have a part.
    fn explain(&self, member: usize, part: &str, ask: &mut dyn AskMember) -> Obstacle {
        let decision = &self.alone[member].decision;
        let rejected = decision.hold.iter().flat_map(|hold| &hold.rejected).next_back();
        let held = rejected.map_or(String::new(), |rejected| format!("; it is held: {rejected}"));
        let repository = self.fields[member].bumped_image().repository();
        let verdict = ask.verdict(member, &self.fits(member, part));
        let is_refused = verdict.as_ref().map(|verdict| verdict.eligibility) == Some(Eligibility::Held);
        let reason = match (&verdict, self.expressions[member]) {
            (Some(Verdict { tag, reason, .. }), _) if is_refused => format!("{tag} is {reason}"),
            (Some(Verdict { tag, reason, .. }), _) => format!("{tag} {reason}{held}"),
            (None, None) => format!("{repository} has no tag {part}{held}"),
            (None, Some(expression)) => {
                format!(
                    "{repository} has no tag in which {} finds {part}{held}",
                    expression.as_str()
                )
            }
        };
        Obstacle {
            member,
            outcome: match decision.is_held() || is_refused {
                true => Outcome::Held,
                false => Outcome::Waiting,
            },
            reason,
        }
    }

    /// The decision about a member that could move alone.
    fn waiting(&self, at: usize, obstacle: &Obstacle) -> DecidedField {
        let mut waiting = self.alone[at].clone();
        let decision = Arc::make_mut(&mut waiting.decision);
        let (name, reason) = (self.name(at), &obstacle.reason);
        let tag = waiting.bump.take().map_or(String::new(), |bump| bump.to.to_string());
        decision.outcome = obstacle.outcome.of_those_who_wait();
        decision.reason = match obstacle.member == at {
            true => format!("{tag} waits (group {name}): {reason}"),
            false => format!(
                "{tag} waits for {} (group {name}): {reason}",
                self.fields[obstacle.member].field
            ),
        };
        waiting
    }

    fn name(&self, at: usize) -> &str {
        self.fields[at].groups.first().map_or("", |group| &group.name)
    }
}
