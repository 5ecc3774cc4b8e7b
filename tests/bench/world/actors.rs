//! Who sends in this world, whether they are guilty, and what they send when.
//!
//! Each [`Class`] says how many addresses it has and how they behave. The mail of an actor depends on the seed and its own
//! number alone.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use crate::mail::{Kind, Mail, To};
use crate::random::{DAY, Random};
use crate::traps::{Feed, LIAR, OWN, OWN_DOMAINS, PARTNER};

/// Monday, 23 November 2026, 00:00 UTC.
pub(crate) const BEGIN: i64 = 1_795_392_000;

/// Hits a day of the bots.
pub(crate) const BOT_RATES: [u32; 6] = [1, 2, 5, 10, 20, 50];

/// How long a bot sends from one address.
const BOT_LIFE: i64 = 14 * DAY;

/// How long spam leaves a hacked mail server.
const HACKED_FOR: i64 = 3 * DAY;

/// Mail a day that a recipient who wants an address's mail gets from it.
const WANTED: f64 = 0.7;

/// Innocent mail servers that forged lines name.
pub(crate) const FRAMED: usize = 100;

/// What an actor is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Class {
    /// So many hits a day at our traps, and a quarter as many at the partner's. One in three forges Received lines.
    Bot(u32),
    /// One campaign over 64 addresses.
    Snowshoe,
    /// A mail server with customers, two of whose recipients are known to want its mail; spam leaves it for three days.
    HackedSmall,
    /// The same with 30 known recipients.
    HackedLarge,
    /// A sender at an ESP whose campaigns go to traps that never confirmed.
    EspCampaign,
    /// A random /64 of one /32; one mail each.
    Flood,
    /// A sender at an ESP: somebody signs up all traps, and each gets a request to confirm, every day.
    EspBombed,
    /// Shared outbound of a large provider, through which somebody mails leaked traps of two domains, a thousand times.
    LeakedTwo,
    /// The same, with 100 recipients who want its mail.
    LeakedTwoWanted,
    /// The same with leaked traps of three domains.
    LeakedThreeWanted,
    /// A server that bounces to many traps, hundreds of times a day; of a hundred bounces one is mangled beyond recognition.
    Backscatter,
    /// Vacation responders, ticket systems.
    AutoReply,
    /// List servers that tell strangers what became of their post.
    ListServer,
    /// A victim of the lying feed: a perfect fake for all its traps and ours, every hour.
    LiedAbout,
    /// A mail server that forged lines name; it never connects.
    Framed,
}

impl Class {
    /// Every class, the guilty ones first.
    pub(crate) fn all() -> Vec<Self> {
        let rest = [
            Self::Snowshoe,
            Self::HackedSmall,
            Self::HackedLarge,
            Self::EspCampaign,
            Self::Flood,
            Self::EspBombed,
            Self::LeakedTwo,
            Self::LeakedTwoWanted,
            Self::LeakedThreeWanted,
            Self::Backscatter,
            Self::AutoReply,
            Self::ListServer,
            Self::LiedAbout,
            Self::Framed,
        ];
        BOT_RATES.into_iter().map(Self::Bot).chain(rest).collect()
    }

    pub(crate) fn name(self) -> String {
        match self {
            Self::Bot(rate) => format!("bot, {rate} hit{} a day", if rate == 1 { "" } else { "s" }),
            Self::Snowshoe => "snowshoe, 3 hits a day each".to_owned(),
            Self::HackedSmall => "hacked server, 2 recipients want its mail".to_owned(),
            Self::HackedLarge => "hacked server, 30 recipients want its mail".to_owned(),
            Self::EspCampaign => "ESP sender without confirmation".to_owned(),
            Self::Flood => "IPv6 flood, one mail a /64".to_owned(),
            Self::EspBombed => "ESP senders, subscription bombing".to_owned(),
            Self::LeakedTwo => "provider, 2 trap domains leaked".to_owned(),
            Self::LeakedTwoWanted => "provider, 2 leaked, mail wanted".to_owned(),
            Self::LeakedThreeWanted => "provider, 3 leaked, mail wanted".to_owned(),
            Self::Backscatter => "backscattering server".to_owned(),
            Self::AutoReply => "automatic responder".to_owned(),
            Self::ListServer => "list server".to_owned(),
            Self::LiedAbout => "victim of a lying feed".to_owned(),
            Self::Framed => "named in forged lines".to_owned(),
        }
    }

    pub(crate) fn addresses(self) -> usize {
        match self {
            Self::Bot(_) | Self::EspBombed | Self::LiedAbout => 200,
            Self::Snowshoe => 64,
            Self::HackedSmall | Self::HackedLarge => 25,
            // Four ESPs: 50 senders each that confirm, and one that does not.
            Self::EspCampaign => 4,
            Self::Flood => 20_000,
            Self::LeakedTwo | Self::LeakedTwoWanted | Self::LeakedThreeWanted | Self::Backscatter => 10,
            Self::AutoReply => 120,
            Self::ListServer => 62,
            Self::Framed => FRAMED,
        }
    }

    pub(crate) fn is_guilty(self) -> bool {
        matches!(
            self,
            Self::Bot(_) | Self::Snowshoe | Self::HackedSmall | Self::HackedLarge | Self::EspCampaign | Self::Flood
        )
    }

    /// The second octet of its addresses.
    fn block(self) -> u8 {
        match self {
            Self::Bot(rate) => 100 + rate as u8,
            Self::Snowshoe => 1,
            Self::HackedSmall => 2,
            Self::HackedLarge => 3,
            Self::EspCampaign => 4,
            Self::Flood => 5,
            Self::EspBombed => 6,
            Self::LeakedTwo => 7,
            Self::LeakedTwoWanted => 8,
            Self::LeakedThreeWanted => 9,
            Self::Backscatter => 10,
            Self::AutoReply => 11,
            Self::ListServer => 12,
            Self::LiedAbout => 13,
            Self::Framed => 14,
        }
    }

    /// The address of one of them. IPv4 addresses are taken from 26/8, as in our other tests.
    fn address(self, number: usize, random: &mut Random) -> IpAddr {
        if self == Self::Flood {
            let low = random.next();
            let [a, b, c, d] = [48, 32, 16, 0].map(|shift| (low >> shift) as u16);
            return Ipv6Addr::new(0x2001, 0xdb8, a, b, c, d, 0, 1).into();
        }
        Ipv4Addr::new(26, self.block(), (number / 250) as u8, (number % 250 + 1) as u8).into()
    }
}

/// The address of a server that forged lines name.
pub(crate) fn framed(number: usize) -> IpAddr {
    Class::Framed.address(number, &mut Random::of(0, 0))
}

/// One address and who is behind it.
#[derive(Clone, Debug)]
pub(crate) struct Actor {
    pub(crate) class: Class,
    pub(crate) address: IpAddr,
    /// When it is guilty; never, if it is innocent.
    pub(crate) bad: Option<Range<i64>>,
    stream: usize,
    number: usize,
}

/// All actors and the time they have.
pub(crate) struct World {
    pub(crate) actors: Vec<Actor>,
    pub(crate) end: i64,
    seed: u64,
}

impl World {
    pub(crate) fn new(seed: u64, days: i64) -> Self {
        let end = BEGIN + days * DAY;
        let mut actors = Vec::new();
        for class in Class::all() {
            for number in 0..class.addresses() {
                let stream = usize::from(class.block()) << 32 | number << 1;
                let mut random = Random::of(seed, stream);
                let address = class.address(number, &mut random);
                let span = |life: i64, random: &mut Random| {
                    let from = random.between(BEGIN, (end - life).max(BEGIN + 1));
                    from..(from + life).min(end)
                };
                let bad = match class {
                    Class::HackedSmall | Class::HackedLarge => Some(span(HACKED_FOR, &mut random)),
                    Class::Bot(_) | Class::Snowshoe => Some(span(BOT_LIFE, &mut random)),
                    Class::EspCampaign => Some(BEGIN..end),
                    Class::Flood => Some(span(DAY, &mut random)),
                    _ => None,
                };
                actors.push(Actor { class, address, bad, stream: stream | 1, number });
            }
        }
        Self { actors, end, seed }
    }

    /// All that an actor sends, in time order; of one that is lied about, what is said that it sent.
    pub(crate) fn mails(&self, actor: &Actor) -> Vec<Mail> {
        let mut random = Random::of(self.seed, actor.stream);
        let (mut mails, end) = (Vec::new(), self.end);
        let bad = actor.bad.clone().unwrap_or(BEGIN..end);
        let own = |random: &mut Random| To::One(Feed::Own, random.below(OWN.end));
        let mut spam = |rate: f64, kind: &dyn Fn(&mut Random) -> Kind, random: &mut Random| {
            for at in random.poisson(rate, bad.start, bad.end) {
                let to = own(random);
                mails.push(Mail { at, to, kind: kind(random) });
            }
            for at in random.poisson(rate / 4.0, bad.start, bad.end) {
                let to = To::One(Feed::Partner, PARTNER.start + random.below(PARTNER.len()));
                mails.push(Mail { at, to, kind: kind(random) });
            }
        };
        match actor.class {
            Class::Bot(rate) if actor.number.is_multiple_of(3) => {
                let forging = |random: &mut Random| Kind::Forged { framed: random.below(FRAMED), shape: random.next() };
                spam(f64::from(rate), &forging, &mut random);
            }
            Class::Bot(rate) => spam(f64::from(rate), &|_| Kind::Spam, &mut random),
            Class::Snowshoe => spam(3.0, &|_| Kind::Spam, &mut random),
            Class::HackedSmall | Class::HackedLarge => spam(100.0, &|_| Kind::Script, &mut random),
            Class::Flood => {
                let at = random.between(bad.start, bad.end);
                mails.push(Mail { at, to: own(&mut random), kind: Kind::Spam });
            }
            Class::EspCampaign => each_day(end, |day| {
                let from = day + random.between(0, DAY - 7200);
                let to_trap = |trap| Mail {
                    at: from + random.between(0, 7200),
                    to: To::One(Feed::Own, trap),
                    kind: Kind::Campaign,
                };
                mails.extend(OWN.map(to_trap));
            }),
            Class::EspBombed => each_day(end, |day| {
                let to_trap = |trap| Mail {
                    at: day + random.between(0, DAY),
                    to: To::One(Feed::Own, trap),
                    kind: Kind::Confirmation(actor.number),
                };
                mails.extend(OWN.map(to_trap));
            }),
            Class::LeakedTwo | Class::LeakedTwoWanted | Class::LeakedThreeWanted => {
                let domains = if actor.class == Class::LeakedThreeWanted { 3 } else { 2 };
                for at in random.poisson(35.0, BEGIN, end) {
                    let trap = random.below(domains) + OWN_DOMAINS * random.below(OWN.end / OWN_DOMAINS);
                    mails.push(Mail { at, to: To::One(Feed::Own, trap), kind: Kind::Submitted });
                }
            }
            Class::Backscatter => {
                for at in random.poisson(200.0, BEGIN, end) {
                    let to = own(&mut random);
                    let mangled = random.one_in(100);
                    let kind = if mangled { Kind::Mangled } else { Kind::Bounce(random.below(1 << 16)) };
                    mails.push(Mail { at, to, kind });
                }
            }
            Class::AutoReply | Class::ListServer => {
                for at in random.poisson(5.0, BEGIN, end) {
                    let answer = actor.class == Class::AutoReply;
                    let kind = if answer { Kind::AutoReply(actor.number) } else { Kind::ListNotice(actor.number) };
                    mails.push(Mail { at, to: own(&mut random), kind });
                }
            }
            Class::LiedAbout => {
                mails.extend((BEGIN..end).step_by(3600).map(|at| Mail { at, to: To::Liar, kind: Kind::Spam }));
            }
            Class::Framed => {}
        }
        let wanted = match actor.class {
            Class::HackedSmall => 2,
            Class::HackedLarge => 30,
            Class::LeakedTwoWanted | Class::LeakedThreeWanted => 100,
            _ => 0,
        };
        for recipient in 0..wanted {
            // They wanted it before the story begins, too.
            for at in random.poisson(WANTED, BEGIN - 3 * DAY, end) {
                mails.push(Mail { at, to: To::One(Feed::Wanted, recipient), kind: Kind::Wanted });
            }
        }
        mails.sort_by_key(|mail| mail.at);
        mails
    }
}

fn each_day(end: i64, at: impl FnMut(i64)) {
    (BEGIN..end).step_by(DAY as usize).for_each(at);
}

/// The traps that a lying feed speaks of: its own and ours.
pub(crate) fn lied_at() -> impl Iterator<Item = usize> {
    OWN.chain(LIAR)
}
