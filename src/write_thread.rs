//! A thread of its own for the write path: commands come in, are judged and answered on it.
//!
//! A command passes through many tasks on its way: the connection, the door, the writer, and back.
//! On one thread each hands over to the next without waking another one, which costs more than their
//! work; and questions over HTTP, however many, do not stand in its way. See docs/performance.md.

use std::io;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// The thread. Ends with everything that runs on it when this is dropped.
#[derive(Debug)]
pub struct WriteThread {
    handle: Handle,
    _alive: oneshot::Sender<()>,
}

impl WriteThread {
    /// Starts it.
    pub fn start() -> io::Result<WriteThread> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (alive, dropped) = oneshot::channel::<()>();
        std::thread::Builder::new().name("write".to_owned()).spawn(move || {
            // An error is what it waits for: the other end was dropped.
            let _ = runtime.block_on(dropped);
            runtime.shutdown_background();
        })?;
        Ok(WriteThread { handle, _alive: alive })
    }

    /// Runs something on it, and whatever that spawns.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> io::Result<T> {
        self.handle.spawn(work).await.map_err(io::Error::other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whatever_runs_on_it_runs_on_one_thread_and_ends_with_it() {
        let thread = WriteThread::start().unwrap();
        let name = || std::thread::current().name().map(str::to_owned);
        let inner = thread.run(async move {
            let spawned = tokio::spawn(async move { name() });
            (name(), spawned.await.unwrap())
        });
        assert_eq!(inner.await.unwrap(), (Some("write".to_owned()), Some("write".to_owned())));
        let (held, dropped) = oneshot::channel::<()>();
        let forever = async move {
            tokio::spawn(async move {
                let _held = held;
                std::future::pending::<()>().await;
            });
        };
        thread.run(forever).await.unwrap();
        drop(thread);
        assert!(dropped.await.is_err(), "its tasks end with it");
    }
}
