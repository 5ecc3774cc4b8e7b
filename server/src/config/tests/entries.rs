//! Mistakes of `[[relay]]`, `[[feed]]`, `[[trap]]`, `[[exempt]]` and `[[list]]`.

use super::*;

#[test]
fn relays_are_checked() {
    let good = RELAY_AND_FEED.to_owned() + "relays = [\"mx1\"]\n";
    let with = |old: &str, new: &str| good.replace(old, new);
    let cases = [
        (
            with("[\"10.9.0.10\"]", "[\"10.9.0.300/32\"]"),
            4,
            "networks",
            "\"10.9.0.300/32\" is not a network",
            "\"10.9.0.0/24\"",
        ),
        (
            with("[\"10.9.0.10\"]", "[\"10.9.0.1/24\"]"),
            4,
            "networks",
            "bits set beyond its prefix",
            "write \"10.9.0.0/24\"",
        ),
        (with("[\"10.9.0.10\"]", "[\"10.9.0.1\",\n\"0.0.0.0/0\"]"), 5, "networks", "holds strangers", "10.9.0.10/32"),
        (with("[\"10.9.0.10\"]", "[\"::/0\"]"), 4, "networks", "holds strangers", "2001:db8::10/128"),
        (with("[\"10.9.0.10\"]", "[]"), 4, "networks", "is empty", "networks = [\"10.9.0.10/32\"]"),
        (with("networks = [\"10.9.0.10\"]", ""), 1, "networks", "is missing", "write networks = [\"10.9.0.10/32\"]"),
        (with("[\"mx1.example.net\"]", "[\"*\"]"), 3, "hosts", "match any name", "mx*.example.net"),
        (with("[\"mx1.example.net\"]", "[\"mx1 (Postfix)\"]"), 3, "hosts", "no host name has", "mx1.example.net"),
        (
            with("[\"mx1.example.net\"]", "[]"),
            3,
            "hosts",
            "feed \"traps\" reads headers: a topology without names",
            "hosts = [",
        ),
        (
            with("hosts = [\"mx1.example.net\"]", ""),
            1,
            "hosts",
            "a topology without names may analyze but never list",
            "\"by\"",
        ),
        (
            good.clone() + "[[relay]]\nname = \"mx1\"\nnetworks = [\"::1\"]\nhosts = [\"x\"]",
            10,
            "name",
            "the name on line 2",
            "another name",
        ),
        (
            good.clone() + "[[relay]]\nname = \" \"\nnetworks = [\"::1\"]\nhosts = [\"x\"]",
            10,
            "name",
            "not a name for a relay",
            "\"mx1\"",
        ),
        (
            good.clone() + "[[relay]]\nnetworks = [\"::1\"]\nhosts = [\"x\"]",
            9,
            "name",
            "is missing",
            "write name = \"mx1\"",
        ),
    ];
    for (text, line, key, what, mend) in &cases {
        assert_mistake(text, *line, &format!("relay.{key}"), what, mend);
    }
    let whole = mistakes(&cases[0].0)[0].to_string();
    let line = r#"x.toml:4: relay.networks: "10.9.0.300/32" is not a network; write an address or a prefix, for example "10.9.0.0/24""#;
    assert_eq!(whole, line);
    let channel = RELAY_AND_FEED.replace("hosts = [\"mx1.example.net\"]", "") + "boundary = \"channel\"";
    assert!(loaded(&channel).settings.relays[0].hosts.is_empty(), "without header feeds, names are not needed");
}

#[test]
fn feeds_are_checked() {
    let good = RELAY_AND_FEED.to_owned() + "relays = [\"mx1\"]\n";
    let with = |old: &str, new: &str| good.replace(old, new);
    let token = "token = \"TOKEN-TOKEN-TOKEN\"";
    let second = |rest: &str| good.clone() + "[[feed]]\nrelays = [\"mx1\"]\n" + rest;
    let digest = "token-digest = \"".to_owned() + &"0".repeat(64) + "\"";
    let cases = [
        (RELAY_AND_FEED.to_owned(), 5, "relays", "names no relay", "relays = [\"mx1\"]"),
        (with("relays = [\"mx1\"]", "relays = []"), 8, "relays", "names no relay", "boundary = \"channel\""),
        (
            with("relays = [\"mx1\"]", "relays = [\"mx1\",\n\"mx11\"]"),
            9,
            "relays",
            "\"mx11\" is no relay",
            "did you mean \"mx1\"? the relays are mx1",
        ),
        (
            with("relays = [\"mx1\"]", "relays = [\"gateway\", \"mx1\"]"),
            8,
            "relays",
            "\"gateway\" is no relay",
            "the relays are mx1",
        ),
        (with("\"traps\"", "\"our traps\""), 6, "name", "not a name for a feed", "\"traps\""),
        (with("\"traps\"", "\"\""), 6, "name", "not a name for a feed", "\"traps\""),
        (second(&format!("name = \"traps\"\n{digest}")), 11, "name", "the name on line 6", "another name"),
        (
            second(&format!("name = \"others\"\n{token}")),
            12,
            "token",
            "the token on line 7, too",
            "openssl rand -base64 32",
        ),
        (with(token, ""), 5, "token", "is missing, and so are token-file and token-digest", "openssl rand -base64 32"),
        (with(token, "token = \"\""), 7, "token", "the token is empty", "openssl rand -base64 32"),
        (with(token, "token = \"short\""), 7, "token", "has 5 of at least 16 characters", "openssl rand -base64 32"),
        (with(token, "token = \"TOKEN TOKEN TOKEN\""), 7, "token", "a header cannot carry", "openssl rand -base64 32"),
        (with(token, "token-digest = \"SECRET-SECRET\""), 7, "token-digest", "64 hexadecimal digits", "b3sum"),
        (with(token, &format!("{token}\n{digest}")), 8, "token-digest", "second token", "the one on line 7"),
        (with(token, &format!("token-file = \"t\"\n{token}")), 7, "token-file", "second token", "the one on line 8"),
        (
            with(token, "token-file = \"no/such.token\""),
            7,
            "token-file",
            "\"no/such.token\" cannot be read",
            "> no/such.token",
        ),
        (with(token, "token-file = \"/\""), 7, "token-file", "cannot be read: Is a directory", "read it"),
    ];
    for (text, line, key, what, mend) in &cases {
        assert_mistake(text, *line, &format!("feed.{key}"), what, mend);
    }
    let unknown = "[[feed]]\nname = \"traps\"\ntoken = \"TOKEN-TOKEN-TOKEN\"\nrelays = [\"mx1\"]\n";
    assert_mistake(unknown, 4, "feed.relays", "no relay of this file", "declare it with [[relay]] name = \"mx1\"");
}

#[test]
fn a_feeds_weight_lies_between_nothing_and_one() {
    let with = |line: &str| format!("{RELAY_AND_FEED}relays = [\"mx1\"]\n{line}\n");
    assert_eq!(loaded(&with("")).settings.feeds[0].weight, 1.0);
    let settings = loaded(&with("weight = 0.25")).settings;
    assert_eq!(settings.feeds[0].weight, 0.25);
    assert_eq!(loaded(&settings.to_toml()).settings, settings);
    loaded(&with("kind = \"wanted\"\nweight = 1"));
    for (line, at, what) in [
        ("weight = 0", 9, "greater than 0"),
        ("weight = -0.5", 9, "greater than 0"),
        ("weight = 1.01", 9, "at most 1"),
        ("weight = nan", 9, "greater than 0"),
        ("weight = \"1\"", 9, "must be a number"),
        ("kind = \"wanted\"\nweight = 0.5", 10, "no meaning"),
    ] {
        assert_mistake(&with(line), at, "feed.weight", what, "weight = 0.5");
    }
    // What no feed can say, nobody is listed by.
    let traps: String = (0..3).map(|trap| format!("[[trap]]\naddress = \"@d{trap}.example\"\n")).collect();
    let warned = |line: &str| {
        let warnings = loaded(&(with(line) + &traps)).warnings;
        warnings
            .iter()
            .map(|warning| format!("{} {}", warning.key.as_deref().unwrap_or_default(), warning.what))
            .collect::<Vec<_>>()
    };
    assert_eq!(warned("weight = 0.9"), [""; 0]);
    assert!(
        warned("weight = 0.8")[0]
            .starts_with("policy.list-at asks for 2.5, and all registered traps together reach 2.40")
    );
    assert!(warned("weight = 0.4")[0].starts_with("policy.traps asks for 3 traps, and no feed of theirs weighs 0.5"));
}

#[test]
fn a_feeds_silence_is_a_length_of_time() {
    let with = |line: &str| format!("{RELAY_AND_FEED}relays = [\"mx1\"]\n{line}\n");
    assert_eq!(loaded(&with("")).settings.feeds[0].silence, None);
    for (text, seconds) in [("6h", 21_600), ("90m", 5400), ("3d", 259_200)] {
        let settings = loaded(&with(&format!("silence = \"{text}\""))).settings;
        assert_eq!(settings.feeds[0].silence, Some(Duration::from_secs(seconds)));
        assert_eq!(loaded(&settings.to_toml()).settings, settings);
    }
    assert_mistake(&with("silence = \"0s\""), 9, "feed.silence", "longer than nothing", "\"6h\"");
    assert_mistake(&with("silence = 6"), 9, "feed.silence", "must be a text", "6h");
}

#[test]
fn the_traps_of_a_feed_are_registered() {
    let traps = "[[trap]]\naddress = \"@A.example\"\n[[trap]]\naddress = \"x@b.example\"\n";
    let with = |line: &str| format!("{RELAY_AND_FEED}relays = [\"mx1\"]\n{line}\n{traps}");
    assert_eq!(loaded(&with("")).settings.feeds[0].traps, None);
    let settings = loaded(&with("traps = [\"X@B.example\", \"@a.example\"]")).settings;
    assert_eq!(settings.feeds[0].traps.as_ref().map(Vec::len), Some(2));
    assert_eq!(loaded(&settings.to_toml()).settings, settings);
    for (line, at, what, mend) in [
        (
            "traps = [\"x@b.example\",\n\"y@b.example\"]",
            10,
            "\"y@b.example\" is no trap",
            "did you mean \"x@b.example\"?",
        ),
        ("traps = [\"z@a.example\"]", 9, "\"z@a.example\" is no trap", "[[trap]] address = \"z@a.example\""),
        ("traps = [\"b.example\"]", 9, "has no \"@\"", "sales@traps.example"),
        ("traps = []", 9, "is empty", "sales@traps.example"),
        ("kind = \"wanted\"\ntraps = [\"x@b.example\"]", 10, "no meaning", "take it out"),
    ] {
        assert_mistake(&with(line), at, "feed.traps", what, mend);
    }
}

/// G4: what a partner vouches for is his; a relay that nobody names stands behind ours.
#[test]
fn a_relay_of_a_foreign_feed_is_known_to_that_feed_only() {
    let mut text = String::new();
    for (number, relay) in ["ours", "behind", "both", "far", "farther", "isp", "office"].into_iter().enumerate() {
        let network = format!("10.9.0.{number}");
        text += &format!("[[relay]]\nname = \"{relay}\"\nhosts = [\"{relay}.example\"]\nnetworks = [\"{network}\"]\n");
    }
    let feed = |name: &str, relays: &str, more: &str| {
        format!("[[feed]]\nname = \"{name}\"\ntoken = \"{name}-TOKEN-TOKEN-TOKEN\"\nrelays = {relays}\n{more}\n")
    };
    let foreign = "trust = \"foreign\"";
    text += &feed("own", "[\"ours\", \"both\"]", "");
    text += &feed("far", "[\"far\", \"both\"]", foreign);
    text += &feed("farther", "[\"farther\"]", foreign);
    let reports = "kind = \"reports\"\nreporter-networks = [\"45.0.0.0/28\"]\nreporter-relays = [\"isp\"]";
    text += &feed("reports", "[\"ours\"]", reports);
    text += &feed("mailboxes", "[\"office\"]", "kind = \"wanted\"");
    let settings = loaded(&text).settings;
    for (feed, known) in [
        ("own", "ours behind both"),
        ("far", "ours behind both far"),
        ("farther", "ours behind both farther"),
        ("reports", "ours behind both"),
        ("mailboxes", "ours behind both office"),
    ] {
        let feed = settings.feeds.iter().find(|candidate| candidate.name == feed).unwrap();
        let relays = settings.relays.iter().map(|relay| relay.name.as_str());
        let found: Vec<&str> = relays.filter(|relay| feed.knows(relay, &settings.feeds)).collect();
        assert_eq!(found.join(" "), known, "{}", feed.name);
    }
}

#[test]
fn reporters_are_checked() {
    let good = RELAY_AND_FEED.to_owned()
        + "relays = [\"mx1\"]\nkind = \"reports\"\nreporter-networks = [\"45.0.0.0/28\"]\nreporter-relays = [\"isp-mx\"]\n\
           [[relay]]\nname = \"isp-mx\"\nhosts = [\"mx.isp.example\"]\nnetworks = [\"45.1.0.10\"]\n";
    let settings = loaded(&good).settings;
    let feed = &settings.feeds[0];
    // Whoever has a mailbox there may forge what he reports, and reports come late.
    assert_eq!((feed.trust, feed.stamps), (Trust::Foreign, Stamps::Checked));
    assert_eq!(feed.reporter_relays, ["isp-mx"]);
    assert_eq!(loaded(&settings.to_toml()).settings, settings);
    let with = |old: &str, new: &str| good.replace(old, new);
    let cases = [
        (
            with("reporter-networks = [\"45.0.0.0/28\"]\n", ""),
            5,
            "reporter-networks",
            "is missing",
            "reporter-networks = [",
        ),
        (with("reporter-relays = [\"isp-mx\"]\n", ""), 5, "reporter-relays", "is missing", "[\"isp-mx\"]"),
        (with("[\"45.0.0.0/28\"]", "[]"), 10, "reporter-networks", "is empty", "192.0.2.0/28"),
        (with("[\"45.0.0.0/28\"]", "[\"0.0.0.0/0\"]"), 10, "reporter-networks", "holds strangers", "10.9.0.10/32"),
        (
            with("[\"45.0.0.0/28\"]", "[\"10.9.0.0/24\"]"),
            10,
            "reporter-networks",
            "relay \"mx1\"",
            "none of your relays'",
        ),
        (with("[\"isp-mx\"]", "[]"), 11, "reporter-relays", "is empty", "isp-mx"),
        (
            with("[\"isp-mx\"]", "[\"isp-mx1\"]"),
            11,
            "reporter-relays",
            "\"isp-mx1\" is no relay",
            "did you mean \"isp-mx\"?",
        ),
        (
            with("kind = \"reports\"\n", "").replace("reporter-relays = [\"isp-mx\"]\n", ""),
            9,
            "reporter-networks",
            "no meaning",
            "kind = \"reports\"",
        ),
        (
            with("\"reports\"", "\"wanted\"").replace("reporter-networks = [\"45.0.0.0/28\"]\n", ""),
            10,
            "reporter-relays",
            "no meaning",
            "take it out",
        ),
    ];
    for (text, line, key, what, mend) in &cases {
        assert_mistake(text, *line, &format!("feed.{key}"), what, mend);
    }
    // What a reporter's relay wrote is read by headers, whatever the channel of the report.
    let nameless = with("hosts = [\"mx.isp.example\"]\n", "").replace("kind", "boundary = \"channel\"\nkind");
    assert_mistake(&nameless, 13, "relay.hosts", "names no host", "\"by\"");
    // One that the feed names in `relays` as well is known to it, and a report's way is followed behind it.
    let both = with("relays = [\"mx1\"]", "relays = [\"mx1\", \"isp-mx\"]").replace("45.0.0.0/28", "45.1.0.0/28");
    assert_mistake(&both, 10, "feed.reporter-networks", "relay \"isp-mx\"", "none of your relays'");
    loaded(&with("45.0.0.0/28", "45.1.0.0/28"));
    let warnings = loaded(&with("45.0.0.0/28", "46.0.0.0/8")).warnings;
    assert!(warnings.iter().any(|warning| warning.what.contains("is wide")), "{warnings:?}");
}

#[test]
fn traps_exemptions_and_lists_are_checked() {
    let list = |name: &str, code: &str| format!("[[list]]\nname = \"{name}\"\ncode = \"{code}\"\nfile = \"f\"\n");
    let cases = [
        ("[[trap]]\ntier = \"typo\"\n".to_owned(), 1, "trap.address", "is missing", "sales@traps.example"),
        (
            "[[trap]]\naddress = \"traps.example\"\n".to_owned(),
            2,
            "trap.address",
            "has no \"@\"",
            "\"@traps.example\" for the whole domain",
        ),
        (
            "[[trap]]\naddress = \"a@traps..example\"\n".to_owned(),
            2,
            "trap.address",
            "1 to 63 characters",
            "sales@traps.example",
        ),
        (
            "[[trap]]\naddress = \"a@t.example\"\n[[trap]]\naddress = \"A@T.example\"\n".to_owned(),
            4,
            "trap.address",
            "the trap on line 2",
            "counts once",
        ),
        (
            "[[trap]]\naddress = \"@t.example\"\n[[trap]]\naddress = \"@t.example\"\n".to_owned(),
            4,
            "trap.address",
            "the trap on line 2",
            "counts once",
        ),
        ("[[exempt]]\nreason = \"x\"\n".to_owned(), 1, "exempt.networks", "is missing", "198.51.100.0/24"),
        (
            "[[exempt]]\nnetworks = [\"::1/64\"]\nreason = \"x\"\n".to_owned(),
            2,
            "exempt.networks",
            "beyond its prefix",
            "\"::/64\"",
        ),
        ("[[exempt]]\nnetworks = []\nreason = \"x\"\n".to_owned(), 2, "exempt.networks", "is empty", "198.51.100.0/24"),
        (
            "[[exempt]]\nnetworks = [\"::1\"]\nreason = \" \"\n".to_owned(),
            3,
            "exempt.reason",
            "1 to 1000 bytes",
            "say why",
        ),
        ("[[exempt]]\nnetworks = [\"::1\"]\n".to_owned(), 1, "exempt.reason", "is missing", "our own mail servers"),
        (
            "[[exempt]]\nnetworks = [\"::1\"]\nreason = \"x\"\nuntil = 1\n".to_owned(),
            4,
            "exempt.until",
            "unknown key",
            "networks, reason",
        ),
    ];
    for (text, line, key, what, mend) in &cases {
        assert_mistake(text, *line, key, what, mend);
    }
    let lists = [
        (list("m", "127.0.0.20"), 2, "list.name", "RFC 5782 §2.3"),
        (list("127", "127.0.0.20"), 2, "list.name", "RFC 5782 §2.3"),
        (list("backscatter", "127.0.0.20"), 2, "list.name", "the evidence makes"),
        (list("manual", "128.0.0.20"), 3, "list.code", "127.0.0.0/8"),
        (list("manual", "127.0.0.1"), 3, "list.code", "never be listed"),
        (list("manual", "127.0.0.5"), 3, "list.code", "the code of backscatter"),
        (list("manual", "127.0.0.20") + "format = \"bind\"\n", 5, "list.format", "\"bind\""),
        (list("manual", "127.0.0.20") + &list("other", "127.0.0.20"), 7, "list.code", "the code on line 3"),
        (list("manual", "127.0.0.20") + &list("Manual", "127.0.0.21"), 6, "list.name", "the name on line 2"),
    ];
    for (text, line, key, what) in &lists {
        let told = mistakes(text);
        let [mistake] = told.as_slice() else { panic!("{text}\n{told:#?}") };
        assert_eq!((mistake.position.map(|at| at.line), mistake.key.as_deref()), (Some(*line), Some(*key)), "{text}");
        assert!(mistake.what.contains(what), "{mistake}");
    }
}

/// A02: whoever has an address in a relay's network is believed like the relay.
#[test]
fn a_wide_public_relay_network_is_told_of() {
    let warned = |network: &str| {
        let text = format!("[[relay]]\nname = \"mx1\"\nhosts = [\"mx1.example.net\"]\nnetworks = [\"{network}\"]\n");
        let warnings = Settings::parse(&text, "test", Path::new("")).unwrap().warnings;
        warnings.iter().any(|warning| warning.to_string().contains("is wide"))
    };
    assert!(warned("45.0.0.0/8") && warned("26.1.0.0/23") && warned("2a00:1f::/32"));
    assert!(!warned("10.0.0.0/8") && !warned("26.1.2.0/24") && !warned("2a00:1f:2::/48") && !warned("fc00::/7"));
}
