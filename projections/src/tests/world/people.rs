//! Commands about who people are, what groups give, what is decided, and who waits.

use events::command::{
    AddMembers, AllocateToAccount, Allocation, CancelSchedule, ClearDirectSet, CreateKey,
    DeclareDirectSet, GrantToGroup, LeaveWaitlist, LinkHolder, MoveQuantity, NoteKeyUse, Part,
    PassTime, Patch, Quantity, QuantityMove, RegisterHolder, RemoveGroupRule, RemoveMembers,
    RetireHolder, RevokeKey, ScheduleCommand, SetAllocations, SetGroupRule, SetPolicy,
};
use events::key::{Facade, Role, SecretHash};
use events::policy::{DirectSets, Leaving, Lowering, MayHold, Overage};
use events::rule::{Grant, Mode};
use events::text::{GroupId, Label};
use events::{
    AccountId, Command, ContainerId, Email, Holder, LicenseId, Metadata, ProductId, UserId,
};

use super::{ACCOUNTS, EMAILS, GROUPS, KEYS, LICENSES, PRODUCTS, RECEIVED, Random, USERS, World};

impl World {
    pub(super) fn about_people(&mut self) -> Command {
        if self.gives && self.random.one_in(3) {
            return self.give();
        }
        match self.random.below(52) {
            40..=45 => self.share(),
            46..=49 => Command::PassTime(PassTime {}),
            50.. => self.schedule(),
            0..=3 => Command::SetPolicy(self.set_policy()),
            4..=6 => Command::RegisterHolder(RegisterHolder {
                holder: match self.random.one_in(3) {
                    true => self.holder(),
                    false => Holder::user(UserId::new(*self.random.pick(&USERS[..7])).unwrap()),
                },
                user_name: self.patch("ada.l", Label::new),
                display_name: self.patch("Ada L.", Label::new),
            }),
            7 => {
                let email = *self.random.pick(&EMAILS[..5]);
                let user = UserId::new(*self.random.pick(&USERS[..7])).unwrap();
                Command::LinkHolder(LinkHolder { email: Email::new(email).unwrap(), user })
            }
            8 => Command::RetireHolder(RetireHolder { holder: self.holder() }),
            9..=11 => Command::DeclareDirectSet(DeclareDirectSet {
                holders: self.some_holders(2),
                products: (0..self.random.below(3)).map(|_| self.product()).collect(),
                external: self.random.one_in(3),
            }),
            12..=14 => Command::ClearDirectSet(ClearDirectSet { holders: self.some_holders(3) }),
            15..=21 => Command::AddMembers(AddMembers {
                group: self.group(),
                holders: self.some_holders(4),
                name: self.random.one_in(4).then(|| Label::new("The team").unwrap()),
            }),
            22..=25 => Command::RemoveMembers(RemoveMembers {
                group: self.group(),
                holders: self.some_holders(3),
            }),
            26..=28 => Command::SetGroupRule(SetGroupRule {
                group: self.group(),
                grants: (0..self.random.below(3)).map(|_| self.grant()).collect(),
                cascade: self.random.one_in(2),
            }),
            29..=34 => {
                Command::GrantToGroup(GrantToGroup { group: self.group(), grant: self.grant() })
            }
            35 => self.remove_group_rule(),
            _ => self.leave_waitlist(),
        }
    }

    /// Seats of two licenses for another account, and seats of those for its people.
    fn give(&mut self) -> Command {
        if self.random.one_in(2) {
            let mut seat = self.assign();
            let license = LicenseId::new(*self.random.pick(&RECEIVED)).unwrap();
            (seat.license, seat.product, seat.container) = (Some(license), None, None);
            return Command::AssignSeat(seat);
        }
        let license = LicenseId::new(*self.random.pick(&LICENSES[..2])).unwrap();
        let receiver = AccountId::new("beta").unwrap();
        let quantity = Quantity::new(self.random.below(4) as i64).unwrap();
        Command::AllocateToAccount(AllocateToAccount { license, receiver, quantity })
    }

    /// Parts of two licenses for one container, and seats of them.
    fn share(&mut self) -> Command {
        let container = ContainerId::new("north").unwrap();
        let license = LicenseId::new(*self.random.pick(&LICENSES[..2])).unwrap();
        let quantity = Quantity::new(self.random.below(4) as i64).unwrap();
        let license = Some(license);
        match self.random.below(3) {
            0 => {
                let part = Part { license, product: None, quantity };
                let quantities = vec![part];
                let allocation = Allocation { container, within: None, through: false, quantities };
                Command::SetAllocations(SetAllocations { allocations: vec![allocation] })
            }
            1 => {
                let (from, to) = (None, Some(container));
                let quantity = Quantity::new(1).unwrap();
                let moves = vec![QuantityMove { from, to, quantity }];
                Command::MoveQuantity(MoveQuantity { license, product: None, within: None, moves })
            }
            _ => {
                let mut seat = self.assign();
                (seat.license, seat.product) = (None, Some(self.product()));
                seat.container = Some(container);
                Command::AssignSeat(seat)
            }
        }
    }

    /// A command to come; every other time, one of those less.
    fn schedule(&mut self) -> Command {
        let acme = AccountId::new(ACCOUNTS[0]).unwrap();
        let kept = self.ledger.account(&acme).and_then(|it| it.schedules().next());
        if let Some(kept) = kept.filter(|_| self.commands.is_multiple_of(2)) {
            return Command::CancelSchedule(CancelSchedule { schedule: kept.schedule });
        }
        let document = r#"{"license":"creative","quantity":3}"#;
        Command::ScheduleCommand(ScheduleCommand {
            at: self.soon(),
            command: Label::new("ChangeLicense").unwrap(),
            document: Metadata::new(document).unwrap(),
        })
    }

    /// Keys of few names, so that several accounts have one of the same.
    pub(super) fn about_keys(&mut self) -> Command {
        let key = *self.random.pick(&KEYS);
        match self.random.below(5) {
            0..=1 => Command::CreateKey(CreateKey {
                key,
                hash: SecretHash([3; 32]),
                role: *self.random.pick(&[Role::Admin, Role::Reader]),
                facades: self.random.one_in(2).then(|| [Facade::Uipath, Facade::Native].into()),
                expires_at: self.random.one_in(3).then(|| self.soon()),
                every_account: self.random.one_in(3),
                name: self.random.one_in(2).then(|| Label::new("ci").unwrap()),
            }),
            2..=3 => Command::NoteKeyUse(NoteKeyUse { key }),
            _ => Command::RevokeKey(RevokeKey { key }),
        }
    }

    fn remove_group_rule(&mut self) -> Command {
        let (license, product) = self.license_or_product();
        let all = self.random.one_in(3);
        Command::RemoveGroupRule(RemoveGroupRule {
            group: self.group(),
            license: license.filter(|_| !all),
            product: product.filter(|_| !all),
            cascade: self.random.one_in(2),
        })
    }

    fn leave_waitlist(&mut self) -> Command {
        let (license, product) = self.license_or_product();
        Command::LeaveWaitlist(LeaveWaitlist { license, product, holders: self.some_holders(4) })
    }

    /// For a license, or for the account: what is decided often enough for use to go beyond it.
    fn set_policy(&mut self) -> SetPolicy {
        let license = self.random.one_in(2).then(|| self.license());
        let overages = [Overage::None, Overage::Percent(50), Overage::Unlimited];
        let sets = [DirectSets::Add, DirectSets::Replace];
        let of_account = license.is_none();
        SetPolicy {
            license,
            overage: one_of(&mut self.random, &overages),
            lowering: one_of(&mut self.random, &[Lowering::Tolerate, Lowering::Refuse]),
            leaving: one_of(&mut self.random, &[Leaving::Orphan, Leaving::Release]),
            may_hold: one_of(
                &mut self.random,
                &[MayHold::Anyone, MayHold::Anyone, MayHold::Anyone, MayHold::Members],
            ),
            direct_sets: match of_account {
                true => one_of(&mut self.random, &sets),
                false => Patch::Keep,
            },
        }
    }

    fn grant(&mut self) -> Grant {
        let (license, product) = self.license_or_product();
        Grant {
            license,
            product,
            mode: *self.random.pick(&[Mode::Eager, Mode::FirstCome, Mode::FirstCome]),
            quota: self.random.one_in(3).then(|| 1 + self.random.below(4) as i64),
            metadata: None,
        }
    }

    fn license_or_product(&mut self) -> (Option<LicenseId>, Option<ProductId>) {
        match self.random.one_in(2) {
            true => (Some(self.license()), None),
            false => (None, Some(self.product())),
        }
    }

    fn product(&mut self) -> ProductId {
        ProductId::new(*self.random.pick(&PRODUCTS[..3])).unwrap()
    }

    fn group(&mut self) -> GroupId {
        GroupId::new(*self.random.pick(&GROUPS[..3])).unwrap()
    }

    fn some_holders(&mut self, most: u64) -> Vec<Holder> {
        (0..=self.random.below(most)).map(|_| self.holder()).collect()
    }
}

fn one_of<T: Copy>(random: &mut Random, of: &[T]) -> Patch<T> {
    match random.below(5) {
        0 => Patch::Clear,
        1 | 2 => Patch::Set(*random.pick(of)),
        _ => Patch::Keep,
    }
}
