//! A generator of numbers that gives the same numbers for the same seed on every machine.

/// SplitMix64.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// Begins with a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number in `0..below`; 0 if `below` is 0.
    pub fn below(&mut self, below: u64) -> u64 {
        self.number() % below.max(1)
    }
}

/// The seed that the environment names in `TIDEGATE_SEED`; else that of the commit, which `make` names in `COMMIT_SEED`, so that
/// each commit is tried with another seed and one commit always with the same; else 1.
pub fn commit_seed() -> u64 {
    let named = ["TIDEGATE_SEED", "COMMIT_SEED"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok());
    named.map_or(1, |text| text.trim().parse().expect("a seed is a number"))
}
