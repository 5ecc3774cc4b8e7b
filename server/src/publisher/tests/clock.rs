//! A wall clock that is wrong for a while.

use super::*;

/// What ended by a clock that was ahead comes back when that is set right: by itself, without the brake that it has passed
/// before, and with all that it rests on, though what was past its time was dropped meanwhile.
#[test]
fn what_a_wrong_clock_ended_comes_back() {
    let folder = folder();
    let mut world = World::with_wide_brake(folder.path());
    for number in 0..30 {
        list(&world, &format!("45.0.2.{number}"));
    }
    // A direct hour that weighs nothing any more, among reflected ones that may be presumed of later hours.
    world.hit("own", 0, "45.0.2.1", 7, THEN - 72);
    world.settle(NOW);
    let (right, serial) = (world.zone(NOW), world.publisher.zone().serial());
    assert_eq!(right.len(), 30);
    let units = |world: &World| world.ledger.units(Origin::parse("45.0.2.1").unwrap()).unwrap();
    let before = units(&world).len();
    world.close();

    let mut world = World::open(folder.path());
    let ahead = NOW + 3 * 24 * HOUR;
    world.publisher.clock_was_set(ahead - NOW);
    world.settle(ahead);
    assert_eq!(world.zone(ahead).len(), 0);
    let a_day = NOW + 24 * HOUR;
    world.settle(a_day);
    while world.ledger.purge(a_day, 72 * HOUR).unwrap() {}
    assert_eq!(units(&world).len(), before);
    let later = world.publisher.zone().serial();
    assert!(later > serial);

    world.publisher.clock_was_set(NOW - ahead);
    world.settle(NOW);
    assert_eq!(world.zone(NOW), right);
    assert!(world.publisher.zone().serial() > later);
    // New ones wait as ever.
    for number in 0..30 {
        list(&world, &format!("46.0.2.{number}"));
    }
    world.settle(NOW);
    assert_eq!(world.zone(NOW).len(), 40);
}

/// The same where it was set right between two processes: what the ledger holds of a time to come tells.
#[test]
fn a_start_finds_that_the_clock_was_ahead() {
    let folder = folder();
    let mut world = World::with_wide_brake(folder.path());
    for number in 0..30 {
        list(&world, &format!("45.0.2.{number}"));
    }
    world.settle(NOW);
    let right = world.zone(NOW);
    let ahead = NOW + 3 * 24 * HOUR;
    world.settle(ahead);
    assert_eq!(world.zone(ahead).len(), 0);
    world.close();
    let mut world = World::open(folder.path());
    world.settle(NOW);
    assert_eq!(world.zone(NOW), right);
}

/// Evidence of an hour that is still to come lists nobody before it; and then it does, though nothing comes with it, and
/// over a restart as well.
#[test]
fn evidence_of_a_time_to_come_counts_when_that_comes() {
    let folder = folder();
    let mut world = World::open(folder.path());
    let hour = NOW / HOUR + 20;
    for trap in 0..3 {
        world.hit("own", trap, "45.0.2.1", 1, hour);
        world.hit("own", trap, "45.0.2.2", 1, hour + 1);
    }
    world.settle(NOW);
    assert_eq!(world.zone(NOW).len(), 0);
    world.settle((hour - 1) * HOUR);
    assert_eq!(world.zone((hour - 1) * HOUR).len(), 0);
    world.settle(hour * HOUR);
    assert!(world.lists("45.0.2.1", hour * HOUR) && !world.lists("45.0.2.2", hour * HOUR));
    world.close();
    let mut world = World::at(folder.path(), &settings(NARROW), hour * HOUR);
    world.settle(hour * HOUR);
    let next = (hour + 1) * HOUR;
    world.settle(next);
    assert!(world.lists("45.0.2.1", next) && world.lists("45.0.2.2", next));
}

/// What was taken off, or exempt for a while, stays so when the clock is set back to a time before it.
#[test]
fn corrections_stand_when_the_clock_is_set_back() {
    let folder = folder();
    let mut world = World::open(folder.path());
    list(&world, "45.0.2.1");
    list(&world, "45.0.2.2");
    world.settle(NOW);
    assert_eq!(world.zone(NOW).len(), 2);
    let ahead = NOW + 24 * HOUR;
    let origin = Origin::parse("45.0.2.1").unwrap();
    world.correct(Correction::Remove { origin, reason: String::new() }, ahead);
    let (network, until) = ("45.0.2.2/32".parse().unwrap(), Some(NOW + 2 * HOUR));
    world.correct(Correction::Exempt { network, reason: String::new(), until }, NOW);
    world.settle(ahead);
    assert_eq!(world.zone(ahead).len(), 1, "the exemption has ended");
    world.publisher.clock_was_set(NOW - ahead);
    world.settle(NOW);
    assert_eq!(world.zone(NOW).len(), 0);
    assert!(world.declared.load().exemptions.covering(Origin::parse("45.0.2.2").unwrap()).is_some());
}

/// Nothing is dropped at a start by a clock that may not have been set yet.
#[test]
fn a_start_drops_nothing_by_a_clock_that_is_far_ahead() {
    let folder = folder();
    let mut world = World::open(folder.path());
    assert!(world.publisher.may_drop_at_start(NOW), "there is nothing to drop");
    list(&world, "45.0.2.1");
    world.settle(NOW);
    assert!(world.publisher.may_drop_at_start(NOW + 47 * HOUR));
    assert!(!world.publisher.may_drop_at_start(NOW + 50 * HOUR));
}
