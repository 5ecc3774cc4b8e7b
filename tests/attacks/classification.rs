//! B: can a server be made to look like a spammer by what it reflects, and can a spammer hide as a reflector?
//!
//! The innocent server that others make reflect is 203.0.113.9, the spammer 198.51.100.7. Traps `t0` to `t5` are
//! pristine, never send, and lie in domains of their own, unless a test says otherwise.

mod pretence;

use std::collections::{BTreeMap, BTreeSet};

use firsthand_analyzer::address::Origin;
use firsthand_analyzer::evidence::UnitKey;
use firsthand_analyzer::nature::Nature;
use firsthand_analyzer::score::{List, Policy, Registry, score};
use firsthand_analyzer::verdict::Verdict;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::harness::{self, Service, TOKEN};
use super::mail::*;

/// A delivery status notification by the book (RFC 3464) for a message whose sender was forged.
fn dsn(peer: &str, number: usize) -> Vec<u8> {
    let fields = format!(
        "From: MAILER-DAEMON@uni.example\nTo: trap@d0.example\nSubject: Undelivered Mail Returned to Sender\nMessage-ID: <b{number}@uni.example>\nAuto-Submitted: auto-replied\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\n"
    );
    let body = format!(
        "--b\nContent-Type: text/plain\n\nYour message could not be delivered.\n\n<user{number}@uni.example>: mailbox is gone\n\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mail.uni.example\n\nFinal-Recipient: rfc822; user{number}@uni.example\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 unknown\n\n--b\nContent-Type: text/rfc822-headers\n\nReceived: from spammer ([{ATTACKER}]) by mail.uni.example (Postfix) with ESMTP id 7; Mon, 23 Nov 2026 22:00:00 +0000\nFrom: trap@d0.example\nTo: user{number}@uni.example\nSubject: offer {number}\n\n--b--"
    );
    message(peer, &fields, &body)
}

/// Plain mail that somebody sends.
fn plain(peer: &str, number: usize) -> Vec<u8> {
    let fields = format!(
        "From: sales@shop.example\nTo: trap@d0.example\nSubject: Offer {number}\nMessage-ID: <c{number}@shop.example>\n"
    );
    message(peer, &fields, "Buy now, while there is any.")
}

/// B01. The attacker sends spam in the traps' names to a server that accepts first and bounces then: ten thousand times
/// or a few hundred, in an hour or a week, and one bounce in a hundred is mangled beyond recognition. Bounces never count
/// for `spam`, and where more than three quarters of what a trap got is reflected, the rest is presumed to be: `spam`
/// stays as it was, `backscatter` lists the server, for no longer than `spam` would.
#[test]
fn b01_backscatter_reflection() {
    let bounce = judged_from(&dsn(VICTIM, 1), "");
    let mangled = judged_from(&plain(VICTIM, 1), "someone@uni.example");
    assert_eq!((bounce.nature(), mangled.nature()), (Nature::Bounce, Nature::Direct));
    // Neither whom the bounce returns nor its sender is anybody's evidence.
    assert_eq!(bounce.origin, Ok(address(VICTIM)));
    assert!(bounce.framed.iter().any(|framed| framed == ATTACKER), "{:?}", bounce.framed);
    let origin = Origin::from(address(VICTIM));
    for (bounces, traps, hours, seed) in [
        (10_000, 6, 1, 1),
        (10_000, 6, 48, 3),
        (10_000, 20, 1, 4),
        (10_000, 20, 168, 6),
        (10_000, 100, 24, 7),
        (10_000, 100, 168, 8),
        (300, 6, 6, 9),
        (300, 20, 24, 10),
        (1_000, 6, 72, 11),
        (1_000, 20, 168, 12),
    ] {
        let domains: Vec<String> = (0..traps).map(|trap| format!("d{trap}.example")).collect();
        let registry = registry(&domains.iter().map(String::as_str).collect::<Vec<_>>());
        let mut dice = Dice(seed);
        let mut keys = Vec::new();
        for _ in 0..bounces {
            let verdict = if dice.roll(100) == 0 { &mangled } else { &bounce };
            keys.push(witnessed(verdict, dice.roll(traps), START + dice.roll(hours) as i64));
        }
        assert!(keys.iter().any(|key| key.nature == Nature::Direct));
        let known = units(keys.iter().cloned());
        // A listing begins with an hour of evidence, so each of these is asked for.
        let misread: BTreeSet<i64> =
            keys.iter().filter(|key| key.nature == Nature::Direct).map(|key| key.hour).collect();
        for hour in misread.into_iter().step_by(1 + hours / 16).chain([START + hours as i64]) {
            let listed = listed(&known, &registry, hour);
            assert!(!listed.contains_key(&(origin, List::Spam)), "{bounces} at {traps}, hour {hour}: {listed:?}");
        }
        let end = START + hours as i64;
        let backscatter = listed(&known, &registry, end).remove(&(origin, List::Backscatter)).unwrap();
        // As long as the same hits would keep a spammer, and no longer.
        let direct = keys.into_iter().map(|key| UnitKey { nature: Nature::Direct, null_sender: false, ..key });
        let spam = listings(direct, &registry, end).remove(&(origin, List::Spam)).unwrap();
        assert!(backscatter.until <= spam.until);
    }
    // A server that did send spam before keeps the listing that it had, to the second.
    let sent: Vec<UnitKey> = (0..4).map(|trap| witnessed(&mangled, trap, START)).collect();
    let bounces = (0..10_000).map(|number| witnessed(&bounce, number % 6, START + 25 + number as i64 / 1000));
    let before = listings(sent.iter().cloned(), &six_traps(), START + 36);
    let after = listings(sent.iter().cloned().chain(bounces), &six_traps(), START + 36);
    assert_eq!(before[&(origin, List::Spam)], after[&(origin, List::Spam)]);
    assert_eq!((before.len(), after.len()), (1, 2));
}

/// Headers of software that answers by itself, with the envelope's sender.
const ANSWERS: [(&str, &str); 25] = [
    ("", "Subject: SUBJECT\nAuto-Submitted: auto-replied\nIn-Reply-To: <1@d0.example>\n"),
    ("", "Subject: SUBJECT\nAuto-Submitted: auto-replied (vacation)\nPrecedence: bulk\n"),
    ("", "Subject: SUBJECT\nIn-Reply-To: <1@d0.example>\nReferences: <1@d0.example>\n"),
    ("", "Subject: SUBJECT\nPrecedence: junk\n"),
    ("", "Subject: SUBJECT\n"),
    ("<>", "Subject: SUBJECT\nX-Auto-Response-Suppress: All\nAuto-Submitted: auto-generated\n"),
    ("<>", "Subject: SUBJECT\nFrom: postmaster@uni.example\nX-Failed-Recipients: a@uni.example\n"),
    ("a@uni.example", "Subject: SUBJECT\nAuto-Submitted: auto-replied\n"),
    ("a@uni.example", "Subject: SUBJECT\nAUTO-SUBMITTED:\n Auto-Replied;\n owner-email=\"a@uni.example\"\n"),
    (
        "a@uni.example",
        "Subject: SUBJECT\nAuto-Submitted: auto-generated\nIn-Reply-To: <1@d0.example>\nPrecedence: bulk\n",
    ),
    (
        "a@uni.example",
        "Subject: SUBJECT\nAuto-Submitted: auto-generated\nIn-Reply-To: <1@d0.example>\nX-Auto-Response-Suppress: DR, OOF\n",
    ),
    ("a@uni.example", "Subject: SUBJECT\nPrecedence: auto_reply\n"),
    ("a@uni.example", "Subject: SUBJECT\nX-Autoreply: yes\n"),
    ("a@uni.example", "Subject: SUBJECT\nX-Auto-Reply: 1\n"),
    ("a@uni.example", "Subject: SUBJECT\nX-Autorespond: offer\n"),
    ("a@uni.example", "Subject: SUBJECT\nX-Autoresponder: squirrel\nPrecedence: bulk\n"),
    ("a@uni.example", "Subject: SUBJECT\nX-Vacation: yes\n"),
    ("a@uni.example", "Subject: SUBJECT\nX-Autogenerated: Reply\n"),
    ("a@uni.example", "Subject: SUBJECT\nX-MS-Exchange-Inbox-Rules-Loop: a@uni.example\n"),
    ("a@uni.example", "Subject: SUBJECT\nX-Yahoo-Autoreply: 1\n"),
    ("a@uni.example", "Subject: SUBJECT\nX-POST-MessageClass: 9; Autoresponder\n"),
    ("a@uni.example", "Subject: SUBJECT\nX-TMDA-Challenge: 1\n"),
    ("a@uni.example", "Subject: SUBJECT\nX-Boxbe-Challenge: 1\nIn-Reply-To: <1@d0.example>\n"),
    ("a@uni.example", "Subject: Auto: SUBJECT\nAuto-Submitted: auto-replied\nContent-Type: text/html\n"),
    (
        "help@uni.example",
        "Subject: [#4711] SUBJECT\nX-Powered-By: OTRS\nAuto-Submitted: auto-replied\nPrecedence: bulk\n",
    ),
];

/// What they say, in languages that no table of words need know: structure decides.
const SUBJECTS: [&str; 20] = [
    "Out of office",
    "Automatic reply: offer",
    "Abwesenheitsnotiz: Angebot",
    "Réponse automatique : offre",
    "Respuesta automática: oferta",
    "Risposta automatica: offerta",
    "Resposta automática",
    "Autosvar: tilbud",
    "Automaattinen vastaus",
    "Automatické odpovědi",
    "Autoodpowiedź",
    "Automatikus válasz",
    "Otomatik yanıt",
    "Αυτόματη απάντηση",
    "Автоответ",
    "自動応答",
    "自动答复",
    "자동 회신",
    "Jibu la moja kwa moja",
    "Re: offer",
];

/// B02. The attacker mails in the traps' names to people who are away, five hundred of them, whose software answers.
/// Header fields, null sender and reports tell what is automatic, in any language; no word of a body does. What is
/// reflected is in no `spam`, and a server that sends a few that nobody recognises isn't either.
#[test]
fn b02_automatic_answers() {
    let registry = six_traps();
    let mut missed = Vec::new();
    let mut all: Vec<Verdict> = Vec::new();
    for (sender, fields) in ANSWERS {
        for subject in SUBJECTS {
            let sample = message(VICTIM, &fields.replace("SUBJECT", subject), "I am away. 你好.");
            let verdict = judged_from(&sample, sender);
            if verdict.nature() == Nature::Direct {
                missed.push(format!("{fields} {subject}"));
            } else {
                let held = lists((0..6).map(|trap| witnessed(&verdict, trap, START)), &registry, VICTIM, START);
                assert!(!held.contains(&List::Spam), "{fields} {subject}: {held:?}");
            }
            all.push(verdict);
        }
    }
    assert_eq!(all.len(), 500);
    assert!(missed.len() <= 10, "{}:\n{}", missed.len(), missed.join("\n"));
    let mangled = judged_from(&plain(VICTIM, 1), "a@uni.example");
    for seed in 0..20 {
        let mut dice = Dice(seed);
        let mut keys = Vec::new();
        for _ in 0..500 {
            let verdict = if dice.roll(50) == 0 { &mangled } else { &all[dice.roll(all.len())] };
            keys.push(witnessed(verdict, dice.roll(6), START + dice.roll(24) as i64));
        }
        for hour in [1, 6, 12, 24, 48] {
            assert!(
                !lists(keys.iter().cloned(), &registry, VICTIM, START + hour).contains(&List::Spam),
                "{seed} {hour}"
            );
        }
    }
    // Words alone excuse nobody: spam that says that it is away, cannot be delivered, or wants to be confirmed.
    for subject in ["Re: your mail", "Offer", "News for March", "Holiday at the sea", "Your parcel"] {
        for body in [
            "I am out of the office until Monday and will answer then.",
            "This is an automatic reply. Please do not answer.",
            "Your message could not be delivered: user unknown.",
            "Please confirm your subscription by answering this mail.",
            "Ich bin nicht im Haus. Dies ist eine automatische Antwort.",
            "The following message contained a virus and was removed.",
        ] {
            let spam = message(ATTACKER, &format!("From: Ann <ann@shop.example>\nSubject: {subject}\n"), body);
            assert_eq!(judged_from(&spam, "ann@shop.example").nature(), Nature::Direct, "{subject}: {body}");
        }
    }
}

/// Requests to confirm, as list servers and newsletter software send them.
const CONFIRMATIONS: [(&str, &str); 5] = [
    (
        "From: news-request@lists.example\nSubject: confirm 0a1b2c3d4e5f60718293a4b5c6d7e8f901234567\nReply-To: news-confirm+0a1b2c3d4e5f6071@lists.example\nX-Mailman-Version: 2.1.39\nPrecedence: bulk\nAuto-Submitted: auto-generated\nList-Id: <news.lists.example>\nSender: \"News\" <news-bounces@lists.example>\n",
        "Mailing list subscription confirmation notice for mailing list News\n\nWe have received a request for subscription of your email address.",
    ),
    (
        "From: news-help@lists.example\nReply-To: news-sc.1795515070.abcdefghijklmnop-trap=d0.example@lists.example\nSubject: confirm subscribe to news@lists.example\nPrecedence: bulk\nMailing-List: contact news-help@lists.example; run by ezmlm\n",
        "Hi! This is the ezmlm program. To confirm that you would like\n\n   trap@d0.example\n\nadded to the news mailing list, please send an empty reply to this address:\n\n   news-sc.1795515070.abcdefghijklmnop-trap=d0.example@lists.example",
    ),
    (
        "From: Shop <hello@shop.example>\nSubject: Please confirm your subscription\nAuto-Submitted: auto-generated\n",
        "One more step: http://shop.example/subscribe/confirm?token=0123456789abcdef0123\n",
    ),
    (
        "From: Loja <ola@loja.example>\nSubject: Falta um passo\nAuto-Submitted: auto-generated\n",
        "Clique: https://loja.example/optin/confirm/9f8e7d6c5b4a39281706\n",
    ),
    (
        "From: Majordomo@lists.example\nReply-To: Majordomo@lists.example\nSubject: Confirmation for subscribe news\nPrecedence: bulk\n",
        "Someone (possibly you) has requested that your email address be added to or deleted from the mailing list \"news@lists.example\".\n\nIf you really want this action to be taken, please send the following commands (exactly as shown) back to \"Majordomo@lists.example\":\n\n\tauth 0a1b2c3d subscribe news trap@d0.example",
    ),
];

/// B03. The attacker signs the traps up at two thousand lists, again every day; each asks the traps to confirm. Such a
/// request is reflected and counts for `mixed` only; whoever goes on to send campaigns nonetheless is direct.
#[test]
fn b03_subscription_bombing() {
    let registry = registry(&["d0.example", "d1.example", "d2.example", "d3.example", "d4.example", "d4.example"]);
    let mut keys = Vec::new();
    for list in 0..2_000 {
        let (fields, body) = CONFIRMATIONS[list % CONFIRMATIONS.len()];
        let peer = format!("203.0.{}.{}", list / 250, list % 250 + 1);
        let verdict = judged_from(&message(&peer, fields, body), "news-bounces@lists.example");
        assert_eq!(verdict.nature(), Nature::Confirmation, "{fields}");
        for day in 0..5 {
            keys.extend((0..6).map(|trap| witnessed(&verdict, trap, START + 24 * day)));
        }
    }
    let known = units(keys);
    for day in [0, 4, 6] {
        let listed = listed(&known, &registry, START + 24 * day);
        assert!(listed.keys().all(|(_, list)| *list == List::Mixed), "{day}");
        assert!(day >= 5 || listed.len() == 2_000, "{day}: {}", listed.len());
    }
    let (fields, body) = CONFIRMATIONS[2];
    let asked = judged_from(&message(VICTIM, fields, body), "news@shop.example");
    let campaign = message(
        VICTIM,
        "From: news@shop.example\nSubject: March deals\nList-Unsubscribe: <http://shop.example/u/1>\nPrecedence: bulk\n",
        "Buy.",
    );
    let campaign = judged_from(&campaign, "bounces+1@shop.example");
    assert_eq!((asked.nature(), campaign.nature()), (Nature::Confirmation, Nature::Direct));
    let requests = |days: i64| (0..days).flat_map(|day| (0..6).map(move |trap| (trap, START + 24 * day)));
    let hits = requests(1).map(|(trap, hour)| witnessed(&asked, trap, hour));
    let sent = (0..6).map(|trap| witnessed(&campaign, trap, START + 2));
    assert_eq!(lists(hits.clone().chain(sent), &registry, VICTIM, START + 3), [List::Spam]);
    // To the trap that was signed up and to its neighbour alone, a campaign lists nobody.
    let few = (0..2).map(|trap| witnessed(&campaign, trap, START + 2));
    assert_eq!(lists(few, &registry, VICTIM, START + 3), []);
}

/// What servers write for other reasons than to bounce, with what it is.
const FAMILIES: [(Nature, &str, &str, &str); 14] = [
    (
        Nature::ListNotice,
        "news-bounces@l.example",
        "From: news-bounces@l.example\nSubject: Your message to News awaits moderator approval\nPrecedence: bulk\nX-Mailman-Version: 2.1.39\nList-Id: <news.l.example>\nX-List-Administrivia: yes\n",
        "Your mail to 'News' with the subject\n\n    offer\n\nIs being held until the list moderator can review it for approval.",
    ),
    (
        Nature::ListNotice,
        "owner-majordomo@l.example",
        "From: Majordomo@l.example\nSubject: Majordomo results: offer\nReply-To: Majordomo@l.example\n",
        ">>>> Buy now\n**** Command 'buy' not recognized.\n**** Help for Majordomo@l.example:",
    ),
    (
        Nature::ListNotice,
        "",
        "From: \"L-Soft list server\" <LISTSERV@l.example>\nSubject: Rejected posting to NEWS@l.example\n",
        "You are not authorized to send mail to the NEWS list from your trap@d0.example account.",
    ),
    (
        Nature::ListNotice,
        "",
        "From: news-help@l.example\nSubject: ezmlm response\nMailing-List: contact news-help@l.example; run by ezmlm\nPrecedence: junk\n",
        "Hi! This is the ezmlm program. I'm managing the news@l.example mailing list.",
    ),
    (
        Nature::ListNotice,
        "sympa-request@l.example",
        "From: SYMPA <sympa@l.example>\nSubject: Message distribution: Unauthorized\nAuto-Submitted: auto-replied\nPrecedence: bulk\n",
        "Your message for list 'news' was rejected. You are not authorized to send it.",
    ),
    (
        Nature::Receipt,
        "",
        "From: a@u.example\nSubject: Read: offer\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=disposition-notification; boundary=b\n",
        "--b\nContent-Type: text/plain\n\nYour message was displayed.\n\n--b\nContent-Type: message/disposition-notification\n\nFinal-Recipient: rfc822; a@u.example\nOriginal-Message-ID: <1@d0.example>\nDisposition: manual-action/MDN-sent-manually; displayed\n\n--b--",
    ),
    (
        Nature::AbuseReport,
        "",
        "From: feedback@i.example\nSubject: FW: offer\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\n",
        "--b\nContent-Type: text/plain\n\nThis is an abuse report.\n\n--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nUser-Agent: x/1\nVersion: 1\n\n--b\nContent-Type: message/rfc822\n\nFrom: trap@d0.example\nSubject: offer\n\nbuy\n--b--",
    ),
    (
        Nature::AutoReply,
        "help@u.example",
        "From: Support <help@u.example>\nSubject: [u.example #4711] AutoReply: offer\nX-RT-Loop-Prevention: u.example\nRT-Ticket: u.example #4711\nManaged-by: RT 4.4.4\nPrecedence: bulk\nAuto-Submitted: auto-generated\nIn-Reply-To: <1@d0.example>\n",
        "Greetings,\n\nThis message has been automatically generated in response to the creation of a trouble ticket regarding \"offer\".",
    ),
    (
        Nature::AutoReply,
        "help@u.example",
        "From: Support <help@u.example>\nSubject: [Ticket#2026112310000011] RE: offer\nX-Mailer: OTRS Mail Service (6.0)\nX-Powered-By: OTRS (https://otrs.com/)\nAuto-Submitted: auto-replied\nPrecedence: bulk\n",
        "Thank you for your request, which has got the number above.",
    ),
    (
        Nature::AutoReply,
        "support@u.zendesk.example",
        "From: Support <support@u.zendesk.example>\nSubject: [Request received] offer\nAuto-Submitted: auto-generated\nX-Auto-Response-Suppress: All\nX-Zendesk-From-Account-Id: 1a2b\nX-Mailer: Zendesk Mailer\nIn-Reply-To: <1@d0.example>\n",
        "Your request (4711) has been received and is being reviewed by our support staff.",
    ),
    (
        Nature::VirusNotice,
        "",
        "From: \"Content-filter at u.example\" <virusalert@u.example>\nSubject: VIRUS (Eicar) IN MAIL FROM YOU\nX-Amavis-Alert: INFECTED, message contains virus: Eicar\n",
        "VIRUS ALERT\n\nOur content checker found virus: Eicar in your email.",
    ),
    (
        Nature::Challenge,
        "a-bounces@u.example",
        "From: a@u.example\nSubject: Please confirm your message\nReply-To: a-confirm-accept.1795515070.21884.b3f01c@u.example\nAuto-Submitted: auto-replied\nPrecedence: bulk\nX-Delivery-Agent: TMDA/1.1.12\nIn-Reply-To: <1@d0.example>\n",
        "This message was created automatically by mail delivery software (TMDA).\n\nYour message is being held because your address was not recognized.\nTo release it, simply reply to this message.",
    ),
    (Nature::Confirmation, "news-bounces@l.example", CONFIRMATIONS[0].0, CONFIRMATIONS[0].1),
    (
        Nature::Bounce,
        "",
        "From: MAILER-DAEMON@u.example\nSubject: failure notice\n",
        "Hi. This is the qmail-send program at u.example.\nI'm afraid I wasn't able to deliver your message to the following addresses.\n\n<a@u.example>:\nSorry, no mailbox here by that name. (#5.1.1)",
    ),
];

/// B04. List servers, receipts, abuse reports, tickets, scanners: each is a kind of its own by its header family, and
/// counts as reflected mail does. An abuse report weighs nothing where reports are accepted, and is mail elsewhere.
#[test]
fn b04_one_of_each_family() {
    for (nature, sender, fields, body) in FAMILIES {
        let verdict = judged_from(&message(VICTIM, fields, body), sender);
        assert_eq!(verdict.nature(), nature, "{fields}{:?}", verdict.recognised.grounds);
        let held = |registry: &Registry| {
            lists(
                (0..6).flat_map(|trap| (0..9).map(move |_| trap)).map(|trap| witnessed(&verdict, trap, START)),
                registry,
                VICTIM,
                START,
            )
        };
        let mut accepting = six_traps();
        accepting.traps.values_mut().for_each(|trap| trap.accepts_reports = true);
        let reflected = if sender.is_empty() { List::Backscatter } else { List::Mixed };
        let (plain, accepted) = match nature {
            Nature::AbuseReport => (vec![List::Spam], Vec::new()),
            _ => (vec![reflected], vec![reflected]),
        };
        assert_eq!((held(&six_traps()), held(&accepting)), (plain, accepted), "{fields}");
    }
}

/// What stands against an origin in a list.
fn value(keys: impl IntoIterator<Item = UnitKey>, list: List, registry: &Registry) -> f64 {
    let all = units(keys);
    all.values().map(|units| score(units, list, registry, &Policy::default(), START * 3600).value).sum()
}
