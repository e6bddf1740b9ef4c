use crate::model::Secret;

/// A request, as data. It has no `Debug`: the address and the headers may be secrets.
pub(super) struct Request {
    /// The address.
    pub(super) url: Secret,
    /// Headers besides `Content-Type`.
    pub(super) headers: Vec<(&'static str, Secret)>,
    /// The body: JSON.
    pub(super) body: Vec<u8>,
}

impl Request {
    /// A request with this JSON.
    pub(super) fn json(url: Secret, body: &serde_json::Value) -> Self {
        Self {
            url,
            headers: Vec::new(),
            body: body.to_string().into_bytes(),
        }
    }
}
