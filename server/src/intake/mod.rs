//! How samples come in: an acknowledged sample is a kept one (G9).
//!
//! Enters: a message with the feed and trap that it came by. Leaves: a fact in the ledger, durable before anybody is
//! told. Bad mail is no error here: it is judged and kept like any other.

pub mod files;
pub mod http;
mod quota;
mod share;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use firsthand_analyzer::evidence::{Arrival, sample_id, unit_of};
use firsthand_analyzer::received::{Dialect, Handover, Source};
use firsthand_analyzer::report::Judged;
use firsthand_analyzer::sample::{Envelope, Sample};
use firsthand_analyzer::topology::Boundary;
use firsthand_analyzer::verdict::{LineRead, ProofLine, Verdict};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::config::FeedKind;
use crate::declared::{Current, Feed};
use crate::freshness::{self, Freshness};
use crate::ledger::{Fact, Ledger, LedgerError, Recorded};
use crate::metrics::Metrics;

/// The most addresses and names of one sample that are kept as framed.
const FRAMED_LIMIT: usize = 50;

/// The most messages that are held in memory at a time; each feed has its share of them, so that one that sends slowly
/// holds up no other.
const PLACES: usize = 64;

/// The fewest that a feed may hand in at a time, however many feeds there are.
const PLACES_OF_FEED: usize = 4;

/// Judges samples and keeps them.
#[derive(Clone)]
pub struct Intake {
    declared: Arc<Current>,
    ledger: Ledger,
    metrics: Arc<Metrics>,
    quotas: Arc<quota::Quotas>,
    shares: Arc<share::Shares>,
    places: Arc<ArcSwap<HashMap<String, Arc<Semaphore>>>>,
    freshness: Arc<Freshness>,
}

/// A sample as a channel hands it in.
pub struct Submission<'a> {
    /// The registry id of the trap; the recipient's id where the feed carries mail that people wanted.
    pub trap: &'a str,
    /// The message.
    pub message: &'a [u8],
    /// The envelope, if the channel knows it.
    pub envelope: Option<Envelope>,
    /// The peer, if the channel saw it.
    pub observed_peer: Option<IpAddr>,
}

/// Why a sample was not taken. Either is a matter of time: whoever hands it in must keep it and try again.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    /// The operator has paused its feed.
    #[error("the feed is paused")]
    Paused,
    /// It could not be made durable; nothing was acknowledged then.
    #[error(transparent)]
    NotDurable(#[from] LedgerError),
}

/// A kept sample.
pub struct Taken {
    /// Its id in hexadecimal.
    pub sample: String,
    /// What it proves.
    pub verdict: Verdict,
    /// `counted`, or why it adds nothing.
    pub evidence: &'static str,
    /// Whether it had been taken before.
    pub repeat: bool,
}

impl Intake {
    /// An intake for the declared feeds and traps.
    pub fn new(declared: Arc<Current>, ledger: Ledger, metrics: Arc<Metrics>) -> Self {
        let known = declared.load();
        let quotas = Arc::new(quota::Quotas::new(&known.feeds));
        let places = Arc::new(ArcSwap::from_pointee(places_of(&known.feeds)));
        let kept = ledger.noted(freshness::NAME).unwrap_or_else(|error| {
            tracing::warn!(%error, "it is not known when feeds were last heard; it is learnt anew");
            None
        });
        let freshness = Arc::new(Freshness::new(kept.as_deref(), &known.feeds, Instant::now()));
        metrics.show_feeds(Arc::clone(&freshness));
        Self { declared, ledger, metrics, quotas, shares: Arc::default(), places, freshness }
    }

    /// How its feeds are heard.
    pub fn freshness(&self) -> Arc<Freshness> {
        Arc::clone(&self.freshness)
    }

    /// Makes ready for other feeds, before they are declared.
    pub fn heed(&self, feeds: &[Feed]) {
        self.quotas.heed(feeds);
        self.freshness.heed(feeds, Instant::now());
        let places = self.places.load();
        let same = places.len() == feeds.len() && feeds.iter().all(|feed| places.contains_key(&feed.name));
        if !same {
            self.places.store(Arc::new(places_of(feeds)));
        }
    }

    /// Judges a sample, keeps it, and returns when it is durable.
    ///
    /// # Errors
    /// When its feed is paused, or it could not be made durable.
    pub async fn take(&self, feed: &Feed, submission: Submission<'_>) -> Result<Taken, NotTaken> {
        if feed.paused.is_some() {
            return Err(NotTaken::Paused);
        }
        let arrived = unix_millis();
        let sample = Sample {
            message: submission.message,
            envelope: submission.envelope.as_ref(),
            observed_peer: submission.observed_peer,
        };
        // What a message costs is bounded, but not by so little that other requests should wait for it.
        let Judged { verdict, message } = tokio::task::block_in_place(|| feed.judge(&sample));
        let arrival = Arrival {
            feed: &feed.name,
            trap: submission.trap,
            at: arrived.div_euclid(1000),
            stamps: feed.stamps,
            may_list: feed.may_list(),
        };
        let unit = unit_of(&verdict, &arrival).map_err(|why| why.name());
        let peer = submission.observed_peer.filter(|_| feed.topology.boundary == Boundary::Channel);
        // A reported message counts once, however often and by whomever it is reported; a report that proves nothing stands
        // for itself, so that nobody takes the place of the true one with it.
        let id = match (&feed.reporter, &message) {
            (Some(_), Some(message)) => sample_id(&feed.name, submission.trap, message, None),
            (_, _) => sample_id(&feed.name, submission.trap, submission.message, peer),
        };
        let evidence = unit.as_ref().err().copied().unwrap_or("counted");
        // Of people's mail no more is kept than what counts: neither lines nor names.
        let kept = feed.kind != FeedKind::Wanted;
        let fact = Fact {
            sample: id,
            arrived,
            feed: feed.name.clone(),
            trap: submission.trap.to_owned(),
            unit,
            verdict: if kept { short(&verdict) } else { "{}".to_owned() },
            proof: json(&verdict.proof.iter().filter(|_| kept).map(KeptLine::from).collect::<Vec<_>>()),
            framed: verdict.framed.iter().filter(|_| kept).take(FRAMED_LIMIT).cloned().collect(),
        };
        let recorded = self.ledger.record(fact).await?;
        let repeat = recorded == Recorded::Known;
        if !repeat {
            self.freshness.hear(&feed.name, arrival.at, Instant::now());
        }
        let evidence = if recorded == Recorded::Withdrawn { "withdrawn" } else { evidence };
        match (repeat, verdict.origin) {
            (true, _) => self.metrics.repeats.inc(),
            (false, Ok(origin)) => {
                self.metrics.samples.with_label_values(&["attributed"]).inc();
                if kept {
                    self.metrics.origin_share.set(self.shares.count(origin.into(), arrival.at));
                }
            }
            (false, Err(reason)) => self.metrics.samples.with_label_values(&[reason.name()]).inc(),
        }
        let sample = id.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Taken { sample, verdict, evidence, repeat })
    }
}

/// The places of each feed.
fn places_of(feeds: &[Feed]) -> HashMap<String, Arc<Semaphore>> {
    let share = (PLACES / feeds.len().max(1)).max(PLACES_OF_FEED);
    feeds.iter().map(|feed| (feed.name.clone(), Arc::new(Semaphore::new(share)))).collect()
}

/// The verdict as the ledger keeps it: without what is only the sender's word, and without lines, which tell of traps (F05) and
/// could be made long to fill the disk. The trusted ones are kept as proof.
fn short(verdict: &Verdict) -> String {
    let mut report = serde_json::to_value(verdict.report()).expect("texts, numbers and lists of them are JSON");
    if let Some(report) = report.as_object_mut() {
        for words in ["path", "cause", "claims", "returned_claims", "framed", "reported_by"] {
            report.remove(words);
        }
    }
    report.to_string()
}

/// A trusted line as the ledger keeps it: base64, since a line may hold any byte.
#[derive(Serialize, Deserialize)]
pub struct KeptLine {
    line: String,
    #[serde(default)]
    declared: Option<String>,
    dialect: String,
    rule: String,
    #[serde(default)]
    peer: Option<IpAddr>,
    #[serde(default)]
    handover: Option<String>,
    #[serde(default)]
    by: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    of_report: bool,
}

impl From<&ProofLine> for KeptLine {
    fn from(line: &ProofLine) -> Self {
        let (peer, handover) = match line.read.source {
            Source::Peer(peer) => (Some(peer), None),
            Source::Handover(step) => (None, Some(step.name().to_owned())),
            Source::Continued => (None, Some(CONTINUED.to_owned())),
            Source::Unstated => (None, None),
        };
        Self {
            line: STANDARD.encode(&line.bytes),
            declared: line.read.declared.map(|dialect| dialect.name().to_owned()),
            dialect: line.read.dialect.name().to_owned(),
            rule: line.read.rule.clone(),
            peer,
            handover,
            by: line.read.by.clone(),
            of_report: line.of_report,
        }
    }
}

/// How the ledger calls a line that the next one continues.
const CONTINUED: &str = "continued";

impl KeptLine {
    /// The line as the verdict had it; none if it was edited, or kept before lines were kept whole.
    pub fn proof_line(&self) -> Option<ProofLine> {
        let source = match (self.peer, self.handover.as_deref()) {
            (Some(peer), _) => Source::Peer(peer),
            (None, Some(CONTINUED)) => Source::Continued,
            (None, Some(step)) => Source::Handover(Handover::parse(step)?),
            (None, None) => Source::Unstated,
        };
        let declared = match &self.declared {
            Some(name) => Some(Dialect::parse(name)?),
            None => None,
        };
        let dialect = Dialect::parse(&self.dialect)?;
        let read = LineRead { declared, dialect, rule: self.rule.clone(), source, by: self.by.clone() };
        Some(ProofLine { bytes: STANDARD.decode(&self.line).ok()?, read, of_report: self.of_report })
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("texts, numbers and lists of them are JSON")
}

fn unix_millis() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
