//! The helm processes that an agent before this one left behind.

use crate::release::ReleaseName;

/// Whether a helm process works on the release. Only Linux shows the command lines of processes; elsewhere the agent runs for tests
/// and demonstrations.
pub(super) fn works_on(release: &ReleaseName) -> bool {
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return false;
    };
    let namespace = format!("--namespace={}", release.namespace);
    processes
        .filter_map(Result::ok)
        .filter(|entry| {
            entry
                .file_name()
                .to_str()
                .is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
        })
        .filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok())
        .any(|line| is_about(&line, &release.name, &namespace))
}

/// Whether a command line, its words ended by zero bytes, is one of helm's that changes the release.
fn is_about(line: &[u8], name: &str, namespace: &str) -> bool {
    let mut words = line.split(|byte| *byte == 0).map(String::from_utf8_lossy);
    let program = words.next().unwrap_or_default();
    let rest: Vec<_> = words.collect();
    let is_helm = program.rsplit('/').next().is_some_and(|file| file.starts_with("helm"));
    let verb = rest.first().map(AsRef::as_ref).unwrap_or_default();
    is_helm
        && matches!(verb, "upgrade" | "install" | "rollback" | "uninstall")
        && rest.get(1).is_some_and(|word| word == name)
        && rest.iter().any(|word| word == namespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_names_its_release() {
        for (line, expected) in [
            ("/usr/bin/helm\0upgrade\0web\0/tmp/x\0--namespace=shop\0", true),
            ("helm\0uninstall\0web\0--namespace=shop\0", true),
            ("helm\0test\0web\0--namespace=shop\0", false),
            ("helm\0upgrade\0api\0/tmp/x\0--namespace=shop\0", false),
            ("helm\0upgrade\0web\0/tmp/x\0--namespace=other\0", false),
            ("vi\0upgrade\0web\0--namespace=shop\0", false),
            ("", false),
        ] {
            assert_eq!(is_about(line.as_bytes(), "web", "--namespace=shop"), expected, "{line}");
        }
    }
}
