//! What is said of tokens on the command line.

use super::claims::Expected;
use super::jwks::Jwks;
use super::source::{NoSource, Source, Unread, read_file};

/// Who signs tokens, and what they have to say.
#[derive(Debug, Clone, clap::Args)]
#[group(id = "tokens")]
pub struct Options {
    /// Take signed tokens (JWT) beside keys: the issuer's keys (JWKS), as a file or an https address
    #[arg(long, env = "SEATLEDGER_JWKS", value_name = "FILE or URL")]
    jwks: Option<String>,
    /// Who issues tokens: their claim `iss`
    #[arg(long, env = "SEATLEDGER_JWT_ISSUER", value_name = "ISSUER")]
    jwt_issuer: Option<String>,
    /// What tokens for this ledger are for: their claim `aud`
    #[arg(long, env = "SEATLEDGER_JWT_AUDIENCE", value_name = "AUDIENCE")]
    jwt_audience: Option<String>,
    /// The claim that names the account of a token, or is * for every one
    #[arg(
        long,
        env = "SEATLEDGER_JWT_ACCOUNT_CLAIM",
        value_name = "CLAIM",
        default_value = "seatledger_account"
    )]
    jwt_account_claim: String,
    /// The claim with its role: reader, auditor, operator or admin
    #[arg(
        long,
        env = "SEATLEDGER_JWT_ROLE_CLAIM",
        value_name = "CLAIM",
        default_value = "seatledger_role"
    )]
    jwt_role_claim: String,
    /// The claim with the APIs that take it, a list; all of them for a token without it
    #[arg(
        long,
        env = "SEATLEDGER_JWT_FACADES_CLAIM",
        value_name = "CLAIM",
        default_value = "seatledger_facades"
    )]
    jwt_facades_claim: String,
}

/// How tokens are taken.
#[derive(Debug, Clone)]
pub struct Settings {
    pub(super) source: Source,
    /// The keys that are known already: those of a file.
    pub(super) keys: Option<Jwks>,
    pub(super) expected: Expected,
}

/// Why tokens cannot be taken as it was said.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// Something is said of tokens, and not who signs them.
    #[error("{given} is about tokens, but no keys are named that sign them: give --jwks too")]
    NoJwks {
        /// What is said.
        given: &'static str,
    },
    /// A token for somebody else, or of somebody else, would be taken.
    #[error(
        "--jwks needs {missing} too: without it a token that was meant for something else would be taken; \
         give the claim `{claim}` of your tokens"
    )]
    Missing {
        /// What is not said.
        missing: &'static str,
        /// Where it stands in a token.
        claim: &'static str,
    },
    /// It is no place for keys.
    #[error(
        "--jwks cannot be used: {0}; give a file, or the https URL of your identity provider's JWKS"
    )]
    Source(#[from] NoSource),
    /// It is a file without keys.
    #[error(
        "--jwks cannot be used: {source_file}: {reason}; give a file with the JWKS of your identity provider"
    )]
    File {
        /// Which one.
        source_file: String,
        /// Why not.
        reason: String,
    },
}

impl Options {
    /// What was said, checked; nothing where tokens are not taken. A file is read.
    pub fn settings(&self) -> Result<Option<Settings>, Unusable> {
        let given = |it: &Option<String>| it.clone().filter(|it| !it.is_empty());
        let (issuer, audience) = (given(&self.jwt_issuer), given(&self.jwt_audience));
        let Some(jwks) = &self.jwks else {
            let stray = [("--jwt-issuer", &issuer), ("--jwt-audience", &audience)];
            let stray = stray.into_iter().find(|it| it.1.is_some());
            return stray.map_or(Ok(None), |it| Err(Unusable::NoJwks { given: it.0 }));
        };
        let source = Source::parse(jwks)?;
        let missing = |missing, claim| Unusable::Missing { missing, claim };
        let expected = Expected {
            issuer: issuer.ok_or_else(|| missing("--jwt-issuer", "iss"))?,
            audience: audience.ok_or_else(|| missing("--jwt-audience", "aud"))?,
            account: self.jwt_account_claim.clone(),
            role: self.jwt_role_claim.clone(),
            facades: self.jwt_facades_claim.clone(),
        };
        let unread = |reason: Unread| Unusable::File {
            source_file: source.to_string(),
            reason: reason.to_string(),
        };
        let keys = match &source {
            Source::File(path) => Some(read_file(path).map_err(unread)?),
            Source::Address(_) => None,
        };
        Ok(Some(Settings { source, keys, expected }))
    }
}
