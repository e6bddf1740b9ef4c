use std::cmp::Ordering;

/// A `resourceVersion`. Its text is opaque by contract. Since Kubernetes 1.35 (KEP-5504) servers promise that the versions
/// of one resource are numbers that can be ordered. Every etcd-backed server has always done so.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ResourceVersion(String);

impl ResourceVersion {
    /// A version as the server sent it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The version as the server sent it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Compares two versions. `None` unless they are equal or both are numbers.
    pub fn order(&self, other: &Self) -> Option<Ordering> {
        if self.0 == other.0 {
            return Some(Ordering::Equal);
        }
        let digits = |text: &str| {
            let number = text.trim_start_matches('0');
            (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())).then(|| (number.len(), number.to_owned()))
        };
        Some(digits(&self.0)?.cmp(&digits(&other.0)?))
    }

    /// Whether this version is known to be older than the other.
    pub fn is_older_than(&self, other: &Self) -> bool {
        self.order(other) == Some(Ordering::Less)
    }

    /// Whether this version is known to be equal to the other or newer.
    pub fn is_at_least(&self, other: &Self) -> bool {
        matches!(self.order(other), Some(Ordering::Equal | Ordering::Greater))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_numbers_of_any_length_and_nothing_else_is_ordered() {
        let order = |a: &str, b: &str| ResourceVersion::new(a).order(&ResourceVersion::new(b));
        assert_eq!(order("9", "10"), Some(Ordering::Less));
        assert_eq!(
            order("18446744073709551616", "18446744073709551615"),
            Some(Ordering::Greater)
        );
        assert_eq!(order("007", "7"), Some(Ordering::Equal));
        assert_eq!(order("abc", "abc"), Some(Ordering::Equal));
        assert_eq!(order("abc", "abd"), None);
        assert_eq!(order("", "1"), None);
    }
}
