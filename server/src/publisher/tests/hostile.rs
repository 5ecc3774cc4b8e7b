//! What a hostile sender, a crash, a clock or a restored file does to the publisher and the ledger.

use super::*;

const SHADOW: &str = "[policy]\nmode = \"shadow\"\n";

/// Copies the units (and, if asked, the listing) of 45.0.2.1 to so many addresses of another network.
fn many(folder: &Path, count: usize, address: &str, listed: bool) {
    let numbers = format!("WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {})", count - 1);
    let mut sql = format!(
        "BEGIN; {numbers} INSERT INTO units SELECT {address}, feed, trap, nature, null_sender, hour, samples, newest
         FROM n, units WHERE origin = '45.0.2.1';"
    );
    sql += &if listed {
        format!(
            "{numbers} INSERT INTO listings SELECT list, {address}, since, until, ended, framing_cost
             FROM n, listings WHERE origin = '45.0.2.1';"
        )
    } else {
        format!("{numbers} INSERT INTO pending SELECT {address}, 1 FROM n;")
    };
    edit(folder, &(sql + "COMMIT;"));
}

const FOUR: &str = "'46.0.' || (i / 256) || '.' || (i % 256)";
const SITE: &str = "'2a00:1f:2:' || printf('%x', i + 16) || '::/64'";

/// What a change of settings lists waits for the brake; a start in between must not forget it.
#[test]
fn what_waits_after_a_sweep_survives_a_start() {
    let folder = folder();
    let mut shadow = World::with(folder.path(), &settings(&format!("{SHADOW}{NARROW}")));
    for number in 0..40 {
        list(&shadow, &format!("45.0.2.{number}"));
    }
    shadow.settle(NOW);
    assert_eq!(shadow.zone(NOW).len(), 0);
    shadow.close();
    let mut live = World::open(folder.path());
    live.settle(NOW);
    assert_eq!((live.zone(NOW).len(), live.orders.braked().waiting["spam"]), (10, 30));
    live.close();
    let mut again = World::open(folder.path());
    again.settle(NOW);
    assert_eq!((again.zone(NOW).len(), again.orders.braked().waiting["spam"]), (10, 30));
}

/// A ledger of yesterday beside a snapshot of today: what only the snapshot knows has no evidence.
#[test]
fn a_restored_ledger_does_not_serve_what_it_does_not_know() {
    let folder = folder();
    let mut world = World::open(folder.path());
    list(&world, "45.0.2.1");
    world.settle(NOW);
    world.close();
    let file = folder.path().join("ledger.sqlite");
    rusqlite::Connection::open(&file).unwrap().execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").ok();
    std::fs::copy(&file, folder.path().join("backup")).unwrap();
    let mut world = World::open(folder.path());
    list(&world, "45.0.2.9");
    world.settle(NOW + 5);
    assert!(world.lists("45.0.2.9", NOW + 5));
    world.close();
    // The thread that moves the log into the file looks once a second whether it should end.
    thread::sleep(Duration::from_secs(2));
    for beside in ["ledger.sqlite-wal", "ledger.sqlite-shm"] {
        std::fs::remove_file(folder.path().join(beside)).ok();
    }
    std::fs::copy(folder.path().join("backup"), &file).unwrap();
    let mut restored = World::open(folder.path());
    restored.settle(NOW + 10);
    assert!(restored.lists("45.0.2.1", NOW + 10));
    assert!(restored.ledger.units(Origin::parse("45.0.2.9").unwrap()).unwrap().is_empty());
    assert!(!restored.lists("45.0.2.9", NOW + 10), "listed without a single unit");
}

/// A zone that is made anew is no zone to start from before it is whole.
#[test]
fn a_start_in_the_middle_of_a_rebuild_goes_on_with_it() {
    let folder = folder();
    let mut world = World::open(folder.path());
    list(&world, "45.0.2.1");
    world.settle(NOW);
    list(&world, "45.0.2.2");
    world.settle(NOW);
    world.close();
    many(folder.path(), 2500, FOUR, true);
    edit(folder.path(), "DELETE FROM journal WHERE serial = (SELECT min(serial) FROM journal);");
    std::fs::remove_file(folder.path().join("zone.snapshot")).unwrap();
    let mut half = World::open(folder.path());
    half.publisher.tick(NOW).unwrap();
    assert_eq!(half.zone(NOW).len(), 2000);
    half.close();
    let mut again = World::open(folder.path());
    again.settle(NOW);
    assert_eq!(again.zone(NOW).len(), 2502);
}

/// G9: what the operator let go, and was told, goes also after `kill -9`.
#[test]
fn a_release_survives_a_start() {
    let folder = folder();
    let mut world = World::open(folder.path());
    for number in 0..40 {
        list(&world, &format!("45.0.2.{number}"));
    }
    world.settle(NOW);
    assert_eq!(world.zone(NOW).len(), 10);
    // As `Control::correct` does it: it is acknowledged when it is done, and so it is in the journal.
    world.correct(Correction::Release { list: None, origin: None }, NOW);
    let mut done = world.orders.release(None, None);
    while done.try_recv().is_err() {
        world.publisher.tick(NOW).unwrap();
    }
    world.close();
    let mut again = World::open(folder.path());
    again.settle(NOW);
    assert_eq!(again.zone(NOW).len(), 40);
}

/// What the operator let go, goes also if the ledger said no once.
#[test]
fn a_release_survives_a_failed_tick() {
    let folder = folder();
    let mut world = World::open(folder.path());
    for number in 0..40 {
        list(&world, &format!("45.0.2.{number}"));
    }
    world.settle(NOW);
    world.orders.release(None, None);
    edit(folder.path(), "ALTER TABLE journal RENAME TO away;");
    assert!(world.publisher.tick(NOW).is_err());
    edit(folder.path(), "ALTER TABLE away RENAME TO journal;");
    world.settle(NOW);
    assert_eq!(world.zone(NOW).len(), 40);
}

/// G7: what was let go by hand drew no token, and gives none back.
#[test]
fn what_was_let_go_and_found_no_room_gives_back_no_token() {
    let folder = folder();
    let mut world = World::open(folder.path());
    for number in 0..SITE_LIMIT as u32 + 20 {
        list(&world, &format!("2a00:1f:2:{number:x}::/64"));
    }
    world.settle(NOW);
    world.orders.release(None, None);
    world.settle(NOW);
    assert_eq!(world.zone(NOW).len(), SITE_LIMIT);
    for number in 0..20 {
        list(&world, &format!("2a00:1f:9:{number:x}::/64"));
    }
    world.settle(NOW);
    // Ten went by token at this very second.
    assert_eq!(world.zone(NOW).len(), SITE_LIMIT);
}

/// A clock that was ahead once must not hold the brake until it gets there again.
#[test]
fn a_clock_that_was_ahead_does_not_stop_the_brake() {
    let folder = folder();
    let mut world = World::open(folder.path());
    let ahead = THEN + 24 * 365 * 10;
    for number in 0..10 {
        for trap in 0..3 {
            world.hit("own", trap, &format!("45.0.3.{number}"), 1, ahead);
        }
    }
    world.settle(ahead * HOUR);
    assert!(world.lists("45.0.3.1", ahead * HOUR));
    for number in 0..40 {
        list(&world, &format!("45.0.2.{number}"));
    }
    world.settle(NOW);
    world.settle(NOW + 10_000);
    world.settle(NOW + 20_000);
    let listed = world.zone(NOW + 20_000).keys().filter(|(_, origin)| origin.starts_with("45.0.2.")).count();
    assert!(listed >= 20, "{listed}");
}

/// G6, G9: an exemption that was acknowledged survives a clock that was ahead once.
#[test]
fn a_clock_that_was_ahead_ends_no_exemption() {
    let folder = folder();
    let mut world = World::open(folder.path());
    let exempt = Correction::Exempt {
        network: "45.0.2.0/24".parse().unwrap(),
        reason: "a customer".into(),
        until: Some(NOW + 30 * 24 * HOUR),
    };
    world.correct(exempt, NOW);
    world.settle(NOW);
    world.publisher.ledger.purge(NOW + 60 * 24 * HOUR, 72 * HOUR).unwrap();
    world.declared.renew(NOW).unwrap();
    list(&world, "45.0.2.1");
    world.settle(NOW);
    assert!(!world.lists("45.0.2.1", NOW));
}

/// A /48 that is full must not cost more with everyone who finds no room.
#[test]
fn a_full_site_costs_little() {
    let time = |address: &str| {
        let folder = folder();
        let mut world = World::with_wide_brake(folder.path());
        list(&world, "45.0.2.1");
        world.settle(NOW);
        world.close();
        many(folder.path(), SITE_LIMIT + 100, address, false);
        let mut world = World::with_wide_brake(folder.path());
        let began = Instant::now();
        world.publisher.tick(NOW).unwrap();
        began.elapsed()
    };
    let (apart, together) = (time(FOUR), time(SITE));
    eprintln!("356 origins: {apart:?}; 356 of one site: {together:?}");
    assert!(together < apart * 10, "{together:?} for what else takes {apart:?}");
}

/// Two corrections at a time: none is undone by the other's look at the ledger.
#[test]
fn corrections_at_a_time_are_all_heeded() {
    let folder = folder();
    let world = World::open(folder.path());
    for round in 0..40 {
        thread::scope(|scope| {
            for number in 0..4 {
                let (ledger, declared) = (world.ledger.clone(), Arc::clone(&world.declared));
                scope.spawn(move || {
                    let network = format!("45.{round}.{number}.0/24").parse().unwrap();
                    let exempt = Correction::Exempt { network, reason: "x".into(), until: None };
                    ledger.correct_blocking(exempt, "tester", NOW).unwrap();
                    declared.renew(NOW).unwrap();
                });
            }
        });
        for number in 0..4 {
            let origin = Origin::parse(&format!("45.{round}.{number}.1")).unwrap();
            assert!(world.declared.load().exemptions.covering(origin).is_some(), "{origin} is not exempt");
        }
    }
}

/// Whoever asks again gets the same answer, and no other entry in a trail that only grows.
#[test]
fn asking_again_does_not_fill_the_audit_trail() {
    let folder = folder();
    let world = World::open(folder.path());
    let origin = Origin::parse("45.0.2.1").unwrap();
    for _ in 0..50 {
        world.correct(Correction::AskRemoval { origin, proven: false }, NOW);
    }
    assert_eq!(world.ledger.audit(0, 100).unwrap().len(), 1);
}

/// A removal takes effect though others keep the publisher busy at lower addresses.
#[test]
fn low_addresses_do_not_starve_high_ones() {
    let folder = folder();
    let mut world = World::open(folder.path());
    list(&world, "203.0.114.9");
    world.settle(NOW);
    assert!(world.lists("203.0.114.9", NOW));
    let remove = Correction::Remove { origin: Origin::parse("203.0.114.9").unwrap(), reason: "innocent".into() };
    world.correct(remove, NOW + 1);
    for _ in 0..20 {
        (0..2000u32).for_each(|number| world.publisher.queue.evidence(Origin::V4((0x2e00_0000 + number).into())));
        world.publisher.tick(NOW + 1).unwrap();
    }
    assert!(!world.lists("203.0.114.9", NOW + 1));
}

/// In shadow mode nothing is published, from the first query on: `serve` ticks once before it answers.
#[test]
fn a_start_in_shadow_mode_serves_nothing() {
    let folder = folder();
    let mut world = World::open(folder.path());
    list(&world, "45.0.2.1");
    world.settle(NOW);
    world.close();
    let mut shadow = World::with(folder.path(), &settings(&format!("{SHADOW}{NARROW}")));
    shadow.publisher.tick(NOW).unwrap();
    assert_eq!(shadow.zone(NOW).len(), 0);
}

/// Shadow mode shows and publishes nothing; it must not change what evidence there is.
#[test]
fn shadow_mode_drops_no_evidence_that_a_listing_needs() {
    let folder = folder();
    let mut world = World::open(folder.path());
    list(&world, "45.0.2.1");
    world.settle(NOW);
    let mut now = NOW;
    for step in 1..7 {
        now = NOW + step * 24 * HOUR;
        world.hit("own", 0, "45.0.2.1", 1, now / HOUR);
        world.hit("own", 1, "45.0.2.1", 1, now / HOUR);
        world.settle(now);
    }
    assert!(world.lists("45.0.2.1", now));
    world.close();
    let mut shadow = World::at(folder.path(), &settings(&format!("{SHADOW}{NARROW}")), now);
    shadow.settle(now);
    assert!(!shadow.lists("45.0.2.1", now));
    shadow.close();
    let mut live = World::at(folder.path(), &settings(NARROW), now);
    live.settle(now);
    assert!(live.lists("45.0.2.1", now));
}

/// What ended while the process was down is no disagreement (E03).
#[test]
fn what_ended_meanwhile_is_no_alarm() {
    let folder = folder();
    let mut world = World::open(folder.path());
    list(&world, "45.0.2.1");
    world.settle(NOW);
    world.close();
    let later = NOW + 80 * HOUR;
    let mut again = World::at(folder.path(), &settings(NARROW), later);
    again.settle(later);
    assert_eq!(again.metrics.disagreements.get(), 0);
}

/// The public page of whom a million bounces listed is asked for as cheaply as any other.
#[test]
fn the_causes_of_a_listing_cost_little() {
    let folder = folder();
    let world = World::open(folder.path());
    list(&world, "45.0.2.1");
    let trap = world.trap(0);
    edit(
        folder.path(),
        &format!(
            "BEGIN; WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 199999)
             INSERT INTO facts (sample, arrived, feed, trap, origin, nature, null_sender, hour, counted, evidence, verdict, proof)
             SELECT randomblob(32), {}, 'own', '{trap}', '45.0.2.1', 'bounce', 1, {THEN}, 1, 'counted',
               '{{\"origin\":\"45.0.2.1\",\"nature\":\"bounce\",\"reflected_by\":\"unknown-user\",\"claims\":[{{\"a\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}}]}}', '[]' FROM n; COMMIT;",
            NOW * 1000
        ),
    );
    let began = Instant::now();
    world.declared.load().causes(&world.ledger, Origin::parse("45.0.2.1").unwrap(), NOW).unwrap();
    eprintln!("200,000 facts: {:?}", began.elapsed());
    assert!(began.elapsed() < Duration::from_millis(100), "{:?}", began.elapsed());
}

/// Purging goes on at the same price, however much is kept as proof.
#[test]
fn a_purge_does_not_walk_over_what_is_kept() {
    let folder = folder();
    let mut world = World::open(folder.path());
    list(&world, "45.0.2.1");
    world.settle(NOW);
    let facts = |count: usize, origin: &str, at: i64| {
        edit(
            folder.path(),
            &format!(
                "BEGIN; WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
                 INSERT INTO facts (sample, arrived, feed, trap, origin, nature, null_sender, hour, counted, evidence, verdict, proof)
                 SELECT randomblob(32), {at}, 'own', 't', {origin}, 'direct', 0, {THEN}, 1, 'counted', '{{}}', '[]' FROM n; COMMIT;"
            ),
        );
    };
    let later = NOW + 200 * HOUR;
    // The best of some, since other tests run beside.
    let time = |world: &World| {
        let purge = |_| {
            let began = Instant::now();
            world.publisher.ledger.purge(later, 72 * HOUR).unwrap();
            began.elapsed()
        };
        (0..4).map(purge).min().unwrap()
    };
    facts(20_000, "'45.9.9.9'", NOW * 1000 + 5);
    let before = time(&world);
    facts(400_000, "'45.0.2.1'", NOW * 1000);
    let after = time(&world);
    eprintln!("2,000 facts dropped in {before:?}; with 400,000 kept as proof before them, in {after:?}");
    assert!(after < before * 5, "{before:?} {after:?}");
}

/// Whether a withdrawal of one sample finds it by its id.
#[test]
fn one_sample_is_withdrawn_without_a_look_at_all() {
    let folder = folder();
    let mut world = World::open(folder.path());
    list(&world, "45.0.2.1");
    world.settle(NOW);
    edit(
        folder.path(),
        &format!(
            "BEGIN; WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 400000)
             INSERT INTO facts (sample, arrived, feed, trap, origin, nature, null_sender, hour, counted, evidence, verdict, proof)
             SELECT randomblob(32), {}, 'own', 't', '45.7.7.7', 'direct', 0, {THEN}, 1, 'counted', '{{}}', '[]' FROM n; COMMIT;",
            NOW * 1000
        ),
    );
    let sample = sample_id("own", &world.trap(0), format!("45.0.2.1 1 {THEN}").as_bytes(), None);
    let began = Instant::now();
    let withdrawal = Withdrawal { sample: Some(sample), ..Withdrawal::default() };
    let outcome = world.correct(Correction::Retract { withdrawal, reason: String::new() }, NOW);
    eprintln!("one of 400,000: {:?}", began.elapsed());
    assert_eq!(outcome.samples, 1);
    assert!(began.elapsed() < Duration::from_millis(50), "{:?}", began.elapsed());
}

/// G6: what is exempt is not served from the next tick on, however much of it is listed.
#[test]
fn an_exemption_of_a_large_network_takes_effect_with_the_tick() {
    let folder = folder();
    let mut world = World::with_wide_brake(folder.path());
    list(&world, "45.0.2.1");
    world.settle(NOW);
    world.close();
    many(folder.path(), 2999, FOUR, true);
    edit(folder.path(), "DELETE FROM journal;");
    std::fs::remove_file(folder.path().join("zone.snapshot")).unwrap();
    edit(folder.path(), &format!("INSERT INTO journal VALUES ({NOW} + 7, {NOW}, {NOW}, '{{}}');"));
    let mut world = World::with_wide_brake(folder.path());
    world.settle(NOW);
    assert_eq!(world.zone(NOW).len(), 3000);
    let exempt = Correction::Exempt { network: "46.0.0.0/8".parse().unwrap(), reason: "x".into(), until: None };
    world.correct(exempt, NOW);
    world.publisher.tick(NOW).unwrap();
    assert_eq!(world.zone(NOW).len(), 1);
}

/// How long a withdrawal of so many samples holds up whoever hands in the next.
#[test]
fn a_large_withdrawal_does_not_hold_up_the_intake() {
    let folder = folder();
    let world = World::open(folder.path());
    edit(
        folder.path(),
        &format!(
            "BEGIN; WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 49999)
             INSERT INTO facts (sample, arrived, feed, trap, origin, nature, null_sender, hour, counted, evidence, verdict, proof)
             SELECT randomblob(32), {}, 'far', 't', {FOUR}, 'direct', 0, {THEN}, 1, 'counted', '{{}}', '[]' FROM n; COMMIT;",
            NOW * 1000
        ),
    );
    let (ledger, slow) = (world.ledger.clone(), Instant::now());
    let withdrawing = thread::spawn(move || {
        let withdrawal = Withdrawal { feed: Some("far".into()), ..Withdrawal::default() };
        ledger.correct_blocking(Correction::Retract { withdrawal, reason: String::new() }, "x", NOW).unwrap()
    });
    thread::sleep(Duration::from_millis(50));
    let began = Instant::now();
    world.hit("own", 0, "45.0.2.1", 1, THEN);
    let waited = began.elapsed();
    let origins = withdrawing.join().unwrap().origins;
    eprintln!(
        "withdrawal of 50,000 samples of {origins} origins: {:?}; the next sample waited {waited:?}",
        slow.elapsed()
    );
    assert!(waited < Duration::from_secs(1), "{waited:?}");
}
