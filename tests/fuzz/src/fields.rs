//! The law (G1), by fuzzing: for every MTA and every field that a sender controls, any bytes there, after what that MTA
//! does to them, leave the origin the true peer or none.
//!
//! The first three bytes choose the form, its optional parts and what is declared; the rest is the fields, each ended by
//! 0xFF.
#![no_main]

use firsthand_analyzer::forms::{FORMS, HIDDEN, Said, Way};
use firsthand_analyzer::received::Handover;
use firsthand_analyzer::sample::Sample;
use firsthand_analyzer::topology::{Boundary, HostPattern, Relay, Topology};
use firsthand_analyzer::verdict::judge;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let [form, parts, mode, fields @ ..] = data else { return };
    let number = usize::from(*form) % (FORMS.len() + HIDDEN.len());
    let (form, hidden) = FORMS.get(number).map_or_else(|| (&HIDDEN[number - FORMS.len()], true), |form| (form, false));
    let way = Way::of([1, 2, 4, 8, 16, 32].map(|bit| parts & bit != 0));
    let mut said = Said::harmless();
    for (field, bytes) in said.fields().into_iter().zip(fields.split(|byte| *byte == 0xff)) {
        *field = bytes.to_vec();
    }
    let message = [b"Received: ".as_slice(), &form.write(&said, way), b"\nSubject: x\n\n"].concat();
    let declared = (mode % 4 > 0).then_some(form.dialect);
    let relay = Relay {
        name: "mx1".to_owned(),
        hosts: if mode & 64 == 0 { vec![HostPattern::new("mx1.example")] } else { Vec::new() },
        networks: Vec::new(),
        dialect: declared,
        handovers: if hidden { Vec::new() } else { Handover::ALL.to_vec() },
    };
    let topology = Topology::new(vec![relay], Boundary::Headers);
    let origin = judge(&Sample { message: &message, envelope: None, observed_peer: None }, &topology).origin;
    if let Ok(origin) = origin {
        assert!(
            !hidden && origin == way.peer,
            "{form:?} declared {declared:?} named {origin}: {}",
            message.escape_ascii()
        );
    }
});
