//! What is said to an MTA, in tables, and laws over whatever it may say.

use proptest::prelude::*;

use super::*;

/// All that version 6 offers.
const ALL: u32 = 0x1f_ffff;

fn packet(command: u8, data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len() + 1).unwrap().to_be_bytes();
    [&length[..], &[command], data].concat()
}

fn offer(version: u32, actions: u32, protocol: u32) -> Vec<u8> {
    packet(b'O', &[version, actions, protocol].map(u32::to_be_bytes).concat())
}

fn connect() -> Vec<u8> {
    packet(b'C', b"mail.sender.example\x004\0\x1926.1.2.3\0")
}

fn field(name: &str, value: &str) -> Vec<u8> {
    packet(b'L', format!("{name}\0{value}\0").as_bytes())
}

fn command(command: u8, address: &str) -> Vec<u8> {
    packet(command, format!("{address}\0SIZE=1\0").as_bytes())
}

/// Traps are at `trap.example`, and people at `people.example` want their mail; each is its own id.
fn recipient(address: &str) -> Option<Recipient> {
    let wanted = address.ends_with("@people.example");
    (wanted || address.ends_with("@trap.example")).then(|| Recipient { id: address.to_owned(), wanted })
}

/// A session with so much room, and whether what is to be kept is.
struct Talk {
    session: Session,
    room: usize,
    kept: bool,
    taken: Vec<(Vec<String>, Content)>,
    lost: Vec<Loss>,
    ended: bool,
}

impl Talk {
    fn new(action: MilterAction) -> Self {
        let session = Session::new(action);
        Self { session, room: usize::MAX, kept: true, taken: Vec::new(), lost: Vec::new(), ended: false }
    }

    /// After version 6 with all that there is was agreed on, and a client came.
    fn begun(action: MilterAction) -> Self {
        let mut talk = Self::new(action);
        assert_eq!(talk.say(&[offer(6, 0x1ff, ALL), connect()].concat()).unwrap(), ["O"]);
        talk
    }

    /// The letters of the replies, with their data where it is text.
    fn say(&mut self, said: &[u8]) -> Result<Vec<String>, Malformed> {
        let (taken, replies) = self.say_some(said)?;
        assert!(self.ended || taken == said.len());
        Ok(replies)
    }

    /// The same, where the last packet may not have arrived whole; how many bytes were taken.
    fn say_some(&mut self, said: &[u8]) -> Result<(usize, Vec<String>), Malformed> {
        let mut out = Vec::new();
        let mut at = 0;
        loop {
            let room = &mut self.room;
            let mut grow = |bytes: usize| {
                let left = room.checked_sub(bytes);
                *room = left.unwrap_or(*room);
                left.is_some()
            };
            let mut asked = Asked { recipient: &recipient, grow: &mut grow };
            let (length, step) = self.session.advance(&said[at..], &mut asked, &mut out)?;
            at += length;
            match step {
                Step::Next => break,
                Step::End => {
                    self.ended = true;
                    break;
                }
                Step::Lost(loss) => self.lost.push(loss),
                Step::Keep => {
                    let message = self.session.message().unwrap();
                    self.taken.push((message.ids(), message.take_content()));
                    self.session.conclude(self.kept, &mut out);
                }
            }
        }
        let mut replies = Vec::new();
        let mut rest = out.as_slice();
        while let Some(Whole { command, data, length }) = packet::first(rest).unwrap() {
            let text = if command == b'O' { "".into() } else { String::from_utf8_lossy(data) };
            replies.push(format!("{}{}", char::from(command), text.trim_end_matches('\0')));
            rest = &rest[length..];
        }
        Ok((at, replies))
    }
}

/// The envelope of a message for these recipients, up to DATA.
fn envelope(recipients: &[&str]) -> Vec<u8> {
    let recipients = recipients.iter().map(|recipient| command(b'R', recipient));
    let macros = || packet(b'D', b"Mi\0queue-id\0");
    let mail = [macros(), command(b'M', "<a@sender.example>"), macros()].concat();
    std::iter::once(mail).chain(recipients).chain([packet(b'T', b"")]).flatten().collect()
}

/// Its content.
fn content() -> Vec<u8> {
    let fields = [field("Subject", " a\n\tb"), field("X", ""), field("Y", "\tz")].concat();
    [fields, packet(b'N', b""), packet(b'B', b"one\r\n"), packet(b'E', b"two\r\n")].concat()
}

#[test]
fn only_what_is_offered_is_asked_for() {
    for (version, actions, protocol, action, agreed) in [
        (6, 0x1ff, ALL, MilterAction::Discard, (6, 8, WANTED)),
        (6, 0x1ff, ALL, MilterAction::Accept, (6, 0, WANTED)),
        (7, 0xfff, u32::MAX, MilterAction::Reject, (6, 8, WANTED)),
        (6, 0, 0, MilterAction::Reject, (6, 0, 0)),
        (4, 0x3f, 0x3ff, MilterAction::Reject, (4, 8, NO_HELO | NO_END_OF_HEADER | UNANSWERED_HEADER | NO_UNKNOWN)),
        (2, 0x3f, 0xff, MilterAction::Accept, (2, 0, NO_HELO | NO_END_OF_HEADER)),
    ] {
        let mut session = Session::new(action);
        let mut out = Vec::new();
        let mut asked = Asked { recipient: &recipient, grow: &mut |_| true };
        session.advance(&offer(version, actions, protocol), &mut asked, &mut out).unwrap();
        assert_eq!(out, offer(agreed.0, agreed.1, agreed.2), "{version} {actions:x} {protocol:x}");
    }
    // SMFIP_RCPT_REJ: of recipients that the MTA refuses nothing is to be known.
    assert_eq!(WANTED & 0x800, 0);
    assert_eq!(Talk::new(MilterAction::Accept).say(&offer(1, 0, 0)), Err(Malformed));
}

/// A message is what the MTA tells, byte by byte.
#[test]
fn the_message_is_put_together_as_it_is() {
    let mut talk = Talk::begun(MilterAction::Accept);
    let told = talk.say(&[envelope(&["<a@trap.example>"]), content()].concat()).unwrap();
    assert_eq!(told, ["c", "c", "a"]);
    let (ids, content) = &talk.taken[0];
    assert_eq!(ids, &["a@trap.example"]);
    assert_eq!((content.sender.as_str(), content.peer), ("a@sender.example", Some("26.1.2.3".parse().unwrap())));
    assert_eq!(content.text, b"Subject: a\r\n\tb\r\nX:\r\nY:\tz\r\n\r\none\r\ntwo\r\n");
    // Without SMFIP_HDR_LEADSPC one space is taken from the value.
    let mut talk = Talk::new(MilterAction::Accept);
    talk.say(&[offer(6, 0x1ff, 0), connect(), envelope(&["<a@trap.example>"])].concat()).unwrap();
    let told = talk.say(&[field("Subject", "a"), packet(b'N', b""), packet(b'E', b"")].concat()).unwrap();
    assert_eq!((told.join(""), talk.taken[0].1.text.as_slice()), ("cca".into(), b"Subject: a\r\n\r\n".as_slice()));
}

/// What is not for a trap is not read, in any version.
#[test]
fn other_peoples_mail_is_not_read() {
    let mut talk = Talk::begun(MilterAction::Discard);
    assert_eq!(talk.say(&envelope(&["<me@company.example>", "<you@company.example>"])).unwrap(), ["a"]);
    assert_eq!(talk.say(&packet(b'A', b"")).unwrap(), [""; 0]);
    // Without DATA it is said at the first field, and where it is sent all the same, whenever the MTA waits for a word.
    let mut talk = Talk::new(MilterAction::Discard);
    let begun =
        talk.say(&[offer(2, 0x3f, 0x7f), connect(), command(b'M', "<>"), command(b'R', "<x@y.example>")].concat());
    assert_eq!(begun.unwrap(), ["O", "c", "c", "c"]);
    assert_eq!(talk.say(&field("Subject", "a")).unwrap(), ["a"]);
    let mut talk = Talk::begun(MilterAction::Discard);
    assert_eq!(talk.say(&[envelope(&["<x@y.example>"]), content()].concat()).unwrap(), ["a", "a", "a"]);
    assert!(talk.taken.is_empty() && !talk.session.is_reading());
}

/// What becomes of a message, by who gets it.
#[test]
fn each_action() {
    use MilterAction::{Accept, Discard, Reject};
    let (traps, mixed) = (["<a@trap.example>", "<B@trap.example>"], ["<a@trap.example>", "<me@company.example>"]);
    let people = ["<me@people.example>", "<a@trap.example>"];
    let refused = "y550 5.7.1 Message refused";
    let removed = "-<a@trap.example>";
    for (action, recipients, kept, said) in [
        (Accept, traps, true, vec!["a"]),
        (Discard, traps, true, vec!["d"]),
        (Reject, traps, true, vec![refused]),
        (Accept, mixed, true, vec!["a"]),
        (Discard, mixed, true, vec![removed, "a"]),
        (Reject, mixed, true, vec![removed, "a"]),
        (Accept, traps, false, vec!["t"]),
        (Discard, traps, false, vec!["t"]),
        (Reject, traps, false, vec!["t"]),
        (Accept, mixed, false, vec!["a"]),
        (Discard, mixed, false, vec!["a"]),
        (Reject, mixed, false, vec!["a"]),
        // Mail that somebody wants is never withheld.
        (Discard, people, true, vec!["a"]),
        (Reject, people, true, vec!["a"]),
        (Discard, people, false, vec!["a"]),
    ] {
        let mut talk = Talk::begun(action);
        talk.kept = kept;
        assert_eq!(talk.say(&envelope(&recipients)).unwrap(), ["c"]);
        let told = talk.say(&content()).unwrap();
        assert_eq!(told[1..], said, "{action:?} {recipients:?} {kept}");
        assert_eq!(talk.taken.len(), 1);
    }
    // An MTA that lets nobody be removed delivers to the trap as well.
    let mut talk = Talk::new(Discard);
    talk.say(&[offer(6, 0, ALL), connect(), envelope(&mixed)].concat()).unwrap();
    assert_eq!(talk.say(&content()).unwrap(), ["c", "a"]);
}

/// A trap counts once, however it is written; all ways in which it was are removed.
#[test]
fn recipients_in_all_their_spellings() {
    let mut talk = Talk::begun(MilterAction::Discard);
    let spelled = ["<a@trap.example>", "<a@trap.example>", "a@trap.example", "<@x.example,@y.example:a@trap.example>"];
    talk.say(&envelope(&[&spelled[..], &["<b@x.example>", "<>", "<postmaster>"]].concat())).unwrap();
    let told = talk.say(&content()).unwrap();
    assert_eq!(talk.taken[0].0, ["a@trap.example"]);
    assert_eq!(told[1..], ["-<a@trap.example>", "-a@trap.example", "-<@x.example,@y.example:a@trap.example>", "a"]);
    // A path that is far too long is nobody's.
    let mut talk = Talk::begun(MilterAction::Discard);
    let long = format!("<{}@trap.example>", "x".repeat(PATH_LIMIT));
    assert_eq!(talk.say(&envelope(&[&long])).unwrap(), ["a"]);
    let many: Vec<String> = (0..=RECIPIENT_LIMIT).map(|number| format!("<{number}@trap.example>")).collect();
    let mut talk = Talk::begun(MilterAction::Reject);
    let all: Vec<&str> = many.iter().map(String::as_str).collect();
    talk.say(&[envelope(&all), content()].concat()).unwrap();
    assert_eq!(talk.taken[0].0.len(), RECIPIENT_LIMIT);
    let senders = [("<>", ""), ("<@x:a@b.example>", "a@b.example"), ("<\"a b\"@c.example>", "\"a b\"@c.example")];
    for (said, sender) in senders {
        let mut talk = Talk::begun(MilterAction::Accept);
        let begun = [command(b'M', said), command(b'R', "<a@trap.example>"), packet(b'T', b"")].concat();
        talk.say(&[begun, content()].concat()).unwrap();
        assert_eq!(talk.taken[0].1.sender, sender);
    }
    // What is no text is not the null sender, whose mail would be a bounce.
    let mut talk = Talk::begun(MilterAction::Accept);
    let mail = packet(b'M', b"<\xff>\0");
    talk.say(&[mail, command(b'R', "<a@trap.example>"), packet(b'T', b""), content()].concat()).unwrap();
    assert_eq!(talk.taken[0].1.sender, "\u{fffd}");
}

/// ABORT ends a message, a new client or message begins with nothing of the one before.
#[test]
fn nothing_is_left_of_what_was_before() {
    let mut talk = Talk::begun(MilterAction::Reject);
    talk.say(&envelope(&["<a@trap.example>"])).unwrap();
    talk.say(&[field("Subject", "old"), packet(b'A', b"")].concat()).unwrap();
    assert!(!talk.session.is_reading());
    talk.say(&envelope(&["<a@trap.example>"])).unwrap();
    // MAIL without ABORT before it, as after a message that was answered.
    talk.say(&[field("Subject", "older"), envelope(&["<b@trap.example>"]), content()].concat()).unwrap();
    assert_eq!(talk.taken[0].0, ["b@trap.example"]);
    assert!(!String::from_utf8_lossy(&talk.taken[0].1.text).contains("old"));
    // The next client is not the one before, and comes without negotiation.
    assert_eq!(talk.say(&packet(b'K', b"")).unwrap(), [""; 0]);
    assert_eq!(talk.say(&command(b'M', "<>")), Err(Malformed));
    let mut talk = Talk::begun(MilterAction::Accept);
    let other = packet(b'C', b"localhost\0U");
    talk.say(&[packet(b'K', b""), other, envelope(&["<a@trap.example>"]), content()].concat()).unwrap();
    assert_eq!(talk.taken[0].1.peer, None);
    talk.say(&packet(b'Q', b"")).unwrap();
    assert!(talk.ended);
}

/// What does not fit goes on, and only what is for traps alone comes again, where that may help.
#[test]
fn what_does_not_fit() {
    let piece = packet(b'B', &[b'x'; 60_000]);
    for (recipients, room, loss, said) in [
        (vec!["<a@trap.example>"], 100_000, Loss::NoRoom, "t"),
        (vec!["<a@trap.example>", "<b@c.example>"], 100_000, Loss::NoRoom, "a"),
        (vec!["<me@people.example>"], 100_000, Loss::NoRoom, "a"),
        (vec!["<a@trap.example>"], usize::MAX, Loss::TooLarge, "a"),
    ] {
        let mut talk = Talk::begun(MilterAction::Reject);
        talk.room = room;
        talk.say(&envelope(&recipients)).unwrap();
        let mut told = talk.say(&piece).unwrap();
        let mut pieces = 1;
        while told == ["c"] {
            assert!(pieces * 60_000 <= MESSAGE_LIMIT.min(room));
            told = talk.say(&piece).unwrap();
            pieces += 1;
        }
        assert_eq!((told.join(""), talk.lost.as_slice()), (said.into(), [loss].as_slice()));
        assert!(talk.session.message().unwrap().content.text.is_empty());
        talk.room = usize::MAX;
        assert_eq!(talk.say(&[packet(b'A', b""), envelope(&["<a@trap.example>"])].concat()).unwrap(), ["c"]);
        talk.say(&content()).unwrap();
        assert_eq!(talk.taken.len(), 1);
    }
    // Where it shows in fields, which are not answered, it is said with the next word.
    let mut talk = Talk::begun(MilterAction::Accept);
    talk.room = 10;
    talk.say(&envelope(&["<a@trap.example>"])).unwrap();
    assert_eq!(talk.say(&[field("Subject", " hello world"), packet(b'E', b"x")].concat()).unwrap(), ["t"]);
    assert_eq!((talk.lost.len(), talk.session.is_reading()), (1, false));
}

#[test]
fn what_is_out_of_turn_ends_the_connection() {
    for said in [
        connect(),
        packet(b'A', b""),
        [offer(6, 0, 0), offer(6, 0, 0)].concat(),
        [offer(6, 0, 0), connect(), connect()].concat(),
        [offer(6, 0, 0), command(b'M', "<>")].concat(),
        [offer(6, 0, 0), connect(), command(b'R', "<a@trap.example>")].concat(),
        [offer(6, 0, 0), connect(), packet(b'T', b"")].concat(),
        [offer(6, 0, 0), connect(), packet(b'E', b"")].concat(),
        b"EHLO x\r\n".to_vec(),
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
    ] {
        assert_eq!(Talk::new(MilterAction::Accept).say(&said), Err(Malformed), "{}", String::from_utf8_lossy(&said));
    }
}

fn said() -> impl Strategy<Value = Vec<u8>> {
    let recipients =
        prop::sample::select(vec!["<a@trap.example>", "<b@trap.example>", "<c@d.example>", "<e@people.example>"]);
    prop_oneof![
        3 => recipients.prop_map(|recipient| command(b'R', recipient)),
        2 => Just(command(b'M', "<a@b.example>")),
        1 => Just(connect()),
        2 => prop::sample::select(b"TNAKQDHU".to_vec()).prop_map(|letter| packet(letter, b"")),
        2 => ("[A-Za-z]{1,8}", "[ -~\n\t]{0,40}").prop_map(|(name, value)| field(&name, &value)),
        2 => (prop::sample::select(b"BE".to_vec()), prop::collection::vec(any::<u8>(), 0..40))
            .prop_map(|(letter, data)| packet(letter, &data)),
        1 => prop::collection::vec(any::<u8>(), 0..12),
    ]
}

proptest! {
    /// What arrives in pieces is what arrives at once: the same replies, and the same samples.
    #[test]
    fn pieces_do_not_matter(
        version in 1..8_u32,
        protocol in any::<u32>(),
        said in prop::collection::vec(said(), 0..30),
        cuts in prop::collection::vec(1..40_usize, 1..20),
    ) {
        let said = [offer(version, 0x1ff, protocol), connect(), said.concat()].concat();
        let run = |pieces: &mut dyn Iterator<Item = usize>| {
            let mut talk = Talk::new(MilterAction::Discard);
            let (mut told, mut arrived, mut at) = (Vec::new(), Vec::new(), 0);
            while at < said.len() && !talk.ended {
                let end = said.len().min(at + pieces.next().unwrap_or(said.len()));
                arrived.extend_from_slice(&said[at..end]);
                at = end;
                match talk.say_some(&arrived) {
                    Ok((taken, replies)) => {
                        arrived.drain(..taken);
                        told.extend(replies);
                    }
                    Err(_) => {
                        told.push("malformed".to_owned());
                        break;
                    }
                }
            }
            (told, talk.taken)
        };
        let (whole, cut) = (run(&mut std::iter::empty()), run(&mut cuts.iter().copied().cycle()));
        prop_assert_eq!(&cut.1, &whole.1);
        // Before what is malformed, all was answered where it came in pieces.
        if whole.0.last().is_some_and(|last| last == "malformed") {
            prop_assert!(cut.0.last() == whole.0.last());
        } else {
            prop_assert_eq!(&cut.0, &whole.0);
        }
        // Nobody's mail is kept but that of recipients who are known.
        prop_assert!(whole.1.iter().all(|(ids, _)| ids.iter().all(|id| recipient(id).is_some()) && !ids.is_empty()));
    }
}
