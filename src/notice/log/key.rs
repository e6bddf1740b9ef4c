use crate::notice::key::{Access, Credential, KeyEvent};
use crate::notice::reporter::Phase;
use crate::port::RepoProblem;

pub(super) fn log(event: &KeyEvent, phase: Phase) {
    match (event, phase) {
        (KeyEvent::Unreadable { .. }, Phase::Over) => tracing::info!("the deploy key can be read again"),
        (KeyEvent::SignerProblem { .. }, Phase::Over) => {
            tracing::info!("the agent's key is among the allowed signers");
        }
        (_, Phase::Still | Phase::Over) => {}
        (KeyEvent::Awaited { reason }, _) => tracing::warn!(%reason, "waiting for the deploy key"),
        (KeyEvent::InUse { key }, _) => tracing::info!(fingerprint = %key, "the deploy key is in use"),
        (KeyEvent::Unreadable { error }, _) => {
            tracing::warn!(%error, "the deploy key cannot be read again; the agent keeps the key that it read before");
        }
        (KeyEvent::Changed { from, to }, _) => tracing::info!(%from, %to, "the deploy key was changed"),
        (KeyEvent::NextFound { next }, _) => {
            tracing::info!(%next, "found a next deploy key, which replaces the key in use as soon as it works");
        }
        (KeyEvent::NextNotReady { next, reason }, _) => {
            tracing::info!(%next, %reason, "the next deploy key does not work yet");
        }
        (KeyEvent::Rotated { from, to, .. }, _) => {
            tracing::info!(%from, %to, "the next deploy key works and is in use from now on");
        }
        (KeyEvent::NotPromoted { error }, _) => {
            tracing::warn!(%error, "the next deploy key works, and the Secret cannot be updated");
        }
        (KeyEvent::SignerProblem { problem }, _) => tracing::warn!(%problem, "commits of the agent are not verified"),
        (
            KeyEvent::AccessFound {
                repo,
                credential,
                access,
            },
            _,
        ) => match credential {
            Credential::DeployKey {
                fingerprint,
                page,
                remedy,
            } => log_key(repo, fingerprint, (page, remedy), access),
            Credential::Login { remedy } => log_login(repo, remedy, access),
        },
    }
}

fn log_key(repo: &str, key: &str, (page, remedy): (&str, &str), access: &Access) {
    match access {
        Access::ReadAndWrite => tracing::info!(%key, %repo, "the deploy key may read and write"),
        Access::ReadOnly { is_enough: true, .. } => {
            tracing::info!(%key, %repo, "the deploy key may read and not write, which is enough while automation is off");
        }
        Access::ReadOnly { words, .. } => {
            tracing::warn!(%key, %repo, %words, %page, remedy, "the deploy key may only read: the repository is applied, and no image is bumped until the key may write");
        }
        Access::Nothing {
            problem: RepoProblem::KeyRefused,
            error,
        } => {
            tracing::warn!(%key, %repo, %page, remedy, %error, "the server rejects the deploy key");
        }
        Access::Nothing { problem, error } => {
            tracing::debug!(?problem, %error, "the access of the deploy key cannot be checked");
        }
    }
}

fn log_login(repo: &str, remedy: &str, access: &Access) {
    match access {
        Access::ReadAndWrite => tracing::info!(%repo, "the login may read and write"),
        Access::ReadOnly { is_enough: true, .. } => {
            tracing::info!(%repo, "the login may read and not write, which is enough while automation is off");
        }
        Access::ReadOnly { words, .. } => {
            tracing::warn!(%repo, %words, %remedy, "the login may only read: the repository is applied, and no image is bumped until the login may write");
        }
        Access::Nothing {
            problem: RepoProblem::KeyRefused,
            error,
        } => {
            tracing::warn!(%repo, %error, "the server rejects the login");
        }
        Access::Nothing { problem, error } => {
            tracing::debug!(?problem, %error, "the access of the login cannot be checked");
        }
    }
}
