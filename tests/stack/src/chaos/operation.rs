//! What happens in a world: a kind, and two numbers that choose the object and the way.
//!
//! The numbers are reduced to what exists when the operation is carried out. An operation therefore means something in every
//! world, also when the operations before it were left out, and a list of operations may be shortened at will.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context as _, Error, Result};

use crate::random::Random;

/// The largest number in an operation.
const NUMBERS: u64 = 1000;

/// One thing that somebody does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Operation {
    pub(super) kind: Kind,
    /// Chooses the object.
    pub(super) a: u64,
    /// Chooses the way.
    pub(super) b: u64,
}

/// Operations that follow each other closely. Afterwards the world comes to rest and is judged.
pub(super) type Burst = Vec<Operation>;

macro_rules! kinds {
    ($($(#[doc = $doc:literal])* $kind:ident $name:literal $weight:literal,)*) => {
        /// The kind of an operation.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(super) enum Kind { $($(#[doc = $doc])* $kind,)* }

        /// Each kind with its name and how often it is drawn.
        pub(super) const KINDS: &[(Kind, &str, u64)] = &[$((Kind::$kind, $name, $weight),)*];
    };
}

kinds! {
    /// A person changes a value of a ConfigMap, a Secret or a workload in its file.
    GitEdit "git-edit" 14,
    /// A person adds a file.
    GitAdd "git-add" 8,
    /// A person removes a file.
    GitRemove "git-remove" 6,
    /// A person removes many files.
    GitRemoveMany "git-remove-many" 1,
    /// A person moves a file to another folder or name.
    GitMove "git-move" 5,
    /// A person reverts a commit of the agent.
    GitRevertBump "git-revert-bump" 5,
    /// A person reverts a commit of a person, which may be a revert.
    GitRevert "git-revert" 4,
    /// A person writes an older tag by hand.
    GitHandBack "git-hand-back" 4,
    /// A person merges a branch.
    GitMerge "git-merge" 4,
    /// A person makes one commit of the newest ones, or takes the newest ones away, and pushes by force.
    GitRewrite "git-rewrite" 2,
    /// A person commits a file that is no YAML, or corrects such files.
    GitBreak "git-break" 4,
    /// A person commits what is no plain file, or removes such entries.
    GitOdd "git-odd" 4,
    /// A person commits a file that is encrypted with SOPS.
    GitSops "git-sops" 4,
    /// A person changes line ends, comments or the lock of a workload.
    GitStyle "git-style" 5,
    /// A person confirms deletions, or lifts holds, by the command of the agent.
    Command "command" 3,
    /// Somebody pushes an image with a new tag.
    PushTag "push-tag" 20,
    /// Somebody moves or deletes a tag.
    ChangeTag "change-tag" 5,
    /// The registry throttles, fails, breaks off or makes small pages.
    RegistryFault "registry-fault" 5,
    /// `kubectl apply`.
    KubeApply "kube-apply" 4,
    /// `kubectl apply --server-side`.
    KubeServerApply "kube-server-apply" 4,
    /// `kubectl set image` or `kubectl set env`.
    KubeSetImage "kube-set" 5,
    /// `kubectl edit`.
    KubeEdit "kube-edit" 6,
    /// `kubectl label` or `kubectl annotate`.
    KubeMark "kube-mark" 5,
    /// `kubectl rollout pause` or `kubectl rollout undo`.
    KubePause "kube-rollout" 3,
    /// `kubectl scale`, or an autoscaler.
    KubeScale "kube-scale" 4,
    /// `kubectl delete`, or a TTL.
    KubeDelete "kube-delete" 5,
    /// A copy of an object comes from a backup.
    KubeRestore "kube-restore" 4,
    /// An operator writes to a ConfigMap.
    OperatorWrite "operator-write" 5,
    /// Flux, Argo CD, Helm or another set marks or makes an object.
    OtherTool "other-tool" 3,
    /// A person changes, adds or removes a HelmRelease.
    GitRelease "git-release" 4,
    /// A person deletes or edits what helm has made, a HelmRelease or its release.
    KubeRelease "kube-release" 3,
    /// A namespace that rules for pull secrets name is made, deleted or labelled.
    PullNamespace "pull-namespace" 3,
    /// A person makes, changes or deletes a pull secret.
    PullSecret "pull-secret" 5,
    /// The agent is killed and starts again.
    KillAgent "kill-agent" 4,
    /// A second process of the same agent runs beside the first.
    SecondAgent "second-agent" 2,
    /// The API server ends and starts again, or freezes for some time.
    ApiFault "api-fault" 2,
    /// The connection to the git server stalls or breaks, or the server rejects pushes or is away.
    GitFault "git-fault" 5,
}

impl Kind {
    /// Whether the operation belongs to long runs alone, because helm takes its time.
    fn is_of_long_runs(self) -> bool {
        [Self::GitRelease, Self::KubeRelease].contains(&self)
    }
}

/// The operations of a seed: the same list for the same seed. Those of long runs only if there is helm.
pub(super) fn generate(seed: u64, bursts: usize, longest: u64, has_helm: bool) -> Vec<Burst> {
    let mut random = Random::new(seed);
    let kinds = KINDS.iter().filter(|(kind, _, _)| has_helm || !kind.is_of_long_runs());
    let kinds: Vec<&(Kind, &str, u64)> = kinds.collect();
    let total: u64 = kinds.iter().map(|(_, _, weight)| weight).sum();
    let operation = |random: &mut Random| {
        let mut drawn = random.below(total);
        let (kind, _, _) = kinds
            .iter()
            .find(|(_, _, weight)| {
                let is_it = drawn < *weight;
                drawn = drawn.saturating_sub(*weight);
                is_it
            })
            .unwrap_or(&kinds[0]);
        Operation {
            kind: *kind,
            a: random.below(NUMBERS),
            b: random.below(NUMBERS),
        }
    };
    (0..bursts)
        .map(|_| (0..=random.below(longest)).map(|_| operation(&mut random)).collect())
        .collect()
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = KINDS.iter().find(|(kind, _, _)| *kind == self.kind);
        let name = name.map_or("?", |(_, name, _)| name);
        write!(f, "{name}:{}:{}", self.a, self.b)
    }
}

impl FromStr for Operation {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parts: Vec<&str> = text.split(':').collect();
        let [name, a, b] = parts.as_slice() else {
            anyhow::bail!("{text:?} is no operation: expected KIND:NUMBER:NUMBER");
        };
        let found = KINDS.iter().find(|(_, known, _)| known == name);
        let (kind, _, _) = found.with_context(|| format!("there is no operation {name:?}"))?;
        Ok(Self {
            kind: *kind,
            a: a.parse()?,
            b: b.parse()?,
        })
    }
}

/// A list of operations as text, a burst a line.
pub(super) fn print(bursts: &[Burst]) -> String {
    let line = |burst: &Burst| burst.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    bursts.iter().map(|burst| line(burst) + "\n").collect()
}

/// Reads what [`print`] wrote. Lines that begin with `#` are left out.
pub(super) fn parse(text: &str) -> Result<Vec<Burst>> {
    let lines = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines
        .map(|line| line.split_whitespace().map(str::parse).collect())
        .collect()
}

/// The item that a number chooses; `None` if there is none.
pub(super) fn pick<T>(items: &[T], number: u64) -> Option<&T> {
    items.get(usize::try_from(number).ok()? % items.len().max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_operations_each_time_and_another_seed_gives_others() {
        assert_eq!(generate(7, 20, 10, true), generate(7, 20, 10, true));
        assert_ne!(generate(7, 20, 10, true), generate(8, 20, 10, true));
    }

    #[test]
    fn operations_are_read_as_they_were_printed() {
        let bursts = generate(3, 50, 12, true);
        assert_eq!(parse(&print(&bursts)).unwrap(), bursts);
        assert!(parse("git-edit:1").is_err() && parse("nothing:1:2").is_err());
    }

    #[test]
    fn each_kind_is_drawn() {
        let bursts = generate(1, 200, 20, true);
        for (kind, name, _) in KINDS {
            let is_drawn = bursts.iter().flatten().any(|operation| operation.kind == *kind);
            assert!(is_drawn, "{name}");
        }
    }
}
