//! What a connection is doing, told by its parts to the one that watches over it (`watch`).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};

/// Signals of one connection. Its parts run in one task (the streams of HTTP/2 aside, which only
/// call [`Pulse::body_unread`]), so the atomics order nothing: they only make sharing possible.
///
/// A head is complete when the handler is called; what comes between an answer and the next call is
/// a head, or idleness. So the phases need no word from the protocol library.
#[derive(Debug)]
pub(super) struct Pulse {
    phase: AtomicU8,
    /// Goes up with every head and every write; goes round.
    turns: AtomicU32,
    write_blocked: AtomicBool,
    body_unread: AtomicBool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Phase {
    /// No head has come yet. Over HTTP/2 too this lasts until the first request.
    Opening,
    /// A request is being answered, or the connection is HTTP/2: pings and `Limits::request` watch.
    Busy,
    /// Answered, no byte of a next request. Over HTTP/2 this never is, as streams overlap.
    Idle,
    /// Some of a later request's head.
    Head,
    /// Answered and shut down; reading what the client still sends.
    Closing,
}

impl Pulse {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            phase: AtomicU8::new(Phase::Opening as u8),
            turns: AtomicU32::new(0),
            write_blocked: AtomicBool::new(false),
            body_unread: AtomicBool::new(false),
        })
    }

    pub(super) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Relaxed) {
            0 => Phase::Opening,
            1 => Phase::Busy,
            2 => Phase::Idle,
            3 => Phase::Head,
            _ => Phase::Closing,
        }
    }

    /// Tells two times of the same phase apart, when something was done between.
    pub(super) fn turns(&self) -> u32 {
        self.turns.load(Ordering::Relaxed)
    }

    /// Whether the client takes no bytes.
    pub(super) fn is_write_blocked(&self) -> bool {
        self.write_blocked.load(Ordering::Relaxed)
    }

    /// Bytes were to be written, and the client took some of them or none.
    pub(super) fn wrote(&self, some: bool) {
        self.write_blocked.store(!some, Ordering::Relaxed);
        if some {
            self.turn();
        }
    }

    /// Bytes came from the client.
    pub(super) fn bytes_read(&self) {
        if self.phase() == Phase::Idle {
            self.enter(Phase::Head);
        }
    }

    /// A request's head is complete.
    pub(super) fn head_complete(&self) {
        self.turn();
        self.body_unread.store(false, Ordering::Relaxed);
        self.enter(Phase::Busy);
    }

    /// The request was answered without reading all of its body.
    pub(super) fn body_unread(&self) {
        self.body_unread.store(true, Ordering::Relaxed);
    }

    /// The response is complete, as far as its handler is concerned; a next request may come.
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
            Phase::Busy | Phase::Idle => self.body_unread.load(Ordering::Relaxed),
            Phase::Closing => false,
        };
        self.enter(Phase::Closing);
        lingers
    }

    fn turn(&self) {
        self.turns.store(self.turns().wrapping_add(1), Ordering::Relaxed);
    }

    fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }
}
