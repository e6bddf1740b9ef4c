use std::io;

/// Switches core dumps of this process and of all its children off, for good: they would write secrets to a disk.
///
/// # Errors
/// The system refuses.
#[cfg(target_os = "linux")]
pub(crate) fn forbid_core_dumps() -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, none).map_err(io::Error::from)
}

/// Other systems run the agent on a laptop.
#[cfg(not(target_os = "linux"))]
pub(crate) fn forbid_core_dumps() -> io::Result<()> {
    Ok(())
}
