use serde::Deserialize;

#[derive(Deserialize)]
struct PushEvent {
    #[serde(rename = "ref")]
    name: Option<String>,
}

/// The branch of the push, if the body names one. A body that cannot be read (GitHub can send a form instead of JSON) names
/// no branch, and the push wakes the loop.
pub fn pushed_branch(body: &[u8]) -> Option<String> {
    // serde takes an array for a struct.
    let body = body.trim_ascii_start();
    let event: PushEvent = serde_json::from_slice(body.starts_with(b"{").then_some(body)?).ok()?;
    let name = event.name?;
    Some(name.strip_prefix("refs/heads/").unwrap_or(&name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::pushed_branch;

    #[test]
    fn the_branch_is_read_where_the_body_names_it() {
        for (body, expected) in [
            (r#"{"ref":"refs/heads/release/1.2","commits":[]}"#, Some("release/1.2")),
            (r#"{"ref":"refs/tags/v1"}"#, Some("refs/tags/v1")),
            (r#"{"zen":"Keep it logically awesome."}"#, None),
            ("payload=%7B%22ref%22", None),
            ("", None),
            (r#"{"ref":7}"#, None),
            (r#" ["refs/heads/main"]"#, None),
        ] {
            assert_eq!(pushed_branch(body.as_bytes()).as_deref(), expected, "{body}");
        }
    }
}
