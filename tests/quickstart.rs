//! Does the README's first story happen? Three samples list the one who sent them; the one they frame is not listed.
#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

mod harness;

use std::path::Path;

use harness::Service;
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;

const GUILTY: &str = "83.70.211.36";
const INNOCENT: &str = "26.51.100.25";

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The quickstart's own settings, on free ports and in a folder of the test's.
fn start() -> Service {
    let settings = std::fs::read_to_string(repository().join("deploy/quickstart.toml")).unwrap();
    Service::start(&format!("[dns]\nlisten = [\"127.0.0.1:0\"]\n[http]\nlisten = [\"127.0.0.1:0\"]\n{settings}"))
}

fn submit(service: &Service, trap: &str, file: &str) {
    let path = repository().join("tests/corpus/quickstart").join(file);
    let server = service.http.to_string();
    let arguments = ["--server", &server, "--feed", "traps", "--trap", trap, path.to_str().unwrap()];
    let output = service.run("submit", &arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains(&format!("origin {GUILTY}, direct")), "{said}");
}

#[test]
fn the_story() {
    let service = start();
    submit(&service, "sales@traps.example", "1-march-2008.eml");
    submit(&service, "Anybody@Old-Shop.example", "2-forged-relay.eml");
    assert!(!service.lists(GUILTY), "two traps are no quorum");
    submit(&service, "info@club.example", "3-forged-chain.eml");
    service.wait("the guilty to be listed", |service| service.lists(GUILTY));

    let (_, texts) = service.ask(&harness::reversed(GUILTY), RecordType::TXT);
    assert_eq!(texts.len(), 1);
    assert!(texts[0].contains(GUILTY) && texts[0].contains("http://127.0.0.1:8080/address/83.70.211.36"), "{texts:?}");
    assert_eq!(service.ask(&harness::reversed(INNOCENT), RecordType::A).0, ResponseCode::NXDomain);

    let why = |address: &str| {
        let output = service.run("why", &[address]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let guilty = why(GUILTY);
    assert!(guilty.contains("is listed in spam since") && guilty.contains("3 traps over 3 trap domains"), "{guilty}");
    assert!(guilty.contains("by mars.gemplus.com (Postfix)") && !guilty.contains("sales@"), "{guilty}");
    let innocent = why(INNOCENT);
    assert!(innocent.contains("is not listed") && innocent.contains("was framed: 2 samples"), "{innocent}");
    assert!(innocent.contains("None of that counts against it"), "{innocent}");
    assert!(why("leslie.mayfirst.org").contains("was framed: 1 sample named it"));

    let (status, page) = service.get(&format!("/address/{GUILTY}"));
    assert!(status == 200 && page.contains("Listed in"), "{page}");
    let (_, page) = service.get(&format!("/address/{INNOCENT}"));
    assert!(page.contains("Not listed") && !page.contains("framed"), "{page}");
}

/// G8, G9: what was published is served again after `kill -9`, before anything new came.
#[test]
fn a_listing_survives_the_process() {
    let mut service = start();
    for (trap, file) in [
        ("sales@traps.example", "1-march-2008.eml"),
        ("a@old-shop.example", "2-forged-relay.eml"),
        ("info@club.example", "3-forged-chain.eml"),
    ] {
        submit(&service, trap, file);
    }
    service.wait("the guilty to be listed", |service| service.lists(GUILTY));
    service.kill_and_restart();
    assert!(service.lists(GUILTY));
    assert!(!service.lists(INNOCENT));
}
