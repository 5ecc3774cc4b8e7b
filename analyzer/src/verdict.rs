//! A sample judged: attributed, with its origin, nature and claims, or unattributed, with its reason; and the proof.
//!
//! Enters: a sample and a topology. Leaves: a [`Verdict`], which prints as JSON in the shape that `analyze --json` and
//! the HTTP intake promise. There is no error: bad mail is a verdict too.

use std::net::IpAddr;

use serde::Serialize;

use crate::claim::{self, Claim, Seen};
use crate::nature::{Cause as Reflection, Ground, Nature, Recognised, has_null_sender, recognise};
use crate::received::{Dialect, Hop, Reading, Source};
use crate::sample::{Field, Header, Sample, unfold};
use crate::topology::{Boundary, Topology};
use crate::trust::{PathLine, Reason, printable, walk};

/// A trusted line and how it was read, so that the verdict can be replayed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProofLine {
    /// The field as it stood, folds kept.
    pub bytes: Vec<u8>,
    /// How it was read.
    pub read: LineRead,
    /// Whether it stands in the abuse report that brought the message, and not in the message itself.
    pub of_report: bool,
}

/// How a trusted line was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LineRead {
    /// The dialect that the relay declares; none: no dialect was expected.
    pub declared: Option<Dialect>,
    /// The dialect that read it.
    pub dialect: Dialect,
    /// The rule of that dialect.
    pub rule: String,
    /// What it states.
    pub source: Source,
    /// The host that it says wrote it.
    pub by: String,
}

impl ProofLine {
    /// How the same bytes are read today by a relay with the same declaration; none if they prove nothing today.
    pub fn replay(&self) -> Option<LineRead> {
        let message = [self.bytes.as_slice(), b"\n\n"].concat();
        let header = Header::read(&message).ok()?;
        let [field] = header.fields.as_slice() else { return None };
        let mut hop = Hop::read(field);
        if let (true, Some(declared)) = (hop.is_crowded(), self.read.declared) {
            hop = Hop::read_in(field, &[declared]);
        }
        let sources = hop.sources(self.read.declared);
        let read = |reading: &Reading| LineRead {
            declared: self.read.declared,
            dialect: reading.dialect,
            rule: hop.rule(reading).to_owned(),
            source: reading.source,
            by: hop.by(reading).to_owned(),
        };
        let own: Vec<LineRead> = hop.own_readings(self.read.declared).map(read).collect();
        // An observed peer may have decided between several sources; then it is enough that the true one is among them.
        let decided = sources.as_slice() == [self.read.source] || sources.len() > 1;
        let same = own.iter().find(|read| **read == self.read).filter(|_| decided && !hop.is_crowded());
        same.or(own.first()).cloned()
    }
}

/// What the analyzer says of one sample.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verdict {
    /// The origin, or why there is none.
    pub origin: Result<IpAddr, Reason>,
    /// The trust path from the top.
    pub path: Vec<PathLine>,
    /// The name of the relay that is the boundary, when the lines show one.
    pub boundary: Option<String>,
    /// When the boundary says that it took the message, as Unix seconds.
    pub stamp: Option<i64>,
    /// What kind of message it is, why, and what came back with it.
    pub recognised: Recognised,
    /// Whether its envelope's sender is null.
    pub null_sender: bool,
    /// The lines below the boundary.
    pub claims: Vec<Claim>,
    /// The Received lines of the message that this one returns, from the top: claims too, whoever wrote them.
    pub returned_claims: Vec<Claim>,
    /// Whom the claims name, its own and the returned message's.
    pub framed: Vec<String>,
    /// The trusted lines, from the top.
    pub proof: Vec<ProofLine>,
    /// The line at which the walk ended without an origin, if a line did it.
    pub cause: Option<Cause>,
    /// Who handed the message in, where an abuse report brought it.
    pub reported_by: Option<ReportedBy>,
}

/// From whom our own relays took an abuse report (RFC 5965); it is never who is blamed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReportedBy {
    /// The report's own origin, or why there is none.
    pub origin: Result<IpAddr, Reason>,
    /// The report's own trust path, from the top.
    pub path: Vec<PathLine>,
}

/// The line that is why there is no origin.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cause {
    /// The Received line from the top, 1 first.
    pub line: usize,
    /// Its text, printable, on one line, cut to a few hundred characters.
    pub text: String,
}

/// How much of a line that caused a refusal is shown, in characters.
const CAUSE_SHOWN: usize = 400;

/// Judges a sample.
pub fn judge(sample: &Sample<'_>, topology: &Topology) -> Verdict {
    let Ok(header) = Header::read(sample.message) else { return Verdict::too_large() };
    let received: Vec<&Field<'_>> = header.all("Received").collect();
    let mut walk = walk(&received, header.end, topology, sample.observed_peer);
    if topology.boundary == Boundary::Channel && sample.message.trim_ascii().is_empty() {
        walk.origin = Err(Reason::NoMessage);
    }
    let boundary = walk.path.last().filter(|_| walk.origin.is_ok());
    let stamp = boundary.and_then(|line| claim::parse_date(&line.date));
    let recognised = recognise(sample.message, &header, sample.envelope);
    let (mut claims, mut returned_claims, mut framed) = (Vec::new(), Vec::new(), Vec::new());
    if let Ok(origin) = walk.origin {
        let seen = Seen { origin, rdns: boundary.and_then(|line| line.rdns.as_deref()), date: stamp };
        let trusted = if topology.boundary == Boundary::Channel { 0 } else { walk.path.len() };
        claims = claim::read_claims(&received[trusted..], trusted + 1, &seen, topology);
        returned_claims = read_returned(&recognised, &seen, topology);
        let both: Vec<Claim> = claims.iter().chain(&returned_claims).cloned().collect();
        framed = claim::framed(&both, &seen, topology);
    }
    let proof = walk
        .path
        .iter()
        .zip(&received)
        .map(|(line, field)| ProofLine {
            of_report: false,
            bytes: field.bytes.to_vec(),
            read: LineRead {
                declared: topology.relays[line.relay].dialect,
                dialect: line.dialect,
                rule: line.rule.to_owned(),
                source: line.source,
                by: line.by.clone(),
            },
        })
        .collect();
    let text = |line: usize| match walk.origin {
        // The block ends behind the last Received line, with what is no field.
        Err(Reason::MalformedHeader) => {
            let ending = header.body.split(|byte| *byte == b'\n').next().unwrap_or_default();
            format!("after it, no header field: {}", one_line(ending, CAUSE_SHOWN))
        }
        _ => one_line(received[line - 1].bytes, CAUSE_SHOWN),
    };
    let cause = walk.cause.map(|line| Cause { line, text: text(line) });
    Verdict {
        origin: walk.origin,
        boundary: boundary.map(|line| topology.relays[line.relay].name.clone()),
        stamp: stamp.map(|stamp| stamp.as_second()),
        null_sender: has_null_sender(&header, sample.envelope),
        recognised,
        claims,
        returned_claims,
        framed,
        proof,
        cause,
        reported_by: None,
        path: walk.path,
    }
}

/// The Received lines of a returned message: what the server that returned it says of how it came there, and below that
/// what the sender said. None of it is evidence (G3).
fn read_returned(recognised: &Recognised, seen: &Seen<'_>, topology: &Topology) -> Vec<Claim> {
    let Some(returned) = &recognised.returned else { return Vec::new() };
    let Ok(header) = Header::read(&returned.header) else { return Vec::new() };
    let received: Vec<&Field<'_>> = header.all("Received").take(RETURNED_LINES).collect();
    claim::read_claims(&received, 1, seen, topology)
}

/// How many Received lines of a returned message are read.
const RETURNED_LINES: usize = 30;

/// A verdict in the shape that `analyze --json` and the HTTP intake promise.
#[derive(Serialize, Debug)]
pub struct Report<'a> {
    verdict: &'static str,
    origin: Option<IpAddr>,
    reason: Option<&'static str>,
    boundary: Option<BoundaryReport<'a>>,
    path: Vec<PathReport<'a>>,
    nature: &'static str,
    /// Why it is held to be that; empty for direct mail.
    grounds: Vec<String>,
    bounce: Option<BounceReport>,
    /// What the server that reflected it should mend, as a word.
    reflected_by: Option<&'static str>,
    /// The Received lines of the message that came back with it.
    returned_claims: Vec<ClaimReport<'a>>,
    /// The line that is why there is no origin.
    cause: Option<CauseReport<'a>>,
    claims: Vec<ClaimReport<'a>>,
    framed: &'a [String],
    /// From whom the abuse report came that brought the message.
    reported_by: Option<ReporterReport<'a>>,
}

#[derive(Serialize, Debug)]
struct ReporterReport<'a> {
    origin: Option<IpAddr>,
    path: Vec<PathReport<'a>>,
}

#[derive(Serialize, Debug)]
struct BoundaryReport<'a> {
    line: usize,
    relay: &'a str,
    by: &'a str,
    dialect: &'static str,
}

#[derive(Serialize, Debug)]
struct BounceReport {
    standard: bool,
    reason: &'static str,
    returned: &'static str,
}

#[derive(Serialize, Debug)]
struct CauseReport<'a> {
    line: usize,
    text: &'a str,
}

#[derive(Serialize, Debug)]
struct PathReport<'a> {
    line: usize,
    by: &'a str,
    peer: Option<IpAddr>,
    handover: Option<&'static str>,
    helo: Option<&'a str>,
    rdns: Option<&'a str>,
    dialect: &'static str,
}

#[derive(Serialize, Debug)]
struct ClaimReport<'a> {
    line: usize,
    from: &'a [IpAddr],
    names: &'a [String],
    by: Option<&'a str>,
    findings: Vec<&'static str>,
}

impl Verdict {
    /// The verdict on a message past the limits of [`crate::sample`], of which no more is read.
    pub fn too_large() -> Self {
        Self::without_origin(Reason::TooLarge)
    }

    /// The verdict on what is not read any further.
    pub(crate) fn without_origin(reason: Reason) -> Self {
        Self {
            origin: Err(reason),
            path: Vec::new(),
            boundary: None,
            stamp: None,
            recognised: Recognised::direct(),
            null_sender: false,
            claims: Vec::new(),
            returned_claims: Vec::new(),
            framed: Vec::new(),
            proof: Vec::new(),
            cause: None,
            reported_by: None,
        }
    }

    /// What kind of message it is.
    pub fn nature(&self) -> Nature {
        self.recognised.nature
    }

    /// The verdict as it is printed.
    pub fn report(&self) -> Report<'_> {
        let boundary = self.boundary.as_deref().zip(self.path.last());
        Report {
            verdict: if self.origin.is_ok() { "attributed" } else { "unattributed" },
            origin: self.origin.ok(),
            reason: self.origin.err().map(Reason::name),
            boundary: boundary.map(|(relay, line)| BoundaryReport {
                line: line.line,
                relay,
                by: &line.by,
                dialect: line.dialect.name(),
            }),
            path: self.path.iter().map(path_report).collect(),
            nature: self.nature().name(),
            grounds: self.recognised.grounds.iter().map(|ground: &Ground| ground.sentence()).collect(),
            bounce: self.recognised.bounce.map(|bounce| BounceReport {
                standard: bounce.standard,
                reason: bounce.reason.name(),
                returned: bounce.returned.name(),
            }),
            reflected_by: self.recognised.cause.map(Reflection::name),
            returned_claims: self.returned_claims.iter().map(claim_report).collect(),
            cause: self.cause.as_ref().map(|cause| CauseReport { line: cause.line, text: &cause.text }),
            claims: self.claims.iter().map(claim_report).collect(),
            framed: &self.framed,
            reported_by: self.reported_by.as_ref().map(|reported| ReporterReport {
                origin: reported.origin.ok(),
                path: reported.path.iter().map(path_report).collect(),
            }),
        }
    }
}

/// A field as one printable line of at most `most` characters.
pub fn one_line(bytes: &[u8], most: usize) -> String {
    let spaced: Vec<u8> = unfold(bytes).iter().map(|byte| if *byte == b'\t' { b' ' } else { *byte }).collect();
    let text = printable(&spaced);
    let mut words = String::with_capacity(text.len().min(most));
    for word in text.split_whitespace() {
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(word);
        if words.chars().count() > most {
            return words.chars().take(most).chain(['…']).collect();
        }
    }
    words
}

fn path_report(line: &PathLine) -> PathReport<'_> {
    let (peer, handover) = match line.source {
        Source::Peer(peer) => (Some(peer), None),
        Source::Handover(step) => (None, Some(step.name())),
        Source::Continued | Source::Unstated => (None, None),
    };
    PathReport {
        line: line.line,
        by: &line.by,
        peer,
        handover,
        helo: line.helo.as_deref(),
        rdns: line.rdns.as_deref(),
        dialect: line.dialect.name(),
    }
}

fn claim_report(claim: &Claim) -> ClaimReport<'_> {
    ClaimReport {
        line: claim.line,
        from: &claim.from,
        names: &claim.names,
        by: claim.by.as_deref(),
        findings: claim.findings.iter().map(|finding| finding.name()).collect(),
    }
}
