//! What an organization has of each code.

use std::collections::{BTreeMap, HashMap, HashSet};

use events::AccountId;
use projections::LicenseState;
use projections::directory::{Granted, Group};
use projections::licenses::{self, Filter};
use serde::Serialize;

use super::catalogue;
use crate::facades::lists;
use crate::http::App;
use crate::http::problem::Problem;
use crate::http::query;

/// The codes of what groups give. Of a license that one gives by its name, it is that of the product.
pub(super) struct Codes(HashMap<String, String>);

impl Codes {
    pub(super) async fn of(
        app: &App,
        account: &AccountId,
        groups: impl IntoIterator<Item = &Group>,
        sequence: u64,
    ) -> Result<Codes, Problem> {
        let grants = groups.into_iter().flat_map(|it| &it.grants);
        let named: HashSet<String> =
            grants.filter_map(|it| Some(it.grant.license.as_ref()?.as_str().to_owned())).collect();
        if named.is_empty() {
            return Ok(Codes(HashMap::new()));
        }
        let (view, account) = (&app.views.licenses, account.clone());
        query::reach(view, sequence).await?;
        let asked = query::ask_slowly(view, move |db| {
            let mut codes = HashMap::new();
            for license in named {
                let (found, _) = licenses::one(db, account.as_str(), &license, sequence)?;
                codes.extend(found.map(|it| (license, it.product)));
            }
            Ok(Codes(codes))
        });
        asked.await
    }

    /// The code of one thing that a group gives.
    pub(super) fn code<'a>(&'a self, it: &'a Granted) -> &'a str {
        let named = it.grant.named();
        let license = it.grant.license.as_ref();
        license.and_then(|it| self.0.get(it.as_str())).map_or(named, String::as_str)
    }

    /// The codes of everything that a group gives, each once.
    pub(super) fn all<'a>(&'a self, group: &'a Group) -> Vec<&'a str> {
        let mut all: Vec<&str> = vec![];
        for code in group.grants.iter().map(|it| self.code(it)) {
            if !all.contains(&code) {
                all.push(code);
            }
        }
        all
    }
}

/// All licenses of one code, added up.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Bundle {
    code: String,
    /// Ours: their pages show names beside codes.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'static str>,
    /// Units that are held, or given on to tenants.
    allocated: i64,
    /// Units in all.
    total: i64,
    /// Units that are held.
    in_use: i64,
}

/// What the account itself has as of a sequence, by code. What tenants have is part of it.
pub(super) async fn by_product(
    app: &App,
    account: &AccountId,
    sequence: u64,
) -> Result<Vec<Bundle>, Problem> {
    let (view, account) = (&app.views.licenses, account.clone());
    query::reach(view, sequence).await?;
    let asked = query::ask_slowly(view, move |db| {
        lists::all(sequence, |cursor, limit, at| {
            licenses::of_account(db, account.as_str(), &Filter::default(), cursor, limit, at)
        })
    });
    let (all, _) = asked.await?;
    let mut bundles: BTreeMap<String, Bundle> = BTreeMap::new();
    for it in all {
        if it.parent.is_some() || it.state == LicenseState::Retired {
            continue;
        }
        let bundle = bundles.entry(it.product.clone()).or_insert_with(|| Bundle {
            name: catalogue::name(&it.product),
            code: it.product,
            allocated: 0,
            total: 0,
            in_use: 0,
        });
        bundle.allocated += it.used + it.allocated;
        bundle.total += it.quantity;
        bundle.in_use += it.used;
    }
    Ok(bundles.into_values().collect())
}
