//! Settings files as operators write them: what they mean, and what is printed of them.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use proptest::prelude::*;

use super::*;

mod entries;
mod intake;
mod mistakes;

/// The example of INTERFACE.md with a token in place of the token file, and without the static list.
const EXAMPLE: &str = r#"data = "./firsthand-data"

[zone]
name = "bl.example"
name-servers = ["ns.example"]
contact = "hostmaster@bl.example"
page = "http://127.0.0.1:8080/address/{address}"    # stands in TXT answers

[dns]
listen = ["127.0.0.1:5300"]

[http]
listen = ["127.0.0.1:8080"]

[policy]
mode = "live"                 # or "shadow"
list-at = 2.5
delist-at = 1.25
half-life = "48h"
hard-limit = "72h"
traps = 3
trap-domains = 3
domain-cap = 1.5

[[relay]]
name = "mx1"
hosts = ["mx1.example.net"]   # the names it writes after "by"; globs allowed
networks = ["10.9.0.10/32"]   # the addresses that other relays see it come from
dialect = "postfix"
handovers = []                # loopback, lmtp, pickup, fetchmail, internal

[[feed]]
name = "traps"
token = "TOKEN-TOKEN-TOKEN-TOKEN"
relays = ["mx1"]
boundary = "headers"          # or "channel"
trust = "own"                 # or "foreign"
stamps = "ignored"            # or "checked"
quota = "none"                # or "1000/m"

[[trap]]
address = "sales@traps.example"   # or "@traps.example": a whole domain, one trap
tier = "pristine"                 # seeded, recycled, typo
sends = false

[[exempt]]
networks = ["198.51.100.0/24"]
reason = "our own mail servers"
"#;

/// The static list of INTERFACE.md.
const EXAMPLE_LIST: &str = r#"
[[list]]                      # beside spam (127.0.0.2), backscatter (127.0.0.5) and mixed (127.0.0.8)
name = "manual"
code = "127.0.0.20"
file = "manual.txt"
format = "ip4set"
"#;

/// A relay and a feed, without mistakes, on lines 1 to 7.
const RELAY_AND_FEED: &str = "[[relay]]\nname = \"mx1\"\nhosts = [\"mx1.example.net\"]\nnetworks = [\"10.9.0.10\"]\n\
                              [[feed]]\nname = \"traps\"\ntoken = \"TOKEN-TOKEN-TOKEN\"\n";

fn loaded(text: &str) -> Loaded {
    Settings::parse(text, "x.toml", Path::new("")).expect("settings without mistakes")
}

fn mistakes(text: &str) -> Vec<Remark> {
    Settings::parse(text, "x.toml", Path::new("")).expect_err("settings with mistakes").mistakes
}

fn told(remarks: &[Remark]) -> Vec<String> {
    remarks.iter().map(Remark::to_string).collect()
}

/// Asserts that `text` has exactly one mistake, on `line`, about `key`, in the words of `what` and `mend`.
#[track_caller]
fn assert_mistake(text: &str, line: usize, key: &str, what: &str, mend: &str) {
    let mistakes = mistakes(text);
    let told = told(&mistakes);
    let [mistake] = mistakes.as_slice() else { panic!("{text}\n{told:#?}") };
    assert_eq!(mistake.position.map(|position| position.line), Some(line), "{text}\n{told:#?}");
    assert_eq!(mistake.key.as_deref(), Some(key), "{text}\n{told:#?}");
    assert!(mistake.what.contains(what) && mistake.mend.contains(mend), "{text}\n{told:#?}");
}

#[test]
fn without_a_file_everything_is_the_safe_local_default() {
    let Loaded { settings, warnings } = Settings::load(None).expect("defaults");
    assert_eq!(settings, Settings::default());
    assert_eq!(settings.data, Path::new("./firsthand-data"));
    assert_eq!(settings.dns.listen, ["127.0.0.1:5300".parse().expect("an address")]);
    assert_eq!(settings.http.listen, ["127.0.0.1:8080".parse().expect("an address")]);
    assert!(settings.relays.is_empty() && settings.feeds.is_empty() && settings.traps.is_empty());
    assert!(warnings.is_empty(), "{warnings:?}");
}

#[test]
fn the_example_of_the_interface_says_what_it_shows() {
    let settings = loaded(EXAMPLE).settings;
    // Above the relays, everything is the default.
    let defaults = Settings::default();
    assert_eq!((&settings.data, &settings.zone), (&defaults.data, &defaults.zone));
    assert_eq!((&settings.dns, &settings.http), (&defaults.dns, &defaults.http));
    assert_eq!(settings.policy, defaults.policy);
    let policy = PolicySettings {
        mode: Mode::Live,
        list_at: 2.5,
        delist_at: 1.25,
        half_life: Duration::from_secs(172_800),
        hard_limit: Duration::from_secs(259_200),
        traps: 3,
        trap_domains: 3,
        domain_cap: 1.5,
    };
    assert_eq!(settings.policy, policy);
    let relay = RelaySettings {
        name: "mx1".to_owned(),
        hosts: vec!["mx1.example.net".to_owned()],
        networks: vec!["10.9.0.10/32".parse().expect("a network")],
        dialect: DeclaredDialect(firsthand_analyzer::received::Dialect::parse("postfix")),
        handovers: Vec::new(),
    };
    assert_eq!(settings.relays, [relay]);
    let feed = FeedSettings {
        name: "traps".to_owned(),
        token: Some(TokenDigest::of("TOKEN-TOKEN-TOKEN-TOKEN")),
        certificate: None,
        relays: vec!["mx1".to_owned()],
        boundary: Boundary::Headers,
        trust: Trust::Own,
        weight: 1.0,
        stamps: Stamps::Ignored,
        quota: Quota::Unlimited,
        kind: FeedKind::Traps,
        networks: Vec::new(),
        silence: None,
        traps: None,
        reporter_networks: Vec::new(),
        reporter_relays: Vec::new(),
    };
    assert_eq!(settings.feeds, [feed]);
    let address = TrapAddress { local: Some("sales".to_owned()), domain: "traps.example".to_owned() };
    assert_eq!(settings.traps, [TrapSettings { address, tier: Tier::Pristine, sends: false, accepts_reports: false }]);
    let networks = vec!["198.51.100.0/24".parse().expect("a network")];
    assert_eq!(settings.exemptions, [ExemptionSettings { networks, reason: "our own mail servers".to_owned() }]);
}

#[test]
fn what_the_arrays_leave_out_has_the_default_shown() {
    let settings = loaded(&format!(
        "{RELAY_AND_FEED}relays = [\"mx1\"]\n[[trap]]\naddress = \"@Traps.Example\"\n[[exempt]]\nnetworks = []\nreason = \"x\"\n"
    )
    .replace("[]", "[\"::1\"]"))
    .settings;
    assert_eq!((settings.relays[0].dialect, settings.relays[0].handovers.len()), (DIALECT_DEFAULT, 0));
    let feed = &settings.feeds[0];
    assert_eq!((feed.boundary, feed.trust, feed.stamps), (BOUNDARY_DEFAULT, TRUST_DEFAULT, STAMPS_DEFAULT));
    assert_eq!(feed.quota, QUOTA_DEFAULT);
    assert_eq!((settings.traps[0].tier, settings.traps[0].sends), (TIER_DEFAULT, SENDS_DEFAULT));
    assert_eq!(settings.traps[0].address, TrapAddress { local: None, domain: "traps.example".to_owned() });
}

#[test]
fn a_static_list_is_read_from_one_file_or_several() {
    let text = format!("{EXAMPLE}{EXAMPLE_LIST}");
    let list = |text: &str| {
        let loaded = Settings::parse(text, "x.toml", Path::new("/etc/firsthand")).expect("settings without mistakes");
        loaded.settings.lists[0].clone()
    };
    let expected = ListSettings {
        name: "manual".to_owned(),
        code: Ipv4Addr::new(127, 0, 0, 20),
        files: vec!["/etc/firsthand/manual.txt".into()],
        format: ListFormat::Ip4set,
        combined: false,
    };
    assert_eq!(list(&text), expected);
    let several = text.replace("file = \"manual.txt\"", "file = [\"a\", \"/b\"]\ncombined = true");
    let files = vec!["/etc/firsthand/a".into(), "/b".into()];
    assert_eq!(list(&several), ListSettings { files, combined: true, ..expected });
    let written = |file: &str| text.replace("\"manual.txt\"", file);
    let line = text.lines().position(|line| line.starts_with("file =")).expect("a list") + 1;
    assert_mistake(&written("[]"), line, "list.file", "is empty", "file = [\"manual.txt\"]");
    assert_mistake(&written("7"), line, "list.file", "must be a list", "file = [\"manual.txt\"]");
    assert_mistake(&written("\"\""), line, "list.file", "is not a path", "write the name of a file");
    assert_mistake(&written("[\"a\", \"./a\", \"a\"]"), line, "list.file", "names \"", "each file once");
    for text in [text.clone(), several] {
        let settings = loaded(&text).settings;
        assert_eq!(loaded(&settings.to_toml()).settings, settings);
    }
}

#[test]
fn what_is_printed_is_read_back_equal() {
    let rich = EXAMPLE
        .replace("\"48h\"", "\"36h 30m\"")
        .replace("\"72h\"", "\"9days 1s 5ms\"")
        .replace("handovers = []", "handovers = [\"loopback\", \"lmtp\", \"pickup\", \"fetchmail\", \"internal\"]")
        .replace("\"10.9.0.10/32\"", "\"10.9.0.10\", \"2001:db8::/48\"")
        .replace("127.0.0.1:8080\"]", "[::1]:0\", \"[::]:0\"]")
        .replace("\"none\"", "\"1000/m\"")
        .replace("[dns]\n", "[dns]\nquery-log = \"queries.log\"\n")
        .replace("our own mail servers", "our \\\"own\\\"\\n\\u0000 mäil")
        .replace("list-at = 2.5", "list-at = 3")
        .replace("[policy]\n", "[storage]\nfree-space = \"3072MiB\"\n[policy]\n");
    for text in ["", EXAMPLE, rich.as_str()] {
        let settings = loaded(text).settings;
        let printed = settings.to_toml();
        assert_eq!(loaded(&printed).settings, settings, "{printed}");
        assert_eq!(loaded(&printed).settings.to_toml(), printed);
        assert!(!printed.contains("TOKEN") && !format!("{settings:?}").contains("TOKEN"));
    }
    let printed = loaded(EXAMPLE).settings.to_toml();
    let digest = blake3::hash(b"TOKEN-TOKEN-TOKEN-TOKEN");
    assert!(
        printed.contains(&format!("token-digest = \"{digest}\"")) && printed.contains("half-life = \"48h\""),
        "{printed}"
    );
}

#[test]
fn allowed_and_probably_not_meant_is_warned_of() {
    let warned = |text: &str| told(&loaded(text).warnings);
    let traps = |domains: &[&str], tier: &str| {
        let traps =
            domains.iter().map(|domain| format!("[[trap]]\naddress = \"@{domain}.example\"\ntier = \"{tier}\"\n"));
        traps.collect::<String>()
    };
    assert_eq!(warned(&traps(&["a", "b", "c"], "pristine")), Vec::<String>::new());
    // Static lists alone ask for no trap; a feed does.
    assert_eq!(warned(EXAMPLE_LIST), Vec::<String>::new());
    let none = warned(&format!("{RELAY_AND_FEED}relays = [\"mx1\"]\n"));
    assert!(
        none[0].starts_with("x.toml: policy.traps: asks for 3 traps, and 0 ") && none[0].contains("from evidence"),
        "{none:?}"
    );
    let few = warned(&(traps(&["a", "b"], "seeded") + &traps(&["c"], "recycled") + "[policy]\ntraps = 3\n"));
    assert!(
        few[0].starts_with("x.toml: policy.trap-domains: asks for 3 trap domains, and 2 pristine or seeded"),
        "{few:?}"
    );
    assert!(few[1].starts_with("x.toml:11: policy.traps: asks for 3 traps, and 2 pristine or seeded"), "{few:?}");
    let light = warned(&traps(&["a", "b", "c"], "seeded"));
    assert!(
        light[0].starts_with("x.toml: policy.list-at: asks for 2.5, and all registered traps together reach 2.10"),
        "{light:?}"
    );
    let shadow = warned(&(traps(&["a", "b", "c"], "pristine") + "[policy]\nmode = \"shadow\"\n"));
    let full = warned("[storage]\nfree-space = \"0\"\n");
    assert!(full[0].starts_with("x.toml:2: storage.free-space: takes samples until the disk is full"), "{full:?}");
    assert!(shadow[0].starts_with("x.toml:11: policy.mode: \"shadow\" publishes nothing from evidence"), "{shadow:?}");
}

/// The default page is for the default listeners only.
#[test]
fn a_page_that_nobody_can_open_is_told() {
    let warned = |text: &str| told(&loaded(text).warnings);
    let public = warned("[dns]\nlisten = [\"127.0.0.1:53\", \"192.0.2.53:53\"]\n");
    let begin = "x.toml: zone.page: \"http://127.0.0.1:8080/address/{address}\" stands in the TXT answers that 192.0.2.53:53 gives";
    assert!(
        public.len() == 1 && public[0].starts_with(begin) && public[0].contains("https://bl.example.net/"),
        "{public:?}"
    );
    let written = warned("[zone]\npage = \"http://localhost/{address}\"\n[dns]\nlisten = [\"[::]:53\"]\n");
    assert!(written[0].starts_with("x.toml:2: zone.page: "), "{written:?}");
    let elsewhere = warned("[http]\nlisten = [\"127.0.0.1:8081\"]\n");
    assert!(elsewhere.len() == 1 && elsewhere[0].contains("no http.listen has port 8080; "), "{elsewhere:?}");
    assert!(elsewhere[0].ends_with("page = \"http://127.0.0.1:8081/address/{address}\""), "{elsewhere:?}");
    for good in [
        "[http]\nlisten = [\"127.0.0.1:0\"]\n",
        "[http]\nlisten = [\"127.0.0.1:81\"]\n[zone]\npage = \"http://localhost:81/{address}\"\n",
        "[dns]\nlisten = [\"[::]:53\"]\n[zone]\npage = \"https://bl.example.net/{address}\"\n",
    ] {
        assert_eq!(warned(good), [""; 0], "{good}");
    }
}

/// Whoever can read the secret of cookies can forge them, and whoever can read a key can be the server.
#[test]
fn secrets_that_everybody_can_read_are_told() {
    let folder = tempfile::tempdir().expect("a folder");
    crate::certificate::tests::issue(folder.path(), "ns.example", 1);
    fs::write(folder.path().join("cookies"), "000102030405060708090a0b0c0d0e0f\n").expect("written");
    let text = "[dns]\ntls = [\"127.0.0.1:853\"]\ncookie-secrets = \"cookies\"\ncertificate = \"cert.pem\"\nkey = \"key.pem\"\n";
    for (mode, warnings) in [(0o600, 0), (0o640, 0), (0o644, 2), (0o602, 2)] {
        for name in ["cookies", "key.pem"] {
            fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(mode)).expect("a mode");
        }
        let told = told(&Settings::parse(text, "x.toml", folder.path()).expect("good settings").warnings);
        assert_eq!(told.len(), warnings, "{mode:o}: {told:?}");
        for (warning, key) in told.iter().zip(["x.toml:3: dns.cookie-secrets", "x.toml:5: dns.key"]) {
            assert!(
                warning.starts_with(key) && warning.contains("everybody on this machine; run: chmod 640"),
                "{warning}"
            );
        }
    }
}

/// Whoever hands samples in need not be able to read every feed's token, nor keys.
#[test]
fn a_client_reads_no_more_than_where_to_go() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = folder.path().join("x.toml");
    let absent = EXAMPLE.replace("token = \"TOKEN-TOKEN-TOKEN-TOKEN\"", "token-file = \"absent.token\"");
    fs::write(&settings, &absent).expect("written");
    assert!(Settings::load(Some(&settings)).is_err());
    let at = |text: &str| {
        fs::write(&settings, text).expect("written");
        Settings::taking_samples(Some(&settings)).map(|socket| socket.to_string())
    };
    assert_eq!(at(&absent).expect("where it listens"), loaded(EXAMPLE).settings.http.listen[0].to_string());
    let tls = "[http]\nlisten = [\"127.0.0.1:1\"]\nintake = [\"127.0.0.1:2\"]\nintake-tls = [\"127.0.0.1:3\"]\nkey = \"absent\"\n";
    assert_eq!(at(tls).expect("where it takes samples"), "127.0.0.1:2");
    assert_eq!(at("").expect("the default"), HTTP_LISTEN_DEFAULT.to_string());
    assert!(at("[http]\nlisten = [\"127.0.0.1\"]\n").is_err());
}

#[test]
fn token_files_lie_beside_the_settings_and_data_in_the_working_directory() {
    let folder = tempfile::tempdir().expect("a folder");
    let (settings, token) = (folder.path().join("x.toml"), folder.path().join("t.token"));
    fs::write(&settings, EXAMPLE.replace("token = \"TOKEN-TOKEN-TOKEN-TOKEN\"", "token-file = \"t.token\""))
        .expect("written");
    fs::write(&token, "from-a-file-of-its-own\r\n").expect("written");
    fs::set_permissions(&token, fs::Permissions::from_mode(0o644)).expect("opened");
    let Loaded { settings: open, warnings } = Settings::load(Some(&settings)).expect("settings");
    let warning = warnings.iter().find(|warning| warning.key.as_deref() == Some("feed.token-file")).expect("a warning");
    assert!(warning.position.is_some_and(|at| at.line == 34) && warning.mend.contains("chmod g-w,o="), "{warning}");
    // An MTA's pipe reads it by its group.
    fs::set_permissions(&token, fs::Permissions::from_mode(0o640)).expect("closed");
    let Loaded { settings: closed, warnings } = Settings::load(Some(&settings)).expect("settings");
    assert!(warnings.iter().all(|warning| warning.key.as_deref() != Some("feed.token-file")));
    assert_eq!(open, closed);
    assert!(closed.feeds[0].token.unwrap().matches("from-a-file-of-its-own"));
    assert_eq!(closed.data, Path::new("./firsthand-data"));
    assert_eq!(Token::of_feed(&settings, "traps").expect("a token").as_str(), "from-a-file-of-its-own");
    fs::write(&token, "short\n").expect("written");
    assert!(Settings::load(Some(&settings)).is_err() && Token::of_feed(&settings, "traps").is_err());
}

#[test]
fn the_query_log_lies_beside_the_settings_if_there_is_one() {
    let log = |folder: &str, entry: &str| {
        let loaded = Settings::parse(&format!("[dns]\n{entry}\n"), "x.toml", Path::new(folder)).expect("settings");
        loaded.settings.dns.query_log
    };
    assert_eq!(log("/etc/firsthand", ""), None);
    let absolute = |path: &str| Some(PathBuf::from(path));
    assert_eq!(log("/etc/firsthand", "query-log = \"queries.log\""), absolute("/etc/firsthand/queries.log"));
    assert_eq!(log("/etc", "query-log = \"/var/log/queries.log\""), absolute("/var/log/queries.log"));
    let here = std::env::current_dir().expect("a folder");
    assert_eq!(log("", "query-log = \"queries.log\""), Some(here.join("queries.log")));
}

#[test]
fn a_client_has_its_own_token_and_needs_no_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.toml");
    let text = "[[feed]]\nname = \"mine\"\ntoken = \"TOKEN-TOKEN-TOKEN\"\n[[feed]]\nname = \"theirs\"\ntoken-file = \"no\"\n\
                [[feed]]\nname = \"digested\"\ntoken-digest = \"00\"\n";
    fs::write(&path, text).expect("written");
    assert_eq!(Token::of_feed(&path, "mine").expect("a token").as_str(), "TOKEN-TOKEN-TOKEN");
    let refused = |feed: &str| told(&Token::of_feed(&path, feed).expect_err("no token").mistakes).join("\n");
    assert!(refused("theirs").contains(":6: feed.token-file: "));
    assert!(refused("digested").contains(":9: feed.token-digest: holds the token's digest"));
    assert!(refused("digested").contains("--token-file or FIRSTHAND_TOKEN"));
    assert!(
        refused("mien")
            .ends_with("the file has no feed \"mien\"; did you mean \"mine\"? it has mine, theirs, digested")
    );
}

#[test]
fn files_that_cannot_be_read_are_told_by_name() {
    let missing = Settings::load(Some(Path::new("no/such.toml"))).expect_err("no file");
    let line = "no/such.toml: cannot be read: No such file or directory (os error 2); \
                name a settings file that this user can read";
    assert_eq!(told(&missing.mistakes), [line]);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.toml");
    fs::write(&path, b"a = 1\n\xff\n").expect("written");
    let told = told(&Settings::load(Some(&path)).expect_err("not UTF-8").mistakes);
    assert!(told[0].contains("x.toml: line 2 is not UTF-8 text"), "{told:?}");
}

#[test]
fn pictures_show_the_source_and_the_mend_and_no_token() {
    let text = "[[feed]]\nname = \"a b\"\ntoken = \"SECRET\"\npassword = \"SECRET\"\ntoken-digest = \"SECRET\"\n";
    let error = Settings::parse(text, "x.toml", Path::new("")).expect_err("mistakes");
    let mut shown = String::new();
    let theme = miette::GraphicalTheme::unicode_nocolor();
    miette::GraphicalReportHandler::new_themed(theme).render_report(&mut shown, &error).expect("a report");
    assert!(shown.contains("x.toml has 4 mistakes") && shown.contains("x.toml:2:8"), "{shown}");
    assert!(shown.contains("feed.name: \"a b\" is not a name for a feed"), "{shown}");
    assert!(shown.contains("help: write 1 to 64 letters"), "{shown}");
    assert!(!shown.contains("SECRET") && !told(&error.mistakes).concat().contains("SECRET"), "{shown}");
}

/// A mutation: bytes of the example cut out, and others put in their place.
fn mutation() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just(String::new()),
        Just("\"".to_owned()),
        Just("[[relay]]\n".to_owned()),
        Just("[feed]\n".to_owned()),
        Just("= []\n".to_owned()),
        Just("1e999".to_owned()),
        Just("2026-01-01".to_owned()),
        Just("{a.b = [1, {}]}".to_owned()),
        "\\PC{0,8}",
        any::<char>().prop_map(String::from),
    ];
    let text = format!("{EXAMPLE}{EXAMPLE_LIST}");
    let length = text.chars().count();
    proptest::collection::vec((0..length, 0..12_usize, piece), 1..6).prop_map(move |cuts| {
        let mut text: Vec<char> = text.chars().collect();
        for (at, length, piece) in cuts {
            let start = at.min(text.len());
            let end = (start + length).min(text.len());
            text.splice(start..end, piece.chars());
        }
        text.into_iter().collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_mutation_of_a_good_file_panics(text in mutation()) {
        match Settings::parse(&text, "x.toml", Path::new("")) {
            Ok(loaded) => {
                let again = Settings::parse(&loaded.settings.to_toml(), "x.toml", Path::new("")).expect("what was printed");
                prop_assert_eq!(again.settings, loaded.settings);
            }
            Err(error) => {
                prop_assert!(!error.mistakes.is_empty());
                let mut shown = String::new();
                miette::NarratableReportHandler::new().render_report(&mut shown, &error).expect("a report");
            }
        }
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,80}") {
        let _ = Settings::parse(&text, "x.toml", Path::new(""));
    }
}
