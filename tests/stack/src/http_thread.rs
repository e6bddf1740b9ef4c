//! An HTTP server in a thread of its own, so that a test may block.

use std::net::{SocketAddr, TcpListener};
use std::thread::JoinHandle;

use anyhow::{Context as _, Result};
use axum::Router;
use tokio::sync::oneshot;

/// A running server. Dropping the handle ends the server and its open connections.
#[derive(Debug)]
pub(crate) struct HttpThread {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl HttpThread {
    /// Starts a server. It accepts connections when this returns. `name` is that of the thread.
    ///
    /// # Errors
    /// When the address is in use, or no thread is available.
    pub(crate) fn start(name: &'static str, listen: SocketAddr, routes: Router) -> Result<Self> {
        let listener = TcpListener::bind(listen).with_context(|| format!("listening on {listen}"))?;
        let address = listener.local_addr().context("reading the listener's address")?;
        listener.set_nonblocking(true).context("preparing the listener")?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("building the runtime")?;
        let (stop, stopped) = oneshot::channel();
        let serve = async move {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            tokio::select! {
                ended = async { axum::serve(listener, routes).await } => ended,
                _ = stopped => Ok(()),
            }
        };
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            if let Err(error) = runtime.block_on(serve) {
                eprintln!("{name} ended: {error}");
            }
        });
        Ok(Self {
            address,
            stop: Some(stop),
            thread: Some(thread.context("starting the server's thread")?),
        })
    }

    /// The address that the server listens on.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until the server ends by itself. It does so only after an error of its listener.
    pub(crate) fn run_to_end(mut self) {
        self.join();
    }

    fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for HttpThread {
    fn drop(&mut self) {
        drop(self.stop.take());
        self.join();
    }
}
