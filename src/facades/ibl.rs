//! The catalog licenses of ibl.ai: every call of it, over this ledger.
//!
//! Reading order: [`call`] (what a handler is given), [`receipt`] (what every answer carries),
//! [`kind`] (which product is of which kind), [`licenses`], [`assignments`], [`groups`] and [`check`]
//! (the calls), [`shown`] (what they answer), [`failure`] (what they answer when it is not done). What
//! is served and by what evidence stands in `docs/compat/ibl.md`.

mod assignments;
mod body;
mod call;
mod check;
mod command;
mod failure;
mod groups;
mod kind;
mod licenses;
mod members;
mod pages;
mod pairs;
mod people;
mod rate;
mod reader;
mod receipt;
mod shown;
mod staying;

use axum::Router;
use axum::extract::{Request, State};
use axum::routing::{any, delete, get, post};

use crate::http::App;

pub(crate) use check::Checking;
pub use check::{Check, Options};
use kind::Kind;

/// Where all of it is: by itself, and behind the prefix of the vendor's gateway.
const BASES: [&str; 2] = ["/api/catalog/licenses", "/dm/api/catalog/licenses"];

/// Every call. A path ends in a slash, as the vendor's do.
pub(crate) fn router() -> Router<App> {
    let mut router = Router::new();
    for base in BASES {
        let check = format!("{base}/user/assignment/check/");
        let rest = format!("{base}/{{*rest}}");
        router = router.route(&check, get(check::ask)).route(&rest, any(receipt::not_found));
        for end in ["", "/"] {
            router = router.route(&[base, end].concat(), any(receipt::not_found));
        }
        router = Kind::ALL.into_iter().fold(router, |router, kind| calls(router, base, kind));
    }
    router.method_not_allowed_fallback(receipt::not_allowed)
}

/// The calls about licenses of a kind.
fn calls(router: Router<App>, base: &str, kind: Kind) -> Router<App> {
    use receipt::{asked, ordered, sent};
    type Asks = State<App>;
    let at = |rest: &str| format!("{base}/{kind}/{rest}");
    let list = get(move |State(app): Asks, it: Request| {
        asked(app, it, move |call| licenses::list(kind, call))
    });
    let create = post(move |State(app): Asks, it: Request| {
        sent(app, it, move |sent| licenses::create(kind, sent))
    });
    let update = post(move |State(app): Asks, it: Request| {
        sent(app, it, move |sent| licenses::update(kind, sent))
    });
    let router =
        router.route(&at(""), list).route(&at("create/"), create).route(&at("update/"), update);
    if kind == Kind::Platform {
        return router;
    }
    let list = get(move |State(app): Asks, it: Request| {
        asked(app, it, move |call| assignments::list(kind, call))
    });
    let upsert = post(move |State(app): Asks, it: Request| {
        sent(app, it, move |sent| assignments::upsert(kind, sent))
    });
    let remove = delete(move |State(app): Asks, it: Request| {
        ordered(app, it, move |call| assignments::remove(kind, call))
    });
    let groups = get(move |State(app): Asks, it: Request| {
        asked(app, it, move |call| groups::list(kind, call))
    });
    let give = post(move |State(app): Asks, it: Request| {
        sent(app, it, move |sent| groups::upsert(kind, sent))
    });
    let take = delete(move |State(app): Asks, it: Request| {
        ordered(app, it, move |call| groups::remove(kind, call))
    });
    router
        .route(&at("assignment/"), list.merge(upsert).merge(remove))
        .route(&at("assignment/group/"), groups.merge(give).merge(take))
}
