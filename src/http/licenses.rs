//! Licenses, and their usage over time.

use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::ETAG;
use axum::response::Response;
use events::Moment;
use projections::licenses::{self, Bucket, Filter, Given, License, Window};
use projections::{LicenseState, Page, refusals};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::App;
use super::native::{self, Caller};
use super::problem::Problem;
use super::query::{self, AsOfParams, AsOfSequence, DayEdge, PageParams, Params, Segments};
use crate::auth::Access;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListParams {
    /// Only of this product
    product: Option<String>,
    /// Only of this container
    container: Option<String>,
    /// Only in this state
    state: Option<LicenseState>,
    /// Only with this external id
    external_id: Option<String>,
    /// Only with this in their name
    name: Option<String>,
    /// Where to go on: `next` of the page before
    cursor: Option<String>,
    /// Items of the page, 1 to 1,000; 100 when absent
    limit: Option<usize>,
    /// As of a sequence, an RFC 3339 time, or the end of a day (UTC)
    at: Option<String>,
    /// Wait until this sequence is taken in
    min_sequence: Option<u64>,
}

/// Licenses of an account, by name
#[utoipa::path(
    get, path = "/v1/accounts/{account}/licenses",
    tag = "read", operation_id = "list_licenses",
    params(("account" = String, Path, description = "Of which account"), ListParams),
    responses(
        (status = 200, description = "A page of licenses", body = Page<License>),
        (status = 400, description = "A parameter is not usable", body = super::ProblemDocument),
        (status = 404, description = "There is no such account", body = super::ProblemDocument),
        (status = 503, description = "Not there yet", body = super::ProblemDocument)
    )
)]
pub(super) async fn list(
    caller: Caller,
    State(app): State<App>,
    Segments(account): Segments<String>,
    Params(params): Params<ListParams>,
) -> Result<Response, Problem> {
    let name = native::account(&caller, &account, Access::Read)?;
    let view = &app.views.licenses;
    let as_of = query::as_of(&app, view, params.at.as_deref(), params.min_sequence).await?;
    let limit = query::limit(params.limit)?;
    let asked = query::ask_slowly(view, move |db| {
        let filter = Filter {
            product: params.product.as_deref(),
            container: params.container.as_deref(),
            state: params.state,
            external_id: params.external_id.as_deref(),
            name: params.name.as_deref(),
            ..Filter::default()
        };
        let cursor = params.cursor.as_deref();
        let page = licenses::of_account(db, name.as_str(), &filter, cursor, limit, as_of.sequence)?;
        let known =
            !page.items.is_empty() || licenses::account_exists(db, name.as_str(), as_of.sequence)?;
        Ok((page, known))
    });
    let (page, known) = asked.await?;
    match known {
        true => query::answer(as_of, page.sequence, &page),
        false => Err(super::accounts::unknown(&account)),
    }
}

/// One license, with its seats
#[utoipa::path(
    get, path = "/v1/accounts/{account}/licenses/{license}",
    tag = "read", operation_id = "get_license",
    params(
        ("account" = String, Path, description = "Of which account"),
        ("license" = String, Path, description = "Which license"),
        AsOfParams
    ),
    responses(
        (status = 200, description = "The license; ETag is the last sequence that changed it", body = AsOfSequence<License>),
        (status = 400, description = "A parameter is not usable", body = super::ProblemDocument),
        (status = 404, description = "There is no such license", body = super::ProblemDocument),
        (status = 503, description = "Not there yet", body = super::ProblemDocument)
    )
)]
pub(super) async fn one(
    caller: Caller,
    State(app): State<App>,
    Segments((account, license)): Segments<(String, String)>,
    Params(params): Params<AsOfParams>,
) -> Result<Response, Problem> {
    let name = native::account(&caller, &account, Access::Read)?;
    let view = &app.views.licenses;
    let as_of = query::as_of(&app, view, params.at.as_deref(), params.min_sequence).await?;
    let (found, sequence) =
        query::ask(view, |db| licenses::one(db, name.as_str(), &license, as_of.sequence))?;
    let item = found.ok_or_else(|| unknown(&account, &license))?;
    let tag = format!("\"{}\"", item.changed_sequence);
    let mut response = query::answer(as_of, sequence, &AsOfSequence { item, sequence })?;
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(ETAG, tag);
    }
    Ok(response)
}

/// There is no such license.
pub(super) fn unknown(account: &str, license: &str) -> Problem {
    query::not_found(
        "license_not_found",
        "There is no such license",
        format!("there is no license {license} in {account}"),
    )
    .hint("list the licenses of the account, or allocate it first")
}

/// What other accounts have of a license, or had, by account
#[utoipa::path(
    get, path = "/v1/accounts/{account}/licenses/{license}/allocations",
    tag = "read", operation_id = "list_license_allocations",
    params(
        ("account" = String, Path, description = "The account that gives"),
        ("license" = String, Path, description = "Of which license"),
        PageParams
    ),
    responses(
        (status = 200, description = "A page of accounts, each with what it has", body = Page<Given>),
        (status = 400, description = "A parameter is not usable", body = super::ProblemDocument),
        (status = 404, description = "There is no such license", body = super::ProblemDocument),
        (status = 503, description = "Not there yet", body = super::ProblemDocument)
    )
)]
pub(super) async fn given(
    caller: Caller,
    State(app): State<App>,
    Segments((account, license)): Segments<(String, String)>,
    Params(params): Params<PageParams>,
) -> Result<Response, Problem> {
    let name = native::account(&caller, &account, Access::Read)?;
    let view = &app.views.licenses;
    let as_of = query::as_of(&app, view, params.at.as_deref(), params.min_sequence).await?;
    let (limit, wanted) = (query::limit(params.limit)?, license.clone());
    let asked = query::ask_slowly(view, move |db| {
        let (name, cursor) = (name.as_str(), params.cursor.as_deref());
        let page = licenses::given(db, name, &wanted, cursor, limit, as_of.sequence)?;
        let known =
            !page.items.is_empty() || licenses::one(db, name, &wanted, as_of.sequence)?.0.is_some();
        Ok((page, known))
    });
    let (page, known) = asked.await?;
    match known {
        true => query::answer(as_of, page.sequence, &page),
        false => Err(unknown(&account, &license)),
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct UsageParams {
    /// From here: a time, or the start of a day (UTC); 30 days ago when absent
    from: Option<String>,
    /// To here: a time, or the end of a day (UTC); now when absent
    to: Option<String>,
    /// How long a bucket is; a day when absent
    #[param(inline)]
    window: Option<Window>,
    /// As of a sequence, an RFC 3339 time, or the end of a day (UTC)
    at: Option<String>,
    /// Wait until this sequence is taken in
    min_sequence: Option<u64>,
}

/// Usage of a license over time.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Usage {
    /// Which license
    license: String,
    /// From here, inclusive
    from: Moment,
    /// To here, exclusive
    to: Moment,
    /// The buckets, in order
    items: Vec<UsageBucket>,
    /// The sequence as of which this holds
    sequence: u64,
}

/// Usage in one stretch of time.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UsageBucket {
    #[serde(flatten)]
    bucket: Bucket,
    /// Commands about this license that were refused in it
    refusals: u64,
    /// Those of them for want of a free seat
    no_free_seat: u64,
}

/// Days that are shown unless asked for.
const DAYS_DEFAULT: i64 = 30;

const DAY_MS: i64 = 86_400_000;

/// Usage of a license over time
#[utoipa::path(
    get, path = "/v1/accounts/{account}/licenses/{license}/usage",
    tag = "read", operation_id = "get_usage",
    params(
        ("account" = String, Path, description = "Of which account"),
        ("license" = String, Path, description = "Which license"),
        UsageParams
    ),
    responses(
        (status = 200, description = "Seats used, bucket by bucket", body = Usage),
        (status = 400, description = "A parameter is not usable", body = super::ProblemDocument),
        (status = 404, description = "There was no such license", body = super::ProblemDocument),
        (status = 503, description = "Not there yet", body = super::ProblemDocument)
    )
)]
pub(super) async fn usage(
    caller: Caller,
    State(app): State<App>,
    Segments((account, license)): Segments<(String, String)>,
    Params(params): Params<UsageParams>,
) -> Result<Response, Problem> {
    let name = native::account(&caller, &account, Access::Read)?;
    let view = &app.views.licenses;
    let as_of = query::as_of(&app, view, params.at.as_deref(), params.min_sequence).await?;
    let to = match &params.to {
        Some(text) => query::moment("to", text, DayEdge::Next)?,
        None => as_of.moment,
    };
    // What has not happened yet was not used.
    let to = to.min(app.clock.now()).min(as_of.moment);
    let from = match &params.from {
        Some(text) => query::moment("from", text, DayEdge::Start)?,
        None => Moment::from_millis(to.millis() - DAYS_DEFAULT * DAY_MS),
    };
    if from >= to {
        return Err(query::invalid("from", &format!("{from} is not before {to}")));
    }
    let window = params.window.unwrap_or(Window::Day);
    let wanted = (name.clone(), license.clone());
    let asked = query::ask_slowly(view, move |db| {
        licenses::usage(db, wanted.0.as_str(), &wanted.1, (from, to), window, as_of.sequence)
    });
    let (buckets, sequence) = asked.await?;
    let buckets = buckets.ok_or_else(|| unknown(&account, &license))?;
    let times: Vec<_> = buckets.iter().map(|it| (it.from, it.to)).collect();
    let counted = license.clone();
    let counts = query::ask_slowly(&app.views.refusals, move |db| {
        refusals::counts(db, name.as_str(), &counted, &times)
    });
    let items = buckets.into_iter().zip(counts.await?);
    let items = items
        .map(|(bucket, it)| UsageBucket {
            bucket,
            refusals: it.refused,
            no_free_seat: it.no_free_seat,
        })
        .collect();
    query::answer(as_of, sequence, &Usage { license, from, to, items, sequence })
}
