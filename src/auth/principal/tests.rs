//! What each role may do, and that nobody gives more than they have.

use events::request::Address;
use events::{CommandId, CommandType, Request, Via};
use serde_json::{Value, json};

use super::*;

fn principal(role: Role) -> Principal {
    let home = AccountId::new("acme").unwrap();
    Principal { role, reach: Reach::One(home.clone()), ..Principal::local(home) }
}

fn command(kind: &str, document: &Value) -> Command {
    let address = Address { account: "acme", kind, key: None, via: Via::Http };
    let id = || CommandId::new("c").unwrap();
    Request::read(&address, By::local(), document.to_string().as_bytes(), id).unwrap().command
}

fn key(more: &Value) -> Value {
    let mut key = json!({"key": "5d1f0c2ab7e94836", "hash": "ab".repeat(32), "role": "reader"});
    for (member, value) in more.as_object().unwrap() {
        key[member] = value.clone();
    }
    key
}

#[test]
fn each_role_may_do_what_the_one_below_may() {
    let all = [Access::Read, Access::Audit, Access::Command, Access::Administer];
    for (role, so_many) in
        [(Role::Reader, 1), (Role::Auditor, 2), (Role::Operator, 3), (Role::Admin, 4)]
    {
        let may: Vec<Access> = all.into_iter().filter(|it| principal(role).may(*it)).collect();
        assert_eq!(may, all[..so_many], "{role:?}");
    }
}

#[test]
fn a_key_reaches_its_home_and_one_of_every_account_any() {
    let (mut it, other) = (principal(Role::Reader), AccountId::new("globex").unwrap());
    assert!(it.reaches(it.home().unwrap()) && !it.reaches(&other));
    assert_eq!(it.only(), it.home());
    it.reach = Reach::Every { home: it.home().cloned() };
    assert!(it.reaches(&other) && it.only().is_none());
}

#[test]
fn an_operator_sends_every_command_that_is_not_about_keys_and_policies() {
    for kind in CommandType::ALL {
        let example = crate::describe::example(*kind);
        let command = command(kind.as_str(), &example);
        let administers = matches!(
            kind,
            CommandType::CreateKey | CommandType::RevokeKey | CommandType::SetPolicy
        );
        assert_eq!(principal(Role::Operator).may_send(&command), !administers, "{kind}");
        assert!(principal(Role::Admin).may_send(&command), "{kind}");
        assert!(!principal(Role::Auditor).may_send(&command), "{kind}");
    }
}

#[test]
fn a_key_narrows_what_a_subject_allows_and_never_widens_it() {
    let (acme, globex) = (AccountId::new("acme").unwrap(), AccountId::new("globex").unwrap());
    let roles = [Role::Reader, Role::Auditor, Role::Operator, Role::Admin];
    let reaches = [
        Reach::One(acme.clone()),
        Reach::One(globex.clone()),
        Reach::Every { home: Some(globex.clone()) },
    ];
    let facades = [None, Some([Facade::Native].into()), Some([Facade::Ibl].into())];
    let subjects = [Principal::nats_operator(acme.clone()), Principal::nats_admin(acme.clone())];
    let policy = command("SetPolicy", &json!({"overage": "unlimited"}));
    for (role, reach) in roles.iter().flat_map(|role| reaches.iter().map(move |it| (*role, it))) {
        for facades in &facades {
            let proof = Proof::Key(KeyId([7; 8]));
            let (reach, facades) = (reach.clone(), facades.clone());
            let key = Principal { proof, name: Label::new("ci").ok(), reach, role, facades };
            for subject in &subjects {
                let Some(both) = subject.narrowed_by(&key) else {
                    assert!(!key.reaches(&acme) && !subject.reaches(&globex));
                    continue;
                };
                for account in [&acme, &globex, &AccountId::new("initech").unwrap()] {
                    let all = subject.reaches(account) && key.reaches(account);
                    assert_eq!(both.reaches(account), all, "{subject:?} {key:?}");
                }
                let accesses = [Access::Read, Access::Audit, Access::Command, Access::Administer];
                for access in accesses {
                    assert_eq!(both.may(access), subject.may(access) && key.may(access));
                }
                assert!(Facade::ALL.iter().all(|it| both.takes(*it) == key.takes(*it)));
                assert_eq!(
                    both.may_send(&policy),
                    subject.may_send(&policy) && key.may_send(&policy)
                );
                assert_eq!((both.by(), both.actor()), (key.by(), key.actor()));
            }
        }
    }
}

#[test]
fn a_command_takes_the_same_inside_another_one() {
    let policy = json!({"command": "SetPolicy", "document": {"overage": "unlimited"}});
    let batch = command("ApplyBatch", &json!({"commands": [policy]}));
    let mut later = policy.clone();
    later["at"] = json!("2030-01-01T00:00:00Z");
    let later = command("ScheduleCommand", &later);
    let in_batch = json!({"commands": [policy]});
    let both = command(
        "ScheduleCommand",
        &json!({"at": "2030-01-01T00:00:00Z", "command": "ApplyBatch", "document": in_batch}),
    );
    for command in [batch, later, both] {
        assert!(!principal(Role::Operator).may_send(&command), "{command:?}");
        assert!(principal(Role::Admin).may_send(&command), "{command:?}");
    }
}

#[test]
fn nobody_makes_a_key_that_has_more_than_their_own() {
    let one = principal(Role::Admin);
    let every = Principal { reach: Reach::Every { home: None }, ..one.clone() };
    let uipath = Principal { facades: Some([Facade::Uipath].into()), ..every.clone() };
    let plain = command("CreateKey", &key(&json!({})));
    let wide = command("CreateKey", &key(&json!({"every_account": true})));
    let narrow = command("CreateKey", &key(&json!({"facades": ["uipath"]})));
    let batch = json!({"commands": [
        {"command": "CreateKey", "document": key(&json!({"every_account": true}))}]});
    let batch = command("ApplyBatch", &batch);
    assert!(one.may_send(&plain) && one.may_send(&narrow));
    assert!(!one.may_send(&wide) && !one.may_send(&batch));
    assert!(every.may_send(&wide) && every.may_send(&batch));
    assert!(!uipath.may_send(&plain) && uipath.may_send(&narrow));
}

#[test]
fn who_asks_is_the_key_by_its_name() {
    let named = Principal { name: Label::new("ci").ok(), ..principal(Role::Admin) };
    assert_eq!(named.actor().unwrap().as_str(), "ci");
    let key = Proof::Key(KeyId::parse("5d1f0c2ab7e94836").unwrap());
    let key = Principal { proof: key, ..principal(Role::Admin) };
    assert_eq!(key.actor().unwrap().as_str(), "5d1f0c2ab7e94836");
    let until = Moment::from_millis(0);
    let token =
        Proof::Token(Vouched { who: By::token("i", "s"), subject: [0xab; 32], by: [0; 32], until });
    let token = Principal { proof: token, ..principal(Role::Admin) };
    assert_eq!(token.actor().unwrap().as_str(), "token-abababababababab");
    assert_eq!(principal(Role::Admin).actor(), None);
}
