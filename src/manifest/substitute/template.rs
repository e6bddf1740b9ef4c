//! The expressions of envsubst in a text, as Flux v2 reads them.
//!
//! A dollar sign without a brace behind it is text. `$$` is a dollar sign. The arguments of an expression may be expressions.

use super::functions::{self, Failure};
use super::variables::Variables;
use std::collections::BTreeSet;

/// Expressions in the arguments of expressions, at most.
const DEPTH: usize = 16;
/// The longest result, and the longest of an argument.
const LONGEST: usize = crate::manifest::MAX_FILE_BYTES;

/// Why a text could not be evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Malformed {
    /// An expression that is none.
    Syntax,
    /// Too many expressions in each other.
    Depth,
    /// The result is too long.
    Length,
    /// A function has no result.
    Function(Failure),
}

/// What a text became.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Evaluated {
    pub(super) text: String,
    /// The variables that are missing in strict mode. The text is then of no use.
    pub(super) missing: BTreeSet<String>,
    /// Whether something of the text came from a Secret.
    pub(super) has_secrets: bool,
}

/// Evaluates all expressions of a text.
pub(super) fn evaluate(text: &str, variables: &Variables) -> Result<Evaluated, Malformed> {
    let mut evaluator = Evaluator {
        rest: text,
        variables,
        missing: BTreeSet::new(),
        has_secrets: false,
    };
    let mut result = String::with_capacity(text.len());
    while let Some(at) = evaluator.rest.find('$') {
        result.push_str(&evaluator.rest[..at]);
        evaluator.rest = &evaluator.rest[at..];
        if evaluator.take("${") {
            result.push_str(&evaluator.expression(0)?);
        } else {
            let _ = evaluator.take("$$") || evaluator.take("$");
            result.push('$');
        }
        if result.len() > LONGEST {
            return Err(Malformed::Length);
        }
    }
    result.push_str(evaluator.rest);
    Ok(Evaluated {
        text: result,
        missing: evaluator.missing,
        has_secrets: evaluator.has_secrets,
    })
}

struct Evaluator<'a> {
    rest: &'a str,
    variables: &'a Variables,
    missing: BTreeSet<String>,
    has_secrets: bool,
}

impl Evaluator<'_> {
    fn take(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    /// Takes the characters that are accepted.
    fn take_while(&mut self, accepts: impl Fn(char) -> bool) -> &str {
        let end = self.rest.find(|c| !accepts(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    /// The first of these operators that comes next.
    fn operator<'o>(&mut self, operators: &[&'o str]) -> Option<&'o str> {
        operators.iter().find(|operator| self.take(operator)).copied()
    }

    /// The value of an expression, from behind its brace to its end.
    fn expression(&mut self, depth: usize) -> Result<String, Malformed> {
        if depth > DEPTH {
            return Err(Malformed::Depth);
        }
        let is_length = self.take("#");
        let name = self.take_while(|c| c.is_alphanumeric() || c == '_').to_owned();
        if name.is_empty() {
            return Err(Malformed::Syntax);
        }
        let mut arguments = Vec::new();
        let operator = match self.peek() {
            _ if is_length => "#",
            Some(':') => match self.operator(&[":=", ":-", ":?", ":+"]) {
                Some(operator) => self.default(operator, depth, &mut arguments)?,
                None => self.substring(depth, &mut arguments)?,
            },
            Some('=') => {
                self.take("=");
                self.default("=", depth, &mut arguments)?
            }
            Some(',' | '^') => self.operator(&[",,", "^^", ",^", "^,", ",", "^"]).unwrap_or_default(),
            Some('/') => self.replacement(depth, &mut arguments)?,
            Some('#' | '%') => {
                let operator = self.operator(&["##", "%%", "#", "%"]).unwrap_or_default();
                arguments.push(self.argument(depth, |c| c != '}', false)?);
                operator
            }
            _ => "",
        };
        if !self.take("}") {
            return Err(Malformed::Syntax);
        }
        let value = self.value(&name, matches!(operator, "=" | ":=" | ":-" | ":?" | ":+"));
        let result = functions::apply(operator, &value, &arguments).map_err(Malformed::Function)?;
        match result.len() > LONGEST {
            true => Err(Malformed::Length),
            false => Ok(result),
        }
    }

    fn value(&mut self, name: &str, has_default: bool) -> String {
        match self.variables.get(name) {
            Some(variable) => {
                self.has_secrets |= variable.is_secret;
                variable.text.clone()
            }
            None => {
                if self.variables.is_strict() && !has_default {
                    self.missing.insert(name.to_owned());
                }
                String::new()
            }
        }
    }

    /// `${var:-word}`: text and expressions in any number.
    fn default<'o>(
        &mut self,
        operator: &'o str,
        depth: usize,
        arguments: &mut Vec<String>,
    ) -> Result<&'o str, Malformed> {
        let mut length = 0;
        while self.peek() != Some('}') {
            let argument = self.argument(depth, |c| c != '}', false)?;
            length += argument.len();
            if length > LONGEST {
                return Err(Malformed::Length);
            }
            arguments.push(argument);
        }
        Ok(operator)
    }

    /// `${var:offset}` and `${var:offset:length}`.
    fn substring(&mut self, depth: usize, arguments: &mut Vec<String>) -> Result<&'static str, Malformed> {
        self.take(":");
        arguments.push(self.argument(depth, |c| c != ':' && c != '}', false)?);
        if !self.take_while(|c| c == ':').is_empty() {
            arguments.push(self.argument(depth, |c| c != '}', false)?);
        }
        Ok(":")
    }

    /// `${var/pattern/text}` and its kin.
    fn replacement(&mut self, depth: usize, arguments: &mut Vec<String>) -> Result<&'static str, Malformed> {
        let operator = self.operator(&["//", "/#", "/%", "/"]).unwrap_or_default();
        arguments.push(self.argument(depth, |c| c != '/', true)?);
        if self.take_while(|c| c == '/').is_empty() {
            return Err(Malformed::Syntax);
        }
        if self.peek() != Some('}') {
            arguments.push(self.argument(depth, |c| c != '}', true)?);
        }
        Ok(operator)
    }

    /// One argument: an expression, or text up to one. `escapes`: whether a backslash gives a slash or a backslash its plain meaning.
    fn argument(&mut self, depth: usize, accepts: impl Fn(char) -> bool, escapes: bool) -> Result<String, Malformed> {
        if self.take("${") {
            return self.expression(depth + 1);
        }
        let (mut text, before) = (String::new(), self.rest.len());
        while let Some(next) = self.peek() {
            if self.rest.starts_with("${") {
                break;
            }
            let escaped = ["$$", "\\/", "\\\\"]
                .into_iter()
                .find(|pair| self.rest.starts_with(pair));
            if let (true, Some(pair)) = (escapes, escaped) {
                text.push_str(&pair[1..]);
                self.take(pair);
                continue;
            }
            if !accepts(next) {
                break;
            }
            text.push(next);
            self.rest = &self.rest[next.len_utf8()..];
        }
        match self.rest.len() == before {
            true => Err(Malformed::Syntax),
            false => Ok(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SecretBytes;

    fn variables(strict: bool) -> Variables {
        let mut variables = Variables::new(strict);
        for (name, value) in [
            ("var01", "abcdEFGH28ij"),
            ("path_name", "/home/bozo/ideas/thoughts.for.today"),
            ("stringZ", "abcABC123ABCabc"),
            ("filename", "bash.string.txt"),
            ("path", "path/to/file"),
            ("slash", "foo/bar/baz"),
            ("empty", ""),
            ("default_var", "foo1"),
            ("umlaut", "äöü"),
        ] {
            variables.set(name, &SecretBytes::new(value), name == "path").unwrap();
        }
        variables
    }

    /// The rows are those of Flux's own tests of its envsubst, and others.
    #[test]
    fn expressions_mean_what_they_mean_to_flux() {
        for (text, expected) in [
            ("abcdEFGH28ij", "abcdEFGH28ij"),
            ("${#var01}", "12"),
            (
                "${var01^} ${var01^^} ${var01,,}",
                "AbcdEFGH28ij ABCDEFGH28IJ abcdefgh28ij",
            ),
            ("${path_name:11} ${path_name:11:5}", "ideas/thoughts.for.today ideas"),
            (
                "${path_name:-5} ${path_name:0:-30}",
                "/home/bozo/ideas/thoughts.for.today /home",
            ),
            ("${path_name:99}${path_name:99:2}", ""),
            (
                "${var01=xyz} ${unset=xyz} ${unset:=xyz} ${unset:-xyz} ${empty:-xyz}",
                "abcdEFGH28ij xyz xyz xyz xyz",
            ),
            ("a ${unset=${default_var}}", "a foo1"),
            ("${unset=prefix${default_var}-suffix}", "prefixfoo1-suffix"),
            ("${unset:=}", ""),
            ("${unset:-a: {b}}", "a: {b}"),
            (
                "${stringZ/%abc/XYZ} ${stringZ/#abc/XYZ}",
                "abcABC123ABCXYZ XYZABC123ABCabc",
            ),
            (
                "${stringZ//abc/xyz} ${stringZ/abc/xyz}",
                "xyzABC123ABCxyz xyzABC123ABCabc",
            ),
            ("${filename#*.} ${filename##*.}", "string.txt txt"),
            ("${filename%.*} ${filename%%.*}", "bash.string bash"),
            ("${path#*/} ${path##*/}", "to/file file"),
            ("${unset=${var01^^}}", "ABCDEFGH28IJ"),
            ("$${var01}", "${var01}"),
            (
                "t ${var01}$${var$${var01}$var01${var01}",
                "t abcdEFGH28ij${var${var01}$var01abcdEFGH28ij",
            ),
            ("something $${var=${default_var}}", "something ${var=foo1}"),
            (r"${slash/\//-} ${slash//\//-}", "foo-bar/baz foo-bar-baz"),
            (r"\\something ${unset=${default_var}}", r"\\something foo1"),
            ("${filename/./}", "bashstring.txt"),
            ("100$ $5 $(x) $", "100$ $5 $(x) $"),
        ] {
            assert_eq!(
                evaluate(text, &variables(true)).map(|done| done.text).as_deref(),
                Ok(expected),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_expression_is_an_error() {
        let deep = format!("{}x{}", "${a:-".repeat(20), "}".repeat(20));
        for (text, expected) in [
            ("${}", Malformed::Syntax),
            ("${ var01 }", Malformed::Syntax),
            ("${var01", Malformed::Syntax),
            ("${var01-x}", Malformed::Syntax),
            ("${a.b}", Malformed::Syntax),
            ("${var01:}", Malformed::Syntax),
            ("${var01#}", Malformed::Syntax),
            ("${unset:-x", Malformed::Syntax),
            ("${umlaut:1}", Malformed::Function(Failure::SplitCharacter)),
            (deep.as_str(), Malformed::Depth),
        ] {
            assert_eq!(evaluate(text, &variables(true)), Err(expected), "{text}");
        }
    }

    #[test]
    fn missing_variables_are_named_in_strict_mode_and_empty_otherwise() {
        let text = "${a}${b^^}${c:-x}${var01}";
        let strict = evaluate(text, &variables(true)).unwrap();
        assert_eq!(strict.missing.into_iter().collect::<Vec<_>>(), ["a", "b"]);
        let lenient = evaluate(text, &variables(false)).unwrap();
        assert!(lenient.missing.is_empty() && lenient.text == "xabcdEFGH28ij" && !lenient.has_secrets);
        assert!(evaluate("${path}", &variables(true)).unwrap().has_secrets);
    }

    #[test]
    fn a_result_has_a_bound() {
        let mut variables = Variables::new(true);
        variables
            .set("a", &SecretBytes::new("x".repeat(1 << 20)), false)
            .unwrap();
        assert_eq!(evaluate(&"${a}".repeat(5), &variables), Err(Malformed::Length));
        let long = evaluate("${a#x}", &variables);
        assert_eq!(long, Err(Malformed::Function(Failure::TooLong)));
    }
}
