//! The runs: few with each test run, many with `make simulate`.

use super::run::run;
use super::scenario::{Act, Step, shrink, steps};
use super::world::Sabotage;
use std::env;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How many runs a shrinking may take.
const TRIES: usize = 400;

/// Runs one seed. The text of a failure has the seed, the shrunk steps and the end of their trace.
fn check(seed: u64, sabotage: Option<Sabotage>) -> Result<u64, String> {
    let all = steps(seed);
    let outcome = run(seed, &all, sabotage, false);
    let Some(violation) = outcome.violation else {
        return Ok(outcome.events);
    };
    let fails = |steps: &[_]| run(seed, steps, sabotage, false).violation.is_some();
    let few = shrink(all.clone(), TRIES, fails);
    let shrunk = run(seed, &few, sabotage, true);
    let mut text = format!(
        "seed {seed}: {violation}\n{} of {} steps are enough:\n",
        few.len(),
        all.len()
    );
    for step in &few {
        let _ = writeln!(text, "  after {:>6} ms  {:?} {}", step.after, step.act, step.pick);
    }
    let until = shrunk.lines.iter().position(|line| line.contains("VIOLATION"));
    let trace = &shrunk.lines[..until.map_or(shrunk.lines.len(), |at| at + 1)];
    let end = trace.iter().rev().take(lines()).rev();
    let _ = writeln!(
        text,
        "their trace, the end of it:\n{}",
        end.cloned().collect::<Vec<_>>().join("\n")
    );
    Err(text)
}

fn lines() -> usize {
    number("LINES", 60) as usize
}

fn number(name: &str, default: u64) -> u64 {
    let text = env::var(name).ok();
    text.and_then(|text| text.trim().parse().ok()).unwrap_or(default)
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in 0..12 {
        let steps = steps(seed);
        let (first, second) = (run(seed, &steps, None, true), run(seed, &steps, None, true));
        let differs = first.lines.iter().zip(&second.lines).position(|(a, b)| a != b);
        let around = |lines: &[String]| differs.map(|at| lines[at.saturating_sub(3)..=at].join("\n"));
        assert_eq!(around(&first.lines), around(&second.lines), "seed {seed}");
        assert_eq!(first.hash, second.hash, "seed {seed}");
    }
}

#[test]
fn nothing_that_must_never_happen_happens_in_some_runs() {
    let fresh = tidegate_stack::commit_seed() << 20;
    let start = Instant::now();
    for number in 0..200 {
        // A few seeds of the commit are enough for each test run: there are many commits.
        let seeds = if number < 10 {
            vec![number, fresh + number]
        } else {
            vec![number]
        };
        for seed in seeds {
            if let Err(text) = check(seed, None) {
                panic!("{text}");
            }
        }
        if start.elapsed() > Duration::from_secs(12) {
            break;
        }
    }
}

/// The steps of a seed.
type Steps = fn(u64) -> Vec<Step>;

/// Faults that are put into the ports on purpose, each as one would be in the agent. The judge must find each within some runs.
#[test]
fn the_simulation_finds_each_of_five_faults() {
    let faults: [(Sabotage, &str, Steps); 5] = [
        (Sabotage::PushWithoutCompare, "its bump was made before", steps),
        (Sabotage::PartialTree, "was deleted, and every commit", steps),
        (Sabotage::LostWakeUp, "soon after DeleteObject", steps),
        (Sabotage::ForgottenHistory, "is held", steps),
        (Sabotage::CarriedConsent, "without a confirmation", one_confirmation),
    ];
    for (fault, words, steps) in faults {
        let violations = (0..800).filter_map(|seed| run(seed, &steps(seed), Some(fault), false).violation);
        let mut others = Vec::new();
        let found = violations.take(20).any(|violation| {
            let is_it = violation.contains(words);
            others.push(violation);
            is_it
        });
        assert!(found, "{fault:?} was not found; other violations: {others:#?}");
    }
}

/// People remove many files, confirm that, and remove many more before the agent has looked. What happens at random seldom comes
/// in this order.
fn one_confirmation(_: u64) -> Vec<Step> {
    let step = |after, act, pick| Step { after, act, pick };
    let (minute, eight_files, four_files) = (60_000, 4, 0);
    let mut all: Vec<Step> = (0..12).map(|number| step(100, Act::AddSettings, number)).collect();
    all.extend([
        step(minute, Act::RemoveManyFiles, eight_files),
        step(minute, Act::Confirm, 0),
        step(10, Act::RemoveManyFiles, four_files),
        step(minute, Act::PushTag, 0),
        step(minute, Act::AddSettings, 1),
    ]);
    all
}

#[test]
#[ignore = "takes as long as one likes: make simulate"]
fn long() {
    let (first, count, threads) = (number("SEED", 0), number("SEEDS", 10_000), number("THREADS", 2));
    if count == 1 {
        println!("{}", run(first, &steps(first), None, true).lines.join("\n"));
    }
    let (next, events, found) = (AtomicU64::new(first), AtomicU64::new(0), AtomicU64::new(0));
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count || found.load(Ordering::Relaxed) >= number("FOUND", 1) {
                        return;
                    }
                    match check(seed, None) {
                        Ok(more) => drop(events.fetch_add(more, Ordering::Relaxed)),
                        Err(text) => {
                            found.fetch_add(1, Ordering::Relaxed);
                            println!("{text}");
                        }
                    }
                }
            });
        }
    });
    let (took, events) = (start.elapsed().as_secs_f64(), events.load(Ordering::Relaxed));
    let done = next.load(Ordering::Relaxed).min(first + count) - first;
    println!(
        "{done} seeds, {events} events, {took:.0} s, {:.0} seeds a second",
        done as f64 / took
    );
    assert_eq!(
        found.load(Ordering::Relaxed),
        0,
        "runs with a violation are printed above"
    );
}
