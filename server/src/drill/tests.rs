//! Can a drill fail where it should, and does it pass where it should?

use std::path::Path;

use firsthand_analyzer::forms::PLAIN;
use firsthand_analyzer::nature::Nature;

use super::mail::Text;
use super::*;

/// Three traps in as many domains, one of them a whole domain.
const TRAPS: &str = "[[trap]]\naddress = \"sales@traps.example\"\n[[trap]]\naddress = \"@shop.example\"\n\
    [[trap]]\naddress = \"info@club.example\"\n";

fn relay(dialect: &str, more: &str) -> String {
    format!(
        "[[relay]]\nname = \"mx1\"\nhosts = [\"mx*.example.net\"]\nnetworks = [\"10.9.0.10/32\"]\ndialect = \"{dialect}\"\n{more}\n"
    )
}

fn feed(name: &str, more: &str) -> String {
    format!("[[feed]]\nname = \"{name}\"\ntoken = \"{name}-token-for-tests-only\"\nrelays = [\"mx1\"]\n{more}\n")
}

fn settings(text: &str) -> Settings {
    Settings::parse(text, "test", Path::new("")).unwrap().settings
}

fn ground(text: &str) -> Ground {
    Ground::of(&settings(text))
}

fn usual() -> String {
    relay("postfix", "") + &feed("traps", "") + TRAPS
}

fn of<'o>(outcomes: &'o [Outcome], number: &str) -> &'o Outcome {
    outcomes.iter().rfind(|outcome| outcome.attack.number == number).unwrap()
}

fn harmful(outcomes: &[Outcome]) -> Vec<&str> {
    outcomes.iter().filter(|outcome| outcome.harms()).map(|outcome| outcome.attack.number).collect()
}

fn controlled(text: &str) -> Outcome {
    let settings = settings(text);
    control(&settings, &Ground::of(&settings))
}

#[test]
fn usual_settings_harm_nobody_and_list_the_guilty() {
    let outcomes = drill(&settings(&usual()));
    assert_eq!(harmful(&outcomes), [""; 0], "{outcomes:#?}");
    assert!(outcomes.iter().all(|outcome| outcome.held), "{outcomes:#?}");
    for number in ["control", "A01", "A02", "A03", "A04", "A07", "A08", "D04"] {
        let outcome = of(&outcomes, number);
        assert!(outcome.listed.iter().any(|listed| listed.list == List::Spam), "{outcome:?}");
    }
    assert_eq!(outcomes, drill(&settings(&usual())), "two drills of the same settings say the same");
}

/// Every dialect, also where none is declared; of the fields of a line only those where the sender chooses most.
#[test]
fn no_dialect_harms_anybody() {
    for dialect in ["auto", "exim", "sendmail", "qmail", "exchange", "courier", "opensmtpd"] {
        let ground = ground(&(relay(dialect, "") + &feed("traps", "stamps = \"checked\"") + TRAPS));
        let outcomes = attribution::attacks(&ground);
        assert_eq!(harmful(&outcomes), [""; 0], "{dialect}: {outcomes:#?}");
        assert!(!of(&outcomes, "A02").listed.is_empty(), "{dialect}: {outcomes:#?}");
    }
}

/// A quorum of one trap lists whoever the finder of one trap likes (C01).
#[test]
fn a_quorum_of_one_is_broken() {
    let policy = "[policy]\ntraps = 1\ntrap-domains = 1\nlist-at = 0.5\ndelist-at = 0.25\n";
    let outcomes = poisoning::attacks(&ground(&(policy.to_owned() + &usual())));
    assert_eq!(harmful(&outcomes), ["C01"]);
    let outcome = of(&outcomes, "C01");
    assert!(!outcome.held && outcome.note.contains("It takes 1 leaked trap over 1 trap domain"), "{outcome:?}");
}

/// Where strangers have addresses in a relay's networks, they write that relay's lines (A02).
#[test]
fn strangers_in_a_relay_s_networks_are_believed() {
    for wide in ["45.66.0.0/16", "45.0.0.0/8", "44.0.0.0/8", "2a00:1f::/32", "2a05::/32"] {
        let ground = ground(&usual().replace("10.9.0.10/32", wide));
        let outcomes = attribution::attacks(&ground);
        let outcome = outcomes.iter().find(|outcome| outcome.attack.name.contains("inside")).unwrap();
        assert!(outcome.harms() && outcome.listed.iter().any(|listed| listed.innocent), "{wide}: {outcome:?}");
        assert!(outcome.note.contains(wide), "{wide}: {outcome:?}");
    }
    let narrow = ground(&usual().replace("10.9.0.10/32", "45.66.77.0/28"));
    assert_eq!(harmful(&attribution::attacks(&narrow)), [""; 0]);
    let private = controlled(&usual().replace("10.9.0.10/32", "10.0.0.0/8"));
    assert!(private.note.contains("Whoever has an address in 10.0.0.0/8 is believed like relay mx1"), "{private:?}");
}

#[test]
fn a_relay_that_hides_its_peers_proves_nothing() {
    for dialect in ["mdaemon", "listserver"] {
        let outcome = controlled(&(relay(dialect, "") + &feed("traps", "") + TRAPS));
        assert!(outcome.listed.is_empty(), "{dialect}: {outcome:?}");
        assert!(outcome.note.contains("relay mx1 takes from a stranger proves nothing"), "{dialect}: {outcome:?}");
    }
}

/// A fetchmail polls: what it fetched is told by the line of the host behind it.
#[test]
fn fetched_mail_is_drilled_over_the_polled_host() {
    let polled = relay("postfix", "").replace("mx1", "mx2").replace("mx*", "pop*").replace("10.9.0.10", "10.9.0.11");
    let text = relay("fetchmail", "handovers = [\"fetchmail\"]") + &polled + &feed("traps", "") + TRAPS;
    let outcomes = attribution::attacks(&ground(&text));
    assert_eq!(harmful(&outcomes), [""; 0], "{outcomes:#?}");
    assert!(!of(&outcomes, "A02").listed.is_empty());
}

/// A09: an undeclared step leads nowhere; of a declared one the operator is told what he vouches for.
#[test]
fn declared_handovers_are_told() {
    for (handovers, told) in [("[]", false), ("[\"loopback\", \"pickup\"]", true)] {
        let text = relay("postfix", &format!("handovers = {handovers}")) + &feed("traps", "") + TRAPS;
        let outcomes = attribution::attacks(&ground(&text));
        assert_eq!(harmful(&outcomes), [""; 0]);
        let note = &of(&outcomes, "A09").note;
        assert_eq!(note.contains("declares loopback, pickup: whoever can hand it mail"), told, "{note}");
    }
}

#[test]
fn a_channel_tells_the_peer() {
    let outcomes = drill(&settings(&(relay("postfix", "") + &feed("traps", "boundary = \"channel\"") + TRAPS)));
    assert_eq!(harmful(&outcomes), [""; 0], "{outcomes:#?}");
    for number in ["control", "A01", "A02", "A08", "B05"] {
        assert!(!of(&outcomes, number).listed.is_empty(), "{number}: {outcomes:#?}");
    }
}

/// A foreign feed's relays write lines for that feed only: its mail is drilled over them, and ours is not.
#[test]
fn a_foreign_feeds_relays_are_its_own() {
    let edge = "[[relay]]\nname = \"edge\"\nhosts = [\"mx.partner.example\"]\nnetworks = [\"45.1.0.25\"]\n";
    let partner = feed("partner", "trust = \"foreign\"").replace("mx1", "edge");
    let text = usual() + edge + &partner;
    let ground = ground(&text);
    let over = |feed: &str| {
        let of_feed = ground.routes(1).filter(|route| ground.declared.feeds[route.feed].name == feed);
        let stops = of_feed.flat_map(|route| &route.stops).map(|stop| ground.relays[stop.relay].name.as_str());
        stops.collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!((over("traps"), over("partner")), (["mx1"].into(), ["edge", "mx1"].into()));
    assert_eq!(harmful(&drill(&settings(&text))), [""; 0]);
    let unnamed = text.replace("relays = [\"edge\"]", "relays = [\"mx1\"]");
    let told = |text: &str| controlled(text).note.contains("No feed names relay edge");
    assert!(told(&unnamed) && !told(&text));
}

#[test]
fn foreign_feeds_list_in_pairs_only() {
    let foreign = |name: &str| feed(name, "trust = \"foreign\"");
    let one = poisoning::attacks(&ground(&(usual() + &foreign("one"))));
    let alone = of(&one, "C03");
    assert!(!alone.harms() && alone.note.is_empty() && alone.aimed_at.len() == 100, "{alone:?}");
    let two = poisoning::attacks(&ground(&(usual() + &foreign("one") + &foreign("two"))));
    let pair = of(&two, "C03");
    assert!(!pair.harms() && pair.note.contains("one and two"), "{pair:?}");
}

#[test]
fn whoever_can_list_nobody_is_told() {
    for (text, note) in [
        (usual().replace("info@club.example", "info@traps.example"), "Too few traps or trap domains"),
        ("[policy]\nmode = \"shadow\"\n".to_owned() + &usual(), "Shadow mode"),
        ("[policy]\nlist-at = 9.0\n".to_owned() + &usual(), "Not even plain spam"),
        (String::new(), "No feed is declared"),
    ] {
        let outcome = controlled(&text);
        assert!(outcome.held && outcome.note.contains(note), "{note}: {outcome:?}");
    }
    assert_eq!(harmful(&drill(&Settings::default())), [""; 0]);
}

/// B05: where every trap sends, what is dressed as an answer escapes; that harms no innocent.
#[test]
fn dressed_spam_that_escapes_is_told() {
    let ground = ground(
        &usual()
            .replace(".example\"\n[[trap]]", ".example\"\nsends = true\n[[trap]]")
            .replace("info@club.example\"\n", "info@club.example\"\nsends = true\n"),
    );
    let outcomes = classification::attacks(&ground);
    let outcome = of(&outcomes, "B05");
    assert!(
        !outcome.held && !outcome.harms() && outcome.note.contains("register traps that never send"),
        "{outcome:?}"
    );
}

#[test]
fn recycled_and_typo_traps_list_nobody() {
    let more = (0..9).map(|number| {
        let tier = if number % 2 == 0 { "recycled" } else { "typo" };
        format!("[[trap]]\naddress = \"old@d{number}.example\"\ntier = \"{tier}\"\n")
    });
    let outcomes = poisoning::attacks(&ground(&(usual() + &more.collect::<String>())));
    assert_eq!(harmful(&outcomes), [""; 0]);
    assert_eq!(of(&outcomes, "C06").note, "");
}

/// The texts are what they are meant to be.
#[test]
fn texts_have_their_natures() {
    let ground = ground(&usual());
    let nature = |text: Text| {
        let shot = ground.shot(
            ground.routes(1).next().unwrap(),
            ground.server,
            &plain_said(&ground.target()),
            PLAIN,
            b"",
            text,
        );
        Tally::new(&ground).judge(&shot).nature()
    };
    assert_eq!(nature(SPAM), Nature::Direct);
    assert_eq!(nature(texts::BOUNCE), Nature::Bounce);
    assert_eq!(nature(texts::MISREAD), Nature::Direct);
    assert_eq!(texts::ANSWERS.map(nature), [Nature::AutoReply; 3]);
    assert_eq!(texts::CONFIRMATIONS.map(nature), [Nature::Confirmation; 2]);
    let dressed = texts::DRESSED.map(|(_, text)| nature(text));
    assert_eq!(dressed, [Nature::Bounce, Nature::Bounce, Nature::AutoReply, Nature::AutoReply]);
}
