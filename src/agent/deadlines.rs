//! How long the passes of each loop may take. What a pass does has deadlines of its own, which are shorter and whose errors
//! say more.

use crate::config::Settings;
use std::time::Duration;

/// Thousands of listings at ten a second.
pub(super) const SCAN: Duration = Duration::from_secs(900);
/// A thousand statuses that are written one by one. What helm does is not a part of a pass.
pub(super) const RELEASES: Duration = Duration::from_secs(120);
/// Ten thousand copies, at a hundred a second.
pub(super) const MIRRORS: Duration = Duration::from_secs(300);
/// Ten thousand Secrets, at a hundred a second. Registries are asked beside the pass.
pub(super) const PULL_SECRETS: Duration = Duration::from_secs(300);
/// A bump that races others a few times, without a fetch of more history.
const AUTOMATE: Duration = Duration::from_secs(300);
/// Ten thousand applies at a few hundred a second, with a slow wave among them, without a fetch.
const SYNC: Duration = Duration::from_secs(600);
/// One small request to the API server, without the commands at the git server.
const KEYS: Duration = Duration::from_secs(60);
/// One command at the git server: connect, log in, and wait through a few silences.
const SILENCES: u32 = 5;
/// Four commands show what two keys may do.
const COMMANDS: u32 = 4;

/// A fetch, and a second fetch if the mirror was damaged.
pub(super) fn follow(settings: &Settings) -> Duration {
    settings
        .repo
        .limits
        .time
        .saturating_add(command(settings))
        .saturating_mul(2)
}

/// A pass of the automation loop. The pass may fetch more of the history.
pub(super) fn automate(settings: &Settings) -> Duration {
    AUTOMATE.saturating_add(follow(settings))
}

/// A pass of a sync loop. The pass may fetch more of the history.
pub(super) fn sync(settings: &Settings) -> Duration {
    SYNC.saturating_add(follow(settings))
}

/// A pass of the loop about the deploy key or login.
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
