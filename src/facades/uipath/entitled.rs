//! May this user use these?

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use events::limits::ITEMS_MAX;
use events::{AccountId, Email, Holder};
use projections::checks::{self, Question};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Account, Caller};
use crate::auth::Access;
use crate::facades::{body, people};
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
    let (user, email) = asked_about(&app, &account, &who, as_of.sequence).await?;
    let named = account.clone();
    let answered = query::ask_slowly(view, move |db| {
        let (user, email) = (Some(user.as_str()), email.as_ref().map(Email::as_str));
        let ask = names.iter().map(|it| Question {
            user,
            email,
            product: Some(it),
            ..Question::default()
        });
        let questions: Vec<Question<'_>> = ask.collect();
        let account = named.as_str();
        let told = checks::check_many(db, account, &questions, as_of.sequence, as_of.moment)?;
        Ok((names, told))
    });
    let (names, (verdicts, sequence)) = answered.await?;
    if verdicts.iter().all(|it| !it.allowed) {
        super::is_licensed(&app, &account, who.min_sequence).await?;
    }
    let told = names.into_iter().zip(verdicts).map(|(name, it)| (name, Value::from(it.allowed)));
    query::answer(as_of, sequence, &json!({"isEntitled": told.collect::<Map<_, _>>()}))
}

/// The user who is asked about, and the address if it is nothing but one: then there is no user of
/// that id, and the check is about the address.
async fn asked_about(
    app: &App,
    account: &AccountId,
    who: &Who,
    at: u64,
) -> Result<(String, Option<Email>), Problem> {
    let id = who.user.clone();
    if !people::may_be_address(&id) {
        return Ok((id, None));
    }
    let view = &app.views.directory;
    query::as_of(app, view, who.at.as_deref(), who.min_sequence).await?;
    let (meant, account) = (id.clone(), account.clone());
    let asked = query::ask_slowly(view, move |db| {
        Ok(people::meant(db, account.as_str(), &meant, at)?.known.map(|it| it.holder))
    });
    Ok(match asked.await? {
        Some(Holder { user: Some(user), .. }) => (user.as_str().to_owned(), None),
        Some(Holder { user: None, email }) => (id, email),
        None => (id, None),
    })
}
