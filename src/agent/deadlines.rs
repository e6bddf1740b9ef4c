//! How long the loops' passes may take: what they do there has deadlines of its own, which are shorter and say more.

use crate::config::Settings;
use std::time::Duration;

/// Thousands of listings at ten a second fit.
pub(super) const SCAN: Duration = Duration::from_secs(900);
/// Without a fetch of more history: a bump races others a few times.
const AUTOMATE: Duration = Duration::from_secs(300);
/// Without a fetch: ten thousand applies at a few hundred a second, with a slow wave between.
const SYNC: Duration = Duration::from_secs(600);
/// Without what is asked of the git server: one small request.
const KEYS: Duration = Duration::from_secs(60);
/// One command at the git server: connecting and logging in, and a few silences in a row.
const SILENCES: u32 = 5;
/// Four commands tell what two keys may do.
const COMMANDS: u32 = 4;

/// A fetch, and another one if the mirror turned out to be damaged.
pub(super) fn follow(settings: &Settings) -> Duration {
    settings
        .repo
        .limits
        .time
        .saturating_add(command(settings))
        .saturating_mul(2)
}

/// More of the history may be fetched on the way.
pub(super) fn automate(settings: &Settings) -> Duration {
    AUTOMATE.saturating_add(follow(settings))
}

/// The same.
pub(super) fn sync(settings: &Settings) -> Duration {
    SYNC.saturating_add(follow(settings))
}

/// Two keys are tried.
pub(super) fn keys(settings: &Settings) -> Duration {
    KEYS.saturating_add(command(settings).saturating_mul(COMMANDS))
}

fn command(settings: &Settings) -> Duration {
    settings.repo.timeout.saturating_mul(SILENCES)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(repo: &str) -> Settings {
        let text = format!("repo: {{url: \"git@github.com:acme/fleet.git\"{repo}}}\n");
        crate::config::read("tidegate.yaml", &text).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn a_fetch_always_ends_in_its_own_words_before_its_loop_loses_patience() {
        for repo in ["", ", fetchTimeout: 3h", ", fetchTimeout: 1s, timeout: 5m"] {
            let settings = settings(repo);
            let once = settings.repo.limits.time + settings.repo.timeout;
            for deadline in [follow(&settings), automate(&settings), sync(&settings)] {
                assert!(deadline > once * 2, "{repo}: {deadline:?}");
            }
            assert!(keys(&settings) > settings.repo.timeout * 12, "{repo}");
        }
    }
}
