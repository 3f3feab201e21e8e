//! A client's socket, whose reads and writes the [`Pulse`] feels.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::pulse::Pulse;

/// Bytes read at a time from a client that nobody listens to any more.
const SCRATCH: usize = 4 * 1024;

#[derive(Debug)]
pub(super) struct Socket {
    stream: TokioIo<TcpStream>,
    pulse: Arc<Pulse>,
    /// Set once our side is shut down: whether to read on until the client closes too.
    lingers: Option<bool>,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, pulse: Arc<Pulse>) -> Self {
        Self { stream: TokioIo::new(stream), pulse, lingers: None }
    }

    fn felt(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        self.pulse.wrote(match &written {
            Poll::Ready(Ok(bytes)) => Some(*bytes),
            Poll::Ready(Err(_)) => Some(0),
            Poll::Pending => None,
        });
        written
    }

    /// Closing a socket that holds unread bytes resets it, and a reset can overtake the answer.
    fn poll_drain(&self, cx: &mut Context<'_>) -> Poll<()> {
        let stream = self.stream.inner();
        let mut scratch = [0; SCRATCH];
        loop {
            if ready!(stream.poll_read_ready(cx)).is_err() {
                return Poll::Ready(());
            }
            match stream.try_read(&mut scratch) {
                Ok(0) => return Poll::Ready(()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return Poll::Ready(()),
            }
        }
    }
}

impl Read for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if read.is_ready() {
            self.pulse.bytes_read();
        }
        read
    }
}

impl Write for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.felt(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.felt(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let lingers = match self.lingers {
            Some(lingers) => lingers,
            None => {
                ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
                let lingers = self.pulse.closing();
                self.lingers = Some(lingers);
                lingers
            }
        };
        if lingers {
            ready!(self.poll_drain(cx));
        }
        Poll::Ready(Ok(()))
    }
}
