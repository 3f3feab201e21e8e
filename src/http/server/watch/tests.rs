use std::sync::Arc;
use std::time::Duration;

use super::super::pulse::Stream;
use super::*;

fn limits() -> Limits {
    Limits {
        head: Duration::from_secs(5),
        idle: Duration::from_secs(12),
        write_stall: Duration::from_secs(30),
        ..Limits::default()
    }
}

/// A watch over a connection, and seconds after its start.
struct Case<'a> {
    watch: Watch<'a>,
    pulse: Arc<Pulse>,
    start: Instant,
}

impl<'a> Case<'a> {
    fn new(limits: &'a Limits) -> Self {
        let start = Instant::now();
        Self { watch: Watch::new(limits, start), pulse: Pulse::new(), start }
    }

    fn look(&mut self, second: u64) -> bool {
        let now = self.start + Duration::from_secs(second);
        self.watch.look(&self.pulse, || now)
    }

    fn due(&self) -> u64 {
        (self.watch.due() - self.start).as_secs()
    }

    fn verdict(&mut self, second: u64, crowded: bool) -> Verdict {
        self.watch.verdict(self.start + Duration::from_secs(second), crowded)
    }

    fn leave(&mut self, second: u64) {
        self.watch.leaving = Some(self.start + Duration::from_secs(second));
    }
}

#[test]
fn the_first_head_is_due_from_the_start_whatever_comes() {
    let limits = limits();
    let mut case = Case::new(&limits);
    case.pulse.bytes_read();
    assert!(!case.look(3));
    assert_eq!(case.due(), 5);
    assert_eq!(case.verdict(4, true), Verdict::Stays);
    assert_eq!(case.verdict(5, false), Verdict::Over);
}

#[test]
fn a_busy_connection_is_never_over() {
    let limits = limits();
    let mut case = Case::new(&limits);
    case.pulse.head_complete(false);
    assert!(case.look(1));
    assert_eq!(case.verdict(1_000, true), Verdict::Stays);
    assert_eq!(case.due(), 1_005, "it is only looked at");
}

#[test]
fn an_idle_connection_is_reviewed_until_its_end() {
    let limits = limits();
    let mut case = Case::new(&limits);
    case.pulse.head_complete(false);
    case.pulse.answered();
    case.look(1);
    for review in [6, 11, 13] {
        assert_eq!(case.due(), review);
        assert_eq!(case.verdict(review - 1, true), Verdict::Stays, "not even looked at");
        let wanted = if review == 13 { Verdict::Leaves } else { Verdict::Stays };
        assert_eq!(case.verdict(review, false), wanted);
    }
}

#[test]
fn an_idle_connection_goes_at_its_review_when_it_is_crowded() {
    let limits = limits();
    let mut case = Case::new(&limits);
    case.pulse.head_complete(false);
    case.pulse.answered();
    case.look(1);
    assert_eq!(case.verdict(6, true), Verdict::Leaves);
}

#[test]
fn a_request_between_two_looks_counts() {
    let limits = limits();
    let mut case = Case::new(&limits);
    for second in [0, 4, 8] {
        case.pulse.head_complete(false);
        case.pulse.answered();
        assert!(case.look(second));
        assert_eq!(case.due(), second + 5);
    }
    assert!(!case.look(9), "nothing has changed, so the clock is not asked");
}

#[test]
fn a_later_head_is_due_from_its_first_byte() {
    let limits = limits();
    let mut case = Case::new(&limits);
    case.pulse.head_complete(false);
    case.pulse.answered();
    case.look(1);
    case.pulse.bytes_read();
    case.look(3);
    case.pulse.bytes_read();
    case.look(7);
    assert_eq!(case.due(), 8);
    assert_eq!(case.verdict(8, false), Verdict::Over);
}

#[test]
fn while_no_bytes_are_taken_that_alone_counts() {
    let limits = limits();
    let mut case = Case::new(&limits);
    case.pulse.head_complete(false);
    case.pulse.wrote(None);
    case.look(1);
    case.pulse.answered();
    case.look(2);
    assert_eq!(case.due(), 31);
    assert_eq!(case.verdict(30, true), Verdict::Stays);
    case.pulse.wrote(Some(1));
    case.look(20);
    assert_eq!(case.due(), 25);
    case.pulse.wrote(None);
    case.look(21);
    assert_eq!(case.verdict(51, false), Verdict::Over);
}

#[test]
fn some_bytes_taken_between_two_looks_count() {
    let limits = limits();
    let mut case = Case::new(&limits);
    case.pulse.head_complete(false);
    for second in [10, 20, 60] {
        case.pulse.wrote(Some(1));
        case.pulse.wrote(None);
        case.look(second);
        assert_eq!(case.due(), second + 30);
    }
}

#[test]
fn a_connection_of_http2_is_idle_when_no_stream_is_open() {
    let limits = limits();
    let mut case = Case::new(&limits);
    case.pulse.head_complete(true);
    let one = Stream::begin(Arc::clone(&case.pulse));
    let other = Stream::begin(Arc::clone(&case.pulse));
    case.look(1);
    drop(one);
    case.look(2);
    assert_eq!(case.verdict(500, true), Verdict::Stays);
    assert!(case.pulse.rests_since().is_none());
    drop(other);
    case.look(501);
    assert!(case.pulse.rests_since().is_some());
    // Pings, and what they are answered with, do not keep it.
    for second in 502..513 {
        case.pulse.bytes_read();
        case.pulse.wrote(Some(17));
        assert!(!case.look(second), "{second}");
        assert_eq!(case.verdict(second, false), Verdict::Stays);
    }
    assert_eq!(case.verdict(513, false), Verdict::Leaves);
}

#[test]
fn a_client_of_http2_that_takes_nothing_of_its_answers_is_over() {
    let limits = limits();
    let mut case = Case::new(&limits);
    case.pulse.head_complete(true);
    let mut stalled = Stream::begin(Arc::clone(&case.pulse));
    let working = Stream::begin(Arc::clone(&case.pulse));
    stalled.waits_for_client(true);
    case.look(1);
    assert_eq!(case.verdict(100, true), Verdict::Stays, "something is done for it");
    drop(working);
    case.look(101);
    assert_eq!((case.due(), case.verdict(130, true)), (131, Verdict::Stays));
    stalled.waits_for_client(true);
    case.look(130);
    assert_eq!(case.verdict(131, true), Verdict::Stays, "it has taken a piece");
    assert_eq!(case.verdict(160, true), Verdict::Over);
    // An answer that its source has no more of for now.
    stalled.waits_for_client(false);
    case.look(160);
    assert_eq!(case.verdict(1_000, true), Verdict::Stays);
}

#[test]
fn who_leaves_has_a_moment_and_what_it_has_begun() {
    let limits = limits();
    let mut case = Case::new(&limits);
    case.pulse.head_complete(true);
    drop(Stream::begin(Arc::clone(&case.pulse)));
    case.look(1);
    case.leave(100);
    assert_eq!((case.due(), case.verdict(100, true)), (6, Verdict::Stays));
    assert_eq!((case.due(), case.verdict(101, true)), (101, Verdict::Over));
    // A request that has come meanwhile is answered, and nothing after it.
    let request = Stream::begin(Arc::clone(&case.pulse));
    case.look(101);
    assert_eq!(case.verdict(114, true), Verdict::Stays);
    assert_eq!(case.verdict(115, true), Verdict::Over);
    drop(request);
    case.look(114);
    assert_eq!((case.due(), case.verdict(115, true)), (115, Verdict::Over));
    // One that blocks is over as ever, and is not looked at without end until then.
    let mut case = Case::new(&limits);
    case.pulse.head_complete(false);
    case.pulse.wrote(None);
    case.look(1);
    case.leave(30);
    assert_eq!(case.verdict(30, true), Verdict::Stays);
    assert_eq!((case.due(), case.verdict(31, true)), (31, Verdict::Over));
}
