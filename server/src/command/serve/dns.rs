//! DNS on all its listeners: begun as soon as there is a zone to answer from, ended last.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::listeners::{Datagrams, Role, Stream};
use crate::certificate::Certificate;
use crate::config::{DnsSettings, Settings};
use crate::connections::{self, Places};
use crate::dns::responder::Responder;
use crate::dns::{https, tcp, tls, udp};
use crate::metrics::Metrics;
use crate::web;

/// Files that are kept for everything that is no stranger's connection: the ledger, listeners, snapshots, settings.
const RESERVED_FILES: u64 = 256;

/// DNS, begun or not.
pub(super) struct Dns {
    listeners: Option<(Vec<Datagrams>, Vec<Stream>)>,
    responder: Arc<Responder>,
    places: Arc<Places>,
    deadlines: tcp::Deadlines,
    /// There is one where a listener needs it: the settings see to it.
    certificate: Option<Arc<Certificate>>,
    metrics: Arc<Metrics>,
    stop: Arc<AtomicBool>,
    ended: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
    tasks: JoinSet<()>,
}

impl Dns {
    /// With as many places for connections as the settings say, or as `files` that this process may open leave.
    pub(super) fn new(
        listeners: (Vec<Datagrams>, Vec<Stream>),
        settings: &Settings,
        files: u64,
        responder: Arc<Responder>,
        certificate: Option<Arc<Certificate>>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let DnsSettings { tcp_connections, tcp_per_prefix, tcp_idle, .. } = settings.dns;
        let http = &settings.http;
        let others = http.listen.len() + http.intake.len() + http.metrics.len();
        let left = files.saturating_sub(RESERVED_FILES + (others * web::CONNECTIONS) as u64).max(1);
        if u64::from(tcp_connections) > left {
            tracing::warn!(
                "dns.tcp-connections is {tcp_connections}, and this process may open {files} files: {left} it is; \
                 raise the limit (LimitNOFILE=), or write a smaller number"
            );
        }
        let limits = connections::Limits {
            connections: usize::try_from(left)
                .map_or(tcp_connections as usize, |left| left.min(tcp_connections as usize)),
            per_prefix: tcp_per_prefix as usize,
            unbounded: Vec::new(),
        };
        Self {
            listeners: Some(listeners),
            responder,
            places: Places::new(limits),
            deadlines: tcp::Deadlines { idle: tcp_idle, write: tcp::WRITE },
            certificate,
            metrics,
            stop: Arc::default(),
            ended: watch::channel(false).0,
            threads: Vec::new(),
            tasks: JoinSet::new(),
        }
    }

    /// Whether it was begun.
    pub(super) fn is_begun(&self) -> bool {
        self.listeners.is_none()
    }

    /// Answers from now on, if it does not yet.
    ///
    /// # Errors
    /// When a thread or a listener cannot be started.
    pub(super) fn begin(&mut self, runtime: &Handle) -> io::Result<()> {
        let Some((datagrams, streams)) = self.listeners.take() else { return Ok(()) };
        let _within = runtime.enter();
        let shares = datagrams.iter().map(|address| address.sockets.len()).sum::<usize>();
        let shares = u32::try_from(shares).unwrap_or(u32::MAX);
        for Datagrams { sockets, .. } in datagrams {
            self.threads.extend(udp::serve(sockets, shares, &self.responder, &self.stop)?);
        }
        for Stream { role, listener, .. } in streams {
            self.listen(role, listener, runtime)?;
        }
        if let Some(certificate) = self.certificate.clone() {
            let (expiry, stopped) = (self.metrics.certificate_expiry.clone(), self.ended.subscribe());
            expiry.set(certificate.expires());
            let follow = async move { certificate.follow(|renewed| expiry.set(renewed.expires()), stopped).await };
            self.tasks.spawn_on(follow, runtime);
        }
        Ok(())
    }

    fn listen(&mut self, role: Role, listener: TcpListener, runtime: &Handle) -> io::Result<()> {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let (responder, places, stopped) =
            (Arc::clone(&self.responder), Arc::clone(&self.places), self.ended.subscribe());
        let deadlines = self.deadlines;
        match (role, self.certificate.clone()) {
            (Role::Tls, Some(certificate)) => {
                let serve =
                    async move { tls::serve(listener, &certificate, responder, places, deadlines, stopped).await };
                self.tasks.spawn_on(serve, runtime);
            }
            (Role::Https, Some(certificate)) => {
                let serve =
                    async move { https::serve(listener, &certificate, responder, places, deadlines, stopped).await };
                self.tasks.spawn_on(serve, runtime);
            }
            _ => drop(self.tasks.spawn_on(tcp::serve(listener, responder, places, deadlines, stopped), runtime)),
        }
        Ok(())
    }

    /// Takes nothing more, and returns when what was taken is answered, or after `grace`.
    pub(super) async fn end(mut self, grace: Duration) {
        // Nobody listening any more is as good as told.
        let _ = self.ended.send(true);
        self.stop.store(true, Ordering::Relaxed);
        let ended = tokio::time::timeout(grace, async { while self.tasks.join_next().await.is_some() {} }).await;
        if ended.is_err() {
            tracing::warn!("some connections of DNS did not end in time");
        }
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a thread ended in a panic");
            }
        }
        if let Some(log) = self.responder.query_log() {
            log.end(grace);
        }
    }
}
