//! Secrets from where they may stand: the environment, a file, standard input.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::{Error, Options, without_password};

/// Bytes of a file of a secret that are read.
const SECRET_BYTES_MAX: u64 = 64 * 1024;

/// As whom the doors answer. Where nothing of it is given, as the ledger itself.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Doors {
    /// The user as whom the doors over NATS answer: one that may publish to inboxes and outcomes only
    #[arg(long, env = "NATS_DOORS_USER", value_name = "USER")]
    pub nats_doors_user: Option<String>,
    /// Its password; better in the environment or in a file
    #[arg(
        long,
        env = "NATS_DOORS_PASSWORD",
        value_name = "PASSWORD",
        hide_env_values = true,
        requires = "nats_doors_user"
    )]
    pub nats_doors_password: Option<String>,
    /// The file of its password
    #[arg(
        long,
        env = "NATS_DOORS_PASSWORD_FILE",
        value_name = "FILE",
        requires = "nats_doors_user",
        conflicts_with = "nats_doors_password"
    )]
    pub nats_doors_password_file: Option<PathBuf>,
    /// Its credentials file (JWT and nkey), instead of user and password
    #[arg(long, env = "NATS_DOORS_CREDS", value_name = "FILE")]
    pub nats_doors_creds: Option<PathBuf>,
    /// Its nkey: a file that holds the seed
    #[arg(long, env = "NATS_DOORS_NKEY", value_name = "FILE")]
    pub nats_doors_nkey: Option<PathBuf>,
}

impl Doors {
    /// How the doors connect where the ledger connects so; nothing where no user of theirs is known.
    pub fn beside(&self, ledger: &Options) -> Option<Options> {
        let is_given = self.nats_doors_user.is_some()
            || self.nats_doors_creds.is_some()
            || self.nats_doors_nkey.is_some();
        is_given.then(|| Options {
            // A user in the address would be the ledger's.
            url: ledger.url.as_deref().map(without_password),
            nats_token: None,
            nats_token_file: None,
            nats_user: self.nats_doors_user.clone(),
            nats_password: self.nats_doors_password.clone(),
            nats_password_file: self.nats_doors_password_file.clone(),
            nats_creds: self.nats_doors_creds.clone(),
            nats_nkey: self.nats_doors_nkey.clone(),
            ..ledger.clone()
        })
    }
}

impl Options {
    /// The same with what stands in files.
    pub(super) fn with_secrets(&self) -> Result<Options, Error> {
        let mut options = self.clone();
        if let Some(path) = &self.nats_token_file {
            options.nats_token = Some(secret(path)?);
        }
        if let Some(path) = &self.nats_password_file {
            options.nats_password = Some(secret(path)?);
        }
        match (&options.nats_user, &options.nats_password) {
            (Some(_), None) => Err(Error::NoPassword("NATS_PASSWORD", "nats-password")),
            (Some(_) | None, Some(_)) | (None, None) => Ok(options),
        }
    }
}

/// The first line of a file; `-` is standard input, which is read once.
fn secret(path: &Path) -> Result<String, Error> {
    static INPUT: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    let file = |source| Error::File { path: path.to_owned(), source };
    let text = if path == Path::new("-") {
        match INPUT.get() {
            Some(known) => known.clone(),
            None => {
                let mut text = String::new();
                std::io::stdin().take(SECRET_BYTES_MAX).read_to_string(&mut text).map_err(file)?;
                INPUT.get_or_init(|| text).clone()
            }
        }
    } else {
        let mut text = String::new();
        let opened = std::fs::File::open(path).map_err(file)?;
        opened.take(SECRET_BYTES_MAX).read_to_string(&mut text).map_err(file)?;
        text
    };
    let line = text.lines().next().unwrap_or_default().trim();
    match line.is_empty() {
        true => Err(file(std::io::Error::other("there is no secret in it"))),
        false => Ok(line.to_owned()),
    }
}

/// The flags among the arguments of a process that hold a secret: everybody on the machine can read
/// them there.
pub fn in_arguments(arguments: impl IntoIterator<Item = String>) -> Vec<String> {
    const SECRET: [&str; 3] = ["--nats-token", "--nats-password", "--nats-doors-password"];
    let mut arguments = arguments.into_iter().peekable();
    let mut found = vec![];
    while let Some(argument) = arguments.next() {
        let (flag, value) = match argument.split_once('=') {
            Some((flag, value)) => (flag.to_owned(), Some(value.to_owned())),
            None => (argument, arguments.peek().cloned()),
        };
        let is_url = flag == "--nats" && value.is_some_and(|it| it.contains('@'));
        if SECRET.contains(&flag.as_str()) || is_url {
            found.push(flag);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_among_arguments_are_found_and_files_of_them_are_none() {
        let found = |it: &[&str]| in_arguments(it.iter().map(|it| (*it).to_owned()));
        assert_eq!(found(&["serve", "--nats-token", "x"]), ["--nats-token"]);
        assert_eq!(found(&["--nats-password=x"]), ["--nats-password"]);
        assert_eq!(found(&["--nats-doors-password", "x"]), ["--nats-doors-password"]);
        assert_eq!(found(&["--nats", "nats://u:p@h"]), ["--nats"]);
        let harmless = ["--nats", "nats://h", "--nats-password-file", "f", "--nats-user", "u"];
        assert!(found(&harmless).is_empty());
    }

    #[test]
    fn a_secret_is_the_first_line_of_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("password");
        std::fs::write(&path, "s3cret\nmore\n").unwrap();
        let (user, file) = (Some("ada".to_owned()), Some(path.clone()));
        let options =
            Options { nats_user: user.clone(), nats_password_file: file, ..Options::default() };
        let read = options.with_secrets().unwrap().nats_password;
        assert_eq!(read.as_deref(), Some("s3cret"));
        std::fs::write(&path, "\n").unwrap();
        assert!(matches!(options.with_secrets(), Err(Error::File { .. })));
        let without = Options { nats_user: user, ..Options::default() };
        assert!(matches!(without.with_secrets(), Err(Error::NoPassword(..))));
    }

    #[test]
    fn the_doors_have_the_servers_of_the_ledger_and_not_its_credentials() {
        let ledger = Options {
            url: Some("nats://ledger:secret@one".to_owned()),
            nats_token: Some("secret".to_owned()),
            nats_ca: Some("ca.pem".into()),
            nats_tls: true,
            ..Options::default()
        };
        assert!(Doors::default().beside(&ledger).is_none());
        let doors = Doors { nats_doors_creds: Some("doors.creds".into()), ..Doors::default() };
        let options = doors.beside(&ledger).unwrap();
        assert_eq!(options.url.as_deref(), Some("nats://one"));
        assert!(options.nats_tls && options.nats_ca.is_some() && options.nats_token.is_none());
        assert_eq!(options.nats_creds, Some("doors.creds".into()));
    }
}
