/// How many bytes at the end of a commit message are searched for trailers: enough for ten thousand bumps in one commit.
pub(crate) const LONGEST_MESSAGE: usize = 4 << 20;

/// How the lines begin that git itself writes among trailers (git-interpret-trailers, "git_generated_prefixes").
const WRITTEN_BY_GIT: [&str; 2] = ["Signed-off-by: ", "(cherry picked from commit "];

/// The values of all trailers named `name`, in order. Upper and lower case are the same.
///
/// The rules are those of git-interpret-trailers. The trailers are the last paragraph, unless it is also the first one. Either
/// all its lines are trailers, or one line is ours or git's and at least a quarter of the lines are trailers. A line that
/// starts with a blank continues the line before.
pub(super) fn values(message: &str, name: &str) -> Vec<String> {
    let Some(block) = last_paragraph(tail(message)) else {
        return Vec::new();
    };
    let mut found: Vec<(&str, String)> = Vec::new();
    let (mut trailers, mut others, mut recognised) = (0usize, 0usize, false);
    for line in block.lines() {
        if line.starts_with([' ', '\t']) {
            match found.last_mut() {
                Some((_, value)) => {
                    value.push(' ');
                    value.push_str(line.trim());
                }
                None => others += 1,
            }
        } else if WRITTEN_BY_GIT.iter().any(|start| line.starts_with(start)) {
            recognised = true;
            trailers += 1;
        } else if let Some((key, value)) = pair(line) {
            recognised |= key.eq_ignore_ascii_case(name);
            trailers += 1;
            found.push((key, value.trim().to_owned()));
        } else {
            others += 1;
        }
    }
    if others > 0 && !(recognised && trailers * 3 >= others) {
        return Vec::new();
    }
    found
        .into_iter()
        .filter(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
        .collect()
}

/// The values of lines that look like trailers named `name` and are outside the last paragraph. A squash leaves such lines: it
/// joins messages one after another, indents them, or appends text. Lines of the first paragraph do not count: a subject is
/// never a trailer.
pub(super) fn quoted(message: &str, name: &str) -> Vec<String> {
    let message = tail(message);
    let proper = match values(message, name).is_empty() {
        true => None,
        false => last_paragraph(message).map(|block| message.trim_end().len() - block.len()),
    };
    let body = message.get(..proper.unwrap_or(message.len())).unwrap_or_default();
    let after_subject = body.lines().skip_while(|line| !line.trim().is_empty());
    after_subject
        .filter_map(|line| pair(line.trim_start()))
        .filter(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim().to_owned())
        .collect()
}

fn tail(message: &str) -> &str {
    let mut start = message.len().saturating_sub(LONGEST_MESSAGE);
    while !message.is_char_boundary(start) {
        start += 1;
    }
    message.get(start..).unwrap_or_default()
}

/// The last paragraph, unless it is the only one: a subject is never a trailer.
fn last_paragraph(message: &str) -> Option<&str> {
    let message = message.trim_end();
    let mut end = message.len();
    let mut start = None;
    for line in message.rsplit('\n') {
        let begin = end - line.len();
        if line.trim().is_empty() {
            start = Some(begin + line.len());
            break;
        }
        end = begin.saturating_sub(1);
    }
    message
        .get(start?..)
        .map(|block| block.trim_start_matches(['\n', '\r']))
}

fn pair(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(':')?;
    let key = key.trim_end();
    let token = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    token.then_some((key, value))
}

/// Encodes a value of a `key=value` pair. Letters, digits and `._-/:@+,~` stay as they are; every other byte becomes `%XX`. So
/// no name can end a line or a pair, or send control characters to a terminal.
pub(super) fn encode(text: &str) -> String {
    use std::fmt::Write;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"._-/:@+,~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("writing to a String cannot fail");
        }
    }
    out
}

/// The inverse of [`encode`]; `None` for a broken escape or bytes that are not UTF-8.
pub(super) fn decode(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            let value = digit(bytes.next())? * 16 + digit(bytes.next())?;
            out.push(u8::try_from(value).ok()?);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok()
}
