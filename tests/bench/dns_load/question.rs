//! Queries as bytes, and whether an answer says exactly what it must.

use std::net::{IpAddr, Ipv4Addr};

use super::addresses::Asked;

/// Room for the longest query: header, 32 nibbles and a zone, an OPT record with a full cookie.
pub(crate) const QUERY_LIMIT: usize = 256;
/// Bytes of a DNS header (RFC 1035 §4.1.1).
const HEADER: usize = 12;
/// Bytes of a client cookie (RFC 7873 §4).
const CLIENT_COOKIE: usize = 8;
/// The longest cookie: the client's eight bytes and 32 of the server (RFC 7873 §4).
const COOKIE_LIMIT: usize = 40;
const TYPE_A: u16 = 1;
const TYPE_TXT: u16 = 16;
const TYPE_OPT: u16 = 41;
const COOKIE: u16 = 10;

/// The record type that a query asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Record {
    A,
    Txt,
}

/// The cookie that a client sends: its own half, and the server's once it has told it.
#[derive(Clone, Debug)]
pub(crate) struct Cookie {
    bytes: [u8; COOKIE_LIMIT],
    length: usize,
}

impl Cookie {
    /// A client's cookie for a server that it does not know yet.
    pub(crate) fn of_client(bytes: [u8; CLIENT_COOKIE]) -> Self {
        let mut cookie = Self { bytes: [0; COOKIE_LIMIT], length: CLIENT_COOKIE };
        cookie.bytes[..CLIENT_COOKIE].copy_from_slice(&bytes);
        cookie
    }

    /// Whether the server has told its half.
    pub(crate) fn is_full(&self) -> bool {
        self.length > CLIENT_COOKIE
    }

    /// Takes the server's half out of an answer that repeats the client's.
    fn learn(&mut self, told: &[u8]) -> Result<(), String> {
        if told.len() <= CLIENT_COOKIE
            || told.len() > COOKIE_LIMIT
            || told[..CLIENT_COOKIE] != self.bytes[..CLIENT_COOKIE]
        {
            return Err("a cookie that does not repeat the client's (RFC 7873 \u{a7}5.2)".into());
        }
        self.bytes[..told.len()].copy_from_slice(told);
        self.length = told.len();
        Ok(())
    }
}

/// Writes queries for names below one zone.
pub(crate) struct Writer {
    zone: Vec<u8>,
    octets: Vec<Vec<u8>>,
}

impl Writer {
    /// For the zone `name`, as text without the final dot.
    pub(crate) fn new(name: &str) -> Self {
        let mut zone = Vec::new();
        for label in name.split('.') {
            zone.push(label.len() as u8);
            zone.extend_from_slice(label.as_bytes());
        }
        zone.push(0);
        let octets = (0..=255u8).map(|octet| {
            let text = octet.to_string();
            [&[text.len() as u8], text.as_bytes()].concat()
        });
        Self { zone, octets: octets.collect() }
    }

    /// Writes one query into `out` and tells its length and that of its header and question.
    pub(crate) fn write(
        &self,
        out: &mut [u8; QUERY_LIMIT],
        id: u16,
        address: IpAddr,
        record: Record,
        cookie: Option<&Cookie>,
    ) -> (usize, usize) {
        let mut end = 0;
        let mut put = |bytes: &[u8]| {
            out[end..end + bytes.len()].copy_from_slice(bytes);
            end += bytes.len();
            end
        };
        put(&id.to_be_bytes());
        put(&[0, 0, 0, 1, 0, 0, 0, 0, 0, u8::from(cookie.is_some())]);
        match address {
            IpAddr::V4(v4) => v4.octets().iter().rev().for_each(|octet| {
                put(&self.octets[usize::from(*octet)]);
            }),
            IpAddr::V6(v6) => v6.octets().iter().rev().for_each(|octet| {
                let digit = |nibble: u8| b"0123456789abcdef"[usize::from(nibble)];
                put(&[1, digit(octet & 15), 1, digit(octet >> 4)]);
            }),
        }
        put(&self.zone);
        let kind = if record == Record::A { TYPE_A } else { TYPE_TXT };
        let question = put(&[0, kind as u8, 0, 1]);
        if let Some(cookie) = cookie {
            // OPT: root, type, 1232 bytes (DNS flag day 2020), no flags; one option.
            put(&[0, 0, TYPE_OPT as u8, 0x04, 0xd0, 0, 0, 0, 0, 0, cookie.length as u8 + 4]);
            put(&[0, COOKIE as u8, 0, cookie.length as u8]);
            put(&cookie.bytes[..cookie.length]);
        }
        (end, question)
    }
}

/// What answers must say.
pub(crate) struct Expected {
    /// The A record of a listed address.
    pub(crate) code: Ipv4Addr,
    /// Whether anything but the id is looked at.
    pub(crate) checked: bool,
}

impl Expected {
    /// Says what is wrong with an answer to `question` (header and question as sent), whose id the caller has matched.
    pub(crate) fn check(
        &self,
        answer: &[u8],
        question: &[u8],
        (asked, record): (Asked, Record),
        cookie: Option<&mut Cookie>,
    ) -> Result<(), String> {
        if !self.checked {
            return Ok(());
        }
        let header = answer.get(..HEADER).ok_or("it is shorter than a header")?;
        let number = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
        if header[2] & 0x80 == 0 || header[2] & 0x02 != 0 {
            return Err("it is no answer, or truncated".into());
        }
        if answer.get(HEADER..question.len()) != Some(&question[HEADER..]) {
            return Err("it does not repeat the question".into());
        }
        let (rcode, count) = (header[3] & 15, number(6));
        let (wanted_rcode, wanted_count) = if asked.listed { (0, 1) } else { (3, 0) };
        if (rcode, count) != (wanted_rcode, wanted_count) {
            return Err(format!("RCODE {rcode} with {count} records instead of {wanted_rcode} with {wanted_count}"));
        }
        let mut at = question.len();
        if asked.listed {
            let (kind, data, end) = read_record(answer, at)?;
            match record {
                Record::A if kind == TYPE_A && data == self.code.octets() => {}
                Record::Txt if kind == TYPE_TXT && data.len() > 1 && usize::from(data[0]) < data.len() => {}
                _ => return Err(format!("a record of type {kind} with the data {data:?}")),
            }
            at = end;
        }
        if let Some(cookie) = cookie.filter(|cookie| !cookie.is_full()) {
            for _ in 0..number(8) + number(10) {
                let (kind, mut options, end) = read_record(answer, at)?;
                at = end;
                while let (TYPE_OPT, [high, low, long, length, rest @ ..]) = (kind, options) {
                    let length = usize::from(u16::from_be_bytes([*long, *length]));
                    let data = rest.get(..length).ok_or("an option longer than its record")?;
                    if u16::from_be_bytes([*high, *low]) == COOKIE {
                        cookie.learn(data)?;
                    }
                    options = &rest[length..];
                }
            }
        }
        Ok(())
    }
}

/// Reads the record at `at`: its type, its data and where it ends.
fn read_record(message: &[u8], mut at: usize) -> Result<(u16, &[u8], usize), String> {
    let short = || "it ends inside a record".to_owned();
    loop {
        match *message.get(at).ok_or_else(short)? {
            0 => break at += 1,
            length if length >= 0xc0 => break at += 2,
            length => at += 1 + usize::from(length),
        }
    }
    let fixed = message.get(at..at + 10).ok_or_else(short)?;
    let length = usize::from(u16::from_be_bytes([fixed[8], fixed[9]]));
    let data = message.get(at + 10..at + 10 + length).ok_or_else(short)?;
    Ok((u16::from_be_bytes([fixed[0], fixed[1]]), data, at + 10 + length))
}
