//! What stands in a page: fenced blocks, links and headings.

use super::root;

/// A fenced block.
pub struct Block {
    /// The page, relative to the repository's root.
    pub page: String,
    /// The line of its first line of text.
    pub line: usize,
    /// What stands behind the fence: `console`, `yaml manifest`.
    pub language: String,
    /// The text, without the fences' indentation.
    pub text: String,
}

impl Block {
    /// The commands of a console block, with the line of each: lines behind `$`, continued by a backslash.
    pub fn commands(&self) -> Vec<(usize, String)> {
        let mut commands: Vec<(usize, String)> = Vec::new();
        let mut goes_on = false;
        for (number, line) in self.text.lines().enumerate() {
            if let Some(command) = line.strip_prefix("$ ") {
                commands.push((self.line + number, command.to_owned()));
            } else if goes_on && let Some((_, command)) = commands.last_mut() {
                command.push('\n');
                command.push_str(line);
            } else {
                continue;
            }
            goes_on = line.ends_with('\\');
        }
        commands
    }
}

/// README and all of `docs/`, relative to the repository's root.
pub fn pages() -> Vec<String> {
    let mut pages = vec![
        "README.md".to_owned(),
        "CONTRIBUTING.md".to_owned(),
        "SECURITY.md".to_owned(),
    ];
    for entry in std::fs::read_dir(root().join("docs")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".md") {
            pages.push(format!("docs/{name}"));
        }
    }
    pages.sort();
    pages
}

pub fn blocks(page: &str) -> Vec<Block> {
    let text = std::fs::read_to_string(root().join(page)).unwrap();
    let mut blocks = Vec::new();
    let mut open: Option<(usize, Block)> = None;
    for (number, line) in text.lines().enumerate() {
        let inner = line.trim_start();
        match (&mut open, inner.strip_prefix("```")) {
            (None, Some(language)) => {
                let block = Block {
                    page: page.to_owned(),
                    line: number + 2,
                    language: language.to_owned(),
                    text: String::new(),
                };
                open = Some((line.len() - inner.len(), block));
            }
            (Some(_), Some(_)) => blocks.extend(open.take().map(|(_, block)| block)),
            (Some((indent, block)), None) => {
                block.text.push_str(line.get(*indent..).unwrap_or_default());
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "{page}: a fence is not closed");
    blocks
}

/// Links to files of the repository, with their lines.
pub fn links(page: &str) -> Vec<(usize, String)> {
    let text = std::fs::read_to_string(root().join(page)).unwrap();
    let mut links = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for rest in line.split("](").skip(1) {
            let link = rest.split(')').next().unwrap_or_default();
            if !link.contains("://") {
                links.push((number + 1, link.to_owned()));
            }
        }
    }
    links
}

/// The anchors of a page's headings, as forges make them.
pub fn headings(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| line.starts_with('#'));
    let anchor = |line: &str| -> String {
        let kept = |letter: char| match letter {
            ' ' | '-' => Some('-'),
            letter if letter.is_alphanumeric() || letter == '_' => Some(letter.to_ascii_lowercase()),
            _ => None,
        };
        line.trim_start_matches('#').trim().chars().filter_map(kept).collect()
    };
    lines.map(anchor).collect()
}
