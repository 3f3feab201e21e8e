//! A space: what it has of a course, and who is in it.

use std::collections::HashSet;

use events::AccountId;
use projections::LicenseState;
use projections::directory::{self, KnownHolder};
use projections::licenses::{self, Filter, License};
use serde_json::Value;

use super::product;
use crate::facades::{lists, people};
use crate::http::App;
use crate::http::problem::Problem;
use crate::http::query;

/// A space of an account, as of a sequence.
pub(super) struct Space {
    pub(super) account: AccountId,
    pub(super) id: String,
    /// As of when it was looked at.
    pub(super) sequence: u64,
    /// Whether there is a group that is named like it: then its members are the space's.
    pub(super) has_group: bool,
}

/// Something that a call names and that is not there.
pub(super) fn not_found(what: &str, name: &str) -> Problem {
    let detail = format!("there is no {what} {}", events::malformed::short(name));
    Problem::new(404, "record_not_found", "Record Not Found", detail)
}

impl Space {
    /// The space of that name. It is there if it has, or had, licenses, or if there is a group of that
    /// name; and the one that is named like the account is the account itself.
    pub(super) async fn find(
        app: &App,
        account: &AccountId,
        id: &str,
        at: u64,
    ) -> Result<Space, Problem> {
        let (view, name) = (&app.views.licenses, account.as_str());
        let (container, sequence) = query::ask(view, |db| licenses::container(db, name, id, at))?;
        let view = &app.views.directory;
        query::reach(view, sequence).await?;
        let (group, _) = query::ask(view, |db| directory::group(db, name, id, sequence))?;
        let (id, account) = (id.to_owned(), account.clone());
        let space = Space { account, id, sequence, has_group: group.is_some() };
        match container.is_some() || space.has_group || space.is_account() {
            true => Ok(space),
            false => Err(not_found("space", &space.id)),
        }
    }

    /// Whether it is where the account's own licenses are: what they call the shopping space.
    pub(super) fn is_account(&self) -> bool {
        self.id == self.account.as_str()
    }

    /// The licenses of a course that it has, those that are over for good left out.
    pub(super) async fn licenses_of(
        &self,
        app: &App,
        course: &str,
    ) -> Result<Vec<License>, Problem> {
        let product = product(course);
        let own = self.own(app, Some(product.clone())).await?;
        match !own.is_empty() || self.account_has(app, product).await? {
            true => Ok(own),
            false => Err(not_found("course", course)),
        }
    }

    /// Everything that it has.
    pub(super) async fn licenses(&self, app: &App) -> Result<Vec<License>, Problem> {
        self.own(app, None).await
    }

    /// What it has, or what it has of a product. The account may have a part of each of its licenses
    /// in each space: neither it nor a space is asked about those of the others.
    async fn own(&self, app: &App, product: Option<String>) -> Result<Vec<License>, Problem> {
        let (account, sequence) = (self.account.clone(), self.sequence);
        let container = (!self.is_account()).then(|| self.id.clone());
        let asked = query::ask_slowly(&app.views.licenses, move |db| {
            let filter = Filter {
                product: product.as_deref(),
                container: container.as_deref(),
                whole: container.is_none().then_some(true),
                ..Filter::default()
            };
            lists::all(sequence, |cursor, limit, at| {
                licenses::of_account(db, account.as_str(), &filter, cursor, limit, at)
            })
        });
        let (mut all, _) = asked.await?;
        let here = |it: &License| it.container.as_deref().is_none_or(|it| it == self.id);
        all.retain(|it| here(it) && it.state != LicenseState::Retired);
        Ok(all)
    }

    /// Whether its account has, or had, a license of a product, wherever it is.
    async fn account_has(&self, app: &App, product: String) -> Result<bool, Problem> {
        let (account, sequence) = (self.account.clone(), self.sequence);
        let asked = query::ask_slowly(&app.views.licenses, move |db| {
            let filter = Filter { product: Some(&product), ..Filter::default() };
            licenses::of_account(db, account.as_str(), &filter, None, 1, sequence)
        });
        Ok(!asked.await?.items.is_empty())
    }

    /// How commands name these profiles. Refuses those that are not in it: in its group, if there is
    /// one, or else known to the account.
    pub(super) async fn has_profiles(
        &self,
        app: &App,
        profiles: Vec<String>,
    ) -> Result<Vec<Value>, Problem> {
        let (account, sequence) = (self.account.clone(), self.sequence);
        let group = self.has_group.then(|| self.id.clone());
        let asked = query::ask_slowly(&app.views.directory, move |db| {
            let mut holders: Vec<Value> = Vec::with_capacity(profiles.len());
            for profile in profiles {
                let meant = people::meant(db, account.as_str(), &profile, sequence)?;
                let known = meant.known.filter(|it| !it.retired);
                if known.is_none_or(|it| group.as_ref().is_some_and(|of| !it.groups.contains(of))) {
                    return Ok(Err(profile));
                }
                if !holders.contains(&meant.holder) {
                    holders.push(meant.holder);
                }
            }
            Ok(Ok(holders))
        });
        asked.await?.map_err(|strange| not_found("profile", &strange))
    }

    /// Everybody in it, as the directory knows them.
    pub(super) async fn members(&self, app: &App) -> Result<Vec<KnownHolder>, Problem> {
        let (account, sequence) = (self.account.clone(), self.sequence);
        let group = self.has_group.then(|| self.id.clone());
        let asked = query::ask_slowly(&app.views.directory, move |db| {
            let account = account.as_str();
            let Some(group) = group else {
                let filter = directory::HolderFilter { retired: Some(false), ..Default::default() };
                let page = |cursor: Option<&str>, limit, at| {
                    directory::holders(db, account, &filter, cursor, limit, at)
                };
                return Ok(lists::all(sequence, page)?.0);
            };
            let page = |cursor: Option<&str>, limit, at| {
                directory::members(db, account, &group, cursor, limit, at)
            };
            let (members, _) = lists::all(sequence, page)?;
            let known = members.iter().map(|it| people::known(db, account, &it.holder, sequence));
            let known: Vec<_> = known.collect::<Result<_, _>>()?;
            Ok(known.into_iter().flatten().filter(|it| !it.retired).collect())
        });
        let mut members: Vec<KnownHolder> = asked.await?;
        members.retain(|it| it.linked.is_none());
        Ok(members)
    }
}

/// The names of licenses.
pub(super) fn names(licenses: &[License]) -> HashSet<&str> {
    licenses.iter().map(|it| it.license.as_str()).collect()
}
