//! Which nature a message has, by its signs and parts, one rule after the other.
//!
//! Enters: what the header tells and what the parts hold. Leaves: the nature with its grounds. The first rule that holds
//! decides: reports by their parts; software by its own fields, authors and subjects; responders that name themselves;
//! bounces; automatic answers; what can be confirmed; and last what is left with a null sender.

use super::families::{Family, Strength, words_of};
use super::parts::Parts;
use super::signs::{Automatic, Mark, Precedence, Signs};
use super::{Ground, Nature};

/// The nature of a message with these signs and parts, and why.
pub(super) fn decide(signs: &Signs, parts: &Parts) -> (Nature, Vec<Ground>) {
    let evidence = Evidence { signs, parts };
    let mut grounds = Vec::new();
    let nature = evidence
        .by_report(&mut grounds)
        .or_else(|| evidence.by_software(&mut grounds))
        .or_else(|| evidence.by_responder(&mut grounds))
        .or_else(|| evidence.by_bounce(&mut grounds))
        .or_else(|| evidence.by_answer(&mut grounds))
        .or_else(|| evidence.by_token(&mut grounds))
        .or_else(|| evidence.by_null_sender(&mut grounds));
    (nature.unwrap_or(Nature::Direct), grounds)
}

/// All that a decision rests on.
struct Evidence<'a> {
    signs: &'a Signs,
    parts: &'a Parts,
}

impl Evidence<'_> {
    /// Reports by their parts (RFC 6522). What only calls itself a report is none.
    fn by_report(&self, grounds: &mut Vec<Ground>) -> Option<Nature> {
        let parts = self.parts;
        let (nature, part) = if parts.feedback {
            (Nature::AbuseReport, "message/feedback-report")
        } else if parts.disposition && (parts.status.is_empty() || !self.signs.claims_status_report) {
            (Nature::Receipt, "message/disposition-notification")
        } else if !parts.status.is_empty() {
            (Nature::Bounce, "message/delivery-status")
        } else {
            return None;
        };
        grounds.push(Ground::Part(part));
        grounds.extend(self.signs.null_sender.then_some(Ground::NullSender));
        Some(nature)
    }

    /// Software that follows no standard, but for bounces: its own header field; or its subject beside another sign of
    /// such software; or its author beside its words. Words alone decide nothing.
    fn by_software(&self, grounds: &mut Vec<Ground>) -> Option<Nature> {
        const ORDER: [Nature; 6] = [
            Nature::AbuseReport,
            Nature::Challenge,
            Nature::Confirmation,
            Nature::ListNotice,
            Nature::VirusNotice,
            Nature::Receipt,
        ];
        ORDER.into_iter().find(|nature| {
            let marks = self.marks(*nature);
            let beside = self.beside(*nature);
            if !marks.any() && (*nature != Nature::ListNotice || beside.len() < 2) {
                return false;
            }
            // What the mail system says of a message is a bounce, whatever else has such words.
            let bounces = of(&self.signs.subject.0, Nature::Bounce).is_some();
            if (*nature == Nature::ListNotice && self.signs.mail_system && !self.signs.is_list_author())
                || (*nature == Nature::Receipt && bounces)
            {
                return false;
            }
            let seconded = !beside.is_empty() || marks.field.is_some() || marks.author.is_some();
            let known = marks.field.is_some_and(|mark| mark.suffices)
                || marks.subject.is_some_and(|family| match family.strength {
                    Strength::Explicit => true,
                    Strength::Clear => seconded && !(*nature == Nature::Challenge && self.signs.is_list_author()),
                    Strength::Vague => false,
                })
                || (*nature == Nature::VirusNotice && marks.author.is_some() && self.is_notification())
                || (*nature == Nature::Confirmation && marks.field.is_some() && self.parts.token);
            let words = if known { None } else { self.words(*nature) };
            let shown = known || words.is_some_and(|words| self.words_second(*nature, &marks, words, seconded));
            if shown {
                grounds.extend(marks.grounds());
                grounds.extend(words.map(|family| Ground::Words(family.software)));
                grounds.extend(beside);
            }
            shown
        })
    }

    /// Whether the sender is null and nothing says that it is a bounce.
    fn is_notification(&self) -> bool {
        self.signs.null_sender && of(&self.signs.subject.0, Nature::Bounce).is_none()
    }

    /// Whether the words in the text second what the header shows.
    fn words_second(&self, nature: Nature, marks: &Marks, words: &Family, seconded: bool) -> bool {
        let clear = marks.subject.is_some_and(|family| family.strength == Strength::Clear);
        marks.author.is_some()
            || marks.field.is_some()
            || (marks.subject.is_some() && seconded)
            || match nature {
                Nature::Receipt | Nature::Confirmation => clear,
                // A list server's own words from its own address; and a rejected post keeps its own subject.
                Nature::ListNotice => words.strength == Strength::Clear && (clear || self.signs.is_list_author()),
                _ => false,
            }
    }

    /// What of this nature's families the header shows.
    fn marks(&self, nature: Nature) -> Marks {
        let signs = self.signs;
        Marks {
            field: signs.software.iter().filter(|mark| mark.nature == nature).max_by_key(|mark| mark.suffices).copied(),
            author: of(&signs.author.0, nature),
            subject: of(&signs.subject.0, nature),
        }
    }

    /// The family of this nature whose words the text holds.
    fn words(&self, nature: Nature) -> Option<&'static Family> {
        words_of(&self.parts.text, nature)
    }

    /// Signs that stand beside a family's words.
    fn beside(&self, nature: Nature) -> Vec<Ground> {
        let signs = self.signs;
        let mut beside = Vec::new();
        if nature == Nature::AbuseReport {
            beside.extend(self.parts.returned.is_some().then_some(Ground::Returned));
            return beside;
        }
        beside.extend(signs.null_sender.then_some(Ground::NullSender));
        if nature != Nature::Receipt && (nature == Nature::Confirmation || !signs.is_campaign()) {
            beside.extend(signs.automatic_ground());
        }
        match nature {
            Nature::Receipt => beside.extend(signs.answers.then_some(Ground::Answers)),
            Nature::Challenge => {
                beside.extend(signs.answers.then_some(Ground::Answers));
                beside.extend((signs.token || self.parts.token).then_some(Ground::Token));
            }
            Nature::Confirmation => {
                beside.extend((signs.token || self.parts.token).then_some(Ground::Token));
                beside.extend(signs.is_list_author().then_some(Ground::ListServer));
            }
            Nature::ListNotice => beside.extend(signs.is_list_author().then_some(Ground::ListServer)),
            Nature::VirusNotice => beside.extend(signs.mail_system.then_some(Ground::MailSystem)),
            Nature::Direct | Nature::Bounce | Nature::AutoReply | Nature::AbuseReport => {}
        }
        beside
    }

    /// Responders that name themselves in a field of their own; they may quote what they answer, as bounces do.
    fn by_responder(&self, grounds: &mut Vec<Ground>) -> Option<Nature> {
        let signs = self.signs;
        let marks = self.marks(Nature::AutoReply);
        let own = marks.field.is_some_and(|mark| mark.suffices);
        let bounce = signs.mail_system || signs.failed_recipients || of(&signs.subject.0, Nature::Bounce).is_some();
        (own && !bounce).then(|| {
            grounds.extend(marks.grounds());
            grounds.extend(signs.null_sender.then_some(Ground::NullSender));
            Nature::AutoReply
        })
    }

    /// Bounces without a readable status part: the mail system as author or a null sender, beside what bounces hold.
    fn by_bounce(&self, grounds: &mut Vec<Ground>) -> Option<Nature> {
        let signs = self.signs;
        let subject = of(&signs.subject.0, Nature::Bounce).map(|family| Ground::Subject(family.software));
        let report = signs.claims_status_report.then_some(Ground::Field("report-type=delivery-status"));
        let failed = signs.failed_recipients.then_some(Ground::Field("X-Failed-Recipients"));
        let possible =
            signs.null_sender || signs.mail_system || subject.is_some() || report.is_some() || failed.is_some();
        if !possible {
            return None;
        }
        let family = self.words(Nature::Bounce);
        let words = family.map(|family| Ground::Words(family.software));
        let own_words = family.is_some_and(|family| family.strength > Strength::Vague);
        let returned = self.parts.returned.is_some().then_some(Ground::Returned);
        let refusal = self.parts.refusal.then_some(Ground::Refusal);
        let content: Vec<Ground> = [subject, words, returned, refusal].into_iter().flatten().collect();
        // A postmaster is a person too, who answers people.
        let system = signs.mail_system && !(signs.answers && subject.is_none());
        let person = signs.is_answer_of_a_person();
        let listed = signs.is_list_post();
        // What tells of one particular message: it came back, or its recipient or his server's refusal is named.
        let particular = returned.is_some() || refusal.is_some() || self.parts.names_recipient;
        let named = subject.is_some() || report.is_some();
        let by_null_sender = signs.mail_system || named || words.is_some() && (particular || !signs.answers);
        let said = subject.is_some() && words.is_some();
        let by_system = said || own_words || report.is_some() || particular && !content.is_empty();
        let by_content =
            subject.is_some() && particular && (words.is_some() || refusal.is_some()) && !person && !listed;
        let is_bounce = (failed.is_some() && !content.is_empty())
            || (report.is_some() && words.is_some())
            || (signs.null_sender && by_null_sender)
            || (system && by_system)
            || (signs.mailer_daemon && subject.is_some())
            || by_content;
        is_bounce.then(|| {
            grounds.extend(signs.null_sender.then_some(Ground::NullSender));
            grounds.extend(signs.mail_system.then_some(Ground::MailSystem));
            grounds.extend([failed, report].into_iter().flatten());
            grounds.extend(content);
            Nature::Bounce
        })
    }

    /// Automatic answers (RFC 3834 §5), and what answered so before there was a standard.
    fn by_answer(&self, grounds: &mut Vec<Ground>) -> Option<Nature> {
        let signs = self.signs;
        let marks = self.marks(Nature::AutoReply);
        let null = signs.null_sender.then_some(Ground::NullSender);
        let answers = signs.answers.then_some(Ground::Answers);
        let automatic = signs.automatic_ground();
        let suppresses = signs.suppresses_answers.then_some(Ground::Automatic("X-Auto-Response-Suppress"));
        let beside: Vec<Ground> = [null, answers, automatic, suppresses].into_iter().flatten().collect();
        // Bulk mail that answers nobody is somebody's bulk mail, and so is what can be unsubscribed from.
        let responder = answers.is_some() && beside.len() > 1 && !signs.is_campaign() && !signs.is_list_post();
        let strong = null.is_some() || responder;
        // A person's `Re: Automatic reply: …` answers one.
        let answered = answers.is_some() && !signs.is_reply_by_subject();
        let alone = automatic.is_some() && !signs.is_campaign();
        // Software that says in each of these ways that it answers by itself needs no words.
        let thorough = responder && signs.automatic.is_some() && (suppresses.is_some() || signs.precedence.is_some());
        let known = thorough
            || signs.automatic == Some(Automatic::Replied)
            || signs.precedence == Some(Precedence::AutoReply)
            || marks.field.is_some_and(|mark| mark.suffices)
            || marks.subject.is_some_and(|family| match family.strength {
                Strength::Explicit => true,
                Strength::Clear => null.is_some() || answered || alone || marks.field.is_some(),
                Strength::Vague => strong,
            })
            || (null.is_some() && !signs.mail_system && beside.len() > 1);
        let words = if known || !(strong || marks.any()) { None } else { self.words(Nature::AutoReply) };
        let clear = marks.subject.is_some_and(|family| family.strength == Strength::Clear);
        let seconded = strong || clear || marks.author.is_some() || marks.field.is_some();
        (known || words.is_some() && seconded).then(|| {
            grounds.extend(marks.grounds());
            grounds.extend(words.map(|family| Ground::Words(family.software)));
            grounds.extend(beside);
            Nature::AutoReply
        })
    }

    /// Automatic mail with a link to confirm by is a request to confirm, in whatever language it is written (B03).
    fn by_token(&self, grounds: &mut Vec<Ground>) -> Option<Nature> {
        let signs = self.signs;
        let automatic = signs.automatic_ground().filter(|_| signs.automatic.is_some());
        (self.parts.token && automatic.is_some() && !signs.is_list_post()).then(|| {
            grounds.extend(automatic);
            grounds.push(Ground::Token);
            Nature::Confirmation
        })
    }

    /// What is left with a null sender is a notification that we do not know: only these may have it.
    fn by_null_sender(&self, grounds: &mut Vec<Ground>) -> Option<Nature> {
        self.signs.null_sender.then(|| {
            grounds.push(Ground::NullSender);
            Nature::Bounce
        })
    }
}

/// The family of a nature among those found; of several, the strongest.
fn of(found: &[&'static Family], nature: Nature) -> Option<&'static Family> {
    found.iter().filter(|family| family.nature == nature).max_by_key(|family| family.strength).copied()
}

/// What a header shows of the families of one nature.
struct Marks {
    field: Option<Mark>,
    author: Option<&'static Family>,
    subject: Option<&'static Family>,
}

impl Marks {
    fn any(&self) -> bool {
        self.field.is_some() || self.author.is_some() || self.subject.is_some()
    }

    fn grounds(&self) -> impl Iterator<Item = Ground> {
        let field = self.field.map(|mark| Ground::Field(mark.field));
        let author = self.author.map(|family| Ground::Author(family.software));
        let subject = self.subject.map(|family| Ground::Subject(family.software));
        [field, author, subject].into_iter().flatten()
    }
}
