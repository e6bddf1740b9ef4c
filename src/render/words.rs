use crate::model::Printable;
use std::fs;
use std::path::Path;

/// The longest message of kustomize that a finding shows, in characters.
const LONGEST: usize = 1000;

/// What kustomize says, with the paths of the repository. If the folder `has_secrets`, what kustomize repeats of its files is left
/// out: patches, lists and literals.
pub(super) fn message(said: &str, place: &Path, has_secrets: bool) -> String {
    let canonical = fs::canonicalize(place).unwrap_or_else(|_| place.to_owned());
    let mut text = said.trim().trim_start_matches("Error: ").to_owned();
    for place in [canonical.as_path(), place] {
        let place = place.to_string_lossy();
        text = text.replace(&format!("{place}/"), "").replace(&*place, ".");
    }
    if has_secrets {
        for (start, end) in [
            ("`", "`"),
            ("[", "]"),
            ("{", "}"),
            ("invalid literal source ", ", expected"),
        ] {
            text = without(&text, start, end);
        }
    }
    Printable::new(&text).with_blanks().at_most(LONGEST).to_string()
}

/// The text without what stands between the first `start` and the last `end`.
fn without(text: &str, start: &str, end: &str) -> String {
    let Some(from) = text.find(start).map(|at| at + start.len()) else {
        return text.to_owned();
    };
    match text.rfind(end).filter(|to| *to >= from) {
        Some(to) => format!("{}…{}", &text[..from], &text[to..]),
        None => format!("{}…", &text[..from]),
    }
}

/// Whether files may hold what must stay secret.
pub(super) fn have_secrets<'a>(mut files: impl Iterator<Item = &'a [u8]>) -> bool {
    files.any(|bytes| {
        let text = String::from_utf8_lossy(bytes);
        // `secretGenerator`, `kind: Secret`, `stringData`, in the cases that kustomize reads.
        text.to_lowercase().contains("secret") || text.contains("stringData")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_files_as_the_repository_does() {
        let place = Path::new("/tmp/tidegate-render-x");
        let said = "Error: trouble in '/tmp/tidegate-render-x/base/web.yaml' below '/tmp/tidegate-render-x'\n";
        assert_eq!(message(said, place, false), "trouble in 'base/web.yaml' below '.'");
    }

    #[test]
    fn what_kustomize_repeats_of_secrets_is_left_out() {
        for said in [
            "loading KV pairs: literal sources [hunter2-secret]: invalid literal source hunter2-secret, expected key=value",
            "trouble configuring builtin PatchTransformer with config: `\npatch: |\n  stringData: {password: hunter2-secret}\n`: unable to \
             parse SM or JSON patch from [patch: \"stringData: {password: hunter2-secret}\"]",
            "it is cut off `hunter2-secret",
        ] {
            let shown = message(said, Path::new("/tmp/x"), true);
            assert!(!shown.contains("hunter2"), "{shown}");
            assert!(shown.len() > 10, "{shown}");
        }
        let files: [&[u8]; 2] = [b"resources: [a.yaml]", b"SecretGenerator: []"];
        assert!(have_secrets(files.into_iter()) && !have_secrets(files.into_iter().take(1)));
    }
}
