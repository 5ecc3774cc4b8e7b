//! Pages that were written by half when the power went.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::time::Duration;

use crate::harness::{Service, settings};
use crate::kill;
use crate::load::{Load, open};

const HEADER: usize = 32;
const FRAME: usize = 24;

/// The log is cut in the middle of a frame, ends in a frame of garbage, or covers a page of the file that is half written:
/// a start needs no hands, all that was acknowledged is there once, and the log tells what was discarded.
#[test]
fn torn_pages_lose_nothing_that_was_acknowledged() {
    let mut service = Service::start(&settings(3));
    let load = Load::default();
    let mut told = 0;
    for (what, tear, discards) in
        [("half a frame", half_a_frame as fn(&Service), 1), ("garbage", garbage, 1), ("a page of the file", page, 0)]
    {
        load.run(&service, || {
            std::thread::sleep(Duration::from_millis(400));
            kill(&service);
        });
        service.kill();
        tear(&service);
        service.restart();
        load.check(&service, 0, what);
        let sound: String = open(&service).query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(sound, "ok", "{what}");
        // A process that is killed may leave an end of its own.
        let lines = service.log().lines().filter(|line| line.contains("the log's end is not whole")).count();
        assert!(lines >= told + discards, "{what}: {}", service.log());
        assert!(!service.log().contains("the log is damaged"), "{what}: {}", service.log());
        told = lines;
    }
    assert!(load.acknowledged() > 30);
    load.send_all_again(&service, 0);
}

fn log(service: &Service) -> PathBuf {
    service.folder.path().join("data/ledger.sqlite-wal")
}

/// The log's frames that mean something, its page size, and where they end.
fn frames(service: &Service) -> (Vec<u8>, usize, usize) {
    let bytes = fs::read(log(service)).unwrap();
    let page = u32::from_be_bytes(bytes[8..12].try_into().unwrap()) as usize;
    let mut end = HEADER;
    while bytes.len() >= end + FRAME + page && bytes[end + 8..end + 16] == bytes[16..24] {
        end += FRAME + page;
    }
    assert!(end > HEADER, "the log is empty: that tests nothing");
    (bytes, page, end)
}

/// A frame was begun behind the last.
fn half_a_frame(service: &Service) {
    let (bytes, page, end) = frames(service);
    let frame = &bytes[end - FRAME - page..end - page / 2];
    let file = File::options().write(true).open(log(service)).unwrap();
    file.set_len(end as u64).unwrap();
    file.write_all_at(frame, end as u64).unwrap();
}

/// A transaction behind the last was written, and its page came to be something else.
fn garbage(service: &Service) {
    let (bytes, page, end) = frames(service);
    let mut frame = bytes[end - FRAME - page..end].to_vec();
    frame[FRAME..].fill(0xa5);
    let file = File::options().write(true).open(log(service)).unwrap();
    file.set_len(end as u64).unwrap();
    file.write_all_at(&frame, end as u64).unwrap();
}

/// A page was on its way from the log into the file.
fn page(service: &Service) {
    let (bytes, page, _) = frames(service);
    let number = u32::from_be_bytes(bytes[HEADER..HEADER + 4].try_into().unwrap()) as usize;
    let file = File::options().write(true).open(service.ledger()).unwrap();
    file.write_all_at(&vec![0xa5; page / 2], ((number - 1) * page) as u64).unwrap();
}
