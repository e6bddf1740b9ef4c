use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The author of a commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
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

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The address.
    pub fn email(&self) -> &str {
        &self.email
    }
}

impl fmt::Display for Author {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} <{}>", self.name, self.email)
    }
}

impl FromStr for Author {
    type Err = InvalidAuthor;

    fn from_str(text: &str) -> Result<Self, InvalidAuthor> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Author {
    type Error = InvalidAuthor;

    fn try_from(text: String) -> Result<Self, InvalidAuthor> {
        Self::parse(&text)
    }
}

impl From<Author> for String {
    fn from(author: Author) -> Self {
        author.to_string()
    }
}
