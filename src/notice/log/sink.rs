use super::{automation, key, mirror, proposal, pull_secret, release, repo, scan, sync};
use crate::notice::event::Event;
use crate::notice::reporter::{Notice, Sink};

/// Writes log lines.
#[derive(Debug, Clone, Copy, Default)]
pub struct Log;

impl Sink for Log {
    fn receive(&self, Notice { event, phase }: Notice<'_>) {
        match event {
            Event::Repo(event) => repo::log(event, phase),
            Event::Scan(event) => scan::log(event, phase),
            Event::Automation(event) => automation::log(event, phase),
            Event::Proposal(event) => proposal::log(event),
            Event::Sync(target, event) => sync::log(target, event, phase),
            Event::Release(target, event) => release::log(target, event, phase),
            Event::Mirror(target, event) => mirror::log(target, event, phase),
            Event::PullSecret(target, event) => pull_secret::log(target, event, phase),
            Event::Key(event) => key::log(event, phase),
        }
    }
}
