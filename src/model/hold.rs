/// What ends a hold, besides a person who says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum HoldUntil {
    /// A tag that was pushed after the rollback.
    #[default]
    Newer,
    /// Nothing.
    Resumed,
}

impl HoldUntil {
    /// The two ways to write it, as messages name them.
    pub const WRITTEN: &str = "until-newer or until-resumed";

    /// Reads `until-newer` or `until-resumed`; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "until-newer" => Some(Self::Newer),
            "until-resumed" => Some(Self::Resumed),
            _ => None,
        }
    }
}
