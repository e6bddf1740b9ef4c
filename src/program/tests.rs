use super::{Error, Limits, Output, Program};
use std::path::Path;
use std::time::Duration;

const LIMITS: Limits = Limits {
    time: Duration::from_secs(20),
    output: 1 << 20,
    memory: None,
};

fn shell(script: &str, limits: Limits) -> Program {
    Program::new("sh", limits).args(["-c", script])
}

async fn run(script: &str) -> Output {
    let output = shell(script, LIMITS).pass_env(|name| name == "PATH").run().await;
    output.unwrap_or_else(|error| panic!("{script}: {error}"))
}

/// Whether the process runs; one that is dead and not yet collected does not.
fn is_running(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

async fn ends(pid: &str) -> bool {
    for _ in 0..100 {
        if !is_running(pid) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}

async fn line(path: &Path) -> String {
    for _ in 0..500 {
        if let Ok(text) = std::fs::read_to_string(path)
            && text.ends_with('\n')
        {
            return text.trim().to_owned();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{} was not written", path.display())
}

/// A script that starts a grandchild, notes the process ids of both, and waits.
fn family(folder: &Path) -> String {
    let folder = folder.display();
    format!("sleep 60 & echo $! > {folder}/grandchild; echo $$ > {folder}/child; wait")
}

#[tokio::test]
async fn both_outputs_and_the_exit_status_are_kept() {
    let output = run("printf one; printf two >&2; exit 3").await;
    assert_eq!((&*output.stdout, &*output.stderr), (&b"one"[..], &b"two"[..]));
    assert_eq!(output.status.code(), Some(3));
}

#[tokio::test]
async fn the_environment_holds_only_what_is_passed_or_set() {
    let printed = |program: Program| async {
        let output = program.run().await.unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(std::env::var_os("HOME").is_some() && std::env::var_os("PATH").is_some());
    assert_eq!(printed(Program::new("/usr/bin/env", LIMITS)).await, "");
    let program = Program::new("/usr/bin/env", LIMITS).env("ONE", "1");
    let both = printed(program.pass_env(|name| name == "PATH")).await;
    let mut names: Vec<&str> = both.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    names.sort_unstable();
    assert_eq!(names, ["ONE", "PATH"]);
}

#[tokio::test]
async fn input_is_closed_unless_given_and_may_be_left_unread() {
    assert_eq!(run("cat").await.stdout, b"");
    let output = shell("/bin/cat", LIMITS).input(b"text".to_vec()).run().await.unwrap();
    assert_eq!(output.stdout, b"text");
    let output = shell("exit 4", LIMITS).input(vec![0; 1 << 20]).run().await.unwrap();
    assert_eq!(output.status.code(), Some(4));
}

#[tokio::test]
async fn a_program_runs_in_the_folder_that_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let output = shell("pwd -P", LIMITS).in_folder(folder.path()).run().await.unwrap();
    let expected = format!("{}\n", folder.path().canonicalize().unwrap().display());
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
}

#[tokio::test]
async fn the_deadline_kills_the_child_and_its_grandchild() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits {
        time: Duration::from_secs(1),
        ..LIMITS
    };
    let program = shell(&family(folder.path()), limits).pass_env(|name| name == "PATH");
    let error = program.run().await.unwrap_err();
    assert!(matches!(error, Error::TimedOut { .. }), "{error}");
    assert_eq!(error.to_string(), "sh did not end within 1 s and was killed");
    for name in ["child", "grandchild"] {
        assert!(
            ends(&line(&folder.path().join(name)).await).await,
            "the {name} is still running"
        );
    }
}

#[tokio::test]
async fn dropping_the_future_kills_the_child_and_its_grandchild() {
    let folder = tempfile::tempdir().unwrap();
    let program = shell(&family(folder.path()), LIMITS).pass_env(|name| name == "PATH");
    let task = tokio::spawn(program.run());
    let (grandchild, child) = (
        line(&folder.path().join("grandchild")).await,
        line(&folder.path().join("child")).await,
    );
    assert!(is_running(&child) && is_running(&grandchild));
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    assert!(ends(&child).await && ends(&grandchild).await);
}

#[tokio::test]
async fn a_program_that_shares_the_terminal_stays_in_our_process_group() {
    let group = |program: Program| async {
        let output = program.run().await.unwrap();
        let stat = String::from_utf8(output.stdout).unwrap();
        // pid (name) state parent group
        stat.rsplit_once(") ").unwrap().1.split(' ').nth(2).unwrap().to_owned()
    };
    let stat = || Program::new("/bin/cat", LIMITS).arg("/proc/self/stat");
    let ours = rustix::process::getpgrp().as_raw_nonzero().to_string();
    assert_eq!(group(stat().shares_terminal()).await, ours);
    assert_ne!(group(stat()).await, ours);
}

#[tokio::test]
async fn output_over_the_bound_is_an_error_with_the_program_and_the_bound() {
    let limits = Limits { output: 1000, ..LIMITS };
    let fits = shell("printf %1000s x", limits).run().await.unwrap();
    assert_eq!(fits.stdout.len(), 1000);
    for (script, expected) in [
        (
            "while :; do printf %1000s x; done",
            "sh wrote more than 1000 bytes to its standard output and was killed",
        ),
        (
            "printf %1001s x >&2; while :; do :; done",
            "sh wrote more than 1000 bytes to its standard error and was killed",
        ),
    ] {
        let error = shell(script, limits).run().await.unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_memory_limit_holds_for_the_child_and_what_it_starts() {
    let limits = |memory| Limits { memory, ..LIMITS };
    // dd allocates one buffer of 256 MiB; the sleep gives the limit time to be set.
    let dd = "sleep 0.2; dd if=/dev/zero of=/dev/null bs=256M count=1 2>&1";
    for (memory, succeeds) in [(None, true), (Some(1 << 30), true), (Some(64 << 20), false)] {
        let program = shell(dd, limits(memory)).pass_env(|name| name == "PATH");
        let output = program.run().await.unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.success(), succeeds, "{memory:?}: {text}");
        assert!(succeeds || text.contains("memory"), "{text}");
    }
}

#[tokio::test]
async fn a_program_that_is_not_installed_is_named() {
    let error = Program::new("no-such-program", LIMITS).run().await.unwrap_err();
    assert!(matches!(error, Error::Start { .. }), "{error}");
    assert_eq!(
        error.to_string(),
        "cannot start no-such-program; check that it is installed"
    );
}
