//! Does `firsthand drill` tell an operator, by its exit status and its words, whether these settings would list an innocent?
#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// The exit status, and what was said on standard output and standard error, in a folder of its own.
fn drill(settings: &str, arguments: &[&str]) -> (i32, String, String) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("firsthand.toml"), settings).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_firsthand"));
    command.current_dir(folder.path()).args(["drill", "--config", "firsthand.toml"]).args(arguments);
    let output = command.output().unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "a drill keeps nothing");
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn quickstart() -> String {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    fs::read_to_string(repository.join("deploy/quickstart.toml")).unwrap()
}

/// One trap is enough to list: whoever finds one can aim at anybody (C01).
fn with_a_quorum_of_one() -> String {
    "[policy]\ntraps = 1\ntrap-domains = 1\nlist-at = 0.5\ndelist-at = 0.25\n".to_owned() + &quickstart()
}

#[test]
fn the_quickstart_lists_no_innocent() {
    let (status, text, _) = drill(&quickstart(), &[]);
    assert_eq!(status, 0, "{text}");
    assert!(text.contains("No innocent would be listed.") && !text.contains("BROKEN"), "{text}");
    for number in
        ["A01", "A02", "A03", "A05", "A06", "A07", "A08", "A09", "B01", "B02", "B03", "B05", "C01", "C03", "C04"]
    {
        assert!(text.contains(number), "{number} is not in {text}");
    }
    // What is shown tells no trap.
    for trap in ["sales@", "@old-shop", "info@"] {
        assert!(!text.contains(trap), "{text}");
    }
}

#[test]
fn json_has_an_object_an_attack() {
    let (status, text, _) = drill(&with_a_quorum_of_one(), &["--json"]);
    assert_eq!(status, 1, "{text}");
    let outcomes: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for outcome in &outcomes {
        for key in ["attack", "name", "guarantee", "note"] {
            assert!(outcome[key].is_string(), "{outcome}");
        }
        for key in ["aimed_at", "attacker", "listed", "blamed"] {
            assert!(outcome[key].is_array(), "{outcome}");
        }
        assert!(outcome["held"].is_boolean(), "{outcome}");
    }
    let broken: Vec<&Value> = outcomes.iter().filter(|outcome| outcome["held"] == false).collect();
    assert_eq!(broken.len(), 1, "{broken:?}");
    assert_eq!((&broken[0]["attack"], &broken[0]["guarantee"]), (&"C01".into(), &"G4".into()));
    let listed = &broken[0]["listed"][0];
    assert_eq!((&listed["list"], &listed["innocent"]), (&"spam".into(), &true.into()));
    assert_eq!(listed["address"], broken[0]["aimed_at"][0]);
}

/// A relay in whose networks strangers have addresses, said to a person.
#[test]
fn wide_networks_are_broken() {
    let (status, text, _) = drill(&quickstart().replace("10.2.1.1/32", "45.0.0.0/8"), &[]);
    assert_eq!(status, 1, "{text}");
    assert!(text.contains("G1 BROKEN") && text.contains("AN INNOCENT WOULD BE HARMED by A02."), "{text}");
    assert!(text.contains("Strangers have addresses in 45.0.0.0/8"), "{text}");
}

#[test]
fn help_has_an_example() {
    let output = Command::new(env!("CARGO_BIN_EXE_firsthand")).args(["drill", "--help"]).output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains("firsthand drill --config firsthand.toml"));
}

#[test]
fn wrong_settings_are_no_answer() {
    let (status, text, error) = drill(&quickstart().replace("hosts", "hots"), &[]);
    assert_eq!((status, text.as_str()), (2, ""), "{error}");
    assert!(error.contains("hots"), "{error}");
}
