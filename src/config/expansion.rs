use std::collections::HashMap;
use yaml_rust2::Event;
use yaml_rust2::parser::Parser;

/// The number of values in a YAML text once each alias is replaced by what it stands for. An alias in what it stands for has
/// no end.
///
/// `serde_yaml` bounds the number of aliases and not the number of values: a thousand aliases of a list of a thousand items
/// are a million values.
pub(super) fn expanded_values(text: &str) -> u64 {
    let mut parser = Parser::new_from_str(text);
    let mut sizes: HashMap<usize, u64> = HashMap::new();
    // The anchor of each open list or mapping, with the values before it.
    let mut open: Vec<(usize, u64)> = Vec::new();
    let mut count: u64 = 0;
    while let Ok((event, _)) = parser.next_token() {
        match event {
            Event::StreamEnd => break,
            Event::Scalar(_, _, anchor, _) => {
                count = count.saturating_add(1);
                sizes.insert(anchor, 1);
            }
            Event::SequenceStart(anchor, _) | Event::MappingStart(anchor, _) => {
                open.push((anchor, count));
                count = count.saturating_add(1);
                sizes.remove(&anchor);
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some((anchor, before)) = open.pop() {
                    sizes.insert(anchor, count.saturating_sub(before));
                }
            }
            Event::Alias(anchor) => count = count.saturating_add(sizes.get(&anchor).copied().unwrap_or(u64::MAX)),
            _ => {}
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::expanded_values;

    #[test]
    fn an_alias_counts_as_what_it_stands_for() {
        for (text, count) in [
            ("", 0),
            ("a: 1", 3),
            ("[1, 2, [3]]", 5),
            ("- &a [1, 2]\n- *a\n- *a\n", 1 + 3 + 3 + 3),
            ("- &a x\n- &a [y, z]\n- *a\n", 1 + 1 + 3 + 3),
            ("&a [*a]", u64::MAX),
        ] {
            assert_eq!(expanded_values(text), count, "{text}");
        }
        let mut bomb = "- &a0 [x, x]\n".to_owned();
        for level in 1..100 {
            let below = level - 1;
            bomb.push_str(&format!("- &a{level} [*a{below}, *a{below}]\n"));
        }
        assert_eq!(expanded_values(&bomb), u64::MAX);
    }
}
