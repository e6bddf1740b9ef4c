use super::described::{Described, about, condition_with};
use super::of_branch::{of_automation, of_key, of_proposal, of_repo};
use super::of_target::{of_mirror, of_pull_secret, of_release, of_sync};
use crate::notice::event::Event;
use crate::notice::scan::ScanEvent;
use crate::port::NotificationKind as Kind;

/// An event in the words of notifications.
pub(super) fn describe(event: &Event) -> Described {
    match event {
        Event::Repo(repo) => of_repo(event, repo),
        Event::Scan(ScanEvent::Failed { repository, error }) => {
            let facts = format!("the tags of {repository} cannot be listed: {error}");
            let notification = about(Kind::ScanFailed, facts);
            condition_with(&format!("scan {repository}"), event.version(), notification)
        }
        Event::Scan(_) => Described::Nothing,
        Event::Automation(automation) => of_automation(event, automation),
        Event::Proposal(proposal) => of_proposal(proposal),
        Event::Sync(target, sync) => of_sync(event, target, sync),
        Event::Release(target, release) => of_release(event, target, release),
        Event::PullSecret(target, pull_secret) => of_pull_secret(event, target, pull_secret),
        Event::Mirror(target, mirror) => of_mirror(event, target, mirror),
        Event::Key(key) => of_key(event, key),
    }
}
