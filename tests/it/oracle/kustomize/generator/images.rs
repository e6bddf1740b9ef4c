use super::Generator;
use std::fmt::Write as _;

pub(super) const IMAGES: [&str; 5] = ["web", "r.example/web", "r.example:5000/shop/api", "api", "side"];
/// Names of entries that kustomize takes for regular expressions.
const PATTERNS: [&str; 3] = ["\"r.example/.*\"", "\"(web|api)\"", "\".*/web\""];

impl Generator<'_> {
    pub(super) fn image(&mut self) -> String {
        let name = self.random.pick(&IMAGES);
        let digest = "a".repeat(64);
        match self.random.below(12) {
            0 | 1 => name.to_owned(),
            2 => format!("{name}:1.0.0@sha256:{digest}"),
            3 => format!("{name}@sha256:{digest}"),
            _ => format!("{name}:1.{}.0", self.random.below(4)),
        }
    }

    /// Entries of `images`, of `imageTags`, or of both.
    pub(super) fn images(&mut self) -> String {
        let keys: &[&str] = match self.random.below(16) {
            0 => &["images", "imageTags"],
            1 | 2 => &["imageTags"],
            _ => &["images"],
        };
        let mut text = String::new();
        for key in keys {
            writeln!(text, "{key}:").unwrap();
            for _ in 0..1 + self.random.below(3) {
                self.entry(&mut text);
            }
        }
        text
    }

    fn entry(&mut self, text: &mut String) {
        let name = if self.random.one_in(16) {
            self.random.pick(&PATTERNS)
        } else {
            self.random.pick(&IMAGES)
        };
        writeln!(text, "- name: {name}").unwrap();
        let mut empty = true;
        if self.random.one_in(3) {
            writeln!(text, "  newName: {}", self.random.pick(&IMAGES)).unwrap();
            empty = false;
        }
        let digest = format!("  digest: sha256:{}\n", "b".repeat(64));
        match self.random.below(20) {
            0 | 1 => *text += "  tagSuffix: -alpine\n",
            2 | 3 => *text += &digest,
            4 => write!(text, "  newTag: 2.{}.0\n{digest}", self.random.below(3)).unwrap(),
            5 => writeln!(text, "  newTag: 2.{}.0\n  tagSuffix: -alpine", self.random.below(3)).unwrap(),
            6 => *text += "  newTag: \"\"\n",
            7 => {}
            _ if empty || self.random.one_in(2) => writeln!(text, "  newTag: 2.{}.0", self.random.below(3)).unwrap(),
            _ => {}
        }
    }
}
