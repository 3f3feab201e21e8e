//! Cables that can be cut: every connection goes through a listener of the test.
//!
//! What is sent into a cut cable is not lost: it arrives when the cable is whole again, as TCP does
//! it. Until then nobody is told of anything: no byte, no end, no reset, and who connects waits.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Bytes that are carried at once.
const CHUNK: usize = 16 * 1024;

/// What a cable ends at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    Node(usize),
    Ledger(usize),
    Callers,
    /// Whoever looks at the log; never cut off.
    Checker,
}

/// From whom to whom nothing gets through.
type Cut = BTreeSet<(End, End)>;

/// Where a server listens; another port after each start.
pub type Port = Arc<AtomicU16>;

/// All cables of a cluster.
#[derive(Default)]
pub struct Cables {
    cut: watch::Sender<Cut>,
    /// How many connections there are, by who has connected to whom.
    open: BTreeMap<(End, End), Arc<AtomicUsize>>,
}

impl Cables {
    /// A cable over which `from` connects to `to`. Gives back the port to connect to.
    pub async fn lay(&mut self, from: End, to: End, target: &Port) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let open = Arc::clone(self.open.entry((from, to)).or_default());
        let (cut, target) = (self.cut.subscribe(), Arc::clone(target));
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let (cable, open) = (Cable { from, to, cut: cut.clone() }, Arc::clone(&open));
                let target = target.load(Ordering::Relaxed);
                tokio::spawn(async move {
                    open.fetch_add(1, Ordering::Relaxed);
                    cable.carry(near, target).await;
                    open.fetch_sub(1, Ordering::Relaxed);
                });
            }
        });
        port
    }

    /// From now on nothing gets from the one to the other; the other way it does.
    pub fn cut(&self, from: End, to: End) {
        self.cut.send_modify(|it| {
            it.insert((from, to));
        });
    }

    /// All cables are whole again.
    pub fn heal(&self) {
        self.cut.send_modify(Cut::clear);
    }

    /// How many connections `from` has made to `to`.
    pub fn open(&self, from: End, to: End) -> usize {
        self.open[&(from, to)].load(Ordering::Relaxed)
    }
}

struct Cable {
    from: End,
    to: End,
    cut: watch::Receiver<Cut>,
}

impl Cable {
    /// One connection, until both have closed it.
    async fn carry(self, near: TcpStream, target: u16) {
        let (there, back) = ((self.from, self.to), (self.to, self.from));
        let (mut cut, mut whole) = (self.cut.clone(), self.cut);
        until_whole(&mut whole, &[there, back]).await;
        let Ok(far) = TcpStream::connect(("127.0.0.1", target)).await else { return };
        near.set_nodelay(true).unwrap();
        far.set_nodelay(true).unwrap();
        let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
        let mut also = cut.clone();
        tokio::join!(
            pump(near_in, far_out, there, &mut cut),
            pump(far_in, near_out, back, &mut also)
        );
    }
}

async fn until_whole(cut: &mut watch::Receiver<Cut>, ways: &[(End, End)]) {
    // The sender is gone when the test is over.
    let _ = cut.wait_for(|it| !ways.iter().any(|way| it.contains(way))).await;
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    way: (End, End),
    cut: &mut watch::Receiver<Cut>,
) {
    let mut chunk = vec![0; CHUNK];
    while let Ok(count @ 1..) = from.read(&mut chunk).await {
        until_whole(cut, &[way]).await;
        if to.write_all(&chunk[..count]).await.is_err() {
            break;
        }
    }
    // An end is told like everything else: where the way is whole.
    until_whole(cut, &[way]).await;
    let _ = to.shutdown().await;
}
