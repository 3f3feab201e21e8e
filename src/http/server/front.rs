//! What stands in front of the server, as its operator says.

use clap::Args;

use super::proxies::Trusted;
use super::site::PublicUrl;

/// How HTTP is reached from outside.
#[derive(Debug, Clone, Default, Args)]
pub struct Front {
    /// A proxy that says whose requests it passes on, and in which header: `127.0.0.1=x-forwarded-for`,
    /// `10.0.0.0/8=forwarded`; several separated by commas
    #[arg(
        long,
        env = "SEATLEDGER_TRUSTED_PROXY",
        value_name = "NETWORK=HEADER",
        value_delimiter = ','
    )]
    pub trusted_proxy: Vec<Trusted>,
    /// How this ledger is called from outside, where a proxy stands before it:
    /// `https://ledger.example`
    #[arg(long, env = "SEATLEDGER_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<PublicUrl>,
}
