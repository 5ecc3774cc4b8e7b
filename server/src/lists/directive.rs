//! The special entries, which begin with a dollar sign: `$TTL`, `$TIMESTAMP` and the others.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

use super::mistake::{Flaw, quoted};
use super::template::trimmed;

/// A special entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Directive<'l> {
    /// `$TTL`: how long answers may be cached, in seconds; none for the default.
    Ttl(Option<u32>),
    /// `$SOA`, which the zone's settings give.
    Soa,
    /// `$NS`, which the zone's settings give.
    Ns,
    /// `$TIMESTAMP`: when the data was made and after which second it must not be believed, where either is said.
    Timestamp { made: Option<u64>, expires: Option<u64> },
    /// `$MAXRANGE4`: the most addresses that an entry may have. A /0, which rbldnsd does not know, is all of them.
    MaxRange(u64),
    /// `$0` to `$9` and `$=`: a variable's name and text.
    Variable(u8, &'l [u8]),
}

/// What stands behind the mark of a special entry, if a line is one: `$`, also behind `#`, `;` or `:`.
pub(super) fn special(line: &[u8]) -> Option<&[u8]> {
    match line {
        [b'$', rest @ ..] | [b'#' | b';' | b':', b'$', rest @ ..] => Some(rest),
        _ => None,
    }
}

fn blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Reads what [`special`] found. `soa` and `ns` say whether one was read before: then it is not read again.
pub(super) fn directive(rest: &[u8], soa: bool, ns: bool) -> Result<Directive<'_>, Flaw> {
    let end = rest.iter().position(|byte| blank(*byte)).unwrap_or(rest.len());
    let (keyword, text) = (&rest[..end], trimmed(&rest[end..]));
    let words: Vec<&[u8]> = text.split(|byte| blank(*byte)).filter(|word| !word.is_empty()).collect();
    let flaw = |mend| Flaw::new(format!("{} is no special entry", quoted(&[b"$", rest].concat())), mend);
    match (keyword.to_ascii_uppercase().as_slice(), words.as_slice()) {
        (b"TTL", [ttl]) => {
            let ttl = seconds(ttl).ok_or_else(|| flaw("write $TTL 300, or $TTL 5m"))?;
            Ok(Directive::Ttl(Some(ttl).filter(|ttl| *ttl > 0)))
        }
        (b"TTL", _) => Err(flaw("write $TTL 300, or $TTL 5m, and nothing behind it")),
        (b"SOA", _) if soa => Ok(Directive::Soa),
        (b"SOA", [ttl, origin, person, serial, refresh, retry, expire, minimum]) => {
            let times = [ttl, refresh, retry, expire, minimum].into_iter().all(|time| seconds(time).is_some());
            let serial = std::str::from_utf8(serial).is_ok_and(|serial| serial.parse::<u32>().is_ok());
            let good = times && serial && is_name(origin) && is_name(person);
            if good { Ok(Directive::Soa) } else { Err(flaw(SOA)) }
        }
        (b"SOA", _) => Err(flaw(SOA)),
        (b"NS", _) if ns => Ok(Directive::Ns),
        (b"NS", [ttl, servers @ ..]) if !servers.is_empty() => {
            let named = |server: &&[u8]| is_name(server.strip_prefix(b"-").unwrap_or(server));
            let good = seconds(ttl).is_some() && servers.iter().all(named);
            if good { Ok(Directive::Ns) } else { Err(flaw(NS)) }
        }
        (b"NS", _) => Err(flaw(NS)),
        (b"TIMESTAMP", [made]) => timestamp(made, b"-").ok_or_else(|| flaw(TIMESTAMP)),
        (b"TIMESTAMP", [made, expires]) => timestamp(made, expires).ok_or_else(|| flaw(TIMESTAMP)),
        (b"TIMESTAMP", _) => Err(flaw(TIMESTAMP)),
        (b"MAXRANGE4", [size]) => max_range(size).map(Directive::MaxRange).ok_or_else(|| flaw(MAX_RANGE)),
        (b"MAXRANGE4", _) => Err(flaw(MAX_RANGE)),
        ([name @ (b'0'..=b'9' | b'=')], [_, ..]) => Ok(Directive::Variable(*name, text)),
        ([b'0'..=b'9' | b'=', ..], _) => {
            Err(flaw("write a space and a text behind the variable, for example $1 See https://bl.example/"))
        }
        (b"DATASET", _) => Err(flaw("write each data set into a file and a [[list]] of its own")),
        _ => Err(flaw("the special entries are $TTL, $SOA, $NS, $TIMESTAMP, $MAXRANGE4, $0 to $9 and $=")),
    }
}

const SOA: &str = "write $SOA ttl origin person serial refresh retry expire minttl, or take it out: it is not used";
const NS: &str = "write $NS ttl and the names of servers, or take it out: it is not used";
const TIMESTAMP: &str = "write $TIMESTAMP 2026:01:31:12:00:00, and behind it when the data expires or +2d, for example";
const MAX_RANGE: &str = "write $MAXRANGE4 256, or $MAXRANGE4 /24";

/// A length of time: a number, with s, m, h, d or w behind it for other units than seconds.
fn seconds(text: &[u8]) -> Option<u32> {
    let (unit, digits) = match text.split_last()? {
        (b's' | b'S', digits) => (1, digits),
        (b'm' | b'M', digits) => (60, digits),
        (b'h' | b'H', digits) => (3600, digits),
        (b'd' | b'D', digits) => (86_400, digits),
        (b'w' | b'W', digits) => (604_800, digits),
        _ => (1, text),
    };
    decimal(digits)?.checked_mul(unit)
}

fn decimal(digits: &[u8]) -> Option<u32> {
    let all = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    all.then(|| std::str::from_utf8(digits).ok()?.parse().ok()).flatten()
}

/// Whether a name could stand in DNS; dots are read as rbldnsd reads them, which forgives too many.
fn is_name(name: &[u8]) -> bool {
    let labels = || name.split(|byte| *byte == b'.').filter(|label| !label.is_empty());
    labels().all(|label| label.len() < 64) && labels().map(|label| label.len() + 1).sum::<usize>() < 255
}

fn max_range(text: &[u8]) -> Option<u64> {
    match text {
        [b'/', bits @ ..] => decimal(bits).filter(|bits| *bits <= 32).map(|bits| 1 << (32 - bits)),
        number => decimal(number).filter(|size| *size > 0).map(u64::from),
    }
}

fn timestamp(made: &[u8], expires: &[u8]) -> Option<Directive<'static>> {
    let made = instant(made)?;
    let expires = match expires {
        [b'+', length @ ..] => {
            let length = seconds(length).filter(|length| *length > 0)?;
            Some(made? + u64::from(length))
        }
        expires => instant(expires)?,
    };
    Some(Directive::Timestamp { made, expires })
}

/// An instant, UTC: `yyyy:mm:dd[:hh[:mi[:ss]]]`, with `-` for `:` or nothing between; none for `0` and `-`.
fn instant(text: &[u8]) -> Option<Option<u64>> {
    if matches!(text, b"0" | b"-") {
        return Some(None);
    }
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count().min(4);
    if digits < 4 {
        return None;
    }
    let (year, mut rest) = text.split_at(4);
    let mut parts = [0i8; 5];
    for (at, part) in parts.iter_mut().enumerate() {
        if let [b':' | b'-', more @ ..] = rest {
            rest = more;
        }
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count().min(2);
        if digits == 0 {
            // The time of the day may be left out, from any part on.
            if at < 2 || !rest.is_empty() {
                return None;
            }
            break;
        }
        *part = decimal(&rest[..digits])?.try_into().ok()?;
        rest = &rest[digits..];
    }
    if !rest.is_empty() {
        return None;
    }
    let [month, day, hour, minute, second] = parts;
    let date = Date::new(decimal(year)?.try_into().ok()?, month, day).ok()?;
    let time = Time::new(hour, minute, second, 0).ok()?;
    let instant = TimeZone::UTC.to_timestamp(DateTime::from_parts(date, time)).ok()?;
    u64::try_from(instant.as_second()).ok().map(Some)
}
