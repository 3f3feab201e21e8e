//! Where HTTP listens.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use super::Error;
use crate::auth::Keys;

/// Listens, twice at the same socket: whoever takes over accepts from the same queue.
pub(super) async fn listen(http: SocketAddr) -> Result<([TcpListener; 2], SocketAddr), Error> {
    let failed = |source| Error::Listen { http, source };
    let listener = TcpListener::bind(http).await.map_err(failed)?;
    let listener = listener.into_std().map_err(failed)?;
    let again = listener.try_clone().map_err(failed)?;
    let bound = listener.local_addr().unwrap_or(http);
    let both = [listener, again].map(TcpListener::from_std);
    let [listener, again] = both;
    Ok(([listener.map_err(failed)?, again.map_err(failed)?], bound))
}

/// Refuses an address that HTTP cannot be served at now, so that nothing need be made for it.
pub fn check_http(http: SocketAddr, keys: Keys) -> Result<(), Error> {
    be_loopback(http, keys)?;
    let listener = std::net::TcpListener::bind(http);
    listener.map(drop).map_err(|source| Error::Listen { http, source })
}

pub(super) fn be_loopback(http: SocketAddr, keys: Keys) -> Result<(), Error> {
    match keys {
        Keys::Optional if !http.ip().is_loopback() => Err(Error::NotLoopback(http)),
        Keys::Optional | Keys::Required => Ok(()),
    }
}
