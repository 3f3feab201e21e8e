use std::collections::BTreeSet;

use events::account::{Account, License, LicenseState};
use events::event::Ground;
use events::holder::HolderKey;
use events::{Event, Holder, LicenseId, Moment, ProductId};
use uuid::Uuid;

use super::{Past, at_of, tried};
use crate::checks::{self, Code, Question};
use crate::tests::world::{ACCOUNTS, EMAILS, LICENSES, PRODUCTS, Random, USERS};

/// Whether a holder, as known to the account, is asked about.
fn is_meant(account: &Account, holder: &Holder, question: &Question<'_>) -> bool {
    let known = account.holder(holder.key()).unwrap_or(holder);
    match (question.user, question.email) {
        (Some(user), None) => known.key() == HolderKey::User(user),
        (Some(user), Some(email)) => {
            known.key() == HolderKey::User(user) || known.key() == HolderKey::Email(email)
        }
        (None, Some(email)) => {
            let named = account.holder(HolderKey::Email(email)).map(Holder::key);
            known.email.as_ref().is_some_and(|it| it.as_str() == email)
                || named == Some(known.key())
        }
        (None, None) => false,
    }
}

/// The verdict, from the rules' own state: why, and on which assignments it rests.
fn expected(
    account: Option<&Account>,
    question: &Question<'_>,
    now: Moment,
) -> (Code, BTreeSet<Uuid>) {
    let Some(account) = account else { return (Code::NoSuchAccount, BTreeSet::new()) };
    if let Some(license) = question.license
        && account.license(&LicenseId::new(license).unwrap()).is_none()
    {
        return (Code::NoSuchLicense, BTreeSet::new());
    }
    if let Some(product) = question.product
        && account.licenses_of_product(&ProductId::new(product).unwrap()).next().is_none()
    {
        return (Code::NoSuchProduct, BTreeSet::new());
    }
    let mut all = vec![];
    let over = |it: Option<Moment>| it.is_some_and(|it| it <= now);
    for it in account.assignments() {
        let license = account.license_of(it);
        if !is_meant(account, account.holder_of(it), question)
            || question.license.is_some_and(|wanted| wanted != license.id.as_str())
            || question.product.is_some_and(|wanted| wanted != license.product.as_str())
        {
            continue;
        }
        let given = account.grounds_of(it).iter().any(|it| matches!(it, Ground::Group(_)));
        if over(it.ends_at()) && !given {
            continue;
        }
        let code = match license.state {
            _ if !it.active => Code::AssignmentInactive,
            LicenseState::Suspended => Code::LicenseSuspended,
            _ if license.starts_at.is_some_and(|it| now < it) => Code::LicenseNotStarted,
            _ if over(
                license
                    .grace_days
                    .map_or(license.ends_at, |days| license.ends_at.map(|it| days.after(it))),
            ) =>
            {
                Code::LicenseEnded
            }
            LicenseState::Retired => Code::LicenseRetired,
            _ if over(license.ends_at) => Code::InGrace,
            LicenseState::Active => Code::Allowed,
        };
        all.push((code, it.id.0));
    }
    let Some(code) = all.iter().map(|it| it.0).min() else {
        return (Code::NotAssigned, BTreeSet::new());
    };
    let grounds = all.iter().filter(|it| code > Code::InGrace || it.0 == code).map(|it| it.1);
    (code, grounds.collect())
}

fn questions() -> Vec<Question<'static>> {
    let mut whos: Vec<_> = USERS.iter().map(|it| (Some(*it), None)).collect();
    whos.extend(EMAILS.iter().map(|it| (None, Some(*it))));
    whos.extend([(Some("ada"), Some("zoe@x.org")), (Some("bo"), Some("ada@x.org"))]);
    let mut whats: Vec<_> = PRODUCTS.iter().map(|it| (Some(*it), None)).collect();
    whats.extend(LICENSES.iter().map(|it| (None, Some(*it))));
    whats.extend([
        (None, None),
        (Some("CREATIVE"), Some("creative")),
        (Some("OFFICE"), Some("creative")),
    ]);
    let asked = |(user, email)| {
        let one = move |(product, license)| Question { user, email, product, license };
        whats.clone().into_iter().map(one)
    };
    whos.into_iter().flat_map(asked).collect()
}

/// Within a day of the last commit; every other time the very moment at which a window, a grace or an
/// assignment ends, or the last one before.
fn moment(random: &mut Random, past: &Past<'_>, account: &str) -> Moment {
    let licenses = past.account(account).into_iter().flat_map(Account::licenses);
    let grace = |it: &License| it.ends_at.zip(it.grace_days).map(|(at, days)| days.after(at));
    let of_licenses = licenses.flat_map(|it| [it.ends_at, grace(it)]).flatten();
    let assignments = past.account(account).into_iter().flat_map(Account::assignments);
    let ends: Vec<_> = of_licenses.chain(assignments.filter_map(|it| it.ends_at())).collect();
    if !ends.is_empty() && random.one_in(2) {
        let before = random.below(2) as i64;
        return Moment::from_millis(random.pick(&ends).millis() - before);
    }
    let last = past.commits.last().map_or(0, |it| it.header.at.millis());
    Moment::from_millis(last + random.below(2 * 86_400_000) as i64 - 86_400_000)
}

#[test]
fn checks_agree_with_the_rules() {
    let (mut world, store, sequences, _dir) = tried(11, 300, &checks::MODEL);
    let questions = questions();
    let mut codes = BTreeSet::new();
    for sequence in sequences {
        let past = Past::new(&world.commits, sequence);
        for account in ACCOUNTS {
            let now = moment(&mut world.random, &past, account);
            for question in &questions {
                let verdict = checks::check(store.db(), account, question, sequence, now).unwrap();
                let grounds: BTreeSet<_> = verdict.grounds.iter().map(|it| it.assignment).collect();
                let expected = expected(past.account(account), question, now);
                assert_eq!((verdict.code, grounds), expected, "{question:?} at {sequence}");
                grounds_are_in_order(&past, account, question, &verdict);
                let allowed = [Code::Allowed, Code::InGrace].contains(&verdict.code);
                assert_eq!(verdict.allowed, allowed);
                assert_eq!(verdict.detail.is_none(), verdict.code == Code::Allowed);
                assert_eq!(verdict.sequence, sequence);
                grounds_are_told_in_full(&past, account, &verdict);
                what_ended_is_told(&past, account, question, &verdict);
                codes.insert(verdict.code);
            }
        }
    }
    // Nobody has an assignment of a retired license; all other answers were given.
    assert_eq!(codes.len(), 10, "{codes:?}");
}

/// What one holder has of a product is told in the order in which the licenses were allocated,
/// whichever way the answer is found.
fn grounds_are_in_order(
    past: &Past<'_>,
    account: &str,
    question: &Question<'_>,
    verdict: &checks::Verdict,
) {
    if question.email.is_some() || question.product.is_none() {
        return;
    }
    let licenses = past.account(account).into_iter().flat_map(Account::licenses);
    let licenses: Vec<&str> = licenses.map(|it| it.id.as_str()).collect();
    let place = |it: &checks::Ground| licenses.iter().position(|id| *id == it.license);
    assert!(verdict.grounds.is_sorted_by_key(place), "{question:?} {:?}", verdict.grounds);
}

fn grounds_are_told_in_full(past: &Past<'_>, account: &str, verdict: &checks::Verdict) {
    for ground in &verdict.grounds {
        let made = past.events(account).find_map(|(sequence, _, record)| match &record.event {
            Event::SeatAssigned(it) if it.assignment.0 == ground.assignment => Some((sequence, it)),
            _ => None,
        });
        let (sequence, it) = made.unwrap();
        let state = past.account(account).unwrap();
        let live = state.assignment(it.assignment).unwrap();
        let told = ground.grounds.iter().map(ToString::to_string);
        let known = state.grounds_of(live).into_iter().map(|it| it.to_string());
        assert_eq!(told.collect::<BTreeSet<_>>(), known.collect::<BTreeSet<_>>());
        assert_eq!(ground.ground, ground.grounds[0]);
        assert_eq!(
            (ground.since_sequence, ground.license.as_str()),
            (sequence, it.license.as_str())
        );
        assert_eq!(ground.since, at_of(past.commits, sequence));
        let license = past.account(account).unwrap().license(&it.license).unwrap();
        assert_eq!(ground.ends_at, license.ends_at);
        let grace_ends = license.ends_at.zip(license.grace_days).map(|(at, days)| days.after(at));
        assert_eq!(ground.grace_ends_at, grace_ends);
        assert_eq!(ground.assignment_ends_at, live.ends_at());
    }
}

fn what_ended_is_told(
    past: &Past<'_>,
    account: &str,
    question: &Question<'_>,
    verdict: &checks::Verdict,
) {
    let state = past.account(account);
    let ends = past.events(account).filter_map(|(sequence, _, record)| match &record.event {
        Event::AssignmentRevoked(it) => {
            let product = &state.unwrap().license(&it.license).unwrap().product;
            // What an address had that ended before it named a user is the address's.
            let known = state.unwrap().holder(it.holder.key()).unwrap();
            let email = question.email;
            let linked = known.key() != it.holder.key();
            let of_address =
                it.holder.user.is_none() && it.holder.email.as_ref().map(|it| it.as_str()) == email;
            let meant =
                if linked { of_address } else { is_meant(state.unwrap(), &it.holder, question) };
            // Where there is another one by now, that one is asked about.
            let another = state.unwrap().assignments().any(|live| {
                let account = state.unwrap();
                let (license, holder) = (account.license_of(live), account.holder_of(live));
                (&license.id, holder.key()) == (&it.license, it.holder.key())
            });
            let meant = meant
                && !another
                && question.license.is_none_or(|wanted| wanted == it.license.as_str())
                && question.product.is_none_or(|wanted| wanted == product.as_str());
            meant.then_some((sequence, it.assignment.0, it.license.as_str()))
        }
        _ => None,
    });
    let ends: Vec<_> = ends.collect();
    let last = ends.iter().map(|it| it.0).max().filter(|_| verdict.code == Code::NotAssigned);
    assert_eq!(verdict.ended.as_ref().map(|it| it.revoked_sequence), last, "{question:?}");
    if let Some(it) = &verdict.ended {
        assert!(ends.contains(&(it.revoked_sequence, it.assignment, it.license.as_str())));
        assert_eq!(it.revoked_at, at_of(past.commits, it.revoked_sequence));
    }
}

#[test]
fn a_check_names_somebody() {
    let (_, store, _, _dir) = tried(6, 5, &checks::MODEL);
    let nobody = Question { product: Some("CREATIVE"), ..Question::default() };
    let asked = checks::check(store.db(), "acme", &nobody, u64::MAX, Moment::from_millis(0));
    assert!(matches!(asked, Err(crate::Error::Nobody)));
}
