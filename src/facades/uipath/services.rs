//! The quantity that a service of a tenant has.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use events::limits::{PRODUCTS_MAX, QUANTITY_MAX};
use events::request::Via;
use events::{CommandType, Moment};
use projections::licenses::{self, Filter, License};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Caller, has_license};
use crate::auth::Access;
use crate::facades::{body, lists, send};
use crate::http::App;
use crate::http::problem::Problem;
use crate::http::query::{self, Segments};

/// What a path names.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Service {
    account_id: String,
    service_scope_id: String,
    service_type: String,
}

/// Their schema says `products`, their example `productQuantities`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Wanted {
    products: Option<Vec<Product>>,
    product_quantities: Option<Vec<Product>>,
}

#[derive(Deserialize)]
pub(super) struct Product {
    pub(super) code: String,
    #[serde(deserialize_with = "body::whole")]
    pub(super) quantity: i64,
}

impl Wanted {
    /// How much of what: each code once, each quantity one that there can be. `named` is what their
    /// page calls the list.
    pub(super) fn products(self, named: &str) -> Result<Vec<Product>, Problem> {
        let (member, products) = match (self.products, self.product_quantities) {
            (Some(products), None) => ("products", products),
            (None, Some(products)) => ("productQuantities", products),
            (Some(_), Some(_)) => {
                return Err(body::unusable("productQuantities", "products says the same already"));
            }
            (None, None) => return Err(body::unusable(named, "it is missing")),
        };
        let codes: Vec<String> = products.iter().map(|it| it.code.clone()).collect();
        if body::names(member, &codes, PRODUCTS_MAX)?.len() < codes.len() {
            return Err(body::unusable(member, "a code stands twice"));
        }
        for (place, it) in products.iter().enumerate() {
            if !(0..=QUANTITY_MAX).contains(&it.quantity) {
                let reason = format!("{} is not in 0 to {QUANTITY_MAX}", it.quantity);
                return Err(body::unusable(&format!("{member}[{place}].quantity"), &reason));
            }
        }
        Ok(products)
    }
}

/// Says everything that a service has. What is left out becomes zero.
pub(super) async fn set(
    caller: Caller,
    State(app): State<App>,
    Segments(path): Segments<Service>,
    headers: HeaderMap,
    sent: Bytes,
) -> Result<Response, Problem> {
    let account = caller.account(&path.account_id, Access::Command)?;
    let tenant = &path.service_scope_id;
    let container = format!("{tenant}/{}", path.service_type);
    body::name("serviceScopeId", tenant)?;
    body::name("serviceType", &container)?;
    let wanted = body::object::<Wanted>(&sent)?.products("products")?;
    // Of what there shall be none is left out: that is how a code is zero, be it known or not.
    let some = wanted.iter().filter(|it| it.quantity > 0);
    let quantities: Vec<Value> =
        some.map(|it| json!({"product": it.code, "quantity": it.quantity})).collect();
    has_license(&app, &account).await?;
    let document = json!({"allocations": [
        {"container": container, "within": tenant, "through": true, "quantities": quantities}]});
    let to = (caller.principal(), &account, Via::Uipath);
    let done = send(&app, to, &headers, CommandType::SetAllocations, &document).await?;
    let view = &app.views.licenses;
    query::reach(view, done.sequence).await?;
    let (named, at) = (account.clone(), done.sequence);
    let asked = query::ask_slowly(view, move |db| {
        lists::all(at, |cursor, limit, at| {
            let filter = Filter { container: Some(&container), ..Filter::default() };
            licenses::of_account(db, named.as_str(), &filter, cursor, limit, at)
        })
    });
    let (mut parts, _) = asked.await?;
    parts.retain(|it| it.quantity > 0);
    Ok(done.answer(&json!({
        "accountId": account.as_str(), "serviceScopeId": tenant, "serviceType": path.service_type,
        "license": license(&parts), "userLicensingEnabled": true, "accountLicenseCode": null,
    })))
}

/// All parts of a service, as the one license that their document shows. What the ledger does not
/// know of is `null`.
fn license(parts: &[License]) -> Value {
    let product = |it: &License| json!({"code": it.product, "quantity": it.quantity, "type": null, "features": []});
    let starts = parts.iter().map(start).min();
    let first_to_end = parts.iter().filter(|it| it.ends_at.is_some()).min_by_key(|it| it.ends_at);
    json!({
        "licenseCode": null, "bundleCode": null, "subscriptionCode": null,
        "licenseStatus": "Active", "startDate": seconds(starts),
        "endDate": seconds(first_to_end.and_then(|it| it.ends_at)),
        "gracePeriod": first_to_end.and_then(|it| it.grace_days),
        "products": parts.iter().map(product).collect::<Vec<_>>(), "templates": [],
        "payload": null, "boonLicenseCode": null,
    })
}

/// Since when a license is there to be used: one without a start of its own, since it was allocated.
pub(super) fn start(license: &License) -> Moment {
    license.starts_at.unwrap_or(license.allocated_at)
}

/// A moment as their license objects have it.
pub(super) fn seconds(moment: Option<Moment>) -> Option<i64> {
    moment.map(|it| it.millis().div_euclid(1_000))
}
