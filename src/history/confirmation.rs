use super::trailer::values;
use crate::model::CommitId;

const CONFIRM: &str = "Tidegate-Confirm";

/// A person's word that objects may be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmation {
    /// The commit at which the deletions waited, for people.
    pub commit: CommitId,
    /// Stands for exactly the objects that may be deleted. Whoever does not know their UIDs cannot make it up.
    pub objects: String,
}

impl Confirmation {
    /// The whole trailer line: `Tidegate-Confirm: COMMIT OBJECTS`.
    pub fn trailer(&self) -> String {
        format!("{CONFIRM}: {} {}", self.commit, self.objects)
    }

    /// The confirmation in a commit message. Only trailers in the last paragraph count; the last one counts.
    pub fn read(message: &str) -> Option<Self> {
        let value = values(message, CONFIRM).pop()?;
        let (commit, objects) = value.split_once(' ')?;
        Some(Self {
            commit: CommitId::parse(commit).ok()?,
            objects: objects.trim().to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_confirmation_is_read_from_the_trailers_alone() {
        let confirmation = Confirmation {
            commit: CommitId::from_bytes([7; 20]),
            objects: "0123456789abcdef".into(),
        };
        let line = confirmation.trailer();
        assert_eq!(Confirmation::read(&format!("Confirm\n\n{line}\n")), Some(confirmation));
        assert_eq!(Confirmation::read(&format!("Confirm\n\n{line}\n\nmore\n")), None);
        assert_eq!(Confirmation::read(&line), None, "a subject is no trailer");
        assert_eq!(Confirmation::read("Confirm\n\nTidegate-Confirm: 0123 x\n"), None);
    }
}
