//! Compares our readings with the programs that define the dialects: for random questions the answers must agree.
//!
//! `TIDEGATE_SEED` repeats a run; without it each commit asks something else.

mod applied;
mod kustomize;
mod reference;
mod semver;

use std::io::Write as _;
use std::process::{Command, Stdio};
use tidegate_stack::Tools;

/// Choices that are the same again from the same seed.
struct Random(tidegate_stack::Random);

impl Random {
    fn new(seed: u64) -> Self {
        Self(tidegate_stack::Random::new(seed))
    }

    fn seeded() -> Self {
        Self::new(Self::seed())
    }

    /// The seed that the environment names, to see a failure again; else that of the commit.
    fn seed() -> u64 {
        let seed = tidegate_stack::commit_seed();
        println!("TIDEGATE_SEED={seed}");
        seed
    }

    fn next(&mut self) -> u64 {
        self.0.number()
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound).unwrap()).unwrap()
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

/// What an oracle answers to lines of questions.
fn answers(oracle: &str, questions: impl ExactSizeIterator<Item = String>) -> Vec<String> {
    let mut oracle = Command::new(Tools::get(oracle).unwrap())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = oracle.stdin.take().unwrap();
    let count = questions.len();
    let lines: String = questions.map(|question| question + "\n").collect();
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = oracle.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let answers: Vec<String> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    assert_eq!(answers.len(), count, "not one answer for each question");
    answers
}
