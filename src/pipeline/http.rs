//! The HTTP server: one thread with a small runtime of its own.

use super::PipelineError;
use super::shared::Shared;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// A running server. Dropping it stops it.
pub struct HttpServer {
    address: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl HttpServer {
    /// Listens on `listen` (`host:port`, port 0 chooses one) and serves until stopped.
    pub fn start(shared: Arc<Shared>, listen: &str) -> Result<Self, PipelineError> {
        let failed = |source| PipelineError::Listen {
            address: listen.to_owned(),
            source,
        };
        let listener = std::net::TcpListener::bind(listen).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = format!("http://{}", listener.local_addr().map_err(failed)?);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("http")
            .enable_all()
            .build()
            .map_err(failed)?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("http".to_owned())
            .spawn(move || {
                let served = runtime.block_on(async {
                    let listener = tokio::net::TcpListener::from_std(listener)?;
                    let router = crate::api::router(shared);
                    crate::api::serve(listener, router, async {
                        // an error means that the sender is gone: stop as well
                        let _ = stopped.await;
                    })
                    .await
                });
                if let Err(error) = served {
                    tracing::error!(%error, "the http server ended");
                }
            })
            .map_err(PipelineError::Io)?;
        Ok(Self {
            address,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// `http://HOST:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // the thread may have ended by itself
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the http thread panicked");
        }
    }
}
