use std::fmt;

/// A platform that an image is built for: `linux/amd64`, `linux/arm/v7`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Platform {
    os: String,
    architecture: String,
    variant: Option<String>,
}

/// A text that is not a platform, cut to 100 characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a platform; write <os>/<architecture> as in linux/amd64, or with a variant as in linux/arm/v7")]
pub struct InvalidPlatform(String);

/// The longest part of a platform in bytes. Longer parts are rejected: Go's longest names have nine letters.
const LONGEST_PART: usize = 32;

impl Platform {
    /// Reads `<os>/<architecture>` or `<os>/<architecture>/<variant>`.
    ///
    /// # Errors
    /// The text is anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidPlatform> {
        let mut parts = text.split('/');
        let invalid = || InvalidPlatform(text.chars().take(100).collect());
        let (os, architecture, variant) = (parts.next(), parts.next(), parts.next());
        match (os, architecture, parts.next()) {
            (Some(os), Some(architecture), None) => Self::new(os, architecture, variant).ok_or_else(invalid),
            _ => Err(invalid()),
        }
    }

    /// Makes a platform from the parts that an image index names. `None`: a part is empty, is longer than 32 bytes, or has a
    /// character that is not an ASCII letter, an ASCII digit, `.`, `_` or `-`.
    pub fn new(os: &str, architecture: &str, variant: Option<&str>) -> Option<Self> {
        let plain = |part: &str| {
            (1..=LONGEST_PART).contains(&part.len())
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        };
        let good = plain(os) && plain(architecture) && variant.is_none_or(plain);
        good.then(|| Self {
            os: os.to_ascii_lowercase(),
            architecture: architecture.to_ascii_lowercase(),
            variant: variant.map(str::to_ascii_lowercase),
        })
    }

    /// Whether an image for the platform `self` runs on `required`. A `required` without a variant accepts every variant.
    fn is(&self, required: &Self) -> bool {
        self.os == required.os
            && self.architecture == required.architecture
            && (required.variant.is_none() || self.variant == required.variant)
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(f, "/{variant}"),
            None => Ok(()),
        }
    }
}

/// The platforms that an image must be built for: each platform of the list. An empty list means Linux on any processor.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Platforms(Vec<Platform>);

impl Platforms {
    /// Requires each platform of the list.
    pub fn new(required: Vec<Platform>) -> Self {
        Self(required)
    }

    /// Why an image that is built for the platforms `built` must not be chosen; `None` if the image may be chosen.
    pub fn unfit(&self, built: &[Platform]) -> Option<String> {
        let missing = match self.0.as_slice() {
            [] if built.iter().any(|platform| platform.os == "linux") => return None,
            [] => "linux".to_owned(),
            required => required
                .iter()
                .find(|required| !built.iter().any(|built| built.is(required)))?
                .to_string(),
        };
        let built: Vec<String> = built.iter().take(8).map(Platform::to_string).collect();
        Some(match built.as_slice() {
            [] => format!("is built for no platform, and not for {missing}"),
            built => format!("is built for {}, and not for {missing}", built.join(", ")),
        })
    }
}
