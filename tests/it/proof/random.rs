/// Random enough for choosing moments, and the same again from the same seed.
pub struct Random(tidegate_stack::Random);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(tidegate_stack::Random::new(seed))
    }

    /// The seed that the environment names, to see a failure again; else that of the commit.
    pub fn seed() -> u64 {
        tidegate_stack::commit_seed()
    }

    /// A number in `0..below`.
    pub fn below(&mut self, below: u64) -> u64 {
        self.0.below(below)
    }

    /// A moment within `1.3` times this long.
    pub fn moment(&mut self, long: std::time::Duration) -> std::time::Duration {
        let micros = u64::try_from(long.as_micros()).unwrap();
        std::time::Duration::from_micros(self.below(micros * 13 / 10))
    }
}

/// A number from the environment, which is how `make` asks for more than CI has time for.
pub fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}
