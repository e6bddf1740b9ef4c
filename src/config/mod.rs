//! The agent's own file, `tidegate.yaml`: its text, and the checked [`Settings`] it means.
//!
//! Every mistake is found in one reading and listed with its path and line; nothing starts before there is none. Unknown
//! keys are mistakes. The chart renders the file from `values.yaml` with the same keys, so the words here are the
//! chart's words too. Files that the settings name (keys, tokens) are not opened here.

mod duration;
mod keys;
mod places;
mod push;
mod section;
mod settings;
mod size;
#[cfg(test)]
mod tests;

pub use keys::{KeySource, SigningKey};
pub use section::Mistake;
pub use settings::{
    AutomationSettings, DeletionLimit, ForgeKind, HttpSettings, PullRequestSettings, Push, RegistrySettings,
    RepoSettings, Schedule, Settings, SyncSettings,
};

/// The mistakes of a configuration file, all of them.
#[derive(Debug, thiserror::Error)]
#[error("{file} has {}:\n{}", counted(mistakes.len()), list(file, mistakes))]
pub struct Error {
    /// The file as the user named it.
    pub file: String,
    /// In the order of their lines.
    pub mistakes: Vec<Mistake>,
}

fn counted(mistakes: usize) -> String {
    format!("{mistakes} mistake{}", if mistakes == 1 { "" } else { "s" })
}

fn list(file: &str, mistakes: &[Mistake]) -> String {
    let lines: Vec<String> = mistakes.iter().map(|mistake| format!("  {file}:{mistake}")).collect();
    lines.join("\n")
}

/// Reads a configuration text; `file` names it in messages.
///
/// # Errors
/// All mistakes at once.
pub fn read(file: &str, text: &str) -> Result<Settings, Error> {
    settings::read(text).map_err(|mut mistakes| {
        mistakes.sort_by_key(|mistake| mistake.line);
        Error {
            file: file.to_owned(),
            mistakes,
        }
    })
}
