//! A sample judged: attributed, with its origin, nature and claims, or unattributed, with its reason; and the proof.
//!
//! Enters: a sample and a topology. Leaves: a [`Verdict`], which prints as JSON in the shape that `analyze --json` and
//! the HTTP intake promise. There is no error: bad mail is a verdict too.

use std::net::IpAddr;

use serde::Serialize;

use crate::claim::{self, Claim, Seen};
use crate::nature::{self, Nature};
use crate::received::{Dialect, Source};
use crate::sample::{Field, Header, Sample};
use crate::topology::{Boundary, Topology};
use crate::trust::{PathLine, Reason, walk};

/// The bytes of a trusted line and the rule that read them, so that the verdict can be replayed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProofLine {
    /// The field as it stood, folds kept.
    pub bytes: Vec<u8>,
    /// The dialect that read it.
    pub dialect: Dialect,
    /// The rule of that dialect.
    pub rule: &'static str,
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
    /// What kind of message it is.
    pub nature: Nature,
    /// Whether its envelope's sender is null.
    pub null_sender: bool,
    /// The lines below the boundary.
    pub claims: Vec<Claim>,
    /// Whom the claims name.
    pub framed: Vec<String>,
    /// The trusted lines, from the top.
    pub proof: Vec<ProofLine>,
}

/// Judges a sample.
pub fn judge(sample: &Sample<'_>, topology: &Topology) -> Verdict {
    let Ok(header) = Header::read(sample.message) else {
        return Verdict {
            origin: Err(Reason::TooLarge),
            path: Vec::new(),
            boundary: None,
            stamp: None,
            nature: Nature::Direct,
            null_sender: false,
            claims: Vec::new(),
            framed: Vec::new(),
            proof: Vec::new(),
        };
    };
    let received: Vec<&Field<'_>> = header.all("Received").collect();
    let walk = walk(&received, header.end, topology, sample.observed_peer);
    let boundary = walk.path.last().filter(|_| walk.origin.is_ok());
    let stamp = boundary.and_then(|line| claim::parse_date(line.date.as_deref()?));
    let (claims, framed) = match walk.origin {
        Ok(origin) => {
            let seen = Seen { origin, rdns: boundary.and_then(|line| line.rdns.as_deref()), date: stamp };
            let trusted = if topology.boundary == Boundary::Channel { 0 } else { walk.path.len() };
            let claims = claim::read_claims(&received[trusted..], trusted + 1, &seen, topology);
            let framed = claim::framed(&claims, &seen, topology);
            (claims, framed)
        }
        Err(_) => (Vec::new(), Vec::new()),
    };
    let proof = walk
        .path
        .iter()
        .zip(&received)
        .map(|(line, field)| ProofLine { bytes: field.bytes.to_vec(), dialect: line.dialect, rule: line.rule })
        .collect();
    Verdict {
        origin: walk.origin,
        boundary: boundary.map(|line| topology.relays[line.relay].name.clone()),
        stamp: stamp.map(|stamp| stamp.as_second()),
        nature: nature::classify(&header, sample.envelope),
        null_sender: nature::has_null_sender(&header, sample.envelope),
        claims,
        framed,
        proof,
        path: walk.path,
    }
}

/// A verdict in the shape that `analyze --json` and the HTTP intake promise.
#[derive(Serialize, Debug)]
pub struct Report<'a> {
    verdict: &'static str,
    origin: Option<IpAddr>,
    reason: Option<&'static str>,
    boundary: Option<BoundaryReport<'a>>,
    path: Vec<PathReport<'a>>,
    nature: &'static str,
    /// What a bounce returns and why; not read yet.
    bounce: Option<()>,
    claims: Vec<ClaimReport<'a>>,
    framed: &'a [String],
}

#[derive(Serialize, Debug)]
struct BoundaryReport<'a> {
    line: usize,
    relay: &'a str,
    by: &'a str,
    dialect: &'static str,
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
            nature: self.nature.name(),
            bounce: None,
            claims: self.claims.iter().map(claim_report).collect(),
            framed: &self.framed,
        }
    }
}

fn path_report(line: &PathLine) -> PathReport<'_> {
    let (peer, handover) = match line.source {
        Source::Peer(peer) => (Some(peer), None),
        Source::Handover(step) => (None, Some(step.name())),
        Source::Unstated => (None, None),
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
