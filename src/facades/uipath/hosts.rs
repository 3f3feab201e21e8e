//! The quantity that a host gives to an organization: events of two accounts, so it takes two steps.
//!
//! The host's own commit keeps the quantity back. The ledger then tells the organization by itself,
//! and the call waits a little for that.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use events::request::Via;
use events::{AccountId, CommandType};
use projections::LicenseState;
use projections::licenses::{self, Filter, Given, GivenState, License};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::services::{Product, Wanted, seconds, start};
use super::{Caller, ORGANIZATION_MEMBER, has_license, without_license};
use crate::auth::Access;
use crate::facades::{body, lists, send};
use crate::http::App;
use crate::http::problem::Problem;
use crate::http::query::{self, Segments};

/// How long a call waits until the organization has what the host gives. Then it is answered with
/// what the host has said.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a path names.
#[derive(Debug, Deserialize)]
pub(super) struct Host {
    #[serde(rename = "hostAccountID")]
    host: String,
    #[serde(rename = "organizationId")]
    organization: String,
}

/// Says how much of each of these codes an organization has from the host. What is left out stays.
pub(super) async fn set(
    caller: Caller,
    State(app): State<App>,
    Segments(path): Segments<Host>,
    headers: HeaderMap,
    sent: Bytes,
) -> Result<Response, Problem> {
    let host = caller.account(&path.host, Access::Command)?;
    let products = body::object::<Wanted>(&sent)?.products("productQuantities")?;
    if products.is_empty() {
        return Err(body::unusable("productQuantities", "at least one is needed"));
    }
    let organization = AccountId::new(path.organization.as_str())
        .map_err(|it| body::unusable("organizationId", &it.to_string()))?;
    if !caller.principal().reaches(&organization) {
        return Err(without_license(&organization).with(ORGANIZATION_MEMBER, path.organization));
    }
    has_license(&app, &host).await?;
    let mut chosen = vec![];
    for it in products {
        let license = source(&app, &host, &organization, &it).await?;
        chosen.push((it, license));
    }
    let step = |(product, license): &(Product, License)| {
        let document = json!({"license": license.license, "receiver": organization.as_str(),
            "quantity": product.quantity});
        json!({"command": "AllocateToAccount", "document": document})
    };
    let document = json!({"commands": chosen.iter().map(step).collect::<Vec<_>>()});
    let to = (caller.principal(), &host, Via::Uipath);
    let done = send(&app, to, &headers, CommandType::ApplyBatch, &document).await;
    let done = done.map_err(body::of_the_call)?;
    let told = outcome(&app, &host, &organization, &chosen).await?;
    let first_to_end =
        chosen.iter().map(|it| &it.1).filter(|it| it.ends_at.is_some()).min_by_key(|it| it.ends_at);
    let starts = chosen.iter().map(|it| start(&it.1)).min();
    Ok(done.answer(&json!({
        "accountId": organization.as_str(), "bundleCode": null,
        "endDate": seconds(first_to_end.and_then(|it| it.ends_at)),
        "gracePeriod": first_to_end.and_then(|it| it.grace_days), "licenseCode": null,
        "licenseStatus": "Active", "products": told, "templates": [],
        "startDate": seconds(starts), "subscriptionCode": null, "subscriptionPlan": null,
        "payload": null, "type": null, "parentLicenseCode": null,
    })))
}

/// What has become of each code, as soon as the organization has said so. One that has what was asked
/// for has it, whatever it refused before.
async fn outcome(
    app: &App,
    host: &AccountId,
    organization: &AccountId,
    chosen: &[(Product, License)],
) -> Result<Vec<Value>, Problem> {
    let deadline = Instant::now() + PATIENCE;
    let mut told = vec![];
    for (product, license) in chosen {
        let given = settled(app, host, &license.license, organization, deadline).await?;
        // None of what it never had any is no change.
        let Some(given) = given else {
            told.push(shown(product, 0));
            continue;
        };
        if given.state == GivenState::Refused && given.quantity != product.quantity {
            let code = given.code.unwrap_or_default();
            let detail = given.detail.unwrap_or_default();
            return Err(Problem::new(409, code, "The organization keeps what it has", detail));
        }
        told.push(shown(product, given.wanted));
    }
    Ok(told)
}

fn shown(product: &Product, quantity: i64) -> Value {
    json!({"code": product.code, "quantity": quantity, "type": null, "features": []})
}

/// The license of a code that is given: the one that the organization has some of already, or else
/// the first to end of those that are the host's own.
async fn source(
    app: &App,
    host: &AccountId,
    organization: &AccountId,
    product: &Product,
) -> Result<License, Problem> {
    let (account, code, receiver) = (host.clone(), product.code.clone(), organization.to_string());
    let now = app.clock.now();
    let asked = query::ask_slowly(&app.views.licenses, move |db| {
        let (mut all, sequence) = lists::all(u64::MAX, |cursor, limit, at| {
            let filter = Filter { product: Some(&code), ..Filter::default() };
            licenses::of_account(db, account.as_str(), &filter, cursor, limit, at)
        })?;
        all.retain(|it| {
            it.parent.is_none() && it.host.is_none() && it.state == LicenseState::Active
        });
        all.retain(|it| it.ends_at.is_none_or(|it| it > now));
        all.sort_by_key(|it| (it.ends_at.is_none(), it.ends_at));
        for (place, it) in all.iter().enumerate() {
            let of = (account.as_str(), it.license.as_str());
            if licenses::given_to(db, of, &receiver, sequence)?.is_some() {
                return Ok(Some(all.swap_remove(place)));
            }
        }
        Ok(all.into_iter().next())
    });
    asked.await?.ok_or_else(|| {
        let detail = format!("{host} has no license of {} in force", product.code);
        Problem::new(409, "no_license_in_force", "No license of the product is in force", detail)
    })
}

/// What an organization has of a license once no transfer is on its way, or when it takes too long;
/// nothing where it was never to have any.
async fn settled(
    app: &App,
    host: &AccountId,
    license: &str,
    organization: &AccountId,
    deadline: Instant,
) -> Result<Option<Given>, Problem> {
    let view = &app.views.licenses;
    let mut reached = view.watch();
    loop {
        let (account, license) = (host.clone(), license.to_owned());
        let receiver = organization.to_string();
        let asked = query::ask_slowly(view, move |db| {
            licenses::given_to(db, (account.as_str(), &license), &receiver, u64::MAX)
        });
        let found = asked.await?;
        if found.as_ref().is_none_or(|it| it.state != GivenState::Pending) {
            return Ok(found);
        }
        let changed = tokio::time::timeout_at(deadline, reached.changed()).await;
        if !matches!(changed, Ok(Ok(()))) {
            return Ok(found);
        }
    }
}
