/// The author and committer of our commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    name: String,
    email: String,
}

/// A text that is no author.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the author {text:?} is not valid: expected Name <address>, as in Tidegate <tidegate@acme.example>")]
pub struct InvalidAuthor {
    text: String,
}

impl Author {
    /// Reads `Name <address>`.
    ///
    /// # Errors
    /// A part is empty or holds an angle bracket or a control character.
    pub fn parse(text: &str) -> Result<Self, InvalidAuthor> {
        let invalid = || InvalidAuthor {
            text: text.chars().take(200).collect(),
        };
        let (name, rest) = text.trim().split_once('<').ok_or_else(invalid)?;
        let (name, email) = (name.trim(), rest.strip_suffix('>').ok_or_else(invalid)?.trim());
        let is_plain =
            |part: &str| !part.is_empty() && !part.contains(['<', '>']) && !part.chars().any(char::is_control);
        if !is_plain(name) || !is_plain(email) || text.len() > 500 {
            return Err(invalid());
        }
        Ok(Self {
            name: name.to_owned(),
            email: email.to_owned(),
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn email(&self) -> &str {
        &self.email
    }

    /// The author at a time, in seconds since 1970.
    pub(crate) fn signature(&self, seconds: i64) -> Result<git2::Signature<'static>, git2::Error> {
        git2::Signature::new(&self.name, &self.email, &git2::Time::new(seconds, 0))
    }
}
