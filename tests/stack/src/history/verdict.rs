use std::fmt;

use anyhow::{Result, bail};

use super::Pushed;

/// What became of a tag on one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// The agent set it, with this commit.
    Landed(String),
    /// A person set it, with this commit.
    ByHand(String),
    /// The field has a newer one.
    Superseded(String),
    /// A person moved the field away, with this commit, and it was not pushed after that.
    Held(String),
    /// None of it.
    Lost,
}

/// What kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A tag without a fate.
    Lost,
    /// A tag that the agent set more than once.
    Doubled,
    /// A value that moved down, was never pushed, or overrules a person.
    Stale,
    /// A commit that is not as a commit of the agent has to be.
    Malformed,
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Its kind.
    pub kind: Kind,
    /// Which commit or tag, and what is wrong.
    pub text: String,
}

/// What a history comes to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Commits in all.
    pub commits: usize,
    /// Those of the agent.
    pub of_the_agent: usize,
    /// Each tag's fate, in the order of the pushes; once for each field that has its image.
    pub fates: Vec<(Pushed, Fate)>,
    /// All that is wrong.
    pub faults: Vec<Fault>,
}

impl Verdict {
    /// How many faults of a kind.
    #[must_use]
    pub fn count(&self, kind: Kind) -> usize {
        self.faults.iter().filter(|fault| fault.kind == kind).count()
    }

    /// How many tags landed.
    #[must_use]
    pub fn landed(&self) -> usize {
        self.fated(|fate| matches!(fate, Fate::Landed(_)))
    }

    /// The verdict itself if there is no fault.
    ///
    /// # Errors
    /// Every fault, and the counts.
    pub fn clean(self) -> Result<Verdict> {
        if self.faults.is_empty() {
            return Ok(self);
        }
        let lines: Vec<String> = self
            .faults
            .iter()
            .map(|fault| format!("{:?}: {}", fault.kind, fault.text))
            .collect();
        bail!("{self}\n{}", lines.join("\n"))
    }

    fn fated(&self, is: impl Fn(&Fate) -> bool) -> usize {
        self.fates.iter().filter(|(_, fate)| is(fate)).count()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} commits, {} of the agent; {} tags: {} landed, {} superseded, {} held, {} by hand; {} lost, {} doubled, \
             {} stale, {} malformed",
            self.commits,
            self.of_the_agent,
            self.fates.len(),
            self.landed(),
            self.fated(|fate| matches!(fate, Fate::Superseded(_))),
            self.fated(|fate| matches!(fate, Fate::Held(_))),
            self.fated(|fate| matches!(fate, Fate::ByHand(_))),
            self.count(Kind::Lost),
            self.count(Kind::Doubled),
            self.count(Kind::Stale),
            self.count(Kind::Malformed),
        )
    }
}
