//! Does an abuse report list whom its reporter saw, and nobody whom somebody says that the reporter saw?
#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

mod harness;

use harness::{Service, message, settings};

/// The settings of the other tests, whose one feed carries reports of a provider.
fn of_reports(more: &str) -> String {
    let reporter = format!(
        "relays = [\"mx1\"]\nkind = \"reports\"\nreporter-networks = [\"45.0.0.0/28\"]\nreporter-relays = [\"isp-mx\"]\n{more}"
    );
    // The last trap takes mail only.
    let traps = settings(4).replace(".example\"\n[[trap]]", ".example\"\naccepts-reports = true\n[[trap]]");
    traps.replace("relays = [\"mx1\"]\n", &reporter)
        + "[[relay]]\nname = \"isp-mx\"\nhosts = [\"mx.isp.example\"]\nnetworks = [\"45.1.0.10\"]\ndialect = \"postfix\"\n"
}

/// A message as the provider's relay took it from `peer`.
fn reported(peer: &str) -> String {
    String::from_utf8(message(peer, 7)).unwrap().replace("mx1.example.net", "mx.isp.example")
}

/// The line of our own relay for what it took from `peer`.
fn line(peer: &str, number: usize) -> String {
    String::from_utf8(message(peer, number)).unwrap().split_once("Subject").unwrap().0.to_owned()
}

/// A report of `message` that our own relay took from `peer`.
fn report(peer: &str, number: usize, message: &str) -> Vec<u8> {
    let line = line(peer, number);
    format!(
        "{line}From: <fbl@isp.example>\nSubject: FW: {number}\nMIME-Version: 1.0\n\
         Content-Type: multipart/report; report-type=feedback-report; boundary=\"b-{number}\"\n\n\
         --b-{number}\nContent-Type: text/plain\n\nA user reported this.\n\
         --b-{number}\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nUser-Agent: x/1\nVersion: 1\n\
         Source-IP: 83.70.211.36\n\n\
         --b-{number}\nContent-Type: message/rfc822\n\n{message}\n\
         --b-{number}--\n"
    )
    .into_bytes()
}

#[test]
fn reports_list_whom_the_reporter_saw() {
    let service = Service::start(&of_reports("trust = \"own\"\nstamps = \"ignored\"\n"));
    let submit = |trap: usize, report: &[u8]| {
        let (status, body) = service.submit(&format!("trap@d{trap}.example"), report).unwrap();
        assert_eq!(status, 202);
        body
    };
    // Somebody else mails what the provider will report, and forged lines of its relay's.
    for trap in 0..3 {
        for message in [reported("26.1.2.3"), reported("83.70.211.36")] {
            let body = submit(trap, &report("26.9.9.9", trap, &message));
            assert_eq!((&body["verdict"]["reason"], &body["repeat"]), (&"not-the-reporter".into(), &false.into()));
        }
    }
    for trap in 0..3 {
        let body = submit(trap, &report("45.0.0.5", trap, &reported("26.1.2.3")));
        assert_eq!(body["verdict"]["origin"], "26.1.2.3");
        assert_eq!(body["verdict"]["boundary"]["relay"], "isp-mx");
        assert_eq!(body["verdict"]["reported_by"]["origin"], "45.0.0.5");
        assert_eq!((&body["evidence"], &body["repeat"]), (&"counted".into(), &false.into()));
        // The same message in another report, by another of the provider's hosts, is no second sample.
        assert_eq!(submit(trap, &report("45.0.0.6", 10 + trap, &reported("26.1.2.3")))["repeat"], true);
        // A report that brings nothing lists neither whom it names nor who sent it.
        assert_eq!(submit(trap, &message("45.0.0.5", 50 + trap))["verdict"]["reason"], "no-message");
    }
    // Who hands a report in does not choose how many traps are credited with it.
    let elsewhere = service.submit("trap@d3.example", &report("45.0.0.5", 80, &reported("26.1.2.3"))).unwrap();
    assert_eq!((elsewhere.0, &elsewhere.1["error"]), (404, &"unknown-trap".into()));
    service.wait("the reported one to be listed", |service| service.lists("26.1.2.3"));
    for innocent in ["45.0.0.5", "83.70.211.36", "26.9.9.9", "45.1.0.10"] {
        assert!(!service.lists(innocent), "{innocent}");
    }
    let proof = service.run("why", &["--proof", "26.1.2.3"]);
    let text = String::from_utf8(proof.stdout).unwrap();
    assert!(proof.status.success(), "{text}");
    assert!(text.contains("line 1 of the report, by mx1.example.net: states 45.0.0.5"), "{text}");
    assert!(text.contains("line 1, by mx.isp.example: states 26.1.2.3"), "{text}");
    let plain = String::from_utf8(service.run("why", &["26.1.2.3"]).stdout).unwrap();
    assert!(plain.contains("of the report: Received: from"), "{plain}");
    let metrics = service.get("/metrics").1;
    assert!(metrics.contains("firsthand_samples_total{verdict=\"not-the-reporter\"} 6"), "{metrics}");
}

/// As settings have it by default, no provider lists alone; and its relays are strangers in other feeds' mail.
#[test]
fn a_reporter_is_foreign_and_believed_in_reports_only() {
    const OTHER: &str = "another-token-for-tests";
    let traps = format!("[[feed]]\nname = \"own\"\ntoken = \"{OTHER}\"\nrelays = [\"mx1\"]\n");
    let service = Service::start(&(of_reports("stamps = \"ignored\"\n") + &traps));
    for trap in 0..3 {
        let sample = report("45.0.0.5", trap, &reported("26.1.2.3"));
        let (_, body) = service.submit(&format!("trap@d{trap}.example"), &sample).unwrap();
        assert_eq!((&body["verdict"]["origin"], &body["evidence"]), (&"26.1.2.3".into(), &"counted".into()));
        // From the provider's relay to a trap of ours: what it writes further down is a stranger's word.
        let (bearer, trap) = (format!("Bearer {OTHER}"), format!("trap@d{trap}.example"));
        let forged = (line("45.1.0.10", 1) + &reported("83.70.211.36")).into_bytes();
        let headers = [("Authorization", bearer.as_str()), ("Firsthand-Trap", &trap)];
        let (_, body) = service.submit_with(&headers, &forged).unwrap();
        assert_eq!(body["verdict"]["origin"], "45.1.0.10");
        service.submit_with(&headers, &message("26.1.2.4", 2)).unwrap();
    }
    service.wait("the direct one to be listed", |service| service.lists("26.1.2.4"));
    for other in ["26.1.2.3", "83.70.211.36", "45.1.0.10"] {
        assert!(!service.lists(other), "{other}");
    }
    // Offline the same is said.
    std::fs::write(service.folder.path().join("report.eml"), report("45.0.0.5", 1, &reported("26.1.2.3"))).unwrap();
    let path = service.folder.path().join("report.eml");
    let analyzed = service.run("analyze", &["--feed", "traps", path.to_str().unwrap()]);
    let text = String::from_utf8(analyzed.stdout).unwrap();
    assert!(text.contains("brought by an abuse report from 45.0.0.5\norigin 26.1.2.3, direct"), "{text}");
}
