//! The guard: what runs between `fork` and `exec`, and the process that stays behind.
//!
//! Everything here runs in a forked copy of a process that had other threads, so it may only make system calls: no
//! allocation, no locks, no panic.

#![expect(
    unsafe_code,
    reason = "fork, prctl and signalfd have no safe form that may be used between fork and exec"
)]

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd as _, RawFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::ptr;

use anyhow::{Context as _, Result};

/// The owner's order to end everything now.
pub(super) const KILL: u8 = b'k';

/// Makes `command` start behind a guard; returns the owner's end of the guard's lifeline, on which the program's process
/// id arrives first (4 bytes, little endian) and which ends when the guard does.
pub(super) fn install(command: &mut Command, remove_if_orphaned: Option<&Path>) -> Result<UnixStream> {
    let (owner, guard) = UnixStream::pair().context("cannot make a socket pair")?;
    let remove = match remove_if_orphaned {
        Some(dir) => Some(CString::new(dir.as_os_str().as_bytes()).context("a folder's name holds a zero byte")?),
        None => None,
    };
    // SAFETY: `split` and all that it calls make system calls only; what it captures was allocated before the fork.
    unsafe {
        command.pre_exec(move || split(guard.as_raw_fd(), remove.as_ref()));
    }
    Ok(owner)
}

/// Sends `signal` to `pid`.
pub(super) fn signal(pid: i32, signal: i32) {
    // SAFETY: no memory is involved.
    unsafe {
        libc::kill(pid, signal);
    }
}

/// Forks once more: the child returns and executes the program, the parent becomes the guard and never returns.
fn split(lifeline: RawFd, remove: Option<&CString>) -> io::Result<()> {
    // SAFETY: system calls on values that live on this stack.
    unsafe {
        libc::setsid();
        libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
        let mut mask: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut mask);
        for signal in [libc::SIGCHLD, libc::SIGTERM, libc::SIGINT, libc::SIGHUP] {
            libc::sigaddset(&raw mut mask, signal);
        }
        libc::sigprocmask(libc::SIG_SETMASK, &raw const mask, ptr::null_mut());
        let guard = libc::getpid();
        match libc::fork() {
            -1 => Err(io::Error::last_os_error()),
            0 => {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0);
                if libc::getppid() != guard {
                    libc::_exit(137);
                }
                libc::sigemptyset(&raw mut mask);
                libc::sigprocmask(libc::SIG_SETMASK, &raw const mask, ptr::null_mut());
                Ok(())
            }
            program => stand(lifeline, program, &mask, remove),
        }
    }
}

/// The guard's life: obey the owner, pass SIGTERM on, reap, and leave nothing behind.
unsafe fn stand(lifeline: RawFd, program: i32, mask: &libc::sigset_t, remove: Option<&CString>) -> ! {
    // SAFETY: system calls on values that live on this stack.
    unsafe {
        libc::prctl(libc::PR_SET_NAME, c"stack-guard".as_ptr(), 0, 0, 0);
        close_all_but(lifeline);
        libc::signal(libc::SIGPIPE, libc::SIG_IGN);
        let signals = libc::signalfd(-1, mask, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK);
        let pid = program.to_le_bytes();
        libc::write(lifeline, pid.as_ptr().cast(), pid.len());
        let mut exit = 137;
        loop {
            let mut polled = [
                libc::pollfd {
                    fd: lifeline,
                    events: libc::POLLIN,
                    revents: 0,
                },
                libc::pollfd {
                    fd: signals,
                    events: libc::POLLIN,
                    revents: 0,
                },
            ];
            if libc::poll(polled.as_mut_ptr(), 2, -1) < 0 {
                continue;
            }
            let [owner, pending] = polled;
            if owner.revents != 0 {
                let mut order = 0_u8;
                let count = libc::read(lifeline, (&raw mut order).cast(), 1);
                end_all_below(program);
                if count != 1
                    && let Some(dir) = remove
                {
                    delete(dir);
                }
                libc::_exit(exit);
            }
            if pending.revents != 0 {
                let mut info: libc::signalfd_siginfo = std::mem::zeroed();
                while libc::read(signals, (&raw mut info).cast(), size_of::<libc::signalfd_siginfo>()) > 0 {
                    if info.ssi_signo != libc::SIGCHLD as u32 {
                        libc::kill(program, libc::SIGTERM);
                    }
                }
                if reap(program, &mut exit) {
                    end_all_below(program);
                    libc::_exit(exit);
                }
            }
        }
    }
}

/// Collects every ended child; whether the program was among them, with its exit code.
unsafe fn reap(program: i32, exit: &mut i32) -> bool {
    let mut ended = false;
    loop {
        let mut status = 0;
        // SAFETY: `status` outlives the call.
        let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) };
        if pid <= 0 {
            return ended;
        }
        if pid == program {
            ended = true;
            *exit = if libc::WIFEXITED(status) {
                libc::WEXITSTATUS(status)
            } else {
                128 + libc::WTERMSIG(status)
            };
        }
    }
}

/// Kills children until there are none; what they leave becomes our child in turn. Gives up after about ten seconds.
unsafe fn end_all_below(program: i32) {
    // SAFETY: system calls on values that live on this stack; /proc is read into a fixed buffer.
    unsafe {
        for _ in 0..5_000 {
            let children = libc::open(c"/proc/thread-self/children".as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC);
            if children < 0 {
                libc::kill(program, libc::SIGKILL);
            } else {
                let mut pid = 0_i32;
                let mut buffer = [0_u8; 4096];
                let count = libc::read(children, buffer.as_mut_ptr().cast(), buffer.len());
                for byte in buffer.iter().take(usize::try_from(count).unwrap_or(0)) {
                    if byte.is_ascii_digit() {
                        pid = pid.wrapping_mul(10).wrapping_add(i32::from(byte - b'0'));
                    } else if pid > 1 {
                        libc::kill(pid, libc::SIGKILL);
                        pid = 0;
                    }
                }
                libc::close(children);
            }
            let mut ended;
            loop {
                ended = libc::waitpid(-1, ptr::null_mut(), libc::WNOHANG);
                if ended <= 0 {
                    break;
                }
            }
            if ended < 0 {
                return;
            }
            libc::poll(ptr::null_mut(), 0, 2);
        }
    }
}

/// `rm -rf dir`, for when nobody else is left to do it.
unsafe fn delete(dir: &CString) {
    // SAFETY: the argument array lives until exec, and its strings are static or owned by the caller.
    unsafe {
        let rm = libc::fork();
        if rm == 0 {
            let arguments = [
                c"rm".as_ptr(),
                c"-rf".as_ptr(),
                c"--".as_ptr(),
                dir.as_ptr(),
                ptr::null(),
            ];
            libc::execv(c"/bin/rm".as_ptr(), arguments.as_ptr());
            libc::_exit(127);
        }
        if rm > 0 {
            libc::waitpid(rm, ptr::null_mut(), 0);
        }
    }
}

/// Closes every file of the owner's that the fork has copied: its sockets, its output, other guards' lifelines.
unsafe fn close_all_but(keep: RawFd) {
    // SAFETY: no memory is involved.
    unsafe {
        let close_range = |from: RawFd, to: libc::c_uint| libc::syscall(libc::SYS_close_range, from, to, 0);
        let below = keep == 0 || close_range(0, keep.unsigned_abs() - 1) == 0;
        let above = close_range(keep + 1, libc::c_uint::MAX) == 0;
        if !(below && above) {
            for fd in (0..65_536).filter(|fd| *fd != keep) {
                libc::close(fd);
            }
        }
    }
}
