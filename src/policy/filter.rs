use crate::model::Tag;
use globset::{GlobBuilder, GlobMatcher};

/// The longest glob in bytes. Longer globs are rejected.
const LONGEST: usize = 256;

/// An include or exclude glob that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("glob {glob:?} cannot be used: {problem}")]
pub struct InvalidGlob {
    /// The text, cut to 200 characters.
    pub glob: String,
    /// What is wrong and what to write instead.
    pub problem: String,
}

/// Include and exclude globs over repositories and their tags.
///
/// A glob is `<repository path>` or `<repository path>:<tag>`, without the registry's host. `*` stays within a part of
/// the path, `**` crosses parts, `?`, `[…]` and `{a,b}` work as in a shell. `**/cache` also matches `cache` itself. Without
/// include globs everything is included. A name that both an include glob and an exclude glob match is excluded.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    include: Vec<Rule>,
    exclude: Vec<Rule>,
}

#[derive(Debug, Clone)]
struct Rule {
    text: String,
    repository: GlobMatcher,
    tag: Option<GlobMatcher>,
}

impl Filter {
    /// Reads the globs.
    ///
    /// # Errors
    /// A glob cannot be used. The error names the first such glob.
    pub fn new(include: &[String], exclude: &[String]) -> Result<Self, InvalidGlob> {
        let read = |globs: &[String]| globs.iter().map(|glob| Rule::parse(glob)).collect::<Result<_, _>>();
        Ok(Self {
            include: read(include)?,
            exclude: read(exclude)?,
        })
    }

    /// Whether a repository is included, by its path without the host.
    ///
    /// # Errors
    /// The repository is excluded, or no include glob matches it. The reason names the exclude glob.
    pub fn repository(&self, path: &str) -> Result<(), String> {
        let excluding = self
            .exclude
            .iter()
            .find(|rule| rule.tag.is_none() && rule.repository.is_match(path));
        if let Some(rule) = excluding {
            return Err(format!("{path} is excluded by {:?}", rule.text));
        }
        if !self.include.is_empty() && !self.include.iter().any(|rule| rule.repository.is_match(path)) {
            return Err(format!("{path} is in none of the include globs"));
        }
        Ok(())
    }

    /// The globs that concern the tags of a repository. The repository's path is matched here, once for all of its tags.
    ///
    /// # Errors
    /// The repository is excluded, or no include glob matches it. The reason names the exclude glob.
    pub fn tags(&self, path: &str) -> Result<TagFilter<'_>, String> {
        self.repository(path)?;
        let concerns = |rule: &&Rule| rule.repository.is_match(path);
        let include: Vec<&Rule> = self.include.iter().filter(concerns).collect();
        Ok(TagFilter {
            path: path.to_owned(),
            includes_all: self.include.is_empty() || include.iter().any(|rule| rule.tag.is_none()),
            include,
            exclude: self.exclude.iter().filter(concerns).collect(),
        })
    }
}

/// The include and exclude globs for the tags of one repository.
#[derive(Debug, Clone)]
pub struct TagFilter<'a> {
    path: String,
    includes_all: bool,
    include: Vec<&'a Rule>,
    exclude: Vec<&'a Rule>,
}

impl TagFilter<'_> {
    /// Whether a tag is included.
    ///
    /// # Errors
    /// The tag is excluded, or no include glob matches it. The reason names the exclude glob.
    pub fn allows(&self, tag: &Tag) -> Result<(), String> {
        let path = &self.path;
        if let Some(rule) = self.exclude.iter().find(|rule| rule.matches(tag)) {
            return Err(format!("{path}:{tag} is excluded by {:?}", rule.text));
        }
        if !self.includes_all && !self.include.iter().any(|rule| rule.matches(tag)) {
            return Err(format!("{path}:{tag} is in none of the include globs"));
        }
        Ok(())
    }
}

impl Rule {
    fn parse(text: &str) -> Result<Self, InvalidGlob> {
        let invalid = |problem: String| InvalidGlob {
            glob: text.chars().take(200).collect(),
            problem,
        };
        if text.len() > LONGEST {
            return Err(invalid("it is longer than 256 characters".to_owned()));
        }
        let (repository, tag) = match text.split_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (text, None),
        };
        if tag.is_some_and(|tag| tag.contains([':', '/'])) {
            return Err(invalid(
                "a tag has no : or /; write <repository path>:<tag>, without the registry's host".to_owned(),
            ));
        }
        if repository.is_empty() || tag == Some("") {
            return Err(invalid(
                "a part is empty; write <repository path> or <repository path>:<tag>, ** for every repository"
                    .to_owned(),
            ));
        }
        if repository.starts_with('/') || repository.ends_with('/') {
            return Err(invalid(
                "a repository path neither starts nor ends with /; write shop/** for all below shop".to_owned(),
            ));
        }
        if repository.split('/').any(|part| part != "**" && part.contains("**")) {
            return Err(invalid(
                "** stands alone between the slashes; write shop*/** for all below each folder like shop".to_owned(),
            ));
        }
        let compile = |glob: &str| {
            GlobBuilder::new(glob)
                .literal_separator(true)
                .build()
                .map(|glob| glob.compile_matcher())
                .map_err(|error| invalid(error.kind().to_string()))
        };
        Ok(Self {
            text: text.to_owned(),
            repository: compile(repository)?,
            tag: tag.map(compile).transpose()?,
        })
    }

    /// Whether a tag of a repository that the glob concerns matches.
    fn matches(&self, tag: &Tag) -> bool {
        self.tag.as_ref().is_none_or(|glob| glob.is_match(tag.as_str()))
    }
}
