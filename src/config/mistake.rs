use std::fmt;

/// One mistake in a configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Line, from 1.
    pub line: usize,
    /// The key's path, e.g. `registries[0].scan`; empty for the whole file.
    pub path: String,
    /// What is wrong, and what to write instead.
    pub message: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.line)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

/// All mistakes of a configuration file.
#[derive(Debug, thiserror::Error)]
#[error("{file} has {}:\n{}", count(mistakes.len()), list(file, mistakes))]
pub struct Error {
    /// The file as the user named it.
    pub file: String,
    /// Sorted by line.
    pub mistakes: Vec<Mistake>,
}

fn count(mistakes: usize) -> String {
    format!("{mistakes} mistake{}", if mistakes == 1 { "" } else { "s" })
}

fn list(file: &str, mistakes: &[Mistake]) -> String {
    let lines: Vec<String> = mistakes.iter().map(|mistake| format!("  {file}:{mistake}")).collect();
    lines.join("\n")
}
