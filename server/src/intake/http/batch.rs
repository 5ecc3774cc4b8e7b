//! Many messages a request: JSON Lines or multipart, answered with a line each, in order.
//!
//! Each message is judged and kept as soon as it has arrived, [`UNDER_WAY`] at a time, so that one commit serves many. What
//! is held is the message that arrives, those under way and the answers, all of it within the feed's room; a message that
//! finds none waits for those before it. No answer is sent before all have come: then a line that says 202 is a durable
//! sample. Where a request is refused as a whole, what came before is kept and was not acknowledged; sent again, it is
//! known, and counts once.
//!
//! A line's verdict is [`brief`], so that the answers of a batch stay small; sent alone, a message has all of it.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use firsthand_analyzer::verdict::Verdict;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::entry::{Entry, Mistake, Read};
use super::lines::Lines;
use super::multipart::{Broken, Multipart};
use super::{Known, MAIL_FROM, OBSERVED_PEER, Refused, Said, address, address_header, count, media_type};
use crate::config::FeedKind;
use crate::declared::{Declared, Feed};
use crate::intake::{Intake, Refusal, Reservation, Submission, Taken};

/// The most messages of a request.
const MESSAGES_LIMIT: usize = 10_000;
/// The most messages that are judged and committed at a time.
const UNDER_WAY: usize = 64;
/// The room that an answer is given before its message is taken; no line is longer.
const ANSWER_LIMIT: usize = 4 << 10;
/// The longest verdict of a line, in bytes; of a longer one only what counts is told.
const VERDICT_LIMIT: usize = 2 << 10;
/// The most addresses and names of a sample that are told as framed.
const FRAMED_LIMIT: usize = 5;
/// What the answer is.
const JSON_LINES: &str = "application/jsonl";
/// What JSON Lines are called.
const JSON_LINES_NAMES: [&str; 3] = [JSON_LINES, "application/x-ndjson", "application/x-jsonlines"];

impl From<Broken> for Refused {
    fn from(broken: Broken) -> Self {
        Self::Malformed(broken.sentence().into())
    }
}

impl From<Mistake> for Refused {
    fn from(mistake: Mistake) -> Self {
        match mistake {
            Mistake::Malformed(why) => Self::Malformed(why.into()),
            Mistake::WrongType => Self::WrongType,
            Mistake::TooLarge => Self::TooLarge,
            Mistake::NoRoom => Self::Now(Refusal::NoRoom),
        }
    }
}

/// A body on its way in.
pub(super) enum Reader {
    Lines(Lines),
    Parts(Box<Multipart>),
}

impl Reader {
    /// That of a content type; none if it is no batch.
    pub(super) fn of(content_type: &str) -> Option<Self> {
        let named = media_type(content_type);
        if JSON_LINES_NAMES.iter().any(|known| named.eq_ignore_ascii_case(known)) {
            return Some(Self::Lines(Lines::default()));
        }
        Some(Self::Parts(Box::new(Multipart::of(content_type)?)))
    }

    fn read(&mut self, data: &mut &[u8]) -> Result<Option<Read>, Broken> {
        match self {
            Self::Lines(lines) => Ok(lines.read(data)),
            Self::Parts(parts) => parts.read(data),
        }
    }

    fn end(&mut self) -> Result<Option<Read>, Broken> {
        match self {
            Self::Lines(lines) => Ok(lines.end()),
            Self::Parts(parts) => parts.end().map(|()| None),
        }
    }

    fn held(&self) -> usize {
        match self {
            Self::Lines(lines) => lines.held(),
            Self::Parts(parts) => parts.held(),
        }
    }

    fn shed(&mut self) {
        match self {
            Self::Lines(lines) => lines.shed(),
            Self::Parts(parts) => parts.shed(),
        }
    }
}

/// An answer, or the message that it waits for; with the room of either.
enum Awaited {
    Answer(String, Reservation),
    Message(Value, JoinHandle<(String, Reservation)>),
}

/// What goes for the parts of a multipart body that do not say it themselves.
struct Fallback {
    address: Option<String>,
    observed_peer: Option<String>,
    mail_from: Option<String>,
}

/// A batch on its way.
pub(super) struct Batch<'i> {
    intake: &'i Intake,
    declared: Arc<Declared>,
    /// The feed's place in `declared`.
    feed: usize,
    request: Fallback,
    awaited: VecDeque<Awaited>,
    answers: Vec<u8>,
    /// How many messages have come.
    messages: usize,
    /// The room of the answers.
    answers_room: Reservation,
}

impl<'i> Batch<'i> {
    /// A batch of a feed that is among the `declared`.
    pub(super) fn new(intake: &'i Intake, declared: Arc<Declared>, feed: &Feed, headers: &HeaderMap) -> Self {
        let request = Fallback {
            address: address(headers, address_header(feed.kind)).map(Cow::into_owned),
            observed_peer: headers.get(OBSERVED_PEER).map(|peer| peer.to_str().unwrap_or_default().to_owned()),
            mail_from: address(headers, MAIL_FROM).map(Cow::into_owned),
        };
        let answers_room = intake.begin(&feed.name);
        let feed = declared.feeds.iter().position(|known| known.name == feed.name).unwrap_or_default();
        Self {
            intake,
            declared,
            feed,
            request,
            awaited: VecDeque::with_capacity(UNDER_WAY),
            answers: Vec::new(),
            messages: 0,
            answers_room,
        }
    }

    /// Takes all that comes, and answers it.
    ///
    /// # Errors
    /// When the request is refused as a whole.
    pub(super) async fn take(mut self, mut reader: Reader, mut body: Body) -> Result<Response, Refused> {
        let mut room = self.intake.begin(&self.feed().name);
        let in_parts = matches!(reader, Reader::Parts(_));
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Refused::TooLarge)?;
            let Some(mut data) = frame.data_ref().map(|data| &data[..]) else { continue };
            while let Some(read) = reader.read(&mut data)? {
                self.begin(read, in_parts).await?;
            }
            if self.make_room(&mut room, reader.held()).await.is_err() {
                reader.shed();
                self.make_room(&mut room, reader.held()).await.map_err(|full| self.full(full))?;
            }
        }
        if let Some(read) = reader.end()? {
            self.begin(read, in_parts).await?;
        }
        drop(room);
        while self.finish_oldest().await {}
        Ok(([(header::CONTENT_TYPE, JSON_LINES)], self.answers).into_response())
    }

    fn feed(&self) -> &Feed {
        &self.declared.feeds[self.feed]
    }

    /// Counts and gives the refusal of a request for which there is no room.
    fn full(&self, refusal: Refusal) -> Refused {
        self.intake.refused(refusal.why());
        Refused::Now(refusal)
    }

    /// Has a message judged and kept, or notes its refusal, behind those that came before.
    async fn begin(&mut self, Read { id, entry }: Read, in_parts: bool) -> Result<(), Refused> {
        self.messages += 1;
        if self.messages > MESSAGES_LIMIT {
            return Err(Refused::TooMany);
        }
        if self.awaited.len() >= UNDER_WAY {
            self.finish_oldest().await;
        }
        let mut room = self.intake.begin(&self.feed().name);
        self.make_room(&mut room, ANSWER_LIMIT).await.map_err(|full| self.full(full))?;
        let admitted = match entry {
            Ok(entry) => self.admit(entry, in_parts, &mut room).await,
            Err(Mistake::NoRoom) => Err(self.full(Refusal::NoRoom)),
            Err(mistake) => Err(mistake.into()),
        };
        let (known, message) = match admitted {
            Ok(admitted) => admitted,
            Err(refused) => {
                count(self.intake, &refused);
                self.awaited.push_back(Awaited::Answer(refusal(&id, &refused), room));
                return Ok(());
            }
        };
        let (intake, declared, feed) = (self.intake.clone(), Arc::clone(&self.declared), self.feed);
        let named = id.clone();
        // A task of its own, so that the judging of some and the commits of others go on while the next ones arrive.
        let taking = tokio::spawn(async move {
            let Known { trap, envelope, observed_peer } = known;
            let submission = Submission { trap: &trap, message: &message, envelope, observed_peer };
            let answer = match intake.take(&declared.feeds[feed], submission).await {
                Ok(taken) => acceptance(&named, &taken),
                Err(refused) => refusal(&named, &refused.into()),
            };
            // However slowly the next ones come, the message is held no longer.
            drop(message);
            let mut left = intake.begin(&declared.feeds[feed].name);
            room.leave_to(&mut left, answer.len() + 1);
            (answer, left)
        });
        self.awaited.push_back(Awaited::Message(id, taking));
        Ok(())
    }

    /// What a message needs to be taken: its trap, the feed's quota, room.
    async fn admit(
        &mut self,
        entry: Entry,
        in_parts: bool,
        room: &mut Reservation,
    ) -> Result<(Known, Vec<u8>), Refused> {
        let own = match self.feed().kind {
            FeedKind::Traps | FeedKind::Reports => &entry.trap,
            FeedKind::Wanted => &entry.recipient,
        };
        let (mut address, mut observed_peer, mut mail_from) =
            (own.as_deref(), entry.observed_peer.as_deref(), entry.mail_from.as_deref());
        if in_parts {
            address = address.or(self.request.address.as_deref());
            observed_peer = observed_peer.or(self.request.observed_peer.as_deref());
            mail_from = mail_from.or(self.request.mail_from.as_deref());
        }
        let said = Said { address, observed_peer, mail_from };
        let known = said.known(self.intake, &self.declared, self.feed())?;
        self.intake.admit(self.feed())?;
        if let Err(full) = self.make_room(room, ANSWER_LIMIT + entry.message.len()).await {
            return Err(self.full(full));
        }
        Ok((known, entry.message))
    }

    /// Makes a reservation one of so many bytes; while there is no room for it, those before it are waited for.
    async fn make_room(&mut self, room: &mut Reservation, bytes: usize) -> Result<(), Refusal> {
        loop {
            match room.resize(bytes) {
                Ok(()) => return Ok(()),
                Err(_) if self.finish_oldest().await => {}
                Err(full) => return Err(full.into()),
            }
        }
    }

    /// Waits for the oldest message under way, and writes its answer; whether there was one.
    async fn finish_oldest(&mut self) -> bool {
        let (answer, room) = match self.awaited.pop_front() {
            None => return false,
            Some(Awaited::Answer(answer, room)) => (answer, Some(room)),
            Some(Awaited::Message(id, taking)) => match taking.await {
                Ok((answer, room)) => (answer, Some(room)),
                // Nobody knows how far it came.
                Err(_) => (refusal(&id, &Refusal::NotDurable.into()), None),
            },
        };
        self.answers.extend_from_slice(answer.as_bytes());
        self.answers.push(b'\n');
        if let Some(room) = room {
            room.leave_to(&mut self.answers_room, answer.len() + 1);
        }
        true
    }
}

/// The line of a message that was taken.
fn acceptance(id: &Value, taken: &Taken) -> String {
    let (verdict, evidence) = (brief(&taken.verdict), &taken.evidence);
    json!({
        "id": id, "status": 202, "sample": taken.sample, "verdict": verdict, "evidence": evidence, "repeat": taken.repeat,
    })
    .to_string()
}

/// The line of a message that was not taken.
fn refusal(id: &Value, refused: &Refused) -> String {
    let status = refused.status().as_u16();
    let mut line = json!({ "id": id, "status": status, "error": refused.why(), "detail": refused.sentence() });
    if let Refused::Now(refusal) = refused {
        line["retry_after"] = refusal.retry_after().into();
    }
    line.to_string()
}

/// A verdict without the sender's words: of what he framed only the first few, no claims; and where the lines of the relays
/// are long, without these, too.
fn brief(verdict: &Verdict) -> Value {
    let mut report = serde_json::to_value(verdict.report()).expect("texts, numbers and lists of them are JSON");
    let Some(members) = report.as_object_mut() else { return report };
    members.remove("claims");
    members.remove("returned_claims");
    if let Some(framed) = members.get_mut("framed").and_then(Value::as_array_mut) {
        framed.truncate(FRAMED_LIMIT);
    }
    if report.to_string().len() > VERDICT_LIMIT
        && let Some(members) = report.as_object_mut()
    {
        for words in ["boundary", "path", "grounds", "cause", "framed", "reported_by"] {
            members.remove(words);
        }
    }
    report
}
