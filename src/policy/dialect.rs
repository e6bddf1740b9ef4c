/// Translates an expression from Go's dialect, which Flux users write, to the dialect of the regex crate. The dialects differ:
/// - In brackets, the crate has sets of sets (`[a&&b]`, `[a--b]`, `[a~~b]`, `[[a]b]`) and refuses a `-` behind a class
///   (`[\w-.]`).
/// - The crate has neither `\Q…\E` nor braces that repeat nothing (`a{,3}`).
///
/// The translation keeps parts that are errors in both dialects. Source: Go's `regexp/syntax` (`parse.go`, `parseClass`).
pub(super) fn translated(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut rest = text;
    while !rest.is_empty() {
        rest = if let Some(quoted) = rest.strip_prefix(r"\Q") {
            let (literal, after) = quoted.split_once(r"\E").unwrap_or((quoted, ""));
            out.push_str(&regex::escape(literal));
            after
        } else if let Some(inside) = rest.strip_prefix('[') {
            class(inside, &mut out)
        } else {
            let (one, after) = rest.split_at(length(rest));
            if one == "{" && !repeats(rest) {
                out.push('\\');
            }
            out.push_str(one);
            after
        };
    }
    out
}

/// Translates a class up to its closing bracket. Returns the text behind the bracket.
fn class<'t>(text: &'t str, out: &mut String) -> &'t str {
    out.push('[');
    let mut rest = text;
    if let Some(after) = rest.strip_prefix('^') {
        out.push('^');
        rest = after;
    }
    let mut first = true;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix(']').filter(|_| !first) {
            out.push(']');
            return after;
        }
        first = false;
        let named = rest.strip_prefix("[:").and_then(|named| named.find(":]"));
        if let Some((whole, after)) = named.and_then(|end| rest.split_at_checked(end + "[::]".len())) {
            out.push_str(whole);
            rest = after;
            continue;
        }
        let (low, after) = rest.split_at(length(rest));
        member(low, out);
        rest = after;
        let is_class = low.starts_with('\\') && low.get(1..2).is_some_and(|letter| "dDsSwWpP".contains(letter));
        let high = after
            .strip_prefix('-')
            .filter(|high| !is_class && !high.is_empty() && !high.starts_with(']'));
        if let Some(high) = high {
            let (high, after) = high.split_at(length(high));
            out.push('-');
            member(high, out);
            rest = after;
        }
    }
    rest
}

/// Writes one character or escape of a bracket expression. A character that has a meaning there is escaped.
fn member(one: &str, out: &mut String) {
    if ["[", "]", "^", "-", "&", "~"].contains(&one) {
        out.push('\\');
    }
    out.push_str(one);
}

/// The number of bytes of the first character, or of the first escape: `\.`, `\d`, `\pL`, `\p{Greek}`, `\x2d`, `\x{2d}`.
fn length(text: &str) -> usize {
    let mut chars = text.char_indices();
    let after = |mut chars: std::str::CharIndices<'_>| chars.next().map_or(text.len(), |(at, _)| at);
    if chars.next().is_none_or(|(_, first)| first != '\\') {
        return after(chars);
    }
    let Some((at, letter)) = chars.next() else {
        return text.len();
    };
    let body = text.get(at + 1..).unwrap_or_default();
    match letter {
        'p' | 'P' | 'x' if body.starts_with('{') => body.find('}').map_or(text.len(), |end| at + 2 + end),
        'x' => text
            .len()
            .min(at + 1 + body.chars().take(2).map(char::len_utf8).sum::<usize>()),
        'p' | 'P' => at + 1 + body.chars().next().map_or(0, char::len_utf8),
        _ => after(chars),
    }
}

/// Whether the text starts with a repetition: `{2}`, `{2,}` or `{2,3}`.
fn repeats(text: &str) -> bool {
    let inside = text.strip_prefix('{').and_then(|text| text.split_once('}'));
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    inside.is_some_and(|(inside, _)| match inside.split_once(',') {
        Some((least, most)) => number(least) && (most.is_empty() || number(most)),
        None => number(inside),
    })
}
