use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use tidegate_stack::Process;

const OWNER: &str = "STACK_TEST_OWNER_DIR";

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

/// Whether a process exists and is not a zombie.
fn alive(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

fn gone_within(pid: i32, within: Duration) -> bool {
    let deadline = Instant::now() + within;
    while alive(pid) {
        if Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}

#[expect(clippy::unwrap_used, reason = "part of a test")]
fn read_pid(path: &Path) -> i32 {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Ok(text) = std::fs::read_to_string(path)
            && text.ends_with('\n')
        {
            return text.trim().parse().unwrap();
        }
        assert!(Instant::now() < deadline, "no process id in {}", path.display());
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn output_and_exit_code_of_a_program_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let mut process = Process::spawn(
        "sh",
        shell("echo out; echo err >&2; exit 7"),
        &dir.path().join("log"),
        None,
    )
    .unwrap();
    assert_eq!(process.wait(Duration::from_secs(60)).unwrap(), 7);
    assert_eq!(process.log_text(), "out\nerr\n");
}

#[test]
fn a_program_that_cannot_be_started_is_an_error_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let error = Process::spawn("x", Command::new("/nonexistent/program"), &dir.path().join("log"), None).unwrap_err();
    assert!(format!("{error:#}").contains("/nonexistent/program"), "{error:#}");
}

#[test]
fn a_signal_reaches_the_program_and_shows_in_the_exit_code() {
    let dir = tempfile::tempdir().unwrap();
    let mut process = Process::spawn("sleep", shell("exec sleep 1000"), &dir.path().join("log"), None).unwrap();
    assert!(process.wait(Duration::from_millis(50)).is_err());
    process.signal(libc::SIGKILL);
    assert_eq!(process.wait(Duration::from_secs(60)).unwrap(), 137);
}

#[test]
fn dropping_the_handle_ends_what_the_program_left_in_other_sessions_too() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pid");
    let script = format!(
        "setsid sh -c 'echo $$ > {0}; exec sleep 1000' & sleep 1000",
        file.display()
    );
    let process = Process::spawn("sh", shell(&script), &dir.path().join("log"), None).unwrap();
    let (program, daemon) = (process.pid(), read_pid(&file));
    assert!(alive(program) && alive(daemon));
    drop(process);
    assert!(!alive(program) && !alive(daemon));
}

/// Not a test of its own: the owner that the next test kills.
#[test]
fn owner_of_a_program() {
    let Some(dir) = std::env::var_os(OWNER) else { return };
    let dir = Path::new(&dir);
    let data = dir.join("data");
    std::fs::create_dir(&data).unwrap();
    let script = format!(
        "setsid sh -c 'echo $$ > {0}/daemon; exec sleep 1000' & echo $$ > {0}/program; wait",
        dir.display()
    );
    let _process = Process::spawn("sh", shell(&script), &data.join("log"), Some(&data)).unwrap();
    std::thread::sleep(Duration::from_secs(60));
}

#[test]
fn programs_and_their_data_are_gone_after_their_owner_was_killed() {
    let dir = tempfile::tempdir().unwrap();
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "process::owner_of_a_program", "--nocapture"])
        .env(OWNER, dir.path())
        .spawn()
        .unwrap();
    let pids = ["program", "daemon"].map(|name| read_pid(&dir.path().join(name)));
    assert!(pids.into_iter().all(alive));
    owner.kill().unwrap();
    owner.wait().unwrap();
    for pid in pids {
        assert!(gone_within(pid, Duration::from_secs(60)), "{pid} outlived its owner");
    }
    let deadline = Instant::now() + Duration::from_secs(60);
    while dir.path().join("data").exists() {
        assert!(Instant::now() < deadline, "the data folder outlived its owner");
        std::thread::sleep(Duration::from_millis(5));
    }
}
