//! The TCP connection, with acknowledgements sent at once.
//!
//! sshd's side of a session without a terminal gathers small packets (Nagle) until what it sent before is acknowledged, and
//! the system delays acknowledgements by up to 40 ms when there is nothing to send along with them. A push has just that
//! pattern, advertisement then report: without this it takes 40 ms longer, whatever the distance.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

pub(super) struct Socket {
    stream: TcpStream,
    heard: Arc<AtomicBool>,
}

impl Socket {
    /// `heard` is told when the first bytes arrive.
    pub(super) fn new(stream: TcpStream, heard: Arc<AtomicBool>) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream, heard })
    }
}

impl AsyncRead for Socket {
    /// The system forgets the wish for prompt acknowledgements by itself, so it is renewed with each read.
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.heard.store(true, Ordering::Relaxed);
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
