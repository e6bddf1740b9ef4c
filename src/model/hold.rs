/// What ends a hold. A person can end every hold with `tidegate resume` or a revert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum HoldUntil {
    /// The first tag that is pushed after the rollback.
    #[default]
    Newer,
    /// Only a person.
    Resumed,
}

impl HoldUntil {
    /// The two spellings, for error messages.
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
