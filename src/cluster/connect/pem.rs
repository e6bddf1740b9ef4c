use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The contents of the certificates in a text in PEM format; `None` if there is none, or one that is cut.
pub(super) fn blocks(text: &[u8]) -> Option<Vec<Vec<u8>>> {
    let text = std::str::from_utf8(text).ok()?;
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some((_, block)) = rest.split_once("-----BEGIN CERTIFICATE-----") {
        let (body, after) = block.split_once("-----END CERTIFICATE-----")?;
        let body: String = body.split_whitespace().collect();
        blocks.push(STANDARD.decode(body).ok()?);
        rest = after;
    }
    (!blocks.is_empty()).then_some(blocks)
}
