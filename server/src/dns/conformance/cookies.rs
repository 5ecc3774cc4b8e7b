//! Cookies as clients and servers exchange them (RFC 7873 §5, RFC 9018).

use std::net::IpAddr;

use super::*;
use crate::dns::answer::{Asking, Rcode};
use crate::dns::message::OUR_PAYLOAD;

const THEIRS: &[u8; 8] = b"\x01\x02\x03\x04\x05\x06\x07\x08";

fn at(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// A query with a COOKIE, or with none.
fn asked(name: &str, cookie: Option<&[u8]>) -> Vec<u8> {
    let option = cookie.map(|cookie| [&[0, 10, 0, cookie.len() as u8][..], cookie].concat());
    with_opt(query(name, "A"), OUR_PAYLOAD, 0, 0, &option.unwrap_or_default())
}

/// Who asks of the sample zone, with which secrets, and when.
struct Asker {
    cookies: Cookies,
    address: IpAddr,
    transport: Transport,
    now: u64,
}

impl Asker {
    fn new() -> Self {
        let cookies = Cookies::new(vec![[7; 16]]).unwrap();
        Self { cookies, address: at("192.0.2.200"), transport: Transport::Udp, now: NOW }
    }

    fn client(&self) -> Client<'_> {
        Client { address: self.address, transport: self.transport, allowed: true, cookies: &self.cookies }
    }

    /// What became of it, the answer, and the COOKIE in it.
    fn ask(&self, query: &[u8]) -> (Answered, Message, Option<Vec<u8>>) {
        let mut out = Vec::new();
        let outcome = answer(query, &self.client(), &sample_zone(self.now), self.now, &mut out);
        let Outcome::Answer(answered) = outcome else { panic!("silence") };
        let message = Message::from_vec(&out).unwrap();
        let cookie = cookie_of(&message);
        (answered, message, cookie)
    }
}

fn cookie_of(message: &Message) -> Option<Vec<u8>> {
    match message.edns.as_ref()?.option(EdnsCode::Cookie)? {
        EdnsOption::Unknown(10, data) => Some(data.clone()),
        other => panic!("{other:?}"),
    }
}

/// 7873-5.2.1, 7873-5.2.3: without a cookie none comes back; with the client's half alone, the answer has both.
#[test]
fn a_client_that_knows_no_cookie_gets_one() {
    let asker = Asker::new();
    let (answered, message, cookie) = asker.ask(&asked(NOW_LISTED, None));
    assert!(cookie.is_none() && !answered.proven && message.answers.len() == 1);
    for name in [NOW_LISTED, "9.9.9.9.bl.example", "other.example", "bl.example"] {
        let (answered, _, cookie) = asker.ask(&asked(name, Some(THEIRS)));
        let cookie = cookie.unwrap();
        assert_eq!((&cookie[..8], cookie.len(), answered.proven), (&THEIRS[..], 24, false), "{name}");
    }
}

/// 7873-5.2.5: our cookie proves whoever brings it back, for an hour, with the same answer.
#[test]
fn a_returned_cookie_proves_the_client() {
    let mut asker = Asker::new();
    let (_, first, cookie) = asker.ask(&asked(NOW_LISTED, Some(THEIRS)));
    let cookie = cookie.unwrap();
    for later in [0, 1, 1800, 1801, 3600] {
        asker.now = NOW + later;
        let (answered, message, again) = asker.ask(&asked(NOW_LISTED, Some(&cookie)));
        assert!(answered.proven, "{later}");
        assert_eq!(message.answers, first.answers);
        assert_eq!(
            again.unwrap() == cookie,
            later <= 1800,
            "RFC 9018 section 4.3: renewed after half an hour: {later}"
        );
    }
}

/// 7873-5.2.4, 9018-4: a cookie that is stale, from ahead, of another client, of another secret, of another version or
/// length proves nothing; the query is answered all the same, with a new cookie.
#[test]
fn a_cookie_that_is_not_ours_is_answered_with_one_that_is() {
    let mut asker = Asker::new();
    let cookie = asker.ask(&asked(NOW_LISTED, Some(THEIRS))).2.unwrap();
    let check = |asker: &Asker, cookie: &[u8], what: &str| {
        let (answered, message, new) = asker.ask(&asked(NOW_LISTED, Some(cookie)));
        assert!(!answered.proven && message.answers.len() == 1, "{what}");
        let new = new.unwrap();
        assert_eq!(new[..8], cookie[..8], "{what}");
        assert!(asker.ask(&asked(NOW_LISTED, Some(&new))).0.proven, "{what}: the new one is good");
    };
    asker.now = NOW + 3601;
    check(&asker, &cookie, "stale");
    asker.now = NOW - 301;
    check(&asker, &cookie, "from ahead");
    asker.now = NOW;
    for address in ["192.0.2.201", "::ffff:192.0.2.200", "2001:db8::1"] {
        asker.address = at(address);
        check(&asker, &cookie, address);
    }
    asker.address = at("192.0.2.200");
    asker.cookies = Cookies::new(vec![[8; 16]]).unwrap();
    check(&asker, &cookie, "of another secret");
    asker.cookies = Cookies::new(vec![[7; 16]]).unwrap();
    let mut version = cookie.clone();
    version[8] = 2;
    check(&asker, &version, "of another version");
    for length in (16..24).chain(25..=40) {
        let other = [&cookie[..], &[0; 16]].concat();
        check(&asker, &other[..length], &format!("of {length} bytes"));
    }
    check(&asker, &[0; 24], "of zeros");
}

/// 7873-5.2.3: over a connection the answer is an ordinary one, cookie or not, good or bad; the connection proves.
#[test]
fn cookies_change_nothing_over_connections() {
    for transport in [Transport::Tcp, Transport::Tls, Transport::Https] {
        let asker = Asker { transport, ..Asker::new() };
        for cookie in [None, Some(&THEIRS[..]), Some(&[9; 24]), Some(&[9; 40])] {
            let (answered, message, back) = asker.ask(&asked(NOW_LISTED, cookie));
            assert_eq!((answered.kind, answered.proven, message.answers.len()), (Kind::Listed, true, 1));
            assert_eq!(back.is_some(), cookie.is_some());
        }
    }
}

/// 9018-5: the secret rolls in three stages over servers that share an address; at each, the cookies of all servers of
/// the stage and of the one before are good with all.
#[test]
fn rolled_secrets_lose_no_client() {
    let (old, new) = ([1; 16], [2; 16]);
    let stages = [vec![old], vec![old, new], vec![new, old], vec![new]];
    let asker = |secrets: &Vec<[u8; 16]>| Asker { cookies: Cookies::new(secrets.clone()).unwrap(), ..Asker::new() };
    for pair in stages[..3].windows(2) {
        for (maker, judge) in [(&pair[0], &pair[1]), (&pair[1], &pair[0])] {
            let cookie = asker(maker).ask(&asked(NOW_LISTED, Some(THEIRS))).2.unwrap();
            assert!(
                asker(judge).ask(&asked(NOW_LISTED, Some(&cookie))).0.proven || maker[0] == new && judge.len() == 1
            );
        }
    }
    // The last stage comes an hour after the third, so that of the old secret's cookies none is good any more.
    let cookie = asker(&stages[2]).ask(&asked(NOW_LISTED, Some(THEIRS))).2.unwrap();
    assert!(asker(&stages[3]).ask(&asked(NOW_LISTED, Some(&cookie))).0.proven);
}

/// 7873-5.4: a query without a question asks for a cookie; what is none of ours gets BADCOOKIE there. Without a COOKIE
/// it is no query (RFC 9619 section 4), nor with records.
#[test]
fn a_cookie_can_be_asked_for_alone() {
    let asker = Asker::new();
    let alone = |cookie: &[u8]| {
        let option = [&[0, 10, 0, cookie.len() as u8][..], cookie].concat();
        with_opt(b"\x12\x34\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00".to_vec(), 1232, 0, 0, &option)
    };
    let (answered, message, cookie) = asker.ask(&alone(THEIRS));
    assert_eq!((answered.kind, message.metadata.response_code), (Kind::Cookie, ResponseCode::NoError));
    assert!(!message.metadata.authoritative && message.queries.is_empty() && message.authorities.is_empty());
    let cookie = cookie.unwrap();
    let (answered, message, again) = asker.ask(&alone(&cookie));
    assert_eq!((answered.kind, answered.proven, again), (Kind::Cookie, true, Some(cookie.clone())));
    assert_eq!(message.metadata.response_code, ResponseCode::NoError);
    let stale = Asker { now: NOW + 4000, ..Asker::new() };
    let (answered, message, again) = stale.ask(&alone(&cookie));
    assert_eq!((answered.kind, message.metadata.response_code), (Kind::BadCookie, ResponseCode::BADCOOKIE));
    assert!(again.is_some_and(|again| again != cookie));
    assert_eq!(asker.ask(&alone(&[5; 9])).0.kind, Kind::Malformed);
    let without = with_opt(b"\x12\x34\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00".to_vec(), 1232, 0, 0, &[]);
    assert_eq!(asker.ask(&without).0.kind, Kind::Malformed);
    // Nor are several questions (RFC 9619 section 4), with a cookie or not.
    let mut two = asked(NOW_LISTED, Some(THEIRS));
    let question = two[12..query(NOW_LISTED, "A").len()].to_vec();
    two[5] = 2;
    two.splice(12..12, question);
    assert_eq!(asker.ask(&two).0.kind, Kind::Malformed);
}

/// Errors bring cookies as answers do, so that a client that is told of one is not asked for proof next.
#[test]
fn errors_bring_cookies() {
    let asker = Asker::new();
    let mut update = asked("bl.example", Some(THEIRS));
    update[2] = 5 << 3;
    let mut trailing = asked("bl.example", Some(THEIRS));
    trailing.push(0);
    let mut answer_in_query = asked("bl.example", Some(THEIRS));
    answer_in_query[7] = 1;
    answer_in_query[11] = 0;
    for (query, kind, cookie) in [
        (update, Kind::UnknownOpcode, true),
        (trailing, Kind::Malformed, true),
        (answer_in_query, Kind::Malformed, false),
    ] {
        let (answered, _, back) = asker.ask(&query);
        assert_eq!((answered.kind, back.is_some()), (kind, cookie));
    }
}

/// RRL, 7873-5.2.3: a request for proof is BADCOOKIE with a cookie for whom knows them, TC for the others; it holds no
/// record and is hardly longer than the query. What is no good query is told so: NOERROR to an UPDATE or a NOTIFY would
/// say that it was done.
#[test]
fn a_request_for_proof_tells_nothing_and_gains_nothing() {
    let asker = Asker::new();
    let proof = |query: &[u8]| {
        let mut out = vec![0xEE; 3];
        let asking = Asking::read(query, &sample_zone(NOW)).unwrap();
        asking.ask_for_proof(&asker.client(), NOW, &mut out);
        let answer = out.split_off(3);
        assert!(answer.len() <= query.len() + 16, "{} to {}", query.len(), answer.len());
        assert_eq!(&answer[..2], &query[..2]);
        let message = Message::from_vec(&answer).unwrap();
        assert!(message.answers.is_empty() && message.authorities.is_empty() && !message.metadata.authoritative);
        message
    };
    for (query, cut) in
        [(query(NOW_LISTED, "TXT"), true), (asked(NOW_LISTED, None), true), (asked(NOW_LISTED, Some(THEIRS)), false)]
    {
        let message = proof(&query);
        assert_eq!(message.metadata.truncation, cut);
        assert_eq!(u16::from(message.metadata.response_code), if cut { 0 } else { Rcode::BadCookie as u16 });
        assert_eq!(cookie_of(&message).is_some(), !cut);
        assert_eq!(message.queries.len(), 1);
        if let Some(cookie) = cookie_of(&message) {
            assert!(asker.ask(&asked(NOW_LISTED, Some(&cookie))).0.proven, "with it the next query is proven");
        }
    }
    for opcode in 1..16u8 {
        for cookie in [None, Some(&THEIRS[..])] {
            let mut query = asked("bl.example", cookie);
            query[2] = opcode << 3;
            let message = proof(&query);
            assert_eq!((message.metadata.response_code, message.metadata.truncation), (ResponseCode::NotImp, false));
        }
    }
    assert_eq!(proof(&query(NOW_LISTED, "A")[..20]).metadata.response_code, ResponseCode::FormErr);
    let version = with_opt(query(NOW_LISTED, "A"), 1232, 1, 0, &[]);
    assert_eq!(u16::from(proof(&version).metadata.response_code), 16);
    let response = b"\x12\x34\x81\x00\x00\x00\x00\x00\x00\x00\x00\x00";
    assert!(Asking::read(response, &sample_zone(NOW)).is_none(), "a response is not answered");
}
