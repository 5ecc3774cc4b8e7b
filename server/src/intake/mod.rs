//! How samples come in: an acknowledged sample is a kept one (G9).
//!
//! Enters: a message with the feed and trap that it came by. Leaves: a fact in the ledger, durable before anybody is
//! told. Bad mail is no error here: it is judged and kept like any other.

pub mod files;
mod refusal;
mod seldom;
mod room;
mod quota;
mod share;
mod space;
pub mod http;
pub mod smtp;
pub mod milter;
pub mod maildir;
pub mod doors;

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use firsthand_analyzer::evidence::{Arrival, sample_id, unit_of};
use firsthand_analyzer::received::{Dialect, Handover, Source};
use firsthand_analyzer::report::Judged;
use firsthand_analyzer::sample::{Envelope, Sample};
use firsthand_analyzer::topology::Boundary;
use firsthand_analyzer::trust::Reason;
use firsthand_analyzer::verdict::{LineRead, ProofLine, Verdict};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::config::FeedKind;
use crate::declared::{Current, Declared, Feed, bare};
use crate::freshness::{self, Freshness};
use crate::ledger::{Fact, Ledger, LedgerError, Recorded};
use crate::metrics::Metrics;
pub use refusal::Refusal;
use room::{Reservation, Room};
pub use space::Space;

/// The most addresses and names of one sample that are kept as framed.
const FRAMED_LIMIT: usize = 50;

/// Messages shorter than this, in octets, are judged where they came in.
const JUDGED_AT_ONCE: usize = 32 << 10;

/// How long the ledger may take to make a sample durable.
const DURABLE_WITHIN: Duration = Duration::from_secs(30);

/// Judges samples and keeps them.
#[derive(Clone)]
pub struct Intake {
    declared: Arc<Current>,
    ledger: Ledger,
    metrics: Arc<Metrics>,
    quotas: Arc<quota::Quotas>,
    shares: Arc<share::Shares>,
    room: Arc<Room>,
    strangers_room: Arc<Room>,
    seldom: Arc<seldom::Seldom>,
    space: Arc<Space>,
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

/// A kept sample.
pub struct Taken {
    /// Its id in hexadecimal.
    pub sample: String,
    /// What it proves.
    pub verdict: Verdict,
    /// `counted`, or why it adds nothing.
    pub evidence: Cow<'static, str>,
    /// Whether it had been taken before.
    pub repeat: bool,
}

impl Intake {
    /// An intake for the declared feeds and traps.
    pub fn new(declared: Arc<Current>, ledger: Ledger, metrics: Arc<Metrics>) -> Self {
        let known = declared.load();
        let quotas = Arc::new(quota::Quotas::new(&known.feeds));
        let kept = ledger.noted(freshness::NAME).unwrap_or_else(|error| {
            tracing::warn!(%error, "it is not known when feeds were last heard; it is learnt anew");
            None
        });
        let freshness = Arc::new(Freshness::new(kept.as_deref(), &known.feeds, Instant::now()));
        metrics.show_feeds(Arc::clone(&freshness));
        let space = Arc::new(Space::new(ledger.folder(), known.free_space, Arc::clone(&metrics)));
        let room = Arc::new(Room::new(room::OF_FEEDS, metrics.intake_held.clone()));
        let strangers_room = Arc::new(Room::new(room::OF_STRANGERS, metrics.intake_held.clone()));
        let (shares, seldom) = (Arc::default(), Arc::default());
        Self { declared, ledger, metrics, quotas, shares, room, strangers_room, seldom, space, freshness }
    }

    /// How its feeds are heard.
    pub fn freshness(&self) -> Arc<Freshness> {
        Arc::clone(&self.freshness)
    }

    /// Makes ready for other feeds, before they are declared.
    pub fn heed(&self, feeds: &[Feed]) {
        self.quotas.heed(feeds);
        self.freshness.heed(feeds, Instant::now());
    }

    /// What is declared now.
    fn declared(&self) -> Arc<Declared> {
        self.declared.load()
    }

    /// The registry id under which a feed's mail for an address counts: the trap's, or that of the recipient who wanted it;
    /// none where there is no such trap.
    fn recipient(&self, declared: &Declared, feed: &Feed, address: &str) -> Option<String> {
        match feed.kind {
            FeedKind::Traps | FeedKind::Reports => declared.trap_for(feed, &self.ledger, address),
            FeedKind::Wanted => {
                let recipient = Some(bare(address)).filter(|recipient| recipient.contains('@'));
                recipient.map(|recipient| self.ledger.recipient_id(&recipient))
            }
        }
    }

    /// Lets a feed hand in one sample more, which is asked before its message is read.
    ///
    /// # Errors
    /// Why it may not now; that is counted.
    fn admit(&self, feed: &Feed) -> Result<(), Refusal> {
        let quota = || self.quotas.take(&feed.name, Instant::now()).map_err(Refusal::OverQuota);
        let admitted = self.counted(self.may_take(feed).and_then(|()| quota()));
        if let Err(refusal @ (Refusal::OverQuota(_) | Refusal::Paused)) = admitted
            && self.seldom.may_say(refusal.why(), &feed.name, Instant::now())
        {
            tracing::warn!(feed = feed.name, why = refusal.why(), "samples of a feed are put off");
        }
        admitted
    }

    /// The room on the ledger's disk, which somebody must watch.
    pub fn space(&self) -> &Arc<Space> {
        &self.space
    }

    /// Whether a feed's samples are taken at all now: a message that began before its feed was paused is none that came before.
    fn may_take(&self, feed: &Feed) -> Result<(), Refusal> {
        let declared = self.declared();
        let paused = |known: &Feed| known.name == feed.name && known.paused.is_some();
        if declared.feeds.iter().any(paused) {
            return Err(Refusal::Paused);
        }
        self.space.is_low().map_or(Ok(()), |_| Err(Refusal::DiskFull))
    }

    /// Begins a message of a sender, which takes room while it is held.
    fn begin(&self, sender: impl Into<String>) -> Reservation {
        self.room.begin(sender)
    }

    /// The same of a network of strangers.
    fn begin_of_strangers(&self, network: IpNet) -> Reservation {
        self.strangers_room.begin(network.to_string())
    }

    /// Counts what was refused.
    fn counted<T>(&self, result: Result<T, Refusal>) -> Result<T, Refusal> {
        result.inspect_err(|refusal| self.refused(refusal.why()))
    }

    /// Counts a sample that was refused, by the word for why.
    fn refused(&self, why: &str) {
        self.metrics.refused.with_label_values(&[why]).inc();
    }

    /// Judges a sample, keeps it, and returns when it is durable.
    ///
    /// # Errors
    /// When it could not be made durable; nothing was acknowledged then. It is logged and counted.
    pub async fn take(&self, feed: &Feed, submission: Submission<'_>) -> Result<Taken, Refusal> {
        self.durable(feed, self.judge_and_keep(feed, submission)).await
    }

    /// Keeps nothing, and returns when a sample would have been durable: where strangers must not learn which addresses are
    /// traps, a message for none waits for the disk, and fails with it, like one for one (ATTACKS C02).
    ///
    /// # Errors
    /// As [`Self::take`].
    async fn take_nothing(&self, feed: &Feed) -> Result<(), Refusal> {
        self.durable(feed, self.ledger.write_nothing(unix_millis())).await
    }

    async fn durable<T>(
        &self,
        feed: &Feed,
        keeping: impl Future<Output = Result<T, LedgerError>>,
    ) -> Result<T, Refusal> {
        self.counted(self.may_take(feed))?;
        let taken = match tokio::time::timeout(DURABLE_WITHIN, keeping).await {
            Ok(Ok(taken)) => return Ok(taken),
            // The ledger has told it, once for all samples of a transaction.
            Ok(Err(error)) if error.is_disk_full() => return self.counted(Err(Refusal::DiskFull)),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("the ledger did not keep it within {DURABLE_WITHIN:?}"),
        };
        tracing::error!(error = taken, feed = feed.name, "a sample was refused");
        self.counted(Err(Refusal::NotDurable))
    }

    /// Says, seldom, that samples come in vain: a feed whose channel sees the peer believes nothing else.
    fn tell_of_no_peer(&self, feed: &str) {
        if self.seldom.may_say("no-peer", feed, Instant::now()) {
            tracing::warn!(
                feed,
                "a sample came without the peer that its MTA saw, and proves nothing: the MTA must state it (Postfix: lmtp_send_xforward_command = yes, or smtp_send_xforward_command), or write boundary = \"headers\" in the feed"
            );
        }
    }

    async fn judge_and_keep(&self, feed: &Feed, submission: Submission<'_>) -> Result<Taken, LedgerError> {
        let arrived = unix_millis();
        let sample = Sample {
            message: submission.message,
            envelope: submission.envelope.as_ref(),
            observed_peer: submission.observed_peer,
        };
        // What a long message costs is bounded, but not by so little that other requests should wait for it; to make way for
        // them costs more than to judge a short one.
        let Judged { verdict, message } = match submission.message.len() {
            ..JUDGED_AT_ONCE => feed.judge(&sample),
            JUDGED_AT_ONCE.. => tokio::task::block_in_place(|| feed.judge(&sample)),
        };
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
        let repeat = matches!(recorded, Recorded::Known(_));
        if !repeat {
            self.freshness.hear(&feed.name, arrival.at, Instant::now());
        }
        let evidence = match recorded {
            Recorded::New => Cow::Borrowed(evidence),
            Recorded::Withdrawn => Cow::Borrowed("withdrawn"),
            Recorded::Known(kept) => Cow::Owned(kept),
        };
        match (repeat, verdict.origin) {
            (true, _) => self.metrics.repeats.inc(),
            (false, Ok(origin)) => {
                self.metrics.samples.with_label_values(&["attributed"]).inc();
                if kept {
                    self.metrics.origin_share.set(self.shares.count(origin.into(), arrival.at));
                }
            }
            (false, Err(reason)) => {
                self.metrics.samples.with_label_values(&[reason.name()]).inc();
                if reason == Reason::NoPeer && feed.topology.boundary == Boundary::Channel {
                    self.tell_of_no_peer(&feed.name);
                }
            }
        }
        let sample = id.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Taken { sample, verdict, evidence, repeat })
    }
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
