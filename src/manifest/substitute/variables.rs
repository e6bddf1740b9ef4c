use crate::model::SecretBytes;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt;

/// Variables by their names. Some may come from Secrets, so that no value is ever printed.
#[derive(Clone, Default)]
pub struct Variables {
    values: BTreeMap<String, Variable>,
    /// Whether a variable that is not there counts as empty.
    lenient: bool,
}

#[derive(Clone)]
pub(super) struct Variable {
    pub(super) text: String,
    pub(super) is_secret: bool,
}

/// A name or a value that cannot be a variable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidVariable {
    /// A name with other characters.
    #[error("{0:?} is no name of a variable: expected letters, digits and underscores, and no digit first")]
    Name(String),
    /// A value that is no text.
    #[error("the value of {0} is not UTF-8 text")]
    NotText(String),
}

impl Variables {
    /// No variables. In strict mode, an expression that needs a variable which is not there is an error; otherwise the variable
    /// counts as empty.
    pub fn new(strict: bool) -> Self {
        Self {
            values: BTreeMap::new(),
            lenient: !strict,
        }
    }

    /// Sets a variable. Line breaks are left out, as Flux does.
    ///
    /// # Errors
    /// The name or the value is not one of a variable.
    pub fn set(&mut self, name: &str, value: &SecretBytes, is_secret: bool) -> Result<(), InvalidVariable> {
        let is_first = |c: char| c == '_' || c.is_ascii_alphabetic();
        let is_name = name.starts_with(is_first) && name.chars().all(|c| is_first(c) || c.is_ascii_digit());
        if !is_name {
            return Err(InvalidVariable::Name(name.to_owned()));
        }
        let text = std::str::from_utf8(value.expose()).map_err(|_| InvalidVariable::NotText(name.to_owned()))?;
        let variable = Variable {
            text: text.replace('\n', ""),
            is_secret,
        };
        self.values.insert(name.to_owned(), variable);
        Ok(())
    }

    /// Whether there are no variables. Then nothing is substituted, as with Flux.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Stands for the names and the values: other variables have another fingerprint.
    pub fn fingerprint(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update([u8::from(self.lenient)]);
        for (name, variable) in &self.values {
            for text in [name, &variable.text] {
                hash.update(text.len().to_le_bytes());
                hash.update(text);
            }
            hash.update([u8::from(variable.is_secret)]);
        }
        hash.finalize().into()
    }

    pub(super) fn get(&self, name: &str) -> Option<&Variable> {
        self.values.get(name)
    }

    pub(super) fn is_strict(&self) -> bool {
        !self.lenient
    }
}

/// The names alone.
impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}
