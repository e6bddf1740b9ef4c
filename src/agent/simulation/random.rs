//! Random numbers that depend on a seed alone.

use std::cell::RefCell;

/// A stream of numbers (SplitMix64). The same seed gives the same stream on every machine.
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    /// The stream of a seed. Streams with different `purpose` are independent of each other.
    pub(super) fn new(seed: u64, purpose: u64) -> Self {
        let mut random = Self(seed ^ purpose.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        random.next();
        random
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 if the bound is 0.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next().checked_rem(bound).unwrap_or_default()
    }

    /// True in this many cases of a thousand.
    pub(super) fn chance(&mut self, of_thousand: u64) -> bool {
        self.below(1000) < of_thousand
    }

    /// A number in `0.0..1.0`.
    pub(super) fn fraction(&mut self) -> f64 {
        f64::from(u32::try_from(self.below(1 << 20)).unwrap_or_default()) / f64::from(1_u32 << 20)
    }
}

thread_local! {
    static JITTER: RefCell<Random> = RefCell::new(Random::new(0, 0));
}

/// Starts the stream that [`jitter`] draws from on this thread.
pub(super) fn seed_jitter(seed: u64) {
    JITTER.set(Random::new(seed, 3));
}

/// The jitter of the loops' delays.
pub(super) fn jitter() -> f64 {
    JITTER.with_borrow_mut(Random::fraction)
}
