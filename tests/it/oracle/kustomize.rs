//! Where images of generated kustomize repositories are edited, against what `kustomize build` makes of the edit.
//!
//! All image fields of a repository get a tag of their own at once. The tag that a rendered image then has names the field that
//! the image comes from, and from that follows which fields may be bumped: those whose tag reaches automated workloads that are
//! not locked and agree on a policy, and nothing else. One of the bumped fields is then edited alone, and nothing but its images
//! may change.
//!
//! Each repository comes from a seed of its own, the next after that of the repository before. A disagreement says which:
//! `TIDEGATE_SEED=… TIDEGATE_REPOSITORIES=1` repeats it.

mod candidate;
mod generator;
mod reasons;
mod rendered;

use super::Random;
use candidate::{Candidate, candidates, fields, may_be_bumped};
use generator::{Repository, generate};
use reasons::{is_due, is_evaluated, kind, reason, untrue};
use rendered::{Image, Outcome, build, changed_lines, edited, images_of};
use std::collections::{BTreeMap, BTreeSet};
use tidegate::manifest::{Reading, read};
use tidegate::model::RepoPath;
use tidegate::plan::AutomatedField;

/// Repositories of a usual run. `TIDEGATE_REPOSITORIES` sets another number.
const REPOSITORIES: usize = 40;

#[test]
fn an_edit_changes_what_kustomize_renders_for_the_workload_and_nothing_else() {
    let count = std::env::var("TIDEGATE_REPOSITORIES").map_or(REPOSITORIES, |count| count.parse().unwrap());
    let first = Random::seed();
    let (mut built, mut bumped, mut refused) = (0, 0, BTreeMap::new());
    let mut disagreements = Vec::new();
    for seed in first..first + count as u64 * 20 {
        if built == count {
            break;
        }
        let Some(case) = Case::new(generate(&mut Random::new(seed))) else {
            continue;
        };
        built += 1;
        let mut found = Vec::new();
        bumped += case.check(&mut refused, &mut found);
        for text in &found {
            println!("TIDEGATE_SEED={seed} TIDEGATE_REPOSITORIES=1: {text}\n");
        }
        disagreements.extend(found.iter().take(1).map(|_| seed));
    }
    println!("{built} repositories, {bumped} fields that are bumped, refused: {refused:#?}");
    assert_eq!(disagreements, [0; 0], "the seeds of repositories with disagreements");
    assert_eq!(built, count, "too many generated repositories do not build");
    assert!(count < 10 || bumped > count / 2, "only {bumped} fields are bumped");
}

/// A repository that kustomize builds.
struct Case {
    repository: Repository,
    before: Vec<(String, String)>,
    readings: Vec<(RepoPath, Reading)>,
}

impl Case {
    fn new(repository: Repository) -> Option<Self> {
        let before = build(&repository.files, &repository.tops)?;
        let readings = repository.files.iter().map(|(path, text)| {
            let path = RepoPath::parse(path).unwrap();
            let reading = read(&path, text.as_bytes());
            (path, reading)
        });
        Some(Self {
            readings: readings.collect(),
            before,
            repository,
        })
    }

    /// Compares the fields with the oracle. Returns how many are bumped, and adds the disagreements.
    fn check(&self, refused: &mut BTreeMap<String, usize>, found: &mut Vec<String>) -> usize {
        let fields = fields(&self.readings);
        let candidates = candidates(&self.readings);
        let outcome = self.outcome(&candidates);
        let mut bumped = Vec::new();
        for (candidate, reached) in candidates.iter().zip(&outcome.reached) {
            let mut own = fields.iter();
            let own = own.find(|field| (&field.path, &field.field) == (&candidate.path, &candidate.field));
            match self.compare(candidate, reached.as_deref(), own) {
                Ok(Verdict::Bumped) => bumped.push(candidate),
                Ok(Verdict::Refused(reason)) => *refused.entry(kind(&reason)).or_default() += 1,
                Ok(Verdict::Nobodys) => {}
                Err(text) => found.push(text),
            }
        }
        self.check_others(&fields, &outcome, refused, found);
        if let Some(candidate) = bumped.first() {
            found.extend(self.check_alone(candidate).err());
        }
        bumped.len()
    }

    /// Compares one field with the oracle. `reached` is `None` for a field whose edit breaks the build.
    fn compare(
        &self,
        candidate: &Candidate,
        reached: Option<&[Image]>,
        own: Option<&AutomatedField>,
    ) -> Result<Verdict, String> {
        let context = |what: &str| {
            let ours = own.map_or("nothing".to_owned(), |own| {
                format!("{} {:?} {:?} {:?}", own.image, own.others, own.policy, own.lock)
            });
            format!(
                "{what}: {} {}\nours {ours}\nreached {reached:#?}\n{}",
                candidate.path, candidate.field, self.repository
            )
        };
        let is_bumped = own.is_some_and(|field| field.policy.is_ok() && field.lock.is_none());
        let is_right = reached.is_some_and(|reached| may_be_bumped(reached, candidate));
        if let Some(field) = own.filter(|_| is_bumped) {
            if !is_right {
                return Err(context("bumped and must not be"));
            }
            let mut names: BTreeSet<&str> = field.others.iter().map(|image| image.name()).collect();
            names.insert(field.image.name());
            let rendered: BTreeSet<&str> = reached.into_iter().flatten().map(|image| &*image.name).collect();
            return match names == rendered {
                true => Ok(Verdict::Bumped),
                false => Err(context("not the names that are rendered")),
            };
        }
        if reached.is_some_and(|reached| reached.iter().any(|image| image.automated && image.field.is_some())) {
            let Some(field) = own else {
                // What is not evaluated may have copied the image to another workload, which is refused.
                return match is_evaluated(&self.repository) {
                    true => Err(context("neither bumped nor refused")),
                    false => Ok(Verdict::Nobodys),
                };
            };
            let reason = reason(field);
            if is_right && !is_due(&reason, reached.unwrap_or_default(), &self.repository) {
                return Err(context("refused and need not be"));
            }
            if untrue(&reason, reached.unwrap_or_default(), &self.repository) {
                return Err(context("not a true reason"));
            }
            return Ok(Verdict::Refused(reason));
        }
        Ok(Verdict::Nobodys)
    }

    /// Automated images whose tag comes from none of the candidates must be refused, too.
    fn check_others(
        &self,
        fields: &[AutomatedField],
        outcome: &Outcome,
        refused: &mut BTreeMap<String, usize>,
        found: &mut Vec<String>,
    ) {
        for image in outcome.others.iter().filter(|image| image.automated) {
            let name = image.field.as_deref().unwrap_or_default();
            let mut refusals = fields
                .iter()
                .filter(|field| field.policy.is_err() || field.lock.is_some());
            match refusals.find(|field| field.field.field.0 == name) {
                Some(field) => *refused.entry(kind(&reason(field))).or_default() += 1,
                // The refusal is at the place that the tag would come from without what is not evaluated.
                None if !is_evaluated(&self.repository) => {}
                None => found.push(format!("nothing is said about {image:#?}\n{}", self.repository)),
            }
        }
    }

    /// Edits one field alone: whatever changes must be its tag.
    fn check_alone(&self, candidate: &Candidate) -> Result<(), String> {
        let files = edited(&self.repository.files, &[candidate]);
        let context = |what: &str| format!("{what}: {} {}\n{}", candidate.path, candidate.field, self.repository);
        let after = build(&files, &self.repository.tops).ok_or_else(|| context("the edit breaks the build"))?;
        let lines =
            changed_lines(&self.before, &after).ok_or_else(|| context("the edit changes the number of lines"))?;
        let is_own = |line: &String| {
            let digest = candidate.digest.as_ref();
            line.contains(&candidate.tag) || digest.is_some_and(|digest| line.contains(digest.as_str()))
        };
        match lines.iter().find(|line| !is_own(line)) {
            Some(line) => Err(context(&format!("the edit also changes {line:?}"))),
            None if lines.is_empty() => Err(context("the edit changes nothing")),
            None => Ok(()),
        }
    }

    /// What kustomize renders when each candidate has its tag, all at once or, if that breaks the build, one by one.
    fn outcome(&self, candidates: &[Candidate]) -> Outcome {
        let all: Vec<&Candidate> = candidates.iter().collect();
        if let Some(images) = self.rendered(&all) {
            let reached = candidates.iter().map(|candidate| {
                let images = images.iter().filter(|image| candidate.reaches(image));
                Some(images.cloned().collect())
            });
            let is_other = |image: &&Image| !candidates.iter().any(|candidate| candidate.reaches(image));
            return Outcome {
                reached: reached.collect(),
                others: images.iter().filter(is_other).cloned().collect(),
            };
        }
        let reached = candidates.iter().map(|candidate| {
            let images = self.rendered(&[candidate])?.into_iter();
            Some(images.filter(|image| candidate.reaches(image)).collect())
        });
        Outcome {
            reached: reached.collect(),
            others: Vec::new(),
        }
    }

    fn rendered(&self, candidates: &[&Candidate]) -> Option<BTreeSet<Image>> {
        let files = edited(&self.repository.files, candidates);
        let mut images = BTreeSet::new();
        for (top, text) in build(&files, &self.repository.tops)? {
            let reading = read(&RepoPath::parse("rendered.yaml").unwrap(), text.as_bytes());
            for document in &reading.documents {
                images.extend(images_of(&top, document));
            }
        }
        Some(images)
    }
}

/// What becomes of a field.
enum Verdict {
    Bumped,
    Refused(String),
    /// The field reaches no automated workload.
    Nobodys,
}
