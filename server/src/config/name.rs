//! Names that a setting may hold: host names, mailboxes, globs of host names, trap addresses, list labels, pages.
//!
//! Enters: a text. Leaves: the name in the one form that the server uses (domains in lower case). Refuses: what DNS or
//! SMTP could not carry, each with what to write instead.

use std::net::IpAddr;

use super::TrapAddress;
use super::address::EVIDENCE_CODES;
use super::remark::Flaw;

/// The longest domain name, in characters without the final dot (RFC 1035 §2.3.4).
const DOMAIN_CHARACTERS_MAX: usize = 253;
/// The longest label of a domain name, in characters (RFC 1035 §2.3.4).
const LABEL_CHARACTERS_MAX: usize = 63;
/// The longest zone name: before it stand 32 nibbles and their dots (RFC 5782 §2.4) and a list's label.
const ZONE_CHARACTERS_MAX: usize = DOMAIN_CHARACTERS_MAX - 64 - LABEL_CHARACTERS_MAX - 1;
/// The longest local part, in bytes (RFC 5321 §4.5.3.1.1).
const LOCAL_PART_BYTES_MAX: usize = 64;
/// The longest name of a relay or a feed, in bytes; they are labels of metrics.
const NAME_BYTES_MAX: usize = 64;
/// The longest page, in bytes: with an address in it, it must fit one string of a TXT record (RFC 1035 §3.3).
const PAGE_BYTES_MAX: usize = 200;

/// A host name (RFC 1123 §2.1), in lower case.
pub(super) fn host(text: &str) -> Result<String, Flaw> {
    let refuse = |why: &str, mend: &str| Err(Flaw::new(format!("{text:?} is not a host name: {why}"), mend));
    let example = "write a host name, for example \"ns.example\"";
    if text.ends_with('.') {
        return refuse("it ends with a dot", "leave the final dot out");
    }
    if !text.is_ascii() {
        return refuse("it is not ASCII", "write it in its \"xn--\" form");
    }
    if text.len() > DOMAIN_CHARACTERS_MAX {
        return refuse("it has more than 253 characters", example);
    }
    for label in text.split('.') {
        if label.is_empty() || label.len() > LABEL_CHARACTERS_MAX {
            return refuse("each part has 1 to 63 characters", example);
        }
        let alike = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if !label.bytes().all(alike) || label.starts_with('-') || label.ends_with('-') {
            return refuse("its parts are letters, digits and inner hyphens", example);
        }
    }
    if text.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit())) {
        return refuse("its last part is a number", example);
    }
    Ok(text.to_ascii_lowercase())
}

/// A host name short enough to be a zone.
pub(super) fn zone(text: &str) -> Result<String, Flaw> {
    if text.len() > ZONE_CHARACTERS_MAX {
        let what = format!("has more than {ZONE_CHARACTERS_MAX} characters, so that IPv6 entries would not fit");
        return Err(Flaw::new(what, "choose a shorter name"));
    }
    host(text)
}

/// `local@domain`, the domain in lower case.
pub(super) fn mailbox(text: &str) -> Result<String, Flaw> {
    let flaw = |why: String| {
        Flaw::new(format!("{text:?} is not a mailbox: {why}"), "write one, for example \"hostmaster@bl.example\"")
    };
    let (local, domain) = text.rsplit_once('@').ok_or_else(|| flaw("it has no \"@\"".to_owned()))?;
    local_part(local).map_err(|why| flaw(why.to_owned()))?;
    Ok(format!("{local}@{}", host(domain).map_err(|domain| flaw(domain.what))?))
}

/// `local@domain`, or `@domain` for a whole domain.
pub(super) fn trap_address(text: &str) -> Result<TrapAddress, Flaw> {
    let flaw = |why: String| {
        let mend = "write \"sales@traps.example\", or \"@traps.example\" for the whole domain";
        Flaw::new(format!("{text:?} is not a trap's address: {why}"), mend)
    };
    let (local, domain) = text.rsplit_once('@').ok_or_else(|| flaw("it has no \"@\"".to_owned()))?;
    let domain = host(domain).map_err(|domain| flaw(domain.what))?;
    if local.is_empty() {
        return Ok(TrapAddress { local: None, domain });
    }
    local_part(local).map_err(|why| flaw(why.to_owned()))?;
    Ok(TrapAddress { local: Some(local.to_owned()), domain })
}

/// The local part of a mailbox: a dot-string (RFC 5321 §4.1.2), beyond ASCII as RFC 6531 §3.3 allows; unquoted.
fn local_part(text: &str) -> Result<(), &'static str> {
    if text.len() > LOCAL_PART_BYTES_MAX {
        return Err("more than 64 bytes stand before the \"@\"");
    }
    if text.split('.').any(str::is_empty) {
        return Err("what stands before the \"@\" is empty, or has a dot too many");
    }
    let atext = |c: char| match c {
        '.' | '!' | '#'..='\'' | '*' | '+' | '-' | '/' | '=' | '?' | '^'..='`' | '{'..='~' => true,
        _ if c.is_ascii() => c.is_ascii_alphanumeric(),
        _ => c.is_alphanumeric(),
    };
    if text.chars().all(atext) {
        Ok(())
    } else {
        Err("what stands before the \"@\" holds a character that needs quotes")
    }
}

/// A name that a relay writes after `by`, or a glob of such names: a host name, an underscore allowed, or an address
/// (Google's and qmail's hosts write addresses); `*` and `?` stand for any characters and any one.
pub(super) fn host_glob(text: &str) -> Result<String, Flaw> {
    let refuse = |why: &str| {
        let mend =
            "write the name that the relay writes after \"by\", for example \"mx1.example.net\" or \"mx*.example.net\"";
        Err(Flaw::new(format!("{text:?} is not a host name or a glob: {why}"), mend))
    };
    if text.is_empty() || text.len() > DOMAIN_CHARACTERS_MAX {
        return refuse("it must have 1 to 253 characters");
    }
    let alike = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]*?".contains(&byte);
    if !text.bytes().all(alike) {
        return refuse("it holds a character that no host name has");
    }
    if !text.bytes().any(|byte| byte.is_ascii_alphanumeric()) {
        return refuse("it would match any name that a sender can write");
    }
    let is_address = text.contains([':', '[', ']']);
    if !is_address && text.split('.').any(|label| label.is_empty() || label.len() > LABEL_CHARACTERS_MAX) {
        return refuse("each part between dots has 1 to 63 characters");
    }
    Ok(text.to_ascii_lowercase())
}

/// The name of a relay: not empty, without control characters.
pub(super) fn relay(text: &str) -> Result<String, Flaw> {
    let good = !text.trim().is_empty() && text.len() <= NAME_BYTES_MAX && !text.chars().any(char::is_control);
    let what = || format!("{text:?} is not a name for a relay");
    let mend = "write 1 to 64 printable characters, for example \"mx1\"";
    good.then(|| text.to_owned()).ok_or_else(|| Flaw::new(what(), mend))
}

/// The name of a feed: `[A-Za-z0-9._-]+`.
pub(super) fn feed(text: &str) -> Result<String, Flaw> {
    let alike = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let good = !text.is_empty() && text.len() <= NAME_BYTES_MAX && text.bytes().all(alike);
    let what = || format!("{text:?} is not a name for a feed");
    let mend = "write 1 to 64 letters, digits, dots, hyphens or underscores, for example \"traps\"";
    good.then(|| text.to_owned()).ok_or_else(|| Flaw::new(what(), mend))
}

/// The label of a list's zone: a DNS label with at least two characters and a non-digit (RFC 5782 §2.3; E14).
pub(super) fn list_label(text: &str) -> Result<String, Flaw> {
    let refuse = |why: &str| {
        Err(Flaw::new(
            format!("{text:?} cannot name a zone of its own: {why}"),
            "write a label, for example \"manual\"",
        ))
    };
    let alike = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if text.len() > LABEL_CHARACTERS_MAX || !text.bytes().all(alike) || text.starts_with('-') || text.ends_with('-') {
        return refuse("it is not a DNS label of letters, digits and inner hyphens");
    }
    if text.len() < 2 {
        return refuse("a label of one character may be a nibble of an IPv6 entry (RFC 5782 §2.3)");
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return refuse("a label of digits may be an octet of an IPv4 entry (RFC 5782 §2.3)");
    }
    let label = text.to_ascii_lowercase();
    if EVIDENCE_CODES.iter().any(|(_, list)| *list == label) {
        return refuse("it is the name of a list that the evidence makes");
    }
    Ok(label)
}

/// The page of TXT answers: an http(s) URL with `{address}` in it.
pub(super) fn page(text: &str) -> Result<String, Flaw> {
    let refuse = |why: &str| {
        let mend = "write one, for example \"https://bl.example/address/{address}\"";
        Err(Flaw::new(format!("{text:?} is not a page: {why}"), mend))
    };
    let after_scheme = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let Some(after_scheme) = after_scheme else {
        return refuse("it does not begin with http:// or https://");
    };
    if after_scheme.is_empty() || after_scheme.starts_with(['/', '{']) {
        return refuse("it names no host");
    }
    if !text.contains("{address}") {
        return refuse("it has no {address}, so that every entry would show the same page");
    }
    if text.replace("{address}", "").contains(['{', '}']) {
        return refuse("it holds a brace that is not of {address}");
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\<>".contains(&byte)) {
        return refuse("it holds a character that no URL has");
    }
    if text.len() > PAGE_BYTES_MAX {
        return refuse("it has more than 200 bytes, too many for a TXT record");
    }
    Ok(text.to_owned())
}

/// The port of a page of TXT answers that only this machine can open, by its host (RFC 6761 §6.3); none of others.
pub(super) fn local_port(page: &str) -> Option<u16> {
    let (scheme, rest) = page.split_once("://")?;
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
    let (host, port) = match place.strip_prefix('[').and_then(|place| place.split_once(']')) {
        Some((host, port)) => (host, port.strip_prefix(':')),
        None => place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port))),
    };
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    let is_here = name == "localhost" || name.ends_with(".localhost");
    let address = host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback() || address.is_unspecified());
    let usual = if scheme == "https" { 443 } else { 80 };
    (is_here || address).then(|| port.and_then(|port| port.parse().ok()).unwrap_or(usual))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names() {
        assert_eq!(host("NS1.BL.example").expect("a host name"), "ns1.bl.example");
        let long_label = format!("{}.example", "a".repeat(64));
        let long_name = "a.".repeat(127) + "example";
        let bad =
            ["", ".", "bl.example.", "-a.example", "a-.example", "a b", "a..b", "10.9.0.1", "bücher.example", "a_b.c"];
        for text in bad.into_iter().chain([long_label.as_str(), long_name.as_str()]) {
            assert!(host(text).is_err(), "{text:?}");
        }
        assert!(zone(&("a.".repeat(60) + "example")).is_err());
    }

    #[test]
    fn mailboxes_and_traps() {
        assert_eq!(mailbox("Host.Master@BL.example").expect("a mailbox"), "Host.Master@bl.example");
        for text in
            ["", "hostmaster", "@bl.example", "a@", "a@b@c@", "a..b@c.example", "a b@c.example", "\"a\"@c.example"]
        {
            assert!(mailbox(text).is_err(), "{text:?}");
        }
        assert_eq!(trap_address("@Traps.example").expect("a domain").to_string(), "@traps.example");
        assert_eq!(trap_address("o'hara+x@traps.example").expect("a trap").to_string(), "o'hara+x@traps.example");
        for text in ["", "@", "traps.example", "a@b@traps.example", "a@traps..example", "a@[10.0.0.1]", "a@10.0.0.1"] {
            assert!(trap_address(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn globs() {
        for text in
            ["mx1.example.net", "mx*.example.net", "localhost", "mail_1.example", "2002:a05:*", "[10.9.0.1]", "mx?"]
        {
            assert_eq!(host_glob(text).expect("a glob"), text);
        }
        for text in
            ["", "*", "*.*", "?", "mx1 example", "mx1..example.net", "mx1.example.net (Postfix)", "{a,b}.example"]
        {
            assert!(host_glob(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn list_labels_cannot_collide_with_entries() {
        assert_eq!(list_label("Manual").expect("a label"), "manual");
        assert!(list_label("1a").is_ok());
        for text in ["", "a", "1", "12", "127", "a.b", "-a", "a-", "a_b", "*a", "spam", "Mixed"] {
            assert!(list_label(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn pages() {
        assert!(page(super::super::PAGE_DEFAULT).is_ok());
        let long = format!("https://bl.example/{}{{address}}", "a".repeat(200));
        let bad =
            ["", "bl.example/{address}", "ftp://bl.example/{address}", "https://bl.example/", "https:///{address}"];
        let worse = ["https://bl.example/{address}/{x}", "https://bl.example/ {address}", &long];
        for text in bad.into_iter().chain(worse) {
            assert!(page(text).is_err(), "{text:?}");
        }
        let local = |server: &str| local_port(&format!("{server}/{{address}}"));
        assert_eq!(local_port(super::super::PAGE_DEFAULT), Some(8080));
        assert_eq!((local("http://localhost"), local("https://a@LOCALHOST.")), (Some(80), Some(443)));
        assert_eq!(
            (local("http://[::1]:81"), local("http://0.0.0.0:1"), local("https://x.localhost")),
            (Some(81), Some(1), Some(443))
        );
        assert_eq!(
            (local("https://bl.example:8080"), local("http://192.0.2.1"), local("https://{address}.x")),
            (None, None, None)
        );
    }
}
