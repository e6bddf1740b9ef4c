use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::ops::Range;

/// Shorter texts are words of ordinary messages. No forge makes such a token.
const SHORTEST: usize = 4;

/// The shortest part of a base64 text that is looked for within longer base64 texts.
const SHORTEST_CORE: usize = 8;

/// Where programs wrap base64. Sources: RFC 2045 (MIME) and RFC 7468 (PEM).
const WRAPS: [usize; 2] = [76, 64];

/// What a URL's component leaves as it is. Source: `encodeURIComponent` in ECMA-262.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// Secret texts as servers may print them: raw, base64 (also within a longer base64 text), hexadecimal, URL-encoded, and escaped
/// for HTML and JSON. Other escapes are undone by [`unescaped`].
pub(super) fn encodings(texts: &[String]) -> Vec<String> {
    let mut forms = Vec::new();
    for text in texts.iter().filter(|text| text.len() >= SHORTEST) {
        forms.push(text.clone());
        forms.push(hex::encode(text));
        forms.push(hex::encode_upper(text));
        for engine in [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD] {
            let form = engine.encode(text);
            forms.push(utf8_percent_encode(&form, COMPONENT).to_string());
            forms.extend(WRAPS.iter().flat_map(|wrap| wrapped(&form, *wrap)));
            forms.extend(cores(&form));
            forms.extend(cores(text));
            forms.push(form);
        }
        for set in [NON_ALPHANUMERIC, COMPONENT] {
            let upper = utf8_percent_encode(text, set).to_string();
            forms.push(lower_escapes(&upper));
            forms.push(upper.replace("%20", "+"));
            forms.push(upper);
        }
        let html = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        forms.push(html.replace('"', "&quot;").replace('\'', "&#39;"));
        forms.push(html.replace('"', "&#34;").replace('\'', "&#39;"));
        forms.push(html);
        forms.push(text.replace('\\', "\\\\").replace('"', "\\\""));
    }
    forms.sort_unstable();
    forms.dedup();
    forms
}

/// The base64 digits that `text` alone decides, wherever it stands in a longer encoded text.
fn cores(text: &str) -> Vec<String> {
    let mut cores = Vec::new();
    for before in 0..3_usize {
        let padded = [&vec![0; before], text.as_bytes()].concat();
        let digits = STANDARD_NO_PAD.encode(&padded);
        // Each byte has 8 bits and each digit 6. A digit that holds a bit of another byte is left out.
        let (first, end) = ((before * 8).div_ceil(6), padded.len() * 8 / 6);
        if let Some(core) = digits.get(first..end).filter(|core| core.len() >= SHORTEST_CORE) {
            cores.push(core.replace('+', "-").replace('/', "_"));
            cores.push(core.to_owned());
        }
    }
    cores
}

/// The lines of a base64 text that is wrapped; none if it fits into one line.
fn wrapped(form: &str, wrap: usize) -> impl Iterator<Item = String> {
    let lines = form.as_bytes().chunks(wrap).filter(|line| line.len() >= SHORTEST);
    let lines = lines.map(|line| String::from_utf8_lossy(line).into_owned());
    lines.filter(move |_| form.len() > wrap)
}

/// `%2F` as `%2f`.
fn lower_escapes(text: &str) -> String {
    let mut left = 0_usize;
    let lower = text.chars().map(|c| {
        if c == '%' {
            left = 2;
            return c;
        }
        let escaped = left > 0;
        left = left.saturating_sub(usize::from(escaped));
        if escaped { c.to_ascii_lowercase() } else { c }
    });
    lower.collect()
}

/// A byte of a text, and the range of the original text that it stands for.
type Placed = (u8, Range<usize>);

/// The bytes with one layer of escapes undone: those of URLs (`%2F`), HTML (`&#47;`, `&amp;`), JSON and program texts (`\u002f`,
/// `\x2f`, `\/`). `None` if there are none.
pub(super) fn unescaped(bytes: &[Placed]) -> Option<Vec<Placed>> {
    if !bytes.iter().any(|(byte, _)| b"%&\\".contains(byte)) {
        return None;
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, more)) = rest.split_first() {
        match escape(rest) {
            Some((length, bytes)) => {
                let end = rest.get(length - 1).map_or(first.1.end, |last| last.1.end);
                out.extend(bytes.into_iter().map(|byte| (byte, first.1.start..end)));
                rest = rest.get(length..).unwrap_or_default();
            }
            None => {
                out.push(first.clone());
                rest = more;
            }
        }
    }
    (out.len() < bytes.len()).then_some(out)
}

/// The escape that the bytes begin with: its length, and the bytes that it stands for.
fn escape(bytes: &[Placed]) -> Option<(usize, Vec<u8>)> {
    let start: Vec<u8> = bytes.iter().take(LONGEST_ESCAPE).map(|(byte, _)| *byte).collect();
    let text = |range: Range<usize>| std::str::from_utf8(start.get(range)?).ok();
    let hex = |range: Range<usize>| u32::from_str_radix(text(range)?, 16).ok();
    let byte = |code: u32| Some(vec![u8::try_from(code).ok()?]);
    match start.as_slice() {
        [b'%', ..] => Some((3, byte(hex(1..3)?)?)),
        [b'\\', b'x', ..] => Some((4, byte(hex(2..4)?)?)),
        [b'\\', b'u', ..] => Some((6, utf8(hex(2..6)?)?)),
        [b'\\', c @ (b'/' | b'\\' | b'"' | b'\''), ..] => Some((2, vec![*c])),
        [b'&', ..] => {
            let end = start.iter().position(|byte| *byte == b';')?;
            let bytes = match text(1..end)? {
                "amp" => vec![b'&'],
                "lt" => vec![b'<'],
                "gt" => vec![b'>'],
                "quot" => vec![b'"'],
                "apos" => vec![b'\''],
                name => {
                    let number = name.strip_prefix('#')?;
                    let code = match number.strip_prefix(['x', 'X']) {
                        Some(digits) => u32::from_str_radix(digits, 16),
                        None => number.parse(),
                    };
                    utf8(code.ok()?)?
                }
            };
            Some((end + 1, bytes))
        }
        _ => None,
    }
}

/// `&#x0010FFFF;` is the longest escape.
const LONGEST_ESCAPE: usize = 12;

fn utf8(code: u32) -> Option<Vec<u8>> {
    Some(char::from_u32(code)?.to_string().into_bytes())
}
