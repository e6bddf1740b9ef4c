//! What people do in a run, and when, from a seed.

use super::random::Random;

/// What somebody does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    AddWorkload,
    AddSettings,
    RemoveFile,
    RemoveManyFiles,
    EditSettings,
    BumpByHand,
    SetBackByHand,
    Revert,
    Release,
    Lock,
    Unlock,
    BreakFile,
    MendFile,
    Confirm,
    Reset,
    PushTag,
    PushOldTag,
    MoveTag,
    DeleteTag,
    DeleteObject,
    EditObject,
    ReorderObject,
    RestoreCopy,
    MakeForeign,
    /// The process dies, and another one starts.
    Crash,
    /// Another process starts, and the old one lingers.
    Linger,
    /// The older of two processes ends.
    EndLinger,
    /// No message arrives for a while.
    Cut,
}

use Act::*;

/// How often each act happens.
const WEIGHTS: [(Act, u64); 28] = [
    (AddWorkload, 3),
    (AddSettings, 5),
    (RemoveFile, 6),
    (RemoveManyFiles, 2),
    (EditSettings, 6),
    (BumpByHand, 3),
    (SetBackByHand, 4),
    (Revert, 6),
    (Release, 3),
    (Lock, 2),
    (Unlock, 2),
    (BreakFile, 3),
    (MendFile, 4),
    (Confirm, 4),
    (Reset, 1),
    (PushTag, 14),
    (PushOldTag, 3),
    (MoveTag, 2),
    (DeleteTag, 2),
    (DeleteObject, 4),
    (EditObject, 4),
    (ReorderObject, 3),
    (RestoreCopy, 2),
    (MakeForeign, 2),
    (Crash, 10),
    (Linger, 4),
    (EndLinger, 4),
    (Cut, 3),
];

/// One act, after a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    /// The pause before the act, in milliseconds.
    pub(super) after: u64,
    pub(super) act: Act,
    /// Selects what the act is about.
    pub(super) pick: u64,
}

/// The steps of a seed.
pub(super) fn steps(seed: u64) -> Vec<Step> {
    let mut random = Random::new(seed, 2);
    let total: u64 = WEIGHTS.iter().map(|(_, weight)| weight).sum();
    let count = 6 + random.below(24);
    let steps = (0..count).map(|_| {
        let mut drawn = random.below(total);
        let act = WEIGHTS.iter().find(|(_, weight)| match drawn.checked_sub(*weight) {
            Some(rest) => {
                drawn = rest;
                false
            }
            None => true,
        });
        // Some acts follow each other within a pass, some after everything is done.
        let longest = [50, 2000, 20_000, 90_000][random.below(4) as usize];
        Step {
            after: random.below(longest),
            act: act.map_or(PushTag, |(act, _)| *act),
            pick: random.next(),
        }
    });
    steps.collect()
}

/// Leaves steps out as long as `fails` says that the rest still fails. At most `tries` are tried.
pub(super) fn shrink(mut steps: Vec<Step>, mut tries: usize, fails: impl Fn(&[Step]) -> bool) -> Vec<Step> {
    let mut part = steps.len().div_ceil(2);
    while part > 0 {
        let mut from = 0;
        while from < steps.len() && tries > 0 {
            let upto = (from + part).min(steps.len());
            let mut rest = steps.clone();
            // The others keep their times.
            let pause: u64 = rest.drain(from..upto).map(|step| step.after).sum();
            if let Some(next) = rest.get_mut(from) {
                next.after += pause;
            }
            tries -= 1;
            match fails(&rest) {
                true => steps = rest,
                false => from = upto,
            }
        }
        part /= 2;
    }
    steps
}
