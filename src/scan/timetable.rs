use crate::model::Repository;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::time::Instant;

/// When each repository is scanned next. The cost of a pass follows the repositories that are due.
#[derive(Debug, Default)]
pub(super) struct Timetable {
    repositories: Arc<BTreeSet<Repository>>,
    at: BTreeMap<Repository, Instant>,
    queue: BTreeSet<(Instant, Repository)>,
}

impl Timetable {
    /// Takes the repositories to scan. New ones that `may_be_scanned` are due now; the others keep their times. Returns true if
    /// the set is another one than before.
    pub(super) fn set_repositories(
        &mut self,
        repositories: &Arc<BTreeSet<Repository>>,
        now: Instant,
        may_be_scanned: impl Fn(&Repository) -> bool,
    ) -> bool {
        if Arc::ptr_eq(&self.repositories, repositories) {
            return false;
        }
        self.repositories = Arc::clone(repositories);
        self.at.retain(|repository, _| repositories.contains(repository));
        self.queue.retain(|(_, repository)| repositories.contains(repository));
        for repository in repositories.iter().filter(|repository| may_be_scanned(repository)) {
            if !self.at.contains_key(repository) {
                self.schedule(repository, now);
            }
        }
        true
    }

    /// Whether a repository is scanned.
    pub(super) fn contains(&self, repository: &Repository) -> bool {
        self.at.contains_key(repository)
    }

    /// Sets when a repository is scanned next.
    pub(super) fn schedule(&mut self, repository: &Repository, at: Instant) {
        if !self.repositories.contains(repository) {
            return;
        }
        if let Some(before) = self.at.insert(repository.clone(), at) {
            self.queue.remove(&(before, repository.clone()));
        }
        self.queue.insert((at, repository.clone()));
    }

    /// The repositories that are due, those first that have been due longest.
    pub(super) fn due(&self, now: Instant) -> impl Iterator<Item = &Repository> {
        self.queue
            .iter()
            .take_while(move |(at, _)| *at <= now)
            .map(|(_, repository)| repository)
    }

    /// When the next repository is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.queue.first().map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn repository(path: &str) -> Repository {
        Repository {
            host: "registry.example".to_owned(),
            path: path.to_owned(),
        }
    }

    #[tokio::test]
    async fn the_longest_due_come_first_and_what_is_named_no_more_never_comes() {
        let (start, mut timetable) = (Instant::now(), Timetable::default());
        let after = |seconds| start + Duration::from_secs(seconds);
        let paths = |timetable: &Timetable, now| {
            let due = timetable.due(now).map(|repository| repository.path.clone());
            due.collect::<Vec<_>>().join(" ")
        };
        let all = |names: &[&str]| Arc::new(names.iter().map(|name| repository(name)).collect::<BTreeSet<_>>());
        let first = all(&["a", "b", "c", "system"]);
        let is_allowed = |repository: &Repository| repository.path != "system";
        assert!(timetable.set_repositories(&first, start, is_allowed));
        assert!(!timetable.set_repositories(&first, after(1), is_allowed));
        assert_eq!(paths(&timetable, start), "a b c");
        for (name, seconds) in [("a", 30), ("b", 20), ("c", 10)] {
            timetable.schedule(&repository(name), after(seconds));
        }
        assert_eq!(
            (paths(&timetable, start).as_str(), timetable.next()),
            ("", Some(after(10)))
        );
        assert_eq!(paths(&timetable, after(20)), "c b");
        assert!(timetable.set_repositories(&all(&["a", "b", "d"]), after(20), is_allowed));
        timetable.schedule(&repository("c"), after(20));
        assert!(!timetable.contains(&repository("c")) && timetable.contains(&repository("a")));
        assert_eq!(paths(&timetable, after(60)), "b d a");
    }
}
