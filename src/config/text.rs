use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::path::PathBuf;

/// A type that users write as a string.
pub(super) trait FromText: Sized {
    /// The keywords of the JSON schema besides `"type": "string"`, e.g. a pattern.
    fn schema() -> serde_json::Value;

    /// # Errors
    /// What is wrong, and what to write instead.
    fn from_text(text: &str) -> Result<Self, String>;
}

/// A value and its spelling. The spelling is what the schema shows of a default.
#[derive(Debug, Clone)]
pub(super) struct Text<T> {
    spelling: String,
    pub(super) value: T,
}

impl<T: FromText> Text<T> {
    /// A default.
    ///
    /// # Panics
    /// If the spelling is not valid; a test reads an empty file and so makes every default.
    pub(super) fn known(spelling: &str) -> Self {
        Self {
            spelling: spelling.to_owned(),
            value: T::from_text(spelling).unwrap_or_else(|error| panic!("the default is valid: {error}")),
        }
    }
}

impl<T> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.spelling)
    }
}

impl<T: FromText> JsonSchema for Text<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn schema_id() -> Cow<'static, str> {
        std::any::type_name::<Self>().into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mut schema = Schema::try_from(T::schema()).expect("the keywords are an object");
        schema.insert("type".into(), "string".into());
        schema
    }
}

impl<'de, T: FromText> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor(PhantomData))
    }
}

struct TextVisitor<T>(PhantomData<T>);

impl<T: FromText> TextVisitor<T> {
    /// A number or boolean that would be good in quotes is a mistake of its own.
    fn unquoted<E: de::Error>(scalar: impl fmt::Display, found: &str) -> E {
        match T::from_text(&scalar.to_string()) {
            Ok(_) => E::custom(format!("expected a string, found {found}: put it in quotes")),
            Err(message) => E::custom(message),
        }
    }
}

impl<T: FromText> Visitor<'_> for TextVisitor<T> {
    type Value = Text<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Text<T>, E> {
        Ok(Text {
            spelling: text.to_owned(),
            value: T::from_text(text).map_err(E::custom)?,
        })
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Text<T>, E> {
        Err(Self::unquoted(value, "a boolean"))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Text<T>, E> {
        Err(Self::unquoted(value, "a number"))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Text<T>, E> {
        Err(Self::unquoted(value, "a number"))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Text<T>, E> {
        Err(Self::unquoted(value, "a number"))
    }
}

/// Implements [`FromText`] for types with a `parse` of their own: the type, its schema.
macro_rules! parsed {
    ($($kind:ty: $schema:tt),* $(,)?) => {$(
        impl $crate::config::text::FromText for $kind {
            fn schema() -> serde_json::Value {
                serde_json::json!($schema)
            }

            fn from_text(text: &str) -> Result<Self, String> {
                <$kind>::parse(text).map_err(|error| error.to_string())
            }
        }
    )*};
}
pub(super) use parsed;

/// Implements [`FromText`] for a type that has one spelling for each of its values.
macro_rules! choices {
    ($kind:ty: $($spelling:literal => $value:expr),+ $(,)?) => {
        impl $crate::config::text::FromText for $kind {
            fn schema() -> serde_json::Value {
                serde_json::json!({"enum": [$($spelling),+]})
            }

            fn from_text(text: &str) -> Result<Self, String> {
                match text {
                    $($spelling => Ok($value),)+
                    _ => Err($crate::config::text::not_a_choice(text, &[$($spelling),+])),
                }
            }
        }
    };
}
pub(super) use choices;

pub(super) fn not_a_choice(text: &str, choices: &[&str]) -> String {
    let all = match choices {
        [rest @ .., last] if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => choices.concat(),
    };
    format!("expected {all}, found {text:?}")
}

/// A string that is not blank.
#[derive(Debug, Clone)]
pub(super) struct NonEmpty(pub(super) String);

impl FromText for NonEmpty {
    fn schema() -> serde_json::Value {
        serde_json::json!({"minLength": 1})
    }

    fn from_text(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            Err("expected a string, found an empty one".into())
        } else {
            Ok(Self(text.to_owned()))
        }
    }
}

impl FromText for PathBuf {
    fn schema() -> serde_json::Value {
        NonEmpty::schema()
    }

    fn from_text(text: &str) -> Result<Self, String> {
        NonEmpty::from_text(text).map(|NonEmpty(path)| path.into())
    }
}

impl FromText for SocketAddr {
    fn schema() -> serde_json::Value {
        serde_json::json!({"pattern": "^.+:[0-9]+$"})
    }

    fn from_text(text: &str) -> Result<Self, String> {
        text.parse()
            .map_err(|_| format!("{text:?} is not an address: write it like 0.0.0.0:8080"))
    }
}

/// An RFC 1123 label: a name that both a Secret and a label value may have.
#[derive(Debug, Clone)]
pub(super) struct Label(pub(super) String);

impl FromText for Label {
    fn schema() -> serde_json::Value {
        serde_json::json!({"pattern": "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"})
    }

    fn from_text(text: &str) -> Result<Self, String> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_valid = (1..=63).contains(&text.len())
            && text.bytes().all(allowed)
            && !text.starts_with('-')
            && !text.ends_with('-');
        if is_valid {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!(
                "{text:?} is not a valid name: write up to 63 lowercase letters, digits and -, without - at either end"
            ))
        }
    }
}
