//! DNS cookies: a client that returns ours has shown that it gets what is sent to its address (RFC 7873, RFC 9018).
//!
//! Enters: the COOKIE option as it came, the client's address, the time, and the operator's secrets. Leaves: whether
//! the client is proven, and the COOKIE to answer with. Nothing is kept per client: a server cookie is a keyed digest
//! of what it proves (RFC 9018 §4.4).
//!
//! The secret is rolled in stages over all servers of an address (RFC 9018 §5): every secret is believed, the first
//! one makes new cookies. So a new secret is added behind the old one everywhere, then moved to the front, and the old
//! one is taken out an hour later.

use std::hash::Hasher;
use std::net::IpAddr;

use siphasher::sip::SipHasher24;
use subtle::ConstantTimeEq;

/// Bytes of a secret.
pub const SECRET: usize = 16;
/// Bytes of a COOKIE with both halves: the client's 8, and the server's 16 (RFC 9018 §4).
pub(super) const COOKIE: usize = CLIENT + SERVER;

/// Bytes of the client's half (RFC 7873 §4.1) and of ours (RFC 9018 §4).
const CLIENT: usize = 8;
const SERVER: usize = 16;
/// The version of our half (RFC 9018 §4.1), and the reserved bytes behind it: zero in what we make, and anything in what
/// another server of our address may have made (§4.2).
const VERSION: u8 = 1;
const RESERVED: [u8; 3] = [0; 3];
/// How old a cookie may be, and how far ahead (RFC 9018 §4.3), seconds.
const PAST: u32 = 3600;
const FUTURE: u32 = 300;
/// From this age on a valid cookie is answered with a new one (RFC 9018 §4.3), seconds.
const RENEWED: u32 = 1800;

/// The secrets of the server: the first makes cookies, all are believed. Never empty.
pub struct Cookies(Vec<[u8; SECRET]>);

/// What a COOKIE is worth.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Judged {
    /// Whether it holds a server cookie of ours that was made for this client.
    pub(super) proven: bool,
    /// Whether it holds a server cookie of anybody's.
    pub(super) returned: bool,
    /// The COOKIE to answer with.
    pub(super) answer: [u8; COOKIE],
}

impl Cookies {
    /// Cookies by these secrets; `None` without any.
    pub fn new(secrets: Vec<[u8; SECRET]>) -> Option<Self> {
        (!secrets.is_empty()).then_some(Self(secrets))
    }

    /// Judges a COOKIE option of 8 or 16 to 40 bytes that `client` sent, at `now` (Unix seconds).
    pub(super) fn judge(&self, option: &[u8], client: IpAddr, now: u64) -> Judged {
        // RFC 9018 §4.3: serial number arithmetic on 32 bits, so that 2106 is no end.
        let now = now as u32;
        let mut answer = [0; COOKIE];
        let length = option.len().min(CLIENT);
        answer[..length].copy_from_slice(&option[..length]);
        let returned = option.len() > CLIENT;
        let theirs: Option<&[u8; COOKIE]> = option.try_into().ok();
        if let Some(theirs) = theirs
            && theirs[CLIENT] == VERSION
            && let stamp = u32::from_be_bytes([theirs[12], theirs[13], theirs[14], theirs[15]])
            && let age = now.wrapping_sub(stamp)
            && (age <= PAST || age.wrapping_neg() <= FUTURE)
            && self.0.iter().any(|secret| bool::from(made(secret, &theirs[..16], client).ct_eq(&theirs[16..])))
        {
            if age > RENEWED && age <= PAST {
                self.renew(&mut answer, client, now);
            } else {
                answer = *theirs;
            }
            return Judged { proven: true, returned, answer };
        }
        self.renew(&mut answer, client, now);
        Judged { proven: false, returned, answer }
    }

    /// Writes a new server cookie behind the client's half.
    fn renew(&self, cookie: &mut [u8; COOKIE], client: IpAddr, now: u32) {
        cookie[CLIENT] = VERSION;
        cookie[CLIENT + 1..12].copy_from_slice(&RESERVED);
        cookie[12..16].copy_from_slice(&now.to_be_bytes());
        let digest = made(&self.0[0], &cookie[..16], client);
        cookie[16..].copy_from_slice(&digest);
    }
}

/// The digest of a cookie's first 16 bytes and the client's address (RFC 9018 §4.4).
fn made(secret: &[u8; SECRET], head: &[u8], client: IpAddr) -> [u8; 8] {
    let mut digest = SipHasher24::new_with_key(secret);
    digest.write(head);
    match client {
        IpAddr::V4(address) => digest.write(&address.octets()),
        IpAddr::V6(address) => digest.write(&address.octets()),
    }
    digest.finish().to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }

    fn cookies(secrets: &[&str]) -> Cookies {
        Cookies::new(secrets.iter().map(|secret| hex(secret).try_into().unwrap()).collect()).unwrap()
    }

    const SECRET_ONE: &str = "e5e973e5a6b2a43f48e7dc849e37bfcf";
    const MADE: u64 = 1_559_731_985;

    fn client() -> IpAddr {
        "198.51.100.100".parse().unwrap()
    }

    /// 9018-4: the first example of RFC 9018 appendix A.
    #[test]
    fn a_cookie_is_the_one_of_rfc_9018() {
        let judged = cookies(&[SECRET_ONE]).judge(&hex("2464c4abcf10c957"), client(), MADE);
        assert!(!judged.proven);
        assert_eq!(judged.answer[..], hex("2464c4abcf10c957010000005cf79f111f8130c3eee29480"));
    }

    /// 9018-4: an hour past and five minutes ahead; renewed when it is half an hour old; bound to client and version.
    #[test]
    fn a_cookie_proves_its_client_for_an_hour() {
        let cookies = cookies(&[SECRET_ONE]);
        let cookie = hex("2464c4abcf10c957010000005cf79f111f8130c3eee29480");
        let proven = |now: u64| cookies.judge(&cookie, client(), now).proven;
        assert!(proven(MADE) && proven(MADE + 3600) && proven(MADE - 300));
        assert!(!proven(MADE + 3601) && !proven(MADE - 301));
        assert_eq!(cookies.judge(&cookie, client(), MADE + 1800).answer[..], cookie);
        let renewed = cookies.judge(&cookie, client(), MADE + 1801);
        assert!(renewed.proven && renewed.answer[..] != cookie);
        assert!(cookies.judge(&renewed.answer, client(), MADE + 1802 + 3000).proven);
        assert!(!cookies.judge(&cookie, "198.51.100.101".parse().unwrap(), MADE).proven);
        for at in 0..cookie.len() {
            let mut changed = cookie.clone();
            changed[at] ^= 1;
            assert!(!cookies.judge(&changed, client(), MADE).proven, "byte {at}");
        }
        for length in (16..=40).filter(|length| *length != COOKIE) {
            let other = [&cookie[..], &[7; 16]].concat();
            assert!(!cookies.judge(&other[..length], client(), MADE).proven, "{length} bytes");
        }
    }

    /// 9018-4: the examples of RFC 9018 appendices A.2 to A.4: a cookie renewed; reserved bytes that are not zero, which
    /// belong to the digest and prove as well (§4.2); and one over IPv6 by a secret that is being rolled.
    #[test]
    fn cookies_of_other_servers_are_those_of_rfc_9018() {
        const SECRET_OLD: &str = "dd3bdf9344b678b185a6f5cb60fca715";
        const SECRET_NEW: &str = "445536bcd2513298075a5d379663c962";
        let ours = cookies(&[SECRET_ONE]);
        let renewed = ours.judge(&hex("2464c4abcf10c957010000005cf79f111f8130c3eee29480"), client(), 1_559_734_385);
        assert!(renewed.proven, "an hour is not over");
        assert_eq!(renewed.answer[..], hex("2464c4abcf10c957010000005cf7a871d4a564a1442aca77"));

        let other: IpAddr = "203.0.113.203".parse().unwrap();
        let reserved = hex("fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5");
        assert!(ours.judge(&reserved, other, 1_559_727_985).proven);
        for at in 9..12 {
            let mut changed = reserved.clone();
            changed[at] ^= 1;
            assert!(!ours.judge(&changed, other, 1_559_727_985).proven);
        }
        let renewed = ours.judge(&reserved, other, 1_559_734_700).answer;
        assert_eq!(renewed[..], hex("fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e"));

        let six: IpAddr = "2001:db8:220:1:59de:d0f4:8769:82b8".parse().unwrap();
        let old = hex("22681ab97d52c298010000005cf7c57926556bd0934c72f8");
        let rolling = cookies(&[SECRET_NEW, SECRET_OLD]);
        assert!(rolling.judge(&old, six, 1_559_741_961).proven);
        assert!(!cookies(&[SECRET_NEW]).judge(&old, six, 1_559_741_961).proven);
        let next = rolling.judge(&old[..8], six, 1_559_741_961).answer;
        assert_eq!(next[..], hex("22681ab97d52c298010000005cf7c609a6bb79d16625507a"));
    }

    /// 9018-4: the secret rolls in stages, at each of which the cookies of both neighbours are believed.
    #[test]
    fn secrets_roll_in_stages() {
        const SECRET_TWO: &str = "445536bcd2513298075a5d379663c962";
        let stages = [vec![SECRET_ONE], vec![SECRET_ONE, SECRET_TWO], vec![SECRET_TWO, SECRET_ONE], vec![SECRET_TWO]];
        for pair in stages.windows(2) {
            let (before, after) = (cookies(&pair[0]), cookies(&pair[1]));
            for (maker, judge) in [(&before, &after), (&after, &before)] {
                let cookie = maker.judge(&[5; 8], client(), MADE).answer;
                let known = judge.judge(&cookie, client(), MADE + 1).proven;
                // From the second stage to the third both make what the other believes; a secret may only go once
                // nobody makes cookies by it any more.
                assert!(known || pair[0].len() == 1 || pair[1].len() == 1);
            }
            assert!(
                after.judge(&before.judge(&[5; 8], client(), MADE).answer, client(), MADE).proven || pair[1].len() == 1
            );
        }
        assert!(Cookies::new(Vec::new()).is_none());
    }
}
