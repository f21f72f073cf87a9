//! A stream that fails when nothing of what is written to it is taken for too long.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// A stream whose other side must go on taking what is written, as long as `applies` says so.
pub(super) struct Impatient<S, F> {
    stream: S,
    time: Duration,
    applies: F,
    /// Of a write that waits, and of a flush: while one waits the other may be at once ready to do nothing.
    writing: Option<Pin<Box<Sleep>>>,
    flushing: Option<Pin<Box<Sleep>>>,
}

impl<S, F: Fn() -> bool> Impatient<S, F> {
    pub const fn new(stream: S, time: Duration, applies: F) -> Self {
        Self { stream, time, applies, writing: None, flushing: None }
    }

    fn limited<T>(
        waiting: &mut Option<Pin<Box<Sleep>>>,
        (time, applies): (Duration, bool),
        context: &mut Context<'_>,
        polled: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if polled.is_ready() || !applies {
            *waiting = None;
            return polled;
        }
        let end = waiting.get_or_insert_with(|| Box::pin(sleep(time)));
        end.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin, F: Unpin> AsyncRead for Impatient<S, F> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin, F: Fn() -> bool + Unpin> AsyncWrite for Impatient<S, F> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_write(context, bytes);
        Self::limited(&mut this.writing, (this.time, (this.applies)()), context, polled)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_write_vectored(context, parts);
        Self::limited(&mut this.writing, (this.time, (this.applies)()), context, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_flush(context);
        Self::limited(&mut this.flushing, (this.time, (this.applies)()), context, polled)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_shutdown(context);
        Self::limited(&mut this.flushing, (this.time, (this.applies)()), context, polled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    #[tokio::test]
    async fn a_reader_that_goes_on_is_waited_for_and_one_that_stops_is_not() {
        let (own, mut other) = duplex(10);
        let time = Duration::from_secs(1);
        let mut stream = Impatient::new(own, time, || true);
        let reader = tokio::spawn(async move {
            let mut bytes = [0; 10];
            // Slow, though never so slow; longer than that in all; then nothing more.
            for _ in 0..15 {
                tokio::time::sleep(time / 10).await;
                other.read_exact(&mut bytes).await.unwrap();
            }
            other
        });
        stream.write_all(&[7; 160]).await.unwrap();
        let end = stream.write_all(&[7; 1]).await.unwrap_err();
        assert_eq!(end.kind(), io::ErrorKind::TimedOut);
        drop(reader.await.unwrap());
    }

    #[tokio::test]
    async fn where_it_does_not_apply_nobody_is_cut() {
        let (own, mut other) = duplex(10);
        let (time, applies) = (Duration::from_millis(50), AtomicBool::new(false));
        let mut stream = Impatient::new(own, time, || applies.load(Ordering::Relaxed));
        let written = tokio::time::timeout(10 * time, stream.write_all(&[7; 11])).await;
        assert!(written.is_err(), "it waits for ever");
        let mut bytes = [0; 10];
        other.read_exact(&mut bytes).await.unwrap();
        stream.write_all(&[7; 10]).await.unwrap();
        applies.store(true, Ordering::Relaxed);
        assert!(stream.write_all(&[7; 1]).await.is_err());
    }
}
