//! What of a snapshot is unwell.

use super::snapshot::{KeyStatus, Snapshot};

impl Snapshot {
    /// Fills in what follows from all sections together: the problems, and why no bumps are made.
    pub(super) fn conclude(&mut self) {
        let reasons = [
            self.repo.problem.clone(),
            self.automation.problem.take(),
            self.refused_right(),
        ];
        self.automation.problem = reasons.into_iter().flatten().next();
        self.problems = self.find_problems();
    }

    /// The right that the agent lacks for its work. A key that may only read is enough where nothing is bumped.
    fn refused_right(&self) -> Option<String> {
        let KeyStatus {
            may_read, may_write, ..
        } = self.key;
        if may_read == Some(false) {
            return Some(
                "the git server does not let the agent read the repository; `tidegate identity` shows its key".into(),
            );
        }
        let is_missed = may_write == Some(false) && !self.automation.fields.is_empty();
        is_missed
            .then(|| "the git server lets the agent read the repository, and not write it: no image is bumped".into())
    }

    /// One sentence each, errors of the config repo first.
    fn find_problems(&self) -> Vec<String> {
        let mut problems: Vec<String> = Vec::new();
        let errors = self.findings.iter().filter(|finding| finding.is_error());
        problems.extend(errors.map(ToString::to_string));
        problems.extend(self.automation.problem.clone());
        problems.extend(self.repo.unverified.clone());
        for (name, target) in &self.targets {
            // An error of the config repo is among the target's problems, too.
            let own = target.problems.iter().filter(|problem| !problems.contains(problem));
            let own: Vec<String> = own.map(|problem| format!("{name}: {problem}")).collect();
            problems.extend(own);
        }
        let off = self.releases.off.iter();
        problems.extend(off.map(|reason| format!("HelmReleases are not carried out: {reason}")));
        let failing = self.releases.failing.iter();
        problems.extend(failing.map(|release| format!("{}: {}", release.object, release.message)));
        let off = self.pull_secrets.off.iter();
        problems.extend(off.map(|reason| format!("no pull secret is kept: {reason}")));
        let pull_secrets = self.pull_secrets.problems.iter();
        problems.extend(pull_secrets.map(|(about, message)| format!("{about}: {message}")));
        for (target, mirrors) in &self.mirrors {
            let off = mirrors.off.iter();
            problems.extend(off.map(|reason| format!("no mirror is kept in target {target}: {reason}")));
            let messages = mirrors.problems.iter();
            let messages = messages.map(|(about, message)| format!("mirrors of target {target}: {about}: {message}"));
            problems.extend(messages);
        }
        let scanned = self.scan.values().filter(|repository| repository.supported);
        problems.extend(scanned.filter_map(|repository| repository.problem.clone()));
        for (name, reason) in &self.not_ready {
            let is_known = |known: &String| known.contains(reason) || reason.contains(&**known);
            if !problems.iter().any(is_known) {
                problems.push(format!("{name}: {reason}"));
            }
        }
        for (name, state) in &self.loops {
            match state.outcome {
                Some("timedOut") => problems.push(format!("the last pass of {name} was cancelled at its deadline")),
                // The reason of a pass that failed stands above, for most loops.
                Some("failed") if problems.is_empty() => {
                    problems.push(format!("the last pass of {name} failed; the agent's log says why"));
                }
                _ => {}
            }
        }
        problems
    }
}
