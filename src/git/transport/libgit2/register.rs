use super::cache;
use super::call::{Call, current};
use super::http_stream::HttpTransport;
use super::ssh_stream::SshTransport;
use crate::git::libgit2_error::Libgit2Error;
use git2::transport::{SmartSubtransport, Transport};
use std::sync::OnceLock;

/// Registers the transports, once for the process, and cuts libgit2 off from the machine's git configuration: a
/// `url.*.insteadOf` there could redirect us.
pub(crate) fn register() -> Result<(), Libgit2Error> {
    static DONE: OnceLock<Result<(), String>> = OnceLock::new();
    cache::limit();
    let done = DONE.get_or_init(|| {
        #[expect(
            unsafe_code,
            reason = "process-wide settings of libgit2; the OnceLock makes this the only call"
        )]
        let registered = unsafe {
            use git2::ConfigLevel::{Global, ProgramData, System, XDG};
            [ProgramData, System, XDG, Global]
                .into_iter()
                .try_for_each(|level| git2::opts::set_search_path(level, ""))
                .and_then(|()| git2::transport::register("ssh", |remote| smart(remote, false, SshTransport)))
                .and_then(|()| git2::transport::register("https", |remote| smart(remote, true, HttpTransport)))
                .and_then(|()| git2::transport::register("http", |remote| smart(remote, true, HttpTransport)))
        };
        registered.map_err(|error| error.message().to_owned())
    });
    match done {
        Ok(()) => Ok(()),
        Err(message) => Err(Libgit2Error::doing("register the transports")(git2::Error::from_str(
            message,
        ))),
    }
}

/// A transport for the current call. `is_stateless`: each step is a request of its own.
fn smart<T: SmartSubtransport>(
    remote: &git2::Remote<'_>,
    is_stateless: bool,
    transport: impl FnOnce(Call) -> T,
) -> Result<Transport, git2::Error> {
    Transport::smart(remote, is_stateless, transport(current()?))
}
