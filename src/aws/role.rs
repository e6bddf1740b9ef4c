use super::partition::Partition;
use std::fmt;

/// A role that the agent assumes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Role {
    /// The role.
    pub arn: RoleArn,
    /// The external ID that the role's trust policy asks for.
    pub external_id: Option<ExternalId>,
    /// The session's name, which CloudTrail shows; `None`: `tidegate`.
    pub session_name: Option<SessionName>,
}

/// The ARN of an IAM role: `arn:PARTITION:iam::ACCOUNT:role/[PATH/]NAME`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleArn {
    partition: Partition,
    /// Twelve digits.
    account: String,
    /// The path, without slashes at its ends, and the name.
    name: String,
}

/// An external ID: a text that the trust policy of a role compares with its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExternalId(String);

/// The name of a session.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionName(String);

/// The most bytes of a role's path and name: 512 and 64, by the IAM API.
const LONGEST_NAME: usize = 576;

impl RoleArn {
    /// Reads an ARN.
    ///
    /// # Errors
    /// What is wrong, and what to write instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("{text:?} is not the ARN of a role; write it like arn:aws:iam::111122223333:role/tidegate");
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let ["arn", partition, "iam", "", account, resource] = parts[..] else {
            return Err(wrong());
        };
        let partition = Partition::named(partition).ok_or_else(|| {
            let names = Partition::names();
            format!("{text:?}: AWS has no partition {partition:?}; it has {names}")
        })?;
        let name = resource.strip_prefix("role/").ok_or_else(wrong)?;
        let last = name.rsplit('/').next().unwrap_or_default();
        let is_valid = is_account(account)
            && name.len() <= LONGEST_NAME
            && (1..=64).contains(&last.len())
            && last.bytes().all(|b| is_word(b) || b"+=,.@-".contains(&b))
            && name.bytes().all(|b| b.is_ascii_graphic())
            && !name.starts_with('/')
            && !name.contains("//");
        is_valid
            .then(|| Self {
                partition,
                account: account.to_owned(),
                name: name.to_owned(),
            })
            .ok_or_else(wrong)
    }

    /// The partition of the role's account.
    pub fn partition(&self) -> Partition {
        self.partition
    }

    /// The role's account: twelve digits.
    pub fn account(&self) -> &str {
        &self.account
    }
}

impl fmt::Display for RoleArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            partition,
            account,
            name,
        } = self;
        write!(f, "arn:{}:iam::{account}:role/{name}", partition.name)
    }
}

impl ExternalId {
    /// Reads an external ID.
    ///
    /// # Errors
    /// What is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let is_valid = (2..=1224).contains(&text.len()) && text.bytes().all(|b| is_word(b) || b"+=,.@:/-".contains(&b));
        is_valid
            .then(|| Self(text.to_owned()))
            .ok_or_else(|| "an external ID has 2 to 1224 letters, digits and characters of _+=,.@:/-".to_owned())
    }

    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl SessionName {
    /// Reads a session's name.
    ///
    /// # Errors
    /// What is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let is_valid = (2..=64).contains(&text.len()) && text.bytes().all(|b| is_word(b) || b"+=,.@-".contains(&b));
        is_valid.then(|| Self(text.to_owned())).ok_or_else(|| {
            format!("{text:?} is not a session name: write 2 to 64 letters, digits and characters of _+=,.@-")
        })
    }

    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a text is the ID of an account: twelve digits.
pub(crate) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_of_roles_are_read_and_written_as_they_were() {
        for (text, account) in [
            ("arn:aws:iam::111122223333:role/reader", "111122223333"),
            ("arn:aws-cn:iam::444455556666:role/team/shop/reader", "444455556666"),
            ("arn:aws-us-gov:iam::111122223333:role/a+=,.@-_Z9", "111122223333"),
            ("arn:aws-eusc:iam::111122223333:role/reader", "111122223333"),
            ("arn:aws-iso:iam::111122223333:role/reader", "111122223333"),
        ] {
            let arn = RoleArn::parse(text).unwrap();
            assert_eq!((arn.to_string().as_str(), arn.account()), (text, account));
        }
    }

    #[test]
    fn other_texts_are_no_roles() {
        for text in [
            "",
            "reader",
            "arn:aws:iam::111122223333:user/reader",
            "arn:aws:iam::111122223333:role/",
            "arn:aws:iam::111122223333:role//reader",
            "arn:aws:iam::111122223333:role/a/",
            "arn:aws:iam::11112222333:role/reader",
            "arn:aws:iam:eu-west-1:111122223333:role/reader",
            "arn:aws:sts::111122223333:assumed-role/reader/x",
            "arn:aws-moon:iam::111122223333:role/reader",
            "arn:aws:iam::111122223333:role/re ader",
            "arn:aws:iam::111122223333:role/reader\n",
            " arn:aws:iam::111122223333:role/reader",
        ] {
            let error = RoleArn::parse(text).unwrap_err();
            assert!(error.contains("role") || error.contains("partition"), "{error}");
        }
    }

    #[test]
    fn session_names_and_external_ids_follow_the_rules_of_sts() {
        for good in ["ab", "tidegate@prod", "a_b+c=d,e.f-g"] {
            assert!(
                SessionName::parse(good).is_ok() && ExternalId::parse(good).is_ok(),
                "{good}"
            );
        }
        for bad in ["", "a", "a b", "ä-ö", &"x".repeat(1225)] {
            assert!(
                SessionName::parse(bad).is_err() && ExternalId::parse(bad).is_err(),
                "{bad}"
            );
        }
        assert!(SessionName::parse("a/b").is_err() && ExternalId::parse("a/b").is_ok());
    }
}
