use crate::manifest::yaml::events::{Scalar, Style};
use base64::Engine;
use std::borrow::Cow;

/// A scalar's value as kubectl reads it.
///
/// kubectl uses go-yaml version 2 through sigs.k8s.io/yaml (`resolve.go`). After that, `json.Marshal` and the
/// unstructured decoder turn whole floats into integers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Resolved<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Cow<'a, str>),
}

const CORE: &str = "tag:yaml.org,2002:";

/// Resolves a scalar to its value.
///
/// # Errors
/// The scalar's text contradicts its tag. kubectl rejects such a scalar, too.
pub(crate) fn resolve(scalar: &Scalar) -> Result<Resolved<'_>, String> {
    let text = &*scalar.value;
    let plain = matches!(scalar.style, Style::Plain | Style::ManyLines | Style::Empty);
    let Some(tag) = scalar.tag.as_deref() else {
        return Ok(if plain {
            untagged(text)
        } else {
            Resolved::Text(text.into())
        });
    };
    let resolved = match tag.strip_prefix(CORE) {
        Some("binary") => return binary(text),
        Some("bool" | "int" | "float" | "null") => untagged(text),
        _ => return Ok(Resolved::Text(text.into())),
    };
    match (tag.strip_prefix(CORE), resolved) {
        (Some("bool"), Resolved::Bool(value)) => Ok(Resolved::Bool(value)),
        (Some("null"), Resolved::Null) => Ok(Resolved::Null),
        (Some("int"), Resolved::Int(value)) => Ok(Resolved::Int(value)),
        (Some("float"), Resolved::Float(value)) => Ok(Resolved::Float(value)),
        (Some("float"), Resolved::Int(value)) => Ok(Resolved::Int(value)),
        (Some(kind), _) => Err(format!(
            "has the tag !!{kind}, but its value is not of that type; remove the tag"
        )),
        (None, resolved) => Ok(resolved),
    }
}

fn binary(text: &str) -> Result<Resolved<'_>, String> {
    let compact: String = text.chars().filter(|c| !matches!(c, '\n' | '\r')).collect();
    base64::engine::general_purpose::STANDARD
        .decode(compact)
        .map(|bytes| Resolved::Text(String::from_utf8_lossy(&bytes).into_owned().into()))
        .map_err(|_| "has a !!binary value that is not base64; correct the value or remove the tag".to_owned())
}

fn untagged(text: &str) -> Resolved<'_> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Resolved::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Resolved::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Resolved::Bool(false);
        }
        ".nan" | ".NaN" | ".NAN" => return Resolved::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Resolved::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Resolved::Float(f64::NEG_INFINITY),
        _ => {}
    }
    let number = match text.as_bytes().first() {
        Some(b'.') => decimal(text),
        Some(b'0'..=b'9' | b'+' | b'-') => {
            let compact = text.replace('_', "");
            integer(&compact).or_else(|| decimal(&compact))
        }
        _ => None,
    };
    number.unwrap_or(Resolved::Text(text.into()))
}

/// Parses an integer as Go's `strconv.ParseInt(text, 0, 64)` does, then as `ParseUint`.
fn integer(text: &str) -> Option<Resolved<'static>> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    let prefixed = |small, large| digits.strip_prefix(small).or_else(|| digits.strip_prefix(large));
    let (radix, digits) = if let Some(rest) = prefixed("0x", "0X") {
        (16, rest)
    } else if let Some(rest) = prefixed("0o", "0O") {
        (8, rest)
    } else if let Some(rest) = prefixed("0b", "0B") {
        (2, rest)
    } else if digits.len() > 1 && digits.starts_with('0') {
        (8, digits.get(1..)?)
    } else {
        (10, digits)
    };
    if !digits.starts_with(|c: char| c.is_digit(radix)) {
        return None;
    }
    let value = i128::from(u64::from_str_radix(digits, radix).ok()?);
    let value = if negative { -value } else { value };
    match i64::try_from(value) {
        Ok(value) => Some(Resolved::Int(value)),
        Err(_) if negative || text.starts_with('+') => None,
        Err(_) => Some(Resolved::Float(value as f64)),
    }
}

/// Parses a finite decimal number; see [`is_decimal`].
fn decimal(text: &str) -> Option<Resolved<'static>> {
    if !is_decimal(text) {
        return None;
    }
    let value: f64 = text.parse().ok()?;
    if !value.is_finite() {
        return None;
    }
    Some(whole(value).map_or(Resolved::Float(value), Resolved::Int))
}

/// Whether a text matches `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`.
pub(crate) fn is_decimal(text: &str) -> bool {
    let body = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match body.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (body, None),
    };
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let mantissa = match mantissa.split_once('.') {
        Some(("", after)) => !after.is_empty() && digits(after),
        Some((before, after)) => digits(before) && digits(after),
        None => !mantissa.is_empty() && digits(mantissa),
    };
    let exponent = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    mantissa && exponent
}

/// The integer that a float becomes. Go's JSON encoder writes whole floats without a point, and the decoder then reads
/// an integer.
fn whole(value: f64) -> Option<i64> {
    (value.fract() == 0.0 && value.abs() < 1e21)
        .then(|| format!("{value}").parse().ok())
        .flatten()
}

/// The JSON value of a scalar.
///
/// # Errors
/// JSON has no such number (infinity, NaN), or [`resolve`] fails.
pub(crate) fn json(scalar: &Scalar) -> Result<serde_json::Value, String> {
    Ok(match resolve(scalar)? {
        Resolved::Null => serde_json::Value::Null,
        Resolved::Bool(value) => value.into(),
        Resolved::Int(value) => value.into(),
        Resolved::Text(text) => text.into_owned().into(),
        Resolved::Float(value) => serde_json::Number::from_f64(value).map(Into::into).ok_or_else(|| {
            format!(
                "has the number {}, which JSON cannot hold; quote it if it is text",
                scalar.value
            )
        })?,
    })
}

/// The JSON key of a mapping's key.
///
/// # Errors
/// The key is null, or [`resolve`] fails.
pub(crate) fn key(scalar: &Scalar) -> Result<String, String> {
    match resolve(scalar)? {
        Resolved::Text(text) => Ok(text.into_owned()),
        Resolved::Bool(value) => Ok(value.to_string()),
        Resolved::Int(value) => Ok(value.to_string()),
        Resolved::Float(value) => Ok((value as f32).to_string()),
        Resolved::Null => Err("has an empty key; give it a name or quote it".to_owned()),
    }
}

/// A number as Go templates print it, and therefore Helm. They read every YAML number as a 64-bit float.
pub(crate) fn printed_by_go(number: f64) -> String {
    let scientific = format!("{number:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..6).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
        }
        _ => number.to_string(),
    }
}
