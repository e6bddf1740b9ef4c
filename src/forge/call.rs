use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

/// The characters that are encoded in a path segment: all except letters, digits and `-._~` (RFC 3986, unreserved).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The HTTP method of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    /// Reads a resource.
    Get,
    /// Creates a resource.
    Post,
    /// Changes the given fields of a resource.
    Patch,
    /// Changes a resource; GitLab uses this method.
    Put,
}

/// A call to a forge's API, as data.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Call {
    /// The HTTP method.
    pub method: Method,
    /// The path below the API's address: percent-encoded, with a leading `/`.
    pub path: String,
    /// The names and values of the query, not encoded.
    pub query: Vec<(&'static str, String)>,
    /// The body, sent as JSON.
    pub body: Option<Value>,
    /// The operation, for CodeCommit.
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

/// A text as one percent-encoded path segment.
pub(super) fn segment(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}
