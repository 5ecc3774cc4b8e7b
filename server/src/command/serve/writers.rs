//! What needs the ledger: the publisher, the intake and pages over HTTP, the operator's socket, and whoever watches the static
//! lists and asks what is exempt. It begins when the ledger
//! is open, and when it has ended, nothing of it holds the ledger any more.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use axum::Router;
use ipnet::IpNet;
use tokio::net::UnixListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::files::StaticLists;
use crate::control::{self, Control};
use crate::declared::Current;
use crate::metrics::Metrics;
use crate::publisher::{self, Publisher};
use crate::web;

/// What runs.
pub(super) struct Writers {
    stop: Arc<AtomicBool>,
    ended: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
    tasks: JoinSet<io::Result<()>>,
}

impl Writers {
    /// Begins; within a runtime.
    ///
    /// # Errors
    /// When a thread or a listener cannot be started.
    pub(super) fn begin(
        publisher: Publisher,
        (files, declared): (StaticLists, Arc<Current>),
        http: Vec<(std::net::TcpListener, Router)>,
        proxies: &[IpNet],
        metrics: &Metrics,
        (door, control): (UnixListener, Control),
    ) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let (ended, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        for (listener, router) in http {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            let (proxies, counts, stopped) = (proxies.to_vec(), Arc::clone(&metrics.http), stopped.clone());
            tasks.spawn(async move {
                web::serve(listener, router, &proxies, &counts, stopped).await;
                Ok(())
            });
        }
        let mut told = stopped;
        let until = async move {
            // An error means that the sender is gone, which is an end as well.
            let _ = told.wait_for(|ended| *ended).await;
        };
        tasks.spawn(control::serve(door, control, until));
        let (stop_publisher, stop_files) = (Arc::clone(&stop), Arc::clone(&stop));
        let publishing = thread::Builder::new().name("publisher".into());
        let publishing = publishing.spawn(move || publisher::run(publisher, &stop_publisher))?;
        let watching = thread::Builder::new().name("static-lists".into());
        let watching = watching.spawn(move || files.run(&declared, &stop_files))?;
        Ok(Self { stop, ended, threads: vec![publishing, watching], tasks })
    }

    /// Takes nothing more; returns when open requests have ended, or after `grace`, and the last version is in a snapshot.
    pub(super) async fn end(mut self, grace: Duration) {
        // Nobody listening any more is as good as told.
        let _ = self.ended.send(true);
        let ended = tokio::time::timeout(grace, async { while self.tasks.join_next().await.is_some() {} }).await;
        if ended.is_err() {
            tracing::warn!("some requests did not end in time");
        }
        self.tasks.shutdown().await;
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            let joined = tokio::task::spawn_blocking(move || thread.join()).await;
            if !matches!(joined, Ok(Ok(()))) {
                tracing::error!("a thread ended in a panic");
            }
        }
    }
}
