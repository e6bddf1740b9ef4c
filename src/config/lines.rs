use crate::model::Printable;
use std::collections::BTreeMap;
use yaml_rust2::Event;
use yaml_rust2::parser::Parser;
use yaml_rust2::scanner::Marker;

/// The settings are half as deep.
const DEEPEST: usize = 16;
/// The most paths. A configuration has some hundred, and each path holds all the keys above it.
const MOST: usize = 10_000;
/// The longest key in a path, in characters: twice the longest key that there is.
const LONGEST_KEY: usize = 60;

/// Maps the path of every key and list item of a YAML text (`registries[0].scan`) to its line, from 1.
///
/// For a text that does not parse, the map ends before the fault, and where the text is no configuration but something huge,
/// the map ends, too. Lines come from yaml-rust2, whose lines were right for
/// 1.6 million scalars of real files; its byte indexes were not. An empty value after `-` has the line of the next token.
pub(super) fn by_path(text: &str) -> BTreeMap<String, usize> {
    let mut lines = BTreeMap::new();
    let mut open: Vec<Open> = Vec::new();
    let mut parser = Parser::new_from_str(text);
    while let Ok((event, mark)) = parser.next_token() {
        match event {
            Event::StreamEnd => break,
            Event::Scalar(value, ..) => match open.last_mut() {
                Some(Open::Mapping { key, .. }) if key.is_none() => *key = Some((value, mark.line())),
                _ => {
                    record(&mut open, &mut lines, mark);
                }
            },
            Event::Alias(_) => {
                record(&mut open, &mut lines, mark);
            }
            Event::MappingStart(..) => {
                let path = record(&mut open, &mut lines, mark);
                open.push(Open::Mapping { path, key: None });
            }
            Event::SequenceStart(..) => {
                let path = record(&mut open, &mut lines, mark);
                open.push(Open::Sequence { path, next: 0 });
            }
            Event::MappingEnd | Event::SequenceEnd => {
                open.pop();
            }
            _ => {}
        }
        if open.len() > DEEPEST || lines.len() >= MOST {
            break;
        }
    }
    lines
}

enum Open {
    Mapping { path: String, key: Option<(String, usize)> },
    Sequence { path: String, next: usize },
}

/// Records the line of a value and returns its path. A mapping's value has the line of its key.
fn record(open: &mut [Open], lines: &mut BTreeMap<String, usize>, mark: Marker) -> String {
    let (path, line) = match open.last_mut() {
        None => (String::new(), mark.line()),
        Some(Open::Mapping { path, key }) => {
            let (key, line) = key.take().unwrap_or_default();
            (join(path, &key), line)
        }
        Some(Open::Sequence { path, next }) => {
            let item = format!("{path}[{next}]");
            *next += 1;
            (item, mark.line())
        }
    };
    lines.insert(path.clone(), line);
    path
}

/// The path of a key below a path. A long key is cut.
pub(super) fn join(path: &str, key: &str) -> String {
    let key = Printable::new(key).at_most(LONGEST_KEY).to_string();
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_and_item_has_its_line() {
        let lines = by_path("repo:\n  url: x\n  paths:\n  - a\n  - b\nregistries:\n- {host: h,\n   scan: 1m}\n");
        let line = |path: &str| lines.get(path).copied();
        assert_eq!(line("repo"), Some(1));
        assert_eq!(line("repo.url"), Some(2));
        assert_eq!(line("repo.paths[1]"), Some(5));
        assert_eq!(line("registries[0].host"), Some(7));
        assert_eq!(line("registries[0].scan"), Some(8));
    }

    #[test]
    fn paths_stay_small_whatever_the_text_is() {
        let deep: String = (0..100)
            .map(|depth| format!("{}k{depth}:\n", " ".repeat(depth)))
            .collect();
        let wide = format!("{}: [{}]", "k".repeat(10_000), "1,".repeat(100_000));
        for text in [deep, wide] {
            let lines = by_path(&text);
            let size: usize = lines.keys().map(String::len).sum();
            assert!(size < 1 << 20, "{size} bytes of paths");
        }
    }
}
