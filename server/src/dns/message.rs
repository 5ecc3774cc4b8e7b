//! DNS messages as bytes: reading a query, writing its answer in place.
//!
//! Enters: bytes of a stranger. Leaves: a [`Query`] with what an answer must repeat, and with its [`Fault`] if it has
//! one; then the answer, which [`Reply`] appends to a buffer that may hold others. Refused (RFC 1035 §4, RFC 6891 §6.1,
//! RFC 9619): a question count other than one, but none with a COOKIE (RFC 7873 §5.4); compression in a question, which
//! has nothing to point back to; records in the answer section, or in the authority section of anything but IXFR (RFC
//! 1995 §3); a second OPT, one whose owner is no root, or one outside the additional section; options that overrun it;
//! bytes behind the last record.
//!
//! Other records of the additional section, TSIG among them, are stepped over and ignored.

use super::Transport;
use super::cookie::COOKIE;
use crate::zone::NAME_LIMIT;

/// RR types and query types (RFC 1035 §3.2, RFC 6895 §3.1).
pub(super) mod rr_type {
    pub(in crate::dns) const A: u16 = 1;
    pub(in crate::dns) const NS: u16 = 2;
    pub(in crate::dns) const SOA: u16 = 6;
    pub(in crate::dns) const HINFO: u16 = 13;
    pub(in crate::dns) const MX: u16 = 15;
    pub(in crate::dns) const TXT: u16 = 16;
    pub(in crate::dns) const AAAA: u16 = 28;
    pub(in crate::dns) const OPT: u16 = 41;
    pub(in crate::dns) const IXFR: u16 = 251;
    pub(in crate::dns) const AXFR: u16 = 252;
    pub(in crate::dns) const ANY: u16 = 255;
}

/// Bytes of a header (RFC 1035 §4.1.1).
pub(super) const HEADER: usize = 12;
/// The class of the Internet (RFC 1035 §3.2.4).
pub(super) const CLASS_IN: u16 = 1;
/// What a UDP answer may take without EDNS (RFC 1035 §4.2.1), and at least with it (RFC 6891 §6.2.5).
pub(super) const LEAST_PAYLOAD: u16 = 512;
/// What we offer and use at most over UDP: it passes unfragmented wherever IPv6 does.
pub(super) const OUR_PAYLOAD: u16 = 1232;

/// The most bytes that go out over UDP for each byte that came in, to whom has not proven the address (E08).
const AMPLIFICATION: usize = 4;
/// The least that headers of IP and UDP add to a datagram, bytes.
const DATAGRAM_HEADERS: usize = 28;

/// Where the question's name stands, as a compression pointer (RFC 1035 §4.1.4).
const QUESTION_POINTER: u16 = 0xC000 | HEADER as u16;
/// The option codes that are read or written (RFC 7873 §4, RFC 8914 §2).
const OPTION_COOKIE: u16 = 10;
const OPTION_EXTENDED_ERROR: u16 = 15;
/// Bytes of an OPT record without options, and of an extended error without text.
const OPT_LENGTH: usize = 11;
const EXTENDED_ERROR_LENGTH: usize = 6;
/// Bytes of a COOKIE option with a server cookie.
const COOKIE_LENGTH: usize = 4 + COOKIE;

/// What is wrong with a query.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fault {
    /// It breaks the grammar: FORMERR.
    Malformed,
    /// It is no standard query: NOTIMP.
    Opcode,
    /// It speaks another EDNS version than 0: BADVERS (RFC 6891 §6.1.3).
    Version,
}

/// The one question of a query.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question<'a> {
    /// Name, type and class as they came, to be repeated byte for byte.
    pub(super) bytes: &'a [u8],
    /// The name: whole labels, uncompressed, the root's zero last.
    pub(super) name: &'a [u8],
    pub(super) qtype: u16,
    pub(super) qclass: u16,
}

/// What the query's OPT record says.
#[derive(Clone, Copy, Debug)]
struct Edns<'a> {
    /// How many bytes of UDP the client takes, as it says.
    payload: u16,
    /// The DO bit, which an answer must repeat (RFC 3225 §3) even where nothing is signed.
    dnssec_ok: bool,
    /// The first COOKIE, of a length that cookies have.
    cookie: Option<&'a [u8]>,
}

/// A query, as far as an answer needs it.
#[derive(Debug)]
pub(super) struct Query<'a> {
    id: [u8; 2],
    opcode: u8,
    recursion_desired: bool,
    edns: Option<Edns<'a>>,
    /// Bytes of the message.
    length: usize,
    pub(super) question: Option<Question<'a>>,
    pub(super) fault: Option<Fault>,
}

impl<'a> Query<'a> {
    /// Reads a query; `None` for what must not be answered at all: a response, or less than a header.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let header: &[u8; HEADER] = bytes.first_chunk()?;
        if header[2] & 0x80 != 0 {
            return None;
        }
        let counts = [4, 6, 8, 10].map(|at| u16::from_be_bytes([header[at], header[at + 1]]));
        let mut query = Self {
            id: [header[0], header[1]],
            opcode: header[2] >> 3 & 0x0F,
            recursion_desired: header[2] & 1 != 0,
            edns: None,
            length: bytes.len(),
            question: None,
            fault: None,
        };
        let read = query.read_sections(Cursor { bytes, at: HEADER }, counts);
        if query.opcode == 0 {
            query.fault = read.err();
        } else {
            // The sections of other operations are other things, so nothing but EDNS is believed of them.
            query.fault = Some(Fault::Opcode);
            query.question = None;
        }
        Some(query)
    }

    fn read_sections(&mut self, mut cursor: Cursor<'a>, counts: [u16; 4]) -> Result<(), Fault> {
        let [questions, answers, authorities, additionals] = counts;
        for _ in 0..questions {
            let question = cursor.question().ok_or(Fault::Malformed)?;
            self.question = (questions == 1).then_some(question);
        }
        let mut version = 0;
        for at in 0..u32::from(answers) + u32::from(authorities) + u32::from(additionals) {
            let record = cursor.record().ok_or(Fault::Malformed)?;
            if record.rr_type != rr_type::OPT {
                continue;
            }
            let again = self.edns.is_some();
            let [_, its_version, flags, _] = record.ttl;
            let mut edns = Edns { payload: record.class, dnssec_ok: flags & 0x80 != 0, cookie: None };
            self.edns = Some(edns);
            if again || !record.at_root || at < u32::from(answers) + u32::from(authorities) {
                return Err(Fault::Malformed);
            }
            version = its_version;
            // What options look like in a version to come is not ours to judge.
            if version == 0 {
                edns.cookie = cookie_in(record.data)?;
                self.edns = Some(edns);
            }
        }
        if cursor.at != cursor.bytes.len() {
            return Err(Fault::Malformed);
        }
        if version > 0 {
            return Err(Fault::Version);
        }
        let transfer = self.question.is_some_and(|question| question.qtype == rr_type::IXFR);
        // RFC 7873 §5.4: whoever wants a cookie and nothing else asks no question.
        let asks = questions == 1 || (questions == 0 && self.cookie().is_some());
        if !asks || answers != 0 || (authorities != 0 && !transfer) {
            return Err(Fault::Malformed);
        }
        Ok(())
    }

    /// The COOKIE that came with it.
    pub(super) fn cookie(&self) -> Option<&'a [u8]> {
        self.edns?.cookie
    }

    /// How many bytes an answer may have. `proven` says that the client has the address that it came from: to others
    /// goes no more over UDP than a small multiple of what came, and what is larger waits for them on TCP.
    fn limit(&self, transport: Transport, proven: bool) -> usize {
        let payload = match (transport, self.edns) {
            (Transport::Tcp | Transport::Tls | Transport::Https, _) => return u16::MAX.into(),
            (Transport::Udp, None) => LEAST_PAYLOAD,
            (Transport::Udp, Some(edns)) => edns.payload.clamp(LEAST_PAYLOAD, OUR_PAYLOAD),
        };
        let amplified = AMPLIFICATION * (self.length + DATAGRAM_HEADERS) - DATAGRAM_HEADERS;
        usize::from(payload).min(if proven { usize::MAX } else { amplified })
    }
}

/// The first COOKIE among options (RFC 7873 §5.2: further ones are ignored). Options must fill their record exactly,
/// and that cookie must have a length that cookies have (§5.2.2).
fn cookie_in(data: &[u8]) -> Result<Option<&[u8]>, Fault> {
    let mut cursor = Cursor { bytes: data, at: 0 };
    let mut cookie = None;
    while cursor.at < data.len() {
        let code = cursor.u16().ok_or(Fault::Malformed)?;
        let length = cursor.u16().ok_or(Fault::Malformed)?;
        let value = cursor.take(usize::from(length)).ok_or(Fault::Malformed)?;
        if code == OPTION_COOKIE {
            cookie.get_or_insert(value);
        }
    }
    match cookie.map(<[u8]>::len) {
        None | Some(8 | 16..=40) => Ok(cookie),
        Some(_) => Err(Fault::Malformed),
    }
}

struct Record<'a> {
    at_root: bool,
    rr_type: u16,
    class: u16,
    ttl: [u8; 4],
    data: &'a [u8],
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let taken = self.bytes.get(self.at..)?.get(..length)?;
        self.at += length;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2).map(|taken| u16::from_be_bytes([taken[0], taken[1]]))
    }

    /// An uncompressed name of at most 255 bytes, root included.
    fn name(&mut self) -> Option<&'a [u8]> {
        let mut at = self.at;
        loop {
            match self.bytes.get(at)? {
                0 => break,
                // The upper two bits are a pointer's, or unassigned (RFC 6891 §5).
                length @ 1..=63 => at += 1 + usize::from(*length),
                _ => return None,
            }
        }
        let name = self.bytes.get(self.at..=at).filter(|name| name.len() <= NAME_LIMIT)?;
        self.at = at + 1;
        Some(name)
    }

    fn question(&mut self) -> Option<Question<'a>> {
        let start = self.at;
        let (name, qtype, qclass) = (self.name()?, self.u16()?, self.u16()?);
        Some(Question { bytes: &self.bytes[start..self.at], name, qtype, qclass })
    }

    /// Steps over an owner's name, which may end in a pointer; tells whether it is the root.
    fn owner(&mut self) -> Option<bool> {
        let start = self.at;
        loop {
            match self.take(1)? {
                [0] => return Some(self.at == start + 1),
                [length @ 1..=63] => self.take(usize::from(*length))?,
                [0xC0..=0xFF] => return self.take(1).map(|_| false),
                _ => return None,
            };
        }
    }

    fn record(&mut self) -> Option<Record<'a>> {
        let (at_root, rr_type, class) = (self.owner()?, self.u16()?, self.u16()?);
        let ttl = *self.take(4)?.first_chunk()?;
        let length = self.u16()?;
        let data = self.take(usize::from(length))?;
        Some(Record { at_root, rr_type, class, ttl, data })
    }
}

/// Response codes that we give (RFC 1035 §4.1.1, RFC 6891 §9).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Rcode {
    /// No error.
    NoError = 0,
    /// The query is malformed.
    FormErr = 1,
    /// We cannot answer with data that can be believed.
    ServFail = 2,
    /// Nothing exists at or below the name.
    NxDomain = 3,
    /// No such operation here.
    NotImp = 4,
    /// Not from us.
    Refused = 5,
    /// No such EDNS version here.
    BadVers = 16,
    /// Ask again with the cookie that comes with this (RFC 7873 §8).
    BadCookie = 23,
}

impl Rcode {
    /// Its mnemonic (IANA DNS RCODEs).
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoError => "NOERROR",
            Self::FormErr => "FORMERR",
            Self::ServFail => "SERVFAIL",
            Self::NxDomain => "NXDOMAIN",
            Self::NotImp => "NOTIMP",
            Self::Refused => "REFUSED",
            Self::BadVers => "BADVERS",
            Self::BadCookie => "BADCOOKIE",
        }
    }
}

/// Why an answer is an error, for people (RFC 8914 §4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ExtendedError {
    NotReady = 14,
    Prohibited = 18,
    NotAuthoritative = 20,
    InvalidData = 24,
}

/// Whose name a record has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Owner {
    /// The question's name.
    Question,
    /// The zone's apex, at this offset in the question's name.
    Apex(usize),
}

impl Owner {
    /// The owner's name as a pointer to where it stands in the question.
    pub(super) fn pointer(self) -> [u8; 2] {
        let offset = match self {
            Self::Question => 0,
            Self::Apex(offset) => offset as u16,
        };
        (QUESTION_POINTER + offset).to_be_bytes()
    }
}

/// The sections that answers have records in; their counts stand in the header in this order (RFC 1035 §4.1.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Section {
    Answer = 0,
    Authority = 1,
}

/// How an answer ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ending {
    pub(super) rcode: Rcode,
    pub(super) authoritative: bool,
    pub(super) error: Option<ExtendedError>,
    /// Whether it comes without its records, as one that does not fit.
    pub(super) cut: bool,
    /// Whether the client has shown that it has the address that it came from.
    pub(super) proven: bool,
}

/// An answer as it is written.
pub(super) struct Reply<'a> {
    out: &'a mut Vec<u8>,
    /// Where it begins in `out`.
    start: usize,
    /// Where its first record stands or will stand.
    records: usize,
    /// The records of each [`Section`].
    counts: [u16; 2],
}

impl<'a> Reply<'a> {
    /// Begins an answer at the end of `out`: header, and the question as it came.
    pub(super) fn begin(query: &Query<'_>, out: &'a mut Vec<u8>) -> Self {
        let question = query.question.map_or(&[][..], |question| question.bytes);
        let start = out.len();
        let [high, low] = query.id;
        let flags = 0x80 | query.opcode << 3 | u8::from(query.recursion_desired);
        out.extend_from_slice(&[high, low, flags, 0, 0, u8::from(query.question.is_some()), 0, 0, 0, 0, 0, 0]);
        out.extend_from_slice(question);
        Self { start, records: out.len(), counts: [0; 2], out }
    }

    /// Writes one record of class IN, whose data `write` appends.
    pub(super) fn record(
        &mut self,
        section: Section,
        owner: Owner,
        rr_type: u16,
        ttl: u32,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        let [owner_high, owner_low] = owner.pointer();
        let [type_high, type_low] = rr_type.to_be_bytes();
        let [t0, t1, t2, t3] = ttl.to_be_bytes();
        let class = CLASS_IN as u8;
        self.out.extend_from_slice(&[owner_high, owner_low, type_high, type_low, 0, class, t0, t1, t2, t3, 0, 0]);
        let data_at = self.out.len();
        write(self.out);
        let length = (self.out.len() - data_at) as u16;
        self.out[data_at - 2..data_at].copy_from_slice(&length.to_be_bytes());
        self.counts[section as usize] += 1;
    }

    /// Ends the answer: flags, counts, OPT if the query had one (RFC 6891 §6.1.1), with `cookie` if it had one of
    /// these (RFC 7873 §5.2), and its fit into the transport.
    ///
    /// What does not fit loses all of its records, with TC set (RFC 2181 §9). Tells whether it is truncated.
    pub(super) fn finish(
        self,
        query: &Query<'_>,
        transport: Transport,
        ending: Ending,
        cookie: Option<&[u8; COOKIE]>,
    ) -> bool {
        let Self { out, start, records, mut counts } = self;
        // An error comes without records, so there is always room for its reason (RFC 8914 §3) and a cookie: with the
        // longest question the answer has 316 bytes, and with any it has fewer than twice those of the query.
        let options = query.edns.map_or(0, |_| OPT_LENGTH + cookie.map_or(0, |_| COOKIE_LENGTH));
        let truncated = ending.cut || out.len() - start + options > query.limit(transport, ending.proven);
        if truncated {
            out.truncate(records);
            counts = [0; 2];
        }
        let header = &mut out[start..start + HEADER];
        header[2] |= u8::from(ending.authoritative) << 2 | u8::from(truncated) << 1;
        header[3] = ending.rcode as u8 & 0x0F;
        header[6..8].copy_from_slice(&counts[Section::Answer as usize].to_be_bytes());
        header[8..10].copy_from_slice(&counts[Section::Authority as usize].to_be_bytes());
        if let Some(edns) = query.edns {
            header[11] = 1;
            let length = ending.error.map_or(0, |_| EXTENDED_ERROR_LENGTH) + cookie.map_or(0, |_| COOKIE_LENGTH);
            let [high, low] = OUR_PAYLOAD.to_be_bytes();
            let (extended, flags) = (ending.rcode as u8 >> 4, u8::from(edns.dnssec_ok) << 7);
            out.extend_from_slice(&[0, 0, rr_type::OPT as u8, high, low, extended, 0, flags, 0, 0, length as u8]);
            if let Some(error) = ending.error {
                for field in [OPTION_EXTENDED_ERROR, 2, error as u16] {
                    out.extend_from_slice(&field.to_be_bytes());
                }
            }
            if let Some(cookie) = cookie {
                out.extend_from_slice(&[0, OPTION_COOKIE as u8, 0, COOKIE as u8]);
                out.extend_from_slice(cookie);
            }
        }
        truncated
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(bytes: &[u8]) -> Option<Fault> {
        Query::read(bytes).unwrap().fault
    }

    /// `bl.example A IN`, id 0x1234, RD.
    const PLAIN: &[u8] = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x02bl\x07example\x00\x00\x01\x00\x01";
    const OPT: &[u8] = b"\x00\x00\x29\x04\xD0\x00\x00\x00\x00\x00\x00";

    fn with_records(records: &[&[u8]], count_at: usize) -> Vec<u8> {
        let mut bytes = PLAIN.to_vec();
        bytes[count_at] = records.len() as u8;
        records.iter().for_each(|record| bytes.extend_from_slice(record));
        bytes
    }

    #[test]
    fn what_is_no_query_is_not_answered() {
        assert!(Query::read(&[]).is_none());
        assert!(Query::read(&PLAIN[..11]).is_none());
        let mut response = PLAIN.to_vec();
        response[2] |= 0x80;
        assert!(Query::read(&response).is_none());
    }

    #[test]
    fn the_grammar_is_held() {
        assert_eq!(fault(PLAIN), None);
        assert_eq!(fault(&with_records(&[OPT], 11)), None);
        for end in HEADER..PLAIN.len() {
            assert_eq!(fault(&PLAIN[..end]), Some(Fault::Malformed), "cut at {end}");
        }
        let trailing = [PLAIN, b"\x00"].concat();
        assert_eq!(fault(&trailing), Some(Fault::Malformed));
        let pointer = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x02bl\xC0\x0C\x00\x01\x00\x01";
        assert_eq!(fault(pointer), Some(Fault::Malformed));
        for count in [0, 2] {
            let mut bytes = PLAIN.to_vec();
            bytes[5] = count;
            bytes.extend_from_slice(&PLAIN[HEADER..]);
            bytes.truncate(HEADER + usize::from(count) * (PLAIN.len() - HEADER));
            assert_eq!(fault(&bytes), Some(Fault::Malformed), "{count} questions");
        }
        let long = [
            &PLAIN[..HEADER],
            &b"\x3Fxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx".repeat(4),
            b"\x00",
        ];
        assert_eq!(fault(&[&long.concat()[..], b"\x00\x01\x00\x01"].concat()), Some(Fault::Malformed));
        let a_record = b"\xC0\x0C\x00\x01\x00\x01\x00\x00\x00\x00\x00\x04\x7F\x00\x00\x02";
        assert_eq!(fault(&with_records(&[a_record], 7)), Some(Fault::Malformed), "an answer in a query");
        assert_eq!(fault(&with_records(&[a_record], 9)), Some(Fault::Malformed), "authority in a query");
        assert_eq!(fault(&with_records(&[a_record, OPT], 11)), None, "unknown additional records are ignored");
        let mut transfer = with_records(&[a_record], 9);
        transfer[PLAIN.len() - 3] = rr_type::IXFR as u8;
        assert_eq!(fault(&transfer), None, "RFC 1995 section 3: IXFR has a SOA in its authority section");
    }

    /// 6891-6.1.1: the OPT is one, at the root, in the additional section; 6891-6.1.3: its version is 0.
    #[test]
    fn opt_is_read_as_rfc_6891_says() {
        assert_eq!(fault(&with_records(&[OPT, OPT], 11)), Some(Fault::Malformed));
        assert_eq!(fault(&with_records(&[OPT], 7)), Some(Fault::Malformed));
        assert_eq!(fault(&with_records(&[OPT], 9)), Some(Fault::Malformed));
        let named = [b"\x01a", OPT].concat();
        assert_eq!(fault(&with_records(&[&named], 11)), Some(Fault::Malformed));
        let pointed = [b"\xC0\x0C", &OPT[1..]].concat();
        assert_eq!(fault(&with_records(&[&pointed], 11)), Some(Fault::Malformed));
        let version = b"\x00\x00\x29\x04\xD0\x00\x01\x00\x00\x00\x01\x00";
        assert_eq!(fault(&with_records(&[version], 11)), Some(Fault::Version), "options of version 1 are not judged");
        assert_eq!(fault(&with_records(&[version, OPT], 11)), Some(Fault::Malformed));
    }

    /// 7873-5.2.2: a COOKIE has 8 or 16 to 40 bytes; unknown options are ignored, overrunning ones are not.
    #[test]
    fn options_fill_their_record() {
        let with_option = |code: u8, length: u8, present: u8| {
            let mut record = OPT[..9].to_vec();
            record.extend_from_slice(&[0, 4 + present, 0, code, 0, length]);
            record.extend(std::iter::repeat_n(7, usize::from(present)));
            fault(&with_records(&[&record], 11))
        };
        for length in 0..=64 {
            let sound = length == 8 || (16..=40).contains(&length);
            assert_eq!(with_option(10, length, length), (!sound).then_some(Fault::Malformed), "COOKIE of {length}");
            assert_eq!(with_option(77, length, length), None);
        }
        assert_eq!(with_option(77, 9, 8), Some(Fault::Malformed));
        assert_eq!(with_option(77, 7, 8), Some(Fault::Malformed));
        let two = b"\x00\x0A\x00\x0812345678\x00\x0A\x00\x011";
        assert_eq!(cookie_in(two), Ok(Some(&b"12345678"[..])), "a second COOKIE is ignored");
    }
}
