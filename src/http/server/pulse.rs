//! What a connection is doing, told by its parts to the one that watches over it (`watch`).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::task::Waker;
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::time::Instant;

/// Over HTTP/2 fewer bytes than this, written at once, are no answer: a ping is answered with 17, and
/// settings with 9, as often as the client likes.
const ANSWER_LEAST: usize = 256;

/// In `rests_since`: it does not rest.
const NOT_RESTING: u64 = u64::MAX;

/// Signals of one connection. Its parts run in one task (the streams of HTTP/2 aside, which only
/// call [`Pulse::body_unread`] and those of [`Stream`]), so the atomics order nothing: they only make
/// sharing possible.
///
/// A head is complete when the handler is called; what comes between an answer and the next call is
/// a head, or idleness. So the phases need no word from the protocol library. Over HTTP/2, where
/// streams overlap, they follow from how many streams wait for whom.
#[derive(Debug)]
pub(super) struct Pulse {
    born: Instant,
    phase: AtomicU8,
    /// Goes up with every head and every write; goes round.
    turns: AtomicU32,
    /// Over HTTP/2, goes up with every head, every piece of an answer and every end of one. Pings
    /// are none of these.
    moves: AtomicU32,
    http2: AtomicBool,
    /// Streams of HTTP/2 that wait for us.
    ours: AtomicU32,
    /// Those that wait until the client takes more of an answer.
    theirs: AtomicU32,
    write_blocked: AtomicBool,
    body_unread: AtomicBool,
    /// Milliseconds after `born`: since when it does nothing.
    rests_since: AtomicU64,
    leaves: AtomicBool,
    watch: AtomicWaker,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Phase {
    /// No head has come yet. Over HTTP/2 too this lasts until the first request.
    Opening,
    /// A request is being answered, and we are the ones to do something. `Limits::request` watches.
    Busy,
    /// Answered, no byte of a next request. Over HTTP/2: no stream is open.
    Idle,
    /// Some of a later request's head. Over HTTP/2 this never is.
    Head,
    /// Over HTTP/2: every open stream waits until the client takes more of its answer.
    Draining,
    /// Answered and shut down; reading what the client still sends.
    Closing,
}

impl Pulse {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            born: Instant::now(),
            phase: AtomicU8::new(Phase::Opening as u8),
            turns: AtomicU32::new(0),
            moves: AtomicU32::new(0),
            http2: AtomicBool::new(false),
            ours: AtomicU32::new(0),
            theirs: AtomicU32::new(0),
            write_blocked: AtomicBool::new(false),
            body_unread: AtomicBool::new(false),
            rests_since: AtomicU64::new(0),
            leaves: AtomicBool::new(false),
            watch: AtomicWaker::new(),
        })
    }

    pub(super) fn phase(&self) -> Phase {
        const OPENING: u8 = Phase::Opening as u8;
        const BUSY: u8 = Phase::Busy as u8;
        const IDLE: u8 = Phase::Idle as u8;
        const HEAD: u8 = Phase::Head as u8;
        match self.phase.load(Ordering::Relaxed) {
            OPENING => Phase::Opening,
            BUSY if self.is_http2() => self.phase_of_streams(),
            BUSY => Phase::Busy,
            IDLE => Phase::Idle,
            HEAD => Phase::Head,
            _ => Phase::Closing,
        }
    }

    fn phase_of_streams(&self) -> Phase {
        if self.ours.load(Ordering::Relaxed) > 0 {
            return Phase::Busy;
        }
        match self.theirs.load(Ordering::Relaxed) {
            0 => Phase::Idle,
            _ => Phase::Draining,
        }
    }

    /// Tells two times of the same phase apart, when something was done between.
    pub(super) fn mark(&self) -> u32 {
        match self.is_http2() {
            true => self.moves.load(Ordering::Relaxed),
            false => self.turns(),
        }
    }

    /// Tells two looks apart between which bytes were written.
    pub(super) fn turns(&self) -> u32 {
        self.turns.load(Ordering::Relaxed)
    }

    /// Whether the client takes no bytes.
    pub(super) fn is_write_blocked(&self) -> bool {
        self.write_blocked.load(Ordering::Relaxed)
    }

    /// Bytes were to be written, and the client took so many of them, or none.
    pub(super) fn wrote(&self, taken: Option<usize>) {
        self.write_blocked.store(taken.is_none(), Ordering::Relaxed);
        let Some(bytes) = taken else { return };
        up(&self.turns);
        if bytes >= ANSWER_LEAST && self.is_http2() {
            up(&self.moves);
        }
    }

    /// Bytes came from the client.
    pub(super) fn bytes_read(&self) {
        if self.phase.load(Ordering::Relaxed) == Phase::Idle as u8 {
            self.enter(Phase::Head);
        }
    }

    /// A request's head is complete.
    pub(super) fn head_complete(&self, http2: bool) {
        up(&self.turns);
        self.body_unread.store(false, Ordering::Relaxed);
        if http2 {
            self.http2.store(true, Ordering::Relaxed);
        }
        self.enter(Phase::Busy);
    }

    /// The request was answered without reading all of its body.
    pub(super) fn body_unread(&self) {
        self.body_unread.store(true, Ordering::Relaxed);
    }

    /// The response of HTTP/1.1 is complete, as far as its handler is concerned; a next request may
    /// come.
    pub(super) fn answered(&self) {
        if self.phase() == Phase::Busy {
            self.enter(Phase::Idle);
        }
    }

    /// The connection is closed from our side; says whether to read on for a moment.
    pub(super) fn closing(&self) -> bool {
        let lingers = match self.phase() {
            // The head was refused, so more of it may come.
            Phase::Opening | Phase::Head => true,
            Phase::Busy | Phase::Idle | Phase::Draining => self.body_unread.load(Ordering::Relaxed),
            Phase::Closing => false,
        };
        self.enter(Phase::Closing);
        lingers
    }

    /// Since when it does nothing; for those who need its place.
    pub(super) fn rests_since(&self) -> Option<Instant> {
        let millis = self.rests_since.load(Ordering::Relaxed);
        (millis != NOT_RESTING).then(|| self.born + Duration::from_millis(millis))
    }

    /// Says so.
    pub(super) fn rest(&self, since: Option<Instant>) {
        let millis = since.map(|it| it.saturating_duration_since(self.born).as_millis());
        let millis = millis.and_then(|it| u64::try_from(it).ok()).unwrap_or(NOT_RESTING);
        self.rests_since.store(millis, Ordering::Relaxed);
    }

    /// Has it end what it has begun, and then itself.
    pub(super) fn leave(&self) {
        self.leaves.store(true, Ordering::Release);
        self.watch.wake();
    }

    pub(super) fn leaves(&self) -> bool {
        self.leaves.load(Ordering::Acquire)
    }

    /// Who is told when it is to leave.
    pub(super) fn watched_by(&self, waker: &Waker) {
        self.watch.register(waker);
    }

    fn is_http2(&self) -> bool {
        self.http2.load(Ordering::Relaxed)
    }

    fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }
}

/// Streams count from several tasks at once.
fn up(count: &AtomicU32) {
    count.fetch_add(1, Ordering::Relaxed);
}

/// A stream of HTTP/2, from its head until nothing of it is left to do here.
#[derive(Debug)]
pub(super) struct Stream {
    pulse: Arc<Pulse>,
    is_theirs: bool,
}

impl Stream {
    /// One whose request is being answered.
    pub(super) fn begin(pulse: Arc<Pulse>) -> Stream {
        up(&pulse.moves);
        up(&pulse.ours);
        Stream { pulse, is_theirs: false }
    }

    /// Whether it waits until the client takes what it was given, or for us.
    pub(super) fn waits_for_client(&mut self, is_theirs: bool) {
        if is_theirs {
            up(&self.pulse.moves);
        }
        if is_theirs != self.is_theirs {
            // Counted twice for a moment, so that it never seems to be gone.
            up(self.count(is_theirs));
            self.count(self.is_theirs).fetch_sub(1, Ordering::Relaxed);
            self.is_theirs = is_theirs;
        }
    }

    fn count(&self, is_theirs: bool) -> &AtomicU32 {
        if is_theirs { &self.pulse.theirs } else { &self.pulse.ours }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        up(&self.pulse.moves);
        self.count(self.is_theirs).fetch_sub(1, Ordering::Relaxed);
    }
}
