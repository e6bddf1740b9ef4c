use std::fmt;
use std::sync::Arc;

/// One step from a value to a value below it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    Key(Arc<str>),
    Index(usize),
}

/// The steps from a document's root to a value, aliases followed and merges applied.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Path(pub Vec<Step>);

impl Path {
    /// Whether the path is longer than a number of bytes: the length of its keys, and one byte for each step.
    pub(crate) fn is_longer_than(&self, bytes: usize) -> bool {
        let steps = self.0.iter().map(|step| match step {
            Step::Key(key) => key.len() + 1,
            Step::Index(_) => 1,
        });
        steps.sum::<usize>() > bytes
    }

    /// The last key of the path; `None` for a list item and for the root.
    pub(crate) fn last_key(&self) -> Option<&str> {
        match self.0.last() {
            Some(Step::Key(key)) => Some(key),
            Some(Step::Index(_)) | None => None,
        }
    }

    /// The path with one more step.
    pub(crate) fn join(&self, step: Step) -> Self {
        let mut path = self.clone();
        path.0.push(step);
        path
    }
}

/// The JSON pointer (RFC 6901) of some steps.
pub(crate) fn pointer(steps: &[Step]) -> String {
    let steps = steps.iter().map(|step| match step {
        Step::Key(key) => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
        Step::Index(index) => format!("/{index}"),
    });
    steps.collect()
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if at == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}
