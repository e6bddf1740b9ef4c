use super::shown::is_plain;
use tidegate::config::read;

/// Mistakes of one file: what the room lists at most, and what one more reading adds.
const MOST_MISTAKES: usize = 400;
/// The longest mistake with its line and path, in characters.
const LONGEST_MISTAKE: usize = 2200;

/// The input is a `tidegate.yaml`. Properties: the file is read, or each mistake names a line of the file, is plain and short;
/// mistakes are sorted; the password of a URL is not repeated; a file that is read does not depend on comments around it.
pub fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let count = |word: &str| text.matches(word).count();
    let hides_passwords = count("pa55word") == count("url: \"https://jo:pa55word");
    match read("tidegate.yaml", text) {
        Ok(settings) => {
            let again = read("tidegate.yaml", text).expect("a file is read alike each time");
            assert_eq!(format!("{settings:?}"), format!("{again:?}"));
        }
        Err(error) => {
            let lines = 1 + text.matches(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']).count();
            assert!(!error.mistakes.is_empty() && error.mistakes.len() <= MOST_MISTAKES);
            assert!(error.mistakes.is_sorted_by_key(|mistake| mistake.line));
            for mistake in &error.mistakes {
                let shown = mistake.to_string();
                assert!(is_plain(&shown, LONGEST_MISTAKE), "{shown:?}");
                assert!((1..=lines).contains(&mistake.line), "{shown}");
                assert!(!hides_passwords || !shown.contains("pa55word"), "{shown}");
            }
        }
    }
}
