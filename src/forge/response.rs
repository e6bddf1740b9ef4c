use crate::port::ForgeFailure;
use serde_json::Value;

/// The field `name` of a response. A missing field and `null` are errors.
pub(super) fn field<'a>(response: &'a Value, name: &str) -> Result<&'a Value, ForgeFailure> {
    response
        .get(name)
        .filter(|field| !field.is_null())
        .ok_or_else(|| lacks(name))
}

/// The field `name` of a response as a string.
pub(super) fn text(response: &Value, name: &str) -> Result<String, ForgeFailure> {
    field(response, name)?
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| lacks(name))
}

/// The field `name` of a response as a number.
pub(super) fn number(response: &Value, name: &str) -> Result<u64, ForgeFailure> {
    field(response, name)?.as_u64().ok_or_else(|| lacks(name))
}

/// A response that must be a list.
pub(super) fn list(response: &Value) -> Result<&[Value], ForgeFailure> {
    response.as_array().map(Vec::as_slice).ok_or_else(|| lacks("the list"))
}

fn lacks(name: &str) -> ForgeFailure {
    ForgeFailure {
        message: format!(
            "the forge's response lacks {name}; check that automation.pullRequest.forge is the right kind and that api is \
             its address"
        ),
        wait: None,
    }
}

/// Whether a text that the agent sent equals the text that a forge returns. Forges trim texts, and some change line ends.
pub(super) fn same_text(sent: &str, returned: &str) -> bool {
    let lines = |text: &str| -> Vec<String> { text.trim().lines().map(|line| line.trim_end().to_owned()).collect() };
    lines(sent) == lines(returned)
}
