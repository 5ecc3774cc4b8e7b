//! What needs the ledger: the publisher, the intake and pages over HTTP, the operator's socket, and whoever watches the static
//! lists and asks what is exempt. It begins when the ledger
//! is open, and when it has ended, nothing of it holds the ledger any more.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use axum::Router;
use ipnet::IpNet;
use tokio::net::UnixListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::files::StaticLists;
use super::listeners::{Door, DoorListener};
use crate::certificate::Certificate;
use crate::config::{ChannelSettings, IntakeSettings};
use crate::control::{self, Control};
use crate::declared::Current;
use crate::freshness::{self, Freshness};
use crate::intake::doors::{self, Listening};
use crate::intake::{Intake, maildir};
use crate::ledger::Ledger;
use crate::metrics::Metrics;
use crate::publisher::{self, Publisher};
use crate::web;

/// How long whoever watches the static lists may take to end. A disk that does not answer may hold it for ever, and it
/// holds nothing that must be kept.
const WATCHER_GRACE: Duration = Duration::from_secs(1);
/// How often it is looked after meanwhile.
const WATCHER_POLL: Duration = Duration::from_millis(10);

/// How often it is written down how feeds are heard, while they are.
const HEARD_WRITTEN: Duration = Duration::from_secs(10);
/// The same while none is: of a silence, so much is lost with the process.
const SILENCE_WRITTEN: Duration = Duration::from_secs(60);
/// Where samples come in beside HTTP.
pub(super) struct Channels {
    pub(super) doors: Vec<Door>,
    pub(super) settings: Vec<IntakeSettings>,
    pub(super) intake: Intake,
}

/// A listener of HTTP.
pub(super) struct HttpListener {
    pub(super) listener: std::net::TcpListener,
    pub(super) router: Router,
    /// What it shows, within TLS.
    pub(super) certificate: Option<Arc<Certificate>>,
}

/// What runs.
pub(super) struct Writers {
    stop: Arc<AtomicBool>,
    ended: watch::Sender<bool>,
    publishing: JoinHandle<()>,
    watching: JoinHandle<()>,
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
        http: Vec<HttpListener>,
        proxies: &[IpNet],
        channels: Channels,
        metrics: &Metrics,
        (door, control): (UnixListener, Control),
    ) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let (ended, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let mut certificates: Vec<Arc<Certificate>> = Vec::new();
        for HttpListener { listener, router, certificate } in http {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            let (proxies, counts, stopped) = (proxies.to_vec(), Arc::clone(&metrics.http), stopped.clone());
            certificates.extend(certificate.clone());
            tasks.spawn(async move {
                match certificate {
                    Some(certificate) => web::serve_secured(listener, &certificate, router, &counts, stopped).await,
                    None => web::serve(listener, router, &proxies, &counts, stopped).await,
                }
                Ok(())
            });
        }
        // All listeners show the same one.
        if let Some(certificate) = certificates.pop() {
            let (expiry, stopped) = (metrics.intake_certificate_expiry.clone(), stopped.clone());
            expiry.set(certificate.expires());
            tasks.spawn(async move {
                certificate.follow(|renewed| expiry.set(renewed.expires()), stopped).await;
                Ok(())
            });
        }
        let Channels { doors, settings, intake } = channels;
        for Door { listener, intake: number, .. } in doors {
            let listening = match listener {
                DoorListener::Tcp(listener) => Listening::Tcp(tokio::net::TcpListener::from_std(listener)?),
                DoorListener::Unix(listener) => Listening::Unix(UnixListener::from_std(listener)?),
            };
            let settings = Arc::new(settings[number].clone());
            let (intake, counts, stopped) = (intake.clone(), Arc::clone(&metrics.intake), stopped.clone());
            tasks.spawn(async move {
                doors::serve(listening, settings, intake, &counts, stopped).await;
                Ok(())
            });
        }
        for IntakeSettings { feed, channel } in settings {
            if let (ChannelSettings::Maildir(maildir), Some(feed)) = (channel, feed) {
                let watching = maildir::watch(maildir, feed, intake.clone(), stopped.clone());
                tasks.spawn(async move {
                    watching.await;
                    Ok(())
                });
            }
        }
        let freshness = intake.freshness();
        drop(intake);
        tasks.spawn(write_down(freshness, control.ledger.clone(), stopped.clone()));
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
        // It may be left behind, and must not hold the ledger then.
        let declared = Arc::downgrade(&declared);
        let watching = watching.spawn(move || files.run(&declared, &stop_files))?;
        Ok(Self { stop, ended, publishing, watching, tasks })
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
        let published = tokio::task::spawn_blocking(move || self.publishing.join()).await;
        let watched = join_within(WATCHER_GRACE, self.watching).await;
        if watched.is_none() {
            tracing::warn!("a file of a static list does not let go of its reader, who is left behind");
        }
        if !matches!(published, Ok(Ok(()))) || matches!(watched, Some(Err(_))) {
            tracing::error!("a thread ended in a panic");
        }
    }
}

/// Writes down how feeds are heard, now and then, and at the end.
async fn write_down(freshness: Arc<Freshness>, ledger: Ledger, mut stopped: watch::Receiver<bool>) -> io::Result<()> {
    let mut written = Instant::now();
    loop {
        let ended = tokio::time::timeout(HEARD_WRITTEN, stopped.wait_for(|ended| *ended)).await.is_ok();
        if !ended && !freshness.has_changed() && written.elapsed() < SILENCE_WRITTEN {
            continue;
        }
        written = Instant::now();
        let (text, ledger) = (freshness.write(written), ledger.clone());
        let kept = tokio::task::spawn_blocking(move || ledger.note(freshness::NAME, text)).await;
        // The ledger has told of an error of its own; the next time makes up for it.
        if !matches!(kept, Ok(Ok(()))) {
            tracing::warn!("it could not be written down when feeds were last heard");
        }
        if ended {
            return Ok(());
        }
    }
}

/// Waits for the end of a thread, no longer than `grace`; none if it goes on.
async fn join_within(grace: Duration, thread: JoinHandle<()>) -> Option<thread::Result<()>> {
    let ended = async {
        while !thread.is_finished() {
            tokio::time::sleep(WATCHER_POLL).await;
        }
    };
    tokio::time::timeout(grace, ended).await.ok()?;
    Some(thread.join())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_thread_that_hangs_is_not_waited_for() {
        let (hold, held) = mpsc::channel::<()>();
        let hanging = thread::spawn(move || assert!(held.recv().is_err()));
        assert!(join_within(Duration::from_millis(20), hanging).await.is_none());
        drop(hold);
        assert!(matches!(join_within(WATCHER_GRACE * 20, thread::spawn(|| {})).await, Some(Ok(()))));
    }
}
