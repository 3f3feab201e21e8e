//! The catalog licenses of ibl.ai: every call of it, over this ledger.
//!
//! Reading order: [`call`] (what a handler is given), [`kind`] (which product is of which kind),
//! [`licenses`], [`assignments`], [`groups`] and [`check`] (the calls), [`shown`] (what they answer),
//! [`failure`] (what they answer when it is not done). What is served and by what evidence stands in
//! `docs/compat/ibl.md`.

mod assignments;
mod body;
mod call;
mod check;
mod command;
mod failure;
mod given;
mod groups;
mod kind;
mod licenses;
mod members;
mod pages;
mod pairs;
mod people;
mod rate;
mod shown;

use axum::Router;
use axum::routing::{get, post};

use crate::http::App;

pub(crate) use check::Checking;
pub use check::Options;
use kind::Kind;

/// Where all of it is.
const BASE: &str = "/api/catalog/licenses";

/// Every call. A path ends in a slash, as the vendor's do.
pub(crate) fn router() -> Router<App> {
    let mut router =
        Router::new().route(&format!("{BASE}/user/assignment/check/"), get(check::ask));
    for kind in Kind::ALL {
        let at = |rest: &str| format!("{BASE}/{kind}/{rest}");
        router = router
            .route(&at(""), get(move |call| licenses::list(kind, call)))
            .route(&at("create/"), post(move |sent| licenses::create(kind, sent)))
            .route(&at("update/"), post(move |sent| licenses::update(kind, sent)));
        if kind == Kind::Platform {
            continue;
        }
        router = router
            .route(
                &at("assignment/"),
                get(move |call| assignments::list(kind, call))
                    .post(move |sent| assignments::upsert(kind, sent))
                    .delete(move |call| assignments::remove(kind, call)),
            )
            .route(
                &at("assignment/group/"),
                get(move |call| groups::list(kind, call))
                    .post(move |sent| groups::upsert(kind, sent))
                    .delete(move |call| groups::remove(kind, call)),
            );
    }
    router
}
