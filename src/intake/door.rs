//! The doors over NATS, and what the subject of a message says.

use async_nats::HeaderMap;
use events::Malformed;
use events::malformed::MalformedCode;
use events::request::{Address, Via};

use super::{Answer, Intake, Sender, malformed};
use crate::auth::{Auth, Principal};

/// Tokens of the subject of a command: prefix, door, account, type.
const TOKENS: usize = 4;

/// By which door over NATS a message came. The server's permissions say who may come by which, so the
/// door is what is known of the sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Door {
    /// Asked, as an operator of the account.
    Command,
    /// Asked, as an administrator.
    Admin,
    /// Posted, as an operator of the account.
    Post,
}

impl Door {
    /// The doors that answer whoever waits.
    pub const ASKED: [Door; 2] = [Door::Command, Door::Admin];

    /// The second token of its subjects.
    pub const fn word(self) -> &'static str {
        match self {
            Door::Command => "command",
            Door::Admin => "admin",
            Door::Post => "post",
        }
    }

    /// Every subject of it.
    pub fn subjects(self, prefix: &str) -> String {
        format!("{prefix}.{}.>", self.word())
    }

    /// What a subject of it names; with fewer or more tokens it names nothing.
    pub fn address<'a>(self, subject: &'a str, key: Option<&'a str>) -> Result<Address<'a>, Stray> {
        let tokens: Vec<&str> = subject.split('.').collect();
        match tokens[..] {
            [_, _, account, kind] => Ok(Address { account, kind, key, via: Via::Nats }),
            _ => Err(Stray { tokens: tokens.len() }),
        }
    }
}

/// Header in which a key narrows what a subject is worth.
const KEY: &str = "Seatledger-Key";

/// Who lets in whoever comes over NATS. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Keeper {
    /// Where commands go.
    pub intake: Intake,
    /// Who knows the keys.
    pub auth: Auth,
}

impl Keeper {
    /// Lets in whoever the subject of a document, and the key beside it, say; or else has the answer.
    pub async fn let_in(
        &self,
        (door, address): (Door, &Address<'_>),
        headers: Option<&HeaderMap>,
        document: &[u8],
    ) -> Result<Sender, Answer> {
        let account = address.account();
        let account = account.map_err(|it| malformed::answer(&it, address, document))?;
        let subject = match door {
            Door::Command | Door::Post => Principal::nats_operator(account),
            Door::Admin => Principal::nats_admin(account),
        };
        let shown = headers.into_iter().flat_map(|it| it.get_all(KEY));
        let shown: Vec<&str> = shown.map(|it| it.as_str().trim()).collect();
        match self.auth.over_nats(subject, &shown).await {
            Ok(who) => Ok(self.intake.on_behalf_of(&who)),
            Err(error) => Err(malformed::named(error.into(), address, document)),
        }
    }
}

/// A subject of another shape than a command's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stray {
    tokens: usize,
}

impl Stray {
    /// Its address, which names nothing.
    pub fn address(self, key: Option<&str>) -> Address<'_> {
        Address { account: "", kind: "", key, via: Via::Nats }
    }

    /// What its sender is told.
    pub fn malformed(self, door: Door, subject: &str) -> Malformed {
        let prefix = subject.split('.').next().unwrap_or_default();
        let detail = format!("{subject} names no account");
        Malformed::whole(MalformedCode::InvalidAccount, detail).hint(format!(
            "the subject has {} tokens, it must have {TOKENS}: {prefix}.{}.<account>.<Type>",
            self.tokens,
            door.word()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_names_account_and_type_or_is_told_its_form() {
        let address = Door::Admin.address("seatledger.admin.acme.CreateKey", Some("k")).unwrap();
        assert_eq!((address.account, address.kind, address.key), ("acme", "CreateKey", Some("k")));
        for (subject, tokens) in [("seatledger.admin.acme", 3), ("seatledger.admin.a.b.c", 5)] {
            let stray = Door::Admin.address(subject, None).unwrap_err();
            assert_eq!(stray.tokens, tokens);
            let hint = stray.malformed(Door::Admin, subject).hint.unwrap();
            assert!(hint.contains("seatledger.admin.<account>.<Type>"), "{hint}");
        }
    }
}
