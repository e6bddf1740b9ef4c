/// Whether a text may be shown: no character steers a terminal or turns the direction of text, and the text is not longer
/// than this number of characters.
pub fn is_plain(text: &str, longest: usize) -> bool {
    let steers = |c: char| {
        c.is_control()
            || matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().count() <= longest && !text.chars().any(steers)
}
