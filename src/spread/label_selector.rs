use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::iter::Peekable;
use std::vec::IntoIter;

/// A label selector in the syntax of `kubectl -l`: `team=shop,env in (dev, test),!frozen`. An object must meet every part. The
/// empty selector selects everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LabelSelector(Vec<Requirement>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    In(BTreeSet<String>),
    NotIn(BTreeSet<String>),
    Exists,
    Absent,
    Above(i64),
    Below(i64),
}

/// Why a text is no label selector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a label selector: {0}; write it as for kubectl -l, e.g. team=shop,env in (dev, test)")]
pub struct NotASelector(String);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Mark(&'static str),
}

const MARKS: [&str; 9] = ["==", "!=", "=", "!", "(", ")", ",", "<", ">"];

impl LabelSelector {
    /// # Errors
    /// What the text lacks or has too much.
    pub fn parse(text: &str) -> Result<Self, NotASelector> {
        let mut tokens = tokens(text).into_iter().peekable();
        let mut requirements = Vec::new();
        if tokens.peek().is_none() {
            return Ok(Self(requirements));
        }
        loop {
            requirements.push(requirement(&mut tokens)?);
            match tokens.next() {
                None => return Ok(Self(requirements)),
                Some(Token::Mark(",")) => {}
                Some(other) => return Err(NotASelector(format!("expected a comma, found {other}"))),
            }
        }
    }

    /// Whether these labels meet the selector.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.iter().all(|part| part.matches(labels))
    }

    /// A selector of labels with these values.
    ///
    /// # Errors
    /// A key or a value cannot be one of a label.
    pub fn of_labels(labels: &BTreeMap<String, String>) -> Result<Self, NotASelector> {
        let part = |(name, label): (&String, &String)| {
            Ok(Requirement {
                key: key(name)?,
                test: Test::In(BTreeSet::from([value(label)?])),
            })
        };
        Ok(Self(labels.iter().map(part).collect::<Result<_, _>>()?))
    }

    /// The objects that meet both selectors.
    pub fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }
}

impl Requirement {
    fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        let label = labels.get(&self.key);
        let number = || label.and_then(|label| label.parse::<i64>().ok());
        match &self.test {
            Test::In(values) => label.is_some_and(|label| values.contains(label)),
            Test::NotIn(values) => label.is_none_or(|label| !values.contains(label)),
            Test::Exists => label.is_some(),
            Test::Absent => label.is_none(),
            Test::Above(bound) => number().is_some_and(|number| number > *bound),
            Test::Below(bound) => number().is_some_and(|number| number < *bound),
        }
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => write!(f, "{word:?}"),
            Self::Mark(mark) => write!(f, "{mark:?}"),
        }
    }
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return tokens;
        }
        if let Some(mark) = MARKS.into_iter().find(|mark| rest.starts_with(mark)) {
            tokens.push(Token::Mark(mark));
            rest = rest.get(mark.len()..).unwrap_or_default();
            continue;
        }
        let is_end = |c: char| c.is_whitespace() || "=!(),<>".contains(c);
        let (word, after) = rest.split_at(rest.find(is_end).unwrap_or(rest.len()));
        tokens.push(Token::Word(word.to_owned()));
        rest = after;
    }
}

fn requirement(tokens: &mut Peekable<IntoIter<Token>>) -> Result<Requirement, NotASelector> {
    let missing = |what: &str, found: Option<Token>| {
        let found = found.map_or_else(|| "the end".to_owned(), |token| token.to_string());
        NotASelector(format!("expected {what}, found {found}"))
    };
    let first = tokens.next();
    if first == Some(Token::Mark("!")) {
        return match tokens.next() {
            Some(Token::Word(name)) => Ok(Requirement {
                key: key(&name)?,
                test: Test::Absent,
            }),
            other => Err(missing("the key of a label", other)),
        };
    }
    let Some(Token::Word(name)) = first else {
        return Err(missing("the key of a label", first));
    };
    let key = key(&name)?;
    let test = match tokens.peek().cloned() {
        None | Some(Token::Mark(",")) => Test::Exists,
        Some(Token::Mark("=" | "==")) => Test::In(BTreeSet::from([one_value(tokens)?])),
        Some(Token::Mark("!=")) => Test::NotIn(BTreeSet::from([one_value(tokens)?])),
        Some(Token::Mark(mark @ ("<" | ">"))) => {
            let bound = one_value(tokens)?;
            let bound = bound
                .parse()
                .map_err(|_| NotASelector(format!("expected a whole number after {mark}, found {bound:?}")))?;
            if mark == "<" {
                Test::Below(bound)
            } else {
                Test::Above(bound)
            }
        }
        Some(Token::Word(word)) if word == "in" => Test::In(values(tokens)?),
        Some(Token::Word(word)) if word == "notin" => Test::NotIn(values(tokens)?),
        other => return Err(missing("=, ==, !=, in, notin, < or >", other)),
    };
    Ok(Requirement { key, test })
}

/// The value after an operator. No value stands for the empty one.
fn one_value(tokens: &mut Peekable<IntoIter<Token>>) -> Result<String, NotASelector> {
    tokens.next();
    match tokens.next_if(|token| matches!(token, Token::Word(_))) {
        Some(Token::Word(word)) => value(&word),
        _ => Ok(String::new()),
    }
}

/// The values in brackets after `in` or `notin`.
fn values(tokens: &mut Peekable<IntoIter<Token>>) -> Result<BTreeSet<String>, NotASelector> {
    tokens.next();
    if tokens.next() != Some(Token::Mark("(")) {
        return Err(NotASelector("expected ( after in and notin".to_owned()));
    }
    let mut values = BTreeSet::new();
    loop {
        let word = match tokens.next_if(|token| matches!(token, Token::Word(_))) {
            Some(Token::Word(word)) => value(&word)?,
            _ => String::new(),
        };
        values.insert(word);
        match tokens.next() {
            Some(Token::Mark(",")) => {}
            Some(Token::Mark(")")) => return Ok(values),
            _ => return Err(NotASelector("expected , or ) in the list of values".to_owned())),
        }
    }
}

/// The longest name of a label, and the longest value.
const LONGEST: usize = 63;
/// The longest prefix of a key, a DNS name.
const LONGEST_PREFIX: usize = 253;

fn key(text: &str) -> Result<String, NotASelector> {
    let (prefix, name) = match text.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, text),
    };
    let is_prefix = |prefix: &str| {
        let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
        (1..=LONGEST_PREFIX).contains(&prefix.len()) && prefix.chars().all(is_allowed)
    };
    if !is_name(name) || !prefix.is_none_or(is_prefix) {
        return Err(NotASelector(format!("{text:?} cannot be the key of a label")));
    }
    Ok(text.to_owned())
}

fn value(text: &str) -> Result<String, NotASelector> {
    if text.is_empty() || is_name(text) {
        return Ok(text.to_owned());
    }
    Err(NotASelector(format!("{text:?} cannot be the value of a label")))
}

fn is_name(text: &str) -> bool {
    let is_end = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    (1..=LONGEST).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        && is_end(text.chars().next())
        && is_end(text.chars().next_back())
}
