//! What an organization has of each code.

use std::collections::BTreeMap;

use events::AccountId;
use projections::LicenseState;
use projections::licenses::{self, Filter};
use serde::Serialize;

use super::catalogue;
use crate::facades::lists;
use crate::http::App;
use crate::http::problem::Problem;
use crate::http::query;

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
