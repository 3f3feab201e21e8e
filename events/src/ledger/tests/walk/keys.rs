//! Commands about keys, of few names.

use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::{label, moment};
use crate::command::{Command, CreateKey, NoteKeyUse, RevokeKey};
use crate::key::{Facade, KeyId, Role, SecretHash};

pub(super) fn commands() -> impl Strategy<Value = Command> {
    let key = || select(vec![KeyId([1; 8]), KeyId([1; 8]), KeyId([1; 8]), KeyId([2; 8])]);
    let terms = (select(vec![Role::Admin, Role::Reader]), option::weighted(0.5, moment()));
    prop_oneof![
        4 => (key(), terms, option::of(label())).prop_map(|(key, (role, expires_at), name)| {
            Command::CreateKey(CreateKey {
                key,
                hash: SecretHash([3; 32]),
                role,
                facades: name.as_ref().map(|_| [Facade::Uipath].into()),
                expires_at,
                every_account: role == Role::Admin,
                name,
            })
        }),
        3 => key().prop_map(|key| Command::RevokeKey(RevokeKey { key })),
        3 => key().prop_map(|key| Command::NoteKeyUse(NoteKeyUse { key })),
    ]
}
