use crate::manifest::read::open::parse_text;
use crate::manifest::yaml::cursor::Cursor;
use crate::manifest::yaml::limits;
use serde_json::Value;
use std::collections::BTreeSet;

/// What matters of a file `.flux.yaml`, with which Flux v1 runs commands that generate manifests.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct FluxConfig {
    /// Whether the file has commands. Without commands, Flux v1 read the files of the folder as they are.
    pub has_commands: bool,
    /// The words of the file that may be paths: the patch file that Flux v1 wrote, and what the commands read.
    pub words: BTreeSet<String>,
}

/// Reads a file `.flux.yaml`.
///
/// # Errors
/// Why the file cannot be read. The reason continues the sentence "the file …".
pub(crate) fn read_flux_config(bytes: &[u8]) -> Result<FluxConfig, String> {
    let parsed = limits::decode(bytes).and_then(|text| parse_text(&text));
    let (trees, _) = parsed.map_err(|error| error.reason)?;
    let mut config = FluxConfig::default();
    for tree in &trees {
        let root = Cursor::root(tree);
        config.has_commands |= ["patchUpdated", "commandUpdated"]
            .iter()
            .any(|key| root.key(key).is_some());
        let value = root.json(&mut Vec::new()).map_err(|error| error.reason)?;
        add_words(&value, &mut config.words);
    }
    Ok(config)
}

/// Adds the words of all strings of a value. The depth of a file is limited when the file is parsed.
fn add_words(value: &Value, words: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            let is_between = |c: char| c.is_whitespace() || "'\"`;|&<>(){}=,".contains(c);
            let found = text.split(is_between).map(|word| word.trim_start_matches("./"));
            words.extend(found.filter(|word| !word.is_empty()).map(str::to_owned));
        }
        Value::Array(items) => items.iter().for_each(|item| add_words(item, words)),
        Value::Object(entries) => entries.values().for_each(|entry| add_words(entry, words)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
