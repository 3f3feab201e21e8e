//! Streams are made only where that is asked for.

use super::nats_server::{JETSTREAM, NatsServer};
use super::refused;
use super::servers::works;
use crate::Ledger;

async fn streams(server: &NatsServer) -> Vec<String> {
    use futures_util::TryStreamExt as _;
    let jetstream = async_nats::jetstream::new(server.client().await);
    let mut names: Vec<String> = jetstream.stream_names().try_collect().await.unwrap();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_made_only_where_that_is_asked_for() {
    let server = NatsServer::start(JETSTREAM).await;
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let url = server.url();
    let own = ["serve", "--nats", &url, "--http", "127.0.0.1:0", "--max-bytes", "100000000"];
    let (code, said) = refused(first.path(), &own).await;
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("no stream SEATLEDGER:") && said.contains("--create"), "{said}");
    assert_eq!(streams(&server).await, Vec::<String>::new(), "nothing is made");
    let ledger = server.serve(first.path(), &[]).await.unwrap();
    works(&ledger).await;
    let all = ["SEATLEDGER", "SEATLEDGER_POSTS", "SEATLEDGER_REFUSALS"];
    assert_eq!(streams(&server).await, all);
    // Another one beside it, with a folder of its own and without being asked to make anything.
    let serving = [&own[..], &["--ready-json"]].concat();
    let beside = Ledger::spawn(second.path(), &serving).await.unwrap();
    let read = beside.get_at_least("/v1/accounts/acme/licenses/l", 1).await;
    assert_eq!(read.status, 200);
    assert!(beside.stop().await.success());
    // The wrong prefix makes nothing.
    let wrong = [&own[..], &["--prefix", "seatlegder"]].concat();
    let elsewhere = tempfile::tempdir().unwrap();
    let (code, said) = refused(elsewhere.path(), &wrong).await;
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("SEATLEGDER") && said.contains("--prefix"), "{said}");
    // One of the others that is gone: who knows the ledger makes it anew, who does not does not.
    let jetstream = async_nats::jetstream::new(server.client().await);
    assert!(ledger.stop().await.success());
    jetstream.delete_stream("SEATLEDGER_REFUSALS").await.unwrap();
    let third = tempfile::tempdir().unwrap();
    let (code, said) = refused(third.path(), &own).await;
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("SEATLEDGER_REFUSALS") && said.contains("--create"), "{said}");
    let ledger = Ledger::spawn(first.path(), &serving).await.unwrap();
    assert!(ledger.log().contains("made anew"), "{}", ledger.log());
    assert_eq!(streams(&server).await, all);
}
