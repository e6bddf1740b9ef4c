use super::fault::{Fault, shortened};
use crate::model::RepoPath;
use jiff::SignedDuration;
use std::fmt;

/// Another field of the repository, whose tag is taken after it has run well for some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Follow {
    /// The file of the other field.
    pub path: RepoPath,
    /// The other field: `KIND/NAME/FIELD`, or `KIND/NAMESPACE/NAME/FIELD`.
    pub field: String,
    /// How long the tag has to run well there.
    pub after: SignedDuration,
}

/// A tag that has to run for longer than a year is a mistake.
const LONGEST: i64 = 366 * 86_400;
const EXAMPLE: &str =
    "write follow:FILE#KIND/NAME/FIELD after AGE, as in follow:staging/web.yaml#Deployment/web/web after 24h";

impl Follow {
    /// Reads what stands behind `follow:`.
    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        let wrong = |problem: String| Fault::new(problem, EXAMPLE);
        let (reference, age) = text
            .rsplit_once(" after ")
            .or_else(|| text.rsplit_once('@'))
            .ok_or_else(|| wrong("it does not say for how long the tag has to run well".to_owned()))?;
        let (path, field) = reference
            .trim()
            .split_once('#')
            .ok_or_else(|| wrong(format!("{:?} names no field of a file", shortened(reference))))?;
        let after = age_of(age.trim()).ok_or_else(|| wrong(format!("{:?} is no age", shortened(age))))?;
        let path = RepoPath::parse(path.trim()).map_err(|error| wrong(error.to_string()))?;
        let parts = field.trim().split('/').filter(|part| !part.is_empty()).count();
        if parts < 3 {
            return Err(wrong(format!("{:?} is no field", shortened(field))));
        }
        Ok(Self {
            path,
            field: field.trim().to_owned(),
            after,
        })
    }

    /// The field that is followed, as messages name it.
    pub fn reference(&self) -> String {
        format!("{}#{}", self.path, self.field)
    }
}

/// `24h`, `30m`, `1d12h`.
fn age_of(text: &str) -> Option<SignedDuration> {
    let (mut total, mut number) = (0_i64, None::<i64>);
    for character in text.chars() {
        if let Some(digit) = character.to_digit(10) {
            let grown = number.unwrap_or(0).checked_mul(10)?.checked_add(i64::from(digit))?;
            number = Some(grown);
            continue;
        }
        let unit = match character {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            _ => return None,
        };
        total = total.checked_add(number.take()?.checked_mul(unit)?)?;
    }
    let is_whole = number.is_none() && !text.is_empty() && total <= LONGEST;
    is_whole.then(|| SignedDuration::from_secs(total))
}

/// `staging/web.yaml#Deployment/web/web after 24h`.
impl fmt::Display for Follow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} after ", self.reference())?;
        let seconds = self.after.as_secs();
        let mut rest = seconds;
        for (unit, name) in [(3600, 'h'), (60, 'm'), (1, 's')] {
            let count = rest / unit;
            rest %= unit;
            if count > 0 || (unit == 1 && seconds == 0) {
                write!(f, "{count}{name}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::policy::Policy;

    #[test]
    fn a_policy_may_follow_a_field_of_a_file() {
        #[rustfmt::skip]
        let rows = [
            ("follow:staging/web.yaml#Deployment/web/web after 24h",      "follow:staging/web.yaml#Deployment/web/web after 24h"),
            ("follow: staging/web.yaml#Deployment/shop/web/web after 1d", "follow:staging/web.yaml#Deployment/shop/web/web after 24h"),
            ("follow:staging/web.yaml#Deployment/web/web@1h30m",          "follow:staging/web.yaml#Deployment/web/web after 1h30m"),
            ("follow:web.yaml#Deployment/web/web after 0s",               "follow:web.yaml#Deployment/web/web after 0s"),
        ];
        for (text, expected) in rows {
            let policy = Policy::parse(text).unwrap();
            assert_eq!(policy.to_string(), expected);
            assert_eq!(Policy::parse(expected), Ok(policy));
        }
        #[rustfmt::skip]
        let wrong = [
            ("follow:staging/web.yaml#Deployment/web/web",           "for how long"),
            ("follow:staging after 24h",                             "names no field of a file"),
            ("follow:staging/web.yaml#web after 24h",                "is no field"),
            ("follow:staging/web.yaml#Deployment/web/web after day", "is no age"),
            ("follow:staging/web.yaml#Deployment/web/web after 24",  "is no age"),
            ("follow:staging/web.yaml#Deployment/web/web after 9999999999999999999h", "is no age"),
            ("follow:../web.yaml#Deployment/web/web after 24h",      ""),
        ];
        for (text, problem) in wrong {
            let error = Policy::parse(text).unwrap_err();
            assert!(error.problem.contains(problem), "{text}: {error}");
            assert!(
                error.remedy.contains("follow:FILE#KIND/NAME/FIELD after AGE"),
                "{error}"
            );
        }
    }
}
