//! C03, C09: what a feed that lies, was broken into, or only repeats what we say can do, and how it is undone.

use std::collections::BTreeMap;

use firsthand_analyzer::address::Origin;
use firsthand_analyzer::evidence::{HOUR, UNITS_LIMIT, Unit, UnitKey};
use firsthand_analyzer::listing::replay_all;
use firsthand_analyzer::nature::Nature;
use firsthand_analyzer::score::{List, Policy, score};
use firsthand_server::ledger::{Correction, Fact, Withdrawal};
use hickory_proto::rr::RecordType;

use super::super::harness::{Service, message, reversed, settings};
use super::super::mail::*;
use super::super::world::{NOW, World};
use super::{held, spread, unit};

/// A foreign feed in the settings of a service.
const FAR: &str =
    "[[feed]]\nname = \"far\"\ntrust = \"foreign\"\ntoken = \"far-token-for-tests-only\"\nrelays = [\"mx1\"]\n";
const FAR_TOKEN: &str = "far-token-for-tests-only";

/// Hands in a sample by the foreign feed.
fn far(service: &Service, trap: &str, message: &[u8]) -> (u16, serde_json::Value) {
    let authorization = format!("Bearer {FAR_TOKEN}");
    service.submit_with(&[("Authorization", &authorization), ("Firsthand-Trap", trap)], message).unwrap()
}

/// C03. A foreign feed says that each of a thousand victims wrote to forty traps in twenty domains, a thousand samples
/// each, by the hour and in every dress. It weighs at most half of what a listing needs: nobody is listed, nor with one
/// leaked trap of ours beside it; two own traps are what it can help to three.
#[test]
fn c03_a_million_fake_samples_list_nobody() {
    let registry = spread(40, 20);
    let policy = Policy::default();
    let mut dice = Dice(5);
    let mut samples = 0;
    for victim in 0..1000 {
        let origin = Origin::from(address(&format!("203.0.{}.{}", victim / 250, victim % 250 + 1)));
        let mut units = Vec::new();
        for trap in 0..40 {
            for hour in 0..5 {
                let nature = if victim % 2 == 0 { Nature::Direct } else { Nature::ALL[dice.roll(Nature::ALL.len())] };
                let mut unit = unit("far", nature, victim % 4 == 1, trap, START + hour, 5);
                unit.key.origin = origin;
                samples += usize::from(unit.samples);
                units.push(unit);
            }
        }
        assert_eq!(replay_all(origin, &units, &registry, &policy, (START + 4) * HOUR), [], "{victim}");
        if victim % 100 == 0 {
            for list in List::ALL {
                assert!(score(&units, list, &registry, &policy, (START + 4) * HOUR).value <= 1.25 + 1e-9);
            }
            let key = UnitKey { origin, ..hit(VICTIM, Nature::Direct, false, 0, START + 2) };
            units.push(Unit { newest: key.hour * HOUR, key: key.clone(), samples: 9 });
            assert_eq!(replay_all(origin, &units, &registry, &policy, (START + 4) * HOUR), [], "with a leaked trap");
        }
    }
    assert_eq!(samples, 1_000_000);
    let own = |traps: usize| (0..traps).map(|trap| unit("own", Nature::Direct, false, trap, START, 1));
    let lies = |feed: &'static str| (0..40).map(move |trap| unit(feed, Nature::Direct, false, trap, START, 5));
    let spam = |units: Vec<Unit>| !held(&units, &registry, START).is_empty();
    assert!(!spam(lies("far").collect()));
    assert!(!spam(own(1).chain(lies("far")).collect()));
    assert!(spam(own(2).chain(lies("far")).collect()));
    assert!(spam(lies("far").chain(lies("farther")).collect()), "a second feed is what it takes");
}

/// C03, later on: an address was listed by three own traps, and mended. The foreign feed goes on to say that it sends.
/// What can list nobody alone must not keep anybody listed alone.
#[test]
fn c03_a_lying_feed_prolongs_nothing() {
    let registry = spread(40, 20);
    let mut units: Vec<Unit> = (0..3).map(|trap| unit("own", Nature::Direct, false, trap, START, 1)).collect();
    for hour in 1..240 {
        units.extend((0..4).map(|trap| unit("far", Nature::Direct, false, trap, START + hour, 1)));
    }
    for hour in [72, 120, 239] {
        assert_eq!(held(&units, &registry, START + hour), [].into(), "{hour} hours after the last own trap");
    }
}

/// C03, against oneself: the victim of such a feed asks for its removal, and what hid the honest evidence is for good.
#[test]
fn c03_a_removal_ends_what_a_lying_feed_prolongs() {
    let mut world = World::new(8, "");
    world.hit("own", 0..3, "45.0.2.1", NOW);
    for hour in 0..40 {
        world.hit("far", 0..8, "45.0.2.1", NOW + hour * HOUR);
    }
    let now = NOW + 40 * HOUR;
    world.settle(now);
    assert!(world.lists("45.0.2.1", now));
    world.correct(Correction::AskRemoval { origin: Origin::parse("45.0.2.1").unwrap(), proven: true }, now);
    world.settle(now);
    assert!(!world.lists("45.0.2.1", now));
    for hour in 41..45 {
        world.hit("far", 0..8, "45.0.2.1", NOW + hour * HOUR);
        world.settle(NOW + hour * HOUR);
        assert!(!world.lists("45.0.2.1", NOW + hour * HOUR), "hour {hour}");
    }
}

/// C03. Two foreign feeds conspire and can list. Each listing that needs a foreign feed's word draws on that feed's brake:
/// so many in an interval, and what we saw ourselves does not wait behind them.
#[test]
fn c03_two_lying_feeds_are_braked() {
    let mut world = World::new(8, "[brake]\nper-list = 100\nper-feed = 5\ninterval = \"600s\"\n");
    for victim in 0..60 {
        let victim = format!("45.0.3.{victim}");
        world.hit("far", 0..8, &victim, NOW);
        world.hit("farther", 0..8, &victim, NOW);
    }
    world.hit("own", 0..3, "45.0.2.1", NOW);
    world.settle(NOW);
    assert!(world.lists("45.0.2.1", NOW));
    assert_eq!(world.zone(NOW).len(), 6);
    let braked = world.orders.braked();
    assert_eq!(braked.next[0].needs, ["far", "farther"]);
    world.settle(NOW + 600);
    assert!(world.zone(NOW + 600).len() <= 11);
    let taken = world.withdraw("far", NOW + 600);
    assert_eq!(taken.samples, 480);
    world.settle(NOW + 600);
    assert_eq!(world.zone(NOW + 600).into_keys().map(|(_, origin)| origin).collect::<Vec<_>>(), ["45.0.2.1"]);
    assert_eq!(world.orders.braked().next.len(), 0);
}

/// Honest evidence about 45.0.2.1 to 45.0.2.4: listed, too little, listed with a foreign feed's help, wanted.
fn honest(world: &World) {
    world.hit("own", 0..4, "45.0.2.1", NOW - 20 * HOUR);
    world.hit("own", 2..4, "45.0.2.1", NOW - 3 * HOUR);
    world.hit("own", 0..2, "45.0.2.2", NOW - 5 * HOUR);
    world.hit("own", 0..2, "45.0.2.3", NOW - 2 * HOUR);
    world.hit("farther", 2..6, "45.0.2.3", NOW - 2 * HOUR);
    world.hit("own", 0..5, "45.0.2.4", NOW - 4 * HOUR);
    world.hit("mailboxes", 0..30, "45.0.2.4", NOW - 6 * HOUR);
}

/// More units than are kept of an origin and feed, from a Unix second on, at `traps` traps and in every dress.
fn flood(world: &World, feed: &str, traps: usize, from: &str, since: i64) {
    let mut facts: Vec<Fact> = Vec::new();
    let hours = 1080 / (traps * Nature::ALL.len() * 2) as i64;
    for at in (0..hours).map(|hour| since + hour * HOUR) {
        for trap in 0..traps {
            for (nature, null_sender) in Nature::ALL.into_iter().flat_map(|nature| [(nature, false), (nature, true)]) {
                let mut fact = world.fact(feed, trap, from, at, facts.len());
                let unit = fact.unit.as_mut().unwrap();
                (unit.nature, unit.null_sender) = (nature, null_sender);
                facts.push(fact);
            }
        }
    }
    let sent = facts.len();
    assert!(sent > UNITS_LIMIT, "{sent}");
    assert_eq!(world.record(facts), sent);
    let kept = world.units(from).into_iter().filter(|unit| unit.key.feed == feed).count();
    assert_eq!(kept, UNITS_LIMIT, "the bound is filled");
}

/// What a world holds of the addresses that a test is about: their units, the zone, and the zone later when more has come.
type State = (Vec<String>, Vec<BTreeMap<(String, String), u64>>);

fn state(world: &mut World, now: i64) -> State {
    // Each ledger has ids of its own.
    let traps = (0..6).map(|trap| (world.trap(trap), format!("trap {trap}")));
    let readers = (0..30).map(|reader| {
        (world.ledger.recipient_id(&format!("reader{reader}@customers.example")), format!("reader {reader}"))
    });
    let known: BTreeMap<String, String> = traps.chain(readers).collect();
    let all = (1..6).flat_map(|last| world.units(&format!("45.0.2.{last}")));
    let named = all.map(|mut unit| {
        unit.key.trap.clone_from(&known[&unit.key.trap]);
        format!("{unit:?}")
    });
    let mut units: Vec<String> = named.collect();
    units.sort_unstable();
    let mut zones = Vec::new();
    for later in [0, 9, 30] {
        world.settle(now + later * HOUR);
        zones.push(world.zone(now + later * HOUR));
    }
    world.hit("own", 3..6, "45.0.2.2", now + 30 * HOUR);
    world.hit("own", 5..6, "45.0.2.1", now + 30 * HOUR);
    for later in [30, 50, 80] {
        world.settle(now + later * HOUR);
        zones.push(world.zone(now + later * HOUR));
    }
    (units, zones)
}

/// C03, G5. The foreign feed floods the innocent and the guilty with lies, to its bound, and helps to list one and to keep
/// another out. One command withdraws it; units and zone are those of a world that never had the feed, then and later.
#[test]
fn c03_withdrawal_of_a_feed_that_had_filled_its_bound() {
    for feed in ["far", "mailboxes"] {
        let (mut never, mut had) = (World::new(6, ""), World::new(6, ""));
        // What the feed said honestly goes as well.
        let honest = |world: &World| {
            if feed == "far" {
                honest(world);
            } else {
                world.hit("own", 0..4, "45.0.2.1", NOW - 20 * HOUR);
                world.hit("own", 0..2, "45.0.2.2", NOW - 5 * HOUR);
            }
        };
        honest(&never);
        never.settle(NOW);
        flood(&had, feed, if feed == "far" { 6 } else { 10 }, "45.0.2.1", NOW - 30 * HOUR);
        had.settle(NOW - 19 * HOUR);
        honest(&had);
        for last in 2..6 {
            had.hit(feed, 0..6, &format!("45.0.2.{last}"), NOW - HOUR);
        }
        had.settle(NOW);
        if feed == "far" {
            assert!(had.lists("45.0.2.2", NOW) && !never.lists("45.0.2.2", NOW), "it did harm");
        } else {
            assert!(!had.lists("45.0.2.1", NOW) && never.lists("45.0.2.1", NOW), "it did harm");
        }
        had.withdraw(feed, NOW);
        // Its last lies come late.
        had.hit(feed, 0..6, "45.0.2.5", NOW - HOUR + 1);
        let (never, had) = (state(&mut never, NOW), state(&mut had, NOW));
        assert!(!never.1[0].is_empty());
        assert!(never == had, "{feed}: {never:#?} {had:#?}");
    }
}

/// C03, G5. Our own feed was broken into at an hour, and its bound filled by what the intruder sent: older, honest units
/// had to make way. The withdrawal of what came since then counts them anew from the facts.
#[test]
fn c03_withdrawal_brings_back_what_a_flood_pushed_out() {
    let (mut never, mut had) = (World::new(6, ""), World::new(6, ""));
    let since = NOW - 15 * HOUR;
    for world in [&mut never, &mut had] {
        for hour in 0..3 {
            world.hit("own", 0..4, "45.0.2.1", NOW - (18 + hour) * HOUR);
        }
        world.settle(since);
    }
    let before = had.units("45.0.2.1");
    assert_eq!(before.len(), 12);
    flood(&had, "own", 6, "45.0.2.1", since);
    had.settle(NOW - HOUR);
    let pushed_out = before.iter().filter(|unit| !had.units("45.0.2.1").contains(unit)).count();
    assert!(pushed_out > 0, "the flood did push out something");
    let withdrawal = Withdrawal {
        feed: Some("own".to_owned()),
        since: Some(since * 1000),
        until: Some(NOW * 1000),
        ..Withdrawal::default()
    };
    had.correct(Correction::Retract { withdrawal, reason: "it was broken into".to_owned() }, NOW - HOUR);
    assert_eq!(had.units("45.0.2.1"), before);
    let (never, had) = (state(&mut never, NOW), state(&mut had, NOW));
    assert_eq!(never, had);
}

/// C03 through the program. The foreign feed is known by its token and by nothing that it says, has a quota of its own,
/// lists nobody, and is withdrawn by one command, for good: also after a crash, and for what it sends later.
#[test]
fn c03_a_feed_is_withdrawn_by_one_command() {
    let mut service = Service::start(&(settings(6) + FAR));
    for number in 0..10 {
        for trap in 0..6 {
            let (status, answer) = far(
                &service,
                &format!("trap@d{trap}.example"),
                &message(&format!("83.70.212.{number}"), number * 6 + trap),
            );
            assert_eq!((status, &answer["evidence"]), (202, &"counted".into()));
        }
    }
    // One own trap beside it is too little, two are enough, and so are three alone.
    let own = |service: &Service, traps: usize, address: &str| {
        for trap in 0..traps {
            service.submit(&format!("trap@d{trap}.example"), &message(address, trap)).unwrap();
        }
    };
    own(&service, 1, "83.70.212.1");
    own(&service, 2, "83.70.212.2");
    own(&service, 3, "83.70.211.36");
    service.wait("own evidence", |service| service.lists("83.70.211.36") && service.lists("83.70.212.2"));
    let listed =
        |service: &Service| (0..10).filter(|last| service.lists(&format!("83.70.212.{last}"))).collect::<Vec<_>>();
    assert_eq!(listed(&service), [2]);
    let ledger = rusqlite::Connection::open(service.ledger()).unwrap();
    let by = |feed: &str| -> i64 {
        ledger.query_row("SELECT count(*) FROM facts WHERE feed = ?1", [feed], |row| row.get(0)).unwrap()
    };
    assert_eq!((by("far"), by("traps")), (60, 6));
    for token in ["far-token-for-tests-onlx", "", "far"] {
        let authorization = format!("Bearer {token}");
        let headers = [("Authorization", authorization.as_str()), ("Firsthand-Trap", "trap@d0.example")];
        assert_eq!(service.submit_with(&headers, &message("83.70.212.9", 1)).unwrap().0, 401, "{token:?}");
    }
    let done = service.run("retract", &["--feed", "far", "--reason", "it was broken into"]);
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    service.wait("the fall", |service| !service.lists("83.70.212.2"));
    let remains = |service: &Service| {
        assert_eq!(listed(service), [] as [i32; 0]);
        assert!(service.lists("83.70.211.36"), "what we saw ourselves stands");
        let units: i64 =
            ledger.query_row("SELECT count(*) FROM units WHERE feed = 'far'", [], |row| row.get(0)).unwrap();
        assert_eq!(units, 0);
    };
    remains(&service);
    service.kill_and_restart();
    for trap in 2..6 {
        far(&service, &format!("trap@d{trap}.example"), &message("83.70.212.2", 900 + trap));
    }
    own(&service, 3, "83.70.211.37");
    service.wait("what came after it", |service| service.lists("83.70.211.37"));
    remains(&service);
}

/// C03, G2. A partner's relays are declared for what he hands in, where the cap of a foreign feed holds him. They bring mail
/// to our own traps, too, with a victim in the lines that they write: that proves nothing but that they brought it.
#[test]
fn c03_a_partners_relay_lies_in_mail_to_our_own_traps() {
    let partner = "[[relay]]\nname = \"edge\"\nhosts = [\"mx.partner.example\"]\nnetworks = [\"83.70.214.25\"]\n\
                   dialect = \"postfix\"\n";
    let service = Service::start(&(settings(6) + partner + &FAR.replace("mx1", "edge")));
    let lie = |number: usize| {
        let line = message("83.70.211.36", number);
        String::from_utf8(line).unwrap().replace("mx1.example.net", "mx.partner.example")
    };
    for trap in 0..6 {
        let passed_on = "Received: from mx.partner.example (mx.partner.example [83.70.214.25])\n\tby mx1.example.net (Postfix) \
                         with ESMTP id 4F\n\tfor <trap@d0.example>; Mon, 23 Nov 2026 22:02:48 +0000 (UTC)\n";
        let (status, answer) =
            service.submit(&format!("trap@d{trap}.example"), (passed_on.to_owned() + &lie(trap)).as_bytes()).unwrap();
        assert_eq!((status, &answer["verdict"]["origin"]), (202, &"83.70.214.25".into()), "{answer}");
        let (_, answer) = far(&service, &format!("trap@d{trap}.example"), lie(100 + trap).as_bytes());
        assert_eq!(answer["verdict"]["origin"], "83.70.211.36", "what he hands in is read by his relays: {answer}");
        service.submit(&format!("trap@d{trap}.example"), &message("83.70.212.1", 200 + trap)).unwrap();
    }
    service.wait("own evidence", |service| service.lists("83.70.212.1"));
    assert!(!service.lists("83.70.211.36") && !service.lists("83.70.214.25"));
}

/// C03. A feed floods the intake. Its quota turns it away, with nobody else's samples.
#[test]
fn c03_a_feed_has_a_quota_of_its_own() {
    let service = Service::start(&(settings(3) + FAR + "quota = \"5/m\"\n"));
    let statuses: Vec<u16> =
        (0..30).map(|number| far(&service, "trap@d0.example", &message("83.70.212.1", number)).0).collect();
    assert!(statuses.iter().filter(|status| **status == 202).count() <= 10, "{statuses:?}");
    assert_eq!(statuses.last(), Some(&429));
    assert_eq!(service.submit("trap@d0.example", &message("83.70.211.36", 1)).unwrap().0, 202);
}

/// What those who use the list say of the victim because we list it.
fn rejections() -> Vec<Vec<u8>> {
    let texts = [
        "Nov 23 22:02:47 mx1 postfix/smtpd[412]: NOQUEUE: reject: RCPT from unknown[203.0.113.9]: 554 5.7.1 Service unavailable; Client host [203.0.113.9] blocked using bl.example; from=<a@b.example> to=<trap@d0.example> proto=ESMTP helo=<v.example>\n",
        "{\"event\":\"rejected\",\"client\":\"203.0.113.9\",\"zone\":\"bl.example\",\"rcpt\":\"trap@d0.example\"}\n",
        "Source-IP: 203.0.113.9\nFeedback-Type: abuse\nSubject: blocked using bl.example\n\n203.0.113.9 was rejected\n",
        "X-Client: 203.0.113.9\nX-Rejected-By: mx1.example.net; bl.example\n\n",
        "Received-SPF: fail (mx1.example.net: 203.0.113.9)\nX-Originating-IP: [203.0.113.9]\n\n554 blocked using bl.example\n",
        "",
        "\r\n\r\n",
    ];
    texts.into_iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// C09. A feeder reports rejections that our zone caused. Such an event has no message with a line of a known relay: it
/// proves nothing, however often it comes, and keeps nothing listed. A report by mail is evidence about who sent it.
#[test]
fn c09_rejections_by_our_zone_prove_nothing() {
    let channel = FAR.replace("far", "milter").replace("[\"mx1\"]\n", "[\"mx1\"]\nboundary = \"channel\"\n");
    let service = Service::start(&(settings(6) + FAR + &channel));
    let mut taken = 0;
    for (number, event) in rejections().into_iter().enumerate() {
        for trap in 0..6 {
            let trap = format!("trap@d{trap}.example");
            for answer in [far(&service, &trap, &event), service.submit(&trap, &event).unwrap()] {
                let (status, answer) = answer;
                assert_eq!(status, 202, "{answer}");
                assert_eq!(answer["evidence"], "unattributed", "event {number}: {answer}");
                assert!(answer["verdict"]["origin"].is_null(), "event {number}: {answer}");
                taken += 1;
            }
        }
    }
    // A channel that saw the victim come, and was refused before there was a message.
    for event in ["", "\n", "\r\n\r\n", " \t\n"] {
        for trap in 0..6 {
            let trap = format!("trap@d{trap}.example");
            let headers = [
                ("Authorization", "Bearer milter-token-for-tests-only"),
                ("Firsthand-Trap", trap.as_str()),
                ("Firsthand-Observed-Peer", "83.70.211.36"),
            ];
            let (status, answer) = service.submit_with(&headers, event.as_bytes()).unwrap();
            assert_eq!((status, &answer["evidence"]), (202, &"unattributed".into()), "{event:?}: {answer}");
        }
    }
    // The same told in a message: the origin is who reports.
    for trap in 0..2 {
        for event in rejections() {
            let report = [message("83.70.213.1", trap), b"Reported:\n".to_vec(), event].concat();
            let (_, answer) = service.submit(&format!("trap@d{trap}.example"), &report).unwrap();
            assert_eq!(answer["verdict"]["origin"], "83.70.213.1");
        }
    }
    let ledger = rusqlite::Connection::open(service.ledger()).unwrap();
    let origins: String =
        ledger.query_row("SELECT group_concat(DISTINCT origin) FROM units", [], |row| row.get(0)).unwrap();
    assert_eq!((taken, origins.as_str()), (84, "83.70.213.1"));
    for address in ["203.0.113.9", "83.70.211.36", "83.70.213.1"] {
        for list in ["", "backscatter.", "mixed."] {
            let name = reversed(address).replace("bl.example.", &format!("{list}bl.example."));
            assert_eq!(service.ask(&name, RecordType::A).1, [] as [&str; 0], "{address} {list}");
        }
    }
}

/// C09. A listed server's own bounces: what our list makes others refuse, it returns to the sender that the spam had
/// forged, a trap. That is reflected mail: it never counts for `spam`, and what we list does not list it longer.
#[test]
fn c09_bounces_that_our_listing_causes_prolong_nothing() {
    let fields = "From: MAILER-DAEMON@uni.example\nSubject: Undelivered Mail Returned to Sender\nAuto-Submitted: auto-replied\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\n";
    let body = "--b\nContent-Type: text/plain\n\nhost mx.far.example said: 554 5.7.1 Client host [203.0.113.9] blocked using bl.example\n\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mail.uni.example\n\nFinal-Recipient: rfc822; a@far.example\nAction: failed\nStatus: 5.7.1\nDiagnostic-Code: smtp; 554 5.7.1 blocked using bl.example\n\n--b--";
    let bounce = judged_from(&super::super::mail::message(VICTIM, fields, body), "");
    assert_eq!(bounce.nature(), Nature::Bounce);
    let spam: Vec<UnitKey> = (0..3).map(|trap| hit(VICTIM, Nature::Direct, false, trap, START)).collect();
    let end = |keys: Vec<UnitKey>| {
        let listed = listings(keys, &six_traps(), START + 40);
        listed.into_iter().find(|((_, list), _)| *list == List::Spam).map(|(_, listing)| listing.until)
    };
    let alone = end(spam.clone());
    assert!(alone.is_some());
    let bounces = (1..40).flat_map(|hour| (0..6).map(move |trap| (trap, START + hour)));
    let bounces = bounces.map(|(trap, hour)| witnessed(&bounce, trap, hour));
    assert_eq!(end(spam.into_iter().chain(bounces).collect()), alone);
}
