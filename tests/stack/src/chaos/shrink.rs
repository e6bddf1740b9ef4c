//! A shorter list of operations that still fails.

use std::time::Instant;

use super::operation::Burst;
use super::play::play;
use super::report::Options;
use crate::control_plane::ControlPlane;

/// Leaves bursts and operations out, as long as the same rule is violated and time is left.
pub(super) async fn shrink(
    cluster: &ControlPlane,
    options: &Options,
    seed: u64,
    bursts: &[Burst],
    rule: &str,
) -> Vec<Burst> {
    let deadline = Instant::now() + options.shrinking;
    let mut best = bursts.to_vec();
    let mut quiet = options.clone();
    quiet.is_verbose = false;
    let mut tries = 0;
    let mut size = total(&best).div_ceil(2);
    while size > 0 {
        let mut start = 0;
        while start < total(&best) {
            if Instant::now() >= deadline {
                return best;
            }
            tries += 1;
            quiet.logs = options.logs.join(format!("shorter-{tries}"));
            let shorter = without(&best, start, size);
            let name = format!("c{seed}-{tries}");
            let played = play(cluster, &quiet, &name, &shorter, None).await;
            match played {
                Ok(Some(found)) if found.violation.rule == rule => best = shorter,
                _ => start += size,
            }
        }
        size /= 2;
    }
    best
}

fn total(bursts: &[Burst]) -> usize {
    bursts.iter().map(Vec::len).sum()
}

/// The operations without `size` of them from `start` on. Bursts that become empty go.
fn without(bursts: &[Burst], start: usize, size: usize) -> Vec<Burst> {
    let mut index = 0;
    let mut shorter = Vec::new();
    for burst in bursts {
        let mut rest = Burst::new();
        for operation in burst {
            if index < start || index >= start + size {
                rest.push(*operation);
            }
            index += 1;
        }
        if !rest.is_empty() {
            shorter.push(rest);
        }
    }
    shorter
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chaos::operation::generate;

    #[test]
    fn operations_are_left_out_and_empty_bursts_go() {
        let bursts = generate(5, 3, 4, true);
        let count = total(&bursts);
        assert_eq!(total(&without(&bursts, 0, 2)), count - 2);
        assert_eq!(without(&bursts, 0, count), Vec::<Burst>::new());
        assert_eq!(without(&bursts, 0, bursts[0].len()), bursts[1..]);
    }
}
