//! May this user use these?

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use events::limits::ITEMS_MAX;
use projections::checks::{self, Question};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Account, Caller};
use crate::auth::Access;
use crate::facades::body;
use crate::http::App;
use crate::http::problem::Problem;
use crate::http::query::{self, Params, Segments};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Asked {
    entitlement_names: Vec<String>,
}

/// Who is asked about, and as of when.
#[derive(Debug, Deserialize)]
pub(super) struct Who {
    #[serde(rename = "userId")]
    user: String,
    at: Option<String>,
    min_sequence: Option<u64>,
}

/// Says of each name whether the user may use it.
pub(super) async fn ask(
    caller: Caller,
    State(app): State<App>,
    Segments(path): Segments<Account>,
    Params(who): Params<Who>,
    sent: Bytes,
) -> Result<Response, Problem> {
    let account = caller.account(&path.account_id, Access::Read)?;
    body::name("userId", &who.user)?;
    let asked: Asked = body::object(&sent)?;
    let names = body::names("EntitlementNames", &asked.entitlement_names, ITEMS_MAX)?;
    let view = &app.views.checks;
    let as_of = query::as_of(&app, view, who.at.as_deref(), who.min_sequence).await?;
    let answered = query::ask_slowly(view, move |db| {
        let user = Some(who.user.as_str());
        let ask =
            names.iter().map(|it| Question { user, product: Some(it), ..Question::default() });
        let questions: Vec<Question<'_>> = ask.collect();
        let account = account.as_str();
        let told = checks::check_many(db, account, &questions, as_of.sequence, as_of.moment)?;
        Ok((names, told))
    });
    let (names, (verdicts, sequence)) = answered.await?;
    let told = names.into_iter().zip(verdicts).map(|(name, it)| (name, Value::from(it.allowed)));
    query::answer(as_of, sequence, &json!({"isEntitled": told.collect::<Map<_, _>>()}))
}
