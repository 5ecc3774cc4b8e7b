//! `[[intake]]`: what it means, and its mistakes.

use super::*;

const BASE: &str = "[[relay]]\nname = \"mx1\"\nhosts = [\"mx1.example.net\"]\nnetworks = [\"10.9.0.10\"]\n\
                    [[feed]]\nname = \"own\"\ntoken = \"a-token-for-tests-one\"\nrelays = [\"mx1\"]\nnetworks = [\"127.0.0.1\"]\n\
                    [[feed]]\nname = \"seen\"\ntoken = \"a-token-for-tests-two\"\nboundary = \"channel\"\nnetworks = [\"10.9.0.0/24\"]\n";

fn with(intake: &str) -> String {
    format!("{BASE}[[intake]]\n{intake}\n")
}

#[test]
fn every_kind_is_read_and_printed() {
    let text = BASE.to_owned()
        + r#"
[[intake]]
kind = "lmtp"
listen = ["127.0.0.1:2424", "unix:/run/firsthand/lmtp"]
socket-group = "postfix"
feed = "own"
xclient = ["127.0.0.1"]
[[intake]]
kind = "smtp"
listen = ["127.0.0.1:2525"]
hostname = "Traps.Example"
proxies = ["10.9.0.1"]
[[intake]]
kind = "trap-server"
listen = ["192.0.2.25:25"]
feed = "seen"
greeting-delay = "5s"
rcpt-delay = "1s"
unknown-recipients = "accept"
action = "reject"
[[intake]]
kind = "milter"
listen = ["unix:milter"]
feed = "seen"
action = "discard"
[[intake]]
kind = "maildir"
path = "Maildir"
trap = "@traps.example"
feed = "own"
taken = "deleted"
"#;
    let settings = Settings::parse(&text, "x.toml", Path::new("/etc/firsthand")).unwrap().settings;
    let [lmtp, smtp, server, milter, maildir] = settings.intakes.as_slice() else { panic!("{:?}", settings.intakes) };
    let unix = |path: &str| ListenAddress::Unix(path.into());
    assert_eq!(lmtp.channel.listen()[1], unix("/run/firsthand/lmtp"));
    assert_eq!((lmtp.feed.as_deref(), lmtp.channel.socket_group()), (Some("own"), Some("postfix")));
    let ChannelSettings::Smtp(smtp_settings) = &smtp.channel else { panic!() };
    assert_eq!((smtp.feed.as_deref(), smtp_settings.hostname.as_deref()), (None, Some("traps.example")));
    let ChannelSettings::TrapServer(server) = &server.channel else { panic!() };
    assert_eq!(server.greeting_delay, Duration::from_secs(5));
    assert_eq!((server.unknown_recipients, server.action), (UnknownRecipients::Accept, TrapAction::Reject));
    assert_eq!(milter.channel.listen(), [unix("/etc/firsthand/milter")]);
    let ChannelSettings::Maildir(maildir) = &maildir.channel else { panic!() };
    assert_eq!((maildir.path.as_path(), maildir.taken), (Path::new("/etc/firsthand/Maildir"), Taken::Deleted));
    let printed = settings.to_toml();
    assert_eq!(loaded(&printed).settings, settings, "{printed}");
}

#[test]
fn mistakes_name_their_place_and_mend() {
    let line = BASE.lines().count() + 2;
    for (text, at, key, what, mend) in [
        ("kind = \"lmpt\"\nlisten = [\"127.0.0.1:24\"]", 0, "kind", "\"lmpt\" is not known", "did you mean \"lmtp\""),
        ("listen = [\"127.0.0.1:24\"]", -1, "kind", "is missing", "kind = \"lmtp\""),
        ("kind = \"lmtp\"", -1, "listen", "is missing", "listen = [\"127.0.0.1:24\"]"),
        ("kind = \"lmtp\"\nlisten = [\"127.0.0.1\"]", 1, "listen", "not an address with a port", "127.0.0.1:5300"),
        ("kind = \"lmtp\"\nlisten = [\"127.0.0.1:24\"]\naction = \"accept\"", 2, "action", "unknown key", "hostname"),
        ("kind = \"lmtp\"\nlisten = [\"unix:/run/x\"]", -1, "feed", "whose samples come here", "feed = \"own\""),
        ("kind = \"lmtp\"\nlisten = [\"unix:/run/x\"]\nfeed = \"on\"", 2, "feed", "is no feed", "did you mean \"own\""),
        ("kind = \"milter\"\nlisten = [\"127.0.0.1:24\"]\nfeed = \"own\"", 2, "feed", "reads headers", "\"channel\""),
        ("kind = \"trap-server\"\nlisten = [\"127.0.0.1:25\"]", -1, "feed", "is missing", "feed = "),
        ("kind = \"maildir\"\npath = \"x\"\ntrap = \"y\"\nfeed = \"own\"", 2, "trap", "no \"@\"", "sales@"),
        ("kind = \"lmtp\"\nlisten = [\"127.0.0.1:8080\"]", 1, "listen", "taken by the default http.listen", "another"),
        (
            "kind = \"lmtp\"\nlisten = [\"unix:/run/x\", \"unix:/run/x\"]\nfeed = \"own\"",
            1,
            "listen",
            "taken by line",
            "another",
        ),
        (
            "kind = \"smtp\"\nlisten = [\"127.0.0.1:24\"]\nproxies = [\"0.0.0.0/0\"]",
            2,
            "proxies",
            "holds strangers",
            "10.9",
        ),
    ] {
        let at = usize::try_from(line as isize + at).unwrap();
        assert_mistake(&with(text), at, &format!("intake.{key}"), what, mend);
    }
    let nowhere = with("kind = \"lmtp\"\nlisten = [\"127.0.0.1:24\"]\nfeed = \"own\"")
        .replace("networks = [\"127.0.0.1\"]\n", "");
    assert_mistake(&nowhere, line + 1, "intake.feed", "nobody may connect", "networks = [\"127.0.0.1\"]");
}

/// G4: a message is one trap's, and not as many as there are channels that find it.
#[test]
fn a_maildir_is_one_channels() {
    let maildir = |path: &str, trap: usize| {
        format!("[[intake]]\nkind = \"maildir\"\npath = {path:?}\ntrap = \"x@d{trap}.example\"\nfeed = \"own\"\n")
    };
    let base = with("kind = \"lmtp\"\nlisten = [\"127.0.0.1:24\"]") + "\n";
    let line = base.lines().count();
    assert!(loaded(&(base.clone() + &maildir("one", 0) + &maildir("two", 1))).warnings.len() >= 2);
    let shared = base.clone() + &maildir("one", 0) + &maildir("./one/", 1);
    assert_mistake(&shared, line + 8, "intake.path", "would count twice", "a Maildir of its own");
    // By whatever name.
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("real")).unwrap();
    std::os::unix::fs::symlink("real", folder.path().join("alias")).unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let linked = base.clone() + &maildir(&at("real"), 0) + &maildir(&at("alias"), 1);
    assert_mistake(&linked, line + 8, "intake.path", "would count twice", "a Maildir of its own");
    let seen = base + &maildir("one", 0).replace("\"own\"", "\"seen\"");
    assert_mistake(&seen, line + 5, "intake.feed", "tells no peer", "boundary = \"headers\"");
}

/// A milter sees the peer, and what it brings lacks the line of its own MTA.
#[test]
fn a_milter_without_a_feed_needs_one_that_believes_it() {
    let milter = with("kind = \"milter\"\nlisten = [\"127.0.0.1:8891\"]");
    let line = BASE.lines().count() + 1;
    let closed = milter.replace("networks = [\"10.9.0.0/24\"]\n", "");
    assert_mistake(&closed, line - 1, "intake.feed", "no feed with networks", "boundary = \"channel\" and networks");
    assert!(loaded(&milter).settings.intakes[0].feed.is_none());
}

/// A feed needs a token unless a channel brings its samples.
#[test]
fn a_feed_without_a_token_needs_a_channel() {
    let tokenless = |intake: &str| {
        let lines = with(intake);
        lines.lines().filter(|line| !line.starts_with("token")).map(|line| line.to_owned() + "\n").collect::<String>()
    };
    let mute = tokenless("kind = \"lmtp\"\nlisten = [\"127.0.0.1:24\"]\nfeed = \"own\"");
    assert_mistake(&mute, 9, "feed.token", "is missing", "token-file");
    let served = tokenless("kind = \"lmtp\"\nlisten = [\"127.0.0.1:24\"]");
    assert!(loaded(&served).settings.feeds.iter().all(|feed| feed.token.is_none()));
}

/// What is allowed and probably not meant.
#[test]
fn doubtful_channels_are_warned_of() {
    let warned = |text: &str| {
        let told = told(&loaded(text).warnings);
        told.into_iter().filter(|told| !told.contains("policy.")).collect::<Vec<_>>()
    };
    for (intake, key, what) in [
        ("kind = \"lmtp\"\nlisten = [\"192.0.2.10:24\"]", "intake.listen", "can be reached by strangers"),
        (
            "kind = \"milter\"\nlisten = [\"0.0.0.0:8891\"]\nfeed = \"seen\"",
            "intake.listen",
            "can be reached by strangers",
        ),
        ("kind = \"smtp\"\nlisten = [\"127.0.0.1:24\"]\nsocket-group = \"x\"", "intake.socket-group", "no meaning"),
        (
            "kind = \"maildir\"\npath = \"x\"\ntrap = \"a@b.example\"\nfeed = \"own\"",
            "intake.trap",
            "is no trap of this file",
        ),
    ] {
        let told = warned(&with(intake));
        assert!(told.len() == 1 && told[0].contains(key) && told[0].contains(what), "{told:?}");
        assert!(!told[0].contains("b.example"), "no log tells of traps: {told:?}");
    }
    for good in [
        "kind = \"lmtp\"\nlisten = [\"10.9.0.1:24\", \"[::1]:24\", \"unix:x\"]\nfeed = \"own\"\nsocket-group = \"x\"",
        "kind = \"trap-server\"\nlisten = [\"192.0.2.25:25\"]\nfeed = \"seen\"",
        "kind = \"maildir\"\npath = \"x\"\ntrap = \"Sales@B.example\"\nfeed = \"own\"\n[[trap]]\naddress = \"@b.example\"",
    ] {
        assert_eq!(warned(&with(good)), [""; 0], "{good}");
    }
    // Whoever is in a feed's network is never listed.
    let wide = with("kind = \"smtp\"\nlisten = [\"127.0.0.1:24\"]").replace("10.9.0.0/24", "45.66.0.0/16");
    assert!(warned(&wide)[0].contains("feed.networks: \"45.66.0.0/16\" is wide"), "{:?}", warned(&wide));
    let all = BASE.replace("10.9.0.0/24", "0.0.0.0/0");
    assert_mistake(&all, 14, "feed.networks", "holds strangers", "write the addresses that it hands in from");
}

/// A feed may have a certificate in place of a token; no two have the same.
#[test]
fn certificates_name_feeds() {
    let feed = |name: &str, digest: &str| {
        format!("[[feed]]\nname = \"{name}\"\nboundary = \"channel\"\ncertificate-digest = \"{digest}\"\n")
    };
    let (one, two) = ("0a".repeat(32), "0B".repeat(32));
    let settings = loaded(&(feed("one", &one) + &feed("two", &two))).settings;
    let digests: Vec<String> = settings.feeds.iter().map(|feed| feed.certificate.unwrap().to_string()).collect();
    assert_eq!(digests, [one.clone(), two.to_lowercase()]);
    assert_mistake(
        &(feed("one", &one) + &feed("two", &one)),
        8,
        "feed.certificate-digest",
        "on line 4, too",
        "of its own",
    );
    assert_mistake(&feed("one", "0a"), 4, "feed.certificate-digest", "64 hexadecimal digits", "openssl x509");
    let tls = "[http]\nintake-tls = [\"127.0.0.1:8443\"]\nkey = \"server.key\"\n";
    assert_mistake(tls, 1, "http.certificate", "is missing", "cert.pem");
}
