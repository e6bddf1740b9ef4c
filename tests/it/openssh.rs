//! What the agent reads in lists of keys is what OpenSSH's own programs read, line by line, on every kept fuzz input.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tidegate::git::readers::{HostKeyVerdict, judge_host, judge_signer};
use tidegate::git::{AllowedSigners, KnownHosts};

/// The key that the inputs have.
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";

/// The first line of each input, and the list behind it.
fn inputs(target: &str) -> Vec<(PathBuf, String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let folders = ["corpus", "found"].map(|folder| root.join(folder).join(target));
    let entries = folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten();
    let inputs = entries.filter_map(|entry| {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).ok().filter(|text| !text.contains('\0'))?;
        let (first, list) = text.split_once('\n')?;
        Some((path, first.to_owned(), list.to_owned()))
    });
    inputs.collect()
}

/// The numbers and markers of the lines that `ssh-keygen -F` finds for a name.
fn found(list: &Path, name: &str) -> Vec<(usize, String)> {
    let output = Command::new("ssh-keygen")
        .args(["-F", name, "-f"])
        .arg(list)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines = text.lines().filter_map(|line| {
        let (_, rest) = line.strip_prefix("# Host ")?.split_once(" found: line ")?;
        let (number, marker) = rest.split_once(' ').unwrap_or((rest, ""));
        Some((number.parse().ok()?, marker.trim().to_owned()))
    });
    lines.collect()
}

#[test]
fn known_hosts_say_what_ssh_keygen_finds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("known_hosts");
    let mut compared = 0;
    for (input, first, list) in inputs("known-hosts") {
        let (Ok(known), Some((host, port))) = (KnownHosts::parse(&list), first.trim_end().split_once(' ')) else {
            continue;
        };
        let (host, Ok(port)) = (host.to_ascii_lowercase(), port.parse::<u16>()) else {
            continue;
        };
        if host.is_empty() || host.starts_with('-') {
            continue;
        }
        fs::write(&path, &list).unwrap();
        let has_key = |number: usize| list.lines().nth(number - 1).unwrap().replace('\t', " ").contains(KEY);
        let plain = found(&path, &host);
        let exact = if port == 22 {
            plain.clone()
        } else {
            found(&path, &format!("[{host}]:{port}"))
        };
        let keys = |lines: &[(usize, String)], marker: &str| -> Vec<bool> {
            let lines = lines.iter().filter(|(_, found)| found == marker);
            lines.map(|(number, _)| has_key(*number)).collect()
        };
        let mut trusted = keys(&exact, "");
        if trusted.is_empty() {
            trusted = keys(&plain, "");
        }
        let expected = match trusted.as_slice() {
            _ if keys(&exact, "REVOKED").contains(&true) || keys(&plain, "REVOKED").contains(&true) => {
                HostKeyVerdict::Revoked
            }
            [] => HostKeyVerdict::Unknown,
            keys if keys.contains(&true) => HostKeyVerdict::Trusted,
            _ => HostKeyVerdict::Changed,
        };
        assert_eq!(
            judge_host(&known, &host, port, KEY),
            Some(expected),
            "{}",
            input.display()
        );
        compared += 1;
    }
    assert!(compared >= 10, "{compared} lists were compared");
}

fn ssh_keygen(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("ssh-keygen");
    command.args(arguments).current_dir(folder).env("TZ", "UTC");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

#[test]
fn allowed_signers_allow_what_ssh_keygen_verifies() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let run = |arguments: &[&str]| {
        assert!(
            ssh_keygen(folder, arguments).status().unwrap().success(),
            "{arguments:?}"
        )
    };
    run(&["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", "key"]);
    fs::write(folder.join("message"), "tree 0123\n").unwrap();
    run(&["-Y", "sign", "-n", "git", "-f", "key", "message"]);
    let key = fs::read_to_string(folder.join("key.pub")).unwrap();
    let key = key.trim();
    let (mut accepted, mut refused) = (0, 0);
    for (input, first, list) in inputs("allowed-signers") {
        let Some(at) = first.parse().ok().and_then(|at| jiff::Timestamp::from_second(at).ok()) else {
            continue;
        };
        for line in list.lines() {
            let line = line.replace(KEY, key);
            let ours = AllowedSigners::parse(&line).is_ok_and(|allowed| judge_signer(&allowed, key, at).is_ok());
            fs::write(folder.join("allowed"), format!("{line}\n")).unwrap();
            let time = format!("verify-time={}", at.strftime("%Y%m%d%H%M%SZ"));
            let principal = principal(&line);
            let arguments = [
                "-Y",
                "verify",
                "-n",
                "git",
                "-I",
                &principal,
                "-f",
                "allowed",
                "-s",
                "message.sig",
                "-O",
                &time,
            ];
            let mut verify = ssh_keygen(folder, &arguments);
            verify.stdin(fs::File::open(folder.join("message")).unwrap());
            let theirs = verify.status().unwrap().success();
            assert_eq!(ours, theirs, "{}: {line:?}", input.display());
            if ours { accepted += 1 } else { refused += 1 }
        }
    }
    assert!(
        accepted >= 5 && refused >= 5,
        "{accepted} lines accepted, {refused} refused"
    );
}

/// Somebody whom the line names, if it names anybody.
fn principal(line: &str) -> String {
    let line = line.trim_matches([' ', '\t', '\r']);
    let names = line.strip_prefix('"').map_or_else(
        || line.split([' ', '\t']).next().unwrap_or_default(),
        |quoted| quoted.split('"').next().unwrap_or_default(),
    );
    let name = names.split(',').find(|name| !name.is_empty() && !name.starts_with('!'));
    name.unwrap_or("nobody").replace(['*', '?'], "x")
}
