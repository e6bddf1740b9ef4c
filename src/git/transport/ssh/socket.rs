//! The TCP connection of SSH, with acknowledgements sent at once.
//!
//! sshd's side of a session without a terminal collects small packets (Nagle) until the client acknowledges the packets
//! before, and the system delays an acknowledgement by up to 40 ms if it has nothing to send with it. A push has just that
//! pattern, advertisement and then report. Without this file a push takes 40 ms longer, whatever the distance.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A TCP stream that acknowledges at once.
pub(crate) struct Socket {
    stream: TcpStream,
    has_heard: Arc<AtomicBool>,
}

impl Socket {
    /// `has_heard` becomes true when the first bytes arrive.
    pub(crate) fn new(stream: TcpStream, has_heard: Arc<AtomicBool>) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream, has_heard })
    }
}

impl AsyncRead for Socket {
    /// The system resets TCP_QUICKACK by itself, so each read sets the option again.
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.has_heard.store(true, Ordering::Relaxed);
        }
        #[cfg(target_os = "linux")]
        let _ = self.stream.set_quickack(true);
        read
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
