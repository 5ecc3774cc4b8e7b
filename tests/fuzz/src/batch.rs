//! The laws of batches, by fuzzing: whatever a body holds, what is read of it is the same however it is cut into pieces; no
//! more of it is held than has come; and what is read of a line is what its JSON says.
//!
//! The first byte chooses the reader, the second how long the pieces are.
#![no_main]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use firsthand_server::intake::http::entry::Read;
use firsthand_server::intake::http::lines::Lines;
use firsthand_server::intake::http::multipart::{Broken, Multipart};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fn lines(body: &[u8], piece: usize) -> Vec<Read> {
    let (mut lines, mut all, mut come) = (Lines::default(), Vec::new(), 0);
    for mut data in body.chunks(piece) {
        come += data.len();
        while let Some(read) = lines.read(&mut data) {
            all.push(read);
            assert!(lines.held() <= come);
        }
        assert!(lines.held() <= come);
    }
    all.extend(lines.end());
    all
}

fn parts(body: &[u8], piece: usize) -> (Vec<Read>, Result<(), Broken>) {
    let mut parts = Multipart::of("multipart/mixed; boundary=b").expect("a boundary");
    let (mut all, mut come) = (Vec::new(), 2);
    for mut data in body.chunks(piece) {
        come += data.len();
        loop {
            match parts.read(&mut data) {
                Ok(Some(read)) => all.push(read),
                Ok(None) => break,
                Err(broken) => return (all, Err(broken)),
            }
            assert!(parts.held() <= come);
        }
        assert!(parts.held() <= come);
    }
    (all, parts.end())
}

/// What is taken of a line is what the line says.
fn holds(read: &Read, lines: &[Value]) {
    let Ok(entry) = &read.entry else { return };
    let says = |line: &&Value| {
        let text = |key: &str| line[key].as_str();
        line["id"] == read.id
            && text("trap") == entry.trap.as_deref()
            && text("mail_from") == entry.mail_from.as_deref()
            && text("message").and_then(|message| STANDARD.decode(message).ok()).as_ref() == Some(&entry.message)
    };
    assert!(lines.iter().any(|line| says(&line)), "{read:?}");
}

fuzz_target!(|input: &[u8]| {
    let [choice, piece, body @ ..] = input else { return };
    let piece = usize::from(*piece) + 1;
    if choice % 2 == 0 {
        let whole = lines(body, body.len().max(1));
        assert_eq!(lines(body, piece), whole);
        let said: Vec<Value> =
            body.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
        whole.iter().for_each(|read| holds(read, &said));
    } else {
        assert_eq!(parts(body, piece), parts(body, body.len().max(1)));
    }
});
