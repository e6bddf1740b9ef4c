use crate::port::ForgeFailure;
use serde_json::Value;

/// The verbs that forges want.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Makes.
    Post,
    /// Changes what is named.
    Patch,
    /// Changes, as GitLab has it.
    Put,
}

impl Method {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Put => "PUT",
        }
    }
}

/// One request to a forge's API, not sent yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The verb.
    pub method: Method,
    /// Below the API's address, percent-encoded, beginning with `/`.
    pub path: String,
    /// Names and values, not encoded.
    pub query: Vec<(&'static str, String)>,
    /// As JSON.
    pub body: Option<Value>,
    /// CodeCommit's operation.
    pub operation: Option<&'static str>,
}

impl Call {
    pub(super) fn get(path: String, query: Vec<(&'static str, String)>) -> Self {
        Self {
            method: Method::Get,
            path,
            query,
            body: None,
            operation: None,
        }
    }

    pub(super) fn send(method: Method, path: String, body: Value) -> Self {
        Self {
            method,
            path,
            query: Vec::new(),
            body: Some(body),
            operation: None,
        }
    }
}

/// A path segment: everything but letters, digits and `-._~` is percent-encoded.
pub(super) fn segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// A part of an answer that must be there.
pub(super) fn part<'a>(answer: &'a Value, name: &str) -> Result<&'a Value, ForgeFailure> {
    answer.get(name).filter(|part| !part.is_null()).ok_or_else(|| odd(name))
}

/// A text of an answer that must be there.
pub(super) fn text(answer: &Value, name: &str) -> Result<String, ForgeFailure> {
    part(answer, name)?.as_str().map(str::to_owned).ok_or_else(|| odd(name))
}

/// A number of an answer that must be there.
pub(super) fn number(answer: &Value, name: &str) -> Result<u64, ForgeFailure> {
    part(answer, name)?.as_u64().ok_or_else(|| odd(name))
}

/// An answer that must be a list.
pub(super) fn list(answer: &Value) -> Result<&[Value], ForgeFailure> {
    answer.as_array().map(Vec::as_slice).ok_or_else(|| odd("the list"))
}

fn odd(name: &str) -> ForgeFailure {
    ForgeFailure {
        message: format!(
            "the forge's answer lacks {name}; is automation.pullRequest.forge the right kind, and api its address?"
        ),
        wait: None,
    }
}

/// Whether a text of ours and what a forge gives back for it are the same: forges trim, and some write other line ends.
pub(super) fn same(ours: &str, theirs: &str) -> bool {
    let lines = |text: &str| -> Vec<String> { text.trim().lines().map(|line| line.trim_end().to_owned()).collect() };
    lines(ours) == lines(theirs)
}
