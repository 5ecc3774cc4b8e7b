//! Mistakes of keys, kinds and words, of `[zone]`, `[dns]`, `[http]` and `[policy]`, and several at once.

use super::*;

#[test]
fn unknown_keys_are_refused_with_the_nearest_known_one() {
    let known = "relay knows name, hosts, networks, dialect, handovers";
    let misspelt = RELAY_AND_FEED.replace("networks", "networks = [\"::1\"]\nnetwroks") + "relays = [\"mx1\"]";
    assert_mistake(&misspelt, 5, "relay.netwroks", "unknown key", "did you mean \"networks\"? ");
    assert_mistake(&misspelt, 5, "relay.netwroks", "unknown key", known);
    assert_mistake("[policy]\nlist_at = 2\n", 2, "policy.list_at", "unknown key", "\"list-at\"");
    assert_mistake(
        "\n[zones]\n",
        2,
        "zones",
        "unknown key",
        "did you mean \"zone\"? the file knows data, zone, dns, http, policy",
    );
}

#[test]
fn values_of_the_wrong_kind_are_refused() {
    let cases = [
        ("[policy]\nhalf-life = 48\n", 2, "policy.half-life", "is a number, and must be a text", "half-life = \"48h\""),
        ("[policy]\nlist-at = \"2\"\n", 2, "policy.list-at", "is a text, and must be a number", "list-at = 2.5"),
        ("[policy]\ntraps = 3.0\n", 2, "policy.traps", "is a number, and must be a whole number", "traps = 3"),
        (
            "[dns]\nlisten = \"127.0.0.1:53\"\n",
            2,
            "dns.listen",
            "is a text, and must be a list",
            "listen = [\"127.0.0.1:5300\"]",
        ),
        ("[dns]\ntcp-connections = \"many\"\n", 2, "dns.tcp-connections", "must be a whole number", "4096"),
        ("[dns]\ntcp-connections = 0\n", 2, "dns.tcp-connections", "from 1 to 1000000", "4096"),
        ("[dns]\ntcp-per-prefix = 0\n", 2, "dns.tcp-per-prefix", "from 1 to 1000000", "256"),
        ("[dns]\ntcp-per-prefix = 5000\n", 2, "dns.tcp-per-prefix", "only 4096 in all", "at most tcp-connections"),
        ("[dns]\ntcp-connections = 9\n", 2, "dns.tcp-connections", "only 9 in all", "at most tcp-connections"),
        ("[storage]\nfree-space = 256\n", 2, "storage.free-space", "must be a text", "free-space = \"256MiB\""),
        ("[storage]\nfree-space = \"256MB\"\n", 2, "storage.free-space", "is not a size", "KiB, MiB, GiB or TiB"),
        ("[dns]\nquery-log = true\n", 2, "dns.query-log", "must be a text", "query-log = \"queries.log\""),
        ("[dns]\nquery-log = \"\"\n", 2, "dns.query-log", "is not a path", "name of a file"),
        ("[dns]\ntcp-idle = \"1h\"\n", 2, "dns.tcp-idle", "longer than 10m", "\"10s\""),
        ("[zone]\nname = true\n", 2, "zone.name", "is true or false, and must be a text", "name = \"bl.example\""),
        ("zone = \"bl.example\"\n", 1, "zone", "is a text, and must be one table", "write [zone]"),
        ("[[zone]]\nname = \"bl.example\"\n", 1, "zone", "is a list, and must be one table", "write [zone]"),
        ("trap = 2026-01-01\n", 1, "trap", "is a date, and must be a list of tables", "write [[trap]] above each"),
        ("trap = [1]\n", 1, "trap", "is a number, and must be a list of tables", "write [[trap]] above each"),
        (
            "[[trap]]\naddress = \"@t.example\"\nsends = \"no\"\n",
            3,
            "trap.sends",
            "must be true or false",
            "sends = false",
        ),
    ];
    for (text, line, key, what, mend) in cases {
        assert_mistake(text, line, key, what, mend);
    }
}

#[test]
fn words_that_are_not_known_are_refused_with_those_that_are() {
    let feed = |line: &str| format!("{RELAY_AND_FEED}relays = [\"mx1\"]\n{line}\n");
    assert_mistake(
        &feed("boundary = \"header\""),
        9,
        "feed.boundary",
        "\"header\"",
        "did you mean \"headers\"? write one of: headers, channel",
    );
    assert_mistake(&feed("trust = \"theirs\""), 9, "feed.trust", "\"theirs\"", "own, foreign");
    assert_mistake(&feed("stamps = \"check\""), 9, "feed.stamps", "\"check\"", "ignored, checked");
    assert_mistake(&feed("quota = \"1000\""), 9, "feed.quota", "\"1000\" is not a quota", "\"1000/m\"");
    assert_mistake(&feed("quota = \"0/h\""), 9, "feed.quota", "no sample at all", "at least 1");
    assert_mistake(
        "[policy]\nmode = \"Live\"\n",
        2,
        "policy.mode",
        "\"Live\"",
        "did you mean \"live\"? write one of: live, shadow",
    );
    let trap = "[[trap]]\naddress = \"a@traps.example\"\ntier = \"pure\"\n";
    assert_mistake(trap, 3, "trap.tier", "\"pure\"", "pristine, seeded, recycled, typo");
    let dialect =
        RELAY_AND_FEED.replace("name = \"mx1\"", "name = \"mx1\"\ndialect = \"posfix\"") + "relays = [\"mx1\"]";
    assert_mistake(
        &dialect,
        3,
        "relay.dialect",
        "\"posfix\"",
        "did you mean \"postfix\"? write one of: auto, postfix, exim",
    );
    let handover = dialect.replace("dialect = \"posfix\"", "handovers = [\"lmtp\",\n \"pipe\"]");
    assert_mistake(&handover, 4, "relay.handovers", "\"pipe\"", "loopback, lmtp, pickup, fetchmail, internal");
}

#[test]
fn zone_and_listeners_are_checked() {
    let cases = [
        ("[zone]\nname = \"bl example\"\n", 2, "zone.name", "is not a host name", "leave"),
        ("[zone]\nname = \"bl.example.\"\n", 2, "zone.name", "ends with a dot", "leave the final dot out"),
        ("[zone]\nname-servers = []\n", 2, "zone.name-servers", "is empty", "name-servers = [\"ns.example\"]"),
        (
            "[zone]\nname-servers = [\"ns.a.example\",\n\"192.0.2.1\"]\n",
            3,
            "zone.name-servers",
            "its last part is a number",
            "ns.example",
        ),
        (
            "[zone]\ncontact = \"hostmaster.bl.example\"\n",
            2,
            "zone.contact",
            "is not a mailbox",
            "hostmaster@bl.example",
        ),
        ("[zone]\ncontact = \"host master@bl.example\"\n", 2, "zone.contact", "needs quotes", "hostmaster@bl.example"),
        (
            "[zone]\npage = \"https://bl.example/why\"\n",
            2,
            "zone.page",
            "has no {address}",
            "https://bl.example/address/{address}",
        ),
        (
            "[zone]\npage = \"gopher://bl.example/{address}\"\n",
            2,
            "zone.page",
            "http:// or https://",
            "https://bl.example",
        ),
        ("[dns]\nlisten = []\n", 2, "dns.listen", "is empty", "listen = [\"127.0.0.1:5300\"]"),
        ("[http]\nlisten = []\n", 2, "http.listen", "is empty", "listen = [\"127.0.0.1:8080\"]"),
        ("[http]\nlisten = [\"localhost:8080\"]\n", 2, "http.listen", "is not an address with a port", "[::1]:5300"),
        ("[dns]\nlisten = [\"127.0.0.1\"]\n", 2, "dns.listen", "is not an address with a port", "127.0.0.1:5300"),
        (
            "[dns]\nlisten = [\"[::1]:5300\", \"[::1]:0\",\n\"[::1]:5300\"]\n",
            3,
            "dns.listen",
            "is taken by line 2",
            "another port",
        ),
        (
            "[dns]\nlisten = [\"[::1]:53\"]\n[http]\nlisten = [\"[::1]:53\"]\n",
            4,
            "http.listen",
            "is taken by line 2",
            "another port",
        ),
        (
            "[dns]\nlisten = [\"0.0.0.0:53\",\n\"127.0.0.1:53\"]\n",
            3,
            "dns.listen",
            "\"127.0.0.1:53\" is taken by line 2: \"0.0.0.0:53\" is every address",
            "the wildcard or the single addresses",
        ),
        (
            "[dns]\nlisten = [\"[::1]:53\"]\n[http]\nlisten = [\"[::]:53\"]\n",
            2,
            "dns.listen",
            "is taken by line 4",
            "another port",
        ),
        (
            "[http]\nlisten = [\"0.0.0.0:5300\"]\n",
            2,
            "http.listen",
            "is taken by the default dns.listen = [\"127.0.0.1:5300\"]",
            "another port",
        ),
        (
            "[zone]\ncombined = [\"dialups\"]\n",
            2,
            "zone.combined",
            "\"dialups\"",
            "a static list is put there by combined = true in its [[list]]",
        ),
        (
            "[[list]]\nname = \"aa\"\ncode = \"127.0.0.2\"\nfile = \"f\"\n",
            3,
            "list.code",
            "it is the code of spam",
            "the line \":127.0.0.2:\" above them says so",
        ),
        ("data = \"\"\n", 1, "data", "is not a path", "name of a file or folder"),
    ];
    for (text, line, key, what, mend) in cases {
        let mend = if mend == "leave" { "write a host name" } else { mend };
        assert_mistake(text, line, key, what, mend);
    }
}

#[test]
fn policies_that_contradict_themselves_are_refused() {
    let cases = [
        (
            "[policy]\ndelist-at = 2.5\n",
            2,
            "policy.delist-at",
            "no later than it begins (list-at = 2.5)",
            "below list-at",
        ),
        ("[policy]\nlist-at = 1\n", 2, "policy.list-at", "(delist-at = 1.25)", "below list-at"),
        ("[policy]\nlist-at = inf\n", 2, "policy.list-at", "finite number greater than 0", "list-at = 2.5"),
        ("[policy]\ndelist-at = 0\n", 2, "policy.delist-at", "finite number greater than 0", "delist-at = 1.25"),
        ("[policy]\ndelist-at = nan\n", 2, "policy.delist-at", "finite number greater than 0", "delist-at = 1.25"),
        ("[policy]\ndomain-cap = -1\n", 2, "policy.domain-cap", "finite number greater than 0", "domain-cap = 1.5"),
        ("[policy]\ndomain-cap = 0.0\n", 2, "policy.domain-cap", "finite number greater than 0", "domain-cap = 1.5"),
        ("[policy]\ntraps = 0\n", 2, "policy.traps", "from 1 to 1000", "traps = 3"),
        ("[policy]\ntraps = 99_999_999_999_999_999_999\n", 2, "policy.traps", "from 1 to 1000", "traps = 3"),
        ("[policy]\ntrap-domains = -3\n", 2, "policy.trap-domains", "from 1 to 1000", "trap-domains = 3"),
        ("[policy]\ntraps = 2\n", 2, "policy.traps", "2 traps cannot lie in 3 domains", "at most traps"),
        (
            "[policy]\n\ntrap-domains = 4\n",
            3,
            "policy.trap-domains",
            "3 traps cannot lie in 4 domains",
            "at most traps",
        ),
        ("[policy]\nhalf-life = \"0s\"\n", 2, "policy.half-life", "longer than nothing", "\"48h\""),
        ("[policy]\nhalf-life = \"two days\"\n", 2, "policy.half-life", "is not a length of time", "\"48h\""),
        (
            "[policy]\nhalf-life = \"73h\"\n",
            2,
            "policy.half-life",
            "is shorter than half-life",
            "at least one half-life",
        ),
        (
            "[policy]\nhard-limit = \"47h\"\n",
            2,
            "policy.hard-limit",
            "is shorter than half-life (2days)",
            "at least one half-life",
        ),
        ("[policy]\nhard-limit = \"3years\"\n", 2, "policy.hard-limit", "is longer than", "\"72h\""),
    ];
    for (text, line, key, what, mend) in cases {
        assert_mistake(text, line, key, what, mend);
    }
}

#[test]
fn all_mistakes_of_a_file_are_told_at_once_and_in_order() {
    let text = "[policy]\nlist-at = 0\nhalf_life = \"1h\"\n[[relay]]\nname = \"mx1\"\nnetworks = [\"10.9.0.1/24\", \"x\"]\n\
                [[feed]]\nname = \"a b\"\ntoken = \"short\"\nrelays = [\"mx2\"]\nquota = 5\n[[trap]]\n";
    let places: Vec<(usize, String)> = mistakes(text)
        .into_iter()
        .map(|mistake| (mistake.position.expect("a place").line, mistake.key.expect("a key")))
        .collect();
    let expected = [
        (2, "policy.list-at"),
        (3, "policy.half_life"),
        (4, "relay.hosts"),
        (6, "relay.networks"),
        (6, "relay.networks"),
        (8, "feed.name"),
        (9, "feed.token"),
        (10, "feed.relays"),
        (11, "feed.quota"),
        (12, "trap.address"),
    ];
    assert_eq!(places, expected.map(|(line, key)| (line, key.to_owned())));
}

#[test]
fn one_table_where_a_list_of_tables_is_due_hides_nothing_else() {
    let text = RELAY_AND_FEED.replace("[[relay]]", "[relay]") + "relays = [\"mx1\"]\n";
    assert_mistake(&text, 1, "relay", "is a table, and must be a list of tables", "write [[relay]] above each");
    let text = RELAY_AND_FEED.replace("[[feed]]", "[feed]") + "relays = [\"mx1\"]\n";
    assert_mistake(&text, 5, "feed", "is a table, and must be a list of tables", "write [[feed]] above each");
}

#[test]
fn what_is_not_toml_is_told_with_its_lines() {
    let told = mistakes("[zone]\nname = bl.example\n[zone]\n[dns]\nlisten = [\"127.0.0.1:53\"\n[[trap]]\n");
    let places: Vec<_> = told.iter().map(|mistake| mistake.position.expect("a place").line).collect();
    assert_eq!(places[..2], [2, 3], "{told:#?}");
    assert_eq!(told[0].to_string(), "x.toml:2: zone.name: its text has no quotes; write name = \"text\"");
    assert_eq!(told[1].to_string(), "x.toml:3: zone: is written twice; keep one of the two");
}

#[test]
fn lists_have_codes_of_their_own() {
    let cases = [
        ("[zone]\nbackscatter-code = \"127.0.0.2\"\n", 2, "zone.backscatter-code", "the code of spam", "127.0.0.20"),
        ("[zone]\nbackscatter-code = \"127.0.0.8\"\n", 2, "zone.backscatter-code", "the code of mixed", "127.0.0.20"),
        ("[zone]\nmixed-code = \"127.0.0.5\"\n", 2, "zone.mixed-code", "the code of backscatter", "127.0.0.20"),
        ("[zone]\nmixed-code = \"10.0.0.8\"\n", 2, "zone.mixed-code", "not in 127.0.0.0/8", "127.0.0.20"),
        ("[zone]\ncombined = []\n", 2, "zone.combined", "is empty", "combined = [\"spam\"]"),
        ("[zone]\ncombined = [\"spam\", \"spam\"]\n", 2, "zone.combined", "twice", "combined = [\"spam\"]"),
        ("[zone]\ncombined = [\"spams\"]\n", 2, "zone.combined", "\"spams\"", "did you mean \"spam\"?"),
    ];
    for (text, line, key, what, mend) in cases {
        assert_mistake(text, line, key, what, mend);
    }
    let swapped = loaded("[zone]\nbackscatter-code = \"127.0.0.8\"\nmixed-code = \"127.0.0.5\"\n").settings.zone;
    assert_eq!((swapped.backscatter_code, swapped.mixed_code), (MIXED_CODE_DEFAULT, BACKSCATTER_CODE_DEFAULT));
}
