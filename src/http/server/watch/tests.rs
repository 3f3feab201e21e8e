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
    pulse: std::sync::Arc<Pulse>,
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

    fn due(&self) -> Option<u64> {
        self.watch.due().map(|due| (due - self.start).as_secs())
    }

    fn is_over(&mut self, second: u64, crowded: bool) -> bool {
        self.watch.is_over(self.start + Duration::from_secs(second), crowded)
    }
}

#[test]
fn the_first_head_is_due_from_the_start_whatever_comes() {
    let limits = limits();
    let mut case = Case::new(&limits);
    case.pulse.bytes_read();
    assert!(!case.look(3));
    assert_eq!(case.due(), Some(5));
    assert!(!case.is_over(4, true));
    assert!(case.is_over(5, false));
}

#[test]
fn a_busy_connection_is_never_due() {
    let limits = limits();
    let mut case = Case::new(&limits);
    case.pulse.head_complete();
    assert!(case.look(1));
    assert_eq!(case.due(), None);
    assert!(!case.is_over(1_000, true));
}

#[test]
fn an_idle_connection_is_reviewed_until_its_end() {
    let limits = limits();
    let mut case = Case::new(&limits);
    case.pulse.head_complete();
    case.pulse.answered();
    case.look(1);
    for review in [6, 11, 13] {
        assert_eq!(case.due(), Some(review));
        assert!(!case.is_over(review - 1, true), "not even looked at");
        assert_eq!(case.is_over(review, false), review == 13);
    }
}

#[test]
fn an_idle_connection_goes_at_its_review_when_it_is_crowded() {
    let limits = limits();
    let mut case = Case::new(&limits);
    case.pulse.head_complete();
    case.pulse.answered();
    case.look(1);
    assert!(case.is_over(6, true));
}

#[test]
fn a_request_between_two_looks_counts() {
    let limits = limits();
    let mut case = Case::new(&limits);
    for second in [0, 4, 8] {
        case.pulse.head_complete();
        case.pulse.answered();
        assert!(case.look(second));
        assert_eq!(case.due(), Some(second + 5));
    }
    assert!(!case.look(9), "nothing has changed, so the clock is not asked");
}

#[test]
fn a_later_head_is_due_from_its_first_byte() {
    let limits = limits();
    let mut case = Case::new(&limits);
    case.pulse.head_complete();
    case.pulse.answered();
    case.look(1);
    case.pulse.bytes_read();
    case.look(3);
    case.pulse.bytes_read();
    case.look(7);
    assert_eq!(case.due(), Some(8));
    assert!(case.is_over(8, false));
}

#[test]
fn while_no_bytes_are_taken_that_alone_counts() {
    let limits = limits();
    let mut case = Case::new(&limits);
    case.pulse.head_complete();
    case.pulse.wrote(false);
    case.look(1);
    case.pulse.answered();
    case.look(2);
    assert_eq!(case.due(), Some(31));
    assert!(!case.is_over(30, true));
    case.pulse.wrote(true);
    case.look(20);
    assert_eq!(case.due(), Some(25));
    case.pulse.wrote(false);
    case.look(21);
    assert!(case.is_over(51, false));
}

#[test]
fn some_bytes_taken_between_two_looks_count() {
    let limits = limits();
    let mut case = Case::new(&limits);
    case.pulse.head_complete();
    for second in [10, 20, 60] {
        case.pulse.wrote(true);
        case.pulse.wrote(false);
        case.look(second);
        assert_eq!(case.due(), Some(second + 30));
    }
}
