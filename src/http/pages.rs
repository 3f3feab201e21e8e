//! Pages for people: the API at a glance, and what each code means. No script, nothing from
//! elsewhere, and nothing that came with the request.

use axum::extract::State;
use axum::response::{Html, IntoResponse, Redirect, Response};
use events::malformed::MalformedCode;
use events::{CommandType, Refusal};
use serde_json::Value;

use super::App;
use super::query::{self, Segments};
use crate::describe;

/// Where a browser ends up that was given no path.
const DOCS: &str = "/docs";

/// The root leads to the page of the API. Not for good: browsers remember that, and the port may be
/// another program's tomorrow.
pub(super) async fn root() -> Redirect {
    Redirect::temporary(DOCS)
}

const HEAD: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>seatledger API</title>\
    <style>body{font:16px/1.5 system-ui;max-width:60rem;margin:2rem auto;padding:0 1rem}\
    code{background:#eee;padding:.1em .3em}dt{margin-top:1em}</style>\
    <h1>seatledger API</h1>\
    <p>Everything for programs, each parameter and each member, is in \
    <a href=/openapi.json>/openapi.json</a>. Promises, freshness and the past are explained in \
    docs/api.md of the source, commands in docs/commands.md.\
    <p>How it is: <a href=/v1/status>/v1/status</a>, <a href=/healthz>/healthz</a>, \
    <a href=/readyz>/readyz</a>, <a href=/metrics>/metrics</a>. \
    What it knows: <a href=/v1/accounts>/v1/accounts</a>.";

/// The API at a glance, made from the OpenAPI document: each group with its operations.
pub(super) async fn docs(State(app): State<App>) -> Html<String> {
    let openapi = &app.operator.openapi;
    let mut page = HEAD.to_owned();
    for tag in openapi["tags"].as_array().into_iter().flatten() {
        let said = |member: &str| tag[member].as_str().unwrap_or_default();
        let name = said("name");
        page.push_str(&format!("<h2 id={name}>{name}</h2><p>{}<dl>", said("description")));
        operations(&mut page, openapi, name);
        page.push_str("</dl>");
        if name == "commands" {
            commands(&mut page);
        }
    }
    codes(&mut page);
    page.push_str("</html>");
    Html(page)
}

/// The operations of a group. Those that need nothing and end are links.
fn operations(page: &mut String, openapi: &Value, tag: &str) {
    for (path, methods) in openapi["paths"].as_object().into_iter().flatten() {
        let of_group = |it: &(&String, &Value)| it.1["tags"][0] == tag;
        for (method, it) in methods.as_object().into_iter().flatten().filter(of_group) {
            let summary = it["summary"].as_str().unwrap_or_default();
            let line = format!("<code>{} {path}</code>", method.to_uppercase());
            let leads_on = method == "get" && !path.contains('{') && !path.ends_with("/events");
            let line = if leads_on { format!("<a href={path}>{line}</a>") } else { line };
            page.push_str(&format!("<dt>{line}<dd>{summary}"));
        }
    }
}

/// The types of commands, each with a document that could be posted.
fn commands(page: &mut String) {
    page.push_str("<p>The types of commands, each with a document:<dl>");
    for kind in CommandType::ALL {
        let example = describe::example(*kind);
        page.push_str(&format!("<dt><code>{kind}</code><dd><code>{example}</code>"));
    }
    page.push_str("</dl>");
}

/// All codes of problems, each a link to its page.
fn codes(page: &mut String) {
    page.push_str("<h2 id=codes>codes</h2><p>Why something was not done, each with its page: ");
    let refusals = Refusal::TABLE.iter().map(|it| it.0);
    let malformed = MalformedCode::ALL.into_iter().map(MalformedCode::as_str);
    let others = OTHER_CODES.iter().map(|it| it.0);
    for code in refusals.chain(malformed).chain(others) {
        page.push_str(&format!("<a href=/problems/{code}>{code}</a> "));
    }
}

/// Codes that are neither refusals nor malformed documents, each with what it means.
const OTHER_CODES: &[(&str, &str)] = &[
    ("behind", "The read model has not taken in the sequence that was asked for. Ask again."),
    ("body_too_large", "The body has more bytes than the server takes."),
    ("body_too_slow", "The body did not arrive in time."),
    ("command_not_found", "No outcome is known for this command id."),
    (
        "commands_unavailable",
        "Old commands cannot be looked up, so none can be judged. Send it again.",
    ),
    ("container_not_found", "No container of the account has this name."),
    (
        "clock_fixed",
        "The clock of this ledger is the machine's. `seatledger dev` has one that can be moved.",
    ),
    (
        "clock_not_kept",
        "The file of the clock cannot be written, so the clock is as it was. Have the ledger's directory writable, with room.",
    ),
    (
        "cross_site",
        "A web page of another site asks, or the Host that was asked for is not localhost, 127.0.0.1 or [::1]. Ask from the page's own server; where a proxy stands before the ledger, --public-url says what it is called.",
    ),
    (
        "due_later",
        "The clock is where it was asked to be; what is due until then is still being done. Look at the account's events.",
    ),
    (
        "facade_not_allowed",
        "The key is not for this API. Use one that is for it, or for all of them.",
    ),
    (
        "home_missing",
        "The call names no account, and the token is of every account. Name one, or use a token of one account.",
    ),
    ("internal_error", "A bug. The request id finds it in the server's log."),
    ("invalid_body", "The body is not as the API's document says. The detail names where."),
    ("invalid_parameter", "A parameter of the query or the path is not usable."),
    ("invariant_broken", "A bug was noticed before it was published. Writing has stopped."),
    (
        "log_damaged",
        "The log has a commit that is missing or cannot be read. Writing has stopped; see docs/operating.md.",
    ),
    ("key_contradiction", "The request shows two keys that differ. Show one."),
    ("key_missing", "A key is needed: `Authorization: Bearer slk_…`."),
    (
        "key_not_accepted",
        "The key is mistyped, unknown, revoked or over, or the token is not as it must be; which of these is in the server's log. `seatledger keys create` makes another key.",
    ),
    ("read_model_building", "The read model is new here and is built from the log. Ask again."),
    ("keys_unavailable", "Which keys there are is not known at the moment. Ask again."),
    (
        "foreign_message",
        "A message stands on the log's stream that is none of the ledger's. An operator declares it void; see docs/operating.md.",
    ),
    ("log_full", "The log has reached max_bytes. Raise it, below the disk's size."),
    ("log_rejects", "The NATS server does not take the commit."),
    (
        "log_settings",
        "A setting of the stream would let history be lost. Writing has stopped; see docs/operating.md.",
    ),
    (
        "log_unavailable",
        "The log has not acknowledged a commit for some seconds. Send it again with the same id.",
    ),
    ("log_went_back", "The log is not the one it was. Writing has stopped; see docs/operating.md."),
    ("method_not_allowed", "The path is served, but not with this method."),
    ("metrics_unavailable", "This process keeps no metrics."),
    (
        "nats_disconnected",
        "The ledger has no connection to NATS. It connects by itself; send it again with the same id.",
    ),
    (
        "not_foreign",
        "The messages that were named are not those that stand on the log. /readyz names them.",
    ),
    (
        "not_served",
        "The vendor's API has this call and the ledger does not serve it. The API's document says what is served.",
    ),
    ("not_found", "Nothing is served at this path."),
    (
        "outcome_unknown",
        "It is not known yet whether the command was accepted. Send it again with the same id.",
    ),
    ("overloaded", "Too many commands are waiting. Send it again a little later."),
    ("projector_failed", "A projector ended unexpectedly. Start the ledger again."),
    ("read_model_not_found", "There is no such read model."),
    (
        "queries_waiting",
        "As many long questions as may be are asked of a read model already. Ask again.",
    ),
    (
        "query_timeout",
        "The question took longer than it may, and was broken off. Ask for less, or again.",
    ),
    ("read_model_unavailable", "A read model does not answer. Ask again."),
    ("rebuild_failed", "The rebuild was broken off; the read model in use is as it was."),
    ("record_not_found", "Nothing with this id is known here, or not to this key."),
    (
        "role_not_sufficient",
        "The role of the key does not allow this, or the key is not of every account.",
    ),
    ("starting", "The ledger is still reading its log. Send it again."),
    ("stopping", "The ledger is stopping."),
    ("timeout", "The handler took too long."),
    ("too_many_headers", "The request has more headers than the server takes."),
    (
        "too_many_requests",
        "The key calls too often, or keys were shown too often that are not accepted. Retry-After says when to go on.",
    ),
    ("writer_failed", "The writer ended unexpectedly. Start the ledger again."),
    ("too_many_connections", "The server has as many connections as it takes."),
];

/// What a problem's `type` links to: what its code means and what to do about it.
pub(super) async fn problem_page(Segments(code): Segments<String>) -> Response {
    let refusal = Refusal::TABLE.iter().find(|it| it.0 == code);
    let malformed = MalformedCode::ALL.into_iter().find(|it| it.as_str() == code);
    let other = OTHER_CODES.iter().find(|it| it.0 == code);
    let (code, title, text) = match (refusal, malformed, other) {
        (Some((code, status, title, hint)), _, _) => {
            (*code, *title, format!("HTTP status {status}. What to do: {hint}."))
        }
        (None, Some(it), _) => (
            it.as_str(),
            it.title(),
            "The document is not a command; nothing was judged.".to_owned(),
        ),
        (None, None, Some((code, text))) => (*code, *code, (*text).to_owned()),
        (None, None, None) => {
            let detail = "no page is kept for this code".to_owned();
            return query::not_found("not_found", "Not found", detail).into_response();
        }
    };
    Html(format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>{code}</title>\
         <h1>{title}</h1><p>Code <code>{code}</code>. {text}</html>"
    ))
    .into_response()
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::health::{Hold, STOPS};

    /// The files of a folder and of all below that are not tests.
    fn sources(folder: &Path) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
        let (folders, files): (Vec<_>, Vec<_>) = entries
            .filter(|it| !it.ends_with("tests") && !it.ends_with("tests.rs"))
            .partition(|it| it.is_dir());
        folders.iter().flat_map(|it| sources(it)).chain(files).collect()
    }

    /// The codes that problems are made with in a source, without its tests.
    fn made(source: &str) -> impl Iterator<Item = &str> {
        let code = source.split("#[cfg(test)]").next().unwrap();
        let made = code.split("Problem::new(").skip(1).map(|it| it.split(',').nth(1).unwrap());
        made.filter_map(|it| it.trim().strip_prefix('"')?.strip_suffix('"'))
    }

    #[test]
    fn every_code_of_a_problem_has_a_page() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let sources = sources(&folder).into_iter().map(|it| std::fs::read_to_string(it).unwrap());
        let sources: Vec<String> = sources.collect();
        let said = sources.iter().flat_map(|it| made(it));
        let said = said.chain(STOPS).chain(Hold::ALL.iter().map(|it| it.code()));
        let has_page = |code: &&str| {
            Refusal::TABLE.iter().any(|it| it.0 == *code)
                || MalformedCode::ALL.into_iter().any(|it| it.as_str() == *code)
                || OTHER_CODES.iter().any(|it| it.0 == *code)
        };
        let (with, without): (Vec<&str>, Vec<&str>) = said.partition(has_page);
        assert!(with.len() > 50, "{with:?}");
        assert_eq!(without, [] as [&str; 0]);
    }
}
