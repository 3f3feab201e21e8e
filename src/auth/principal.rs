//! Who calls: what a key or a token reaches, and what it may do there.

use std::collections::BTreeSet;

use events::command::CreateKey;
use events::key::{Facade, KeyId, Role};
use events::text::Label;
use events::wire::hex;
use events::{AccountId, Actor, By, Command, Moment};

/// What a call does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// It asks what is: checks, licenses, assignments, and whatever else is so now or was.
    Read,
    /// It asks what was done, and by whom: history, live events, refusals, outcomes, keys.
    Audit,
    /// It sends a command.
    Command,
    /// It decides who may do what: keys and policies; and, with a key of every account, it operates
    /// the ledger.
    Administer,
}

/// By what it is known who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// Nothing was shown, on loopback.
    Nothing,
    /// The NATS server lets them publish commands.
    NatsCommand,
    /// The NATS server lets them publish commands of admins.
    NatsAdmin,
    /// A key.
    Key(KeyId),
    /// A token.
    Token(Vouched),
}

/// What is kept of a token that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vouched {
    /// Who that is, as it is written of what they do.
    pub who: By,
    /// For whom: SHA-256 over the subject. There is one issuer.
    pub subject: [u8; 32],
    /// By which key of the issuer: SHA-256 over it.
    pub by: [u8; 32],
    /// Until when.
    pub until: Moment,
}

/// Which accounts are reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// This one.
    One(AccountId),
    /// Every one. The home is meant where a call names none; without it, such a call is not taken.
    Every {
        /// It.
        home: Option<AccountId>,
    },
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// By what that is known.
    pub proof: Proof,
    /// What people call the key, or the subject of the token.
    pub name: Option<Label>,
    /// Which accounts are reached.
    pub reach: Reach,
    /// What it may do.
    pub role: Role,
    /// Which APIs take it; all when absent.
    pub facades: Option<BTreeSet<Facade>>,
}

impl Principal {
    /// Whoever sits at the machine.
    pub fn local(home: AccountId) -> Principal {
        let (name, facades, reach) = (None, None, Reach::Every { home: Some(home) });
        Principal { proof: Proof::Nothing, name, reach, role: Role::Admin, facades }
    }

    /// Whoever may publish commands of an account over NATS: an operator of that account.
    pub fn nats_operator(account: AccountId) -> Principal {
        let (proof, role, reach) = (Proof::NatsCommand, Role::Operator, Reach::One(account));
        Principal { proof, name: None, reach, role, facades: None }
    }

    /// Whoever may publish commands of admins there: an admin of every account, because what they may
    /// send, such as a key of every account, is worth as much.
    pub fn nats_admin(home: AccountId) -> Principal {
        let reach = Reach::Every { home: Some(home) };
        let (proof, role) = (Proof::NatsAdmin, Role::Admin);
        Principal { proof, name: None, reach, role, facades: None }
    }

    /// Whoever shows a key, where they may do what both allow and nothing more. `None` where there is
    /// no account that both reach.
    pub fn narrowed_by(&self, key: &Principal) -> Option<Principal> {
        let reach = match (&self.reach, &key.reach) {
            (Reach::One(one), _) => Some(Reach::One(one.clone())).filter(|_| key.reaches(one)),
            (Reach::Every { .. }, Reach::One(one)) => Some(Reach::One(one.clone())),
            (Reach::Every { home }, Reach::Every { .. }) => {
                Some(Reach::Every { home: home.clone() })
            }
        };
        let facades = match (&self.facades, &key.facades) {
            (None, None) => None,
            (Some(some), None) | (None, Some(some)) => Some(some.clone()),
            (Some(one), Some(other)) => Some(one.intersection(other).copied().collect()),
        };
        let role = lesser(self.role, key.role);
        let (proof, name) = (key.proof.clone(), key.name.clone());
        Some(Principal { proof, name, reach: reach?, role, facades })
    }

    /// The account that is meant where a call names none.
    pub fn home(&self) -> Option<&AccountId> {
        match &self.reach {
            Reach::One(home) => Some(home),
            Reach::Every { home } => home.as_ref(),
        }
    }

    /// The one account that is reached; none where every one is.
    pub fn only(&self) -> Option<&AccountId> {
        match &self.reach {
            Reach::One(only) => Some(only),
            Reach::Every { .. } => None,
        }
    }

    /// The key by which it is known.
    pub fn key(&self) -> Option<KeyId> {
        match self.proof {
            Proof::Key(key) => Some(key),
            Proof::Nothing | Proof::NatsCommand | Proof::NatsAdmin | Proof::Token(_) => None,
        }
    }

    /// Whether an account is within reach.
    pub fn reaches(&self, account: &AccountId) -> bool {
        self.only().is_none_or(|it| it == account)
    }

    /// Whether the role is sufficient.
    pub fn may(&self, access: Access) -> bool {
        match access {
            Access::Read => true,
            Access::Audit => match self.role {
                Role::Admin | Role::Operator | Role::Auditor => true,
                Role::Reader => false,
            },
            Access::Command => match self.role {
                Role::Admin | Role::Operator => true,
                Role::Auditor | Role::Reader => false,
            },
            Access::Administer => match self.role {
                Role::Admin => true,
                Role::Operator | Role::Auditor | Role::Reader => false,
            },
        }
    }

    /// Whether the ledger itself may be operated.
    pub fn may_operate(&self) -> bool {
        self.may(Access::Administer) && self.only().is_none()
    }

    /// Whether an API takes the key.
    pub fn takes(&self, api: Facade) -> bool {
        self.facades.as_ref().is_none_or(|it| it.contains(&api))
    }

    /// Whether it may send a command: nobody gives more than they have.
    pub fn may_send(&self, command: &Command) -> bool {
        self.may(access(command)) && makes(command).into_iter().all(|it| self.may_make(it))
    }

    /// An account out of reach that a command gives something to.
    pub fn out_of_reach(&self, command: &Command) -> Option<AccountId> {
        if let Command::AllocateToAccount(it) = command {
            return Some(&it.receiver).filter(|it| !self.reaches(it)).cloned();
        }
        if let Command::ScheduleCommand(it) = command {
            return it.scheduled().ok().and_then(|it| self.out_of_reach(&it));
        }
        let Command::ApplyBatch(batch) = command else { return None };
        batch.commands.iter().find_map(|it| self.out_of_reach(it))
    }

    fn may_make(&self, key: &CreateKey) -> bool {
        let takes = |it: &Facade| self.takes(*it);
        let apis = match &key.facades {
            Some(facades) => facades.iter().all(takes),
            None => Facade::ALL.iter().all(takes),
        };
        apis && (self.only().is_none() || !key.every_account)
    }

    /// Who is let in, as it is written of what they do.
    pub fn by(&self) -> By {
        match &self.proof {
            Proof::Nothing => By::local(),
            Proof::NatsCommand => By::nats_command(),
            Proof::NatsAdmin => By::nats_admin(),
            Proof::Key(key) => By::key(*key),
            Proof::Token(it) => it.who.clone(),
        }
    }

    /// Who asks, where a command does not say.
    pub fn actor(&self) -> Option<Actor> {
        let unnamed = || match &self.proof {
            Proof::Nothing | Proof::NatsCommand | Proof::NatsAdmin => None,
            Proof::Key(key) => Some(key.to_string()),
            // A subject that is no name is told by its hash, so that it is always the same.
            Proof::Token(it) => Some(format!("token-{}", hex(&it.subject[..8]))),
        };
        let name = self.name.as_ref().map(ToString::to_string);
        Actor::new(name.or_else(unnamed)?).ok()
    }
}

/// The role of two that may less. Each may what the one before it may.
fn lesser(one: Role, other: Role) -> Role {
    let may = |it: Role| match it {
        Role::Reader => 0,
        Role::Auditor => 1,
        Role::Operator => 2,
        Role::Admin => 3,
    };
    if may(one) <= may(other) { one } else { other }
}

/// What it takes to send a command.
pub fn access(command: &Command) -> Access {
    match command {
        Command::CreateKey(_)
        | Command::RevokeKey(_)
        | Command::SetPolicy(_)
        | Command::PassTime(_)
        | Command::ReceiveTransfer(_)
        | Command::EndTransfer(_)
        | Command::NoteKeyUse(_) => Access::Administer,
        Command::ApplyBatch(it) => {
            let administers = |it: &Command| access(it) == Access::Administer;
            match it.commands.iter().any(administers) {
                true => Access::Administer,
                false => Access::Command,
            }
        }
        // What is kept for later takes what it would take now. A document that cannot be read is
        // refused when it is read.
        Command::ScheduleCommand(it) => match it.scheduled() {
            Ok(command) => access(&command),
            Err(_) => Access::Command,
        },
        Command::AllocateLicense(_)
        | Command::ChangeLicense(_)
        | Command::SuspendLicense(_)
        | Command::ReinstateLicense(_)
        | Command::RetireLicense(_)
        | Command::AssignSeat(_)
        | Command::ChangeAssignment(_)
        | Command::RevokeAssignment(_)
        | Command::RegisterHolder(_)
        | Command::LinkHolder(_)
        | Command::RetireHolder(_)
        | Command::DeclareDirectSet(_)
        | Command::ClearDirectSet(_)
        | Command::AddMembers(_)
        | Command::RemoveMembers(_)
        | Command::SetGroupRule(_)
        | Command::GrantToGroup(_)
        | Command::RemoveGroupRule(_)
        | Command::LeaveWaitlist(_)
        | Command::CancelSchedule(_)
        | Command::SetAllocations(_)
        | Command::MoveQuantity(_)
        | Command::AllocateToAccount(_) => Access::Command,
    }
}

/// The keys that a command makes.
fn makes(command: &Command) -> Vec<&CreateKey> {
    if let Command::CreateKey(it) = command {
        return vec![it];
    }
    let Command::ApplyBatch(batch) = command else { return vec![] };
    batch.commands.iter().flat_map(makes).collect()
}

#[cfg(test)]
mod tests;
