use super::range::{Range, Within};
use super::version::Version;

/// A range of versions in the dialect of Masterminds semver v3, as Helm reads the version of a chart: `^1.2`, `~1`, `>=1 <2`, `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionRange(Range);

impl VersionRange {
    /// Reads a range.
    ///
    /// # Errors
    /// What is wrong with the text, and what to write instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        Range::parse(text).map(Self).map_err(|fault| fault.to_string())
    }

    /// The highest of the versions that the range admits. A pre-release counts only for a range that names one.
    pub fn highest<'a>(&self, versions: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
        let versions = versions
            .into_iter()
            .filter_map(|text| Some((Version::parse(text).ok()?, text)));
        let admitted = versions.filter(|(version, _)| self.0.admits(version) == Within::Yes);
        admitted
            .max_by(|one, other| one.0.order(&other.0))
            .map(|(_, text)| text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_version_of_a_range_is_the_one_that_helm_takes() {
        let all = [
            "1.9.0",
            "1.10.0",
            "2.0.0",
            "0.9.1",
            "v1.2.3",
            "2.1.0-rc.1",
            "1.2.3+build",
            "latest",
        ];
        for (range, expected) in [
            ("^1.2", Some("1.10.0")),
            ("~1", Some("1.10.0")),
            (">=1 <2", Some("1.10.0")),
            (">=1, <1.10", Some("1.9.0")),
            ("*", Some("2.0.0")),
            ("1.x", Some("1.10.0")),
            (">=2.1.0-0", Some("2.1.0-rc.1")),
            ("0.9 - 1.9", Some("1.9.0")),
            ("^3", None),
        ] {
            assert_eq!(VersionRange::parse(range).unwrap().highest(all), expected, "{range}");
        }
        assert!(VersionRange::parse("^one").is_err());
    }
}
