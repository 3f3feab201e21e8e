//! Taking out of a store what the ledger can make anew and keeps nats-server from serving.

use std::io;
use std::path::Path;

/// Removes what a nats-server that does not run keeps of the consumers of a stream. Its messages stay;
/// consumers are made anew by whoever needs them, and are handed again what nobody has acknowledged.
///
/// A server whose consumer has one wrong bit serves the whole stream no more, and deleting the consumer
/// over its API changes nothing (2.15.1). `dir` is the directory of the server. Repeating this is
/// harmless.
pub fn forget_consumers(dir: &Path, stream: &str) -> io::Result<()> {
    let streams = dir.join("js/jetstream/$G/streams");
    match std::fs::remove_dir_all(streams.join(stream).join("obs")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}
