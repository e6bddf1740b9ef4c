/// Whom a change of what the watches show concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notify {
    /// No decision depends on the change.
    Nobody,
    /// The change is what the loop itself has written, and knows. Only who waits for it is woken.
    Waiting,
    /// A loop has to look.
    Everybody,
}

impl From<bool> for Notify {
    fn from(is_relevant: bool) -> Self {
        match is_relevant {
            true => Self::Everybody,
            false => Self::Nobody,
        }
    }
}
