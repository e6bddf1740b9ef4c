use super::members::Member;
use crate::manifest::Lock;
use crate::model::{HoldUntil, ImageRef};
use crate::plan::field::policy;
use crate::plan::group::{Group, groups};
use crate::policy::Policy;

/// What a new tag in a field would change, and what those whom it would move say about it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Affected {
    /// The lock of one of the workloads.
    pub lock: Option<Lock>,
    /// Why no tag may be written, if none may.
    pub refusal: Option<String>,
    /// Why automation may not write a tag unless a marker on the field asks for it.
    pub objection: Option<String>,
    /// The policies of the workloads that have one or are automated, each with the workload.
    pub policies: Vec<(String, Result<Policy, String>)>,
    /// The names under which the image is rendered. The tag must exist under each of them.
    pub images: Vec<ImageRef>,
    /// What ends a hold, if a workload says it.
    pub hold: Option<HoldUntil>,
    /// Whether a rollout that fails takes a bump back: no, if one of the workloads says so.
    pub revert_on_failure: Option<bool>,
    /// The groups of the workloads.
    pub groups: Vec<Group>,
    /// Where the tag is written, for messages.
    location: String,
}

impl Affected {
    /// The one policy of all workloads.
    ///
    /// # Errors
    /// The policies differ, or the tag may not be written.
    pub(super) fn policy(&self) -> Result<Policy, String> {
        if let Some(reason) = self.refusal.as_ref().or(self.objection.as_ref()) {
            return Err(reason.clone());
        }
        match self.policies.first() {
            Some((_, first)) => self.agrees_with(first.clone()),
            None => Ok(Policy::default()),
        }
    }

    /// A policy, if the workloads have no other.
    ///
    /// # Errors
    /// A workload has another policy, or the tag may not be written at all.
    pub fn agrees_with(&self, policy: Result<Policy, String>) -> Result<Policy, String> {
        if let Some(reason) = &self.refusal {
            return Err(reason.clone());
        }
        match self.policies.iter().find(|(_, other)| *other != policy) {
            Some((workload, _)) => Err(format!(
                "{}: the workloads that get their image here have different policies ({workload} has another one); give \
                 them the same one",
                self.location
            )),
            None => policy,
        }
    }
}

impl Affected {
    /// Adds the groups of a workload. All workloads that have a group must have the same one.
    fn join_groups(&mut self, (groups, problem): (Vec<Group>, Option<String>)) {
        if let Some(problem) = problem {
            self.refusal.get_or_insert(problem);
        }
        for group in groups
            .into_iter()
            .filter(|group| !self.groups.contains(group))
            .collect::<Vec<_>>()
        {
            self.groups.push(group);
        }
        if let [first, second, ..] = &*self.groups {
            let different = match first.name == second.name {
                true => format!("different group.match annotations for the group {}", first.name),
                false => format!("different groups ({} and {})", first.name, second.name),
            };
            let location = &self.location;
            self.refusal.get_or_insert_with(|| {
                format!("{location}: the workloads that get their image here have {different}; give them the same one")
            });
        }
    }
}

/// Asks everybody whom a new tag would move.
pub(super) fn asked(location: &str, members: &[Member<'_>]) -> Affected {
    let mut affected = Affected {
        location: location.to_owned(),
        ..Affected::default()
    };
    let alone = members.iter().all(|member| member.label == members[0].label);
    for member in members {
        if let Some(lock) = &member.intent.lock
            && affected.lock.is_none()
        {
            affected.lock = Some(if alone { lock.clone() } else { locked_by(lock, member) });
        }
        affected.hold = affected.hold.max(member.intent.hold);
        affected.revert_on_failure = both(affected.revert_on_failure, member.intent.revert_on_failure);
        if let Some(reason) = &member.refusal {
            affected.refusal.get_or_insert_with(|| reason.to_string());
        }
        if let Some(reason) = &member.immutable {
            affected
                .refusal
                .get_or_insert_with(|| format!("{location} sets the image of {}: {reason}", member.label));
        }
        if !member.suffix.is_empty() {
            affected.refusal.get_or_insert_with(|| {
                format!(
                    "{location}: an entry of images appends the tagSuffix {:?} to the tag for {}; write newTag in that entry \
                     instead",
                    member.suffix, member.label
                )
            });
        }
        let field = member.field.as_ref();
        if let Some(field) = field.filter(|field| member.is_automated() || member.intent.policy(field).is_some()) {
            let policy = policy(member.path, &member.intent, field);
            affected.policies.push((member.label.clone(), policy));
            affected.join_groups(groups(member.path, &member.intent, field));
        }
        if !member.is_automated() && member.intent.lock.is_none() {
            affected
                .objection
                .get_or_insert_with(|| not_automated(location, member));
        }
        if let Ok(image) = ImageRef::parse(&member.name)
            && !affected.images.contains(&image)
        {
            affected.images.push(image);
        }
    }
    affected
}

/// What two workloads say together about failed rollouts: a refusal of one counts.
pub(super) fn both(one: Option<bool>, other: Option<bool>) -> Option<bool> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one && other),
        _ => one.or(other),
    }
}

/// Why automation may not move an image that did not ask for it.
fn not_automated(location: &str, member: &Member<'_>) -> String {
    let label = &member.label;
    match member.intent.automated {
        true => format!(
            "{location}: a new tag here would also change an image of {label} that has no field of its own; give each container \
             of {label} a name of its own"
        ),
        false => format!(
            "{location}: a new tag here would also change {label}, which is not automated; automate it too, or give it a tag \
             of its own"
        ),
    }
}

/// The lock of a workload that shares the tag with others.
fn locked_by(lock: &Lock, member: &Member<'_>) -> Lock {
    let shared = format!("the tag is also that of {}, which is locked", member.label);
    Lock {
        by: lock.by.clone(),
        reason: Some(match &lock.reason {
            Some(reason) => format!("{reason} ({shared})"),
            None => shared,
        }),
    }
}
