//! What does an operator see who has static lists only, as after moving over from rbldnsd? Everything that speaks of an
//! address or of the service must know them.
#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

mod harness;

use std::fs;
use std::process::Command;

use harness::{FIRSTHAND, Service};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;

/// A service that has two static lists and nothing else, and their files.
struct Moved {
    service: Service,
    files: tempfile::TempDir,
}

impl Moved {
    /// `dialups` is in the combined zone, `manual` is not.
    fn start(dialups: &str, manual: &str) -> Self {
        let files = tempfile::tempdir().unwrap();
        let list = |name: &str, code: u8, text: &str, more: &str| {
            let file = files.path().join(name);
            fs::write(&file, text).unwrap();
            format!("[[list]]\nname = \"{name}\"\ncode = \"127.0.0.{code}\"\nfile = {file:?}\n{more}\n")
        };
        let dialups = list("dialups", 20, dialups, "combined = true");
        let manual = list("manual", 21, manual, "format = \"ip6trie\"");
        let settings = "[dns]\nlisten = [\"127.0.0.1:0\"]\n[http]\nlisten = [\"127.0.0.1:0\"]\n";
        Self { service: Service::start(&format!("{settings}{dialups}{manual}")), files }
    }

    fn why(&self, arguments: &[&str]) -> String {
        let output = self.service.run("why", arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

#[test]
fn why_knows_the_static_lists() {
    let moved = Moved::start("45.1.2 :3:Dynamic $\n45.1.2.4 :4:Own\n", "2a00:1f::/32\n");
    let said = moved.why(&["45.1.2.3"]);
    assert!(said.starts_with("45.1.2.3 is not listed by evidence.\nThe static list dialups ("), "{said}");
    let holds = "holds it, in dialups.bl.example and bl.example:\n  127.0.0.3: \"Dynamic 45.1.2.3\"\n";
    assert!(said.contains(holds), "{said}");
    let said = moved.why(&["2a00:1f::9"]);
    assert!(said.contains("holds it, in manual.bl.example only:\n  127.0.0.21: \"Listed in manual: "), "{said}");
    let (part, none) = (moved.why(&["2a00:1f::/64"]), moved.why(&["2a00:2f::/64"]));
    assert!(part.contains("manual") && !none.contains("manual"), "{part}{none}");
    assert!(moved.why(&["45.1.3.3"]).starts_with("45.1.3.3 is not listed.\n"));

    let json = |address: &str| serde_json::from_str::<serde_json::Value>(&moved.why(&["--json", address])).unwrap();
    let known = json("45.1.2.3");
    assert_eq!((&known["listed"], &known["listed_in"]), (&false.into(), &serde_json::json!([])), "what evidence says");
    let file = moved.files.path().join("dialups");
    let entry = serde_json::json!({
        "list": "dialups", "code": "127.0.0.3", "text": "Dynamic 45.1.2.3", "combined": true, "files": [file],
    });
    assert_eq!(known["static_lists"], serde_json::json!([entry]));
    assert_eq!(json("45.1.3.3")["static_lists"], serde_json::json!([]));
}

/// A list that cannot be read may hold anybody: that is not "not listed" (G8).
#[test]
fn why_says_what_it_cannot_know() {
    let moved = Moved::start("45.1.2.3\n", "$TIMESTAMP 2020:01:01:00:00:00 +1d\n2a00:1f::/32\n");
    let said = moved.why(&["2a00:1f::9"]);
    assert!(said.contains("Whether the static list manual holds it is not known: it has expired"), "{said}");
    fs::write(moved.files.path().join("dialups"), "45.1.2.3\n45.1.2.300\n").unwrap();
    let said = moved.why(&["45.1.2.3"]);
    assert!(said.starts_with("45.1.2.3 is not listed by evidence.\n"), "{said}");
    assert!(
        said.contains("Whether the static list dialups holds it is not known: ") && said.contains(":2: "),
        "{said}"
    );
    let said: serde_json::Value = serde_json::from_str(&moved.why(&["--json", "45.1.2.3"])).unwrap();
    assert_eq!(said["static_lists_unknown"][0]["list"], "dialups");
}

/// Nothing warns of missing traps, and the pages say who keeps the lists and whom to ask.
#[test]
fn nobody_is_told_that_nothing_is_published() {
    let moved = Moved::start("45.1.2 :3:Dynamic <$>\n", "$TIMESTAMP 2020:01:01:00:00:00 +1d\n2a00:1f::/32\n");
    let log = fs::read_to_string(moved.service.folder.path().join("log")).unwrap();
    assert!(!log.contains("policy.traps") && !log.contains("test entries"), "{log}");
    let check = moved.service.run("check", &[]);
    assert!(check.stderr.is_empty() && String::from_utf8(check.stdout).unwrap().contains(" 0 warnings"));
    let lookup = moved.service.get("/").1;
    assert!(!lookup.contains("publishes nothing"), "{lookup}");
    assert!(lookup.contains("The lists of bl.example (dialups, manual) are kept by its operator."), "{lookup}");
    let contact = "<a href=\"mailto:hostmaster@bl.example\">hostmaster@bl.example</a>";
    let page = moved.service.get("/address/45.1.2.3").1;
    for said in ["<code>dialups</code></strong> (127.0.0.3)", "Dynamic &#60;45.1.2.3&#62;", contact] {
        assert!(page.contains(said), "{said}: {page}");
    }
    assert!(!page.contains("spam traps") && !page.contains("Not listed") && !page.contains("form below"), "{page}");
    // Of an unknown list nobody is told that it does not hold an address (G8).
    let page = moved.service.get("/address/2a00:1f::9").1;
    assert!(
        page.contains("Whether <code>manual</code> holds it is not known") && !page.contains("Not listed"),
        "{page}"
    );
    let json: serde_json::Value = serde_json::from_str(&moved.service.get("/api/v1/addresses/2a00:1f::9").1).unwrap();
    assert_eq!(json["unknown"], serde_json::json!(["manual"]));
    let elsewhere = moved.service.get("/address/83.70.211.36").1;
    assert!(!elsewhere.contains("Not listed."), "manual may hold it: {elsewhere}");
}

/// A data folder that cannot be had is told by its key, with what to write.
#[test]
fn a_data_folder_that_cannot_be_is_told_by_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let (settings, file) = (folder.path().join("x.toml"), folder.path().join("file"));
    fs::write(&file, "").unwrap();
    let run = |command: &str, data: &str| {
        let listen = "[dns]\nlisten = [\"127.0.0.1:0\"]\n[http]\nlisten = [\"127.0.0.1:0\"]\n";
        fs::write(&settings, format!("data = {data:?}\n{listen}")).unwrap();
        let output = Command::new(FIRSTHAND).args([command, "--config"]).arg(&settings).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    for data in ["/proc/x", file.join("x").to_str().unwrap(), file.to_str().unwrap()] {
        let (status, said) = run("serve", data);
        assert!(said.contains(&format!("the data folder {data} cannot be made or written: ")), "{said}");
        assert!(status == Some(2) && said.contains("; write `data = "), "{status:?} {said}");
    }
    let (_, said) = run("check", file.join("x").to_str().unwrap());
    assert!(said.contains(": data: ") && said.contains("/file is no folder; write `data = "), "{said}");
    assert_eq!(run("check", folder.path().join("new/data").to_str().unwrap()).1, "");
}

/// One list keeps the name of its zone, and the value that rbldnsd gives by default. What the zone's own name says of
/// itself, and that names of lists are no zones, is as the README has it.
#[test]
fn one_list_alone_keeps_its_name_and_value() {
    let files = tempfile::tempdir().unwrap();
    let file = files.path().join("dialups");
    fs::write(&file, ":2:\n45.1.2\n").unwrap();
    let settings = "[zone]\nname = \"dialups.example.org\"\n[dns]\nlisten = [\"127.0.0.1:0\"]\n[http]\nlisten = [\"127.0.0.1:0\"]\n";
    let list = "[[list]]\nname = \"entries\"\ncode = \"127.0.0.20\"\ncombined = true\n";
    let service = Service::start(&format!("{settings}{list}file = {file:?}\n"));
    let (code, records) = service.ask("3.2.1.45.dialups.example.org.", RecordType::A);
    assert_eq!((code, records), (ResponseCode::NoError, vec!["127.0.0.2".to_owned()]));
    let (_, texts) = service.ask("3.2.1.45.dialups.example.org.", RecordType::TXT);
    assert!(texts[0].starts_with("Listed in entries: 45.1.2.3 is on this list. See http"), "{texts:?}");
    assert_eq!(service.ask("3.2.1.46.dialups.example.org.", RecordType::A).0, ResponseCode::NXDomain);
    for kind in [RecordType::SOA, RecordType::NS] {
        let own = harness::ask(service.dns, "dialups.example.org.", kind).unwrap();
        assert_eq!((own.metadata.response_code, own.answers.len()), (ResponseCode::NoError, 1), "{kind}");
        let of_list = harness::ask(service.dns, "entries.dialups.example.org.", kind).unwrap();
        assert_eq!((of_list.metadata.response_code, of_list.answers.len()), (ResponseCode::NoError, 0), "{kind}");
        assert_eq!(of_list.authorities[0].name.to_ascii(), "dialups.example.org.", "{kind}");
    }
    assert_eq!(service.get("/readyz"), (200, "ok\n".to_owned()));
}
